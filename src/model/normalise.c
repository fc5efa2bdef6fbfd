#include "model/normalise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rank.h"
#include "detect/omnibus.h"
#include "model/gain.h"
#include "radiometry/irmad.h"
#include "radiometry/regression.h"

/* Fewer pixels do not carry a regression (radiometry/regression.h has the same bound). */
enum { UNCHANGED_LEAST = 200, UNCHANGED_PER_BAND = 20 };

/*
 * Least trimmed squares: a stratum of which less than half changed is told by its least changed
 * half. The cut p > 0.95 of Canty & Nielsen leaves some .1 to .4 % of the pixels, and which they
 * are is an accident of the sample (docs/methods/normalisation.md has the figures).
 */
static const double UNCHANGED_SHARE = 0.5, CALIBRATED_RHO = 0.95;

/*
 * Reweighted to the end, IR-MAD of a season that changed every field rests on a few pixels and
 * tells nothing of the rest; the passes whose weights still average a third tell as much of scenes
 * that hardly changed (docs/methods/composite.md).
 */
static const double WEIGHT_LEAST = 1.0 / 3.0;

/* Turns Z into 1 for the least changed pixels and 0 for the rest. */
static void mark_least_changed(float *z, float *scratch, const tb_pixels *pixels)
{
    float   bound;
    int64_t n = pixels->count, bands = UNCHANGED_PER_BAND * (int64_t)pixels->bands;
    int64_t wanted = (int64_t)ceil((double)n * UNCHANGED_SHARE);

    wanted = wanted > UNCHANGED_LEAST ? wanted : UNCHANGED_LEAST;
    wanted = wanted > bands ? wanted : bands;
    wanted = wanted < n ? wanted : n;
    bound  = tb_rank_find(z, n, wanted - 1, scratch);
    for (int64_t i = 0; i < n; i++)
        z[i] = z[i] <= bound ? 1.0f : 0.0f;
}

static void keep_irmad(tb_model_irmad *out, const tb_irmad *irmad)
{
    out->count      = irmad->components;
    out->iterations = irmad->iterations;
    out->ridge      = irmad->ridge;
    for (int i = 0; i < irmad->components; i++)
        out->rho[i] = irmad->rho[i];
}

static void keep_mad(tb_model_mad *out, const tb_irmad *fit)
{
    tb_mad_weights weights;

    tb_irmad_weights(&weights, fit);
    out->count = weights.components;
    for (int c = 0; c < weights.channels; c++)
        out->mean[c] = weights.centre[c];
    for (int i = 0; i < weights.components; i++) {
        out->variance[i] = fit->variance[i];
        for (int c = 0; c < weights.channels; c++)
            out->coefficient[i][c] = weights.coefficient[i][c];
    }
}

/* 1 for every pixel that counts as unchanged, else 0; NULL where IR-MAD found nothing to go by. */
static tb_status find_unchanged(tb_model_stratum *s, const tb_pixels *pixels, float *const spare[2],
                                const tb_engine *engine, const float **unchanged, tb_error *err)
{
    tb_status        status = TB_OK;
    tb_irmad         irmad, early;
    tb_irmad_options options = {.early        = &early,
                                .weight_least = WEIGHT_LEAST,
                                .workers      = engine->workers,
                                .progress     = engine->progress};

    *unchanged = NULL;
    TB_TRY(tb_irmad_fit(&irmad, pixels, &options, engine->kernels, err));
    if (!irmad.usable)
        goto done;
    keep_irmad(&s->irmad, &irmad);
    keep_mad(&s->mad, &early);
    TB_TRY(tb_irmad_apply(NULL, spare[0], NULL, &early, pixels, &options, engine->kernels, err));
    mark_least_changed(spare[0], spare[1], pixels);
    *unchanged = spare[0];
done:
    return status;
}

static void keep_regression(tb_model_stratum *s, const tb_regression *regression, int64_t pixels)
{
    bool is_on_unchanged = regression->rule == TB_REGRESSION_NO_CHANGE;

    snprintf(s->normalisation, sizeof s->normalisation, "%s",
             is_on_unchanged ? "least-changed" : tb_regression_rule_text(regression->rule));
    s->unchanged = is_on_unchanged ? regression->no_change : pixels;
    for (int b = 0; b < regression->bands; b++) {
        const tb_regression_band *band = &regression->band[b];

        s->slope[b]     = band->slope;
        s->intercept[b] = band->intercept;
        s->noise[b]     = band->residual;
        s->spread[b] = band->is_used ? sqrt(band->spread * band->slope * band->spread_after) : 0.0;
        s->mean[b]   = band->mean;

        s->mean_after[b]   = band->mean_after;
        s->deviation[0][b] = band->is_used ? band->spread : 0.0;
        s->deviation[1][b] = band->is_used ? band->spread_after : 0.0;
    }
}

/* Standard deviation in double, in the order of the pixels. */
static double deviation_of(const float *values, int64_t n)
{
    double sum = 0.0, squares = 0.0, mean;

    for (int64_t i = 0; i < n; i++)
        sum += (double)values[i];
    mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += ((double)values[i] - mean) * ((double)values[i] - mean);
    return sqrt(squares / (double)n);
}

static int64_t drop_nan(float *values, int64_t n)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            values[kept++] = values[i];
    return kept;
}

/*
 * The least correlation of a band's dates over all pixels. IR-MAD's own rho would not do: it is of
 * the pixels it kept.
 */
static double least_correlation(const tb_pixels *pixels)
{
    double n = (double)pixels->count, least = 1.0;

    for (int b = 0; b < pixels->bands; b++) {
        const float *x = pixels->before[b], *y = pixels->after[b];
        double       mean_x = 0.0, mean_y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;

        for (int64_t i = 0; i < pixels->count; i++) {
            mean_x += (double)x[i] / n;
            mean_y += (double)y[i] / n;
        }
        for (int64_t i = 0; i < pixels->count; i++) {
            double dx = (double)x[i] - mean_x, dy = (double)y[i] - mean_y;

            xx += dx * dx;
            yy += dy * dy;
            xy += dx * dy;
        }
        if (!(xx > 0.0 && yy > 0.0))
            return 0.0;
        least = xy / sqrt(xx * yy) < least ? xy / sqrt(xx * yy) : least;
    }
    return least;
}

/* 1.4826 times the median of |x - (intercept + slope y)|: the noise, where nothing else differs. */
static double robust_noise(const tb_model_stratum *s, const tb_pixels *pixels, int b, float *values)
{
    for (int64_t i = 0; i < pixels->count; i++)
        values[i] = fabsf(pixels->before[b][i] -
                          ((float)s->intercept[b] + (float)s->slope[b] * pixels->after[b][i]));
    return 1.4826 * (double)tb_rank_select(values, pixels->count, pixels->count / 2);
}

static double mean_of(const float *values, int64_t n)
{
    double sum = 0.0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)values[i];
    return sum / (double)n;
}

/*
 * What is added before the logarithm, so that the darkest samples do not swing by their noise
 * alone: a twentieth of the mean amplitude of both dates, and thrice the noise where two pictures
 * of one scene tell it.
 */
static double offset_of(const tb_model_stratum *s, const tb_pixels *pixels, int b,
                        bool is_calibrated, bool is_intensity, float *values)
{
    double share  = is_intensity ? 0.05 * 0.05 : 0.05;
    double later  = s->intercept[b] + s->slope[b] * mean_of(pixels->after[b], pixels->count);
    double offset = share * 0.5 * (s->mean[b] + later);
    double noise  = is_calibrated ? 3.0 * robust_noise(s, pixels, b, values) : 0.0;

    offset = offset > 0.0 ? offset : 0.0;
    return noise > offset ? noise : offset;
}

/* Radar: spread and noise are of the logarithm; the line is a gain unless the dates are one scene.
 */
static void fit_radar_band(tb_model_stratum *s, const tb_model *model, const tb_pixels *pixels,
                           int b, bool is_calibrated, float *const spare[2],
                           const tb_kernels *kernels)
{
    int64_t n      = pixels->count;
    float  *before = spare[0], *after = spare[1];

    if (!is_calibrated) {
        s->slope[b]     = (double)tb_gain_of(pixels->before[b], pixels->after[b], n, after);
        s->intercept[b] = 0.0;
    }
    s->offset[b] = offset_of(s, pixels, b, is_calibrated, model->is_intensity, before);
    for (int64_t i = 0; i < n; i++)
        before[i] = (float)s->intercept[b] + (float)s->slope[b] * pixels->after[b][i];
    model->method->feature(after, before, (float)s->offset[b], (size_t)n, kernels);
    model->method->feature(before, pixels->before[b], (float)s->offset[b], (size_t)n, kernels);
    for (int64_t i = 0; i < n; i++)
        after[i] = before[i] - after[i];

    int64_t ratios = drop_nan(after, n), values = drop_nan(before, n);

    s->spread[b] = values > 1 && s->spread[b] > 0.0 ? deviation_of(before, values) : 0.0;
    s->noise[b]  = 1.4826 * (double)tb_median_deviation(after, ratios);
}

/* The least of the bands: rather too few looks than false changes. */
static double looks_of(const tb_model_stratum *s, int bands, bool is_intensity)
{
    double least = TB_OMNIBUS_LOOKS_MAX;

    for (int b = 0; b < bands; b++) {
        double looks = tb_omnibus_looks(s->noise[b] / 1.4826 * (is_intensity ? 1.0 : 2.0));

        if (s->spread[b] > 0.0)
            least = looks < least ? looks : least;
    }
    return least;
}

tb_status tb_normalise_fit(tb_model *model, int stratum, const tb_pixels *pixels,
                           float *const spare[2], const tb_engine *engine, tb_error *err)
{
    tb_status         status    = TB_OK;
    tb_model_stratum *s         = &model->stratum[stratum];
    const tb_method  *method    = model->method;
    const float      *unchanged = NULL;
    bool              is_calibrated;
    tb_regression     regression;

    TB_TRY(find_unchanged(s, pixels, spare, engine, &unchanged, err));
    TB_TRY(tb_regression_fit(&regression, pixels, unchanged, true, engine->kernels, err));
    keep_regression(s, &regression, pixels->count);
    if (method->feature == NULL)
        goto done;
    is_calibrated = least_correlation(pixels) >= CALIBRATED_RHO;
    snprintf(s->normalisation, sizeof s->normalisation, is_calibrated ? "calibrated" : "gain");
    for (int b = 0; b < pixels->bands; b++)
        fit_radar_band(s, model, pixels, b, is_calibrated, spare, engine->kernels);
    if (method == &tb_method_omnibus)
        s->looks = looks_of(s, pixels->bands, model->is_intensity);
done:
    return status;
}
