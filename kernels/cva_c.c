#include "kernels/cva.h"

#include <math.h>

static void add_band(float *restrict score, float *restrict contrast, const float *restrict t0,
                     const float *restrict t1, float slope, float intercept, float by_noise,
                     float by_spread, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        float difference = t0[x] - (intercept + slope * t1[x]);
        float noise      = difference * by_noise;
        float spread     = difference * by_spread;

        score[x] += noise * noise;
        contrast[x] += spread * spread;
    }
}

void TB_KERNEL(tb_cva_magnitude)(float *restrict score, float *restrict contrast,
                                 const float *const *t0, const float *const *t1,
                                 const tb_cva_weights *weights, size_t n)
{
    for (size_t x = 0; x < n; x++)
        score[x] = contrast[x] = 0.0f;
    for (int b = 0; b < weights->bands; b++)
        add_band(score, contrast, t0[b], t1[b], weights->slope[b], weights->intercept[b],
                 weights->by_noise[b], weights->by_spread[b], n);
    for (size_t x = 0; x < n; x++) {
        score[x]    = sqrtf(score[x]);
        contrast[x] = sqrtf(contrast[x]);
    }
}
