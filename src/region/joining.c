#include "region/joining.h"

#include "core/forest.h"
#include "core/memory.h"
#include "region/array.h"

/* A run that may touch a run of another block. */
typedef struct touch {
    int64_t first, last, part;
} touch;

typedef struct line {
    touch  *touches;
    size_t  count, capacity;
    int64_t row;
} line;

void tb_joining_reset(tb_joining *joining)
{
    tb_free(joining->parent);
    tb_free(joining->state);
    *joining = (tb_joining){0};
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
            tb_forest64_unite(parent, now->touches[c - 1].part, run->part);
        while (p < above && before->touches[p].last + reach < run->first)
            p++;
        for (size_t q = p; q < above && before->touches[q].first <= run->last + reach; q++)
            tb_forest64_unite(parent, before->touches[q].part, run->part);
    }
}

static tb_status append_touch(line *now, const tb_rows_item *item, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve_next(&now->touches, &now->capacity, now->count, sizeof *now->touches,
                                 "line of runs", err));
    now->touches[now->count++] = (touch){item->first, item->last, item->part};
done:
    return status;
}

/* Counts each part's pixels, and unites those that touch. */
static tb_status join_parts(tb_joining *joining, tb_rows *rows, int64_t reach,
                            tb_joining_row_fn *on_row, void *context, tb_error *err)
{
    tb_status    status   = TB_OK;
    line         lines[2] = {{.row = INT64_MIN}, {.row = INT64_MIN}};
    line        *now = &lines[0], *before = &lines[1];
    tb_rows_item item;
    bool         has;

    for (;;) {
        TB_TRY(tb_rows_next(rows, &item, &has, err));
        if (!has || item.row != now->row) {
            line *swap = before;

            connect_lines(joining->parent, before, now, reach);
            before     = now;
            now        = swap;
            now->count = 0;
            now->row   = has ? item.row : INT64_MIN;
            if (!has)
                break;
            TB_TRY(on_row(context, err));
        }
        if (item.kind == TB_RUN_UNOBSERVED) {
            joining->totals.unobserved_pixels += item.last - item.first + 1;
            continue;
        }
        joining->state[item.part] += 2 * (item.last - item.first + 1);
        if (item.kind == TB_RUN_STRONG)
            joining->state[item.part] |= 1;
        /* Inside a block the parts are united already: only runs at its border can add anything. */
        if (item.is_border_row || item.is_at_side)
            TB_TRY(append_touch(now, &item, err));
    }
done:
    tb_free(lines[0].touches);
    tb_free(lines[1].touches);
    return status;
}

/* A root comes before its parts, so one pass in order leads every part to its root. */
static void decide(tb_joining *joining, int64_t parts, int64_t min_pixels)
{
    for (int64_t i = 0; i < parts; i++) {
        int64_t root = joining->parent[joining->parent[i]];

        joining->parent[i] = root;
        if (root != i) {
            joining->state[root] += joining->state[i] & ~(int64_t)1;
            joining->state[root] |= joining->state[i] & 1;
        }
    }
    for (int64_t i = 0; i < parts; i++) {
        int64_t pixels    = joining->state[i] / 2;
        bool    is_strong = (joining->state[i] & 1) != 0;

        if (joining->parent[i] != i)
            continue;
        if (!is_strong) {
            joining->totals.weak++;
            joining->totals.weak_pixels += pixels;
            joining->state[i] = 0;
        } else if (pixels < min_pixels) {
            joining->totals.small++;
            joining->totals.small_pixels += pixels;
            joining->state[i] = 2 * pixels;
        } else {
            joining->totals.kept++;
            joining->totals.kept_pixels += pixels;
            joining->state[i] = 2 * pixels + 1;
        }
    }
}

tb_status tb_joining_make(tb_joining *joining, tb_rows *rows, const tb_assemble_options *options,
                          tb_joining_row_fn *on_row, void *context, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   parts  = tb_rows_part_count(rows);
    int64_t   reach  = options->connectivity == TB_CONNECT_4 ? 0 : 1;

    TB_TRY(tb_alloc(&joining->parent, (size_t)parts, sizeof *joining->parent, "parts", err));
    TB_TRY(tb_alloc_zero(&joining->state, (size_t)parts, sizeof *joining->state, "parts", err));
    for (int64_t i = 0; i < parts; i++)
        joining->parent[i] = i;
    TB_TRY(join_parts(joining, rows, reach, on_row, context, err));
    decide(joining, parts, options->min_pixels);
done:
    return status;
}
