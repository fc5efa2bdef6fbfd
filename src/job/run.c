/* The operations of tuban/run.h: which doors are opened, in which order. */
#include "tuban/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/month.h"
#include "job/pairs.h"
#include "job/parcels.h"
#include "job/rasters.h"
#include "job/report.h"
#include "job/seams.h"
#include "job/series.h"
#include "job/set.h"
#include "job/stages.h"

typedef enum products { PRODUCTS_RASTERS, PRODUCTS_PARCELS } products;

typedef enum until { UNTIL_FIT, UNTIL_SWEEP, UNTIL_ASSEMBLE, UNTIL_ALL } until;

/* A run of all pairs of a job. */
typedef struct run {
    const tb_job       *job;
    products            products;
    until               until;
    bool                force;
    const tb_kernels   *kernels;
    const tb_progress  *given;    /* the caller's; may be NULL */
    tb_progress         progress; /* the same, and what workers waited */
    tb_stages          *stages;   /* [job->pair_count] */
    tb_assemble_totals *totals;
    tb_text            *models;  /* model.yaml of each */
    json_t            **fitted;  /* what is told of each model */
    tb_pairs           *pairs;   /* where they lie; NULL: rasters */
    tb_imagery         *imagery; /* likewise */
    tb_seam_totals      seams;
    tb_set             *set;
    char                key[TB_KEY_SIZE]; /* of the products */
    json_t             *times;            /* run.json */
    json_t             *month;            /* of what was judged; NULL: nothing yet */
    struct timespec     wall, cpu;        /* when the present stage began */
    double              held, waiting;    /* of workers since then, seconds */
} run;

static void pass_report(void *context, const char *stage, int64_t done, int64_t total)
{
    const run *r = context;

    if (r->given != NULL && r->given->report != NULL)
        r->given->report(r->given->context, stage, done, total);
}

static void pass_note(void *context, const char *line)
{
    const run *r = context;

    if (r->given != NULL && r->given->note != NULL)
        r->given->note(r->given->context, line);
}

static bool pass_is_cancelled(void *context)
{
    const run *r = context;

    return r->given != NULL && r->given->is_cancelled != NULL &&
           r->given->is_cancelled(r->given->context);
}

static void count_waiting(void *context, double held, double waiting)
{
    run *r = context;

    r->held += held;
    r->waiting += waiting;
    if (r->given != NULL && r->given->waited != NULL)
        r->given->waited(r->given->context, held, waiting);
}

/* What the stages are given is the caller's progress, with an ear for waiting. */
static void listen(run *r)
{
    r->progress = (tb_progress){.report       = pass_report,
                                .note         = pass_note,
                                .is_cancelled = pass_is_cancelled,
                                .context      = r,
                                .waited       = count_waiting};
}

static double seconds_since(clockid_t clock, struct timespec *begin)
{
    struct timespec now;
    double          seconds;

    clock_gettime(clock, &now);
    seconds = (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
    *begin  = now;
    return seconds;
}

static void end_stage(run *r, const char *name)
{
    double wall = seconds_since(CLOCK_MONOTONIC, &r->wall);
    double cpu  = seconds_since(CLOCK_PROCESS_CPUTIME_ID, &r->cpu);

    json_object_set_new(r->times, name,
                        json_pack("{s:f, s:f, s:f, s:f}", "seconds", wall, "cpu_seconds", cpu,
                                  "worker_seconds", r->held, "waiting_seconds", r->waiting));
    r->held = r->waiting = 0.0;
}

/* Of several pairs the files of one are open at a time. */
static void rest(run *r, size_t p)
{
    if (r->job->pair_count > 1)
        tb_stages_rest(&r->stages[p]);
}

static tb_status open_pair(run *r, size_t p, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_stages *stages = &r->stages[p];

    TB_TRY(tb_stages_open(stages, r->job, (int)p + 1, r->kernels, &r->progress, err));
    stages->force      = r->force;
    stages->has_scores = r->products == PRODUCTS_RASTERS;
    if (r->products == PRODUCTS_PARCELS) {
        TB_TRY(tb_pair_check_georeference(&stages->pair, err));
        TB_TRY(tb_pairs_add(r->pairs, (int)p, &stages->pair, err));
        TB_TRY(tb_imagery_add(r->imagery, (int)p, &stages->pair, err));
    }
    rest(r, p);
done:
    return status;
}

static tb_status open_run(run *r, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    pairs  = (size_t)r->job->pair_count;

    r->times = json_object();
    clock_gettime(CLOCK_MONOTONIC, &r->wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &r->cpu);
    listen(r);
    TB_TRY(tb_alloc_zero(&r->stages, pairs, sizeof *r->stages, "pairs", err));
    TB_TRY(tb_alloc_zero(&r->totals, pairs, sizeof *r->totals, "pairs", err));
    TB_TRY(tb_alloc_zero(&r->models, pairs, sizeof *r->models, "pairs", err));
    TB_TRY(tb_alloc_zero(&r->fitted, pairs, sizeof *r->fitted, "pairs", err));
    if (r->products == PRODUCTS_PARCELS) {
        TB_TRY(tb_pairs_new(&r->pairs, (int)pairs, err));
        TB_TRY(tb_imagery_new(&r->imagery, r->job, err));
    }
    for (size_t p = 0; p < pairs; p++)
        TB_TRY(open_pair(r, p, err));
    if (r->products == PRODUCTS_PARCELS) {
        TB_TRY(tb_pairs_relate(r->pairs, err));
        TB_TRY(tb_judge_check(r->job, err)); /* better now than after the sweep */
    }
done:
    return status;
}

static void close_run(run *r)
{
    for (int p = 0; p < r->job->pair_count; p++) {
        if (r->stages != NULL)
            tb_stages_close(&r->stages[p]);
        if (r->models != NULL)
            tb_text_reset(&r->models[p]);
        if (r->fitted != NULL)
            json_decref(r->fitted[p]);
    }
    tb_free(r->stages);
    tb_free(r->totals);
    tb_free(r->models);
    tb_free(r->fitted);
    tb_pairs_free(r->pairs);
    tb_imagery_free(r->imagery);
    tb_set_close(r->set);
    json_decref(r->times);
    json_decref(r->month);
}

/* Of all models and what is made of them: if the products have it, there is nothing to do. */
static tb_status set_product_key(run *r, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};

    TB_TRY(tb_text_append(&text, err, "products %d %lld %.17g %lld %s %s %s %u %d\n", r->products,
                          (long long)r->job->min_pixels, r->job->simplify_px,
                          (long long)r->job->fill_pixels, r->job->name, r->job->month,
                          r->job->region != NULL ? r->job->region : "-", r->job->formats,
                          r->job->is_gbk));
    for (int p = 0; p < r->job->pair_count; p++)
        TB_TRY(tb_text_append(&text, err, "%s %s %s\n", r->stages[p].model_key,
                              r->job->pairs[p].before.date, r->job->pairs[p].after.date));
    if (r->products == PRODUCTS_PARCELS)
        TB_TRY(tb_judge_append_key(&text, r->job, err));
    TB_TRY(tb_key_of(&text, r->key, err));
done:
    tb_text_reset(&text);
    return status;
}

static tb_status write_models(run *r, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   name   = {0};
    char     *path   = NULL;

    for (int p = 0; p < r->job->pair_count; p++) {
        TB_TRY(tb_job_model_name(&name, p, err));
        TB_TRY(tb_set_path(r->set, name.data, &path, err));
        TB_TRY(tb_file_write(path, r->models[p].data, r->models[p].length, err));
        tb_text_reset(&name);
        tb_free(path);
        path = NULL;
    }
done:
    tb_text_reset(&name);
    tb_free(path);
    return status;
}

static json_t *pair_report(const run *r, int p)
{
    const tb_stages *stages = &r->stages[p];
    int64_t          pixels = tb_rect_area(stages->plan.lattice);
    json_t          *json   = json_copy(r->fitted[p]);
    const char      *reason = tb_report_reason(stages->model, &r->totals[p]);

    json_object_set_new(json, "before", json_string(r->job->pairs[p].before.date));
    json_object_set_new(json, "after", json_string(r->job->pairs[p].after.date));
    if (r->pairs != NULL)
        json_object_set_new(json, "overlaps", tb_pairs_overlaps(r->pairs, p));
    if (r->until < UNTIL_ASSEMBLE) /* nothing has been counted yet */
        return json;
    json_object_update_new(json, tb_report_totals(&r->totals[p], pixels));
    json_object_set_new(json, "reason", reason != NULL ? json_string(reason) : json_null());
    return json;
}

static json_t *summary_of(const run *r)
{
    json_t *pairs = json_array(), *json = tb_month_head(r->job);

    for (int p = 0; p < r->job->pair_count; p++)
        json_array_append_new(pairs, pair_report(r, p));
    json_object_set_new(json, "pairs", pairs);
    if (r->month != NULL)
        json_object_update(json, r->month);
    return json;
}

static json_t *run_report(const run *r)
{
    int64_t bytes = 0, tiles = 0;
    int     swept = 0, passed_over = 0;
    json_t *plans = json_array(), *files = json_array(), *json;

    for (int p = 0; p < r->job->pair_count; p++) {
        bytes += r->stages[p].decoded_bytes;
        tiles += r->stages[p].decoded_tiles;
        swept += r->stages[p].swept;
        passed_over += r->stages[p].passed_over;
        json_array_append_new(plans, tb_report_plan(&r->stages[p].plan));
        json_array_extend(files, r->stages[p].reading);
    }
    json = json_pack("{s:O, s:I, s:I, s:i, s:i, s:o, s:s, s:o}", "stages", r->times,
                     "decoded_bytes", (json_int_t)bytes, "decoded_tiles", (json_int_t)tiles,
                     "shards_swept", swept, "shards_passed_over", passed_over, "reading", files,
                     "cpu", r->kernels->isa, "plans", plans);
    if (r->pairs != NULL)
        json_object_set_new(json, "ground", tb_pairs_report(r->pairs));
    json_object_update_new(json, tb_report_machine());
    return json;
}

static tb_status write_rasters(run *r, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_rasters_write_change(&r->stages[0], r->set, &r->totals[0], err));
    TB_TRY(tb_rasters_write_score(&r->stages[0], r->set, err));
done:
    return status;
}

static tb_status write_parcels(run *r, tb_error *err)
{
    tb_status     status     = TB_OK;
    tb_candidates candidates = {0};
    tb_judge      judge      = {0};

    for (int p = 0; p < r->job->pair_count; p++) {
        tb_imagery_set_model(r->imagery, p, r->stages[p].model);
        TB_TRY(tb_stages_wake(&r->stages[p], err));
        TB_TRY(tb_candidates_add(&candidates, &r->stages[p], r->pairs, &r->totals[p], err));
        rest(r, (size_t)p);
    }
    TB_TRY(tb_pairs_divide(r->pairs, err));
    TB_TRY(tb_seams_apply(r->pairs, &candidates, r->job->min_pixels, &r->seams, err));
    end_stage(r, "assemble");
    TB_TRY(tb_judge_candidates(&judge, r->job, &candidates, r->imagery, &r->progress, err));
    end_stage(r, "judge");
    TB_TRY(tb_parcels_write(r->set, r->job, &candidates, &judge, &r->progress, err));
    r->month = tb_month_report(&judge, &candidates, r->job);
    json_object_set_new(r->month, "joined", json_integer((json_int_t)r->seams.joined));
    json_object_set_new(r->month, "cut", json_integer((json_int_t)r->seams.cut));
    TB_TRY(tb_set_write_json(r->set, "summary.json", summary_of(r), err));
done:
    tb_imagery_free(r->imagery); /* before the judge's context */
    r->imagery = NULL;
    tb_judge_reset(&judge);
    tb_candidates_reset(&candidates);
    return status;
}

static tb_status make_products(run *r, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(r->products == PRODUCTS_RASTERS ? write_rasters(r, err) : write_parcels(r, err));
    TB_TRY(write_models(r, err));
    end_stage(r, "publish");
    TB_TRY(tb_set_write_json(r->set, "run.json", run_report(r), err));
    TB_TRY(tb_set_publish(r->set, r->key, err));
    TB_TRY(tb_stages_tidy(r->stages, r->job->pair_count, err));
done:
    return status;
}

static tb_status assemble_only(run *r, tb_error *err)
{
    tb_status status = TB_OK;

    for (int p = 0; p < r->job->pair_count; p++)
        TB_TRY(tb_stages_assemble(&r->stages[p], NULL, &r->totals[p], err));
done:
    return status;
}

static tb_status fit(run *r, int p, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_stages *stages = &r->stages[p];

    stages->work = tb_set_work(r->set);
    TB_TRY(tb_stages_wake(stages, err));
    TB_TRY(tb_stages_fit(stages, err));
    TB_TRY(tb_model_write(stages->model, &stages->pair, &r->models[p], err));
    r->fitted[p] = tb_report_model(stages->model, &stages->pair);
    rest(r, (size_t)p);
done:
    return status;
}

static tb_status sweep(run *r, int p, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_stages_wake(&r->stages[p], err));
    TB_TRY(tb_stages_sweep(&r->stages[p], err));
    rest(r, (size_t)p);
done:
    return status;
}

/* Someone may have emptied the work folder since. */
static tb_status assemble_again(run *r, tb_error *err)
{
    tb_status status = TB_OK;

    for (int p = 0; p < r->job->pair_count; p++) {
        r->stages[p].has_scores = false;
        TB_TRY(sweep(r, p, err));
    }
    TB_TRY(assemble_only(r, err));
    TB_TRY(tb_stages_tidy(r->stages, r->job->pair_count, err)); /* a run cut short had not */
done:
    return status;
}

static tb_status go(run *r, bool *is_current, tb_error *err)
{
    tb_status status = TB_OK;
    int       pairs  = r->job->pair_count;

    TB_TRY(open_run(r, err));
    TB_TRY(tb_set_open(&r->set, r->job->folder, err));
    for (int p = 0; p < pairs; p++)
        TB_TRY(fit(r, p, err));
    end_stage(r, "fit");
    TB_TRY(set_product_key(r, err));
    *is_current = !r->force && r->until == UNTIL_ALL && tb_set_is_current(r->set, r->key);
    if (r->until == UNTIL_FIT)
        goto done;
    if (*is_current) {
        pass_note(r, "the products are up to date; nothing done");
        goto done;
    }
    for (int p = 0; p < pairs; p++)
        TB_TRY(sweep(r, p, err));
    end_stage(r, "sweep");
    if (r->until == UNTIL_SWEEP)
        goto done;
    if (r->until == UNTIL_ASSEMBLE)
        TB_TRY(assemble_only(r, err));
    else
        TB_TRY(make_products(r, err));
done:
    return status;
}

/* Shards that are done are kept where they are long work: about a minute of it. */
static const int64_t PIXELS_WORTH_KEEPING = (int64_t)1 << 28;

static int64_t pixels_swept(const run *r)
{
    int64_t pixels = 0;

    for (int p = 0; p < r->job->pair_count; p++) {
        const tb_stages *s = &r->stages[p];

        if (s->plan.shards > 0)
            pixels += tb_rect_area(s->plan.lattice) / s->plan.shards * (s->swept + s->passed_over);
    }
    return pixels;
}

/* Someone who stops a run, or finds the disk full, goes on later; other failures begin anew. */
static bool is_work_worth_keeping(const run *r, tb_status status)
{
    if (status == TB_E_CANCELLED)
        return true;
    return (status == TB_E_OUTPUT || status == TB_E_MEMORY) &&
           pixels_swept(r) >= PIXELS_WORTH_KEEPING;
}

static void abandon(run *r, tb_status status, tb_error *err)
{
    bool keeps_work = is_work_worth_keeping(r, status);

    tb_set_abandon(r->set, keeps_work);
    if (keeps_work && tb_file_exists(tb_set_work(r->set)) && err != NULL) {
        size_t used = strlen(err->hint);

        snprintf(err->hint + used, sizeof err->hint - used,
                 "%swhat is done is kept in %s: the same command goes on from there",
                 used > 0 ? "; " : "", tb_set_work(r->set));
    }
}

/* What the summary of an earlier run says of the parcels. */
static void read_month(run *r)
{
    static const char *const keys[] = {"observed_m2",  "unobserved_m2",
                                       "stream",       "ruleset",
                                       "parcels",      "withheld",
                                       "rejected_for", "tiers",
                                       "units",        "t3_candidates",
                                       "reduced",      "qc",
                                       "joined",       "cut"};
    char                    *path   = NULL;
    json_t                  *summary;

    if (r->products != PRODUCTS_PARCELS ||
        tb_path_join(&path, r->job->folder, "summary.json", NULL) != TB_OK)
        return;
    summary  = json_load_file(path, 0, NULL);
    r->month = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(r->month, keys[i], json_object_get(summary, keys[i]));
    json_decref(summary);
    tb_free(path);
}

static tb_status run_all(run *r, char **json, tb_error *err)
{
    tb_status status     = TB_OK;
    bool      is_current = false;
    json_t   *report     = NULL;

    *json = NULL;
    TB_TRY(go(r, &is_current, err));
    if (is_current) { /* the figures of a set that is up to date come from its files */
        TB_TRY(assemble_again(r, err));
        read_month(r);
    }
    report = r->products == PRODUCTS_RASTERS ? pair_report(r, 0) : summary_of(r);
    json_object_set_new(report, "out", json_string(r->job->folder));
    json_object_set_new(report, "up_to_date", json_boolean(is_current));
    TB_TRY(tb_report_text(report, json, err));
done:
    if (status != TB_OK && r->set != NULL)
        abandon(r, status, err);
    close_run(r);
    return status;
}

tb_status tb_detect(const tb_detect_options *options, char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_job   *job    = NULL;
    run       r      = {.products = PRODUCTS_RASTERS,
                        .until    = UNTIL_ALL,
                        .force    = options->force,
                        .given    = options->runtime.progress};

    *json = NULL;
    TB_TRY(tb_stages_kernels(&options->runtime, &r.kernels, err));
    TB_TRY(tb_job_of_images(&job, options, err));
    if (options->later_count > 0) {
        TB_TRY(tb_series_run(options, r.kernels, json, err));
        goto done;
    }
    r.job = job;
    TB_TRY(run_all(&r, json, err));
done:
    tb_job_free(job);
    return status;
}

static tb_status parse_until(const char *text, until *out, tb_error *err)
{
    static const char *const names[] = {"fit", "sweep", "assemble", "publish"};

    *out = UNTIL_ALL;
    if (text == NULL)
        return TB_OK;
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (until)i;
            return TB_OK;
        }
    return tb_error_set(err, TB_E_USAGE,
                        "--until: expected fit, sweep, assemble or publish, got \"%s\"", text);
}

tb_status tb_job_run(const tb_run_options *options, char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_job   *job    = NULL;
    run       r      = {
                   .products = PRODUCTS_PARCELS, .force = options->force, .given = options->runtime.progress};

    *json = NULL;
    TB_TRY(tb_stages_kernels(&options->runtime, &r.kernels, err));
    TB_TRY(parse_until(options->until, &r.until, err));
    TB_TRY(tb_job_read(&job, options->job, err));
    TB_TRY(tb_job_override(job, options, err));
    r.job = job;
    TB_TRY(run_all(&r, json, err));
done:
    tb_job_free(job);
    return status;
}

tb_status tb_fit(const tb_detect_options *options, const char *model_path, char **json,
                 tb_error *err)
{
    tb_status         status = TB_OK;
    tb_job           *job    = NULL;
    const tb_kernels *kernels;
    tb_stages         stages = {0};
    tb_text           text   = {0};

    *json = NULL;
    TB_TRY(tb_stages_kernels(&options->runtime, &kernels, err));
    TB_TRY(tb_job_of_images(&job, options, err));
    TB_TRY(tb_stages_open(&stages, job, 1, kernels, options->runtime.progress, err));
    if (model_path != NULL) /* better now than after the work */
        TB_TRY(tb_file_check_writable(model_path, err));
    TB_TRY(tb_stages_fit(&stages, err));
    if (model_path != NULL) {
        TB_TRY(tb_model_write(stages.model, &stages.pair, &text, err));
        TB_TRY(tb_file_write(model_path, text.data, text.length, err));
    }
    TB_TRY(tb_report_text(tb_report_model(stages.model, &stages.pair), json, err));
done:
    tb_text_reset(&text);
    tb_stages_close(&stages);
    tb_job_free(job);
    return status;
}

static tb_status plan_all(const tb_job *job, const tb_runtime *runtime, char **json, tb_error *err)
{
    tb_status         status = TB_OK;
    json_t           *plans  = json_array();
    tb_pairs         *pairs  = NULL;
    const tb_kernels *kernels;
    tb_stages         stages = {0};

    TB_TRY(tb_stages_kernels(runtime, &kernels, err));
    if (job->pair_count > 1)
        TB_TRY(tb_pairs_new(&pairs, job->pair_count, err));
    for (int p = 0; p < job->pair_count; p++) {
        TB_TRY(tb_stages_open(&stages, job, p + 1, kernels, runtime->progress, err));
        json_array_append_new(plans, tb_report_plan(&stages.plan));
        if (pairs != NULL) {
            TB_TRY(tb_pair_check_georeference(&stages.pair, err));
            TB_TRY(tb_pairs_add(pairs, p, &stages.pair, err));
        }
        tb_stages_close(&stages);
    }
    if (pairs != NULL)
        TB_TRY(tb_pairs_relate(pairs, err));
    for (int p = 0; pairs != NULL && p < job->pair_count; p++)
        json_object_set_new(json_array_get(plans, (size_t)p), "overlaps",
                            tb_pairs_overlaps(pairs, p));
    status = tb_report_text(json_pack("{s:O}", "rows", plans), json, err);
done:
    json_decref(plans);
    tb_pairs_free(pairs);
    tb_stages_close(&stages);
    return status;
}

tb_status tb_plan_job(const tb_run_options *options, char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_job   *job    = NULL;

    *json = NULL;
    TB_TRY(tb_job_read(&job, options->job, err));
    TB_TRY(tb_job_override(job, options, err));
    TB_TRY(plan_all(job, &options->runtime, json, err));
done:
    tb_job_free(job);
    return status;
}

tb_status tb_plan_images(const tb_detect_options *options, char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_job   *job    = NULL;

    *json = NULL;
    TB_TRY(tb_job_of_images(&job, options, err));
    TB_TRY(plan_all(job, &options->runtime, json, err));
done:
    tb_job_free(job);
    return status;
}
