#include "kernels/cva.h"

#include <math.h>

#include "kernels/lanes.h"

enum { CHUNK = 512, BANDS_TO_SPARE_ONE = 5 };

/*
 * Whether nothing but the difference and the spread counts in a chunk: no sample is at an end of
 * its range, and all are so small that their share of a value is more than the spread, so that
 * nothing need be divided by them. Bounds are a little narrow: rounding does not matter.
 */
typedef struct bounds {
    float low0, high0, low1, high1;
    int   are_beyond; /* themselves: nothing lies within */
} bounds;

static bounds bounds_of(const tb_cva_weights *weights, int b)
{
    const float narrow = 1.0f - 0x1p-20f;
    float       limit0 = weights->by_value / weights->by_spread[b] * narrow;
    float limit1 = (limit0 * narrow - fabsf(weights->intercept[b])) / weights->slope[b] * narrow;

    return (bounds){.low0       = weights->low[0] > -limit0 ? weights->low[0] : -limit0,
                    .high0      = weights->high[0] < limit0 ? weights->high[0] : limit0,
                    .low1       = weights->low[1] > -limit1 ? weights->low[1] : -limit1,
                    .high1      = weights->high[1] < limit1 ? weights->high[1] : limit1,
                    .are_beyond = !(weights->by_spread[b] >= 0.0f && limit1 >= 0.0f)};
}

static inline tb_floats sum_of_squares(const tb_floats *d, const float *by)
{
    tb_floats sum = (d[0] * by[0]) * (d[0] * by[0]);

    for (int b = 1; b < 4; b++) {
        tb_floats part = d[b] * by[b];

        sum += part * part;
    }
    return sum;
}

/* What the samples of a band lie between, in each lane of a register; NaN is passed over. */
typedef struct extent {
    tb_floats least0, most0, least1, most1;
} extent;

static inline extent of_nothing(void)
{
    const tb_floats beyond = (tb_floats){0} + (float)INFINITY;

    return (extent){beyond, -beyond, beyond, -beyond};
}

static inline void widen(extent *e, tb_floats t0, tb_floats t1)
{
    e->least0 = tb_floats_least(t0, e->least0);
    e->most0  = tb_floats_most(t0, e->most0);
    e->least1 = tb_floats_least(t1, e->least1);
    e->most1  = tb_floats_most(t1, e->most1);
}

static int is_within(const extent *e, bounds of)
{
    tb_mask beyond = (e->least0 <= of.low0) | (e->most0 >= of.high0) | (e->least1 <= of.low1) |
                     (e->most1 >= of.high1);
    int any = of.are_beyond;

    for (int i = 0; i < TB_FLOATS; i++)
        any |= beyond[i];
    return !any;
}

/* Fewer pixels than a register holds never are. */
static int is_plain(const float *t0, const float *t1, bounds of, size_t n)
{
    extent e = of_nothing();

    if (n < TB_FLOATS)
        return 0;
    for (size_t x = 0; x + TB_FLOATS <= n; x += TB_FLOATS)
        widen(&e, tb_floats_load(t0 + x), tb_floats_load(t1 + x));
    widen(&e, tb_floats_load(t0 + n - TB_FLOATS), tb_floats_load(t1 + n - TB_FLOATS));
    return is_within(&e, of);
}

/* Four bands in one pass, in the order of add_plain, and the roots; `has_score` is known where it
 * is inlined: true if all are plain. */
static inline int is_plain_of_four(float *score, float *contrast, const float *const *t0,
                                   const float *const *t1, size_t at, const tb_cva_weights *weights,
                                   float by_bands, size_t n, int has_score)
{
    const float *slope = weights->slope, *intercept = weights->intercept;
    extent       of[4];
    int          are_within = 1;

    if (n < TB_FLOATS)
        return 0;
    for (int b = 0; b < 4; b++)
        of[b] = of_nothing();
    for (size_t x = 0, next; x < n; x = next) {
        tb_floats d[4];

        next = x + TB_FLOATS;
        if (next > n) /* some of the last ones twice */
            x = n - TB_FLOATS;
        for (int b = 0; b < 4; b++) {
            tb_floats before = tb_floats_load(t0[b] + at + x);
            tb_floats after  = tb_floats_load(t1[b] + at + x);

            d[b] = before - (intercept[b] + slope[b] * after);
            widen(&of[b], before, after);
        }
        tb_floats_store(contrast + x,
                        tb_floats_root(sum_of_squares(d, weights->by_spread) * by_bands));
        if (has_score)
            tb_floats_store(score + x, tb_floats_root(sum_of_squares(d, weights->by_noise)));
    }
    for (int b = 0; b < 4; b++)
        are_within = are_within && is_within(&of[b], bounds_of(weights, b));
    return are_within;
}

/* The same with or without a score. */
static int are_plain(float *score, float *contrast, const float *const *t0, const float *const *t1,
                     size_t at, const tb_cva_weights *weights, float by_bands, size_t n)
{
    return score != NULL ? is_plain_of_four(score, contrast, t0, t1, at, weights, by_bands, n, 1)
                         : is_plain_of_four(NULL, contrast, t0, t1, at, weights, by_bands, n, 0);
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

/* The sums of all bands of a chunk, band by band. */
static void add_bands(float *restrict score, float *restrict contrast, float *restrict greatest,
                      const float *const *t0, const float *const *t1, size_t at,
                      const tb_cva_weights *weights, size_t n)
{
    float  none[CHUNK], few[CHUNK];
    float *s = score != NULL ? score : none, *g = greatest != NULL ? greatest : few;

    for (size_t x = 0; x < n; x++)
        s[x] = contrast[x] = g[x] = 0.0f;
    for (int b = 0; b < weights->bands; b++)
        if (is_plain(t0[b] + at, t1[b] + at, bounds_of(weights, b), n))
            add_plain(score, contrast, greatest, t0[b] + at, t1[b] + at, weights, b, n);
        else
            add_band(s, contrast, g, t0[b] + at, t1[b] + at, weights, b, n);
}

void TB_KERNEL(tb_cva_magnitude)(float *restrict score, float *restrict contrast,
                                 const float *const *t0, const float *const *t1,
                                 const tb_cva_weights *weights, size_t n)
{
    int   varying    = weights->varying > 0 ? weights->varying : 1;
    int   spares_one = varying >= BANDS_TO_SPARE_ONE;
    int   are_four   = !spares_one && weights->bands == 4;
    float by_bands   = 1.0f / (float)(varying - spares_one);
    float greatest[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        float *s = score != NULL ? score + at : NULL, *c = contrast + at;

        if (are_four && are_plain(s, c, t0, t1, at, weights, by_bands, length))
            continue;
        add_bands(s, c, spares_one ? greatest : NULL, t0, t1, at, weights, length);
        for (size_t x = 0; x < length; x++)
            c[x] = sqrtf((spares_one ? c[x] - greatest[x] : c[x]) * by_bands);
        for (size_t x = 0; x < length && s != NULL; x++)
            s[x] = sqrtf(s[x]);
    }
}
