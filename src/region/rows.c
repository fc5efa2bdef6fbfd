#include "region/rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { BUFFER_RUNS = 2048, BUFFER_EVIDENCE_BYTES = 32 * 1024 };

typedef struct block {
    tb_run_reader      *reader;
    size_t              index;
    const tb_run_entry *entry;
    int64_t             first_part; /* number of its part 0 over all blocks */
} block;

typedef struct buffer {
    tb_run  *runs;
    int64_t *evidence;
} buffer;

/* A block that the current row crosses. */
typedef struct cursor {
    const block *block;
    buffer       buffer;
    size_t       at, held; /* runs in the buffer */
    int64_t      taken;    /* runs read so far */
    size_t       evidence_at, evidence_held;
    int64_t      evidence_taken;
    int64_t      parts;     /* that have appeared */
    int64_t      row, last; /* of the run before */
} cursor;

struct tb_rows {
    block  *blocks; /* by first row, then column */
    size_t  block_count;
    int64_t part_count;
    tb_rect bounds;
    int     columns;
    size_t  evidence_rows; /* a buffer holds */

    cursor *active; /* by column */
    size_t  active_count, active_capacity;
    buffer *spare;
    size_t  spare_count;

    size_t  next_block;
    size_t  at; /* cursor that is looked at */
    int64_t row;
    int64_t pixels_passed;
    bool    is_border_row;
};

static int compare_blocks(const void *a, const void *b)
{
    const tb_rect *p = &((const block *)a)->entry->rect;
    const tb_rect *q = &((const block *)b)->entry->rect;

    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return p->x < q->x ? -1 : p->x > q->x;
}

static tb_status check_layouts(tb_run_reader *const *shards, size_t count, tb_error *err)
{
    const tb_evidence_layout *first = tb_run_reader_layout(shards[0]);

    for (size_t s = 1; s < count; s++) {
        const tb_evidence_layout *other = tb_run_reader_layout(shards[s]);
        bool                      fits  = other->columns == first->columns;

        for (int c = 0; fits && c < first->columns; c++)
            fits = strcmp(first->names[c], other->names[c]) == 0 &&
                   first->is_maximum[c] == other->is_maximum[c];
        if (!fits)
            return tb_error_set(err, TB_E_INPUT,
                                "read %s: expected the columns of evidence of %s, got others",
                                tb_run_reader_path(shards[s]), tb_run_reader_path(shards[0]));
    }
    return TB_OK;
}

static tb_rect united(tb_rect a, tb_rect b)
{
    int64_t x0 = a.x < b.x ? a.x : b.x;
    int64_t y0 = a.y < b.y ? a.y : b.y;
    int64_t x1 = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
    int64_t y1 = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;

    return (tb_rect){x0, y0, x1 - x0, y1 - y0};
}

tb_status tb_rows_open(tb_rows **out, tb_run_reader *const *shards, size_t count, tb_error *err)
{
    tb_status status = TB_OK;
    tb_rows  *rows   = NULL;
    size_t    total  = 0;

    *out = NULL;
    if (count == 0)
        return tb_error_set(err, TB_E_BUG, "assemble: expected at least one shard, got none");
    TB_TRY(check_layouts(shards, count, err));
    TB_TRY(tb_alloc_zero(&rows, 1, sizeof *rows, "stream of runs", err));
    for (size_t s = 0; s < count; s++)
        total += tb_run_reader_block_count(shards[s]);
    TB_TRY(tb_alloc(&rows->blocks, total, sizeof *rows->blocks, "list of blocks", err));
    for (size_t s = 0; s < count; s++)
        for (size_t b = 0; b < tb_run_reader_block_count(shards[s]); b++)
            rows->blocks[rows->block_count++] = (block){
                .reader = shards[s], .index = b, .entry = tb_run_reader_entry(shards[s], b)};
    qsort(rows->blocks, total, sizeof *rows->blocks, compare_blocks);
    for (size_t b = 0; b < total; b++) {
        rows->blocks[b].first_part = rows->part_count;
        rows->part_count += rows->blocks[b].entry->part_count;
        rows->bounds = b == 0 ? rows->blocks[b].entry->rect
                              : united(rows->bounds, rows->blocks[b].entry->rect);
    }
    rows->columns       = tb_run_reader_layout(shards[0])->columns;
    rows->evidence_rows = BUFFER_EVIDENCE_BYTES / ((size_t)rows->columns * sizeof(int64_t));
    if (rows->evidence_rows < 1)
        rows->evidence_rows = 1;
    tb_rows_restart(rows);
done:
    if (status == TB_OK)
        *out = rows;
    else
        tb_rows_close(rows);
    return status;
}

void tb_rows_close(tb_rows *rows)
{
    if (rows == NULL)
        return;
    tb_rows_restart(rows);
    for (size_t i = 0; i < rows->spare_count; i++) {
        tb_free(rows->spare[i].runs);
        tb_free(rows->spare[i].evidence);
    }
    tb_free(rows->spare);
    tb_free(rows->active);
    tb_free(rows->blocks);
    tb_free(rows);
}

int64_t tb_rows_part_count(const tb_rows *rows)
{
    return rows->part_count;
}

tb_rect tb_rows_bounds(const tb_rows *rows)
{
    return rows->bounds;
}

int64_t tb_rows_pixels_passed(const tb_rows *rows)
{
    return rows->pixels_passed;
}

void tb_rows_restart(tb_rows *rows)
{
    for (size_t i = 0; i < rows->active_count; i++)
        rows->spare[rows->spare_count++] = rows->active[i].buffer;
    rows->active_count  = 0;
    rows->next_block    = 0;
    rows->at            = 0;
    rows->pixels_passed = 0;
    rows->row           = INT64_MIN;
}

static tb_status take_buffer(tb_rows *rows, buffer *taken, tb_error *err)
{
    tb_status status = TB_OK;
    buffer    made   = {0};

    if (rows->spare_count > 0) {
        *taken = rows->spare[--rows->spare_count];
        return TB_OK;
    }
    TB_TRY(tb_alloc(&made.runs, BUFFER_RUNS, sizeof *made.runs, "buffer of runs", err));
    TB_TRY(tb_alloc(&made.evidence, rows->evidence_rows * (size_t)rows->columns,
                    sizeof *made.evidence, "buffer of evidence", err));
    *taken = made;
done:
    if (status != TB_OK)
        tb_free(made.runs);
    return status;
}

static tb_status activate(tb_rows *rows, const block *next, tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_rect *rect   = &next->entry->rect;
    size_t         at     = rows->active_count;
    buffer         taken;

    if (rows->active_count == rows->active_capacity) {
        size_t capacity = 2 * rows->active_capacity + 8;

        TB_TRY(tb_grow(&rows->active, capacity, sizeof *rows->active, "open blocks", err));
        TB_TRY(tb_grow(&rows->spare, capacity, sizeof *rows->spare, "open blocks", err));
        rows->active_capacity = capacity;
    }
    while (at > 0 && rows->active[at - 1].block->entry->rect.x > rect->x)
        at--;
    if ((at > 0 &&
         rows->active[at - 1].block->entry->rect.x + rows->active[at - 1].block->entry->rect.width >
             rect->x) ||
        (at < rows->active_count &&
         rect->x + rect->width > rows->active[at].block->entry->rect.x)) {
        status =
            tb_error_set(err, TB_E_INPUT,
                         "read %s: expected blocks that do not overlap, got one at %lld %lld that "
                         "does",
                         tb_run_reader_path(next->reader), (long long)rect->x, (long long)rect->y);
        goto done;
    }
    TB_TRY(take_buffer(rows, &taken, err));
    memmove(rows->active + at + 1, rows->active + at,
            (rows->active_count - at) * sizeof *rows->active);
    rows->active[at] = (cursor){.block = next, .buffer = taken, .row = INT64_MIN};
    rows->active_count++;
done:
    return status;
}

static tb_status out_of_order(const cursor *c, tb_error *err)
{
    const tb_rect *rect = &c->block->entry->rect;

    return tb_error_set(
        err, TB_E_INPUT, "read %s block at %lld %lld: expected runs and parts in order, got others",
        tb_run_reader_path(c->block->reader), (long long)rect->x, (long long)rect->y);
}

/* The cursor's next run, or NULL when the block has no more. */
static tb_status peek(cursor *c, const tb_run **run, tb_error *err)
{
    const tb_run_entry *entry  = c->block->entry;
    tb_status           status = TB_OK;

    if (c->at == c->held) {
        int64_t left = entry->run_count - c->taken;

        *run    = NULL;
        c->held = left < BUFFER_RUNS ? (size_t)left : BUFFER_RUNS;
        c->at   = 0;
        if (c->held == 0)
            return TB_OK;
        TB_TRY(tb_run_reader_read(c->block->reader, c->block->index, c->taken, c->held,
                                  c->buffer.runs, err));
        c->taken += (int64_t)c->held;
    }
    *run = &c->buffer.runs[c->at];
done:
    return status;
}

static tb_status take_evidence(const tb_rows *rows, cursor *c, const int64_t **evidence,
                               tb_error *err)
{
    tb_status status = TB_OK;

    if (c->evidence_at == c->evidence_held) {
        int64_t left = c->block->entry->part_count - c->evidence_taken;

        c->evidence_held = left < (int64_t)rows->evidence_rows ? (size_t)left : rows->evidence_rows;
        c->evidence_at   = 0;
        TB_TRY(tb_run_reader_read_evidence(c->block->reader, c->block->index, c->evidence_taken,
                                           c->evidence_held, c->buffer.evidence, err));
        c->evidence_taken += (int64_t)c->evidence_held;
    }
    *evidence = c->buffer.evidence + c->evidence_at++ * (size_t)rows->columns;
done:
    return status;
}

/* Lets go of the blocks that end above `row`. */
static tb_status retire(tb_rows *rows, int64_t row, tb_error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->active_count; i++) {
        cursor             *c     = &rows->active[i];
        const tb_run_entry *entry = c->block->entry;

        if (entry->rect.y + entry->rect.height > row) {
            rows->active[kept++] = *c;
            continue;
        }
        if (c->at != c->held || c->taken != entry->run_count || c->parts != entry->part_count) {
            /* The buffers of those not looked at yet must not be lost. */
            tb_status status = out_of_order(c, err);

            memmove(rows->active + kept, rows->active + i,
                    (rows->active_count - i) * sizeof *rows->active);
            rows->active_count -= i - kept;
            return status;
        }
        rows->pixels_passed += tb_rect_area(entry->rect);
        rows->spare[rows->spare_count++] = c->buffer;
    }
    rows->active_count = kept;
    return TB_OK;
}

/* Goes to the next row that may hold a run; *has is false after the last. */
static tb_status next_row(tb_rows *rows, bool *has, tb_error *err)
{
    tb_status     status = TB_OK;
    int64_t       row    = INT64_MAX;
    const tb_run *run;

    for (size_t i = 0; i < rows->active_count; i++) {
        TB_TRY(peek(&rows->active[i], &run, err));
        if (run != NULL && run->row <= rows->row) {
            status = out_of_order(&rows->active[i], err);
            goto done;
        }
        if (run != NULL && run->row < row)
            row = run->row;
    }
    if (rows->next_block < rows->block_count && rows->blocks[rows->next_block].entry->rect.y < row)
        row = rows->blocks[rows->next_block].entry->rect.y;
    TB_TRY(retire(rows, row, err));
    *has = row != INT64_MAX;
    if (!*has)
        goto done;
    while (rows->next_block < rows->block_count &&
           rows->blocks[rows->next_block].entry->rect.y == row)
        TB_TRY(activate(rows, &rows->blocks[rows->next_block++], err));
    rows->row           = row;
    rows->at            = 0;
    rows->is_border_row = false;
    for (size_t i = 0; i < rows->active_count; i++) {
        const tb_rect *rect = &rows->active[i].block->entry->rect;

        rows->is_border_row =
            rows->is_border_row || row == rect->y || row == rect->y + rect->height - 1;
    }
done:
    return status;
}

static tb_status take(tb_rows *rows, cursor *c, const tb_run *run, tb_rows_item *item,
                      tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_rect *rect   = &c->block->entry->rect;

    if ((run->row == c->row && run->first <= c->last) || run->part > c->parts)
        return out_of_order(c, err);
    *item = (tb_rows_item){
        .row           = run->row,
        .first         = run->first,
        .last          = run->last,
        .part          = run->part >= 0 ? c->block->first_part + run->part : -1,
        .kind          = run->kind,
        .is_at_side    = run->first == rect->x || run->last == rect->x + rect->width - 1,
        .is_border_row = rows->is_border_row,
    };
    if (run->part == c->parts) {
        TB_TRY(take_evidence(rows, c, &item->evidence, err));
        c->parts++;
    }
    c->row  = run->row;
    c->last = run->last;
    c->at++;
done:
    return status;
}

tb_status tb_rows_next(tb_rows *rows, tb_rows_item *item, bool *has, tb_error *err)
{
    tb_status     status = TB_OK;
    const tb_run *run;

    *has = true;
    for (;;) {
        for (; rows->at < rows->active_count; rows->at++) {
            cursor *c = &rows->active[rows->at];

            TB_TRY(peek(c, &run, err));
            if (run != NULL && run->row == rows->row)
                return take(rows, c, run, item, err);
        }
        TB_TRY(next_row(rows, has, err));
        if (!*has)
            return TB_OK;
    }
done:
    return status;
}
