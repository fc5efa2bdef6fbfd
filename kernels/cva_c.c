#include "kernels/cva.h"

#include <math.h>

enum { CHUNK = 512, BANDS_TO_SPARE_ONE = 5 };

/*
 * Whether nothing but the difference and the spread counts in a chunk: no sample is at an end of
 * its range, and all are so small that their share of a value is more than the spread, so that
 * nothing need be divided by them. Bounds are a little narrow: rounding does not matter.
 */
static int is_plain(const float *restrict t0, const float *restrict t1,
                    const tb_cva_weights *weights, int b, size_t n)
{
    const float narrow = 1.0f - 0x1p-20f;
    float       limit0 = weights->by_value / weights->by_spread[b] * narrow;
    float limit1 = (limit0 * narrow - fabsf(weights->intercept[b])) / weights->slope[b] * narrow;
    float low0   = weights->low[0] > -limit0 ? weights->low[0] : -limit0;
    float high0  = weights->high[0] < limit0 ? weights->high[0] : limit0;
    float low1   = weights->low[1] > -limit1 ? weights->low[1] : -limit1;
    float high1  = weights->high[1] < limit1 ? weights->high[1] : limit1;
    int   beyond = !(weights->by_spread[b] >= 0.0f && limit1 >= 0.0f);

    for (size_t x = 0; x < n; x++)
        beyond |= (t0[x] <= low0) | (t0[x] >= high0) | (t1[x] <= low1) | (t1[x] >= high1);
    return !beyond;
}

static void add_plain(float *restrict score, float *restrict contrast, float *restrict greatest,
                      const float *restrict t0, const float *restrict t1,
                      const tb_cva_weights *weights, int b, size_t n)
{
    float slope = weights->slope[b], intercept = weights->intercept[b];
    float by_noise = weights->by_noise[b], by_spread = weights->by_spread[b];

    for (size_t x = 0; x < n; x++) {
        float difference = t0[x] - (intercept + slope * t1[x]);
        float spread     = difference * by_spread;

        contrast[x] += spread * spread;
    }
    for (size_t x = 0; x < n && score != NULL; x++) {
        float noise = (t0[x] - (intercept + slope * t1[x])) * by_noise;

        score[x] += noise * noise;
    }
    for (size_t x = 0; x < n && greatest != NULL; x++) {
        float spread = (t0[x] - (intercept + slope * t1[x])) * by_spread;

        spread      = spread * spread;
        greatest[x] = spread > greatest[x] ? spread : greatest[x];
    }
}

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
    float greatest[CHUNK], none[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        float *s = score != NULL ? score + at : none, *c = contrast + at;

        for (size_t x = 0; x < length; x++)
            s[x] = c[x] = greatest[x] = 0.0f;
        for (int b = 0; b < weights->bands; b++) {
            const float *x = t0[b] + at, *y = t1[b] + at;

            if (is_plain(x, y, weights, b, length))
                add_plain(score != NULL ? s : NULL, c, spares_one ? greatest : NULL, x, y, weights,
                          b, length);
            else
                add_band(s, c, greatest, x, y, weights, b, length);
        }
        for (size_t x = 0; x < length; x++)
            c[x] = sqrtf((spares_one ? c[x] - greatest[x] : c[x]) * by_bands);
        for (size_t x = 0; x < length && score != NULL; x++)
            s[x] = sqrtf(s[x]);
    }
}
