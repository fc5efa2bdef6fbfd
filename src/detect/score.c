#include "detect/score.h"

#include <math.h>

#include "core/memory.h"
#include "kernels/real.h"

void tb_scoring_smooth(tb_scoring *scoring, double sigma)
{
    int radius = (int)ceil(sigma * 3.34);

    radius           = radius < 1 ? 1 : radius;
    scoring->radius  = radius < TB_FIR_RADIUS_MAX ? radius : TB_FIR_RADIUS_MAX;
    scoring->taps[0] = 1.0f;
    for (int k = 1; k <= scoring->radius; k++)
        scoring->taps[k] =
            sigma > 0.0 ? (float)tb_real_exp(-(double)(k * k) / (2.0 * sigma * sigma)) : 0.0f;
}

void tb_scores_reset(tb_scores *scores)
{
    tb_free(scores->storage);
    *scores = (tb_scores){0};
}

/* Planes with the halo, the same smoothed along rows, smoothed rows, the two outputs, scratch. */
static size_t floats_needed(int64_t columns, int64_t rows)
{
    size_t pixels = (size_t)(columns * rows);

    return (2 * TB_METHOD_PLANES_MAX + 2) * pixels + TB_METHOD_PLANES_MAX * (size_t)columns +
           3 * TB_METHOD_SEGMENT;
}

size_t tb_scores_bytes(int64_t columns, int64_t rows)
{
    return floats_needed(columns, rows) * sizeof(float);
}

/* The method's planes for pixels of one row that lie in one stratum. */
static void make_segment(float *const *out, float *scratch, const tb_scoring *scoring,
                         const tb_pair_block *block, size_t at, size_t n,
                         const tb_radiometry *radiometry, const tb_kernels *kernels)
{
    const float *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];

    for (int b = 0; b < scoring->bands; b++) {
        before[b] = block->before[b] + at;
        after[b]  = block->after[b] + at;
    }
    scoring->method->row(out, before, after, scoring->bands, radiometry, scratch, n, kernels);
}

static void make_row(float *const *planes, float *scratch, const tb_scoring *scoring,
                     const tb_pair_block *block, int64_t y, const tb_radiometry *const *radiometry,
                     const tb_kernels *kernels)
{
    size_t         columns = (size_t)block->rect.width, first = (size_t)y * columns;
    const int16_t *stratum = block->stratum + first;

    for (size_t x = 0; x < columns;) {
        size_t end = x + 1;
        float *out[TB_METHOD_PLANES_MAX];

        while (end < columns && end - x < TB_METHOD_SEGMENT && stratum[end] == stratum[x])
            end++;
        for (int p = 0; p < scoring->method->planes; p++)
            out[p] = planes[p] + first + x;
        if (stratum[x] >= 0 && radiometry[stratum[x]] != NULL)
            make_segment(out, scratch, scoring, block, first + x, end - x, radiometry[stratum[x]],
                         kernels);
        else
            for (int p = 0; p < scoring->method->planes; p++)
                for (size_t i = 0; i < end - x; i++)
                    out[p][i] = NAN;
        x = end;
    }
}

tb_status tb_scores_make(tb_scores *scores, const tb_scoring *scoring, const tb_pair_block *block,
                         const tb_radiometry *const *radiometry, const tb_kernels *kernels,
                         tb_error *err)
{
    tb_status status  = TB_OK;
    int64_t   columns = block->rect.width, rows = block->rect.height;
    tb_rect   core   = tb_rect_grow(block->rect, -scoring->radius);
    size_t    pixels = (size_t)(columns * rows);
    size_t    needed = floats_needed(columns, rows);
    float *plane[TB_METHOD_PLANES_MAX], *along[TB_METHOD_PLANES_MAX], *line[TB_METHOD_PLANES_MAX];
    float *next;

    if (needed > scores->capacity) {
        tb_scores_reset(scores);
        TB_TRY(tb_alloc(&scores->storage, needed, sizeof(float), "scores", err));
        scores->capacity = needed;
    }
    next             = scores->storage;
    scores->rect     = core;
    scores->score    = next;
    scores->contrast = next + pixels;
    next += 2 * pixels;
    for (int p = 0; p < TB_METHOD_PLANES_MAX; p++) {
        plane[p] = next;
        along[p] = next + pixels;
        line[p]  = next + 2 * pixels;
        next += 2 * pixels + (size_t)columns;
    }

    for (int64_t y = 0; y < rows; y++) {
        make_row(plane, next, scoring, block, y, radiometry, kernels);
        for (int p = 0; p < scoring->method->planes; p++)
            kernels->fir_row(along[p] + y * columns, plane[p] + y * columns + scoring->radius,
                             scoring->taps, scoring->radius, (size_t)core.width);
    }
    for (int64_t y = 0; y < core.height; y++) {
        const float *smooth[TB_METHOD_PLANES_MAX];

        for (int p = 0; p < scoring->method->planes; p++) {
            const float *window[2 * TB_FIR_RADIUS_MAX + 1];

            for (int k = 0; k <= 2 * scoring->radius; k++)
                window[k] = along[p] + (y + k) * columns;
            kernels->fir_column(line[p], window, scoring->taps, scoring->radius,
                                (size_t)core.width);
            smooth[p] = line[p];
        }
        scoring->method->finish(scores->score + y * core.width, scores->contrast + y * core.width,
                                smooth, scoring->bands, (size_t)core.width);
    }
done:
    return status;
}
