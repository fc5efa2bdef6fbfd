#include "region/label.h"

#include <assert.h>
#include <string.h>

#include "core/forest.h"
#include "core/memory.h"

struct tb_label {
    tb_run   *runs;
    uint32_t *parent; /* one a run: an earlier run of its set, or itself */
    size_t    capacity;
    size_t    count;
};

tb_status tb_label_new(tb_label **out, tb_error *err)
{
    return tb_alloc_zero(out, 1, sizeof **out, "labelling", err);
}

void tb_label_free(tb_label *label)
{
    if (label == NULL)
        return;
    tb_free(label->runs);
    tb_free(label->parent);
    tb_free(label);
}

static tb_status reserve(tb_label *label, size_t needed, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    capacity = label->capacity + label->capacity / 2;

    if (needed <= label->capacity)
        return TB_OK;
    if (capacity < needed)
        capacity = needed;
    TB_TRY(tb_grow(&label->runs, capacity, sizeof *label->runs, "runs of a block", err));
    TB_TRY(tb_grow(&label->parent, capacity, sizeof *label->parent, "labels of a block", err));
    label->capacity = capacity;
done:
    return status;
}

/* The first place from `x` on that does not hold `kind`, eight bytes at a time where they all do.
 */
static int64_t end_of(const uint8_t *row, int64_t x, int64_t width, uint8_t kind)
{
    const uint64_t eight = UINT64_C(0x0101010101010101) * kind;
    uint64_t       word;

    while (x + 8 <= width) {
        memcpy(&word, row + x, sizeof word);
        if (word != eight)
            break;
        x += 8;
    }
    while (x < width && row[x] == kind)
        x++;
    return x;
}

/* Appends the runs of one row; there is room for a run a pixel. */
static void cut_row(tb_label *label, const uint8_t *row, tb_rect rect, int64_t y)
{
    tb_run *run = label->runs + label->count;

    for (int64_t x = 0; x < rect.width;) {
        uint8_t kind = row[x];
        int64_t end  = end_of(row, x + 1, rect.width, kind);

        assert(kind <= TB_RUN_UNOBSERVED);
        if (kind != TB_RUN_NONE)
            *run++ = (tb_run){
                .row = y, .first = rect.x + x, .last = rect.x + end - 1, .part = -1, .kind = kind};
        x = end;
    }
    label->count = (size_t)(run - label->runs);
}

/* Connects the runs from..to-1 of a row among each other and to those above..from-1 of the row
 * before. */
static void connect_row(tb_label *label, size_t above, size_t from, size_t to, int64_t reach)
{
    const tb_run *runs   = label->runs;
    uint32_t     *parent = label->parent;
    size_t        p      = above;

    for (size_t c = from; c < to; c++) {
        parent[c] = (uint32_t)c;
        if (runs[c].kind == TB_RUN_UNOBSERVED)
            continue;
        if (c > from && runs[c - 1].last + 1 == runs[c].first &&
            runs[c - 1].kind != TB_RUN_UNOBSERVED)
            parent[c] = parent[c - 1];
        while (p < from && runs[p].last + reach < runs[c].first)
            p++;
        for (size_t q = p; q < from && runs[q].first <= runs[c].last + reach; q++) {
            if (runs[q].kind == TB_RUN_UNOBSERVED)
                continue;
            if (parent[c] == c)
                parent[c] = tb_forest_root(parent, (uint32_t)q);
            else
                tb_forest_unite(parent, (uint32_t)c, (uint32_t)q);
        }
    }
}

tb_status tb_label_block(tb_label *label, const uint8_t *classes, size_t stride, tb_rect rect,
                         tb_connectivity connectivity, tb_run_block *block, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   reach  = connectivity == TB_CONNECT_8 ? 1 : 0;
    int32_t   parts  = 0;
    size_t    above  = 0;

    if (rect.width > INT32_MAX || rect.height > INT32_MAX || tb_rect_area(rect) > INT32_MAX)
        return tb_error_set(err, TB_E_BUG,
                            "label a block: expected fewer than 2^31 pixels, got %lldx%lld",
                            (long long)rect.width, (long long)rect.height);
    label->count = 0;
    for (int64_t y = 0; y < rect.height; y++) {
        size_t from = label->count;

        TB_TRY(reserve(label, from + (size_t)rect.width, err));
        cut_row(label, classes + (size_t)y * stride, rect, rect.y + y);
        connect_row(label, above, from, label->count, reach);
        above = from;
    }
    /* A parent comes before its child, so one pass in order gives every run its part. */
    for (size_t i = 0; i < label->count; i++) {
        if (label->runs[i].kind == TB_RUN_UNOBSERVED)
            continue;
        label->runs[i].part = label->parent[i] == i ? parts++ : label->runs[label->parent[i]].part;
    }
    *block = (tb_run_block){.rect       = rect,
                            .runs       = label->runs,
                            .run_count  = label->count,
                            .evidence   = NULL,
                            .part_count = (size_t)parts};
done:
    return status;
}
