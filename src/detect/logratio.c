/* Log-ratio of radar amplitudes, smoothed with its sign: docs/methods/logratio.md. */
#include <math.h>

#include "detect/method.h"

static void feature(float *dst, const float *src, size_t n, const tb_kernels *kernels)
{
    kernels->log_row(dst, src, 1.0f, n);
}

/* Speckle cancels in the mean of signed differences, and does not in the mean of their magnitudes. */
static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, size_t n, const tb_kernels *kernels)
{
    (void)kernels;
    for (size_t x = 0; x < n; x++)
        out[0][x] = 0.0f;
    for (int b = 0; b < bands; b++) {
        float slope = radiometry->slope[b], intercept = radiometry->intercept[b];

        for (size_t x = 0; x < n; x++)
            out[0][x] += before[b][x] - (intercept + slope * after[b][x]);
    }
    for (size_t x = 0; x < n; x++)
        out[1][x] = out[0][x] * radiometry->by_spread[0];
}

static void finish(float *score, float *contrast, const float *const *smooth, int bands, size_t n)
{
    float by_bands = 1.0f / (float)bands;

    for (size_t x = 0; x < n; x++) {
        score[x]    = fabsf(smooth[0][x]) * by_bands;
        contrast[x] = fabsf(smooth[1][x]) * by_bands;
    }
}

const tb_method tb_method_logratio = {
    .name = "logratio", .planes = 2, .feature = feature, .row = row, .finish = finish};
