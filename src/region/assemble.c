#include "region/assemble.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "region/rows.h"

/* Spans of open components lie in chunks of one cache line, chained; chunks in segments that stay
 * put. */
enum { CHUNK_SPANS = 5, SEGMENT_CHUNKS = 1 << 14 };

#define NO_CHUNK UINT32_MAX

typedef struct chunk {
    int32_t  span[CHUNK_SPANS][3]; /* row, first, last from the corner of all blocks */
    uint32_t next;
} chunk;

/* Spans in a chain of chunks. */
typedef struct chain {
    size_t   count;
    uint32_t first, last; /* chunks */
} chain;

/* A component of which some runs were seen and some are still to come. */
typedef struct open_component {
    int64_t    number;
    tb_verdict verdict;
    int64_t    pixels, pixels_left;
    int64_t    first_row, last_row, first_column, last_column;
    chain      spans, nearby;
} open_component;

/* How near pixels of another component are told of: rows and columns. */
enum { NEARBY = 2 };

/* Runs of a row, with the slots of their components. */
typedef struct slot_run {
    int64_t  first, last;
    uint32_t slot;
} slot_run;

typedef struct slot_row {
    slot_run *runs;
    size_t    count, capacity;
    int64_t   row;
} slot_row;

/* A run that may touch a run of another block. */
typedef struct touch {
    int64_t first, last, part;
} touch;

typedef struct line {
    touch  *touches;
    size_t  count, capacity;
    int64_t row;
} line;

typedef struct assembly {
    const tb_assemble_options *options;
    const tb_assemble_visitor *visitor;
    const tb_evidence_layout  *layout;
    tb_rows                   *rows;
    tb_assemble_totals         totals;
    int64_t                    x, y; /* corner of all blocks */
    int64_t                    all_pixels;

    /*
     * One a part. parent: an earlier part of its component, or itself.
     * state, of roots: in the first pass twice the pixels, plus one when there is a strong one;
     * then 0 for weak ones, twice the pixels plus one when kept; and once it is open, minus its
     * slot minus one.
     */
    int64_t *parent;
    int64_t *state;
    line     lines[2];

    open_component *open;
    int64_t        *evidence; /* [open_capacity][columns] */
    uint32_t       *free_slots;
    size_t          open_capacity, free_count;
    int64_t         next_number;

    uint32_t *closing; /* slots of complete components that are not told of yet, by last row */
    size_t    closing_count, closing_capacity;
    size_t    waiting;            /* those of earlier rows among them, sorted */
    slot_row  recent[NEARBY + 1]; /* the latest first; only where `nearby` is wanted */

    chunk  **segments;
    size_t   segment_count, segment_capacity;
    uint32_t free_chunk, used_chunks;

    tb_span *spans, *nearby;
    size_t   span_capacity, nearby_capacity;

    tb_assembled_run pending; /* last < first: none */
} assembly;

static int64_t root_of(int64_t *parent, int64_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i         = parent[i];
    }
    return i;
}

static void unite(int64_t *parent, int64_t a, int64_t b)
{
    if (a == b)
        return;
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* Unites what touches within `now`, and between it and the line before where that is the row above.
 */
static void connect_lines(int64_t *parent, const line *before, const line *now, int64_t reach)
{
    size_t above = now->count > 0 && before->row == now->row - 1 ? before->count : 0;
    size_t p     = 0;

    for (size_t c = 0; c < now->count; c++) {
        const touch *run = &now->touches[c];

        if (c > 0 && now->touches[c - 1].last + 1 == run->first)
            unite(parent, now->touches[c - 1].part, run->part);
        while (p < above && before->touches[p].last + reach < run->first)
            p++;
        for (size_t q = p; q < above && before->touches[q].first <= run->last + reach; q++)
            unite(parent, before->touches[q].part, run->part);
    }
}

static tb_status append_touch(line *now, const tb_rows_item *item, tb_error *err)
{
    if (now->count == now->capacity) {
        size_t    capacity = 2 * now->capacity + 256;
        tb_status status =
            tb_grow(&now->touches, capacity, sizeof *now->touches, "line of runs", err);

        if (status != TB_OK)
            return status;
        now->capacity = capacity;
    }
    now->touches[now->count++] = (touch){item->first, item->last, item->part};
    return TB_OK;
}

static tb_status report(assembly *a, int pass, tb_error *err)
{
    const tb_progress *progress = a->options->progress;

    if (progress == NULL)
        return TB_OK;
    if (progress->is_cancelled != NULL && progress->is_cancelled(progress->context))
        return tb_error_set(err, TB_E_CANCELLED, "cancelled");
    if (progress->report != NULL)
        progress->report(progress->context, "assemble",
                         pass * a->all_pixels + tb_rows_pixels_passed(a->rows), 2 * a->all_pixels);
    return TB_OK;
}

/* First pass: which parts are one component, and how large it is. */
static tb_status join_parts(assembly *a, tb_error *err)
{
    tb_status    status = TB_OK;
    int64_t      reach  = a->options->connectivity == TB_CONNECT_4 ? 0 : 1;
    line        *now = &a->lines[0], *before = &a->lines[1];
    tb_rows_item item;
    bool         has;

    now->row = before->row = INT64_MIN;
    for (;;) {
        TB_TRY(tb_rows_next(a->rows, &item, &has, err));
        if (!has || item.row != now->row) {
            line *swap = before;

            connect_lines(a->parent, before, now, reach);
            before     = now;
            now        = swap;
            now->count = 0;
            now->row   = has ? item.row : INT64_MIN;
            if (!has)
                break;
            TB_TRY(report(a, 0, err));
        }
        if (item.kind == TB_RUN_UNOBSERVED) {
            a->totals.unobserved_pixels += item.last - item.first + 1;
            continue;
        }
        a->state[item.part] += 2 * (item.last - item.first + 1);
        if (item.kind == TB_RUN_STRONG)
            a->state[item.part] |= 1;
        /* Inside a block the parts are united already: only runs at its border can add anything. */
        if (item.is_border_row || item.is_at_side)
            TB_TRY(append_touch(now, &item, err));
    }
done:
    return status;
}

/* A root comes before its parts, so one pass in order leads every part to its root. */
static void decide(assembly *a)
{
    int64_t parts = tb_rows_part_count(a->rows);

    for (int64_t i = 0; i < parts; i++) {
        int64_t root = a->parent[a->parent[i]];

        a->parent[i] = root;
        if (root != i) {
            a->state[root] += a->state[i] & ~(int64_t)1;
            a->state[root] |= a->state[i] & 1;
        }
    }
    for (int64_t i = 0; i < parts; i++) {
        int64_t pixels    = a->state[i] / 2;
        bool    is_strong = (a->state[i] & 1) != 0;

        if (a->parent[i] != i)
            continue;
        if (!is_strong) {
            a->totals.weak++;
            a->totals.weak_pixels += pixels;
            a->state[i] = 0;
        } else if (pixels < a->options->min_pixels) {
            a->totals.small++;
            a->totals.small_pixels += pixels;
            a->state[i] = 2 * pixels;
        } else {
            a->totals.kept++;
            a->totals.kept_pixels += pixels;
            a->state[i] = 2 * pixels + 1;
        }
    }
}

static chunk *chunk_at(const assembly *a, uint32_t i)
{
    return &a->segments[i / SEGMENT_CHUNKS][i % SEGMENT_CHUNKS];
}

static tb_status take_chunk(assembly *a, uint32_t *taken, tb_error *err)
{
    tb_status status = TB_OK;

    if (a->free_chunk != NO_CHUNK) {
        *taken        = a->free_chunk;
        a->free_chunk = chunk_at(a, *taken)->next;
        return TB_OK;
    }
    if (a->used_chunks == NO_CHUNK - 1)
        return tb_error_set(err, TB_E_MEMORY,
                            "out of memory, open components: expected fewer than "
                            "2^32 chunks of runs, got more");
    if (a->used_chunks / SEGMENT_CHUNKS == a->segment_count) {
        if (a->segment_count == a->segment_capacity) {
            size_t capacity = 2 * a->segment_capacity + 64;

            TB_TRY(tb_grow(&a->segments, capacity, sizeof(void *), "open components", err));
            a->segment_capacity = capacity;
        }
        TB_TRY(tb_alloc(&a->segments[a->segment_count], SEGMENT_CHUNKS, sizeof(chunk),
                        "open components", err));
        a->segment_count++;
    }
    *taken = a->used_chunks++;
done:
    return status;
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
        .verdict      = (state & 1) != 0 ? TB_VERDICT_KEPT : TB_VERDICT_SMALL,
        .pixels       = state / 2,
        .pixels_left  = state / 2,
        .first_row    = item->row,
        .first_column = item->first,
        .last_column  = item->last,
        .spans        = {0, NO_CHUNK, NO_CHUNK},
        .nearby       = {0, NO_CHUNK, NO_CHUNK},
    };
    tb_evidence_clear(a->layout, a->evidence + *slot * (size_t)a->layout->columns, 1);
    return TB_OK;
}

/* Appends a span, or makes the last one longer where they meet. */
static tb_status append_span(assembly *a, chain *to, tb_span added, tb_error *err)
{
    size_t    within = to->count % CHUNK_SPANS;
    int32_t   row    = (int32_t)(added.row - a->y);
    int32_t   first  = (int32_t)(added.first - a->x);
    int32_t   last   = (int32_t)(added.last - a->x);
    tb_status status = TB_OK;

    if (to->count > 0) {
        int32_t *end = chunk_at(a, to->last)->span[within == 0 ? CHUNK_SPANS - 1 : within - 1];

        if (end[0] == row && end[2] + 1 == first) {
            end[2] = last;
            return TB_OK;
        }
    }
    if (within == 0) {
        uint32_t taken = NO_CHUNK;

        TB_TRY(take_chunk(a, &taken, err));
        chunk_at(a, taken)->next = NO_CHUNK;
        if (to->count == 0)
            to->first = taken;
        else
            chunk_at(a, to->last)->next = taken;
        to->last = taken;
    }
    int32_t *span = chunk_at(a, to->last)->span[within];

    span[0] = row;
    span[1] = first;
    span[2] = last;
    to->count++;
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

static tb_status append_closing(assembly *a, uint32_t slot, tb_error *err)
{
    if (a->closing_count == a->closing_capacity) {
        size_t    capacity = 2 * a->closing_capacity + 256;
        tb_status status =
            tb_grow(&a->closing, capacity, sizeof *a->closing, "complete components", err);

        if (status != TB_OK)
            return status;
        a->closing_capacity = capacity;
    }
    a->closing[a->closing_count++] = slot;
    return TB_OK;
}

static tb_status append_recent(slot_row *row, int64_t first, int64_t last, uint32_t slot,
                               tb_error *err)
{
    if (row->count > 0 && row->runs[row->count - 1].slot == slot &&
        row->runs[row->count - 1].last + 1 == first) {
        row->runs[row->count - 1].last = last;
        return TB_OK;
    }
    if (row->count == row->capacity) {
        size_t    capacity = 2 * row->capacity + 256;
        tb_status status   = tb_grow(&row->runs, capacity, sizeof *row->runs, "line of runs", err);

        if (status != TB_OK)
            return status;
        row->capacity = capacity;
    }
    row->runs[row->count++] = (slot_run){first, last, slot};
    return TB_OK;
}

/* Adds to what lies near `to` the part of a run of `row` that does. */
static tb_status add_nearby(assembly *a, const slot_run *to, const slot_run *from, int64_t row,
                            tb_error *err)
{
    int64_t first = from->first > to->first - NEARBY ? from->first : to->first - NEARBY;
    int64_t last  = from->last < to->last + NEARBY ? from->last : to->last + NEARBY;

    return append_span(a, &a->open[to->slot].nearby, (tb_span){row, first, last}, err);
}

/* Tells the components of the latest row and of another what lies near them in the other. */
static tb_status find_nearby(assembly *a, const slot_row *now, const slot_row *other, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    p      = 0;

    for (size_t c = 0; c < now->count; c++) {
        const slot_run *run = &now->runs[c];

        while (p < other->count && other->runs[p].last + NEARBY < run->first)
            p++;
        for (size_t q = p; q < other->count && other->runs[q].first <= run->last + NEARBY; q++) {
            if (other->runs[q].slot == run->slot)
                continue;
            TB_TRY(add_nearby(a, run, &other->runs[q], other->row, err));
            if (other != now) /* within one row both come up as `run` */
                TB_TRY(add_nearby(a, &other->runs[q], run, now->row, err));
        }
    }
done:
    return status;
}

/* Makes room for the runs of the next row, once those of the last were compared. */
static tb_status turn_recent(assembly *a, int64_t next_row, tb_error *err)
{
    tb_status status = TB_OK;
    slot_row  oldest = a->recent[NEARBY];

    for (int before = 0; before <= NEARBY; before++)
        if (a->recent[0].row - a->recent[before].row <= NEARBY)
            TB_TRY(find_nearby(a, &a->recent[0], &a->recent[before], err));
    memmove(&a->recent[1], &a->recent[0], NEARBY * sizeof *a->recent);
    oldest.count = 0;
    oldest.row   = next_row;
    a->recent[0] = oldest;
done:
    return status;
}

static tb_status take_run(assembly *a, const tb_rows_item *item, tb_error *err)
{
    tb_status       status = TB_OK;
    int64_t         root   = a->parent[item->part];
    uint32_t        slot;
    open_component *open;

    if (a->state[root] == 0)
        return TB_OK;
    if (a->state[root] > 0) {
        TB_TRY(open_slot(a, item, a->state[root], &slot, err));
        a->state[root] = -(int64_t)slot - 1;
    }
    slot = (uint32_t)(-a->state[root] - 1);
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
        TB_TRY(append_span(a, &open->spans, (tb_span){item->row, item->first, item->last}, err));
    if (a->visitor->wants_nearby)
        TB_TRY(append_recent(&a->recent[0], item->first, item->last, slot, err));
    TB_TRY(tell_run(a, item, open->number, open->verdict, err));
    if (open->pixels_left == 0)
        TB_TRY(append_closing(a, slot, err));
done:
    return status;
}

/* Lays the spans of a chain out in a row and gives its chunks back. */
static tb_status gather_spans(assembly *a, const chain *from, tb_span **spans, size_t *capacity,
                              tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  at     = from->first;

    if (from->count > *capacity) {
        size_t needed = from->count + from->count / 4;

        tb_free(*spans); /* nothing in it is needed: growing would hold both */
        *spans    = NULL;
        *capacity = 0;
        TB_TRY(tb_alloc(spans, needed, sizeof **spans, "runs of a component", err));
        *capacity = needed;
    }
    for (size_t i = 0; i < from->count;) {
        const chunk *some = chunk_at(a, at);

        for (int s = 0; s < CHUNK_SPANS && i < from->count; s++, i++)
            (*spans)[i] = (tb_span){a->y + some->span[s][0], a->x + some->span[s][1],
                                    a->x + some->span[s][2]};
        at = some->next;
    }
    if (from->first != NO_CHUNK) {
        chunk_at(a, from->last)->next = a->free_chunk;
        a->free_chunk                 = from->first;
    }
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
        TB_TRY(gather_spans(a, &open->spans, &a->spans, &a->span_capacity, err));
        TB_TRY(gather_spans(a, &open->nearby, &a->nearby, &a->nearby_capacity, err));
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
    int64_t   later  = a->visitor->wants_nearby ? NEARBY : 0;
    size_t    told   = 0;

    TB_TRY(tell_pending(a, err));
    if (later > 0)
        TB_TRY(turn_recent(a, next_row, err));
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
    for (int i = 0; i <= NEARBY; i++)
        a->recent[i].row = INT64_MIN / 2;
    a->pending = (tb_assembled_run){.first = 0, .last = -1};
    for (;;) {
        TB_TRY(tb_rows_next(a->rows, &item, &has, err));
        if (!has || item.row != row) {
            TB_TRY(end_row(a, has ? item.row : INT64_MAX, err));
            if (!has)
                break;
            row = item.row;
            TB_TRY(report(a, 1, err));
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
    int64_t   parts;

    TB_TRY(tb_rows_open(&a->rows, a->options->shards, a->options->shard_count, err));
    bounds    = tb_rows_bounds(a->rows);
    parts     = tb_rows_part_count(a->rows);
    a->layout = tb_run_reader_layout(a->options->shards[0]);
    a->x      = bounds.x;
    a->y      = bounds.y;
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
    TB_TRY(tb_alloc(&a->parent, (size_t)parts, sizeof *a->parent, "parts", err));
    TB_TRY(tb_alloc_zero(&a->state, (size_t)parts, sizeof *a->state, "parts", err));
    for (int64_t i = 0; i < parts; i++)
        a->parent[i] = i;
done:
    return status;
}

tb_status tb_assemble_shards(const tb_assemble_options *options, const tb_assemble_visitor *visitor,
                             tb_assemble_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;
    assembly  a      = {.options = options, .visitor = visitor, .free_chunk = NO_CHUNK};

    TB_TRY(prepare(&a, err));
    TB_TRY(join_parts(&a, err));
    decide(&a);
    TB_TRY(tell_all(&a, err));
    if (totals != NULL)
        *totals = a.totals;
done:
    for (size_t s = 0; s < a.segment_count; s++)
        tb_free(a.segments[s]);
    tb_free(a.segments);
    tb_free(a.spans);
    tb_free(a.nearby);
    for (int i = 0; i <= NEARBY; i++)
        tb_free(a.recent[i].runs);
    tb_free(a.closing);
    tb_free(a.free_slots);
    tb_free(a.evidence);
    tb_free(a.open);
    tb_free(a.lines[0].touches);
    tb_free(a.lines[1].touches);
    tb_free(a.state);
    tb_free(a.parent);
    tb_rows_close(a.rows);
    return status;
}
