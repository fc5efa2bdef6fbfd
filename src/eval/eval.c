#include "tuban/eval.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/rect.h"
#include "eval/objects.h"
#include "eval/ranking.h"
#include "raster/image.h"

enum { LEAVE_OUT = 255, MIN_PIXELS_DEFAULT = 10 };

/* Pixels of a strip: enough to read whole tiles of common files, little beside the maps. */
static const int64_t STRIP_PIXELS = INT64_C(1) << 22;

/* What is kept of a pixel; 0 is left out. Flagged pixels are observed, changed ones labelled. */
enum { LABELLED = 1, CHANGED = 2, OBSERVED = 4, FLAGGED = 8 };

/* One of the rasters, and the strip that is looked at. */
typedef struct layer {
    const char          *path;
    tb_image            *image;
    const tb_image_info *info;
    double              *values;  /* of the first band */
    uint8_t             *valid;   /* NULL where the file has no mask */
    void                *samples; /* what reading the mask brings along */
} layer;

typedef struct comparison {
    layer           truth, change, score;
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

static tb_status layer_open(layer *of, const char *path, tb_eval_result *result, tb_error *err)
{
    tb_status status = tb_image_open(&of->image, path, err);

    if (status != TB_OK)
        return status;
    of->path = path;
    of->info = tb_image_describe(of->image);
    if (of->info->bands > 1)
        note(result, "%s has %d bands; the first is taken", path, of->info->bands);
    return TB_OK;
}

static void layer_close(layer *of)
{
    tb_image_close(of->image);
    tb_free(of->values);
    tb_free(of->valid);
    tb_free(of->samples);
}

static tb_status check_same_size(const layer *a, const layer *b, tb_error *err)
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

static void note_other_place(const layer *a, const layer *b, tb_eval_result *result)
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

static tb_status layer_prepare(layer *of, int64_t strip_rows, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = (size_t)(of->info->width * strip_rows);

    TB_TRY(tb_alloc(&of->values, count, sizeof *of->values, "strip of values", err));
    if (of->info->has_mask) {
        TB_TRY(tb_alloc(&of->valid, count, 1, "strip of a mask", err));
        TB_TRY(tb_alloc(&of->samples, count * (size_t)of->info->bands,
                        tb_sample_size(of->info->type), "strip of samples", err));
    }
done:
    return status;
}

static tb_status layer_read(layer *of, tb_rect strip, tb_error *err)
{
    tb_status status = TB_OK;

    if (of->valid != NULL)
        TB_TRY(tb_image_read(of->image, strip, of->samples, of->valid, err));
    TB_TRY(tb_image_read_band(of->image, 0, strip, of->values, err));
done:
    return status;
}

/* True where the file itself says that it does not know. */
static bool is_void(const layer *of, int64_t i)
{
    double value = of->values[i];

    return isnan(value) || (of->valid != NULL && of->valid[i] == 0) ||
           (of->info->has_nodata && value == of->info->nodata);
}

/* The same for a map of classes, where 0 and 1 keep their meaning whatever is declared. */
static bool is_unknown(const layer *of, int64_t i)
{
    double value = of->values[i];

    if (of->valid != NULL && of->valid[i] == 0)
        return true;
    return value != 0.0 && value != 1.0 && (value == LEAVE_OUT || is_void(of, i));
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
        bool    has_score = job->scores != NULL && !is_void(&job->score, i);
        uint8_t pixel     = LABELLED;

        if (is_unknown(&job->truth, i)) {
            pixels[i] = 0;
            continue;
        }
        if (job->truth.values[i] != 0.0)
            pixel |= CHANGED;
        if (!is_unknown(&job->change, i)) {
            if (job->change.values[i] != 0.0)
                pixel |= OBSERVED | FLAGGED;
            else if (job->scores == NULL || has_score)
                pixel |= OBSERVED;
        }
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

        TB_TRY(layer_read(&job->truth, strip, err));
        TB_TRY(layer_read(&job->change, strip, err));
        if (job->scores != NULL)
            TB_TRY(layer_read(&job->score, strip, err));
        classify(job, strip);
    }
done:
    return status;
}

static double ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : NAN;
}

static void derive_figures(tb_eval_figures *figures)
{
    double tp = (double)figures->tp, fp = (double)figures->fp;
    double fn = (double)figures->fn, tn = (double)figures->tn;
    double all      = tp + fp + fn + tn;
    double agreed   = tp + tn;
    double expected = ratio((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn), all);

    figures->precision = ratio(tp, tp + fp);
    figures->recall    = ratio(tp, tp + fn);
    figures->f1        = ratio(2 * tp, 2 * tp + fp + fn);
    figures->iou       = ratio(tp, tp + fp + fn);
    figures->kappa     = all > expected ? (agreed - expected) / (all - expected) : NAN;
    figures->flagged   = ratio(tp + fp, all);
    figures->object_recall =
        ratio((double)figures->recalled_objects, (double)figures->truth_objects);
    figures->object_precision =
        ratio((double)figures->right_objects, (double)figures->found_objects);
    figures->auc     = NAN;
    figures->ap      = NAN;
    figures->best_f1 = NAN;
}

static tb_status measure(const comparison *job, uint8_t among, int64_t min_pixels,
                         tb_eval_figures *figures, tb_error *err)
{
    tb_status        status = TB_OK;
    int64_t          width = job->result->width, height = job->result->height;
    int64_t          counts[2][2] = {{0}};
    tb_objects_query truth        = {among | CHANGED, FLAGGED, min_pixels};
    tb_objects_query found        = {among | FLAGGED, CHANGED, min_pixels};

    for (int64_t i = 0; i < width * height; i++)
        if ((job->pixels[i] & among) == among)
            counts[(job->pixels[i] & CHANGED) != 0][(job->pixels[i] & FLAGGED) != 0]++;
    *figures = (tb_eval_figures){
        .tp = counts[1][1], .fp = counts[0][1], .fn = counts[1][0], .tn = counts[0][0]};
    TB_TRY(tb_objects_count(job->pixels, width, height, &truth, &figures->truth_objects,
                            &figures->recalled_objects, err));
    TB_TRY(tb_objects_count(job->pixels, width, height, &found, &figures->found_objects,
                            &figures->right_objects, err));
    derive_figures(figures);
done:
    return status;
}

/* One sort serves both figures: what was not observed only adds to the end of the ranking. */
static tb_status rank(comparison *job, tb_eval_figures *overall, tb_eval_figures *observed,
                      tb_error *err)
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
        tb_eval_figures *figures = i == 0 ? overall : observed;

        ranking.changed_unranked   = (size_t)(figures->tp + figures->fn) - job->changed_count;
        ranking.unchanged_unranked = (size_t)(figures->fp + figures->tn) - job->unchanged_count;
        figures->auc               = tb_ranking_auc(&ranking);
        tb_ranking_precision(&ranking, &figures->ap, &figures->best_f1);
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
    result->unobserved = ratio((double)result->unobserved_pixels, (double)result->labelled);
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

static tb_status open_all(comparison *job, const tb_eval_options *options, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_eval_result *result = job->result;

    TB_TRY(layer_open(&job->truth, options->truth, result, err));
    TB_TRY(layer_open(&job->change, options->change, result, err));
    TB_TRY(check_same_size(&job->truth, &job->change, err));
    note_other_place(&job->truth, &job->change, result);
    result->width     = job->truth.info->width;
    result->height    = job->truth.info->height;
    job->scores_count = (size_t)result->width * (size_t)result->height;
    job->strip_rows   = STRIP_PIXELS / result->width;
    if (job->strip_rows < 1)
        job->strip_rows = 1;
    if (job->strip_rows > result->height)
        job->strip_rows = result->height;
    TB_TRY(layer_prepare(&job->truth, job->strip_rows, err));
    TB_TRY(layer_prepare(&job->change, job->strip_rows, err));
    TB_TRY(tb_alloc(&job->pixels, job->scores_count, 1, "map of pixels", err));
    if (options->score != NULL) {
        TB_TRY(layer_open(&job->score, options->score, result, err));
        TB_TRY(check_same_size(&job->truth, &job->score, err));
        note_other_place(&job->truth, &job->score, result);
        TB_TRY(layer_prepare(&job->score, job->strip_rows, err));
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
    TB_TRY(open_all(&job, options, err));
    TB_TRY(read_all(&job, err));
    TB_TRY(measure(&job, LABELLED, min_pixels, &found.overall, err));
    TB_TRY(measure(&job, LABELLED | OBSERVED, min_pixels, &found.observed, err));
    if (found.has_score)
        TB_TRY(rank(&job, &found.overall, &found.observed, err));
    count_and_note(&job, &found);
    *result = found;
done:
    layer_close(&job.truth);
    layer_close(&job.change);
    layer_close(&job.score);
    tb_free(job.pixels);
    tb_free(job.scores);
    return status;
}
