/**
 * Polygons as closed rings outside GEOS.
 */
#ifndef TUBAN_PARCEL_RINGS_H
#define TUBAN_PARCEL_RINGS_H

#include "parcel/geos.h"
#include "parcel/sides.h"

/** Edges that have a box around them: most lie apart from what is asked about. */
enum { TB_PART = 8 };

typedef struct tb_contour {
    size_t first, edges; /**< of the points: edges + 1 of them, the last is the first again */
    size_t part; /**< the first of its parts, of TB_PART edges each; the last may have less */
} tb_contour;

/** Closed rings, the ground to the left of each. Zero is empty; free with tb_rings_reset. */
typedef struct tb_rings {
    tb_point   *points;
    tb_contour *ring;
    tb_box     *part;
    size_t      point_count, point_capacity, count, capacity, part_count, part_capacity;
    tb_box      box;
    bool        is_inverse; /**< the ground is all around, without end */
} tb_rings;

void tb_rings_reset(tb_rings *rings);

/** The edges of a part, k-th of a ring: [*from, the result). */
static inline size_t tb_part_edges(const tb_contour *ring, size_t k, size_t *from)
{
    *from = TB_PART * k;
    return *from + TB_PART < ring->edges ? *from + TB_PART : ring->edges;
}

static inline size_t tb_part_count(size_t edges)
{
    return (edges + TB_PART - 1) / TB_PART;
}

/**
 * Replaces rings by those of valid polygons.
 * @param is_sure  false: not polygons, or so thin that their turn is in doubt.
 * @return TB_E_MEMORY.
 */
tb_status tb_rings_load(const tb_geos *geos, const GEOSGeometry *geometry, tb_rings *out,
                        bool *is_sure, tb_error *err);

/** Bytes of a copy in one piece. */
size_t tb_rings_packed_bytes(const tb_rings *rings);

/** Makes one, which cannot grow, in so many bytes of memory, aligned for anything. Parts that are
 * not there are found. */
tb_rings *tb_rings_pack_into(void *memory, const tb_rings *rings);

/** Returns one; free with tb_free. @return TB_E_MEMORY. */
tb_status tb_rings_pack(const tb_rings *rings, tb_rings **out, tb_error *err);

/** Turns a closed ring so that the ground is to its left. @return false: its turn is in doubt. */
bool tb_ring_turn_left(tb_point *points, size_t count, bool *is_turned);

/** The same points the other way round. */
void tb_ring_turn_back(tb_point *points, size_t count);

/** The box of a geometry that is not empty. */
tb_box tb_box_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry);

/** Replaces rings by those of all ground outside of others; they may be the second of two that
 * tb_common_find is asked of. @return TB_E_MEMORY. */
tb_status tb_rings_invert(const tb_rings *of, tb_rings *out, tb_error *err);

/** Empties rings, which keep their room. */
void tb_rings_clear(tb_rings *rings);

/** Closes the points since `first` to a ring, corners that repeat left out. @return TB_E_MEMORY. */
tb_status tb_rings_close(tb_rings *to, size_t first, tb_error *err);

/** Whether a point lies within; the rings or the point are thought moved (tb_side). */
tb_certainty tb_rings_hold(const tb_rings *rings, tb_point p, bool point_moved);

/** Grows an array of `size` bytes each to hold `needed`, by doubling. @return TB_E_MEMORY. */
tb_status tb_rings_make_room(void *array, size_t needed, size_t *capacity, size_t size,
                             tb_error *err);

#endif
