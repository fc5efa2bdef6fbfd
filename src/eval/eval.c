#include "tuban/eval.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/rect.h"
#include "eval/figures.h"
#include "eval/objects.h"
#include "eval/ranking.h"
#include "eval/strips.h"
#include "raster/grid.h"

enum { MIN_PIXELS_DEFAULT = 10, CURVE_ROOM_LEAST = 3 };

static const double KM2_M2 = 1e6;

/* What is kept of a pixel; 0 is left out. Flagged pixels are observed, changed ones labelled. */
enum { LABELLED = 1, CHANGED = 2, OBSERVED = 4, FLAGGED = 8 };

typedef struct comparison {
    tb_strips       truth, change, score;
    int64_t         strip_rows;
    uint8_t        *pixels; /* [height][width] */
    double         *scores; /* changed pixels' from the front, unchanged ones' from the back */
    size_t          scores_count; /* size of the array */
    size_t          changed_count, unchanged_count;
    tb_eval_result *result;
} comparison;

static void note(tb_eval_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a line, or as much of it as there is room for. */
static void note(tb_eval_result *result, const char *format, ...)
{
    size_t  used = strlen(result->notes);
    va_list arguments;

    if (used + 2 > sizeof result->notes)
        return;
    if (used > 0)
        result->notes[used++] = '\n';
    va_start(arguments, format);
    vsnprintf(result->notes + used, sizeof result->notes - used, format, arguments);
    va_end(arguments);
}

static tb_status open_layer(tb_strips *of, const char *path, tb_eval_result *result, tb_error *err)
{
    tb_status status = tb_strips_open(of, path, err);

    if (status == TB_OK && of->info->bands > 1)
        note(result, "%s has %d bands; the first is taken", path, of->info->bands);
    return status;
}

static tb_status check_same_size(const tb_strips *a, const tb_strips *b, tb_error *err)
{
    if (a->info->width == b->info->width && a->info->height == b->info->height)
        return TB_OK;
    tb_error_set(err, TB_E_INPUT,
                 "compare %s with %s: expected equal sizes, got %lldx%lld and %lldx%lld", a->path,
                 b->path, (long long)a->info->width, (long long)a->info->height,
                 (long long)b->info->width, (long long)b->info->height);
    tb_error_hint(err, "bring one onto the grid of the other, for instance with gdalwarp -r near");
    return TB_E_INPUT;
}

static void note_other_place(const tb_strips *a, const tb_strips *b, tb_eval_result *result)
{
    if (!a->info->has_transform || !b->info->has_transform)
        return;
    for (int i = 0; i < 6; i++) {
        double side = fabs(a->info->transform[1]) + fabs(a->info->transform[2]);

        /* A hundredth of a pixel at a corner, a millionth of its size over the image. */
        if (fabs(a->info->transform[i] - b->info->transform[i]) >
            side * (i == 0 || i == 3 ? 1e-2 : 1e-6)) {
            note(result, "%s and %s lie on different ground; they are compared pixel by pixel",
                 a->path, b->path);
            return;
        }
    }
}

static void keep_score(comparison *job, uint8_t pixel, bool has_score, double value)
{
    if (!(pixel & OBSERVED))
        return;
    if (!has_score)
        job->result->unscored++;
    else if (pixel & CHANGED)
        job->scores[job->changed_count++] = value;
    else
        job->scores[job->scores_count - ++job->unchanged_count] = value;
}

static void classify(comparison *job, tb_rect strip)
{
    uint8_t *pixels = job->pixels + strip.y * strip.width;

    for (int64_t i = 0; i < strip.width * strip.height; i++) {
        bool    has_score = job->scores != NULL && !tb_strips_is_void(&job->score, i);
        uint8_t pixel     = LABELLED;

        if (!tb_strips_is_unknown(&job->change, i)) {
            if (job->change.values[i] != 0.0)
                pixel |= OBSERVED | FLAGGED;
            else if (job->scores == NULL || has_score)
                pixel |= OBSERVED;
        }
        if (pixel & OBSERVED)
            job->result->mapped[(pixel & FLAGGED) != 0]++;
        if (tb_strips_is_unknown(&job->truth, i)) {
            pixels[i] = 0;
            continue;
        }
        if (job->truth.values[i] != 0.0)
            pixel |= CHANGED;
        if (job->scores != NULL)
            keep_score(job, pixel, has_score, job->score.values[i]);
        pixels[i] = pixel;
    }
}

static tb_status read_all(comparison *job, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   width  = job->result->width;
    int64_t   height = job->result->height;

    for (int64_t y = 0; y < height; y += job->strip_rows) {
        int64_t rows  = job->strip_rows < height - y ? job->strip_rows : height - y;
        tb_rect strip = {0, y, width, rows};

        TB_TRY(tb_strips_read(&job->truth, strip, err));
        TB_TRY(tb_strips_read(&job->change, strip, err));
        if (job->scores != NULL)
            TB_TRY(tb_strips_read(&job->score, strip, err));
        classify(job, strip);
    }
done:
    return status;
}

static void derive_figures(tb_eval_figures *figures, double pixel_m2)
{
    double wrong = (double)(figures->found_objects - figures->right_objects);
    double all   = (double)(figures->tp + figures->fp + figures->fn + figures->tn);

    tb_figures_derive(figures);
    figures->object_recall =
        tb_figures_ratio((double)figures->recalled_objects, (double)figures->truth_objects);
    figures->object_precision =
        tb_figures_ratio((double)figures->right_objects, (double)figures->found_objects);
    figures->false_per_1000_km2 = 1000.0 * tb_figures_ratio(wrong, all * pixel_m2 / KM2_M2);
    figures->false_per_1000_flagged =
        1000.0 * tb_figures_ratio(wrong, (double)figures->found_objects);
    figures->auc            = NAN;
    figures->ap             = NAN;
    figures->best_f1        = NAN;
    figures->best_threshold = NAN;
}

/* Truth objects by size. */
typedef struct size_count {
    const tb_eval_sizes *sizes;
    tb_eval_result      *result;
} size_count;

static void count_sizes(void *context, int64_t pixels, bool touches)
{
    const size_count *c    = context;
    double            area = (double)pixels * c->result->pixel_m2;

    for (int i = 0; i < c->sizes->count; i++) {
        tb_eval_size *size = &c->result->size[i];

        if (!(area >= c->sizes->from_m2[i]))
            continue;
        size->truth++;
        size->truth_m2 += area;
        size->found += touches;
        size->found_m2 += touches ? area : 0.0;
    }
}

static tb_status measure(const comparison *job, uint8_t among, int64_t min_pixels,
                         const tb_eval_sizes *sizes, tb_eval_figures *figures, tb_error *err)
{
    tb_status        status = TB_OK;
    int64_t          width = job->result->width, height = job->result->height;
    int64_t          counts[2][2] = {{0}};
    size_count       by_size      = {sizes, job->result};
    tb_objects_query truth        = {.inside     = among | CHANGED,
                                     .touch      = FLAGGED,
                                     .min_pixels = min_pixels,
                                     .hear       = sizes != NULL ? count_sizes : NULL,
                                     .context    = &by_size};
    tb_objects_query found        = {
               .inside = among | FLAGGED, .touch = CHANGED, .min_pixels = min_pixels};

    for (int64_t i = 0; i < width * height; i++)
        if ((job->pixels[i] & among) == among)
            counts[(job->pixels[i] & CHANGED) != 0][(job->pixels[i] & FLAGGED) != 0]++;
    *figures = (tb_eval_figures){
        .tp = counts[1][1], .fp = counts[0][1], .fn = counts[1][0], .tn = counts[0][0]};
    TB_TRY(tb_objects_count(job->pixels, width, height, &truth, &figures->truth_objects,
                            &figures->recalled_objects, err));
    TB_TRY(tb_objects_count(job->pixels, width, height, &found, &figures->found_objects,
                            &figures->right_objects, err));
    derive_figures(figures, job->result->pixel_m2);
done:
    return status;
}

/* One sort serves both figures: what was not observed only adds to the end of the ranking. */
static tb_status rank(comparison *job, const tb_eval_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    most =
        job->changed_count > job->unchanged_count ? job->changed_count : job->unchanged_count;
    double    *scratch = NULL;
    tb_ranking ranking = {
        .changed         = job->scores,
        .unchanged       = job->scores + (job->scores_count - job->unchanged_count),
        .changed_count   = job->changed_count,
        .unchanged_count = job->unchanged_count,
    };

    TB_TRY(tb_alloc(&scratch, most, sizeof *scratch, "sort of scores", err));
    TB_TRY(tb_ranking_sort(ranking.changed, scratch, ranking.changed_count, err));
    TB_TRY(tb_ranking_sort(ranking.unchanged, scratch, ranking.unchanged_count, err));
    for (int i = 0; i < 2; i++) {
        tb_eval_figures *figures = i == 0 ? &job->result->overall : &job->result->observed;

        ranking.changed_unranked   = (size_t)(figures->tp + figures->fn) - job->changed_count;
        ranking.unchanged_unranked = (size_t)(figures->fp + figures->tn) - job->unchanged_count;
        figures->auc               = tb_ranking_auc(&ranking);
        tb_ranking_precision(&ranking, &figures->ap, &figures->best_f1, &figures->best_threshold);
        if (i == 0 && options->curve != NULL)
            job->result->curve_count =
                tb_ranking_curve(&ranking, options->curve, options->curve_room);
    }
done:
    tb_free(scratch);
    return status;
}

static void count_and_note(const comparison *job, tb_eval_result *result)
{
    const tb_eval_figures *overall = &result->overall, *observed = &result->observed;
    int64_t                changed = overall->tp + overall->fn;

    result->labelled = changed + overall->fp + overall->tn;
    result->left_out = result->width * result->height - result->labelled;
    result->unobserved_pixels =
        result->labelled - (observed->tp + observed->fp + observed->fn + observed->tn);
    result->unobserved =
        tb_figures_ratio((double)result->unobserved_pixels, (double)result->labelled);
    if (result->labelled == 0)
        note(result, "no pixel of %s is labelled: all are 255 or nodata", job->truth.path);
    else if (changed == 0 && result->left_out > 0)
        note(result,
             "no labelled pixel of %s is changed; 255 and nodata mean left out, not changed",
             job->truth.path);
    else if (changed == 0)
        note(result, "no pixel of %s is changed", job->truth.path);
    if (result->labelled > 0 && overall->tp + overall->fp == 0)
        note(result, "%s flags no labelled pixel; 255 means not observed there, not changed",
             job->change.path);
    if (result->unscored > 0)
        note(result, "%lld flagged pixels have no score in %s; they rank last",
             (long long)result->unscored, job->score.path);
}

static double pixel_area(const tb_image_info *info)
{
    tb_grid grid = {.width = info->width, .height = info->height, .crs = info->crs};
    double  side;

    memcpy(grid.transform, info->transform, sizeof grid.transform);
    side = info->has_transform ? tb_grid_gsd_m(&grid) : 0.0;
    return side > 0.0 ? side * side : NAN;
}

static tb_status open_all(comparison *job, const tb_eval_options *options, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_eval_result *result = job->result;

    TB_TRY(open_layer(&job->truth, options->truth, result, err));
    TB_TRY(open_layer(&job->change, options->change, result, err));
    TB_TRY(check_same_size(&job->truth, &job->change, err));
    note_other_place(&job->truth, &job->change, result);
    result->width     = job->truth.info->width;
    result->height    = job->truth.info->height;
    job->scores_count = (size_t)result->width * (size_t)result->height;
    job->strip_rows   = tb_strips_rows(result->width, result->height);
    result->pixel_m2  = pixel_area(job->truth.info);
    TB_TRY(tb_strips_prepare(&job->truth, job->strip_rows, err));
    TB_TRY(tb_strips_prepare(&job->change, job->strip_rows, err));
    TB_TRY(tb_alloc(&job->pixels, job->scores_count, 1, "map of pixels", err));
    if (options->score != NULL) {
        TB_TRY(open_layer(&job->score, options->score, result, err));
        TB_TRY(check_same_size(&job->truth, &job->score, err));
        note_other_place(&job->truth, &job->score, result);
        TB_TRY(tb_strips_prepare(&job->score, job->strip_rows, err));
        TB_TRY(tb_alloc(&job->scores, job->scores_count, sizeof *job->scores, "scores", err));
        result->has_score = true;
    }
done:
    return status;
}

tb_status tb_eval(const tb_eval_options *options, tb_eval_result *result, tb_error *err)
{
    tb_status      status     = TB_OK;
    int64_t        min_pixels = options->min_pixels == 0 ? MIN_PIXELS_DEFAULT : options->min_pixels;
    tb_eval_result found      = {0};
    comparison     job        = {.result = &found};

    if (options->truth == NULL || options->change == NULL)
        return tb_error_set(err, TB_E_USAGE,
                            "evaluate: expected a truth and a change map, got no %s",
                            options->truth == NULL ? "truth" : "change map");
    if (min_pixels < 0)
        return tb_error_set(err, TB_E_USAGE, "evaluate: expected min_pixels of 1 or more, got %lld",
                            (long long)min_pixels);
    if (options->curve != NULL && options->curve_room < CURVE_ROOM_LEAST)
        return tb_error_set(err, TB_E_USAGE,
                            "evaluate: expected room for %d points or more, got %d",
                            CURVE_ROOM_LEAST, options->curve_room);
    TB_TRY(open_all(&job, options, err));
    TB_TRY(read_all(&job, err));
    TB_TRY(measure(&job, LABELLED, min_pixels, options->sizes, &found.overall, err));
    TB_TRY(measure(&job, LABELLED | OBSERVED, min_pixels, NULL, &found.observed, err));
    if (found.has_score)
        TB_TRY(rank(&job, options, err));
    if (options->sizes != NULL && options->sizes->count > 0 && isnan(found.pixel_m2))
        note(&found, "%s has no CRS: nothing is told of areas", options->truth);
    count_and_note(&job, &found);
    *result = found;
done:
    tb_strips_close(&job.truth);
    tb_strips_close(&job.change);
    tb_strips_close(&job.score);
    tb_free(job.pixels);
    tb_free(job.scores);
    return status;
}
