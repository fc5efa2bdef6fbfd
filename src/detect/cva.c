/* Whitened change-vector analysis: docs/methods/cva.md. */
#include <math.h>
#include <string.h>

#include "detect/method.h"

static void feature(float *dst, const float *src, size_t n, const tb_kernels *kernels)
{
    (void)kernels;
    memcpy(dst, src, n * sizeof *dst);
}

static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, size_t n, const tb_kernels *kernels)
{
    const tb_cva_weights weights = {.bands     = bands,
                                    .slope     = radiometry->slope,
                                    .intercept = radiometry->intercept,
                                    .by_noise  = radiometry->by_noise,
                                    .by_spread = radiometry->by_spread};

    kernels->cva_magnitude(out[0], out[1], before, after, &weights, n);
}

static void finish(float *score, float *contrast, const float *const *smooth, int bands, size_t n)
{
    float by_bands = 1.0f / sqrtf((float)bands);

    for (size_t x = 0; x < n; x++) {
        score[x]    = smooth[0][x];
        contrast[x] = smooth[1][x] * by_bands;
    }
}

const tb_method tb_method_cva = {
    .name = "cva", .planes = 2, .feature = feature, .row = row, .finish = finish};
