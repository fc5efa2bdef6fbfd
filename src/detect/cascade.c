#include "detect/cascade.h"

#include <limits.h>

/* 1 / 3 standard deviations of the unsmoothed plane: docs/methods/logratio.md. */
static const float BY_EDGE = 1.0f / 3.0f;

enum {
    ALIGNED_FLOATS = 16,
    /* Rows of each stage that are made in turn: columns are smoothed for all of them at once. */
    ROWS_AT_ONCE = TB_CASCADE_AHEAD + 1
};

/* ---- which stages ---- */

static int add(tb_cascade *cascade, tb_stage stage)
{
    cascade->stage[cascade->count] = stage;
    return cascade->count++;
}

int tb_cascade_give(tb_cascade *cascade)
{
    return add(cascade, (tb_stage){.kind = TB_STAGE_GIVEN});
}

int tb_cascade_smooth(tb_cascade *cascade, int source, const tb_smoothing *smoothing)
{
    int radius = smoothing->radius;

    if (smoothing->has_median)
        source = add(cascade, (tb_stage){.kind   = TB_STAGE_MEDIAN,
                                         .source = source,
                                         .across = TB_MEDIAN_RADIUS,
                                         .down   = TB_MEDIAN_RADIUS});
    source = add(cascade, (tb_stage){.kind      = TB_STAGE_FIR_ROW,
                                     .source    = source,
                                     .smoothing = *smoothing,
                                     .across    = radius});
    source = add(cascade, (tb_stage){.kind      = TB_STAGE_FIR_COLUMN,
                                     .source    = source,
                                     .smoothing = *smoothing,
                                     .down      = radius});
    if (smoothing->keeps_edges)
        source = add(cascade, (tb_stage){.kind   = TB_STAGE_BILATERAL,
                                         .source = source,
                                         .across = TB_BILATERAL_RADIUS,
                                         .down   = TB_BILATERAL_RADIUS});
    return source;
}

int tb_cascade_gradient(tb_cascade *cascade, int source)
{
    return add(cascade,
               (tb_stage){.kind = TB_STAGE_GRADIENT, .source = source, .across = 1, .down = 1});
}

int tb_cascade_difference(tb_cascade *cascade, int one, int other)
{
    return add(cascade, (tb_stage){.kind = TB_STAGE_DIFFERENCE, .source = one, .other = other});
}

void tb_cascade_put_out(tb_cascade *cascade, int stage)
{
    cascade->output[cascade->outputs++] = stage;
}

static int greater(int a, int b)
{
    return a > b ? a : b;
}

/* What a stage asks of one it is made of. */
static void ask(tb_stage *source, const tb_stage *by, int *oldest)
{
    source->margin_x = greater(source->margin_x, by->margin_x + by->across);
    source->margin_y = greater(source->margin_y, by->margin_y + by->down);
    *oldest          = by->margin_y - by->down < *oldest ? by->margin_y - by->down : *oldest;
}

void tb_cascade_finish(tb_cascade *cascade)
{
    int oldest[TB_STAGES_MAX]; /* row still needed, counted from the outputs' */

    for (int s = 0; s < cascade->count; s++)
        oldest[s] = INT_MAX;
    for (int o = 0; o < cascade->outputs; o++)
        oldest[cascade->output[o]] = 0;
    for (int s = cascade->count - 1; s >= 0; s--) {
        tb_stage *it = &cascade->stage[s];

        if (it->kind == TB_STAGE_GIVEN) {
            cascade->halo = greater(cascade->halo, greater(it->margin_x, it->margin_y));
            continue;
        }
        ask(&cascade->stage[it->source], it, &oldest[it->source]);
        if (it->kind == TB_STAGE_DIFFERENCE)
            ask(&cascade->stage[it->other], it, &oldest[it->other]);
    }
    for (int s = 0; s < cascade->count; s++) {
        tb_stage *it = &cascade->stage[s];

        if (it->kind == TB_STAGE_GIVEN) /* all are made together */
            it->margin_x = it->margin_y = cascade->halo;
        it->depth = (oldest[s] <= it->margin_y ? it->margin_y - oldest[s] : 0) + ROWS_AT_ONCE;
    }
}

/* ---- running it ---- */

typedef struct run {
    const tb_cascade *cascade;
    const tb_kernels *kernels;
    int64_t           columns, stride;
    float            *rows[TB_STAGES_MAX];
} run;

static int64_t aligned(int64_t floats)
{
    return (floats + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS;
}

/* Floats before a row, so that the outputs' first column is aligned: vectors that lie across two
 * lines of the cache are read twice. */
static int64_t lead_of(const tb_cascade *cascade)
{
    return aligned(cascade->halo) - cascade->halo;
}

static int64_t stride_of(const tb_cascade *cascade, int64_t columns)
{
    return aligned(lead_of(cascade) + columns);
}

size_t tb_cascade_floats(const tb_cascade *cascade, int64_t columns)
{
    size_t rows = 0;

    for (int s = 0; s < cascade->count; s++)
        rows += (size_t)cascade->stage[s].depth;
    return rows * (size_t)stride_of(cascade, columns);
}

/* Row `y` of a stage; it is one of those that are kept. */
static float *row_of(const run *r, int stage, int64_t y)
{
    return r->rows[stage] + y % r->cascade->stage[stage].depth * r->stride;
}

/* Rows y - reach .. y + reach of a stage, from column `x` on. */
static void look_around(const float **window, const run *r, int stage, int64_t y, int reach,
                        int64_t x)
{
    for (int k = -reach; k <= reach; k++)
        window[k + reach] = row_of(r, stage, y + k) + x;
}

static void make_row(const run *r, int stage, int64_t y)
{
    const tb_stage *it    = &r->cascade->stage[stage];
    int64_t         first = r->cascade->halo - it->margin_x;
    size_t          n     = (size_t)(r->columns - 2 * first);
    float          *dst   = row_of(r, stage, y) + first;
    const float    *window[2 * TB_FIR_RADIUS_MAX + 1];

    _Static_assert((int)TB_FIR_RADIUS_MAX >= (int)TB_BILATERAL_RADIUS &&
                       (int)TB_FIR_RADIUS_MAX >= (int)TB_MEDIAN_RADIUS,
                   "window");
    switch (it->kind) {
    case TB_STAGE_GIVEN:
    case TB_STAGE_FIR_COLUMN:
        break;
    case TB_STAGE_MEDIAN:
        look_around(window, r, it->source, y, it->down, first - it->across);
        r->kernels->median_row(dst, window, n);
        break;
    case TB_STAGE_FIR_ROW:
        r->kernels->fir_row(dst, row_of(r, it->source, y) + first, it->smoothing.taps, it->across,
                            n);
        break;
    case TB_STAGE_BILATERAL:
        look_around(window, r, it->source, y, it->down, first - it->across);
        r->kernels->bilateral_row(dst, window, BY_EDGE, n);
        break;
    case TB_STAGE_GRADIENT:
        look_around(window, r, it->source, y, it->down, first);
        r->kernels->gradient_told(dst, window[0], window[1], window[2], n);
        break;
    case TB_STAGE_DIFFERENCE:
        r->kernels->difference(dst, row_of(r, it->source, y) + first,
                               row_of(r, it->other, y) + first, n);
        break;
    }
}

/* Rows `y` to `end` smoothed across. */
static void smooth_down(const run *r, int stage, int64_t y, int64_t end)
{
    const tb_stage *it    = &r->cascade->stage[stage];
    int64_t         first = r->cascade->halo - it->margin_x;
    const float    *rows[2 * TB_FIR_RADIUS_MAX + ROWS_AT_ONCE];
    float          *dst[ROWS_AT_ONCE];

    for (int64_t i = y - it->down; i < end + it->down; i++)
        rows[i - y + it->down] = row_of(r, it->source, i) + first;
    for (int64_t i = y; i < end; i++)
        dst[i - y] = row_of(r, stage, i) + first;
    r->kernels->fir_columns(dst, rows, it->smoothing.taps, it->down, (int)(end - y),
                            (size_t)(r->columns - 2 * first));
}

/* A stage's rows `y` to `end`. */
static void make_rows(const run *r, int stage, int64_t y, int64_t end)
{
    if (r->cascade->stage[stage].kind == TB_STAGE_FIR_COLUMN) {
        if (y < end)
            smooth_down(r, stage, y, end);
        return;
    }
    for (; y < end; y++)
        make_row(r, stage, y);
}

static tb_status make_given(const run *r, int64_t y, const tb_cascade_ends *ends, tb_error *err)
{
    float *planes[TB_STAGES_MAX];

    for (int s = 0; s < r->cascade->count && r->cascade->stage[s].kind == TB_STAGE_GIVEN; s++)
        planes[s] = row_of(r, s, y);
    return ends->give(ends->context, y, planes, err);
}

tb_status tb_cascade_run(const tb_cascade *cascade, int64_t columns, int64_t rows, float *memory,
                         const tb_cascade_ends *ends, const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    run       r      = {.cascade = cascade,
                        .kernels = kernels,
                        .columns = columns,
                        .stride  = stride_of(cascade, columns)};
    int       halo   = cascade->halo;

    for (int s = 0; s < cascade->count; s++) {
        r.rows[s] = memory + lead_of(cascade);
        memory += cascade->stage[s].depth * r.stride;
    }

    /* With rows y to end of the outputs each stage makes the rows that lie its margin below; those
     * of wide margins begin before there is an output. */
    for (int64_t y = -halo, end; y < rows - halo; y = end) {
        end = y + ROWS_AT_ONCE < rows - halo ? y + ROWS_AT_ONCE : rows - halo;
        for (int64_t i = y; i < end; i++)
            TB_TRY(make_given(&r, i + halo, ends, err));
        for (int s = 0; s < cascade->count; s++) {
            int     margin = cascade->stage[s].margin_y;
            int64_t first  = y > halo - 2 * margin ? y : halo - 2 * margin;

            if (cascade->stage[s].kind != TB_STAGE_GIVEN)
                make_rows(&r, s, first + margin, end + margin);
        }
        for (int64_t i = y > halo ? y : halo; i < end; i++) {
            const float *outputs[TB_CASCADE_OUTPUTS_MAX];

            for (int o = 0; o < cascade->outputs; o++)
                outputs[o] = row_of(&r, cascade->output[o], i) + halo;
            TB_TRY(ends->take(ends->context, i, outputs, err));
        }
    }
done:
    return status;
}
