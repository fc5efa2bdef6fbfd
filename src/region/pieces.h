/** A ring cut into pieces, each of which one line does for. */
#ifndef TUBAN_REGION_PIECES_H
#define TUBAN_REGION_PIECES_H

#include <stdbool.h>

#include "region/loop.h"

/** Where a ring is cut, and the one or two vertices there, in 1 / TB_OUTLINE_SCALE. */
typedef struct tb_stop {
    uint32_t  at;      /**< sides from the ring's start */
    bool      is_hard; /**< the vertex is the lattice's */
    tb_corner in, out;
} tb_stop;

/** Why the new sides of a piece may not stay. */
enum { TB_PIECE_FINE, TB_PIECE_TOO_FAR, TB_PIECE_TOO_NEAR };

/** The pieces of one ring; all zero is an empty workspace. */
typedef struct tb_pieces {
    tb_stop *stops;  /**< [count + 1]; the first stop stands again at the end */
    uint8_t *failed; /**< [count], of the piece after each stop */
    size_t   count;

    tb_stop  *others; /* the next stops, while they are made of these */
    uint32_t *stack;
    size_t    capacity;
} tb_pieces;

void tb_pieces_reset(tb_pieces *pieces);

/** Makes room for rings of up to `longest` sides. */
tb_status tb_pieces_reserve(tb_pieces *pieces, size_t longest, tb_error *err);

/** Cuts the ring until every piece is straight, joins those that one line does for, and moves the
 * cuts to where lines cross; decides where the ring starts. */
void tb_pieces_cut(tb_pieces *pieces, tb_loop *loop);

/**
 * Cuts the failed pieces where they are worst. Where a piece lies too near to another its ends go
 * back to the lattice first. One that cannot be cut, or any when it is late, goes back whole.
 */
void tb_pieces_cut_failed(tb_pieces *pieces, const tb_loop *loop, bool is_late);

#endif
