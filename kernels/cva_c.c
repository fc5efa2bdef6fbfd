#include "kernels/cva.h"

#include <math.h>

enum { CHUNK = 512, BANDS_TO_SPARE_ONE = 5 };

static void add_band(float *restrict score, float *restrict contrast, float *restrict greatest,
                     const float *restrict t0, const float *restrict t1,
                     const tb_cva_weights *weights, int b, size_t n)
{
    float slope = weights->slope[b], intercept = weights->intercept[b];
    float by_noise = weights->by_noise[b], by_spread = weights->by_spread[b];
    float low0 = weights->low[0], high0 = weights->high[0];
    float low1 = weights->low[1], high1 = weights->high[1];
    float by_value = weights->by_value;

    for (size_t x = 0; x < n; x++) {
        float matched     = intercept + slope * t1[x];
        float difference  = t0[x] - matched;
        int   may_be_less = (t0[x] <= low0) | (t1[x] >= high1);
        int   may_be_more = (t0[x] >= high0) | (t1[x] <= low1);
        float size0 = fabsf(t0[x]), size1 = fabsf(matched);
        float unit = by_value / (size0 > size1 ? size0 : size1);

        difference = (may_be_less & (difference > 0.0f)) ? 0.0f : difference;
        difference = (may_be_more & (difference < 0.0f)) ? 0.0f : difference;
        unit       = by_spread < unit ? by_spread : unit;

        float noise  = difference * by_noise;
        float spread = difference * unit;

        spread = spread * spread;
        score[x] += noise * noise;
        contrast[x] += spread;
        greatest[x] = spread > greatest[x] ? spread : greatest[x];
    }
}

void TB_KERNEL(tb_cva_magnitude)(float *restrict score, float *restrict contrast,
                                 const float *const *t0, const float *const *t1,
                                 const tb_cva_weights *weights, size_t n)
{
    int   varying    = weights->varying > 0 ? weights->varying : 1;
    int   spares_one = varying >= BANDS_TO_SPARE_ONE;
    float by_bands   = 1.0f / (float)(varying - spares_one);
    float greatest[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        float *s = score + at, *c = contrast + at;

        for (size_t x = 0; x < length; x++)
            s[x] = c[x] = greatest[x] = 0.0f;
        for (int b = 0; b < weights->bands; b++)
            add_band(s, c, greatest, t0[b] + at, t1[b] + at, weights, b, length);
        for (size_t x = 0; x < length; x++) {
            s[x] = sqrtf(s[x]);
            c[x] = sqrtf((spares_one ? c[x] - greatest[x] : c[x]) * by_bands);
        }
    }
}
