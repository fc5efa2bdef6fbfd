#include "model/decide.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "detect/omnibus.h"
#include "detect/threshold.h"

/*
 * A fine bin is the upper 20 bits of a score's float: eight of exponent, eleven of mantissa, so a
 * bin is 1/2048 of its value wide. Exact counts, no range to choose. Coarse bins keep 14 bits:
 * 1/32.
 */
enum { FINE_DROPPED = 12, FINE = 1 << 19, COARSE_DROPPED = 18, COARSE = 1 << 13 };

/* Contrast in steps of a twentieth; the last level holds all above. */
enum { LEVELS = 64, LEVELS_A_UNIT = 20 };

static const double CONTRAST_BOUND = 0.6, NOISE_MARGIN = 1.3;

/* Hysteresis around the value: docs/methods/threshold.md says on what they were chosen. */
static const double WEAK = 0.9, STRONG = 1.3, STRONG_RAISED = 1.15, STRONG_RADAR = 1.5;
static const double ALPHA    = 0.01;
static const double RARE_LOW = 0.92, RARE_HIGH = 0.985, RARE_LOW_SCALED = 0.97, TOP = 0.998;

static size_t bin_of(float value, int dropped)
{
    uint32_t bits;

    value = value > 0.0f ? value : 0.0f;
    memcpy(&bits, &value, sizeof bits);
    return bits >> dropped;
}

static double middle_of(size_t bin)
{
    uint32_t low_bits = (uint32_t)bin << FINE_DROPPED, high_bits = (uint32_t)(bin + 1)
                                                                   << FINE_DROPPED;
    float low, high;

    memcpy(&low, &low_bits, sizeof low);
    memcpy(&high, &high_bits, sizeof high);
    return ((double)low + (double)high) / 2.0;
}

size_t tb_tally_bytes(int bands)
{
    return (FINE + ((size_t)LEVELS + (size_t)bands) * COARSE) * sizeof(int64_t);
}

void tb_tally_place(tb_tally *tally, int bands, void *memory)
{
    *tally = (tb_tally){.bands = bands, .score = memory};
    memset(tally->score, 0, tb_tally_bytes(bands));
    tally->joint = tally->score + FINE;
    tally->rough = tally->joint + (size_t)LEVELS * COARSE;
}

tb_status tb_tally_init(tb_tally *tally, int bands, tb_error *err)
{
    tb_status status = TB_OK;
    void     *memory = NULL;

    *tally = (tb_tally){.bands = bands};
    TB_TRY(tb_alloc(&memory, tb_tally_bytes(bands), 1, "histogram", err));
    tb_tally_place(tally, bands, memory);
done:
    return status;
}

void tb_tally_reset(tb_tally *tally)
{
    tb_free(tally->score);
    *tally = (tb_tally){0};
}

static void add_counts(int64_t *restrict to, const int64_t *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

void tb_tally_merge(tb_tally *tally, const tb_tally *other)
{
    add_counts(tally->score, other->score, FINE);
    add_counts(tally->joint, other->joint, (size_t)LEVELS * COARSE);
    add_counts(tally->rough, other->rough, (size_t)tally->bands * COARSE);
}

void tb_tally_add(tb_tally *tally, const float *score, const float *contrast, const int32_t *column,
                  int count)
{
    for (int k = 0; k < count; k++) {
        float value = score[column[k]], level = contrast[column[k]] * (float)LEVELS_A_UNIT;

        if (!isfinite(value))
            continue;
        tally->score[bin_of(value, FINE_DROPPED)]++;
        tally->joint[(level < LEVELS - 1 ? (size_t)level : LEVELS - 1) * COARSE +
                     bin_of(value, COARSE_DROPPED)]++;
    }
}

void tb_tally_add_rough(tb_tally *tally, int band, const float *second_difference,
                        const int32_t *column, int count)
{
    int64_t *rough = tally->rough + (size_t)band * COARSE;

    for (int k = 0; k < count; k++) {
        float value = fabsf(second_difference[column[k]]);

        if (isfinite(value))
            rough[bin_of(value, COARSE_DROPPED)]++;
    }
}

/* The noise's root mean square contrast: over bands, median |e| / (0.6745 sqrt 6) of Gaussian
 * noise. */
static double noise_of(const tb_tally *tally)
{
    double sum   = 0.0;
    int    bands = 0;

    for (int b = 0; b < tally->bands; b++) {
        const int64_t *count = tally->rough + (size_t)b * COARSE;
        int64_t        total = 0, below = 0;
        size_t         bin = 0;
        uint32_t       bits;
        float          median;

        for (size_t i = 0; i < COARSE; i++)
            total += count[i];
        if (total == 0)
            continue;
        while (2 * (below + count[bin]) < total)
            below += count[bin++];
        bits = (uint32_t)bin << COARSE_DROPPED;
        memcpy(&median, &bits, sizeof median);
        sum += (double)median * (double)median / (0.6745 * 0.6745 * 6.0);
        bands++;
    }
    return bands > 0 ? sqrt(sum / bands) : 0.0;
}

/* In whole steps, upwards, so that the tally can count it. */
static double contrast_bound(const tb_tally *tally)
{
    double noise = NOISE_MARGIN * noise_of(tally);
    double bound = sqrt(CONTRAST_BOUND * CONTRAST_BOUND + noise * noise);
    double steps = ceil(bound * LEVELS_A_UNIT - 1e-9);

    return (steps < LEVELS - 1 ? steps : LEVELS - 1) / LEVELS_A_UNIT;
}

/* Sampled pixels with at least that score and contrast. */
static int64_t count_at_least(const tb_tally *tally, double score, double contrast)
{
    int64_t sum = 0;

    for (size_t level = (size_t)floor(contrast * LEVELS_A_UNIT + 0.5); level < LEVELS; level++)
        for (size_t bin = bin_of((float)score, COARSE_DROPPED); bin < COARSE; bin++)
            sum += tally->joint[level * COARSE + bin];
    return sum;
}

/* The occupied range of fine bins as a histogram with values, which are to be freed. */
static tb_status histogram_of(tb_histogram *out, double **value, const int64_t *count,
                              tb_error *err)
{
    tb_status status = TB_OK;
    size_t    first = 0, last = FINE;

    while (first < last && count[first] == 0)
        first++;
    while (last > first && count[last - 1] == 0)
        last--;
    TB_TRY(tb_alloc(value, last - first, sizeof **value, "histogram", err));
    for (size_t i = first; i < last; i++)
        (*value)[i - first] = middle_of(i);
    *out = (tb_histogram){.n = last - first, .value = *value, .count = count + first};
done:
    return status;
}

static double value_at(const tb_histogram *h, size_t cut)
{
    return h->value[cut < h->n ? cut : h->n - 1];
}

/* Within bounds; `held` says at which it was stopped. */
static double hold(double value, double low, double high, const char **held)
{
    *held = value < low ? ", raised" : value > high ? ", lowered" : "";
    return value < low ? low : value > high ? high : value;
}

/*
 * sqrt(Otsu * Otsu of the upper class). Scores above the .998 quantile count as that: otherwise the
 * few largest would move both cuts.
 */
static tb_status two_otsu_cuts(const tb_histogram *h, double *out, tb_error *err)
{
    tb_status    status = TB_OK;
    size_t       top    = tb_threshold_quantile(h, TOP), otsu;
    int64_t     *count  = NULL;
    tb_histogram capped = {top + 1, h->value, NULL};

    *out = 0.0;
    TB_TRY(tb_alloc_zero(&count, top + 1, sizeof *count, "histogram", err));
    for (size_t i = 0; i < h->n; i++)
        count[i < top ? i : top] += h->count[i];
    capped.count = count;
    otsu         = tb_threshold_otsu(&capped);
    if (otsu < capped.n) {
        tb_histogram upper  = {capped.n - otsu - 1, h->value + otsu + 1, count + otsu + 1};
        size_t       second = tb_threshold_otsu(&upper);

        *out = h->value[otsu];
        if (second < upper.n)
            *out = sqrt(*out * upper.value[second]);
    }
done:
    tb_free(count);
    return status;
}

/*
 * Two Otsu cuts adapt to the scene, and always cut somewhere: they are held between the quantiles
 * that scored best. Where the score has a unit they are averaged with what tells change in it and
 * held between its bounds, and what is rare is no more than three in a hundred.
 */
static tb_status decide_rare(const tb_histogram *h, const tb_score_scale *scale,
                             tb_model_threshold *t, tb_error *err)
{
    tb_status   status    = TB_OK;
    bool        is_scaled = scale->change > 0.0;
    double      low = value_at(h, tb_threshold_quantile(h, is_scaled ? RARE_LOW_SCALED : RARE_LOW));
    double      high = value_at(h, tb_threshold_quantile(h, RARE_HIGH)), cuts;
    const char *held;

    TB_TRY(two_otsu_cuts(h, &cuts, err));
    if (is_scaled)
        t->value = hold(sqrt(cuts * scale->change), scale->rare_low, scale->rare_high, &held);
    else
        t->value = hold(cuts, 0.0, high, &held);
    t->strong = t->value * STRONG;
    if (t->value < low) {
        /* A quantile cuts through what changed alike: what it leaves need not exceed it by as much.
         * Where the score has a unit, a season changed more than is rare, and some is asked for. */
        double least = is_scaled ? STRONG_RAISED * low : low;

        t->value  = low;
        t->strong = t->strong > least ? t->strong : least;
        held      = is_scaled ? ", raised to the .97 quantile" : ", raised to the .92 quantile";
    }
    snprintf(t->rule, sizeof t->rule, "rare: two Otsu cuts%s%s", is_scaled ? " and the scale" : "",
             held);
done:
    return status;
}

/*
 * Kittler-Illingworth on 256 even bins up to the .999 quantile; Otsu where it has no valley. Held
 * between the bounds of the score's scale, where it has one.
 */
static void decide_common(const tb_histogram *h, const tb_score_scale *scale, double *value,
                          char *rule, size_t size)
{
    enum { EVEN_BINS = 256 };
    double  top = value_at(h, tb_threshold_quantile(h, 0.999)), width = top / EVEN_BINS;
    double  middle[EVEN_BINS];
    int64_t count[EVEN_BINS] = {0};
    size_t  cut;

    for (int i = 0; i < EVEN_BINS; i++)
        middle[i] = (i + 0.5) * width;
    for (size_t i = 0; i < h->n; i++) {
        double place = width > 0.0 ? h->value[i] / width : 0.0;

        count[place < EVEN_BINS ? (size_t)place : EVEN_BINS - 1] += h->count[i];
    }

    tb_histogram even = {EVEN_BINS, middle, count};

    bool        has_valley = true;
    const char *held       = "";

    cut = tb_threshold_kittler(&even, width);
    if (cut == even.n) {
        cut        = tb_threshold_otsu(&even);
        has_valley = false;
    }
    *value = cut < even.n ? middle[cut] + width / 2 : top;
    if (scale->change > 0.0)
        *value = hold(*value, scale->common_low, scale->common_high, &held);
    snprintf(rule, size, "common: %s%s",
             has_valley ? "Kittler-Illingworth"
                        : "Otsu (Kittler-Illingworth has no interior minimum)",
             held);
}

static double median_of(const tb_histogram *h)
{
    return value_at(h, tb_threshold_quantile(h, 0.5));
}

/* Median of |score - median|, over the same bins. */
static tb_status deviation_of(const tb_histogram *h, double median, double *out, tb_error *err)
{
    int64_t  *count  = NULL;
    double   *value  = NULL;
    tb_status status = TB_OK;

    tb_histogram deviations;

    TB_TRY(tb_alloc_zero(&count, FINE, sizeof *count, "histogram", err));
    for (size_t i = 0; i < h->n; i++)
        count[bin_of((float)fabs(h->value[i] - median), FINE_DROPPED)] += h->count[i];
    TB_TRY(histogram_of(&deviations, &value, count, err));
    *out = median_of(&deviations);
done:
    tb_free(value);
    tb_free(count);
    return status;
}

static tb_status decide_radar(const tb_histogram *h, tb_model_threshold *t, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    cut    = tb_threshold_kurita(h);
    double    median = median_of(h), deviation, bound;

    TB_TRY(deviation_of(h, median, &deviation, err));
    bound     = median + 4.0 * 1.4826 * deviation;
    t->value  = cut < h->n && value_at(h, cut) > bound ? value_at(h, cut) : bound;
    t->strong = t->value * STRONG_RADAR;
    snprintf(t->rule, sizeof t->rule, "radar: %s",
             t->value > bound ? "Otsu with frequencies" : "median + 4 robust deviations");
done:
    return status;
}

/* By the significance of the test alone: the sample has no part in it but for the looks. */
static void decide_omnibus(const tb_fit_options *options, int bands, double *value, char *rule,
                           size_t size)
{
    double            alpha = options->alpha > 0.0 ? options->alpha : ALPHA;
    tb_omnibus        test  = {.dates = 2, .channels = bands, .looks = options->looks};
    tb_omnibus_limits limits;

    tb_omnibus_limits_make(&limits, &test, alpha, &tb_kernels_c);
    *value = limits.all[2];
    snprintf(rule, size, "omnibus: p < %.6g at %.4g looks", alpha, options->looks);
}

static void say_why_nothing(tb_model_threshold *t, const tb_tally *tally, const tb_histogram *h)
{
    if (value_at(h, h->n - 1) <= middle_of(0))
        snprintf(t->reason, sizeof t->reason, "the two dates do not differ in the sample");
    else if (count_at_least(tally, 0.0, t->contrast) == 0)
        snprintf(t->reason, sizeof t->reason,
                 "no sampled pixel differs by %.2f standard deviations of the earlier image",
                 t->contrast);
    else if (count_at_least(tally, t->strong, t->contrast) == 0 && t->contrast == 0.0)
        snprintf(t->reason, sizeof t->reason, "no sampled pixel reaches the score");
    else if (count_at_least(tally, t->strong, t->contrast) == 0)
        snprintf(t->reason, sizeof t->reason,
                 "no sampled pixel differs by %.2f standard deviations and reaches the score",
                 t->contrast);
}

void tb_threshold_scale(tb_model_threshold *t, double factor)
{
    size_t used = strlen(t->rule);

    t->value  = tb_model_rounded(t->value) * factor;
    t->weak   = tb_model_rounded(t->weak) * factor;
    t->strong = tb_model_rounded(t->strong) * factor;
    snprintf(t->rule + used, sizeof t->rule - used, ", times %.9g", factor);
}

tb_status tb_threshold_decide(tb_model_threshold *t, const tb_tally *tally, const tb_method *method,
                              const tb_fit_options *options, tb_error *err)
{
    tb_status    status   = TB_OK;
    bool         is_rate  = options->prior == TB_PRIOR_RATE;
    bool         is_exact = is_rate || method == &tb_method_omnibus; /* no hysteresis */
    double      *value    = NULL;
    tb_histogram h;

    *t = (tb_model_threshold){.contrast = contrast_bound(tally)};
    TB_TRY(histogram_of(&h, &value, tally->score, err));
    if (h.n == 0) {
        snprintf(t->reason, sizeof t->reason, "no pixel of the sample has a score");
        goto done;
    }
    if (is_rate) {
        t->value    = value_at(&h, tb_threshold_quantile(&h, 1.0 - options->rate));
        t->contrast = 0.0;
        snprintf(t->rule, sizeof t->rule, "fixed rate %.6g, no absolute bound", options->rate);
    } else if (options->filter != NULL) {
        is_exact = true;
        t->value = options->filter->cut;
        snprintf(t->rule, sizeof t->rule, "trained: the cut of the filter's cross-validation");
    } else if (method == &tb_method_omnibus) {
        decide_omnibus(options, tally->bands, &t->value, t->rule, sizeof t->rule);
        t->contrast = 0.0;
    } else if (options->prior == TB_PRIOR_COMMON) {
        decide_common(&h, &method->scale, &t->value, t->rule, sizeof t->rule);
    } else if (method == &tb_method_logratio) {
        TB_TRY(decide_radar(&h, t, err));
    } else {
        TB_TRY(decide_rare(&h, &method->scale, t, err));
    }
    t->weak = is_exact ? t->value : t->value * WEAK;
    if (t->strong == 0.0)
        t->strong = is_exact ? t->value : t->value * STRONG;
    if (options->threshold_factor > 0.0 && options->threshold_factor != 1.0)
        tb_threshold_scale(t, options->threshold_factor);
    t->flagged =
        (double)count_at_least(tally, t->weak, t->contrast) / (double)tb_histogram_total(&h);
    say_why_nothing(t, tally, &h);
done:
    tb_free(value);
    return status;
}
