/**
 * Components of which some runs were seen and some are still to come, told of when they end.
 */
#ifndef TUBAN_REGION_PENDING_H
#define TUBAN_REGION_PENDING_H

#include "region/array.h"
#include "region/nearby.h"
#include "region/pile.h"

/** A cache line. Places are from the corner (x, y). */
typedef struct tb_pending_component {
    int64_t number, state;
    int64_t left; /**< pixels to come */
    tb_pile spans;
    int32_t first_row, last_row, first_column, last_column; /**< where spans are kept, last_row */
} tb_pending_component;

/** One that is complete. */
typedef struct tb_pending_ended {
    int64_t  number;
    uint32_t slot;
} tb_pending_ended;

/** Hears of a component that has ended; `evidence` is NULL. A failure ends the row. */
typedef tb_status tb_pending_fn(void *context, uint32_t slot, tb_component *component,
                                tb_error *err);

/** All zero but for what tb_pending_init sets; free with tb_pending_reset. */
typedef struct tb_pending {
    tb_pending_fn *tell;
    void          *context;
    bool           wants_spans, wants_nearby;

    tb_pending_component *components; /* by slot */
    tb_pile              *near;       /* by slot; only where it is wanted */
    uint32_t             *free_slots;
    size_t                capacity, free_count;

    tb_pending_ended *ended; /* complete components that are not told of yet, by last row */
    size_t            ended_count, ended_capacity;
    size_t            waiting; /* those of earlier rows among them, sorted */

    int64_t      x, y; /* the corner */
    tb_pile_pool pool;
    tb_nearby    around;
    tb_span     *nearby;
    size_t       nearby_capacity;
} tb_pending;

/**
 * None yet. Spans reach less than 2^31 pixels from the corner (x, y).
 * @param tell  with `context`, in the order of last rows, several of one by their numbers; borrows
 *              what it is told for the length of the call.
 */
void tb_pending_init(tb_pending *pending, int64_t x, int64_t y, bool wants_spans, bool wants_nearby,
                     tb_pending_fn *tell, void *context);
void tb_pending_reset(tb_pending *pending);

/**
 * Begins a component of a state as in region/joining.h; *slot is what it is known by until it is
 * told of. Slots are below pending->capacity, which grows.
 * @return TB_OK, TB_E_MEMORY.
 */
tb_status tb_pending_begin(tb_pending *pending, int64_t number, int64_t state, uint32_t *slot,
                           tb_error *err);

/**
 * Adds its next run, by (row, first), counted from the corner. Inline: once a run.
 * @param may_meet  whether it may begin where the one before ends.
 */
static inline tb_status tb_pending_add(tb_pending *pending, uint32_t slot, tb_local_span run,
                                       bool may_meet, tb_error *err)
{
    tb_status             status = TB_OK;
    tb_pending_component *c      = &pending->components[slot];

    c->left -= (int64_t)run.last - run.first + 1;
    c->last_row = run.row;
    if (pending->wants_spans) {
        TB_TRY(tb_pile_append(&pending->pool, &c->spans, run, may_meet, err));
    } else {
        c->first_row    = c->first_row < 0 ? run.row : c->first_row;
        c->first_column = run.first < c->first_column ? run.first : c->first_column;
        c->last_column  = run.last > c->last_column ? run.last : c->last_column;
    }
    if (pending->wants_nearby)
        TB_TRY(tb_nearby_append(&pending->around, pending->x + run.first, pending->x + run.last,
                                slot, err));
    if (c->left == 0) {
        TB_TRY(tb_array_reserve_next(&pending->ended, &pending->ended_capacity,
                                     pending->ended_count, sizeof *pending->ended,
                                     "complete components", err));
        pending->ended[pending->ended_count++] = (tb_pending_ended){c->number, slot};
    }
done:
    return status;
}

/**
 * Ends the latest row and tells of what has ended: where what is nearby is wanted, only of those
 * near which no row to come, from `next_row` on, can lie.
 */
tb_status tb_pending_end_row(tb_pending *pending, int64_t next_row, tb_error *err);

/** The number and verdict a component was begun with. */
int64_t    tb_pending_number(const tb_pending *pending, uint32_t slot);
tb_verdict tb_pending_verdict(const tb_pending *pending, uint32_t slot);

#endif
