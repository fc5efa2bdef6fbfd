#include "model/decide.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "detect/threshold.h"

/*
 * A bin is the upper 20 bits of a score's float: eight of exponent, eleven of mantissa, so a bin is
 * 1/2048 of its value wide. Exact counts, no range to choose, the same for any order of pixels.
 */
enum { DROPPED_BITS = 12, BINS = 1 << 19 };

/* Hysteresis around the value: docs/methods/threshold.md says on what they were chosen. */
static const double WEAK = 0.9, STRONG = 1.3;
static const double RARE_LOW = 0.92, RARE_HIGH = 0.985;

static size_t bin_of(float score)
{
    uint32_t bits;

    memcpy(&bits, &score, sizeof bits);
    return bits >> DROPPED_BITS;
}

static double middle_of(size_t bin)
{
    uint32_t low_bits = (uint32_t)bin << DROPPED_BITS, high_bits = (uint32_t)(bin + 1) << DROPPED_BITS;
    float    low, high;

    memcpy(&low, &low_bits, sizeof low);
    memcpy(&high, &high_bits, sizeof high);
    return ((double)low + (double)high) / 2.0;
}

tb_status tb_tally_init(tb_tally *tally, double contrast, tb_error *err)
{
    tb_status status = TB_OK;

    *tally = (tb_tally){.contrast = contrast};
    TB_TRY(tb_alloc_zero(&tally->all, BINS, sizeof *tally->all, "histogram", err));
    TB_TRY(tb_alloc_zero(&tally->bound, BINS, sizeof *tally->bound, "histogram", err));
done:
    return status;
}

void tb_tally_reset(tb_tally *tally)
{
    tb_free(tally->all);
    tb_free(tally->bound);
    *tally = (tb_tally){0};
}

void tb_tally_add(tb_tally *tally, float score, float contrast)
{
    if (!isfinite(score))
        return;

    size_t bin = bin_of(score > 0.0f ? score : 0.0f);

    tally->all[bin]++;
    tally->bound[bin] += contrast >= (float)tally->contrast;
}

/* The tally's occupied range as a histogram with values; `value` has room for BINS. */
static tb_histogram histogram_of(const int64_t *count, double *value)
{
    size_t first = 0, last = BINS;

    while (first < last && count[first] == 0)
        first++;
    while (last > first && count[last - 1] == 0)
        last--;
    for (size_t i = first; i < last; i++)
        value[i - first] = middle_of(i);
    return (tb_histogram){.n = last - first, .value = value, .count = count + first};
}

static double value_at(const tb_histogram *h, size_t cut)
{
    return h->value[cut < h->n ? cut : h->n - 1];
}

/* sqrt(Otsu * Otsu of the upper class), within the quantiles that scored best (algorithms: Deciding). */
static double decide_rare(const tb_histogram *h, char *rule, size_t size)
{
    size_t       otsu  = tb_threshold_otsu(h);
    double       low   = value_at(h, tb_threshold_quantile(h, RARE_LOW));
    double       high  = value_at(h, tb_threshold_quantile(h, RARE_HIGH));
    double       value = low;
    const char  *held  = "";

    if (otsu < h->n) {
        tb_histogram upper = {h->n - otsu - 1, h->value + otsu + 1, h->count + otsu + 1};
        size_t       second = tb_threshold_otsu(&upper);

        value = value_at(h, otsu);
        if (second < upper.n)
            value = sqrt(value * value_at(&upper, second));
    }
    if (value < low) {
        value = low;
        held  = ", raised to the .92 quantile";
    } else if (value > high) {
        value = high;
        held  = ", lowered to the .985 quantile";
    }
    snprintf(rule, size, "rare: geometric mean of two Otsu cuts%s", held);
    return value;
}

/* Kittler-Illingworth on 256 even bins up to the .999 quantile; Otsu where it has no valley. */
static tb_status decide_common(const tb_histogram *h, double *value, char *rule, size_t size,
                               tb_error *err)
{
    enum { EVEN_BINS = 256 };
    double  top = value_at(h, tb_threshold_quantile(h, 0.999)), width = top / EVEN_BINS;
    double  middle[EVEN_BINS];
    int64_t count[EVEN_BINS] = {0};
    size_t  cut;

    (void)err;
    for (int i = 0; i < EVEN_BINS; i++)
        middle[i] = (i + 0.5) * width;
    for (size_t i = 0; i < h->n; i++) {
        double place = width > 0.0 ? h->value[i] / width : 0.0;

        count[place < EVEN_BINS ? (size_t)place : EVEN_BINS - 1] += h->count[i];
    }

    tb_histogram even = {EVEN_BINS, middle, count};

    cut = tb_threshold_kittler(&even, width);
    snprintf(rule, size, "common: Kittler-Illingworth");
    if (cut == even.n) {
        cut = tb_threshold_otsu(&even);
        snprintf(rule, size, "common: Otsu (Kittler-Illingworth has no interior minimum)");
    }
    *value = cut < even.n ? middle[cut] + width / 2 : top;
    return TB_OK;
}

static double median_of(const tb_histogram *h)
{
    return value_at(h, tb_threshold_quantile(h, 0.5));
}

/* Median of |score - median|, over the same bins. */
static tb_status deviation_of(const tb_histogram *h, double median, double *out, tb_error *err)
{
    tb_tally  about  = {0};
    double   *value  = NULL;
    tb_status status = TB_OK;

    TB_TRY(tb_tally_init(&about, 0.0, err));
    TB_TRY(tb_alloc(&value, BINS, sizeof *value, "histogram", err));
    for (size_t i = 0; i < h->n; i++)
        about.all[bin_of((float)fabs(h->value[i] - median))] += h->count[i];

    tb_histogram deviations = histogram_of(about.all, value);

    *out = median_of(&deviations);
done:
    tb_free(value);
    tb_tally_reset(&about);
    return status;
}

static tb_status decide_radar(const tb_histogram *h, double *value, char *rule, size_t size,
                              tb_error *err)
{
    tb_status status = TB_OK;
    size_t    otsu   = tb_threshold_otsu(h);
    double    median = median_of(h), deviation, bound;

    TB_TRY(deviation_of(h, median, &deviation, err));
    bound  = median + 4.0 * 1.4826 * deviation;
    *value = otsu < h->n && value_at(h, otsu) > bound ? value_at(h, otsu) : bound;
    snprintf(rule, size, "radar: %s", *value > bound ? "Otsu" : "median + 4 robust deviations");
done:
    return status;
}

static int64_t at_least(const int64_t *count, double value)
{
    int64_t sum = 0;

    for (size_t bin = bin_of((float)value); bin < BINS; bin++)
        sum += count[bin];
    return sum;
}

static void say_why_nothing(tb_model_threshold *t, const tb_tally *tally, const tb_histogram *h)
{
    int64_t bound = at_least(tally->bound, 0.0);

    if (value_at(h, h->n - 1) <= 0.0)
        snprintf(t->reason, sizeof t->reason, "the two dates do not differ in the sample");
    else if (bound == 0)
        snprintf(t->reason, sizeof t->reason,
                 "no sampled pixel differs by %.2g standard deviations of the earlier image",
                 t->contrast);
    else if (at_least(tally->bound, t->strong) == 0)
        snprintf(t->reason, sizeof t->reason,
                 "no sampled pixel differs by %.2g standard deviations and reaches the score", t->contrast);
}

tb_status tb_threshold_decide(tb_model_threshold *t, const tb_tally *tally, const tb_method *method,
                              const tb_fit_options *options, tb_error *err)
{
    tb_status    status = TB_OK;
    double      *value  = NULL;
    tb_histogram h;

    *t = (tb_model_threshold){.contrast = tally->contrast};
    TB_TRY(tb_alloc(&value, BINS, sizeof *value, "histogram", err));
    h = histogram_of(tally->all, value);
    if (h.n == 0) {
        snprintf(t->reason, sizeof t->reason, "no pixel of the sample has a score");
        goto done;
    }
    if (options->prior == TB_PRIOR_RATE) {
        t->value = value_at(&h, tb_threshold_quantile(&h, 1.0 - options->rate));
        snprintf(t->rule, sizeof t->rule, "fixed rate %.6g, no absolute bound", options->rate);
        t->contrast = 0.0;
    } else if (options->prior == TB_PRIOR_COMMON) {
        TB_TRY(decide_common(&h, &t->value, t->rule, sizeof t->rule, err));
    } else if (options->prior == TB_PRIOR_AUTO && method == &tb_method_logratio) {
        TB_TRY(decide_radar(&h, &t->value, t->rule, sizeof t->rule, err));
    } else {
        t->value = decide_rare(&h, t->rule, sizeof t->rule);
    }
    t->weak    = options->prior == TB_PRIOR_RATE ? t->value : t->value * WEAK;
    t->strong  = options->prior == TB_PRIOR_RATE ? t->value : t->value * STRONG;
    t->flagged = (double)at_least(t->contrast > 0.0 ? tally->bound : tally->all, t->weak) /
                 (double)tb_histogram_total(&h);
    say_why_nothing(t, tally, &h);
done:
    tb_free(value);
    return status;
}
