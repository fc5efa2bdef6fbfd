#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "model/filter.h"

tb_status tb_model_new(tb_model **out, const tb_method *method, int bands, int before_sources,
                       int after_sources, int after_files, tb_error *err)
{
    tb_status status = TB_OK;
    tb_model *model  = NULL;
    size_t    strata = (size_t)before_sources * (size_t)after_sources;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&model, 1, sizeof *model, "model", err));
    model->method         = method;
    model->bands          = bands;
    model->before_sources = before_sources;
    model->after_sources  = after_sources;
    model->after_files    = after_files;
    for (int date = 0; date < 2; date++) {
        model->low[date]  = -INFINITY;
        model->high[date] = INFINITY;
    }
    TB_TRY(tb_alloc_zero(&model->file, (size_t)after_files, sizeof *model->file, "model", err));
    TB_TRY(tb_alloc_zero(&model->stratum, strata, sizeof *model->stratum, "model", err));
    TB_TRY(tb_alloc_zero(&model->judge, strata, sizeof *model->judge, "model", err));
    TB_TRY(tb_alloc_zero(&model->radiometry, strata, sizeof *model->radiometry, "model", err));
    TB_TRY(tb_alloc_zero(&model->screen, strata, sizeof *model->screen, "model", err));
done:
    if (status == TB_OK)
        *out = model;
    else
        tb_model_free(model);
    return status;
}

int tb_model_strata(const tb_model *model)
{
    return model->before_sources * model->after_sources;
}

void tb_model_free(tb_model *model)
{
    if (model == NULL)
        return;
    tb_free(model->file);
    tb_free(model->stratum);
    tb_free(model->judge);
    tb_free(model->radiometry);
    tb_filter_free(model->filter);
    tb_free(model->screen);
    tb_free(model);
}

/* Nine significant digits. */
double tb_model_rounded(double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.9g", value);
    return strtod(text, NULL) + 0.0;
}

static void round_one(double *value)
{
    *value = tb_model_rounded(*value);
}

static void round_all(double *values, int n)
{
    for (int i = 0; i < n; i++)
        round_one(&values[i]);
}

static void derive_mad(tb_mad_weights *weights, const tb_model_mad *mad, int bands)
{
    *weights = (tb_mad_weights){.channels = 2 * bands, .components = mad->count};
    for (int c = 0; c < 2 * bands; c++)
        weights->centre[c] = mad->mean[c];
    for (int i = 0; i < mad->count; i++) {
        weights->by_variance[i] = 1.0 / mad->variance[i];
        for (int c = 0; c < 2 * bands; c++)
            weights->coefficient[i][c] = mad->coefficient[i][c];
    }
}

static void derive_stratum(tb_model_stratum *s, const tb_model *model)
{
    /* Below a hundredth of the spread the noise is the sensor's quantisation, not the ground's. */
    static const double least_noise = 0.01;
    int                 bands       = model->bands;

    round_all(s->irmad.rho, s->irmad.count);
    round_one(&s->irmad.ridge);
    round_all(s->mad.mean, 2 * bands);
    round_all(s->mad.variance, s->mad.count);
    for (int i = 0; i < s->mad.count; i++)
        round_all(s->mad.coefficient[i], 2 * bands);
    round_all(s->slope, bands);
    round_all(s->intercept, bands);
    round_all(s->noise, bands);
    round_all(s->spread, bands);
    round_all(s->mean, bands);
    round_all(s->mean_after, bands);
    round_all(s->deviation[0], bands);
    round_all(s->deviation[1], bands);
    round_all(s->offset, bands);
    round_one(&s->looks);
    s->radiometry.looks        = (float)s->looks;
    s->radiometry.is_intensity = model->is_intensity;
    round_one(&s->screen.cloud);
    for (int date = 0; date < 2; date++) {
        round_all(s->screen.middle[date], bands);
        round_all(s->screen.low[date], bands);
        round_all(s->screen.high[date], bands);
    }
    round_one(&s->threshold.value);
    round_one(&s->threshold.weak);
    round_one(&s->threshold.strong);
    round_one(&s->threshold.contrast);
    round_one(&s->threshold.flagged);
    for (int date = 0; date < 2; date++) {
        s->radiometry.low[date]  = (float)model->low[date];
        s->radiometry.high[date] = (float)model->high[date];
    }
    for (int b = 0; b < bands; b++) {
        double noise =
            s->noise[b] > least_noise * s->spread[b] ? s->noise[b] : least_noise * s->spread[b];
        bool lives = s->spread[b] > 0.0; /* a constant band says nothing */

        s->radiometry.slope[b]     = (float)s->slope[b];
        s->radiometry.intercept[b] = (float)s->intercept[b];
        s->radiometry.offset[b]    = (float)s->offset[b];
        s->radiometry.centre[0][b] = (float)s->mean[b];
        s->radiometry.centre[1][b] = (float)s->mean_after[b];
        for (int date = 0; date < 2; date++)
            s->radiometry.by_own[date][b] =
                s->deviation[date][b] > 0.0 ? (float)(1.0 / s->deviation[date][b]) : 0.0f;
        s->radiometry.by_noise[b]  = lives ? (float)(1.0 / noise) : 0.0f;
        s->radiometry.by_spread[b] = lives ? (float)(1.0 / s->spread[b]) : 0.0f;
    }
    for (int b = 0; model->filter != NULL && b < bands; b++)
        s->radiometry.vegetation[b] = (float)model->filter->vegetation[b];
    derive_mad(&s->radiometry.mad, &s->mad, bands);
}

void tb_model_derive(tb_model *model)
{
    round_one(&model->smoothing);
    round_one(&model->sample_share);
    for (int f = 0; f < model->after_files; f++) {
        tb_model_file *file = &model->file[f];

        round_one(&file->dx);
        round_one(&file->dy);
        round_one(&file->residual_px);
        round_one(&file->correlation_before);
        round_one(&file->correlation_after);
        round_all(file->field.dx, file->field.columns * file->field.rows);
        round_all(file->field.dy, file->field.columns * file->field.rows);
        round_all(file->field_correlation, 2);
        round_all(file->field_held_out, 2);
    }
    for (int s = 0; s < tb_model_strata(model); s++)
        derive_stratum(&model->stratum[s], model);
    model->screen_halo = 0;
    for (int s = 0; s < tb_model_strata(model); s++) {
        const tb_model_stratum *judge = &model->stratum[s];

        if (judge->state == TB_STRATUM_BORROWED)
            judge = &model->stratum[judge->from];
        model->judge[s]      = judge->state == TB_STRATUM_FITTED ? judge : NULL;
        model->radiometry[s] = model->judge[s] != NULL ? &judge->radiometry : NULL;
        model->screen[s]     = model->judge[s] != NULL ? &judge->screen : NULL;
        if (model->judge[s] != NULL && judge->screen.is_used)
            model->screen_halo = TB_SCREEN_HALO;
    }
    if (model->filter != NULL)
        tb_scoring_init_trained(&model->scoring, model->filter);
    else
        tb_scoring_init(&model->scoring, model->method, model->bands, model->smoothing,
                        model->has_median);
}

tb_status tb_model_apply(const tb_model *model, const tb_pair *pair, tb_error *err)
{
    int before_sources = tb_epoch_sources(pair->before);
    int after_sources = tb_epoch_sources(pair->after), after_files = tb_epoch_files(pair->after);

    if (model->bands != pair->bands || model->before_sources != before_sources ||
        model->after_sources != after_sources || model->after_files != after_files)
        return tb_error_set(
            err, TB_E_INPUT,
            "model: expected one for %d bands, %d earlier and %d later sources and %d "
            "later files, got one for %d, %d, %d and %d",
            pair->bands, before_sources, after_sources, after_files, model->bands,
            model->before_sources, model->after_sources, model->after_files);
    for (int f = 0; f < model->after_files; f++) {
        const tb_model_file *file = &model->file[f];

        if (file->applied && tb_field_exists(&file->field))
            tb_epoch_bend(pair->after, f, &file->field);
        else
            tb_epoch_shift(pair->after, f, file->applied ? file->dx : 0.0,
                           file->applied ? file->dy : 0.0);
    }
    return TB_OK;
}
