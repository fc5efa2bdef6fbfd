#include "job/series.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "job/key.h"
#include "job/report.h"
#include "job/set.h"
#include "raster/sink.h"
#include "sweep/series.h"

enum { CHANGES = 3 };

/* The rasters of a series while they are written, and what is counted. */
typedef struct products {
    tb_sink *change, *score, *changes;
    uint8_t *row; /* [CHANGES][columns] */
    int64_t  observed, changed, dated;
    int64_t  by_date[TB_OMNIBUS_DATES_MAX + 1]; /* pixels whose first change is seen there */
} products;

static tb_status check_options(const tb_detect_options *options, tb_error *err)
{
    const struct {
        const char *name;
        bool        is_given;
    } others[] = {
        {"--prior", options->prior != NULL},
        {"--model", options->model != NULL},
        {"--valid-before", options->valid_before != NULL},
        {"--valid-after", options->valid_after != NULL},
        {"--sample", options->sample > 0.0},
        {"--min-pixels", options->min_pixels > 0},
        {"--block", options->runtime.block > 0},
        {"--shards", options->runtime.shards > 0},
    };
    int dates = 2 + options->later_count;

    if (options->method == NULL || strcmp(options->method, "omnibus") != 0) {
        tb_error_set(err, TB_E_USAGE, "images: expected two, got %d", dates);
        tb_error_hint(err, "more than two dates are for radar, with --method omnibus");
        return TB_E_USAGE;
    }
    if (dates > TB_OMNIBUS_DATES_MAX)
        return tb_error_set(err, TB_E_USAGE, "images: expected at most %d dates, got %d",
                            TB_OMNIBUS_DATES_MAX, dates);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].is_given)
            return tb_error_set(err, TB_E_USAGE, "%s: expected two dates with it, got %d",
                                others[i].name, dates);
    return TB_OK;
}

static tb_status open_series(tb_series *series, const tb_detect_options *options, tb_error *err)
{
    const char *paths[TB_OMNIBUS_DATES_MAX] = {options->before, options->after};

    for (int i = 0; i < options->later_count; i++)
        paths[2 + i] = options->later[i];
    return tb_series_open(series, paths, 2 + options->later_count, err);
}

static tb_status open_sink(tb_sink **out, tb_set *set, const char *name, const tb_grid *grid,
                           const tb_sink_layout *layout, tb_error *err)
{
    tb_status status = TB_OK;
    char     *path   = NULL;

    TB_TRY(tb_set_path(set, name, &path, err));
    TB_TRY(tb_sink_open(out, path, grid, layout, err));
done:
    tb_free(path);
    return status;
}

static tb_status open_products(products *p, tb_set *set, const tb_grid *grid, tb_error *err)
{
    static const char *const change[] = {"change"}, *const score[] = {"score"};
    static const char *const changes[CHANGES] = {"number of changes", "date of the first change",
                                                 "date of the last change"};
    const tb_sink_layout     bytes            = {.type          = TB_SAMPLE_U8,
                                                 .has_nodata    = true,
                                                 .nodata        = TB_SERIES_UNOBSERVED,
                                                 .has_overviews = true};
    tb_sink_layout           layout           = bytes;
    tb_status                status           = TB_OK;

    TB_TRY(tb_alloc(&p->row, (size_t)grid->width * CHANGES, 1, "row of changes.tif", err));
    layout.bands = 1;
    layout.names = change;
    TB_TRY(open_sink(&p->change, set, "change.tif", grid, &layout, err));
    layout.bands = CHANGES;
    layout.names = changes;
    TB_TRY(open_sink(&p->changes, set, "changes.tif", grid, &layout, err));
    layout.bands  = 1;
    layout.type   = TB_SAMPLE_F32;
    layout.nodata = (double)NAN;
    layout.names  = score;
    TB_TRY(open_sink(&p->score, set, "score.tif", grid, &layout, err));
done:
    return status;
}

static tb_status finish_products(products *p, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_sink_finish(p->change, err));
    TB_TRY(tb_sink_finish(p->changes, err));
    TB_TRY(tb_sink_finish(p->score, err));
done:
    return status;
}

static void close_products(products *p)
{
    tb_sink_close(p->change);
    tb_sink_close(p->changes);
    tb_sink_close(p->score);
    tb_free(p->row);
}

static void count(products *p, const tb_series_rows *rows)
{
    size_t pixels = (size_t)tb_rect_area(rows->rect);

    for (size_t i = 0; i < pixels; i++) {
        if (rows->change[i] == TB_SERIES_UNOBSERVED)
            continue;
        p->observed++;
        p->changed += rows->change[i];
        p->dated += rows->number[i] > 0;
        p->by_date[rows->first[i]]++;
    }
}

static tb_status take(void *context, const tb_series_rows *rows, tb_error *err)
{
    products *p       = context;
    size_t    columns = (size_t)rows->rect.width;
    tb_status status  = TB_OK;

    count(p, rows);
    for (size_t y = 0; y < (size_t)rows->rect.height; y++) {
        size_t at = y * columns;

        memcpy(p->row, rows->number + at, columns);
        memcpy(p->row + columns, rows->first + at, columns);
        memcpy(p->row + 2 * columns, rows->last + at, columns);
        TB_TRY(tb_sink_row(p->change, rows->change + at, err));
        TB_TRY(tb_sink_row(p->changes, p->row, err));
        TB_TRY(tb_sink_row(p->score, rows->score + at, err));
    }
done:
    return status;
}

static json_t *dates_of(const tb_series *series, const tb_series_model *model, const products *p)
{
    json_t *list = json_array();

    for (int i = 0; i < series->dates; i++) {
        const tb_image_info *info  = tb_epoch_file(series->epoch[i], 0);
        json_t              *gains = json_array();

        for (int b = 0; b < series->channels; b++)
            json_array_append_new(gains, json_real((double)model->gain[i][b]));
        json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:o, s:I}", "number", i + 1, "file",
                                              tb_path_name(info->path), "date", info->date, "gain",
                                              gains, "first_changes",
                                              (json_int_t)(i > 0 ? p->by_date[i + 1] : 0)));
    }
    return list;
}

static json_t *report_of(const tb_series *series, const tb_series_model *model, const products *p,
                         bool is_looks_given)
{
    json_int_t pixels = (json_int_t)(series->lattice.width * series->lattice.height);
    json_t    *least  = json_array(), *json;

    for (int b = 0; b < series->channels; b++)
        json_array_append_new(least, json_real((double)model->least[b]));
    json =
        json_pack("{s:s, s:o, s:i, s:s, s:f, s:f, s:b, s:f, s:o, s:I, s:I, s:I, s:I, s:I, s:I}",
                  "method", "omnibus", "dates", dates_of(series, model, p), "channels",
                  series->channels, "samples", model->is_intensity ? "intensity" : "amplitude",
                  "alpha", model->alpha, "looks", model->limits.test.looks, "looks_given",
                  is_looks_given, "limit", model->limits.all[series->dates], "least", least,
                  "sampled", (json_int_t)model->sampled, "pixels", pixels, "observed",
                  (json_int_t)p->observed, "unobserved", pixels - (json_int_t)p->observed,
                  "changed_pixels", (json_int_t)p->changed, "dated_pixels", (json_int_t)p->dated);
    json_object_set_new(json, "flagged",
                        p->observed > 0 ? json_real((double)p->changed / (double)p->observed)
                                        : json_null());
    json_object_set_new(json, "registration",
                        json_pack("{s:b, s:s}", "applied", false, "reason",
                                  "dates of a series are taken as they lie"));
    return json;
}

/* Borrows the JSON. */
static tb_status write_json(tb_set *set, const char *name, json_t *json, tb_error *err)
{
    tb_status status = TB_OK;
    char     *text = NULL, *path = NULL;

    TB_TRY(tb_report_text(json_incref(json), &text, err));
    TB_TRY(tb_set_path(set, name, &path, err));
    TB_TRY(tb_file_write(path, text, strlen(text), err));
done:
    tb_text_release(text);
    tb_free(path);
    return status;
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static tb_status key_of(char key[TB_KEY_SIZE], const tb_series *series,
                        const tb_series_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};

    TB_TRY(tb_text_append(&text, err, "tuban %s series %.17g %.17g %d\n", TUBAN_VERSION,
                          options->alpha, options->looks, options->is_intensity));
    for (int i = 0; i < series->dates; i++)
        TB_TRY(tb_key_append_epoch(&text, series->epoch[i], err));
    TB_TRY(tb_key_of(&text, key, err));
done:
    tb_text_reset(&text);
    return status;
}

tb_status tb_series_run(const tb_detect_options *options, const tb_kernels *kernels, char **json,
                        tb_error *err)
{
    tb_status         status = TB_OK;
    tb_series         series = {0};
    tb_series_model   model;
    tb_series_options asked  = {.alpha        = options->omnibus.alpha,
                                .looks        = options->omnibus.looks,
                                .is_intensity = options->omnibus.is_intensity,
                                .budget_bytes = options->runtime.memory_bytes};
    tb_engine         engine = {.kernels  = kernels,
                                .workers  = options->runtime.threads > 0 ? options->runtime.threads
                                                                         : tb_parallel_processors(),
                                .progress = options->runtime.progress};
    products          p      = {0};
    tb_set           *set    = NULL;
    json_t           *report = NULL, *run = NULL;
    struct timespec   begin;
    char              key[TB_KEY_SIZE];

    *json = NULL;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    TB_TRY(check_options(options, err));
    TB_TRY(open_series(&series, options, err));
    TB_TRY(tb_set_open(&set, options->out, err));
    TB_TRY(key_of(key, &series, &asked, err));
    TB_TRY(tb_series_fit(&model, &series, &asked, &engine, err));
    TB_TRY(open_products(&p, set, &series.lattice, err));
    TB_TRY(tb_series_sweep(&series, &model, &asked, &engine, take, &p, err));
    TB_TRY(finish_products(&p, err));
    report = report_of(&series, &model, &p, options->omnibus.looks > 0.0);
    run    = json_pack("{s:f, s:s, s:I}", "seconds", seconds_since(&begin), "cpu", kernels->isa,
                       "peak_allocated_bytes", (json_int_t)tb_memory_peak());
    TB_TRY(write_json(set, "series.json", report, err));
    TB_TRY(write_json(set, "run.json", run, err));
    TB_TRY(tb_set_publish(set, key, err));
    (void)rmdir(tb_set_work(set)); /* a series has no stages; those of a pair may lie there */
    json_object_set_new(report, "out", json_string(options->out));
    TB_TRY(tb_report_text(json_incref(report), json, err));
done:
    close_products(&p);
    if (status != TB_OK && set != NULL)
        tb_set_abandon(set, false);
    tb_set_close(set);
    json_decref(report);
    json_decref(run);
    tb_series_close(&series);
    return status;
}
