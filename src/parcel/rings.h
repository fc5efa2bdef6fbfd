/**
 * Polygons as closed rings outside GEOS, and what two of them have in common: areas without pieces,
 * and pieces that no one has to node.
 *
 * The boundary of what two polygons share is what of either boundary lies within the other, and an
 * area is a sum over a boundary: edges are cut where they cross and added up. Sides are exact, and
 * the second of two is thought moved by next to nothing (tb_side), so no corner lies on an edge and
 * no edge along one; what does, shares no ground. Where an answer could still be wrong, because
 * crossings lie so close that rounding may have turned their order, it is not given, and GEOS is to
 * be asked.
 */
#ifndef TUBAN_PARCEL_RINGS_H
#define TUBAN_PARCEL_RINGS_H

#include "parcel/geos.h"
#include "parcel/sides.h"

typedef struct tb_ring {
    size_t first, edges; /**< of the points: edges + 1 of them, the last is the first again */
} tb_ring;

/** Closed rings, the ground to the left of each. Zero is empty; free with tb_rings_reset. */
typedef struct tb_rings {
    tb_point *points;
    tb_ring  *ring;
    size_t    point_count, point_capacity, count, capacity;
    tb_box    box;
    bool      is_inverse; /**< the ground is all around, without end */
} tb_rings;

void tb_rings_reset(tb_rings *rings);

/**
 * Replaces rings by those of valid polygons.
 * @param is_sure  false: not polygons, or so thin that their turn is in doubt.
 * @return TB_E_MEMORY.
 */
tb_status tb_rings_load(const tb_geos *geos, const GEOSGeometry *geometry, tb_rings *out,
                        bool *is_sure, tb_error *err);

/** Replaces rings by those of all ground outside of others; they may be the second of two that
 * tb_common_find is asked of. @return TB_E_MEMORY. */
tb_status tb_rings_invert(const tb_rings *of, tb_rings *out, tb_error *err);

/**
 * Whether two valid polygons are sure to share no ground: their edges are common to both, in
 * opposite ways, or clear of each other, and none lies within the other. False where that is in
 * doubt.   Cost: the pairs of edges where their boxes meet; 1 µs for neighbours.
 */
bool tb_rings_are_apart(const tb_rings *a, const tb_rings *b);

/** The borders of what two polygons share, and what it takes to find them. Zero is empty; may be
 * used again and again; free with tb_common_reset. Threads: one caller per object. */
typedef struct tb_common {
    tb_point            origin;
    struct tb_near     *near;
    struct tb_meeting  *meeting;
    struct tb_place_on *order[2]; /* of the meetings, along the edges of either */
    size_t             *starts;   /* one a meeting: the stretch that begins there */
    struct tb_stretch  *stretch;
    size_t near_capacity, meeting_capacity, order_capacity[2], starts_capacity, stretch_capacity;
    size_t meeting_count, stretch_count;
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

/** Replaces rings by its outline; to be asked once after tb_common_find. @return TB_E_MEMORY. */
tb_status tb_common_outline(tb_common *common, tb_rings *out, bool *is_sure, tb_error *err);

#endif
