#include "sweep/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/parallel.h"
#include "core/rank.h"
#include "model/gain.h"
#include "model/sample.h"
#include "raster/reader.h"
#include "sweep/plan.h"

/* A twentieth of the mean amplitude is 26 dB below it: darker, the noise of the sensor is seen. */
static const double LEAST_AMPLITUDE = 0.05, ALPHA = 0.01;

enum {
    SAMPLED_LEAST  = 1000,
    SAMPLED_WHOLE  = 1 << 19, /* a lattice of so many pixels is sampled whole, others to it */
    COLUMN_STEP    = 4,       /* of a larger lattice these columns and rows of a cell */
    ROW_STEP       = 2,
    ROWS_AT_ONCE   = 64,
    READER_STRIPES = 128, /* rows of a file that a reader may hold beside its tiles */
};

static const size_t DEFAULT_BUDGET = (size_t)4 << 30, BASE = (size_t)224 << 20;

static tb_status open_date(tb_series *series, int date, const char *path, tb_error *err)
{
    tb_status        status  = TB_OK;
    tb_epoch_options options = {.images = &path, .image_count = 1};
    tb_epoch        *epoch;

    TB_TRY(tb_epoch_open(&series->epoch[date], &options, err));
    epoch = series->epoch[date];
    if (date == 0) {
        series->channels = tb_epoch_bands(epoch);
        TB_TRY(tb_epoch_lattice(epoch, &series->lattice, err));
    }
    if (series->channels > TB_OMNIBUS_CHANNELS_MAX) {
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected one or two radar channels for omnibus, got %d bands",
                              path, series->channels);
        tb_error_hint(err, "choose the bands with gdal_translate -b");
        goto done;
    }
    if (tb_epoch_bands(epoch) != series->channels) {
        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d bands as in %s, got %d", path,
                              series->channels, tb_epoch_file(series->epoch[0], 0)->path,
                              tb_epoch_bands(epoch));
        goto done;
    }
    TB_TRY(tb_epoch_bring(epoch, &series->lattice, err));
    if (tb_rect_is_empty(
            tb_rect_intersect(tb_epoch_footprint(epoch, 0),
                              (tb_rect){0, 0, series->lattice.width, series->lattice.height}))) {
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected an image of the ground of %s, got no overlap", path,
                              tb_epoch_file(series->epoch[0], 0)->path);
        tb_error_hint(err, "look at both with tuban info: their corners and CRS must meet");
    }
done:
    return status;
}

tb_status tb_series_open(tb_series *series, const char *const *paths, int dates, tb_error *err)
{
    tb_status status = TB_OK;

    *series = (tb_series){.dates = dates};
    for (int i = 0; i < dates; i++)
        TB_TRY(open_date(series, i, paths[i], err));
done:
    if (status != TB_OK)
        tb_series_close(series);
    return status;
}

void tb_series_close(tb_series *series)
{
    for (int i = 0; i < TB_OMNIBUS_DATES_MAX; i++)
        tb_epoch_close(series->epoch[i]);
    *series = (tb_series){0};
}

/* A worker: a reader a date, and the samples of all dates, channel by channel. */
typedef struct worker {
    tb_epoch_reader *reader[TB_OMNIBUS_DATES_MAX];
    float           *samples; /* [dates][channels][pixels] */
    int16_t         *file;    /* [pixels] */
    double          *z;       /* [columns] */
    tb_series_rows   rows;
} worker;

static void worker_close(worker *w)
{
    for (int i = 0; i < TB_OMNIBUS_DATES_MAX; i++)
        tb_epoch_reader_free(w->reader[i]);
    tb_free(w->samples);
    tb_free(w->file);
    tb_free(w->z);
    tb_free(w->rows.score);
    tb_free(w->rows.change);
    *w = (worker){0};
}

static tb_status worker_open(worker *w, const tb_series *series, int64_t pixels, tb_cache *cache,
                             const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    int       id     = 0;

    for (int i = 0; i < series->dates; i++) {
        TB_TRY(tb_epoch_reader_new(&w->reader[i], series->epoch[i], cache, id, kernels, err));
        id += tb_epoch_ids(series->epoch[i]);
    }
    TB_TRY(tb_alloc(&w->samples, (size_t)(series->dates * series->channels) * (size_t)pixels,
                    sizeof(float), "dates", err));
    TB_TRY(tb_alloc(&w->file, (size_t)pixels, sizeof(int16_t), "dates", err));
done:
    return status;
}

static tb_status worker_read(worker *w, const tb_series *series, tb_rect rect, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    pixels = (size_t)tb_rect_area(rect);

    for (int i = 0; i < series->dates; i++) {
        float *planes[TB_OMNIBUS_CHANNELS_MAX];

        for (int b = 0; b < series->channels; b++)
            planes[b] = w->samples + (size_t)(i * series->channels + b) * pixels;
        TB_TRY(tb_epoch_read(w->reader[i], rect, planes, w->file, NULL, err));
    }
done:
    return status;
}

/* Tiles a band of rows touches, and those the next one wants again. */
static size_t cache_bytes(const tb_series *series, int64_t columns, int64_t rows)
{
    size_t bytes = 0;

    for (int i = 0; i < series->dates; i++) {
        const tb_image_info *info  = tb_epoch_file(series->epoch[i], 0);
        double               scale = tb_warp_scale(tb_epoch_warp(series->epoch[i], 0));
        double               each  = (double)tb_cache_tile_bytes(info) /
                      ((double)info->tile_width * (double)info->tile_height);

        bytes += (size_t)(((double)columns * scale + 2.0 * (double)info->tile_width) *
                          ((double)rows * scale + 2.0 * (double)info->tile_height) * each) +
                 2 * tb_cache_tile_bytes(info);
    }
    return bytes;
}

static size_t budget_of(const tb_series_options *options)
{
    return options->budget_bytes > 0 ? (size_t)options->budget_bytes : DEFAULT_BUDGET;
}

static tb_status refuse_budget(const tb_series *series, size_t needed, size_t budget, tb_error *err)
{
    tb_error_set(err, TB_E_MEMORY,
                 "%d dates of %s: expected a memory budget of at least %zu MiB, got %zu MiB",
                 series->dates, tb_epoch_file(series->epoch[0], 0)->path, (needed >> 20) + 1,
                 budget >> 20);
    tb_error_hint(err, "give --memory %zuMiB, or tiled files (gdal_translate -co TILED=YES)",
                  (needed >> 20) + 1);
    return TB_E_MEMORY;
}

/* The sample: [dates * channels][capacity], pixels observed on all dates. */
typedef struct sampled {
    float  *values, *sorted;
    int64_t count, capacity;
} sampled;

static float *plane_of(const sampled *s, int plane)
{
    return s->values + (size_t)plane * (size_t)s->capacity;
}

static void take_cell(sampled *s, const worker *w, const tb_series *series, tb_rect cell,
                      bool is_whole)
{
    int     planes = series->dates * series->channels;
    int64_t pixels = tb_rect_area(cell);

    for (int64_t y = 0; y < cell.height; y += is_whole ? 1 : ROW_STEP)
        for (int64_t x = 0; x < cell.width && s->count < s->capacity;
             x += is_whole ? 1 : COLUMN_STEP) {
            int64_t at       = y * cell.width + x;
            bool    observed = true;

            for (int p = 0; p < planes && observed; p++)
                observed = isfinite(w->samples[p * pixels + at]);
            for (int p = 0; p < planes && observed; p++)
                plane_of(s, p)[s->count] = w->samples[p * pixels + at];
            s->count += observed;
        }
}

static tb_status gather(sampled *s, const tb_series *series, size_t budget, const tb_engine *engine,
                        tb_error *err)
{
    tb_status status = TB_OK;
    tb_rect   whole  = {0, 0, series->lattice.width, series->lattice.height};
    size_t    cell   = (size_t)TB_SAMPLE_CELL * TB_SAMPLE_CELL, needed;
    tb_sample sample = {0};
    tb_cache *cache  = NULL;
    worker    w      = {0};

    s->capacity = tb_rect_area(whole) < SAMPLED_WHOLE ? tb_rect_area(whole) : SAMPLED_WHOLE;
    needed      = BASE + cache_bytes(series, TB_SAMPLE_CELL, TB_SAMPLE_CELL) +
             sizeof(float) * ((size_t)(series->dates * series->channels) *
                                  ((size_t)s->capacity + cell + TB_SAMPLE_CELL * READER_STRIPES) +
                              3 * (size_t)s->capacity + cell);
    if (needed > budget)
        return refuse_budget(series, needed, budget, err);
    TB_TRY(tb_alloc(&s->values, (size_t)(series->dates * series->channels) * (size_t)s->capacity,
                    sizeof(float), "sample", err));
    TB_TRY(tb_alloc(&s->sorted, (size_t)s->capacity, sizeof(float), "sample", err));
    TB_TRY(tb_sample_list(&sample, &series->lattice, whole, err));
    TB_TRY(tb_cache_new(&cache, cache_bytes(series, TB_SAMPLE_CELL, TB_SAMPLE_CELL), err));
    TB_TRY(worker_open(&w, series, (int64_t)TB_SAMPLE_CELL * TB_SAMPLE_CELL, cache, engine->kernels,
                       err));
    for (int64_t c = 0; c < sample.count && s->count < s->capacity; c++) {
        if (engine->progress != NULL && engine->progress->is_cancelled != NULL &&
            engine->progress->is_cancelled(engine->progress->context)) {
            status = tb_error_set(err, TB_E_CANCELLED, "cancelled");
            goto done;
        }
        if (engine->progress != NULL && engine->progress->report != NULL)
            engine->progress->report(engine->progress->context, "fit", s->count, s->capacity);
        TB_TRY(worker_read(&w, series, sample.cell[c], err));
        take_cell(s, &w, series, sample.cell[c], tb_rect_area(whole) <= SAMPLED_WHOLE);
    }
    if (s->count < SAMPLED_LEAST) {
        status =
            tb_error_set(err, TB_E_INPUT,
                         "%s: expected at least %d sampled pixels observed on all %d dates, got "
                         "%lld",
                         tb_epoch_file(series->epoch[0], 0)->path, SAMPLED_LEAST, series->dates,
                         (long long)s->count);
        tb_error_hint(err,
                      "look at all dates with tuban info: a pixel missing on one is not tested");
    }
done:
    worker_close(&w);
    tb_cache_free(cache);
    tb_sample_reset(&sample);
    return status;
}

static double mean_of(const float *values, int64_t n)
{
    double sum = 0.0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)values[i];
    return sum / (double)n;
}

/* Samples to intensities of the first date's level; NaN stays. */
static void to_intensity(float *samples, float gain, float least, bool is_intensity, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float value = gain * samples[i];

        value      = value < least ? least : value;
        samples[i] = is_intensity ? value : value * value;
    }
}

static void fit_channel(tb_series_model *model, const sampled *s, const tb_series *series, int b)
{
    double share = model->is_intensity ? LEAST_AMPLITUDE * LEAST_AMPLITUDE : LEAST_AMPLITUDE;
    double mean  = 0.0;

    for (int i = 0; i < series->dates; i++) {
        const float *date = plane_of(s, i * series->channels + b);

        model->gain[i][b] = i == 0 ? 1.0f : tb_gain_of(plane_of(s, b), date, s->count, s->sorted);
        mean += (double)model->gain[i][b] * mean_of(date, s->count) / series->dates;
    }
    model->least[b] = (float)(share * mean);
}

/* The median over the steps from date to date: one of them may be a flood. */
static tb_status looks_of_channel(const tb_series_model *model, const sampled *s,
                                  const tb_series *series, int b, const tb_kernels *kernels,
                                  double *looks, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    n      = (size_t)s->count;
    float    *one = NULL, *next = NULL;
    float     steps[TB_OMNIBUS_DATES_MAX];

    TB_TRY(tb_alloc(&one, n, sizeof(float), "sample", err));
    TB_TRY(tb_alloc(&next, n, sizeof(float), "sample", err));
    for (int i = 0; i < series->dates; i++) {
        float *held = one;

        memcpy(s->sorted, plane_of(s, i * series->channels + b), n * sizeof(float));
        to_intensity(s->sorted, model->gain[i][b], model->least[b], model->is_intensity, n);
        kernels->log_row(next, s->sorted, 0.0f, n);
        for (int64_t x = 0; i > 0 && x < s->count; x++)
            s->sorted[x] = one[x] - next[x];
        if (i > 0)
            steps[i - 1] = tb_median_deviation(s->sorted, s->count);
        one  = next;
        next = held;
    }
    *looks =
        tb_omnibus_looks((double)tb_rank_select(steps, series->dates - 1, (series->dates - 1) / 2));
done:
    tb_free(one);
    tb_free(next);
    return status;
}

tb_status tb_series_fit(tb_series_model *model, const tb_series *series,
                        const tb_series_options *options, const tb_engine *engine, tb_error *err)
{
    tb_status  status = TB_OK;
    sampled    s      = {0};
    tb_omnibus test   = {
          .dates = series->dates, .channels = series->channels, .looks = options->looks};

    *model = (tb_series_model){.is_intensity = options->is_intensity,
                               .alpha        = options->alpha > 0.0 ? options->alpha : ALPHA};
    TB_TRY(gather(&s, series, budget_of(options), engine, err));
    model->sampled = s.count;
    for (int b = 0; b < series->channels; b++) {
        fit_channel(model, &s, series, b);
        if (!(model->least[b] > 0.0f)) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "%s band %d: expected radar samples above 0, got a mean of %.6g "
                                  "over all dates",
                                  tb_epoch_file(series->epoch[0], 0)->path, b + 1,
                                  (double)model->least[b]);
            tb_error_hint(err, "give amplitudes or intensities, not decibels");
            goto done;
        }
    }
    for (int b = 0; b < series->channels && options->looks <= 0.0; b++) {
        double looks;

        TB_TRY(looks_of_channel(model, &s, series, b, engine->kernels, &looks, err));
        test.looks = b == 0 || looks < test.looks ? looks : test.looks;
    }
    tb_omnibus_limits_make(&model->limits, &test, model->alpha, engine->kernels);
done:
    tb_free(s.values);
    tb_free(s.sorted);
    return status;
}

typedef struct pass {
    const tb_series       *series;
    const tb_series_model *model;
    const tb_engine       *engine;
    tb_series_fn          *take;
    void                  *context;
    worker                *worker;
    int64_t                rows; /* of a band */
} pass;

static tb_rect band_of(const pass *p, int64_t item)
{
    const tb_grid *lattice = &p->series->lattice;
    int64_t        left    = lattice->height - item * p->rows;

    return (tb_rect){0, item * p->rows, lattice->width, left < p->rows ? left : p->rows};
}

static void judge_pixel(const pass *p, worker *w, size_t at, double z, size_t pixels)
{
    int                planes  = p->series->dates * p->series->channels;
    tb_omnibus_changes changes = {0};
    bool               is_changed;

    w->rows.score[at]  = (float)z;
    w->rows.change[at] = z >= p->model->limits.all[p->series->dates];
    if (isnan(z)) {
        w->rows.change[at] = w->rows.number[at] = w->rows.first[at] = w->rows.last[at] =
            TB_SERIES_UNOBSERVED;
        return;
    }
    if (w->rows.change[at] != 0) {
        float intensity[TB_OMNIBUS_DATES_MAX * TB_OMNIBUS_CHANNELS_MAX];

        for (int i = 0; i < planes; i++)
            intensity[i] = w->samples[(size_t)i * pixels + at];
        changes = tb_omnibus_walk(intensity, &p->model->limits, &is_changed);
    }
    w->rows.number[at] = (uint8_t)changes.number;
    w->rows.first[at]  = (uint8_t)changes.first;
    w->rows.last[at]   = (uint8_t)changes.last;
}

static tb_status make(void *context, int number, int64_t item, tb_error *err)
{
    pass            *p      = context;
    worker          *w      = &p->worker[number];
    const tb_series *series = p->series;
    tb_rect          rect   = band_of(p, item);
    size_t           pixels = (size_t)tb_rect_area(rect), columns = (size_t)rect.width;
    tb_status        status = TB_OK;

    TB_TRY(worker_read(w, series, rect, err));
    w->rows.rect = rect;
    for (int i = 0; i < series->dates; i++)
        for (int b = 0; b < series->channels; b++)
            to_intensity(w->samples + (size_t)(i * series->channels + b) * pixels,
                         p->model->gain[i][b], p->model->least[b], p->model->is_intensity, pixels);
    for (size_t y = 0; y < (size_t)rect.height; y++) {
        const float *row[TB_OMNIBUS_DATES_MAX * TB_OMNIBUS_CHANNELS_MAX];

        for (int i = 0; i < series->dates * series->channels; i++)
            row[i] = w->samples + (size_t)i * pixels + y * columns;
        p->engine->kernels->omnibus_row(w->z, row, &p->model->limits.test, columns);
        for (size_t x = 0; x < columns; x++)
            judge_pixel(p, w, y * columns + x, w->z[x], pixels);
    }
done:
    return status;
}

static tb_status emit(void *context, int number, int64_t item, tb_error *err)
{
    pass              *p        = context;
    const tb_progress *progress = p->engine->progress;
    tb_rect            rect     = band_of(p, item);
    tb_status          status   = p->take(p->context, &p->worker[number].rows, err);

    if (status == TB_OK && progress != NULL && progress->report != NULL)
        progress->report(progress->context, "sweep", rect.y + rect.height,
                         p->series->lattice.height);
    return status;
}

static size_t worker_bytes(const tb_series *series, int64_t rows)
{
    size_t pixels = (size_t)(series->lattice.width * rows);
    size_t planes = (size_t)(series->dates * series->channels);

    return pixels * (planes * sizeof(float) + sizeof(float) + 2 + 4) +
           (size_t)series->lattice.width * planes * READER_STRIPES * sizeof(float);
}

/* Fewer rows at once, then fewer workers, until the budget holds. */
static tb_status fit_budget(int64_t *rows, int *workers, const tb_series *series, size_t budget,
                            tb_error *err)
{
    size_t needed;

    *rows = ROWS_AT_ONCE;
    for (;;) {
        needed = BASE + cache_bytes(series, series->lattice.width, *rows * *workers) +
                 (size_t)*workers * worker_bytes(series, *rows);
        if (needed <= budget)
            return TB_OK;
        if (*rows > 8)
            *rows /= 2;
        else if (*workers > 1)
            (*workers)--;
        else
            break;
    }
    return refuse_budget(series, needed, budget, err);
}

static tb_status open_rows(worker *w, int64_t pixels, int64_t columns, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_alloc(&w->z, (size_t)columns, sizeof(double), "row", err));
    TB_TRY(tb_alloc(&w->rows.score, (size_t)pixels, sizeof(float), "rows", err));
    TB_TRY(tb_alloc(&w->rows.change, (size_t)pixels * 4, 1, "rows", err));
    w->rows.number = w->rows.change + pixels;
    w->rows.first  = w->rows.number + pixels;
    w->rows.last   = w->rows.first + pixels;
done:
    return status;
}

tb_status tb_series_sweep(const tb_series *series, const tb_series_model *model,
                          const tb_series_options *options, const tb_engine *engine,
                          tb_series_fn *take, void *context, tb_error *err)
{
    tb_status status = TB_OK;
    pass p = {.series = series, .model = model, .engine = engine, .take = take, .context = context};
    int  workers    = engine->workers;
    tb_cache *cache = NULL;
    tb_loop   loop  = {.make = make, .emit = emit, .context = &p, .progress = engine->progress};

    TB_TRY(fit_budget(&p.rows, &workers, series, budget_of(options), err));
    loop.workers = workers;
    loop.count   = (series->lattice.height + p.rows - 1) / p.rows;
    TB_TRY(tb_cache_new(&cache, cache_bytes(series, series->lattice.width, p.rows * workers), err));
    TB_TRY(tb_alloc_zero(&p.worker, (size_t)workers, sizeof *p.worker, "workers", err));
    for (int w = 0; w < workers; w++) {
        int64_t pixels = p.rows * series->lattice.width;

        TB_TRY(worker_open(&p.worker[w], series, pixels, cache, engine->kernels, err));
        TB_TRY(open_rows(&p.worker[w], pixels, series->lattice.width, err));
    }
    TB_TRY(tb_loop_run(&loop, err));
done:
    for (int w = 0; p.worker != NULL && w < workers; w++)
        worker_close(&p.worker[w]);
    tb_free(p.worker);
    tb_cache_free(cache);
    return status;
}
