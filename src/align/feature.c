#include "align/feature.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

/*
 * G_0.7 cut at radius 2 and normalised: exp(-k^2 / 0.98) is 1, .360447789, .016879884 (the third
 * tap, 1e-4, is left out). Written down, for libm is not to be asked.
 */
static const float smooth[3]   = {0.569912492f, 0.205423697f, 0.009620057f};
static const float binomial[3] = {0.5f, 0.25f, 0.0f};

enum { TYPICAL_ROUNDS = 6 };

/* Of the typical gradient: the edges of clouds and roofs would outweigh all else. */
static const double saturation = 3.0;

/* Five taps along, then across. What rests on a missing pixel or lies outside is NaN: a
 * renormalised sum at a border would lean to one side and pull the shift. */
static void filter(float *dst, const float *src, float *along, const float *taps, int64_t width,
                   int64_t height)
{
    int64_t radius = taps[2] > 0.0f ? 2 : 1;

    for (int64_t y = 0; y < height; y++) {
        const float *s = src + y * width;
        float       *a = along + y * width;

        for (int64_t x = 0; x < width; x++)
            a[x] = NAN;
        if (radius == 2)
            for (int64_t x = 2; x < width - 2; x++)
                a[x] = taps[0] * s[x] + taps[1] * (s[x - 1] + s[x + 1]) +
                       taps[2] * (s[x - 2] + s[x + 2]);
        else
            for (int64_t x = 1; x < width - 1; x++)
                a[x] = taps[0] * s[x] + taps[1] * (s[x - 1] + s[x + 1]);
    }
    for (int64_t y = 0; y < height; y++) {
        const float *a = along + y * width;
        float       *d = dst + y * width;

        if (y < radius || y >= height - radius)
            for (int64_t x = 0; x < width; x++)
                d[x] = NAN;
        else if (radius == 2)
            for (int64_t x = 0; x < width; x++)
                d[x] = taps[0] * a[x] + taps[1] * (a[x - width] + a[x + width]) +
                       taps[2] * (a[x - 2 * width] + a[x + 2 * width]);
        else
            for (int64_t x = 0; x < width; x++)
                d[x] = taps[0] * a[x] + taps[1] * (a[x - width] + a[x + width]);
    }
}

static const float *const *planes_of(const tb_align_cell *cell, bool is_after)
{
    return is_after ? cell->after : cell->before;
}

/* 1 / standard deviation of one band over all cells, 0 where it has none. The values are taken from
 * the first valid one, so that a constant band is exactly without variance. */
static double weight_of_band(const tb_align_cell *const *cells, int count, int band, bool is_after)
{
    double pivot = 0.0, sum = 0.0, squares = 0.0;
    double n = 0.0;

    for (int c = 0; c < count; c++) {
        const float *plane  = planes_of(cells[c], is_after)[band];
        int64_t      pixels = cells[c]->width * cells[c]->height;

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

typedef struct scratch {
    float *a, *b; /* planes of the largest cell */
} scratch;

static void add_band(float *feature, const float *plane, float weight, const scratch *s,
                     int64_t width, int64_t height, const tb_kernels *kernels)
{
    filter(s->a, plane, s->b, smooth, width, height);
    for (int64_t y = 1; y < height - 1; y++) {
        const float *row = s->a + y * width + 1;

        kernels->gradient(s->b, row - width, row, row + width, (size_t)(width - 2));
        for (int64_t x = 0; x < width - 2; x++)
            feature[y * width + 1 + x] += weight * s->b[x];
    }
}

/* The sum of the bands' gradients. The outermost pixels have none and are missing. */
static void add_bands(float *feature, const float *const *planes, const double *weights, int bands,
                      const scratch *s, int64_t width, int64_t height, const tb_kernels *kernels)
{
    int64_t pixels = width * height;

    memset(feature, 0, (size_t)pixels * sizeof *feature);
    for (int b = 0; b < bands; b++)
        add_band(feature, planes[b], (float)weights[b], s, width, height, kernels);
    for (int64_t x = 0; x < width; x++)
        feature[x] = feature[pixels - 1 - x] = NAN;
    for (int64_t y = 0; y < height; y++)
        feature[y * width] = feature[y * width + width - 1] = NAN;
}

/* The mean of one date's gradients over all cells, none counted as more than SATURATION of it. */
static double typical_gradient(const tb_feature *features, int count, bool is_after)
{
    double typical = INFINITY;

    for (int round = 0; round < TYPICAL_ROUNDS; round++) {
        double sum = 0.0, n = 0.0, most = saturation * typical;

        for (int c = 0; c < count; c++) {
            const float *f      = is_after ? features[c].after : features[c].before;
            int64_t      pixels = features[c].width * features[c].height;

            for (int64_t i = 0; i < pixels; i++) {
                if (!isfinite(f[i]))
                    continue;
                sum += f[i] < most ? (double)f[i] : most;
                n += 1.0;
            }
        }
        typical = n > 0.0 ? sum / n : 0.0;
    }
    return typical;
}

/* Cuts gradients off at `most`, and smooths what is left. */
static void finish(float *feature, float most, const scratch *s, int64_t width, int64_t height)
{
    int64_t pixels = width * height;

    for (int64_t i = 0; i < pixels; i++)
        s->a[i] = feature[i] < most ? feature[i] : isfinite(feature[i]) ? most : NAN;
    filter(feature, s->a, s->b, binomial, width, height);
}

tb_status tb_feature_make_all(tb_feature *out, const tb_align_cell *const *cells, int count,
                              int bands, const tb_kernels *kernels, tb_error *err)
{
    tb_status status  = TB_OK;
    scratch   s       = {0};
    double   *weights = NULL;
    int64_t   largest = 0;

    for (int c = 0; c < count; c++) {
        int64_t pixels = cells[c]->width * cells[c]->height;

        out[c] = (tb_feature){.x      = cells[c]->x,
                              .y      = cells[c]->y,
                              .width  = cells[c]->width,
                              .height = cells[c]->height};
        if (pixels > largest)
            largest = pixels;
    }
    TB_TRY(tb_alloc(&weights, 2 * (size_t)bands, sizeof *weights, "weights of bands", err));
    TB_TRY(tb_alloc(&s.a, (size_t)largest, sizeof *s.a, "a smoothed band", err));
    TB_TRY(tb_alloc(&s.b, (size_t)largest, sizeof *s.b, "a band smoothed along", err));
    for (int b = 0; b < bands; b++) {
        weights[b]         = weight_of_band(cells, count, b, false);
        weights[bands + b] = weight_of_band(cells, count, b, true);
    }
    for (int c = 0; c < count; c++) {
        size_t pixels = (size_t)(out[c].width * out[c].height);

        TB_TRY(tb_alloc(&out[c].before, pixels, sizeof(float), "features to register on", err));
        TB_TRY(tb_alloc(&out[c].after, pixels, sizeof(float), "features to register on", err));
        add_bands(out[c].before, cells[c]->before, weights, bands, &s, out[c].width, out[c].height,
                  kernels);
        add_bands(out[c].after, cells[c]->after, weights + bands, bands, &s, out[c].width,
                  out[c].height, kernels);
    }

    float before_most = (float)(saturation * typical_gradient(out, count, false));
    float after_most  = (float)(saturation * typical_gradient(out, count, true));

    for (int c = 0; c < count; c++) {
        finish(out[c].before, before_most, &s, out[c].width, out[c].height);
        finish(out[c].after, after_most, &s, out[c].width, out[c].height);
    }

done:
    tb_free(s.a);
    tb_free(s.b);
    tb_free(weights);
    return status;
}

void tb_feature_free_all(tb_feature *features, int count)
{
    for (int c = 0; c < count && features != NULL; c++) {
        tb_free(features[c].before);
        tb_free(features[c].after);
        features[c] = (tb_feature){0};
    }
}
