/**
 * Spans of many components that grow a span at a time.
 *
 * Each pile lies in one piece, so that it is used where it grew. One that is full moves to a piece
 * of twice the size, and the one it leaves is for others: most components are small, few ever move.
 */
#ifndef TUBAN_REGION_PILE_H
#define TUBAN_REGION_PILE_H

#include "region/assemble.h"

enum { TB_PILE_SIZES = 10 };

/** All NULL has none. */
typedef struct tb_pile {
    tb_local_span *spans, *at, *end; /**< the first; where the next goes; the end of the room */
} tb_pile;

/** Pieces of memory: large ones are allocated one by one, others lie in segments. */
typedef struct tb_pile_pool {
    void  *free[TB_PILE_SIZES]; /**< by size; each begins with the address of the next */
    void **segments;
    size_t segment_count, segment_capacity;
    size_t used; /**< bytes of the last segment */
} tb_pile_pool;

/** Frees all segments; large pieces are given back pile by pile. The pool is all zero then. */
void tb_pile_pool_reset(tb_pile_pool *pool);

/** Moves a pile to a larger piece. TB_E_MEMORY. */
tb_status tb_pile_grow(tb_pile_pool *pool, tb_pile *pile, tb_error *err);

/** Gives its memory back; it has none then. */
void tb_pile_clear(tb_pile_pool *pool, tb_pile *pile);

static inline size_t tb_pile_count(const tb_pile *pile)
{
    return (size_t)(pile->at - pile->spans);
}

/**
 * Appends a span.
 * @param may_meet  whether it may begin where the last one ends, which is made longer then: to look
 *                  there is to wait for memory.
 * Inline: once a run.
 */
static inline tb_status tb_pile_append(tb_pile_pool *pool, tb_pile *to, tb_local_span added,
                                       bool may_meet, tb_error *err)
{
    tb_status status = TB_OK;

    if (to->at == to->end)
        TB_TRY(tb_pile_grow(pool, to, err));
    if (may_meet && to->at != to->spans && to->at[-1].row == added.row &&
        to->at[-1].last + 1 == added.first)
        to->at[-1].last = added.last;
    else
        *to->at++ = added;
done:
    return status;
}

#endif
