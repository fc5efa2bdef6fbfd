/** The sides of a simplified ring, and whether they may stay so. */
#ifndef TUBAN_REGION_SIDES_H
#define TUBAN_REGION_SIDES_H

#include "region/pieces.h"

/** Sides of the old ring to either side of a cut that its vertices may keep to. */
enum { TB_SIDES_AT_CUT = 2 };

/** A side of the new ring and the places it stands for. */
typedef struct tb_side {
    tb_corner a, b;     /**< in 1 / TB_OUTLINE_SCALE */
    uint32_t  from, to; /**< equal: it cuts a corner off at a stop */
    size_t    stop;     /**< where it begins */
    bool      is_near;  /**< to another one that is not its neighbour, or doubling back on that */
} tb_side;

/** The sides of one ring, in order; all zero is an empty workspace. */
typedef struct tb_sides {
    tb_side *sides;
    size_t   count, capacity;
} tb_sides;

void tb_sides_reset(tb_sides *sides);

/** Makes room for the sides of rings whose old ones had up to `longest`. */
tb_status tb_sides_reserve(tb_sides *sides, size_t longest, tb_error *err);

/**
 * Marks the pieces whose sides are too far from the old ring or too near to each other.
 * @param pieces  what the sides were made of; `failed` is written.
 * @return whether all may stay.
 */
bool tb_sides_check(tb_sides *sides, const tb_loop *loop, tb_pieces *pieces);

#endif
