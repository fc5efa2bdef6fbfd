#include "job/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "detect/filter.h"

tb_status tb_job_new(tb_job **out, tb_error *err)
{
    tb_status status = tb_alloc_zero(out, 1, sizeof **out, "job", err);

    if (status != TB_OK)
        return status;
    (*out)->is_registered = true;
    (*out)->min_pixels    = 10;
    (*out)->simplify_px   = 0.7;
    (*out)->formats       = TB_FORMAT_GPKG;
    snprintf((*out)->stream, sizeof(*out)->stream, "PM");
    return TB_OK;
}

static void free_date(tb_job_date *date)
{
    for (int i = 0; i < date->image_count; i++)
        tb_free(date->images[i]);
    tb_free(date->images);
    tb_free(date->valid);
    tb_free(date->footprints);
}

void tb_job_free(tb_job *job)
{
    if (job == NULL)
        return;
    for (int p = 0; p < job->pair_count; p++) {
        free_date(&job->pairs[p].before);
        free_date(&job->pairs[p].after);
    }
    for (int l = 0; l < job->layer_count; l++) {
        tb_free(job->layers[l].role);
        tb_free(job->layers[l].name);
        tb_free(job->layers[l].path);
        tb_free(job->layers[l].layer);
        tb_free(job->layers[l].where);
        tb_free(job->layers[l].crs);
        tb_free(job->layers[l].encoding);
    }
    tb_free(job->layers);
    tb_free(job->pairs);
    tb_free(job->region);
    tb_free(job->profile);
    tb_free(job->name);
    tb_free(job->model);
    tb_free(job->folder);
    tb_free(job->method);
    tb_free(job);
}

bool tb_prior_parse(const char *text, tb_prior *prior, double *rate)
{
    static const char *const names[] = {"auto", "rare", "common"};
    char                    *end;

    *rate = 0.0;
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *prior = (tb_prior)i;
            return true;
        }
    if (strncmp(text, "rate=", 5) != 0 || text[5] == '\0')
        return false;
    *prior = TB_PRIOR_RATE;
    *rate  = strtod(text + 5, &end);
    return *end == '\0' && *rate > 0.0 && *rate < 1.0;
}

bool tb_smoothing_parse(const char *text, double *smoothing)
{
    char  *end;
    double value;

    *smoothing = 0.0;
    if (strcmp(text, "auto") == 0)
        return true;
    value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0.0 && value <= 4.5))
        return false;
    *smoothing = value > 0.0 ? value : -1.0;
    return true;
}

tb_status tb_job_date_add(tb_job_date *date, const char *image, tb_error *err)
{
    tb_status status = TB_OK;
    char     *path;
    size_t    length;

    TB_TRY(tb_grow(&date->images, (size_t)date->image_count + 1, sizeof *date->images, "job", err));
    TB_TRY(tb_copy_text(&date->images[date->image_count], image, err));
    path   = date->images[date->image_count++];
    length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
done:
    return status;
}

static tb_status take_day(const tb_job *job, tb_job_date *date, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *first  = NULL;

    if (date->date[0] != '\0')
        return TB_OK;
    for (int i = 0; i < date->image_count; i++) {
        tb_safe *safe = NULL;
        char     day[sizeof date->date];

        TB_TRY(tb_safe_read(&safe, date->images[i], job->as.bands, err));
        if (safe == NULL)
            continue;
        snprintf(day, sizeof day, "%.10s", safe->start);
        tb_safe_free(safe);
        if (first != NULL && strcmp(day, date->date) != 0) {
            status =
                tb_error_set(err, TB_E_INPUT, "%s: expected a product of %s as %s, got one of %s",
                             date->images[i], date->date, first, day);
            tb_error_hint(err, "give the date itself (pairs: before.date, after.date)");
            goto done;
        }
        first = date->images[i];
        memcpy(date->date, day, sizeof day);
    }
done:
    return status;
}

tb_status tb_job_take_days(tb_job *job, tb_error *err)
{
    tb_status status = TB_OK;

    for (int p = 0; p < job->pair_count; p++) {
        TB_TRY(take_day(job, &job->pairs[p].before, err));
        TB_TRY(take_day(job, &job->pairs[p].after, err));
    }
done:
    return status;
}

/* What is to be read of Sentinel-2 products. */
static tb_status set_products(tb_job *job, const tb_detect_options *options, tb_error *err)
{
    tb_error error = {0};

    if (options->s2_bands != NULL && !tb_safe_bands_parse(options->s2_bands, &job->as.bands))
        return tb_error_set(err, TB_E_USAGE, "--s2-bands: expected 10m, 20m or all, got \"%s\"",
                            options->s2_bands);
    job->as.has_classes = options->scl != NULL;
    if (options->scl != NULL &&
        tb_safe_parse_classes(options->scl, &job->as.classes, &error) != TB_OK)
        return tb_error_set(err, TB_E_USAGE, "--scl: %s", error.message);
    return TB_OK;
}

static tb_status set_date(tb_job_date *date, const char *image, const char *valid, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_job_date_add(date, image, err));
    if (valid != NULL)
        TB_TRY(tb_copy_text(&date->valid, valid, err));
done:
    return status;
}

tb_status tb_job_of_images(tb_job **out, const tb_detect_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    tb_job   *job    = NULL;

    *out = NULL;
    TB_TRY(tb_job_new(&job, err));
    TB_TRY(tb_alloc_zero(&job->pairs, 1, sizeof *job->pairs, "job", err));
    job->pair_count = 1;
    TB_TRY(set_date(&job->pairs[0].before, options->before, options->valid_before, err));
    TB_TRY(set_date(&job->pairs[0].after, options->after, options->valid_after, err));
    TB_TRY(tb_copy_text(&job->name, "detect", err));
    if (options->out != NULL)
        TB_TRY(tb_copy_text(&job->folder, options->out, err));
    if (options->model != NULL)
        TB_TRY(tb_copy_text(&job->model, options->model, err));
    if (options->method != NULL) {
        if (tb_method_named(options->method) == NULL ||
            tb_method_named(options->method) == &tb_method_trained) {
            status =
                tb_error_set(err, TB_E_USAGE,
                             "--method: expected composite, cva, logratio or omnibus, got \"%s\"",
                             options->method);
            if (tb_method_named(options->method) != NULL)
                tb_error_hint(err, "a trained filter is given with --model FILTER.yaml");
            goto done;
        }
        TB_TRY(tb_copy_text(&job->method, options->method, err));
    }
    if (options->prior != NULL && !tb_prior_parse(options->prior, &job->prior, &job->rate)) {
        status = tb_error_set(
            err, TB_E_USAGE,
            "--prior: expected auto, rare, common or rate=F with 0 < F < 1, got \"%s\"",
            options->prior);
        goto done;
    }
    if ((options->omnibus.alpha > 0.0 || options->omnibus.looks > 0.0 ||
         options->omnibus.is_intensity) &&
        (options->method == NULL || strcmp(options->method, "omnibus") != 0)) {
        status =
            tb_error_set(err, TB_E_USAGE,
                         "--alpha, --looks, --samples: expected --method omnibus with them, got "
                         "%s",
                         options->method != NULL ? options->method : "no --method");
        goto done;
    }
    if (options->smoothing != NULL && !tb_smoothing_parse(options->smoothing, &job->smoothing)) {
        status = tb_error_set(err, TB_E_USAGE,
                              "--smoothing: expected auto, or pixels from 0 to 4.5, got \"%s\"",
                              options->smoothing);
        goto done;
    }
    job->omnibus          = options->omnibus;
    job->threshold_factor = options->threshold_factor;
    job->sensor           = options->sensor;
    job->is_registered    = !options->is_not_registered;
    job->may_flag_all     = options->may_flag_all;
    job->sample_share     = options->sample;
    TB_TRY(set_products(job, options, err));
    job->is_not_screened = options->is_not_screened;
    TB_TRY(tb_job_take_days(job, err));
    if (options->min_pixels > 0)
        job->min_pixels = options->min_pixels;
    job->threads      = options->runtime.threads;
    job->memory_bytes = options->runtime.memory_bytes;
    job->block        = options->runtime.block;
    job->shards       = options->runtime.shards;
    *out              = job;
    job               = NULL;
done:
    tb_job_free(job);
    return status;
}

static tb_status override_formats(tb_job *job, const char *text, tb_error *err)
{
    static const char *const names[] = {"gpkg", "shp", NULL};
    unsigned                 formats = TB_FORMAT_GPKG;

    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, ",");
        int    f      = 0;

        while (names[f] != NULL &&
               (strlen(names[f]) != length || strncmp(names[f], word, length) != 0))
            f++;
        if (names[f] == NULL)
            return tb_error_set(err, TB_E_USAGE,
                                "--formats: expected a list of gpkg and shp, got \"%s\"", text);
        formats |= 1u << f;
        word += length + (word[length] == ',');
    }
    job->formats = formats;
    return TB_OK;
}

tb_status tb_job_override(tb_job *job, const tb_run_options *options, tb_error *err)
{
    tb_status status = TB_OK;

    if (options->out != NULL) {
        tb_free(job->folder);
        job->folder = NULL;
        TB_TRY(tb_copy_text(&job->folder, options->out, err));
    }
    if (options->formats != NULL)
        TB_TRY(override_formats(job, options->formats, err));
    if (options->sample > 0.0)
        job->sample_share = options->sample;
    job->may_flag_all = job->may_flag_all || options->may_flag_all;
    if (options->runtime.threads > 0)
        job->threads = options->runtime.threads;
    if (options->runtime.memory_bytes > 0)
        job->memory_bytes = options->runtime.memory_bytes;
    if (options->runtime.block > 0)
        job->block = options->runtime.block;
    if (options->runtime.shards > 0)
        job->shards = options->runtime.shards;
done:
    return status;
}

const tb_method *tb_job_method(const tb_job *job, const tb_pair *pair)
{
    if (job->method != NULL)
        return tb_method_named(job->method);
    if (job->sensor == TB_SENSOR_OPTICAL)
        return &tb_method_composite;
    if (job->sensor == TB_SENSOR_SAR)
        return &tb_method_logratio;

    /* Radar comes as one amplitude or as VV and VH; an index such as NDVI as one band of floats. */
    bool is_amplitude = tb_epoch_file(pair->before, 0)->type != TB_SAMPLE_F32 || pair->bands == 2;

    return pair->bands <= 2 && is_amplitude ? &tb_method_logratio : &tb_method_composite;
}

tb_epoch_options tb_job_epoch(const tb_job *job, const tb_job_date *date)
{
    return (tb_epoch_options){.images      = (const char *const *)date->images,
                              .image_count = date->image_count,
                              .valid       = date->valid,
                              .footprints  = date->footprints,
                              .has_nodata  = date->has_nodata,
                              .nodata      = date->nodata,
                              .as          = job->as};
}

tb_status tb_job_model_name(tb_text *out, int pair, tb_error *err)
{
    return pair == 0 ? tb_text_append(out, err, "model.yaml")
                     : tb_text_append(out, err, "model-%d.yaml", pair + 1);
}
