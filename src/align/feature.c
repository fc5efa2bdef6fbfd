#include "align/feature.h"

#include <float.h>
#include <math.h>

/*
 * G_0.7 cut at radius 2 and normalised: exp(-k^2 / 0.98) is 1, .360447789, .016879884 (the third
 * tap, 1e-4, is left out). Written down, for libm is not to be asked. What rests on a missing pixel
 * or lies outside is missing: a renormalised sum at a border would lean to one side and pull the
 * shift.
 */
static const float smooth[3]   = {0.569912492f, 0.205423697f, 0.009620057f};
static const float binomial[2] = {0.5f, 0.25f};

enum {
    SMOOTH_TAPS    = 5,
    BINOMIAL_TAPS  = 3,
    RIM            = 3, /* pixels at the border without a gradient: 2 of the smoothing and 1 */
    TYPICAL_ROUNDS = 6,
};

/* Of the typical gradient: the edges of clouds and roofs would outweigh all else. */
static const double saturation = 3.0;

static const float *const *planes_of(const tb_align_cell *cell, bool is_after)
{
    return is_after ? cell->after : cell->before;
}

/* The values are taken from the first valid one, so that a constant band is exactly without
 * variance. */
static double weight_of_band(const tb_align_cell *cells, int count, int band, bool is_after)
{
    double pivot = 0.0, sum = 0.0, squares = 0.0;
    double n = 0.0;

    for (int c = 0; c < count; c++) {
        const float *plane  = planes_of(&cells[c], is_after)[band];
        int64_t      pixels = cells[c].width * cells[c].height;

        for (int64_t i = 0; i < pixels; i++) {
            if (!isfinite(plane[i]))
                continue;
            if (n == 0.0)
                pivot = plane[i];

            double v = plane[i] - pivot;

            sum += v;
            squares += v * v;
            n += 1.0;
        }
    }
    if (n < 2.0)
        return 0.0;

    double variance = (squares - sum * sum / n) / n;

    return variance > 1e-12 * pivot * pivot && isfinite(variance) ? 1.0 / sqrt(variance) : 0.0;
}

void tb_feature_weigh(double *weights, const tb_align_cell *cells, int count, int bands)
{
    for (int b = 0; b < bands; b++) {
        weights[b]         = weight_of_band(cells, count, b, false);
        weights[bands + b] = weight_of_band(cells, count, b, true);
    }
}

static void fill(float *dst, int64_t n, float value)
{
    for (int64_t x = 0; x < n; x++)
        dst[x] = value;
}

/* Adds a band's gradients, row by row: of rows smoothed along the last five are kept, and of those
 * smoothed both ways, which begin 2 pixels inside the plane, the last three. */
static void add_band(float *gradient, const float *plane, float weight, float *rows, int64_t width,
                     int64_t height, const tb_kernels *kernels)
{
    const int64_t n           = width - (SMOOTH_TAPS - 1);
    float *const  along       = rows;
    float *const  smooth_rows = rows + SMOOTH_TAPS * n;

    for (int64_t y = 0; y < height; y++) {
        const float *tap[SMOOTH_TAPS];

        for (int k = 0; k < SMOOTH_TAPS; k++)
            tap[k] = plane + y * width + k;
        kernels->stencil_five(along + y % SMOOTH_TAPS * n, tap, smooth, (size_t)n);
        if (y < SMOOTH_TAPS - 1)
            continue;
        for (int k = 0; k < SMOOTH_TAPS; k++)
            tap[k] = along + (y + 1 + k) % SMOOTH_TAPS * n;
        kernels->stencil_five(smooth_rows + y % 3 * n, tap, smooth, (size_t)n);
        if (y < 2 * RIM)
            continue;
        kernels->gradient_add(gradient + (y - RIM) * width + RIM, smooth_rows + (y + 1) % 3 * n + 1,
                              smooth_rows + (y + 2) % 3 * n + 1, smooth_rows + y % 3 * n + 1,
                              weight, (size_t)(width - 2 * RIM));
    }
}

/* The outermost pixels have no gradient and are missing. */
static void clear(float *gradient, int64_t width, int64_t height)
{
    for (int64_t y = 0; y < height; y++) {
        float *row       = gradient + y * width;
        bool   is_inside = y >= RIM && y < height - RIM;

        fill(row, width, is_inside ? 0.0f : NAN);
        fill(row, RIM, NAN);
        fill(row + width - RIM, RIM, NAN);
    }
}

void tb_feature_make(tb_feature *out, const tb_align_cell *cell, const double *weights, int bands,
                     float *planes, float *rows, const tb_kernels *kernels)
{
    int64_t width = cell->width, height = cell->height;

    *out = (tb_feature){.x      = cell->x,
                        .y      = cell->y,
                        .width  = width,
                        .height = height,
                        .before = planes,
                        .after  = planes + width * height};
    for (int is_after = 0; is_after < 2; is_after++) {
        float *gradient = is_after ? out->after : out->before;

        clear(gradient, width, height);
        for (int b = 0; b < bands; b++)
            add_band(gradient, planes_of(cell, is_after)[b], (float)weights[is_after * bands + b],
                     rows, width, height, kernels);
    }
}

/* The mean of one date's gradients over all cells, none counted as more than `saturation` of it. */
static double typical_gradient(const tb_feature *features, int count, bool is_after,
                               const tb_kernels *kernels)
{
    double typical = 0.0;

    for (int round = 0; round < TYPICAL_ROUNDS; round++) {
        float  most    = round == 0 ? FLT_MAX : (float)(saturation * typical);
        double sums[2] = {0.0};

        for (int c = 0; c < count; c++) {
            const tb_feature *f = &features[c];

            kernels->clip_add(sums, is_after ? f->after : f->before, most,
                              (size_t)(f->width * f->height));
        }
        typical = sums[1] > 0.0 ? sums[0] / sums[1] : 0.0;
    }
    return typical;
}

/* Cuts gradients off at `most`, and smooths what is left, both row by row and in place. */
static void finish(float *feature, float most, float *rows, int64_t width, int64_t height,
                   const tb_kernels *kernels)
{
    const int64_t n  = width - (BINOMIAL_TAPS - 1);
    float *const cut = rows, *const along = rows + width;

    for (int64_t y = 0; y < height; y++) {
        float       *f = feature + y * width;
        const float *tap[BINOMIAL_TAPS];

        kernels->clip_row(cut, f, most, (size_t)width);
        for (int k = 0; k < BINOMIAL_TAPS; k++)
            tap[k] = cut + k;
        kernels->stencil_three(along + y % BINOMIAL_TAPS * n, tap, binomial, (size_t)n);
        if (y < BINOMIAL_TAPS - 1)
            continue;
        for (int k = 0; k < BINOMIAL_TAPS; k++)
            tap[k] = along + (y + 1 + k) % BINOMIAL_TAPS * n;
        kernels->stencil_three(f - width + 1, tap, binomial, (size_t)n);
    }
}

void tb_feature_finish(tb_feature *features, int count, float *rows, const tb_kernels *kernels)
{
    float before = (float)(saturation * typical_gradient(features, count, false, kernels));
    float after  = (float)(saturation * typical_gradient(features, count, true, kernels));

    for (int c = 0; c < count; c++) {
        tb_feature *f = &features[c];

        finish(f->before, before, rows, f->width, f->height, kernels);
        finish(f->after, after, rows, f->width, f->height, kernels);
        f->before_centre = tb_feature_centre(f->before, f->width * f->height);
        f->after_centre  = tb_feature_centre(f->after, f->width * f->height);
    }
}

float tb_feature_centre(const float *values, int64_t n)
{
    enum { STRIDE = 31 };
    double sum = 0.0, count = 0.0;

    for (int64_t i = 0; i < n; i += STRIDE) {
        if (isnan(values[i]))
            continue;
        sum += values[i];
        count += 1.0;
    }
    return count > 0.0 ? (float)(sum / count) : 0.0f;
}
