/* Log-ratio of radar amplitudes, smoothed with its sign: docs/methods/logratio.md. */
#include <math.h>

#include "detect/method.h"

static void feature(float *dst, const float *src, float offset, size_t n, const tb_kernels *kernels)
{
    kernels->log_row(dst, src, offset, n);
}

/* Speckle cancels in the mean of signed differences, and does not in the mean of their magnitudes.
 */
static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels)
{
    float *matched = scratch, *earlier = scratch + TB_METHOD_SEGMENT,
          *later = scratch + 2 * TB_METHOD_SEGMENT;

    for (size_t x = 0; x < n; x++)
        out[0][x] = out[1][x] = 0.0f;
    for (int b = 0; b < bands; b++) {
        float slope = radiometry->slope[b], intercept = radiometry->intercept[b];

        for (size_t x = 0; x < n; x++) {
            matched[x] = intercept + slope * after[b][x];
            matched[x] = matched[x] < 0.0f ? 0.0f : matched[x];
        }
        feature(earlier, before[b], radiometry->offset[b], n, kernels);
        feature(later, matched, radiometry->offset[b], n, kernels);
        for (size_t x = 0; x < n; x++) {
            float difference = earlier[x] - later[x];

            if (tb_radiometry_hides(radiometry, difference, before[b][x], after[b][x]))
                difference = 0.0f;
            out[0][x] += difference * radiometry->by_noise[b];
            out[1][x] += difference * radiometry->by_spread[b];
        }
    }
}

static void finish(float *score, float *contrast, const float *const *smooth, int bands, size_t n,
                   const tb_kernels *kernels)
{
    (void)kernels;
    float by_bands = 1.0f / (float)bands;

    for (size_t x = 0; x < n; x++) {
        score[x]    = fabsf(smooth[0][x]) * by_bands;
        contrast[x] = fabsf(smooth[1][x]) * by_bands;
    }
}

const tb_method tb_method_logratio = {.name        = "logratio",
                                      .planes      = 2,
                                      .has_speckle = true,
                                      .feature     = feature,
                                      .row         = row,
                                      .finish      = finish};
