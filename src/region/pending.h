/**
 * Components of which some runs were seen and some are still to come, told of when they end.
 */
#ifndef TUBAN_REGION_PENDING_H
#define TUBAN_REGION_PENDING_H

#include "region/chain.h"
#include "region/nearby.h"

typedef struct tb_pending_component tb_pending_component;

/** Hears of a component that has ended; `evidence` is NULL. A failure ends the row. */
typedef tb_status tb_pending_fn(void *context, uint32_t slot, tb_component *component,
                                tb_error *err);

/** All zero but for what tb_pending_init sets; free with tb_pending_reset. */
typedef struct tb_pending {
    tb_pending_fn *tell;
    void          *context;
    bool           wants_spans, wants_nearby;

    tb_pending_component *components; /* by slot */
    tb_chain             *near;       /* by slot; only where it is wanted */
    uint32_t             *free_slots;
    size_t                capacity, free_count;

    uint32_t *ended; /* slots of complete components that are not told of yet, by last row */
    size_t    ended_count, ended_capacity;
    size_t    waiting; /* those of earlier rows among them, sorted */

    tb_chain_pool pool;
    tb_nearby     around;
    tb_span      *spans, *nearby;
    size_t        span_capacity, nearby_capacity;
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

/** Adds its next run, by (row, first). */
tb_status tb_pending_add(tb_pending *pending, uint32_t slot, tb_span run, tb_error *err);

/**
 * Ends the latest row and tells of what has ended: where what is nearby is wanted, only of those
 * near which no row to come, from `next_row` on, can lie.
 */
tb_status tb_pending_end_row(tb_pending *pending, int64_t next_row, tb_error *err);

/** The number and verdict a component was begun with. */
int64_t    tb_pending_number(const tb_pending *pending, uint32_t slot);
tb_verdict tb_pending_verdict(const tb_pending *pending, uint32_t slot);

#endif
