#include "region/assemble.h"

#include "core/memory.h"
#include "region/joining.h"
#include "region/pending.h"
#include "region/rows.h"

typedef struct assembly {
    const tb_assemble_options *options;
    const tb_assemble_visitor *visitor;
    const tb_evidence_layout  *layout;
    tb_rows                   *rows;
    int64_t                    all_pixels;
    int                        pass;
    tb_joining joining; /* the state of a component that is open: minus its slot minus one */

    tb_pending open;
    int64_t   *evidence; /* [evidence_rows][columns], by slots */
    size_t     evidence_rows;
    int64_t    next_number;

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

static tb_status open_slot(assembly *a, int64_t state, uint32_t *slot, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_pending_begin(&a->open, a->next_number++, state, slot, err));
    if (a->evidence_rows < a->open.capacity) {
        TB_TRY(tb_grow(&a->evidence, a->open.capacity * (size_t)a->layout->columns,
                       sizeof *a->evidence, "evidence of open components", err));
        a->evidence_rows = a->open.capacity;
    }
    tb_evidence_clear(a->layout, a->evidence + *slot * (size_t)a->layout->columns, 1);
done:
    return status;
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

static tb_status take_run(assembly *a, const tb_rows_item *item, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   root   = a->joining.parent[item->part];
    uint32_t  slot;

    if (a->joining.state[root] == 0)
        return TB_OK;
    if (a->joining.state[root] > 0) {
        TB_TRY(open_slot(a, a->joining.state[root], &slot, err));
        a->joining.state[root] = -(int64_t)slot - 1;
    }
    slot = (uint32_t)(-a->joining.state[root] - 1);
    if (item->evidence != NULL)
        tb_evidence_join(a->layout, a->evidence + slot * (size_t)a->layout->columns,
                         item->evidence);
    TB_TRY(tb_pending_add(&a->open, slot,
                          (tb_local_span){(int32_t)(item->row - a->open.y),
                                          (int32_t)(item->first - a->open.x),
                                          (int32_t)(item->last - a->open.x)},
                          true, err));
    TB_TRY(tell_run(a, item, tb_pending_number(&a->open, slot), tb_pending_verdict(&a->open, slot),
                    err));
done:
    return status;
}

static tb_status close_component(void *context, uint32_t slot, tb_component *component,
                                 tb_error *err)
{
    assembly *a = context;

    component->evidence = a->evidence + slot * (size_t)a->layout->columns;
    if (component->evidence[TB_EVIDENCE_PIXELS] != component->pixels)
        return tb_error_set(
            err, TB_E_INPUT,
            "assemble %s: expected evidence of %lld pixels for the component at column "
            "%lld row %lld, got %lld",
            tb_run_reader_path(a->options->shards[0]), (long long)component->pixels,
            (long long)component->bounds.x, (long long)component->bounds.y,
            (long long)component->evidence[TB_EVIDENCE_PIXELS]);
    if (a->visitor->component == NULL)
        return TB_OK;
    return a->visitor->component(a->visitor->context, component, err);
}

static tb_status end_row(assembly *a, int64_t next_row, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tell_pending(a, err));
    TB_TRY(tb_pending_end_row(&a->open, next_row, err));
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
    tb_pending_init(&a->open, bounds.x, bounds.y, a->visitor->component != NULL,
                    a->visitor->wants_nearby, close_component, a);
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
    tb_pending_reset(&a.open);
    tb_free(a.evidence);
    tb_joining_reset(&a.joining);
    tb_rows_close(a.rows);
    return status;
}
