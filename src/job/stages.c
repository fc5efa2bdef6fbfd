#include "job/stages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gdal.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/report.h"
#include "model/decide.h"
#include "model/filter.h"
#include "region/record.h"
#include "sweep/block.h"
#include "sweep/sweep.h"

static void note(const tb_stages *stages, const char *line)
{
    const tb_progress *progress = stages->engine.progress;

    if (progress != NULL && progress->note != NULL)
        progress->note(progress->context, line);
}

static tb_status check_method(const tb_method *method, const tb_pair *pair, tb_error *err)
{
    if (method != &tb_method_omnibus || pair->bands <= TB_OMNIBUS_CHANNELS_MAX)
        return TB_OK;
    tb_error_set(err, TB_E_INPUT,
                 "%s: expected one or two radar channels for omnibus, got %d bands",
                 tb_epoch_file(pair->before, 0)->path, pair->bands);
    tb_error_hint(err, "choose the bands (gdal_translate -b 1 -b 2), or another --method");
    return TB_E_INPUT;
}

tb_status tb_stages_kernels(const tb_runtime *runtime, const tb_kernels **out, tb_error *err)
{
    *out = tb_kernels_named(runtime->cpu, tb_kernels_features());
    if (*out == NULL)
        return tb_error_set(
            err, TB_E_USAGE,
            "TUBAN_CPU: expected c, avx2 or avx512 as far as this machine has it, got "
            "\"%s\"",
            runtime->cpu);
    GDALSetCacheMax64(TB_PLAN_GDAL_CACHE);
    return TB_OK;
}

/* The job's model may be a trained filter: then the fit is the pair's own. */
static tb_status open_filter(tb_stages *stages, tb_error *err)
{
    tb_status     status = TB_OK;
    const tb_job *job    = stages->job;

    TB_TRY(tb_filter_open(&stages->filter, job->model, err));
    if (stages->filter == NULL)
        goto done;
    if (job->method != NULL || job->sensor == TB_SENSOR_SAR) {
        status = tb_error_set(err, TB_E_USAGE,
                              "%s: expected no method or radar beside a trained filter, got \"%s\"",
                              job->model, job->method != NULL ? job->method : "sar");
        tb_error_hint(err, "a filter is the method, and of optical imagery: leave out one of both");
        goto done;
    }
    if (stages->filter->bands != stages->pair.bands) {
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected images of the %d bands it was trained on, got %d",
                              job->model, stages->filter->bands, stages->pair.bands);
        tb_error_hint(err, "train one on images such as these: tuban train");
    }
done:
    return status;
}

/* Clouds are looked for where it is not said of both dates where they are. */
static bool is_screened(const tb_stages *stages)
{
    const tb_pair *pair = &stages->pair;

    return !stages->job->is_not_screened && tb_job_method(stages->job, pair)->feature == NULL &&
           !(tb_epoch_has_mask(pair->before) && tb_epoch_has_mask(pair->after));
}

static tb_status open_pair(tb_stages *stages, char key[TB_KEY_SIZE], tb_error *err)
{
    tb_status          status = TB_OK;
    const tb_job_pair *pair   = &stages->job->pairs[stages->number - 1];
    tb_epoch_options   before = tb_job_epoch(stages->job, &pair->before),
                     after    = tb_job_epoch(stages->job, &pair->after);
    tb_text text              = {0};

    TB_TRY(tb_pair_open(&stages->pair, &before, &after, err));
    TB_TRY(tb_key_append_pair(&text, &stages->pair, err));
    TB_TRY(tb_key_of(&text, key, err));
done:
    tb_text_reset(&text);
    return status;
}

tb_status tb_stages_open(tb_stages *stages, const tb_job *job, int number,
                         const tb_kernels *kernels, const tb_progress *progress, tb_error *err)
{
    tb_status       status  = TB_OK;
    tb_plan_options options = {.threads      = job->threads,
                               .budget_bytes = job->memory_bytes,
                               .block        = job->block,
                               .shards       = job->shards,
                               .sample_share = job->sample_share};

    *stages = (tb_stages){.job = job, .number = number};
    TB_TRY(open_pair(stages, stages->key, err));
    stages->reading = tb_report_reading(&stages->pair);
    TB_TRY(check_method(tb_job_method(job, &stages->pair), &stages->pair, err));
    if (job->model != NULL)
        TB_TRY(open_filter(stages, err));
    if (is_screened(stages))
        options.halo = TB_SCORING_HALO_MAX + TB_SCREEN_HALO;
    TB_TRY(tb_plan_make(&stages->plan, &stages->pair, &options, err));
    stages->engine = (tb_engine){.kernels     = kernels,
                                 .workers     = stages->plan.threads,
                                 .cache_bytes = stages->plan.cache_bytes,
                                 .progress    = progress};
done:
    return status;
}

/* The tiles stay from the fit to the sweep, and their memory with them: to be given it anew costs
 * more than decoding into it. */
static tb_status open_cache(tb_stages *stages, tb_error *err)
{
    const tb_plan *plan = &stages->plan;

    if (stages->engine.cache != NULL)
        return TB_OK;
    return tb_cache_new(
        &stages->engine.cache,
        plan->fit_cache_bytes > plan->cache_bytes ? plan->fit_cache_bytes : plan->cache_bytes, err);
}

static void close_cache(tb_stages *stages)
{
    tb_cache_free(stages->engine.cache);
    stages->engine.cache = NULL;
}

void tb_stages_rest(tb_stages *stages)
{
    close_cache(stages);
    tb_pair_close(&stages->pair);
}

tb_status tb_stages_wake(tb_stages *stages, tb_error *err)
{
    tb_status status = TB_OK;
    char      key[TB_KEY_SIZE];

    if (stages->pair.before != NULL)
        return TB_OK;
    TB_TRY(open_pair(stages, key, err));
    if (strcmp(key, stages->key) != 0) {
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected the files of pair %d as they were when the run began, "
                              "got others",
                              tb_epoch_file(stages->pair.before, 0)->path, stages->number);
        tb_error_hint(err, "run it again once nobody writes them");
        goto done;
    }
    if (stages->model != NULL)
        TB_TRY(tb_model_apply(stages->model, &stages->pair, err));
done:
    return status;
}

void tb_stages_close(tb_stages *stages)
{
    tb_model_free(stages->model);
    tb_filter_free(stages->filter);
    close_cache(stages);
    tb_pair_close(&stages->pair);
    tb_free(stages->model_path);
    json_decref(stages->reading);
    *stages = (tb_stages){0};
}

static tb_status fit_key(const tb_stages *stages, const tb_fit_options *options,
                         char key[TB_KEY_SIZE], tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};

    TB_TRY(tb_text_append(
        &text, err, "fit %s %s %d %d %.17g %.17g %.17g %.17g %d %.17g %.17g %d %d\n", stages->key,
        options->method->name, options->is_registered, options->prior, options->rate,
        options->sample_share, options->smoothing, options->threshold_factor, options->may_flag_all,
        options->alpha, options->looks, options->is_intensity, options->is_screened));
    if (options->filter != NULL)
        TB_TRY(tb_filter_write(options->filter, "", &text, err));
    TB_TRY(tb_key_of(&text, key, err));
done:
    tb_text_reset(&text);
    return status;
}

/* The sweep depends on what the model says, not on how it came about. */
static tb_status set_model_key(tb_stages *stages, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};

    TB_TRY(tb_text_append(&text, err, "sweep %s\n", stages->key));
    TB_TRY(tb_model_write(stages->model, &stages->pair, &text, err));
    TB_TRY(tb_key_of(&text, stages->model_key, err));
done:
    tb_text_reset(&text);
    return status;
}

static tb_status fit_into_file(tb_stages *stages, const tb_fit_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    tb_engine engine;
    tb_text   text = {0}, name = {0};
    char      key[TB_KEY_SIZE];

    if (stages->work != NULL) {
        TB_TRY(fit_key(stages, options, key, err));
        TB_TRY(tb_text_append(&name, err, "model-%d-%s.yaml", stages->number, key));
        TB_TRY(tb_path_join(&stages->model_path, stages->work, name.data, err));
        if (!stages->force && tb_file_exists(stages->model_path) &&
            tb_model_read(&stages->model, stages->model_path, NULL) == TB_OK) {
            note(stages, "the model is there; fit passed over");
            goto done;
        }
    }
    TB_TRY(open_cache(stages, err));
    engine             = stages->engine;
    engine.cache_bytes = stages->plan.fit_cache_bytes;
    TB_TRY(tb_model_fit(&stages->model, &stages->pair, options, &engine, err));
    if (stages->work != NULL) {
        TB_TRY(tb_model_write(stages->model, &stages->pair, &text, err));
        TB_TRY(tb_file_write(stages->model_path, text.data, text.length, err));
    }
done:
    tb_text_reset(&name);
    tb_text_reset(&text);
    return status;
}

tb_status tb_stages_fit(tb_stages *stages, tb_error *err)
{
    tb_status      status  = TB_OK;
    const tb_job  *job     = stages->job;
    tb_fit_options options = {.method           = tb_job_method(job, &stages->pair),
                              .is_registered    = job->is_registered,
                              .prior            = job->prior,
                              .rate             = job->rate,
                              .alpha            = job->omnibus.alpha,
                              .looks            = job->omnibus.looks,
                              .is_intensity     = job->omnibus.is_intensity,
                              .sample_share     = job->sample_share,
                              .smoothing        = job->smoothing,
                              .threshold_factor = job->threshold_factor,
                              .is_screened      = is_screened(stages),
                              .may_flag_all     = job->may_flag_all};

    if (stages->filter != NULL) {
        options.method = &tb_method_trained;
        options.filter = stages->filter;
    }
    if (job->model != NULL && stages->filter == NULL) {
        TB_TRY(tb_model_read(&stages->model, job->model, err));
        if (job->smoothing != 0.0 || job->threshold_factor > 0.0)
            note(stages, "the model says how to smooth and where to cut; smoothing and "
                         "threshold_factor are passed over");
    } else {
        TB_TRY(fit_into_file(stages, &options, err));
    }
    status = tb_model_apply(stages->model, &stages->pair, err);
    if (status != TB_OK) {
        if (job->model != NULL && stages->filter == NULL)
            tb_error_hint(err, "%s was fitted to other images: fit it anew, or leave out --model",
                          job->model);
        goto done;
    }
    TB_TRY(set_model_key(stages, err));
done:
    return status;
}

tb_status tb_stages_scale(tb_stages *stages, const tb_model_threshold *fitted, double factor,
                          tb_error *err)
{
    tb_model *model = stages->model;

    for (int s = 0; s < tb_model_strata(model); s++) {
        model->stratum[s].threshold = fitted[s];
        if (factor != 1.0 && fitted[s].rule[0] != '\0')
            tb_threshold_scale(&model->stratum[s].threshold, factor);
    }
    tb_model_derive(model);
    return set_model_key(stages, err);
}

/* KIND-PAIR-SHARD-KEY.EXTENSION; the key holds the shard's rectangle. */
static tb_status shard_path(const tb_stages *stages, const char *kind, const char *extension,
                            int64_t shard, char **out, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text = {0}, name = {0};
    tb_rect   rect = tb_plan_shard(&stages->plan, shard);
    char      key[TB_KEY_SIZE];

    TB_TRY(tb_text_append(&text, err, "%s %lld %lld %lld %lld\n", stages->model_key,
                          (long long)rect.x, (long long)rect.y, (long long)rect.width,
                          (long long)rect.height));
    TB_TRY(tb_key_of(&text, key, err));
    TB_TRY(tb_text_append(&name, err, "%s-%d-%lld-%s.%s", kind, stages->number, (long long)shard,
                          key, extension));
    TB_TRY(tb_path_join(out, stages->work, name.data, err));
done:
    tb_text_reset(&text);
    tb_text_reset(&name);
    return status;
}

/* A file that is there but cut short or damaged does not count: it is made again. */
static bool is_swept(const tb_stages *stages, int64_t shard, const char *runs, const char *scores)
{
    tb_run_reader *reader = NULL;
    int64_t        bytes  = tb_rect_area(tb_plan_shard(&stages->plan, shard)) * 4;
    bool           is_sound;

    if (!tb_file_exists(runs) || (scores != NULL && tb_file_bytes(scores) != bytes))
        return false;
    is_sound = tb_run_reader_open(&reader, runs, NULL) == TB_OK;
    tb_run_reader_close(reader);
    return is_sound;
}

static tb_status sweep_one(tb_stages *stages, int64_t shard, tb_error *err)
{
    tb_status        status = TB_OK;
    char            *runs = NULL, *scores = NULL;
    tb_sweep_totals  totals  = {0};
    tb_sweep_options options = {.pair        = &stages->pair,
                                .model       = stages->model,
                                .plan        = &stages->plan,
                                .engine      = &stages->engine,
                                .shard       = shard,
                                .done_pixels = tb_plan_shard(&stages->plan, shard).y *
                                               stages->plan.lattice.width};

    TB_TRY(shard_path(stages, "runs", "h5", shard, &runs, err));
    if (stages->has_scores)
        TB_TRY(shard_path(stages, "scores", "raw", shard, &scores, err));
    if (!stages->force && is_swept(stages, shard, runs, scores)) {
        stages->passed_over++;
        goto done;
    }
    options.runs_path   = runs;
    options.scores_path = scores;
    TB_TRY(tb_sweep_shard(&options, &totals, err));
    stages->decoded_bytes += totals.decoded_bytes;
    stages->decoded_tiles += totals.decoded_tiles;
    stages->swept++;
done:
    tb_free(runs);
    tb_free(scores);
    return status;
}

tb_status tb_stages_sweep(tb_stages *stages, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(open_cache(stages, err));
    for (int64_t shard = 0; shard < stages->plan.shards; shard++)
        TB_TRY(sweep_one(stages, shard, err));
    if (stages->passed_over > 0)
        note(stages, "shards that are there are passed over");
done:
    close_cache(stages);
    return status;
}

/* What hears an assembly: the record file and a product, each maybe absent. */
typedef struct fan {
    tb_assemble_visitor record, product;
} fan;

static tb_status fan_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    fan      *f      = context;
    tb_status status = TB_OK;

    if (f->record.run != NULL)
        TB_TRY(f->record.run(f->record.context, run, err));
    if (f->product.run != NULL)
        TB_TRY(f->product.run(f->product.context, run, err));
done:
    return status;
}

static tb_status fan_component(void *context, const tb_component *component, tb_error *err)
{
    fan      *f      = context;
    tb_status status = TB_OK;

    if (f->record.component != NULL)
        TB_TRY(f->record.component(f->record.context, component, err));
    if (f->product.component != NULL)
        TB_TRY(f->product.component(f->product.context, component, err));
done:
    return status;
}

static tb_status record_path(const tb_stages *stages, char **out, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text = {0}, name = {0};
    char      key[TB_KEY_SIZE];

    TB_TRY(tb_text_append(&text, err, "assemble %s %lld\n", stages->model_key,
                          (long long)stages->job->min_pixels));
    TB_TRY(tb_key_of(&text, key, err));
    TB_TRY(tb_text_append(&name, err, "assembled-%d-%s.h5", stages->number, key));
    TB_TRY(tb_path_join(out, stages->work, name.data, err));
done:
    tb_text_reset(&text);
    tb_text_reset(&name);
    return status;
}

tb_status tb_stages_assemble(tb_stages *stages, const tb_assemble_visitor *visitor,
                             tb_assemble_totals *totals, tb_error *err)
{
    tb_status       status   = TB_OK;
    size_t          count    = (size_t)stages->plan.shards;
    tb_run_reader **readers  = NULL;
    tb_record      *record   = NULL;
    tb_evidence     evidence = {0};
    char           *path = NULL, *runs = NULL;
    fan             both = {0};

    TB_TRY(tb_evidence_new(&evidence, stages->model, err));
    TB_TRY(tb_alloc_zero(&readers, count, sizeof *readers, "shards", err));
    for (size_t s = 0; s < count; s++) {
        TB_TRY(shard_path(stages, "runs", "h5", (int64_t)s, &runs, err));
        TB_TRY(tb_run_reader_open(&readers[s], runs, err));
        tb_free(runs);
        runs = NULL;
    }
    TB_TRY(record_path(stages, &path, err));
    if (stages->force || !tb_file_exists(path)) {
        TB_TRY(tb_record_create(&record, path, &evidence.layout, err));
        both.record = tb_record_visitor(record);
    }
    if (visitor != NULL)
        both.product = *visitor;

    const tb_assemble_visitor fanned  = {.run          = fan_run,
                                         .component    = fan_component,
                                         .context      = &both,
                                         .wants_nearby = both.product.wants_nearby};
    const tb_assemble_options options = {.shards       = readers,
                                         .shard_count  = count,
                                         .connectivity = TB_CONNECT_8,
                                         .min_pixels   = stages->job->min_pixels,
                                         .progress     = stages->engine.progress};

    TB_TRY(tb_assemble_shards(&options, &fanned, totals, err));
    if (record != NULL)
        TB_TRY(tb_record_finish(record, err));
done:
    tb_record_close(record);
    if (readers != NULL)
        for (size_t s = 0; s < count; s++)
            tb_run_reader_close(readers[s]);
    tb_free(readers);
    tb_free(path);
    tb_free(runs);
    tb_evidence_reset(&evidence);
    return status;
}

static tb_status shard_scores(tb_stages *stages, int64_t shard, float *buffer,
                              tb_status (*row)(void *context, const float *scores, tb_error *err),
                              void *context, tb_error *err)
{
    tb_status status = TB_OK;
    char     *path   = NULL;
    FILE     *file   = NULL;
    tb_rect   rect   = tb_plan_shard(&stages->plan, shard);

    TB_TRY(shard_path(stages, "scores", "raw", shard, &path, err));
    file = fopen(path, "rb");
    if (file == NULL) {
        status =
            tb_error_set(err, TB_E_INPUT, "read %s: expected the scores of a shard, got \"%s\"",
                         path, strerror(errno));
        goto done;
    }
    for (int64_t y = 0; y < rect.height; y++) {
        size_t got = fread(buffer, sizeof *buffer, (size_t)rect.width, file);

        if (got != (size_t)rect.width) {
            status =
                tb_error_set(err, TB_E_INPUT, "read %s row %lld: expected %lld scores, got %zu",
                             path, (long long)y, (long long)rect.width, got);
            goto done;
        }
        TB_TRY(row(context, buffer, err));
    }
done:
    if (file != NULL)
        fclose(file);
    tb_free(path);
    return status;
}

tb_status tb_stages_scores(tb_stages *stages,
                           tb_status (*row)(void *context, const float *scores, tb_error *err),
                           void *context, tb_error *err)
{
    tb_status status = TB_OK;
    float    *buffer = NULL;

    TB_TRY(tb_alloc(&buffer, (size_t)stages->plan.lattice.width, sizeof *buffer, "row of scores",
                    err));
    for (int64_t shard = 0; shard < stages->plan.shards; shard++)
        TB_TRY(shard_scores(stages, shard, buffer, row, context, err));
done:
    tb_free(buffer);
    return status;
}

typedef struct tidy_list {
    const char *work;
    tb_text     used; /* names, each between slashes */
} tidy_list;

static tb_status keep(tidy_list *list, const char *path, tb_error *err)
{
    return tb_text_append(&list->used, err, "/%s/", tb_path_name(path));
}

static tb_status tidy_one(void *context, const char *name, tb_error *err)
{
    tidy_list *list   = context;
    tb_status  status = TB_OK;
    tb_text    wanted = {0};
    char      *path   = NULL;

    TB_TRY(tb_text_append(&wanted, err, "/%s/", name));
    if (list->used.data != NULL && strstr(list->used.data, wanted.data) != NULL)
        goto done;
    TB_TRY(tb_path_join(&path, list->work, name, err));
    tb_file_remove(path);
done:
    tb_text_reset(&wanted);
    tb_free(path);
    return status;
}

tb_status tb_stages_tidy(const tb_stages *stages, int count, tb_error *err)
{
    tb_status status = TB_OK;
    tidy_list list   = {.work = stages[0].work};
    char     *path   = NULL;

    for (int i = 0; i < count; i++) {
        if (stages[i].model_path != NULL)
            TB_TRY(keep(&list, stages[i].model_path, err));
        TB_TRY(record_path(&stages[i], &path, err));
        TB_TRY(keep(&list, path, err));
        tb_free(path);
        path = NULL;
        for (int64_t shard = 0; shard < stages[i].plan.shards; shard++) {
            TB_TRY(shard_path(&stages[i], "runs", "h5", shard, &path, err));
            TB_TRY(keep(&list, path, err));
            tb_free(path);
            path = NULL;
        }
    }
    TB_TRY(tb_folder_each(list.work, tidy_one, &list, err));
done:
    tb_free(path);
    tb_text_reset(&list.used);
    return status;
}
