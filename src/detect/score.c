#include "detect/score.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/real.h"

/* Gradients are of brightness smoothed a little; their difference counts in a wider neighbourhood.
 */
static const double GRADIENT_SIGMA = 1.0, TEXTURE_SIGMA = 3.0, TEXTURE_REACH = 3.0;

/* 1 / 3 standard deviations of the unsmoothed plane: docs/methods/logratio.md. */
static const float BY_EDGE = 1.0f / 3.0f;

/* Gaussian taps exp(-k^2 / (2 sigma^2)) out to `reach` sigma. */
static tb_smoothing gaussian(double sigma, double reach)
{
    tb_smoothing smoothing = {.radius = (int)ceil(sigma * reach), .taps = {1.0f}};

    smoothing.radius = smoothing.radius < 1 ? 1 : smoothing.radius;
    smoothing.radius = smoothing.radius < TB_FIR_RADIUS_MAX ? smoothing.radius : TB_FIR_RADIUS_MAX;
    for (int k = 1; k <= smoothing.radius; k++)
        smoothing.taps[k] =
            sigma > 0.0 ? (float)tb_real_exp(-(double)(k * k) / (2.0 * sigma * sigma)) : 0.0f;
    return smoothing;
}

/* Pixels around a block that smoothing one plane needs. */
static int halo_of(const tb_smoothing *smoothing)
{
    return smoothing->radius + (smoothing->has_median ? TB_MEDIAN_RADIUS : 0) +
           (smoothing->keeps_edges ? TB_BILATERAL_RADIUS : 0);
}

void tb_scoring_init(tb_scoring *scoring, const tb_method *method, int bands, double sigma,
                     bool has_median)
{
    int texture = method->has_texture ? method->planes - 2 : -1;

    *scoring = (tb_scoring){
        .method = method, .bands = bands, .smoothed = method->planes - method->has_texture};
    for (int p = 0; p < scoring->smoothed; p++) {
        tb_smoothing *smoothing = &scoring->smoothing[p];
        int           halo;

        *smoothing             = p == texture
                                     ? gaussian(TEXTURE_SIGMA, TEXTURE_REACH)
                                     : gaussian(method->has_speckle && p > 0 ? 2.0 * sigma : sigma, 3.34);
        smoothing->has_median  = p == 0 && has_median;
        smoothing->keeps_edges = p == 0 && method->has_speckle && sigma > 0.0;
        halo                   = halo_of(smoothing);
        if (p == texture) {
            scoring->before_gradient = gaussian(GRADIENT_SIGMA, TEXTURE_REACH);
            halo += halo_of(&scoring->before_gradient) + 1;
        }
        scoring->halo = halo > scoring->halo ? halo : scoring->halo;
    }
}

void tb_scoring_init_trained(tb_scoring *scoring, const tb_filter *filter)
{
    *scoring = (tb_scoring){.method          = &tb_method_trained,
                            .filter          = filter,
                            .bands           = filter->bands,
                            .smoothed        = TB_FILTER_PLANES,
                            .before_gradient = gaussian(GRADIENT_SIGMA, TEXTURE_REACH)};
    for (int p = 0; p < TB_FILTER_PLANES; p++) {
        bool is_narrow = p == TB_PLANE_CONTRAST || p == TB_PLANE_STATISTIC;
        bool is_rough  = p >= TB_PLANE_ROUGH_BEFORE && p <= TB_PLANE_TEXTURE;
        int  halo;

        scoring->smoothing[p] =
            is_narrow ? gaussian(filter->smoothing, 3.34) : gaussian(filter->wide, TEXTURE_REACH);
        scoring->smoothing[p].has_median = p == TB_PLANE_CONTRAST && filter->has_median;
        halo                             = halo_of(&scoring->smoothing[p]) +
               (is_rough ? halo_of(&scoring->before_gradient) + 1 : 0);
        scoring->halo = halo > scoring->halo ? halo : scoring->halo;
    }
}

void tb_scores_reset(tb_scores *scores)
{
    tb_free(scores->storage);
    *scores = (tb_scores){0};
}

/* The method's planes and one more with the halo, the two outputs, scratch. */
static size_t floats_needed(int planes, int64_t columns, int64_t rows)
{
    return (size_t)(planes + 1 + 2) * (size_t)(columns * rows) +
           TB_METHOD_SCRATCH * TB_METHOD_SEGMENT;
}

size_t tb_scores_bytes(int planes, int64_t columns, int64_t rows)
{
    return floats_needed(planes, columns, rows) * sizeof(float);
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

/* A plane of a block: `rows` rows of `columns` pixels. */
typedef struct extent {
    int64_t columns, rows;
} extent;

/* Pixel (margin, y) of a plane. */
static float *at_row(float *plane, extent size, int64_t margin, int64_t y)
{
    return plane + y * size.columns + margin;
}

static void swap(float **a, float **b)
{
    float *held = *a;

    *a = *b;
    *b = held;
}

/* dst gets the median wherever it lies `margin` pixels or more within the plane. */
static void find_median(float *dst, float *src, extent size, int margin, const tb_kernels *kernels)
{
    for (int64_t y = margin; y < size.rows - margin; y++) {
        const float *window[2 * TB_MEDIAN_RADIUS + 1];

        for (int k = -TB_MEDIAN_RADIUS; k <= TB_MEDIAN_RADIUS; k++)
            window[k + TB_MEDIAN_RADIUS] = at_row(src, size, margin - TB_MEDIAN_RADIUS, y + k);
        kernels->median_row(at_row(dst, size, margin, y), window,
                            (size_t)(size.columns - 2 * margin));
    }
}

/* dst gets the mean that keeps edges wherever it lies `margin` pixels or more within. */
static void keep_edges(float *dst, float *src, extent size, int margin, const tb_kernels *kernels)
{
    for (int64_t y = margin; y < size.rows - margin; y++) {
        const float *window[2 * TB_BILATERAL_RADIUS + 1];

        for (int k = -TB_BILATERAL_RADIUS; k <= TB_BILATERAL_RADIUS; k++)
            window[k + TB_BILATERAL_RADIUS] =
                at_row(src, size, margin - TB_BILATERAL_RADIUS, y + k);
        kernels->bilateral_row(at_row(dst, size, margin, y), window, BY_EDGE,
                               (size_t)(size.columns - 2 * margin));
    }
}

/* Smooths the plane where it lies `margin` pixels or more within; `other` is as large. */
static void smooth(float **plane, float **other, extent size, int margin,
                   const tb_smoothing *smoothing, const tb_kernels *kernels)
{
    int    radius = smoothing->radius, within = margin;
    size_t n;

    margin -= smoothing->keeps_edges ? TB_BILATERAL_RADIUS : 0;
    n = (size_t)(size.columns - 2 * margin);
    if (smoothing->has_median) {
        find_median(*other, *plane, size, margin - radius, kernels);
        swap(plane, other);
    }
    for (int64_t y = margin - radius; y < size.rows - margin + radius; y++)
        kernels->fir_row(at_row(*other, size, margin, y), at_row(*plane, size, margin, y),
                         smoothing->taps, radius, n);
    for (int64_t y = margin; y < size.rows - margin; y++) {
        const float *window[2 * TB_FIR_RADIUS_MAX + 1];

        for (int k = -radius; k <= radius; k++)
            window[k + radius] = at_row(*other, size, margin, y + k);
        kernels->fir_column(at_row(*plane, size, margin, y), window, smoothing->taps, radius, n);
    }
    if (smoothing->keeps_edges) {
        keep_edges(*other, *plane, size, within, kernels);
        swap(plane, other);
    }
}

/*
 * The plane's gradient magnitude in its place, of what `smoothing` leaves. Beside what was not
 * observed no gradient can be told, and 0 stands for it.
 */
static void find_gradient(float **plane, float **other, extent size, int margin,
                          const tb_smoothing *smoothing, const tb_kernels *kernels)
{
    size_t n = (size_t)(size.columns - 2 * margin);

    smooth(plane, other, size, margin - 1, smoothing, kernels);
    for (int64_t y = margin; y < size.rows - margin; y++) {
        const float *centre   = at_row(*plane, size, margin, y);
        float       *gradient = at_row(*other, size, margin, y);

        kernels->gradient(gradient, at_row(*plane, size, margin, y - 1), centre,
                          at_row(*plane, size, margin, y + 1), n);
        for (size_t x = 0; x < n; x++)
            gradient[x] = isnan(centre[x]) ? NAN : isnan(gradient[x]) ? 0.0f : gradient[x];
    }
    swap(plane, other);
}

/* How far two planes differ; dst may be one of them. */
static void find_difference(float *dst, const float *a, const float *b, extent size)
{
    for (size_t i = 0; i < (size_t)(size.columns * size.rows); i++)
        dst[i] = fabsf(a[i] - b[i]);
}

/* The planes a filter sees beside those the method made. */
static void find_filter_planes(float **plane, float **other, extent size, const tb_scoring *scoring,
                               const tb_kernels *kernels)
{
    static const int    from[][2] = {{TB_PLANE_BRIGHT_BEFORE, TB_PLANE_ROUGH_BEFORE},
                                     {TB_PLANE_BRIGHT_AFTER, TB_PLANE_ROUGH_AFTER},
                                     {TB_PLANE_CONTRAST, TB_PLANE_WIDE_CONTRAST},
                                     {TB_PLANE_STATISTIC, TB_PLANE_WIDE_STATISTIC}};
    const tb_smoothing *smoothing = &scoring->before_gradient;

    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        memcpy(plane[from[i][1]], plane[from[i][0]],
               (size_t)(size.columns * size.rows) * sizeof(float));
    for (int p = TB_PLANE_ROUGH_BEFORE; p <= TB_PLANE_ROUGH_AFTER; p++)
        find_gradient(&plane[p], other, size, smoothing->radius + 1, smoothing, kernels);
    find_difference(plane[TB_PLANE_TEXTURE], plane[TB_PLANE_ROUGH_BEFORE],
                    plane[TB_PLANE_ROUGH_AFTER], size);
}

tb_status tb_scores_make(tb_scores *scores, const tb_scoring *scoring, const tb_pair_block *block,
                         const tb_radiometry *const *radiometry, const tb_kernels *kernels,
                         tb_error *err)
{
    tb_status        status = TB_OK;
    extent           size   = {block->rect.width, block->rect.height};
    tb_rect          core   = tb_rect_grow(block->rect, -scoring->halo);
    const tb_method *method = scoring->method;
    int              planes = scoring->filter != NULL ? scoring->smoothed : method->planes;
    size_t           pixels = (size_t)(size.columns * size.rows);
    size_t           needed = floats_needed(planes, size.columns, size.rows);
    float           *plane[TB_METHOD_PLANES_MAX], *other, *scratch;

    if (needed > scores->capacity) {
        tb_scores_reset(scores);
        TB_TRY(tb_alloc(&scores->storage, needed, sizeof(float), "scores", err));
        scores->capacity = needed;
    }
    scores->rect     = core;
    scores->stride   = size.columns;
    scratch          = scores->storage;
    scores->score    = scratch + TB_METHOD_SCRATCH * TB_METHOD_SEGMENT;
    scores->contrast = scores->score + pixels;
    other            = scores->contrast + pixels;
    for (int p = 0; p < planes; p++)
        plane[p] = other + (size_t)(p + 1) * pixels;

    for (int64_t y = 0; y < size.rows; y++)
        make_row(plane, scratch, scoring, block, y, radiometry, kernels);
    if (scoring->filter != NULL) {
        find_filter_planes(plane, &other, size, scoring, kernels);
    } else if (method->has_texture) {
        float **before = &plane[method->planes - 2], **after = &plane[method->planes - 1];
        int     margin = scoring->before_gradient.radius + 1;

        find_gradient(before, &other, size, margin, &scoring->before_gradient, kernels);
        find_gradient(after, &other, size, margin, &scoring->before_gradient, kernels);
        find_difference(*before, *before, *after, size);
    }
    for (int p = 0; p < scoring->smoothed; p++) {
        smooth(&plane[p], &other, size, scoring->halo, &scoring->smoothing[p], kernels);
        scores->plane[p] = at_row(plane[p], size, scoring->halo, scoring->halo);
    }
    for (int64_t y = 0; y < core.height; y++) {
        float       *score    = scores->score + y * core.width;
        float       *contrast = scores->contrast + y * core.width;
        const float *row[TB_METHOD_PLANES_MAX];

        for (int p = 0; p < scoring->smoothed; p++)
            row[p] = scores->plane[p] + y * size.columns;
        if (scoring->filter != NULL) {
            tb_filter_judge(score, scoring->filter, row, scratch, (size_t)core.width, kernels);
            memcpy(contrast, row[TB_PLANE_CONTRAST], (size_t)core.width * sizeof *contrast);
        } else {
            method->finish(score, contrast, row, scoring->bands, (size_t)core.width);
        }
    }
done:
    return status;
}
