#include "region/assemble.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/chain.h"
#include "region/joining.h"
#include "region/nearby.h"
#include "region/rows.h"

/* A component of which some runs were seen and some are still to come. */
typedef struct open_component {
    int64_t    number;
    tb_verdict verdict;
    int64_t    pixels, pixels_left;
    int64_t    first_row, last_row, first_column, last_column;
    tb_chain   spans, nearby;
} open_component;

typedef struct assembly {
    const tb_assemble_options *options;
    const tb_assemble_visitor *visitor;
    const tb_evidence_layout  *layout;
    tb_rows                   *rows;
    int64_t                    all_pixels;
    int                        pass;
    tb_joining joining; /* the state of a component that is open: minus its slot minus one */

    open_component *open;
    int64_t        *evidence; /* [open_capacity][columns] */
    uint32_t       *free_slots;
    size_t          open_capacity, free_count;
    int64_t         next_number;

    uint32_t *closing; /* slots of complete components that are not told of yet, by last row */
    size_t    closing_count, closing_capacity;
    size_t    waiting; /* those of earlier rows among them, sorted */

    tb_chain_pool pool;
    tb_nearby     around; /* only where `nearby` is wanted */
    tb_span      *spans, *nearby;
    size_t        span_capacity, nearby_capacity;

    tb_assembled_run pending; /* last < first: none */
} assembly;

static tb_status report(void *context, tb_error *err)
{
    assembly          *a        = context;
    const tb_progress *progress = a->options->progress;

    if (progress == NULL)
        return TB_OK;
    if (progress->is_cancelled != NULL && progress->is_cancelled(progress->context))
        return tb_error_set(err, TB_E_CANCELLED, "cancelled");
    if (progress->report != NULL)
        progress->report(progress->context, "assemble",
                         a->pass * a->all_pixels + tb_rows_pixels_passed(a->rows),
                         2 * a->all_pixels);
    return TB_OK;
}

static tb_status grow_slots(assembly *a, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    old      = a->open_capacity;
    size_t    capacity = 2 * old + 256;

    TB_TRY(tb_grow(&a->open, capacity, sizeof *a->open, "open components", err));
    TB_TRY(tb_grow(&a->evidence, capacity * (size_t)a->layout->columns, sizeof *a->evidence,
                   "evidence of open components", err));
    TB_TRY(tb_grow(&a->free_slots, capacity, sizeof *a->free_slots, "open components", err));
    for (size_t slot = capacity; slot-- > old;)
        a->free_slots[a->free_count++] = (uint32_t)slot;
    a->open_capacity = capacity;
done:
    return status;
}

static tb_status open_slot(assembly *a, const tb_rows_item *item, int64_t state, uint32_t *slot,
                           tb_error *err)
{
    if (a->free_count == 0) {
        tb_status status = grow_slots(a, err);

        if (status != TB_OK)
            return status;
    }
    *slot          = a->free_slots[--a->free_count];
    a->open[*slot] = (open_component){
        .number       = a->next_number++,
        .verdict      = tb_joining_verdict(state),
        .pixels       = tb_joining_pixels(state),
        .pixels_left  = tb_joining_pixels(state),
        .first_row    = item->row,
        .first_column = item->first,
        .last_column  = item->last,
    };
    tb_evidence_clear(a->layout, a->evidence + *slot * (size_t)a->layout->columns, 1);
    return TB_OK;
}

static tb_status tell_pending(assembly *a, tb_error *err)
{
    tb_status status = TB_OK;

    if (a->pending.first <= a->pending.last && a->visitor->run != NULL)
        status = a->visitor->run(a->visitor->context, &a->pending, err);
    a->pending.last = a->pending.first - 1;
    return status;
}

/* Tells a run, once it is sure that the next one does not go on with it. */
static tb_status tell_run(assembly *a, const tb_rows_item *item, int64_t component,
                          tb_verdict verdict, tb_error *err)
{
    tb_assembled_run *pending = &a->pending;

    if (pending->first <= pending->last && pending->row == item->row &&
        pending->last + 1 == item->first && pending->component == component &&
        pending->kind == (tb_run_kind)item->kind) {
        pending->last = item->last;
        return TB_OK;
    }

    tb_status status = tell_pending(a, err);

    *pending = (tb_assembled_run){.row       = item->row,
                                  .first     = item->first,
                                  .last      = item->last,
                                  .component = component,
                                  .kind      = (tb_run_kind)item->kind,
                                  .verdict   = verdict};
    return status;
}

static tb_status append_closing(assembly *a, uint32_t slot, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve_next(&a->closing, &a->closing_capacity, a->closing_count,
                                 sizeof *a->closing, "complete components", err));
    a->closing[a->closing_count++] = slot;
done:
    return status;
}

static tb_status add_nearby(void *context, uint32_t slot, tb_span span, tb_error *err)
{
    assembly *a = context;

    return tb_chain_append(&a->pool, &a->open[slot].nearby, span, err);
}

static tb_status take_run(assembly *a, const tb_rows_item *item, tb_error *err)
{
    tb_status       status = TB_OK;
    int64_t         root   = a->joining.parent[item->part];
    uint32_t        slot;
    open_component *open;

    if (a->joining.state[root] == 0)
        return TB_OK;
    if (a->joining.state[root] > 0) {
        TB_TRY(open_slot(a, item, a->joining.state[root], &slot, err));
        a->joining.state[root] = -(int64_t)slot - 1;
    }
    slot = (uint32_t)(-a->joining.state[root] - 1);
    open = &a->open[slot];
    open->pixels_left -= item->last - item->first + 1;
    open->last_row = item->row;
    if (item->first < open->first_column)
        open->first_column = item->first;
    if (item->last > open->last_column)
        open->last_column = item->last;
    if (item->evidence != NULL)
        tb_evidence_join(a->layout, a->evidence + slot * (size_t)a->layout->columns,
                         item->evidence);
    if (a->visitor->component != NULL)
        TB_TRY(tb_chain_append(&a->pool, &open->spans,
                               (tb_span){item->row, item->first, item->last}, err));
    if (a->visitor->wants_nearby)
        TB_TRY(tb_nearby_append(&a->around, item->first, item->last, slot, err));
    TB_TRY(tell_run(a, item, open->number, open->verdict, err));
    if (open->pixels_left == 0)
        TB_TRY(append_closing(a, slot, err));
done:
    return status;
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

static tb_status close_component(assembly *a, uint32_t slot, tb_error *err)
{
    tb_status             status   = TB_OK;
    const open_component *open     = &a->open[slot];
    const int64_t        *evidence = a->evidence + slot * (size_t)a->layout->columns;

    if (evidence[TB_EVIDENCE_PIXELS] != open->pixels)
        return tb_error_set(
            err, TB_E_INPUT,
            "assemble %s: expected evidence of %lld pixels for the component at column "
            "%lld row %lld, got %lld",
            tb_run_reader_path(a->options->shards[0]), (long long)open->pixels,
            (long long)open->first_column, (long long)open->first_row,
            (long long)evidence[TB_EVIDENCE_PIXELS]);
    if (a->visitor->component != NULL) {
        TB_TRY(tb_chain_gather(&a->pool, &open->spans, &a->spans, &a->span_capacity, err));
        TB_TRY(tb_chain_gather(&a->pool, &open->nearby, &a->nearby, &a->nearby_capacity, err));
        if (open->nearby.count > 1)
            qsort(a->nearby, open->nearby.count, sizeof *a->nearby, compare_spans);

        tb_component whole = {
            .number       = open->number,
            .verdict      = open->verdict,
            .pixels       = open->pixels,
            .bounds       = {open->first_column, open->first_row,
                             open->last_column - open->first_column + 1,
                             open->last_row - open->first_row + 1},
            .spans        = a->spans,
            .span_count   = open->spans.count,
            .nearby       = a->nearby,
            .nearby_count = open->nearby.count,
            .evidence     = evidence,
        };

        TB_TRY(a->visitor->component(a->visitor->context, &whole, err));
    }
    a->free_slots[a->free_count++] = slot;
done:
    return status;
}

/* By number. Heap sort: short, in place, and a row of a dense mask may end very many. */
static void sort_closing(const assembly *a, size_t from)
{
    size_t    count = a->closing_count - from;
    uint32_t *slots;

    if (count < 2)
        return;
    slots = a->closing + from;
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
            if (child + 1 < end && a->open[slots[child + 1]].number > a->open[slots[child]].number)
                child++;
            if (a->open[moved].number >= a->open[slots[child]].number)
                break;
            slots[hole] = slots[child];
        }
        slots[hole] = moved;
    }
}

/*
 * Ends the latest row. Where what is nearby is wanted, components are told of only when no row to
 * come, from `next_row` on, can lie near them.
 */
static tb_status end_row(assembly *a, int64_t next_row, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   later  = a->visitor->wants_nearby ? TB_NEARBY_REACH : 0;
    size_t    told   = 0;

    TB_TRY(tell_pending(a, err));
    if (later > 0)
        TB_TRY(tb_nearby_end_row(&a->around, next_row, add_nearby, a, err));
    sort_closing(a, a->waiting);
    while (told < a->closing_count && a->open[a->closing[told]].last_row + later < next_row)
        TB_TRY(close_component(a, a->closing[told++], err));
    a->closing_count -= told;
    if (told > 0)
        memmove(a->closing, a->closing + told, a->closing_count * sizeof *a->closing);
    a->waiting = a->closing_count;
done:
    return status;
}

/* Second pass: tells the visitor. */
static tb_status tell_all(assembly *a, tb_error *err)
{
    tb_status    status = TB_OK;
    int64_t      row    = INT64_MIN;
    tb_rows_item item;
    bool         has;

    tb_rows_restart(a->rows);
    a->pending = (tb_assembled_run){.first = 0, .last = -1};
    for (;;) {
        TB_TRY(tb_rows_next(a->rows, &item, &has, err));
        if (!has || item.row != row) {
            TB_TRY(end_row(a, has ? item.row : INT64_MAX, err));
            if (!has)
                break;
            row = item.row;
            TB_TRY(report(a, err));
        }
        if (item.kind == TB_RUN_UNOBSERVED)
            TB_TRY(tell_run(a, &item, -1, TB_VERDICT_NONE, err));
        else
            TB_TRY(take_run(a, &item, err));
    }
done:
    return status;
}

static tb_status prepare(assembly *a, tb_error *err)
{
    tb_status status = TB_OK;
    tb_rect   bounds;

    TB_TRY(tb_rows_open(&a->rows, a->options->shards, a->options->shard_count, err));
    bounds    = tb_rows_bounds(a->rows);
    a->layout = tb_run_reader_layout(a->options->shards[0]);
    tb_chain_pool_init(&a->pool, bounds.x, bounds.y);
    tb_nearby_init(&a->around);
    if (bounds.width > INT32_MAX || bounds.height > INT32_MAX) {
        status =
            tb_error_set(err, TB_E_INPUT,
                         "assemble %s: expected a lattice less than 2^31 pixels wide and high, "
                         "got %lldx%lld",
                         tb_run_reader_path(a->options->shards[0]), (long long)bounds.width,
                         (long long)bounds.height);
        goto done;
    }
    for (size_t s = 0; s < a->options->shard_count; s++)
        a->all_pixels += tb_rect_area(tb_run_reader_rect(a->options->shards[s]));
done:
    return status;
}

tb_status tb_assemble_shards(const tb_assemble_options *options, const tb_assemble_visitor *visitor,
                             tb_assemble_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;
    assembly  a      = {.options = options, .visitor = visitor};

    TB_TRY(prepare(&a, err));
    TB_TRY(tb_joining_make(&a.joining, a.rows, options, report, &a, err));
    a.pass = 1;
    TB_TRY(tell_all(&a, err));
    if (totals != NULL)
        *totals = a.joining.totals;
done:
    tb_chain_pool_reset(&a.pool);
    tb_free(a.spans);
    tb_free(a.nearby);
    tb_nearby_reset(&a.around);
    tb_free(a.closing);
    tb_free(a.free_slots);
    tb_free(a.evidence);
    tb_free(a.open);
    tb_joining_reset(&a.joining);
    tb_rows_close(a.rows);
    return status;
}
