#include "region/pending.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/joining.h"

/* A cache line. Places are from the pool's corner. */
struct tb_pending_component {
    int64_t  number, state;
    int64_t  left; /* pixels to come */
    int32_t  first_row, last_row, first_column, last_column;
    tb_chain spans;
};

void tb_pending_init(tb_pending *p, int64_t x, int64_t y, bool wants_spans, bool wants_nearby,
                     tb_pending_fn *tell, void *context)
{
    *p = (tb_pending){
        .tell = tell, .context = context, .wants_spans = wants_spans, .wants_nearby = wants_nearby};
    tb_chain_pool_init(&p->pool, x, y);
    tb_nearby_init(&p->around);
}

void tb_pending_reset(tb_pending *p)
{
    tb_chain_pool_reset(&p->pool);
    tb_nearby_reset(&p->around);
    tb_free(p->components);
    tb_free(p->near);
    tb_free(p->free_slots);
    tb_free(p->ended);
    tb_free(p->spans);
    tb_free(p->nearby);
}

static tb_status grow_slots(tb_pending *p, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    old      = p->capacity;
    size_t    capacity = 2 * old + 256;

    TB_TRY(tb_grow(&p->components, capacity, sizeof *p->components, "open components", err));
    if (p->wants_nearby)
        TB_TRY(tb_grow(&p->near, capacity, sizeof *p->near, "open components", err));
    TB_TRY(tb_grow(&p->free_slots, capacity, sizeof *p->free_slots, "open components", err));
    for (size_t slot = capacity; slot-- > old;)
        p->free_slots[p->free_count++] = (uint32_t)slot;
    p->capacity = capacity;
done:
    return status;
}

tb_status tb_pending_begin(tb_pending *p, int64_t number, int64_t state, uint32_t *slot,
                           tb_error *err)
{
    tb_status status = TB_OK;

    if (p->free_count == 0)
        TB_TRY(grow_slots(p, err));
    *slot                = p->free_slots[--p->free_count];
    p->components[*slot] = (tb_pending_component){.number       = number,
                                                  .state        = state,
                                                  .left         = tb_joining_pixels(state),
                                                  .first_row    = -1,
                                                  .first_column = INT32_MAX,
                                                  .last_column  = -1};
    if (p->wants_nearby)
        p->near[*slot] = (tb_chain){0};
done:
    return status;
}

tb_status tb_pending_add(tb_pending *p, uint32_t slot, tb_span run, tb_error *err)
{
    tb_status             status = TB_OK;
    tb_pending_component *c      = &p->components[slot];
    int32_t               row    = (int32_t)(run.row - p->pool.y);
    int32_t               first  = (int32_t)(run.first - p->pool.x);
    int32_t               last   = (int32_t)(run.last - p->pool.x);

    c->left -= run.last - run.first + 1;
    if (c->first_row < 0)
        c->first_row = row;
    c->last_row     = row;
    c->first_column = first < c->first_column ? first : c->first_column;
    c->last_column  = last > c->last_column ? last : c->last_column;
    if (p->wants_spans)
        TB_TRY(tb_chain_append(&p->pool, &c->spans, run, err));
    if (p->wants_nearby)
        TB_TRY(tb_nearby_append(&p->around, run.first, run.last, slot, err));
    if (c->left == 0) {
        TB_TRY(tb_array_reserve_next(&p->ended, &p->ended_capacity, p->ended_count,
                                     sizeof *p->ended, "complete components", err));
        p->ended[p->ended_count++] = slot;
    }
done:
    return status;
}

static tb_status add_nearby(void *context, uint32_t slot, tb_span span, tb_error *err)
{
    tb_pending *p = context;

    return tb_chain_append(&p->pool, &p->near[slot], span, err);
}

static int compare_spans(const void *a, const void *b)
{
    const tb_span *p = a, *q = b;

    if (p->row != q->row)
        return (p->row > q->row) - (p->row < q->row);
    if (p->first != q->first)
        return (p->first > q->first) - (p->first < q->first);
    return (p->last > q->last) - (p->last < q->last);
}

static tb_status tell_of(tb_pending *p, uint32_t slot, tb_error *err)
{
    tb_status                   status = TB_OK;
    const tb_pending_component *c      = &p->components[slot];
    tb_component                whole  = {
                        .number     = c->number,
                        .verdict    = tb_joining_verdict(c->state),
                        .pixels     = tb_joining_pixels(c->state),
                        .bounds     = {p->pool.x + c->first_column, p->pool.y + c->first_row,
                                       c->last_column - c->first_column + 1, c->last_row - c->first_row + 1},
                        .span_count = c->spans.count,
    };

    TB_TRY(tb_chain_gather(&p->pool, &c->spans, &p->spans, &p->span_capacity, err));
    whole.spans = p->spans;
    if (p->wants_nearby) {
        whole.nearby_count = p->near[slot].count;
        TB_TRY(tb_chain_gather(&p->pool, &p->near[slot], &p->nearby, &p->nearby_capacity, err));
        if (whole.nearby_count > 1)
            qsort(p->nearby, whole.nearby_count, sizeof *p->nearby, compare_spans);
        whole.nearby = p->nearby;
    }
    TB_TRY(p->tell(p->context, slot, &whole, err));
    p->free_slots[p->free_count++] = slot;
done:
    return status;
}

/* By number. Heap sort: short, in place, and a row of a dense mask may end very many. */
static void sort_ended(const tb_pending *p, size_t from)
{
    size_t    count = p->ended_count - from;
    uint32_t *slots;

    if (count < 2)
        return;
    slots = p->ended + from;
    for (size_t start = count / 2, end = count; end > 1;) {
        uint32_t moved;
        size_t   hole, child;

        if (start > 0) {
            moved = slots[--start];
        } else {
            moved      = slots[--end];
            slots[end] = slots[0];
        }
        for (hole = start; (child = 2 * hole + 1) < end; hole = child) {
            if (child + 1 < end &&
                p->components[slots[child + 1]].number > p->components[slots[child]].number)
                child++;
            if (p->components[moved].number >= p->components[slots[child]].number)
                break;
            slots[hole] = slots[child];
        }
        slots[hole] = moved;
    }
}

tb_status tb_pending_end_row(tb_pending *p, int64_t next_row, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   later  = p->wants_nearby ? TB_NEARBY_REACH : 0;
    size_t    told   = 0;

    if (later > 0)
        TB_TRY(tb_nearby_end_row(&p->around, next_row, add_nearby, p, err));
    sort_ended(p, p->waiting);
    while (told < p->ended_count &&
           p->pool.y + p->components[p->ended[told]].last_row + later < next_row)
        TB_TRY(tell_of(p, p->ended[told++], err));
    p->ended_count -= told;
    if (told > 0 && p->ended_count > 0)
        memmove(p->ended, p->ended + told, p->ended_count * sizeof *p->ended);
    p->waiting = p->ended_count;
done:
    return status;
}

int64_t tb_pending_number(const tb_pending *p, uint32_t slot)
{
    return p->components[slot].number;
}

tb_verdict tb_pending_verdict(const tb_pending *p, uint32_t slot)
{
    return tb_joining_verdict(p->components[slot].state);
}
