/**
 * How far each place of a shape's boundary may move without meeting another: see outline.h.
 *
 * A place is a corner of the lattice on a ring of the shape; they lie a pixel side apart.
 */
#ifndef TUBAN_REGION_ROOM_H
#define TUBAN_REGION_ROOM_H

#include "region/trace.h"

/** Kinds of room: the nearest place of another turn lies 0, 1, the root of 2, or 2 or more away. */
enum { TB_ROOM_NONE, TB_ROOM_SIDE, TB_ROOM_DIAGONAL, TB_ROOM_FULL, TB_ROOMS };

/** Pixel sides along a ring: so near, places are one turn of it. */
enum { TB_ROOM_BESIDE = 3 };

/** A place of the boundary in a row of the lattice. */
typedef struct tb_room_entry {
    int32_t  x;
    uint32_t place; /**< of all rings, or of none that is the shape's */
} tb_room_entry;

/** The places of a shape; all zero is an empty workspace. */
typedef struct tb_room {
    tb_corner *places;  /**< of all rings, one ring after the other */
    uint8_t   *least;   /**< the kind of room of each place and those beside it, the least */
    size_t    *lengths; /**< of each ring, in pixel sides */
    size_t     longest; /**< of them */

    uint8_t       *kinds; /* of each place alone */
    size_t         place_capacity, length_capacity;
    tb_room_entry *entries; /* by (y, x) */
    size_t         entry_capacity;
    size_t        *rows; /* the first entry of each row */
    size_t         row_capacity;
} tb_room;

void tb_room_reset(tb_room *room);

/**
 * Lists the places of a shape and finds the room each has.
 * @param nearby  pixels of other components, as tb_outline_simplify takes them.
 * @return TB_OK; TB_E_MEMORY; TB_E_INPUT when the shape is too large.
 */
tb_status tb_room_find(tb_room *room, const tb_shape *shape, const tb_span *nearby, size_t count,
                       tb_error *err);

/** What places of each kind may move, in pixels, under a tolerance: (d - 1/2) / 2 and no more than
 * that. */
void tb_room_reach(double tolerance, double reach[TB_ROOMS]);

#endif
