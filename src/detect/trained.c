/* A score by a trained filter: docs/methods/trained.md. */
#include "detect/filter.h"

#include <math.h>
#include <string.h>

#include "kernels/real.h"

/* Features made of two planes each, after those that are planes. */
enum {
    BRIGHT_CHANGE = 11,
    GREEN_CHANGE,
    ROUGH_CHANGE,
};

_Static_assert(TB_FILTER_FEATURES == ROUGH_CHANGE + 1, "features");
_Static_assert((int)TB_FILTER_FEATURES <= (int)TB_FOREST_FEATURES_MAX, "features");
_Static_assert(TB_METHOD_SCRATCH >= 4, "three changes and the margin");

const char *const *tb_filter_feature_names(void)
{
    static const char *const names[] = {
        "contrast",       "statistic",     "vegetation_before", "vegetation_after", "bright_before",
        "bright_after",   "rough_before",  "rough_after",       "texture",          "wide_contrast",
        "wide_statistic", "bright_change", "vegetation_change", "rough_change",     NULL};

    return names;
}

static void subtract(float *restrict dst, const float *restrict after, const float *restrict before,
                     size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = after[x] - before[x];
}

void tb_filter_features(const float **features, const float *const *planes, float *scratch,
                        size_t n)
{
    static const int before[] = {TB_PLANE_BRIGHT_BEFORE, TB_PLANE_GREEN_BEFORE,
                                 TB_PLANE_ROUGH_BEFORE};

    for (int p = 0; p < TB_FILTER_PLANES; p++)
        features[p] = planes[p];
    for (int c = 0; c < 3; c++) {
        float *change = scratch + c * TB_METHOD_SEGMENT;

        subtract(change, planes[before[c] + 1], planes[before[c]], n);
        features[BRIGHT_CHANGE + c] = change;
    }
}

float tb_filter_probability(float margin)
{
    return (float)(1.0 / (1.0 + tb_real_exp(-(double)margin)));
}

void tb_filter_judge(float *probability, const tb_filter *filter, const float *const *planes,
                     float *scratch, size_t n, const tb_kernels *kernels)
{
    float *margin = scratch + 3 * TB_METHOD_SEGMENT;

    for (size_t at = 0; at < n; at += TB_METHOD_SEGMENT) {
        size_t       length = n - at < TB_METHOD_SEGMENT ? n - at : TB_METHOD_SEGMENT;
        const float *part[TB_FILTER_PLANES], *features[TB_FOREST_FEATURES_MAX];

        for (int p = 0; p < TB_FILTER_PLANES; p++)
            part[p] = planes[p] + at;
        tb_filter_features(features, part, scratch, length);
        kernels->forest_row(margin, features, filter->tree, filter->trees, length);
        for (size_t x = 0; x < length; x++)
            probability[at + x] =
                isnan(part[TB_PLANE_CONTRAST][x]) ? NAN : tb_filter_probability(margin[x]);
    }
}

/*
 * dst = sum_b weight[b] * (band - centre) / deviation, each date in its own units: where seasons
 * leave nothing to fit a line to, the line between the dates is no ground to compare scenes on.
 */
static void index_of(float *restrict dst, const float *const *bands, const tb_radiometry *r,
                     int date, const float *weight, int count, size_t n)
{
    memset(dst, 0, n * sizeof *dst);
    for (int b = 0; b < count; b++) {
        const float *restrict band = bands[b];
        float centre = r->centre[date][b], unit = weight[b] * r->by_own[date][b];

        for (size_t x = 0; x < n; x++)
            dst[x] += unit * (band[x] - centre);
    }
}

static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels)
{
    float mean[TB_BANDS_MAX];

    for (int b = 0; b < bands; b++)
        mean[b] = 1.0f / (float)bands;
    /* The composite's planes are contrast, statistic and two of brightness in units of the spread.
     */
    tb_method_composite.row(out, before, after, bands, radiometry, scratch, n, kernels);
    index_of(out[TB_PLANE_GREEN_BEFORE], before, radiometry, 0, radiometry->vegetation, bands, n);
    index_of(out[TB_PLANE_GREEN_AFTER], after, radiometry, 1, radiometry->vegetation, bands, n);
    index_of(out[TB_PLANE_BRIGHT_BEFORE], before, radiometry, 0, mean, bands, n);
    index_of(out[TB_PLANE_BRIGHT_AFTER], after, radiometry, 1, mean, bands, n);
}

/* `finish` is tb_filter_judge, which needs the filter: score.c calls it. */
const tb_method tb_method_trained = {.name = "trained", .planes = 6, .row = row};
