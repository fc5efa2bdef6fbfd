/* tb_train: each pair fitted, its labelled pixels' features taken, trees grown, the filter written.
 */
#include "tuban/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdal.h>
#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/job.h"
#include "job/key.h"
#include "job/report.h"
#include "model/filter.h"
#include "model/gather.h"
#include "model/sample.h"
#include "sweep/plan.h"
#include "train/labels.h"
#include "train/training.h"

enum { PAIRS_MOST = 200 };

/* Chosen on the dsifn chips and the oscd cities: docs/methods/trained.md. */
static const tb_growth GROWTH = {.trees = 40, .depth = 3, .rate = 0.1, .bins = 64, .seed = 1};
static const double    WIDE   = 4.0;

/* One pair at work, and what the file says of it. */
typedef struct source {
    tb_pair    pair;
    tb_engine  engine;
    tb_labels *labels;
    tb_model  *model;
    uint8_t   *label; /* of a cell */
    int64_t    label_capacity;
    tb_sample  cells; /* of the whole lattice; share: of the labelled pixels that are taken */
    int64_t    labelled;
    tb_grid    grid; /* without crs, which the pair owns */
    double     gsd_m;
    char       sha256[TB_SHA256_SIZE]; /* of the labels; empty: no one file */
} source;

typedef struct train {
    const tb_train_options *options;
    const tb_kernels       *kernels;
    tb_training             training;
    tb_filter              *filter;
    source                 *source; /* [options->count] */
    int                     at;     /* the pair at work */
    char                    xgboost[16];
} train;

static void close_source(source *s)
{
    tb_model_free(s->model);
    s->model = NULL;
    tb_labels_close(s->labels);
    s->labels = NULL;
    tb_free(s->label);
    s->label          = NULL;
    s->label_capacity = 0;
    tb_sample_reset(&s->cells);
    tb_pair_close(&s->pair);
}

static tb_status read_labels(source *s, tb_rect cell, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   area   = tb_rect_area(cell);

    if (area > s->label_capacity) {
        TB_TRY(tb_grow(&s->label, (size_t)area, 1, "labels", err));
        s->label_capacity = area;
    }
    TB_TRY(tb_labels_read(s->labels, cell, s->label, err));
done:
    return status;
}

/* Leaves out cells without labels, and counts those of the others. */
static tb_status keep_labelled(source *s, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   kept   = 0;

    for (int64_t c = 0; c < s->cells.count; c++) {
        int64_t here = 0, area = tb_rect_area(s->cells.cell[c]);

        TB_TRY(read_labels(s, s->cells.cell[c], err));
        for (int64_t i = 0; i < area; i++)
            here += s->label[i] != TB_LABEL_NONE;
        if (here > 0)
            s->cells.cell[kept++] = s->cells.cell[c];
        s->labelled += here;
    }
    s->cells.count = s->cells.chosen = kept;
done:
    return status;
}

/* Takes the labelled pixels of a cell that both dates show and the sample draws. */
static tb_status take(void *context, tb_pair_block *block, const tb_scores *scores, tb_error *err)
{
    train    *t    = context;
    source   *s    = &t->source[t->at];
    int       halo = s->model->scoring.halo;
    tb_rect   all = {0, 0, s->pair.lattice.width, s->pair.lattice.height}, cell = scores->rect;
    tb_status status = TB_OK;

    TB_TRY(read_labels(s, cell, err));
    for (int64_t i = 0; i < tb_rect_area(cell); i++) {
        int64_t      x = i % cell.width, y = i / cell.width;
        int16_t      stratum = block->stratum[(y + halo) * block->rect.width + x + halo];
        float        scratch[TB_METHOD_SCRATCH * TB_METHOD_SEGMENT], values[TB_FILTER_FEATURES];
        const float *plane[TB_FILTER_PLANES], *features[TB_FOREST_FEATURES_MAX];

        if (s->label[i] == TB_LABEL_NONE || isnan(scores->score[i]) || stratum < 0 ||
            s->model->judge[stratum] == NULL || !tb_sample_draws(&s->cells, cell.x + x, cell.y + y))
            continue;
        for (int p = 0; p < TB_FILTER_PLANES; p++)
            plane[p] = scores->plane[p] + i;
        tb_filter_features(features, plane, scratch, 1);
        for (int f = 0; f < TB_FILTER_FEATURES; f++)
            values[f] = *features[f];
        TB_TRY(tb_training_add(
            &t->training, t->at, values, s->label[i] == TB_LABEL_CHANGED,
            scores->contrast[i] >= (float)s->model->judge[stratum]->threshold.contrast,
            tb_training_fold(&t->training, t->at, all, halo, cell.x + x, cell.y + y), err));
    }
done:
    return status;
}

/* Which bands tell vegetation, by their number: red and blue are dark in it, near infrared bright.
 */
static void default_vegetation(double *weight, int bands)
{
    static const double three[] = {-1, 2, -1}, four[] = {-0.5, 0, -0.5, 1},
                        six[] = {0, 0, -1, 1, 0, 0};
    const double *known       = bands == 3 ? three : bands == 4 ? four : bands == 6 ? six : NULL;

    for (int b = 0; b < bands; b++)
        weight[b] = known != NULL ? known[b] : 0.0;
}

static tb_status read_vegetation(double *weight, int bands, const char *text, tb_error *err)
{
    const char *at    = text;
    int         count = 0;

    for (;;) {
        char  *end;
        double value = strtod(at, &end);

        if (end == at || !(fabs(value) <= 100.0) || count == bands)
            break;
        weight[count++] = value;
        if (*end == '\0' && count == bands)
            return TB_OK;
        if (*end != ',')
            break;
        at = end + 1;
    }
    return tb_error_set(err, TB_E_USAGE,
                        "--vegetation: expected %d numbers between commas, one a band, got \"%s\"",
                        bands, text);
}

static void note(const train *t, const char *line)
{
    const tb_progress *progress = t->options->runtime.progress;

    if (progress != NULL && progress->note != NULL)
        progress->note(progress->context, line);
}

/* The first pair says what the filter is for. */
static tb_status begin_filter(train *t, const tb_pair *pair, tb_error *err)
{
    tb_status      status    = TB_OK;
    const char    *text      = t->options->vegetation;
    tb_fit_options plain     = {.method = &tb_method_composite};
    bool           has_index = false;

    TB_TRY(tb_filter_new(&t->filter, GROWTH.trees, err));
    t->filter->bands = pair->bands;
    t->filter->wide  = WIDE;
    t->filter->cut   = 0.5;
    tb_fit_smoothing(&pair->lattice, &plain, &t->filter->smoothing, &t->filter->has_median);
    if (text != NULL)
        TB_TRY(read_vegetation(t->filter->vegetation, pair->bands, text, err));
    else
        default_vegetation(t->filter->vegetation, pair->bands);
    for (int b = 0; b < pair->bands; b++)
        has_index = has_index || t->filter->vegetation[b] != 0.0;
    if (!has_index)
        note(t, "no vegetation index is known for so many bands: give --vegetation");
done:
    return status;
}

static tb_status check_pair(train *t, source *s, tb_error *err)
{
    tb_status status = TB_OK;

    s->grid     = s->pair.lattice;
    s->grid.crs = NULL;
    s->gsd_m    = tb_grid_gsd_m(&s->pair.lattice);
    if (t->at == 0)
        TB_TRY(begin_filter(t, &s->pair, err));
    if (s->pair.bands != t->filter->bands)
        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d bands as the first pair, got %d",
                              t->options->pairs[t->at].before, t->filter->bands, s->pair.bands);
    else if (s->gsd_m > 1.5 * t->source[0].gsd_m || t->source[0].gsd_m > 1.5 * s->gsd_m)
        note(t, "pairs of differing pixel sizes: the features are of pixels, not of metres");
done:
    return status;
}

static tb_status open_source(train *t, source *s, tb_error *err)
{
    tb_status               status       = TB_OK;
    const tb_train_options *o            = t->options;
    const tb_train_pair    *files        = &o->pairs[t->at];
    tb_epoch_options        before       = {.images = &files->before, .image_count = 1};
    tb_epoch_options        after        = {.images = &files->after, .image_count = 1};
    tb_plan_options         plan_options = {.threads      = o->runtime.threads,
                                            .budget_bytes = o->runtime.memory_bytes,
                                            .kept_planes  = TB_FILTER_PLANES};
    tb_plan                 plan;

    TB_TRY(tb_pair_open(&s->pair, &before, &after, err));
    TB_TRY(check_pair(t, s, err));
    TB_TRY(tb_plan_make(&plan, &s->pair, &plan_options, err));
    s->engine = (tb_engine){.kernels     = t->kernels,
                            .workers     = plan.threads,
                            .cache_bytes = plan.fit_cache_bytes,
                            .progress    = o->runtime.progress};
    TB_TRY(tb_labels_open(&s->labels, files->label, o->label_layer, o->label_field,
                          &s->pair.lattice, err));
    if (tb_file_sha256(files->label, s->sha256, NULL) != TB_OK)
        s->sha256[0] = '\0';
    TB_TRY(tb_sample_list(&s->cells, &s->pair.lattice,
                          (tb_rect){0, 0, s->pair.lattice.width, s->pair.lattice.height}, err));
    TB_TRY(keep_labelled(s, err));
    if (s->labelled == 0)
        status = tb_error_set(err, TB_E_INPUT,
                              "labels %s: expected 0 (unchanged) or 1 (changed) somewhere, got no "
                              "labelled pixel",
                              files->label);
done:
    return status;
}

/* Fits the pair with a filter that has no trees yet, and takes the examples. */
static tb_status take_pair(train *t, source *s, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_gather     *gather = NULL;
    tb_filter      empty;
    tb_scoring     scoring;
    tb_fit_options options = {.method        = &tb_method_trained,
                              .filter        = &empty,
                              .is_registered = !t->options->is_not_registered,
                              .may_flag_all  = true};

    TB_TRY(open_source(t, s, err));
    empty          = *t->filter;
    empty.trees    = 0;
    empty.tree     = NULL;
    s->cells.share = tb_training_share(&t->training, s->labelled);
    TB_TRY(tb_model_fit(&s->model, &s->pair, &options, &s->engine, err));
    TB_TRY(tb_model_apply(s->model, &s->pair, err));
    TB_TRY(tb_gather_new(&gather, &s->pair, &s->engine, err));
    scoring              = s->model->scoring;
    scoring.keeps_planes = true;
    TB_TRY(tb_gather_score(gather, s->cells.cell, s->cells.count, &scoring, s->model->radiometry,
                           take, t, err));
    if (t->training.pair[t->at].examples == 0) {
        status = tb_error_set(err, TB_E_INPUT,
                              "labels %s: expected labelled pixels that both dates show, got none "
                              "of %lld",
                              t->options->pairs[t->at].label, (long long)s->labelled);
        if (s->model->stratum[0].threshold.reason[0] != '\0')
            tb_error_hint(err, "%s", s->model->stratum[0].threshold.reason);
    }
done:
    tb_gather_free(gather);
    close_source(s);
    return status;
}

static tb_status check_classes(const train *t, tb_error *err)
{
    int64_t changed = 0;

    for (int p = 0; p < t->training.pairs; p++)
        changed += t->training.pair[p].changed;
    if (changed > 0 && changed < t->training.count)
        return TB_OK;
    return tb_error_set(err, TB_E_INPUT,
                        "labels: expected changed and unchanged pixels, got %lld changed of %lld",
                        (long long)changed, (long long)t->training.count);
}

/* null where it is not defined */
static tb_status write_figure(tb_text *out, const char *key, double value, tb_error *err)
{
    return isfinite(value) ? tb_text_append(out, err, ", %s: %.4f", key, value)
                           : tb_text_append(out, err, ", %s: null", key);
}

static tb_status write_pair(const train *t, int p, tb_text *out, tb_error *err)
{
    tb_status               status = TB_OK;
    const tb_train_pair    *files  = &t->options->pairs[p];
    const tb_training_pair *found  = &t->training.pair[p];
    const source           *s      = &t->source[p];
    double                  e0, n0, e1, n1;

    tb_transform_apply(s->grid.transform, 0, 0, &e0, &n0);
    tb_transform_apply(s->grid.transform, (double)s->grid.width, (double)s->grid.height, &e1, &n1);
    TB_TRY(tb_text_append(out, err, "    - before: "));
    TB_TRY(tb_model_write_name(out, tb_path_name(files->before), err));
    TB_TRY(tb_text_append(out, err, "\n      after: "));
    TB_TRY(tb_model_write_name(out, tb_path_name(files->after), err));
    TB_TRY(tb_text_append(out, err, "\n      label: "));
    TB_TRY(tb_model_write_name(out, tb_path_name(files->label), err));
    if (s->sha256[0] != '\0')
        TB_TRY(tb_text_append(out, err, "\n      label_sha256: %s", s->sha256));
    TB_TRY(tb_text_append(out, err,
                          "\n      size: [%lld, %lld]\n      corners: [%.9g, %.9g, %.9g, %.9g]\n"
                          "      gsd_m: %.4g\n      labelled: %lld\n      examples: %lld\n"
                          "      changed: %lld\n      validation: {examples: %lld",
                          (long long)s->grid.width, (long long)s->grid.height, e0, n0, e1, n1,
                          s->gsd_m, (long long)s->labelled, (long long)found->examples,
                          (long long)found->changed, (long long)found->validated));
    TB_TRY(write_figure(out, "f1", found->f1, err));
    TB_TRY(write_figure(out, "precision", found->precision, err));
    TB_TRY(write_figure(out, "recall", found->recall, err));
    TB_TRY(tb_text_append(out, err, "}\n"));
done:
    return status;
}

static const char *rule_of(const tb_training *training)
{
    return training->is_by_pair ? "each pair judged by trees of the others"
                                : "each quarter of the ground judged by trees of the others";
}

static tb_status write_filter(const train *t, tb_text *out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err,
                          "# A trained filter of tuban: detect --model takes it. docs/train.md\n"
                          "filter: 1\n"
                          "validation: {rule: \"%s\", f1: %.4f, precision: %.4f, recall: %.4f}\n"
                          "training:\n"
                          "  engine: \"tuban %s, XGBoost %s\"\n"
                          "  parameters: {trees: %d, depth: %d, rate: %.9g, bins: %d, seed: %d}\n"
                          "  pairs:\n",
                          rule_of(&t->training), t->training.f1, t->training.precision,
                          t->training.recall, TUBAN_VERSION, t->xgboost, GROWTH.trees, GROWTH.depth,
                          GROWTH.rate, GROWTH.bins, GROWTH.seed));
    for (int p = 0; p < t->training.pairs; p++)
        TB_TRY(write_pair(t, p, out, err));
    TB_TRY(tb_filter_write(t->filter, "", out, err));
    TB_TRY(tb_file_write(t->options->out, out->data, out->length, err));
done:
    return status;
}

static json_t *report_of(const train *t)
{
    json_t *pairs = json_array();

    for (int p = 0; p < t->training.pairs; p++) {
        const tb_training_pair *found = &t->training.pair[p];
        json_t                 *row   = json_pack(
                              "{s:s, s:I, s:I, s:I, s:I}", "label", tb_path_name(t->options->pairs[p].label),
                              "labelled", (json_int_t)t->source[p].labelled, "examples", (json_int_t)found->examples,
                              "changed", (json_int_t)found->changed, "validated", (json_int_t)found->validated);

        json_object_set_new(row, "f1", tb_report_number(found->f1));
        json_object_set_new(row, "precision", tb_report_number(found->precision));
        json_object_set_new(row, "recall", tb_report_number(found->recall));
        json_array_append_new(pairs, row);
    }
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:s, s:i, s:o}", "out", t->options->out, "f1",
                     t->training.f1, "precision", t->training.precision, "recall",
                     t->training.recall, "cut", t->filter->cut, "validation", rule_of(&t->training),
                     "trees", t->filter->trees, "pairs", pairs);
}

static tb_status check_options(const tb_train_options *o, tb_error *err)
{
    uint64_t needed = (uint64_t)TB_TRAINING_BYTES * TB_TRAINING_PAIR_MOST * (uint64_t)o->count;
    uint64_t most   = (uint64_t)TB_TRAINING_BYTES * TB_TRAINING_MOST;

    needed = needed < most ? needed : most;
    if (o->out == NULL)
        return tb_error_set(err, TB_E_USAGE, "--out: expected a file for the filter, got none");
    if (o->count < 1 || o->count > PAIRS_MOST)
        return tb_error_set(err, TB_E_USAGE,
                            "train: expected 1 to %d pairs with their labels, got %d", PAIRS_MOST,
                            o->count);
    if (o->runtime.memory_bytes > 0 && o->runtime.memory_bytes < needed) {
        tb_error_set(err, TB_E_MEMORY,
                     "train: expected a memory budget of at least %llu MiB for the examples, got "
                     "%llu MiB",
                     (unsigned long long)(needed >> 20),
                     (unsigned long long)(o->runtime.memory_bytes >> 20));
        return TB_E_MEMORY;
    }
    return tb_file_check_writable(o->out, err);
}

tb_status tb_train(const tb_train_options *options, char **json, tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_booster *booster = NULL;
    tb_text     text    = {0};
    train       t       = {.options = options};

    *json = NULL;
    TB_TRY(check_options(options, err));
    t.kernels = tb_kernels_named(options->runtime.cpu, tb_kernels_features());
    if (t.kernels == NULL) {
        status =
            tb_error_set(err, TB_E_USAGE,
                         "TUBAN_CPU: expected c, avx2 or avx512 as far as this machine has it, "
                         "got \"%s\"",
                         options->runtime.cpu);
        goto done;
    }
    GDALSetCacheMax64(TB_PLAN_GDAL_CACHE);
    TB_TRY(tb_booster_open(&booster, t.xgboost, err));
    TB_TRY(tb_training_init(&t.training, options->count, err));
    TB_TRY(tb_alloc_zero(&t.source, (size_t)options->count, sizeof *t.source, "pairs", err));
    for (t.at = 0; t.at < options->count; t.at++)
        TB_TRY(take_pair(&t, &t.source[t.at], err));
    TB_TRY(check_classes(&t, err));
    TB_TRY(tb_training_run(&t.training, booster, &GROWTH, t.filter, t.kernels, err));
    TB_TRY(write_filter(&t, &text, err));
    TB_TRY(tb_report_text(report_of(&t), json, err));
done:
    tb_text_reset(&text);
    tb_booster_close(booster);
    tb_filter_free(t.filter);
    tb_training_reset(&t.training);
    tb_free(t.source);
    return status;
}
