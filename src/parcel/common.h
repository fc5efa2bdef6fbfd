/**
 * What two polygons have in common: areas without pieces, and pieces that no one has to node.
 *
 * The boundary of what two polygons share is what of either boundary lies within the other, and an
 * area is a sum over a boundary: edges are cut where they cross and added up. Sides are exact, and
 * the second of two is thought moved by next to nothing (tb_side), so no corner lies on an edge and
 * no edge along one; what does, shares no ground. Where an answer could still be wrong, because
 * crossings lie so close that rounding may have turned their order, it is not given, and GEOS is to
 * be asked.
 */
#ifndef TUBAN_PARCEL_COMMON_H
#define TUBAN_PARCEL_COMMON_H

#include "parcel/rings.h"

/** The borders of what two polygons share, and what it takes to find them. Zero is empty; may be
 * used again and again; free with tb_common_reset. Threads: one caller per object. */
typedef struct tb_common {
    tb_point            origin;
    struct tb_near     *near;
    struct tb_near_run *run;
    struct tb_meeting  *meeting;
    struct tb_place_on *order[2]; /* of the meetings, along the edges of either */
    size_t             *starts;   /* one a meeting: the stretch that begins there */
    struct tb_stretch  *stretch;
    size_t near_capacity, run_capacity, meeting_capacity, order_capacity[2], starts_capacity,
        stretch_capacity;
    size_t near_count, run_count, meeting_count, stretch_count;
    bool   is_all; /**< it is all of the first */
} tb_common;

void tb_common_reset(tb_common *common);

/**
 * Finds what two polygons share.
 * @param is_sure  false: nothing can be said.
 * @return TB_E_MEMORY.
 * Cost: O(edges) and the pairs of edges whose boxes may meet; some 3 µs for two of 40 edges.
 */
tb_status tb_common_find(tb_common *common, const tb_rings *first, const tb_rings *second,
                         bool *is_sure, tb_error *err);

/** Its area, m². */
double tb_common_area(const tb_common *common);

/** Its area and that of rings with the longitudes of their edges, however these are cut: m² that
 * add up (tb_area_along_edge). */
double tb_common_area_along(const tb_common *common);
double tb_rings_area_along(const tb_rings *rings);

/** Replaces rings by its outline; to be asked once after tb_common_find. @return TB_E_MEMORY. */
tb_status tb_common_outline(tb_common *common, tb_rings *out, bool *is_sure, tb_error *err);

/** What an overlay works in and the next one can use again. */
typedef struct tb_bench {
    tb_common common;
    tb_rings  outside, outline;
} tb_bench;

/** The bench of a context, which it makes when it is first asked for. @return TB_E_MEMORY. */
tb_status tb_bench_of(tb_geos *geos, tb_bench **out, tb_error *err);
void      tb_bench_free(tb_bench *bench);

#endif
