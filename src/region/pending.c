#include "region/pending.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "region/joining.h"

void tb_pending_init(tb_pending *p, int64_t x, int64_t y, bool wants_spans, bool wants_nearby,
                     tb_pending_fn *tell, void *context)
{
    *p = (tb_pending){.tell         = tell,
                      .context      = context,
                      .wants_spans  = wants_spans,
                      .wants_nearby = wants_nearby,
                      .x            = x,
                      .y            = y};
    tb_nearby_init(&p->around);
}

void tb_pending_reset(tb_pending *p)
{
    for (size_t slot = 0; slot < p->capacity; slot++) {
        tb_pile_clear(&p->pool, &p->components[slot].spans);
        if (p->wants_nearby)
            tb_pile_clear(&p->pool, &p->near[slot]);
    }
    tb_pile_pool_reset(&p->pool);
    tb_nearby_reset(&p->around);
    tb_free(p->components);
    tb_free(p->near);
    tb_free(p->free_slots);
    tb_free(p->ended);
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
    for (size_t slot = capacity; slot-- > old;) {
        p->components[slot].spans = (tb_pile){0};
        if (p->wants_nearby)
            p->near[slot] = (tb_pile){0};
        p->free_slots[p->free_count++] = (uint32_t)slot;
    }
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
done:
    return status;
}

static tb_status add_nearby(void *context, uint32_t slot, tb_span span, tb_error *err)
{
    tb_pending *p = context;

    return tb_pile_append(&p->pool, &p->near[slot],
                          (tb_local_span){(int32_t)(span.row - p->y), (int32_t)(span.first - p->x),
                                          (int32_t)(span.last - p->x)},
                          true, err);
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

/* What lies near a component, sorted, in p->nearby. */
static tb_status gather_nearby(tb_pending *p, const tb_pile *near, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = tb_pile_count(near);

    TB_TRY(tb_array_reserve(&p->nearby, &p->nearby_capacity, count, sizeof *p->nearby,
                            "runs near a component", err));
    for (size_t i = 0; i < count; i++)
        p->nearby[i] = (tb_span){p->y + near->spans[i].row, p->x + near->spans[i].first,
                                 p->x + near->spans[i].last};
    if (count > 1)
        qsort(p->nearby, count, sizeof *p->nearby, compare_spans);
done:
    return status;
}

static tb_rect bounds_of(const tb_pending *p, const tb_pending_component *c)
{
    int32_t row = c->first_row, first = c->first_column, last = c->last_column;

    if (p->wants_spans)
        row = c->spans.spans->row;
    for (const tb_local_span *span = c->spans.spans; span < c->spans.at; span++) {
        first = span->first < first ? span->first : first;
        last  = span->last > last ? span->last : last;
    }
    return (tb_rect){p->x + first, p->y + row, (int64_t)last - first + 1,
                     (int64_t)c->last_row - row + 1};
}

static tb_status tell_of(tb_pending *p, uint32_t slot, tb_error *err)
{
    tb_status             status = TB_OK;
    tb_pending_component *c      = &p->components[slot];
    tb_component          whole  = {
                  .number     = c->number,
                  .verdict    = tb_joining_verdict(c->state),
                  .pixels     = tb_joining_pixels(c->state),
                  .bounds     = bounds_of(p, c),
                  .origin_x   = p->x,
                  .origin_y   = p->y,
                  .spans      = c->spans.spans,
                  .span_count = tb_pile_count(&c->spans),
    };

    if (p->wants_nearby) {
        TB_TRY(gather_nearby(p, &p->near[slot], err));
        whole.nearby       = p->nearby;
        whole.nearby_count = tb_pile_count(&p->near[slot]);
        tb_pile_clear(&p->pool, &p->near[slot]);
    }
    TB_TRY(p->tell(p->context, slot, &whole, err));
    tb_pile_clear(&p->pool, &c->spans);
    p->free_slots[p->free_count++] = slot;
done:
    return status;
}

/* By number. Heap sort: short, in place, and a row of a dense mask may end very many. */
static void sort_ended(const tb_pending *p, size_t from)
{
    size_t            count = p->ended_count - from;
    tb_pending_ended *ended;

    if (count < 2)
        return;
    ended = p->ended + from;
    for (size_t start = count / 2, end = count; end > 1;) {
        tb_pending_ended moved;
        size_t           hole, child;

        if (start > 0) {
            moved = ended[--start];
        } else {
            moved      = ended[--end];
            ended[end] = ended[0];
        }
        for (hole = start; (child = 2 * hole + 1) < end; hole = child) {
            child += child + 1 < end && ended[child + 1].number > ended[child].number;
            if (moved.number >= ended[child].number)
                break;
            ended[hole] = ended[child];
        }
        ended[hole] = moved;
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
           p->y + p->components[p->ended[told].slot].last_row + later < next_row)
        TB_TRY(tell_of(p, p->ended[told++].slot, err));
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
