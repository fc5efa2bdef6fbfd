#include "radiometry/regression.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

enum { BANDS_MAX = TB_PIXELS_BANDS_MAX, RUN = 1024, BINS = 65536 };

static const float  no_change_above = 0.95f;
static const double residual_least  = 1e-3; /* of the spread */
static const double normal_deviations =
    1.4826; /* standard deviation of a normal / its median one */

const char *tb_regression_rule_text(tb_regression_rule rule)
{
    switch (rule) {
    case TB_REGRESSION_NO_CHANGE:
        return "no-change";
    case TB_REGRESSION_ROBUST:
        return "robust";
    case TB_REGRESSION_IDENTITY:
        break;
    }
    return "identity";
}

/* Means and (co)variances (divided by weight, not weight - 1) of one band in both dates. */
typedef struct pair {
    double weight;
    double mean_x, mean_y;
    double xx, yy, xy;
} pair;

static pair pair_of(const tb_moments *sums, const double *centre, int bands, int band)
{
    const int channels = 2 * bands, x = band, y = bands + band;
    double    w  = sums->weight;
    double    mx = sums->first[x] / w, my = sums->first[y] / w;

    return (pair){.weight = w,
                  .mean_x = centre[x] + mx,
                  .mean_y = centre[y] + my,
                  .xx     = sums->second[tb_moments_index(channels, x, x)] / w - mx * mx,
                  .yy     = sums->second[tb_moments_index(channels, y, y)] / w - my * my,
                  .xy     = sums->second[tb_moments_index(channels, x, y)] / w - mx * my};
}

/*
 * Canty & Nielsen (2008, eq. 7), with `unit` of before for each unit of after; false where the
 * dates do not go together.
 */
static bool orthogonal_line(double *slope, double *intercept, const pair *of, double unit)
{
    double yy = of->yy * unit * unit, xy = of->xy * unit, difference = of->xx - yy;
    double root = sqrt(difference * difference + 4.0 * xy * xy);

    if (!(xy > 1e-3 * sqrt(of->xx) * sqrt(yy)))
        return false;
    /* The two forms are equal; each is used where it does not subtract. */
    *slope = unit *
             (difference > 0.0 ? (difference + root) / (2.0 * xy) : 2.0 * xy / (root - difference));
    *intercept = of->mean_x - *slope * of->mean_y;
    return *slope > 0.0 && *slope < (double)INFINITY;
}

static double variance_of_residual(const pair *of, double slope)
{
    double variance = of->xx - 2.0 * slope * of->xy + slope * slope * of->yy;

    return variance > 0.0 ? variance : 0.0;
}

typedef struct sums {
    double     centre[2 * BANDS_MAX];
    tb_moments all, fit, test, both;
    int64_t    no_change, tested;
} sums;

static void channels_at(const float **channel, const tb_pixels *pixels, int64_t at)
{
    for (int k = 0; k < pixels->bands; k++) {
        channel[k]                 = pixels->before[k] + at;
        channel[pixels->bands + k] = pixels->after[k] + at;
    }
}

/* One pass; of the no-change pixels, in the order of the pixels, every third is for testing. */
static void sum_pixels(sums *s, const tb_pixels *pixels, const float *p, const tb_kernels *kernels)
{
    const int channels = 2 * pixels->bands;

    for (int64_t at = 0; at < pixels->count; at += RUN) {
        size_t       n = (size_t)(pixels->count - at < RUN ? pixels->count - at : RUN);
        const float *channel[2 * BANDS_MAX];
        double       fit[RUN], test[RUN];
        int64_t      before = s->no_change;

        channels_at(channel, pixels, at);
        if (at == 0) {
            tb_moments first = {0};

            kernels->moments_add(&first, channel, channels, s->centre, NULL, n);
            for (int i = 0; i < channels; i++)
                s->centre[i] = first.first[i] / first.weight;
        }
        kernels->moments_add(&s->all, channel, channels, s->centre, NULL, n);
        if (p == NULL)
            continue;
        for (size_t x = 0; x < n; x++) {
            bool is_unchanged = p[(size_t)at + x] > no_change_above;
            bool is_test      = is_unchanged && s->no_change % 3 == 2;

            fit[x]  = is_unchanged && !is_test ? 1.0 : 0.0;
            test[x] = is_test ? 1.0 : 0.0;
            s->no_change += is_unchanged;
            s->tested += is_test;
        }
        if (s->no_change > before) {
            kernels->moments_add(&s->fit, channel, channels, s->centre, fit, n);
            kernels->moments_add(&s->test, channel, channels, s->centre, test, n);
        }
    }
    s->both = s->fit;
    s->both.weight += s->test.weight;
    for (int i = 0; i < channels; i++)
        s->both.first[i] += s->test.first[i];
    for (int k = 0; k < channels * (channels + 1) / 2; k++)
        s->both.second[k] += s->test.second[k];
}

/* r, t and F of the held-out third under the line of the other two. */
static void test_line(tb_regression_band *band, const sums *s, int bands, int k, double unit)
{
    pair   fit  = pair_of(&s->fit, s->centre, bands, k);
    pair   test = pair_of(&s->test, s->centre, bands, k);
    double slope, intercept;

    if (!orthogonal_line(&slope, &intercept, &fit, unit) || !(test.xx > 0.0) || !(test.yy > 0.0))
        return;

    double n        = test.weight;
    double variance = variance_of_residual(&test, slope) * n / (n - 1.0);
    double mean     = test.mean_x - (intercept + slope * test.mean_y);

    band->correlation = test.xy / (sqrt(test.xx) * sqrt(test.yy));
    band->t           = variance > 0.0 ? mean / sqrt(variance / n) : 0.0;
    band->f           = test.xx / (slope * slope * test.yy);
}

/* What an order statistic is taken of: x - slope * y, or its absolute deviation from a centre. */
typedef struct series {
    const float *x, *y; /* y NULL: x alone */
    double       slope;
    bool         is_deviation;
    double       centre;
    int64_t      count;
} series;

/* The values as integers that sort like them, some at a time. */
static void order_keys(uint32_t *key, const series *of, int64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double   value = (double)of->x[(size_t)at + i];
        float    single;
        uint32_t bits;

        if (of->y != NULL)
            value -= of->slope * (double)of->y[(size_t)at + i];
        single = (float)(of->is_deviation ? fabs(value - of->centre) : value);
        memcpy(&bits, &single, sizeof bits);
        key[i] = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    }
}

/* The lower median, by counting: upper half of the keys first, then the lower half within its bin.
 */
static double median_of(const series *of, int64_t *histogram)
{
    uint32_t key[RUN], prefix = 0;
    int64_t  rank = (of->count - 1) / 2;
    float    single;

    for (int half = 0; half < 2; half++) {
        uint32_t bin = 0;

        memset(histogram, 0, BINS * sizeof *histogram);
        for (int64_t at = 0; at < of->count; at += RUN) {
            size_t n = (size_t)(of->count - at < RUN ? of->count - at : RUN);

            order_keys(key, of, at, n);
            for (size_t i = 0; i < n; i++) {
                if (half == 0)
                    histogram[key[i] >> 16]++;
                else if (key[i] >> 16 == prefix)
                    histogram[key[i] & 0xffffu]++;
            }
        }
        while (bin < BINS - 1 && rank >= histogram[bin])
            rank -= histogram[bin++];
        prefix = prefix << 16 | bin;
    }
    prefix = prefix & 0x80000000u ? prefix & 0x7fffffffu : ~prefix;
    memcpy(&single, &prefix, sizeof single);
    return (double)single;
}

/* The median and the median absolute deviation from it. */
static void robust_of(double *median, double *deviation, series of, int64_t *histogram)
{
    *median         = median_of(&of, histogram);
    of.is_deviation = true;
    of.centre       = *median;
    *deviation      = median_of(&of, histogram);
}

static tb_status fit_robust(tb_regression_band *band, const tb_pixels *pixels, int k, tb_error *err)
{
    series    x = {.x = pixels->before[k], .count = pixels->count};
    series    y = {.x = pixels->after[k], .count = pixels->count};
    series    d = {.x = pixels->before[k], .y = pixels->after[k], .count = pixels->count};
    double    median_x, median_y, median_d, spread_x, spread_y, spread_d;
    int64_t  *histogram = NULL;
    tb_status status    = TB_OK;

    TB_TRY(tb_alloc(&histogram, BINS, sizeof *histogram, "counts of a median", err));
    robust_of(&median_x, &spread_x, x, histogram);
    robust_of(&median_y, &spread_y, y, histogram);
    if (spread_x > 0.0 && spread_y > 0.0) {
        band->rule      = TB_REGRESSION_ROBUST;
        band->slope     = spread_x / spread_y;
        band->intercept = median_x - band->slope * median_y;
    } else {
        band->rule      = TB_REGRESSION_IDENTITY;
        band->slope     = 1.0;
        band->intercept = 0.0;
    }
    d.slope = band->slope;
    robust_of(&median_d, &spread_d, d, histogram);
    band->residual = normal_deviations * spread_d;
done:
    tb_free(histogram);
    return status;
}

static tb_status fit_band(tb_regression *result, const sums *s, const tb_pixels *pixels, int k,
                          bool has_no_change, bool in_spreads, tb_error *err)
{
    tb_regression_band *band   = &result->band[k];
    double              unit   = 1.0;
    pair                all    = pair_of(&s->all, s->centre, pixels->bands, k);
    pair                both   = pair_of(&s->both, s->centre, pixels->bands, k);
    tb_status           status = TB_OK;

    band->mean       = all.mean_x;
    band->mean_after = all.mean_y;
    /* Rounding of the centre leaves a constant band a variance of some 1e-32 of its square. */
    band->is_used =
        all.xx > 1e-24 * (all.mean_x * all.mean_x) && all.yy > 1e-24 * (all.mean_y * all.mean_y);
    if (all.xx > 0.0 && all.weight > 1.0)
        band->spread = sqrt(all.xx * (all.weight / (all.weight - 1.0)));
    if (all.yy > 0.0 && all.weight > 1.0)
        band->spread_after = sqrt(all.yy * (all.weight / (all.weight - 1.0)));
    if (in_spreads && both.xx > 0.0 && both.yy > 0.0)
        unit = sqrt(both.xx / both.yy);
    if (has_no_change && orthogonal_line(&band->slope, &band->intercept, &both, unit)) {
        band->rule     = TB_REGRESSION_NO_CHANGE;
        band->residual = sqrt(variance_of_residual(&both, band->slope));
        test_line(band, s, pixels->bands, k, unit);
    } else {
        TB_TRY(fit_robust(band, pixels, k, err));
    }
    if (!(band->residual >= residual_least * band->spread))
        band->residual = residual_least * band->spread;
    if (band->is_used && band->rule > result->rule)
        result->rule = band->rule;
done:
    return status;
}

tb_status tb_regression_fit(tb_regression *result, const tb_pixels *pixels, const float *p,
                            bool in_spreads, const tb_kernels *kernels, tb_error *err)
{
    int64_t   least  = 20 * pixels->bands > 200 ? 20 * pixels->bands : 200;
    sums     *s      = NULL;
    tb_status status = TB_OK;

    *result = (tb_regression){.bands = pixels->bands};
    if (pixels->bands < 1 || pixels->bands > BANDS_MAX)
        return tb_error_set(err, TB_E_INPUT, "normalise radiometry: expected 1 to %d bands, got %d",
                            BANDS_MAX, pixels->bands);
    if (pixels->count < 1)
        return tb_error_set(err, TB_E_INPUT,
                            "normalise radiometry: expected valid pixels, got none");

    TB_TRY(tb_alloc_zero(&s, 1, sizeof *s, "sums of the regression", err));
    sum_pixels(s, pixels, p, kernels);
    result->no_change = s->no_change;
    result->tested    = s->no_change >= least ? s->tested : 0;
    for (int k = 0; k < pixels->bands; k++)
        TB_TRY(fit_band(result, s, pixels, k, s->no_change >= least, in_spreads, err));
done:
    tb_free(s);
    return status;
}
