#include "align/feature.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

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

static void add_finite(tb_feature_spread *spread, const float *row, int64_t n)
{
    for (int64_t x = 0; x < n; x++) {
        if (!isfinite(row[x]))
            continue;
        if (spread->count == 0.0)
            spread->pivot = row[x];

        double v = row[x] - spread->pivot;

        spread->sum += v;
        spread->squares += v * v;
        spread->count += 1.0;
    }
}

/* The same of rows of which all values are finite. A sum waits for the one before it: several are
 * made at a time. */
static inline void add_together(tb_feature_spread *spreads, const float *const *rows, int64_t n,
                                const int channels)
{
    double sum[4], squares[4];

    for (int k = 0; k < channels; k++) {
        sum[k]     = spreads[k].sum;
        squares[k] = spreads[k].squares;
    }
    for (int64_t x = 0; x < n; x++)
#pragma GCC unroll 4
        for (int k = 0; k < channels; k++) {
            double v = rows[k][x] - spreads[k].pivot;

            sum[k] += v;
            squares[k] += v * v;
        }
    for (int k = 0; k < channels; k++) {
        spreads[k].sum     = sum[k];
        spreads[k].squares = squares[k];
        spreads[k].count += (double)n;
    }
}

/* Up to four channels. What is not finite shows in a sum; then they are added again with care. */
static void add_few(tb_feature_spread *spreads, const float *const *rows, int channels, int64_t n)
{
    tb_feature_spread before[4];
    bool              is_whole = true;

    for (int k = 0; k < channels; k++) {
        before[k] = spreads[k];
        is_whole  = is_whole && spreads[k].count > 0.0;
    }
    if (is_whole && channels == 4)
        add_together(spreads, rows, n, 4);
    else
        for (int k = 0; k < channels && is_whole; k++)
            add_together(spreads + k, rows + k, n, 1);
    for (int k = 0; k < channels; k++) {
        if (is_whole && isfinite(spreads[k].sum) && isfinite(spreads[k].squares))
            continue;
        spreads[k] = before[k];
        add_finite(&spreads[k], rows[k], n);
    }
}

void tb_feature_spread_add(tb_feature_spread *spreads, const float *const *rows, int channels,
                           int64_t n)
{
    for (int k = 0; k < channels; k += 4)
        add_few(spreads + k, rows + k, channels - k < 4 ? channels - k : 4, n);
}

double tb_feature_weight(const tb_feature_spread *s)
{
    if (s->count < 2.0)
        return 0.0;

    double variance = (s->squares - s->sum * s->sum / s->count) / s->count;

    return variance > 1e-12 * s->pivot * s->pivot && isfinite(variance) ? 1.0 / sqrt(variance)
                                                                        : 0.0;
}

static void fill(float *dst, int64_t n, float value)
{
    for (int64_t x = 0; x < n; x++)
        dst[x] = value;
}

/* Smooths a row along it, and then, once `taps` of them are, across them: `along` holds the last of
 * them, of n pixels each. True if dst was made. */
static bool smooth_row(float *dst, const float *row, float *along, int64_t n, int64_t y,
                       tb_stencil_fn *stencil, const float *weights, int taps)
{
    const float *tap[SMOOTH_TAPS];

    for (int k = 0; k < taps; k++)
        tap[k] = row + k;
    stencil(along + y % taps * n, tap, weights, (size_t)n);
    if (y < taps - 1)
        return false;
    for (int k = 0; k < taps; k++)
        tap[k] = along + (y + 1 + k) % taps * n;
    stencil(dst, tap, weights, (size_t)n);
    return true;
}

/* Adds the row of gradients that a band's row y completes, from y = 2 RIM on: of rows smoothed
 * along the last five are kept, and of those smoothed both ways, which begin 2 pixels inside the
 * plane, the last three. */
static void add_band(float *gradient, const float *row, float weight, float *rows, int64_t width,
                     int64_t y, const tb_kernels *kernels)
{
    const int64_t n           = width - (SMOOTH_TAPS - 1);
    float *const  along       = rows;
    float *const  smooth_rows = rows + SMOOTH_TAPS * n;

    if (!smooth_row(smooth_rows + y % 3 * n, row, along, n, y, kernels->stencil_five, smooth,
                    SMOOTH_TAPS) ||
        y < 2 * RIM)
        return;
    kernels->gradient_add(gradient + RIM, smooth_rows + (y + 1) % 3 * n + 1,
                          smooth_rows + (y + 2) % 3 * n + 1, smooth_rows + y % 3 * n + 1, weight,
                          (size_t)(width - 2 * RIM));
}

/* The outermost pixels have no gradient and are missing. */
static void clear(float *row, int64_t width, bool is_inside)
{
    fill(row, width, is_inside ? 0.0f : NAN);
    fill(row, RIM, NAN);
    fill(row + width - RIM, RIM, NAN);
}

void tb_feature_take_row(const tb_feature_maker *maker, int64_t y, const float *const *rows)
{
    const tb_feature *f     = &maker->feature;
    const int64_t     width = f->width;

    for (int is_after = 0; is_after < 2; is_after++) {
        float *gradients = is_after ? f->after : f->before, *done = NULL;

        if (y < RIM || y >= f->height - RIM)
            clear(gradients + y * width, width, false);
        if (y >= 2 * RIM) {
            done = gradients + (y - RIM) * width;
            clear(done, width, true);
        }
        for (int b = 0; b < maker->bands; b++) {
            size_t k = (size_t)(is_after * maker->bands + b);

            add_band(done, rows[k], (float)maker->weights[k],
                     maker->rows + k * tb_feature_band_scratch(width), width, y, maker->kernels);
        }
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
        float *above = y > 0 ? feature + (y - 1) * width + 1 : NULL;

        kernels->clip_row(cut, feature + y * width, most, (size_t)width);
        (void)smooth_row(above, cut, along, n, y, kernels->stencil_three, binomial, BINOMIAL_TAPS);
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
