/* Accuracy against labels: by hand, against golden figures, and against a plain reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_vsi.h>
#include <gdal.h>

#include "core/memory.h"
#include "eval/blocks.h"
#include "eval/objects.h"
#include "eval/ranking.h"
#include "tuban/eval.h"

/* Fontconfig keeps the patterns of the fonts it once found. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static const char TRUTH[]  = "/vsimem/truth.tif";
static const char CHANGE[] = "/vsimem/change.tif";
static const char SCORE[]  = "/vsimem/score.tif";

static GDALDatasetH make(const char *path, int width, int height, int bands, GDALDataType type)
{
    GDALDatasetH dataset;

    GDALAllRegister();
    dataset = GDALCreate(GDALGetDriverByName("GTiff"), path, width, height, bands, type, NULL);
    assert_non_null(dataset);
    return dataset;
}

static void fill(GDALDatasetH dataset, int band, const double *values)
{
    int     width = GDALGetRasterXSize(dataset), height = GDALGetRasterYSize(dataset);
    size_t  bytes = (size_t)width * (size_t)height * sizeof *values;
    double *copy  = malloc(bytes);

    memcpy(copy, values, bytes);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(dataset, band), GF_Write, 0, 0, width, height,
                                  copy, width, height, GDT_Float64, 0, 0),
                     CE_None);
    free(copy);
}

static void write_values(const char *path, int width, int height, GDALDataType type,
                         const double *values)
{
    GDALDatasetH dataset = make(path, width, height, 1, type);

    fill(dataset, 1, values);
    GDALClose(dataset);
}

/* A picture of classes: '.' 0, '#' 1, '?' 255, '+' 7. */
static void write_picture(const char *path, int width, int height, const char *picture)
{
    double *values = calloc((size_t)width * (size_t)height, sizeof *values);

    assert_int_equal(strlen(picture), width * height);
    for (int i = 0; i < width * height; i++)
        values[i] = picture[i] == '#' ? 1 : picture[i] == '?' ? 255 : picture[i] == '+' ? 7 : 0;
    write_values(path, width, height, GDT_Byte, values);
    free(values);
}

static tb_eval_result evaluate(bool with_score, int64_t min_pixels)
{
    tb_eval_options options = {.truth      = TRUTH,
                               .change     = CHANGE,
                               .score      = with_score ? SCORE : NULL,
                               .min_pixels = min_pixels};
    tb_eval_result  result;
    tb_error        error = {0};

    if (tb_eval(&options, &result, &error) != TB_OK)
        fail_msg("%s", error.message);
    return result;
}

static void assert_near(double got, double expected)
{
    if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) < 1e-12))
        fail_msg("expected %.17g, got %.17g", expected, got);
}

static void by_hand(void **state)
{
    (void)state;
    write_picture(TRUTH, 4, 2,
                  "##+."
                  "...?");
    write_picture(CHANGE, 4, 2,
                  "#.?#"
                  "..?#");

    tb_eval_result   result  = evaluate(false, 1);
    tb_eval_figures *overall = &result.overall, *observed = &result.observed;

    assert_int_equal(result.width, 4);
    assert_int_equal(result.height, 2);
    assert_int_equal(result.labelled, 7);
    assert_int_equal(result.left_out, 1);
    assert_int_equal(result.unobserved_pixels, 2);
    assert_near(result.unobserved, 2.0 / 7);
    assert_int_equal(overall->tp, 1);
    assert_int_equal(overall->fp, 1);
    assert_int_equal(overall->fn, 2);
    assert_int_equal(overall->tn, 3);
    assert_near(overall->precision, 0.5);
    assert_near(overall->recall, 1.0 / 3);
    assert_near(overall->f1, 0.4);
    assert_near(overall->iou, 0.25);
    assert_near(overall->kappa, (4.0 / 7 - (2 * 3 + 5 * 4) / 49.0) / (1 - (2 * 3 + 5 * 4) / 49.0));
    assert_near(overall->flagged, 2.0 / 7);
    assert_near(overall->auc, NAN);
    assert_near(overall->ap, NAN);
    assert_near(overall->best_f1, NAN);
    assert_int_equal(overall->truth_objects, 1);
    assert_int_equal(overall->recalled_objects, 1);
    assert_int_equal(overall->found_objects, 2);
    assert_int_equal(overall->right_objects, 1);
    assert_int_equal(observed->tp, 1);
    assert_int_equal(observed->fp, 1);
    assert_int_equal(observed->fn, 1);
    assert_int_equal(observed->tn, 2);
    assert_near(observed->flagged, 0.4);
    assert_false(result.has_score);
    assert_string_equal(result.notes, "");
}

/* Taizhou, IR-MAD and whitened CVA with KI: the counts of algorithms.md and the kappas beside them.
 */
static void golden_confusions(void **state)
{
    static const struct {
        int    tp, fn, fp, tn;
        double f1, kappa, iou;
    } golden[] = {
        {3997, 230, 187, 16976, 2.0 * 3997 / (2.0 * 3997 + 230 + 187), 0.9382894341995351,
         3997.0 / 4414},
        {4078, 149, 119, 17044, 2.0 * 4078 / (2.0 * 4078 + 149 + 119), 0.960385582760286,
         4078.0 / 4346},
    };

    (void)state;
    for (size_t g = 0; g < 2; g++) {
        int     sizes[4] = {golden[g].tp, golden[g].fn, golden[g].fp, golden[g].tn};
        int     total = sizes[0] + sizes[1] + sizes[2] + sizes[3], at = 0;
        double *truth  = calloc((size_t)total, sizeof *truth);
        double *change = calloc((size_t)total, sizeof *change);

        for (int k = 0; k < 4; k++)
            for (int i = 0; i < sizes[k]; i++, at++) {
                truth[at]  = k < 2;
                change[at] = k == 0 || k == 2;
            }
        write_values(TRUTH, total, 1, GDT_Byte, truth);
        write_values(CHANGE, total, 1, GDT_Byte, change);
        free(truth);
        free(change);

        tb_eval_figures figures = evaluate(false, 0).overall;

        assert_int_equal(figures.tp, golden[g].tp);
        assert_int_equal(figures.tn, golden[g].tn);
        assert_near(figures.f1, golden[g].f1);
        assert_near(figures.iou, golden[g].iou);
        assert_near(figures.kappa, golden[g].kappa);
    }
}

static void rankings_perfect_inverted_and_equal(void **state)
{
    static const double truth[] = {0, 0, 0, 1, 1, 0}, rising[] = {-3, -1, -.5, 4, 9, 1};
    double              other[6];

    (void)state;
    write_values(TRUTH, 6, 1, GDT_Byte, truth);
    write_values(CHANGE, 6, 1, GDT_Byte, truth);
    write_values(SCORE, 6, 1, GDT_Float64, rising);

    tb_eval_figures figures = evaluate(true, 1).overall;

    assert_near(figures.auc, 1);
    assert_near(figures.ap, 1);
    assert_near(figures.best_f1, 1);
    assert_near(figures.f1, 1);
    assert_near(figures.kappa, 1);

    for (int i = 0; i < 6; i++)
        other[i] = -rising[i];
    write_values(SCORE, 6, 1, GDT_Float32, other);
    figures = evaluate(true, 1).overall;
    assert_near(figures.auc, 0);
    assert_near(figures.ap, 0.5 * 1 / 5 + 0.5 * 2 / 6);
    assert_near(figures.best_f1, 2.0 * 2 / (6 + 2));

    /* 0 and -0 are one score. */
    for (int i = 0; i < 6; i++)
        other[i] = i % 2 ? 0.0 : -0.0;
    write_values(SCORE, 6, 1, GDT_Float64, other);
    figures = evaluate(true, 1).overall;
    assert_near(figures.auc, 0.5);
    assert_near(figures.ap, 1.0 / 3);
    assert_near(figures.best_f1, 0.5);
}

static void ties_count_half(void **state)
{
    static const double truth[] = {1, 0, 1, 0}, score[] = {2, 2, 1, 0};

    (void)state;
    write_values(TRUTH, 4, 1, GDT_Byte, truth);
    write_values(CHANGE, 4, 1, GDT_Byte, truth);
    write_values(SCORE, 4, 1, GDT_Float32, score);

    tb_eval_figures figures = evaluate(true, 1).overall;

    assert_near(figures.auc, (0.5 + 1 + 0 + 1) / 4);
    assert_near(figures.ap, 0.5 * 0.5 + 0.5 * 2 / 3);
    assert_near(figures.best_f1, 0.8);
}

static void not_observed_ranks_last_and_counts_as_unchanged(void **state)
{
    static const double truth[] = {1, 1, 0, 0, 1, 0}, change[] = {1, 255, 0, 255, 0, 1};
    static const double score[] = {5, 99, 1, 98, NAN, -INFINITY};

    (void)state;
    write_values(TRUTH, 6, 1, GDT_Byte, truth);
    write_values(CHANGE, 6, 1, GDT_Byte, change);
    write_values(SCORE, 6, 1, GDT_Float32, score);

    tb_eval_result result = evaluate(true, 1);

    /* Ranked: 5 (changed), 1 (not), -inf (not), then two changed and one not without rank. */
    assert_int_equal(result.unobserved_pixels, 3);
    assert_near(result.unobserved, 0.5);
    assert_near(result.overall.auc, (3 + 0.5 + 0.5) / 9);
    assert_near(result.overall.ap, 1.0 / 3 + 2.0 / 3 * 3 / 6);
    assert_near(result.overall.best_f1, 2.0 * 3 / (6 + 3));
    assert_int_equal(result.overall.fn, 2);
    assert_int_equal(result.observed.tp, 1);
    assert_int_equal(result.observed.fn, 0);
    assert_near(result.observed.auc, 1);
    assert_near(result.observed.ap, 1);
    assert_int_equal(result.unscored, 0);
}

static void a_flagged_pixel_without_score_is_observed_and_told(void **state)
{
    static const double truth[] = {1, 1, 0}, change[] = {1, 1, 0}, score[] = {NAN, 3, 2};

    (void)state;
    write_values(TRUTH, 3, 1, GDT_Byte, truth);
    write_values(CHANGE, 3, 1, GDT_Byte, change);
    write_values(SCORE, 3, 1, GDT_Float32, score);

    tb_eval_result result = evaluate(true, 1);

    assert_int_equal(result.overall.tp, 2);
    assert_int_equal(result.unobserved_pixels, 0);
    assert_int_equal(result.unscored, 1);
    assert_near(result.observed.auc, 0.5);
    assert_non_null(strstr(result.notes, "1 flagged pixels have no score"));
}

static void what_is_undefined_is_no_number(void **state)
{
    static const double score[] = {1, 2, 3, 4};

    (void)state;
    write_values(SCORE, 4, 1, GDT_Float32, score);
    write_picture(CHANGE, 4, 1, "#...");
    write_picture(TRUTH, 4, 1, "...?");

    tb_eval_result result = evaluate(true, 1);

    assert_near(result.overall.recall, NAN);
    assert_near(result.overall.precision, 0);
    assert_near(result.overall.auc, NAN);
    assert_near(result.overall.ap, NAN);
    assert_near(result.overall.best_f1, NAN);
    assert_near(result.overall.object_recall, NAN);
    assert_non_null(strstr(result.notes, "is changed; 255 and nodata mean left out"));

    write_picture(CHANGE, 4, 1, "....");
    result = evaluate(true, 1);
    assert_near(result.overall.precision, NAN);
    assert_near(result.overall.f1, NAN);
    assert_near(result.overall.iou, NAN);
    assert_near(result.overall.kappa, NAN);
    assert_near(result.overall.flagged, 0);

    write_picture(TRUTH, 4, 1, "????");
    result = evaluate(true, 1);
    assert_int_equal(result.labelled, 0);
    assert_near(result.overall.flagged, NAN);
    assert_near(result.unobserved, NAN);
    assert_non_null(strstr(result.notes, "no pixel of /vsimem/truth.tif is labelled"));

    write_picture(TRUTH, 4, 1, "##..");
    write_picture(CHANGE, 4, 1, "????");
    result = evaluate(true, 1);
    assert_near(result.unobserved, 1);
    assert_near(result.overall.recall, 0);
    assert_near(result.overall.auc, 0.5);
    assert_near(result.observed.recall, NAN);
    assert_near(result.observed.auc, NAN);
    assert_near(result.observed.flagged, NAN);
}

static void one_pixel(void **state)
{
    static const double one = 1;

    (void)state;
    write_picture(TRUTH, 1, 1, "#");
    write_picture(CHANGE, 1, 1, "#");
    write_values(SCORE, 1, 1, GDT_Float32, &one);

    tb_eval_result result = evaluate(true, 1);

    assert_near(result.overall.f1, 1);
    assert_near(result.overall.ap, 1);
    assert_near(result.overall.auc, NAN);
    assert_near(result.overall.kappa, NAN);
    assert_near(result.overall.object_recall, 1);
}

static void objects_join_at_corners_and_stop_at_what_is_left_out(void **state)
{
    (void)state;
    write_picture(TRUTH, 8, 4,
                  "#...##.."
                  ".#..??.."
                  "#...##.#"
                  ".......#");
    write_picture(CHANGE, 8, 4,
                  "........"
                  "....##.."
                  "#....#.."
                  "........");

    tb_eval_figures figures = evaluate(false, 2).overall;

    assert_int_equal(figures.truth_objects, 4);
    assert_int_equal(figures.recalled_objects, 2);
    assert_int_equal(figures.found_objects, 0);
    assert_near(figures.object_precision, NAN);
    figures = evaluate(false, 1).overall;
    assert_int_equal(figures.found_objects, 2);
    assert_int_equal(figures.right_objects, 2);
    figures = evaluate(false, 3).overall;
    assert_int_equal(figures.truth_objects, 1);
    assert_int_equal(figures.recalled_objects, 1);
}

static void the_default_is_ten_pixels(void **state)
{
    (void)state;
    write_picture(TRUTH, 10, 3,
                  "##########"
                  ".........."
                  "#########.");
    write_picture(CHANGE, 10, 3,
                  ".........#"
                  ".........."
                  ".........#");

    tb_eval_figures figures = evaluate(false, 0).overall;

    assert_int_equal(figures.truth_objects, 1);
    assert_int_equal(figures.recalled_objects, 1);
    assert_int_equal(figures.found_objects, 0);
}

static void nodata_and_masks_leave_out(void **state)
{
    static const double truth[] = {1, 0, 3, 1}, change[] = {1, 0, 1, 9}, score[] = {4, 0, 1, -1};
    static const double opaque[] = {255, 0, 255, 255};
    GDALDatasetH        dataset;

    (void)state;
    dataset = make(TRUTH, 4, 1, 1, GDT_Byte);
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 3);
    fill(dataset, 1, truth);
    GDALClose(dataset);
    dataset = make(CHANGE, 4, 1, 2, GDT_Byte);
    GDALSetRasterColorInterpretation(GDALGetRasterBand(dataset, 2), GCI_AlphaBand);
    fill(dataset, 1, change);
    fill(dataset, 2, opaque);
    GDALClose(dataset);
    dataset = make(SCORE, 4, 1, 1, GDT_Float32);
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 0);
    fill(dataset, 1, score);
    GDALClose(dataset);

    tb_eval_result result = evaluate(true, 1);

    assert_int_equal(result.left_out, 1);
    assert_int_equal(result.overall.tp, 2);
    assert_int_equal(result.overall.tn, 1);
    assert_int_equal(result.unobserved_pixels, 1);
    assert_near(result.overall.auc, 1);

    /* 0 and 1 are classes even where they are declared as nodata. */
    dataset = make(TRUTH, 4, 1, 1, GDT_Byte);
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 0);
    fill(dataset, 1, truth);
    GDALClose(dataset);
    assert_int_equal(evaluate(false, 1).labelled, 4);
}

static void what_does_not_fit_is_refused(void **state)
{
    tb_eval_options options = {.truth = TRUTH, .change = CHANGE};
    tb_eval_result  result  = {.width = 77};
    tb_error        error   = {0};

    (void)state;
    write_picture(TRUTH, 4, 2, "........");
    write_picture(CHANGE, 2, 4, "........");
    assert_int_equal(tb_eval(&options, &result, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "got 4x2 and 2x4"));
    assert_int_equal(result.width, 77);

    write_picture(CHANGE, 4, 2, "........");
    write_picture(SCORE, 8, 1, "........");
    options.score = SCORE;
    assert_int_equal(tb_eval(&options, &result, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "got 4x2 and 8x1"));
    options.score = "/vsimem/none.tif";
    assert_int_equal(tb_eval(&options, &result, &error), TB_E_INPUT);
    options.score      = NULL;
    options.min_pixels = -1;
    assert_int_equal(tb_eval(&options, &result, &error), TB_E_USAGE);
    options.truth = NULL;
    assert_int_equal(tb_eval(&options, &result, &error), TB_E_USAGE);
}

static void bands_and_other_ground_are_told(void **state)
{
    double       here[6] = {500000, 10, 0, 4000000, 0, -10}, there[6];
    GDALDatasetH dataset;

    (void)state;
    memcpy(there, here, sizeof here);
    there[0] += 10;
    dataset = make(TRUTH, 2, 2, 3, GDT_Byte);
    GDALSetGeoTransform(dataset, here);
    GDALClose(dataset);
    dataset = make(CHANGE, 2, 2, 1, GDT_Byte);
    GDALSetGeoTransform(dataset, there);
    GDALClose(dataset);

    tb_eval_result result = evaluate(false, 1);

    assert_non_null(strstr(result.notes, "has 3 bands"));
    assert_non_null(strstr(result.notes, "different ground"));
}

/* ---- the plain reference ---- */

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

typedef struct plain {
    int    n, width;
    double truth[600], change[600], score[600];
    double rank[600]; /* score, or less than any */
    bool   among[600];
} plain;

static double plain_auc(const plain *p)
{
    double right = 0, all = 0;

    for (int i = 0; i < p->n; i++)
        for (int j = 0; j < p->n; j++)
            if (p->among[i] && p->among[j] && p->truth[i] == 1 && p->truth[j] == 0) {
                all += 1;
                right += p->rank[i] > p->rank[j] ? 1 : p->rank[i] == p->rank[j] ? 0.5 : 0;
            }
    return all > 0 ? right / all : NAN;
}

static int compare_falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

static void plain_precision(const plain *p, double *ap, double *best_f1)
{
    double thresholds[600], total = 0, before = 0;
    int    count = 0;

    for (int i = 0; i < p->n; i++)
        if (p->among[i]) {
            thresholds[count++] = p->rank[i];
            total += p->truth[i];
        }
    qsort(thresholds, (size_t)count, sizeof *thresholds, compare_falling);
    *ap      = total > 0 ? 0 : NAN;
    *best_f1 = *ap;
    for (int k = 0; k < count && total > 0; k++) {
        double tp = 0, all = 0;

        if (k > 0 && thresholds[k] == thresholds[k - 1])
            continue;
        for (int i = 0; i < p->n; i++)
            if (p->among[i] && p->rank[i] >= thresholds[k]) {
                all += 1;
                tp += p->truth[i];
            }
        *ap += (tp / total - before) * tp / all;
        before   = tp / total;
        *best_f1 = fmax(*best_f1, 2 * (tp / all) * (tp / total) / (tp / all + tp / total + 1e-300));
    }
}

/* Flood fill with recursion by repeated passes: slow, and nothing like runs. */
static void plain_objects(const plain *p, const double *inside, const double *touch, int least,
                          int64_t *objects, int64_t *touched)
{
    int label[600];

    for (int i = 0; i < p->n; i++)
        label[i] = p->among[i] && inside[i] == 1 ? i : -1;
    for (bool changes = true; changes;) {
        changes = false;
        for (int i = 0; i < p->n; i++)
            for (int j = 0; j < p->n; j++)
                if (label[i] >= 0 && label[j] > label[i] && abs(i % p->width - j % p->width) <= 1 &&
                    abs(i / p->width - j / p->width) <= 1) {
                    label[j] = label[i];
                    changes  = true;
                }
    }
    *objects = *touched = 0;
    for (int root = 0; root < p->n; root++) {
        int  pixels = 0;
        bool met    = false;

        for (int i = 0; i < p->n; i++)
            if (label[i] == root) {
                pixels++;
                met |= touch[i] == 1;
            }
        if (pixels >= least && pixels > 0) {
            ++*objects;
            *touched += met;
        }
    }
}

static void assert_figures(const plain *p, int least, const tb_eval_figures *figures)
{
    double  tp = 0, fp = 0, fn = 0, tn = 0, ap, best_f1;
    int64_t objects, touched;

    for (int i = 0; i < p->n; i++)
        if (p->among[i]) {
            tp += p->truth[i] == 1 && p->change[i] == 1;
            fp += p->truth[i] == 0 && p->change[i] == 1;
            fn += p->truth[i] == 1 && p->change[i] != 1;
            tn += p->truth[i] == 0 && p->change[i] != 1;
        }
    assert_int_equal(figures->tp, tp);
    assert_int_equal(figures->fp, fp);
    assert_int_equal(figures->fn, fn);
    assert_int_equal(figures->tn, tn);
    assert_near(figures->f1, 2 / (1 / (tp / (tp + fp)) + 1 / (tp / (tp + fn))));
    assert_near(figures->kappa,
                2 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)));
    assert_near(figures->auc, plain_auc(p));
    plain_precision(p, &ap, &best_f1);
    assert_near(figures->ap, ap);
    assert_near(figures->best_f1, best_f1);
    plain_objects(p, p->truth, p->change, least, &objects, &touched);
    assert_int_equal(figures->truth_objects, objects);
    assert_int_equal(figures->recalled_objects, touched);
    plain_objects(p, p->change, p->truth, least, &objects, &touched);
    assert_int_equal(figures->found_objects, objects);
    assert_int_equal(figures->right_objects, touched);
}

static void random_maps_agree_with_a_plain_reference(void **state)
{
    uint32_t seed = 20240311;

    (void)state;
    for (int round = 0; round < 60; round++) {
        static plain p;
        int          least  = 1 + (int)(draw(&seed) % 4);
        uint32_t     coarse = round % 3 == 0 ? 5 : round % 3 == 1 ? 100 : 1000000;
        int          dense  = 10 + (int)(draw(&seed) % 80);
        bool         labelled[600];

        p.width = 5 + (int)(draw(&seed) % 20);
        p.n     = p.width * (5 + (int)(draw(&seed) % 15));
        for (int i = 0; i < p.n; i++) {
            p.truth[i]  = draw(&seed) % 8 == 0 ? 255 : draw(&seed) % 100 < (uint32_t)dense;
            p.change[i] = draw(&seed) % 8 == 0 ? 255 : draw(&seed) % 100 < 40;
            p.score[i]  = (double)(draw(&seed) % coarse) - coarse / 2.0;
            p.score[i] += p.truth[i] == 1 ? coarse / 5.0 : 0;
            p.rank[i]   = p.change[i] == 255 ? -INFINITY : (double)(float)p.score[i];
            labelled[i] = p.truth[i] != 255;
            if (p.change[i] == 255 && round % 2)
                p.score[i] = NAN;
        }
        /* At least one pixel of each kind, so that the reference is defined. */
        for (int i = 0; i < 4; i++) {
            p.truth[i]  = i >= 2;
            p.change[i] = i % 2;
            p.score[i]  = i;
            p.rank[i]   = i;
            labelled[i] = true;
        }
        write_values(TRUTH, p.width, p.n / p.width, GDT_Byte, p.truth);
        write_values(CHANGE, p.width, p.n / p.width, GDT_Byte, p.change);
        write_values(SCORE, p.width, p.n / p.width, GDT_Float32, p.score);

        tb_eval_result result = evaluate(true, least);

        memcpy(p.among, labelled, sizeof labelled);
        assert_figures(&p, least, &result.overall);
        for (int i = 0; i < p.n; i++)
            p.among[i] = labelled[i] && p.change[i] != 255;
        assert_figures(&p, least, &result.observed);
    }
}

static void sorting_orders_all_numbers(void **state)
{
    static double numbers[20000], scratch[20000];
    uint32_t      seed = 7;

    (void)state;
    for (size_t i = 0; i < 20000; i++)
        numbers[i] = ((double)draw(&seed) - 8e6) * pow(10, (double)(draw(&seed) % 600) - 300);
    numbers[0] = INFINITY;
    numbers[1] = -INFINITY;
    numbers[2] = -0.0;
    assert_int_equal(tb_ranking_sort(numbers, scratch, 20000, NULL), TB_OK);
    assert_true(numbers[0] == -INFINITY && numbers[19999] == INFINITY);
    for (size_t i = 1; i < 20000; i++)
        assert_true(numbers[i - 1] <= numbers[i]);
}

/* Many strips: a map taller than one strip is read like one that is not. */
static void strips_do_not_show(void **state)
{
    enum { WIDTH = 2500, HEIGHT = 4000 };
    uint8_t     *pixels = calloc(1, (size_t)WIDTH * HEIGHT);
    GDALDatasetH dataset;

    (void)state;
    for (size_t y = 0; y < HEIGHT; y++)
        pixels[y * WIDTH + y % WIDTH] = 1; /* two diagonals, joined at corners */
    for (int k = 0; k < 2; k++) {
        dataset = make(k == 0 ? TRUTH : CHANGE, WIDTH, HEIGHT, 1, GDT_Byte);
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Write, 0, 0, WIDTH, HEIGHT,
                                      pixels, WIDTH, HEIGHT, GDT_Byte, 0, 0),
                         CE_None);
        GDALClose(dataset);
    }
    free(pixels);

    tb_eval_result result = evaluate(false, 0);

    assert_int_equal(result.overall.tp, HEIGHT);
    assert_int_equal(result.overall.truth_objects, 2);
    assert_int_equal(result.overall.found_objects, 2);
    assert_near(result.overall.kappa, 1);
}

static void every_failed_allocation_is_told_and_leaves_nothing(void **state)
{
    static const double score[] = {1, 2, 3, 4};
    tb_eval_point       curve[3];
    tb_eval_options     options = {.truth      = TRUTH,
                                   .change     = CHANGE,
                                   .score      = SCORE,
                                   .min_pixels = 1,
                                   .curve      = curve,
                                   .curve_room = 3};
    long                n       = 0;

    (void)state;
    write_picture(TRUTH, 4, 1, "#.#.");
    write_picture(CHANGE, 4, 1, "##..");
    write_values(SCORE, 4, 1, GDT_Float32, score);
    for (;;) {
        size_t         before = tb_memory_in_use();
        tb_eval_result result;
        tb_error       error = {0};
        tb_status      status;

        tb_memory_fail_at(++n);
        status = tb_eval(&options, &result, &error);
        assert_int_equal(tb_memory_in_use(), before);
        if (!tb_memory_has_failed()) {
            assert_int_equal(status, TB_OK);
            break;
        }
        assert_int_equal(status, TB_E_MEMORY);
    }
    tb_memory_fail_at(0);
    assert_true(n > 10);
}

static int remove_files(void **state)
{
    (void)state;
    VSIUnlink(TRUTH);
    VSIUnlink(CHANGE);
    VSIUnlink(SCORE);
    return 0;
}

/* Olofsson et al. (2014), section 5: table 8, and the text of page 54, areas in pixels. */
static void estimates_of_the_reference(void **state)
{
    static const tb_estimate_sample sample = {
        .classes = 4,
        .area    = {200000, 150000, 3200000, 6450000},
        .count   = {{66, 0, 5, 4}, {0, 55, 8, 12}, {1, 0, 153, 11}, {2, 1, 9, 313}}};
    tb_estimates e;

    (void)state;
    assert_int_equal(tb_eval_estimate(&sample, &e, NULL), TB_OK);
    assert_true(fabs(e.area[0].value - 235086) < 1 && fabs(1.96 * e.area[0].error - 68418) < 1);
    assert_true(fabs(e.overall.value - 0.95) < 0.005);
    assert_true(fabs(1.96 * e.overall.error - 0.02) < 0.005);
    assert_true(fabs(e.user[0].value - 0.88) < 0.005 && fabs(e.user[1].value - 0.73) < 0.005);
    assert_true(fabs(e.producer[0].value - 0.75) < 0.005);
    assert_true(fabs(1.96 * e.producer[0].error - 0.21) < 0.005);
    assert_near(e.area[0].low, e.area[0].value - 1.96 * e.area[0].error);
    assert_near(e.area[0].high, e.area[0].value + 1.96 * e.area[0].error);
}

/* A sample that says all is right gives the map's own areas, with no doubt; parts sum to the whole;
 * the unit of the areas is no matter. */
static void estimates_hold_together(void **state)
{
    tb_estimate_sample sample = {
        .classes = 3, .area = {10, 200, 3000}, .count = {{7, 0, 0}, {0, 9, 0}, {0, 0, 50}}};
    tb_estimates e, scaled;
    double       sum = 0.0;

    (void)state;
    assert_int_equal(tb_eval_estimate(&sample, &e, NULL), TB_OK);
    for (int i = 0; i < 3; i++) {
        assert_near(e.area[i].value, sample.area[i]);
        assert_true(e.area[i].error == 0.0 && e.user[i].value == 1.0);
        assert_near(e.producer[i].value, 1.0);
    }
    sample.count[2][0] = 4;
    sample.count[0][1] = 2;
    assert_int_equal(tb_eval_estimate(&sample, &e, NULL), TB_OK);
    for (int i = 0; i < 3; i++) {
        sum += e.area[i].value;
        sample.area[i] *= 1000.0;
    }
    assert_near(sum, 3210.0);
    assert_int_equal(tb_eval_estimate(&sample, &scaled, NULL), TB_OK);
    assert_near(scaled.producer[0].error, e.producer[0].error);
    assert_near(scaled.area[0].error / 1000.0, e.area[0].error);
}

static void estimates_refuse_what_says_nothing(void **state)
{
    tb_estimate_sample sample = {
        .classes = 2, .area = {5, 0}, .count = {{3, 1}, {0, 0}}}; /* nothing is mapped as 2 */
    tb_estimates e;
    tb_error     error = {0};

    (void)state;
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_OK);
    assert_true(isnan(e.user[1].value) && isnan(e.user[1].error));
    assert_true(e.producer[1].value == 0.0);
    sample.area[1] = 1;
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "class 2"));
    sample.classes = 1;
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_E_USAGE);
    sample = (tb_estimate_sample){.classes = 2, .area = {0, 0}};
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_E_USAGE);
    sample = (tb_estimate_sample){.classes = 2, .area = {1, NAN}, .count = {{2, 0}, {0, 2}}};
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_E_USAGE);
    sample = (tb_estimate_sample){.classes = 2, .area = {1, 1}, .count = {{3, -1}, {0, 2}}};
    assert_int_equal(tb_eval_estimate(&sample, &e, &error), TB_E_USAGE);
}

/* No pixel of a fold has one that is learnt from within the guard; blocks with change are spread.
 */
static void folds_keep_their_distance(void **state)
{
    enum { WIDTH = 83, HEIGHT = 61 };
    static uint8_t truth[WIDTH * HEIGHT];
    uint32_t       seed = 99;

    (void)state;
    for (int round = 0; round < 12; round++) {
        int       side = 8 + (int)(draw(&seed) % 24), guard = (int)(draw(&seed) % (side / 2 + 1));
        int       folds      = 2 + (int)(draw(&seed) % 4), near[TB_BLOCKS_NEAR_MAX];
        int64_t   changed[8] = {0};
        tb_blocks blocks;

        for (int i = 0; i < WIDTH * HEIGHT; i++)
            truth[i] = draw(&seed) % 9 == 0 ? 255 : draw(&seed) % 5 == 0;
        assert_int_equal(tb_blocks_init(&blocks, truth, WIDTH, HEIGHT, side, guard, NULL), TB_OK);
        assert_int_equal(tb_blocks_deal(&blocks, 1, folds, NULL), TB_OK);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                bool is_near[8] = {false};
                int  count = tb_blocks_near(&blocks, x, y, near), expected = 0;

                changed[tb_blocks_fold(&blocks, x, y)] += truth[y * WIDTH + x] == 1;
                for (int v = y - guard; v <= y + guard; v++)
                    for (int u = x - guard; u <= x + guard; u++)
                        if (u >= 0 && v >= 0 && u < WIDTH && v < HEIGHT)
                            is_near[tb_blocks_fold(&blocks, u, v)] = true;
                for (int f = 0; f < folds; f++)
                    expected += is_near[f];
                assert_int_equal(count, expected);
                assert_int_equal(near[0], tb_blocks_fold(&blocks, x, y));
                for (int i = 0; i < count; i++)
                    assert_true(is_near[near[i]]);
            }
        if (blocks.columns * blocks.rows >= folds)
            for (int f = 0; f < folds; f++)
                assert_true(changed[f] > 0);
        tb_blocks_reset(&blocks);
    }
}

/* The curve of a ranking begins at its first threshold, ends at recall 1, and never falls back. */
static void a_curve_is_what_its_thresholds_give(void **state)
{
    enum { N = 400, ROOM = 12 };
    static double   truth[N], change[N], score[N];
    tb_eval_point   points[ROOM];
    tb_eval_options options = {
        .truth = TRUTH, .change = CHANGE, .score = SCORE, .curve = points, .curve_room = ROOM};
    tb_eval_result result;
    uint32_t       seed = 3;

    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            truth[i]  = draw(&seed) % 4 == 0;
            change[i] = i >= 20 && draw(&seed) % 10 == 0 ? 255 : 0;
            score[i]  = (double)(draw(&seed) % (round % 2 ? 9 : 100000)) + 3 * truth[i];
        }
        truth[0] = 1;
        write_values(TRUTH, 20, N / 20, GDT_Byte, truth);
        write_values(CHANGE, 20, N / 20, GDT_Byte, change);
        write_values(SCORE, 20, N / 20, GDT_Float32, score);
        assert_int_equal(tb_eval(&options, &result, NULL), TB_OK);
        assert_in_range(result.curve_count, 2, ROOM);
        assert_near(points[result.curve_count - 1].recall, 1.0);
        for (int p = 0; p < result.curve_count; p++) {
            int tp = 0, fp = 0;

            for (int i = 0; i < N; i++)
                if (isnan(points[p].threshold) ||
                    (change[i] != 255 && score[i] >= points[p].threshold)) {
                    tp += truth[i] == 1;
                    fp += truth[i] == 0;
                }
            assert_near(points[p].recall, tp / (double)(result.overall.tp + result.overall.fn));
            assert_near(points[p].precision, tp / (double)(tp + fp));
            assert_true(p == 0 || points[p].recall >= points[p - 1].recall);
        }
        if (!isnan(result.overall.best_threshold)) {
            int tp = 0, taken = 0;

            for (int i = 0; i < N; i++)
                if (change[i] != 255 && score[i] >= result.overall.best_threshold) {
                    tp += truth[i] == 1;
                    taken++;
                }
            assert_near(result.overall.best_f1,
                        2.0 * tp / (taken + (double)(result.overall.tp + result.overall.fn)));
        }
    }
    options.curve_room = 2;
    assert_int_equal(tb_eval(&options, &result, NULL), TB_E_USAGE);
}

/* Three objects of 4, 9 and 1 pixels of 100 m2; the largest and the smallest are met. */
static void objects_are_told_of_by_size(void **state)
{
    static const char truth[]  = "##....###."
                                 "##....###."
                                 "......###."
                                 "#.........";
    static const char change[] = "......#..."
                                 ".........."
                                 ".........."
                                 "#..#......";
    tb_eval_sizes     sizes    = {.count = 3, .from_m2 = {100, 400, 900.5}};
    tb_eval_options options  = {.truth = TRUTH, .change = CHANGE, .min_pixels = 1, .sizes = &sizes};
    double          place[6] = {500000, 10, 0, 4000000, 0, -10};
    tb_eval_result  result;
    GDALDatasetH    dataset;

    (void)state;
    write_picture(TRUTH, 10, 4, truth);
    write_picture(CHANGE, 10, 4, change);
    assert_int_equal(tb_eval(&options, &result, NULL), TB_OK);
    assert_true(isnan(result.pixel_m2) && isnan(result.overall.false_per_1000_km2));
    assert_non_null(strstr(result.notes, "no CRS"));
    dataset = GDALOpen(TRUTH, GA_Update);
    assert_int_equal(GDALSetGeoTransform(dataset, place), CE_None);
    assert_int_equal(GDALSetProjection(dataset, "EPSG:32650"), CE_None);
    GDALClose(dataset);
    assert_int_equal(tb_eval(&options, &result, NULL), TB_OK);
    assert_near(result.pixel_m2, 100.0);
    assert_int_equal(result.size[0].truth, 3);
    assert_int_equal(result.size[0].found, 2);
    assert_near(result.size[0].truth_m2, 1400.0);
    assert_near(result.size[0].found_m2, 1000.0);
    assert_int_equal(result.size[1].truth, 2);
    assert_int_equal(result.size[1].found, 1);
    assert_int_equal(result.size[2].truth, 0);
    /* one of three found objects is wrong, on 40 pixels of 100 m2 */
    assert_near(result.overall.false_per_1000_flagged, 1000.0 / 3);
    assert_near(result.overall.false_per_1000_km2, 1000.0 / 0.004);
}

static int size_of_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    int   bytes;

    if (file == NULL)
        return -1;
    fseek(file, 0, SEEK_END);
    bytes = (int)ftell(file);
    fclose(file);
    return bytes;
}

static void a_plot_is_written_whole_or_not_at_all(void **state)
{
    static const tb_eval_point   points[] = {{3, 0.2, 1.0}, {2, 0.6, 0.7}, {NAN, 1.0, 0.1}};
    static const tb_eval_figures figures  = {.precision = 0.7, .recall = 0.6, .f1 = 0.65};
    char                         folder[] = "/tmp/tuban-plot-XXXXXX", path[64];
    tb_error                     error    = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int kind = 0; kind < 2; kind++) {
        snprintf(path, sizeof path, "%s/plot.%s", folder, kind == 0 ? "svg" : "png");
        assert_int_equal(tb_eval_plot(points, 3, &figures, path, &error), TB_OK);
        assert_true(size_of_file(path) > 1000);
        remove(path);
        for (long n = 1; n < 100; n++) { /* fails until nothing is left that could */
            size_t    held = tb_memory_in_use();
            tb_status status;

            tb_memory_fail_at(n);
            status = tb_eval_plot(points, 3, &figures, path, &error);
            assert_int_equal(tb_memory_in_use(), held);
            if (!tb_memory_has_failed()) {
                assert_int_equal(status, TB_OK);
                break;
            }
            assert_int_equal(status, TB_E_MEMORY);
            assert_int_equal(size_of_file(path), -1);
        }
        tb_memory_fail_at(0);
        remove(path);
    }
    assert_int_equal(tb_eval_plot(points, 3, &figures, "/no/such/plot.svg", &error), TB_E_OUTPUT);
    assert_int_equal(tb_eval_plot(points, 3, &figures, "plot.pdf", &error), TB_E_USAGE);
    assert_int_equal(tb_eval_plot(points, 0, &figures, "plot.svg", &error), TB_E_USAGE);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(golden_confusions),
        cmocka_unit_test(rankings_perfect_inverted_and_equal),
        cmocka_unit_test(ties_count_half),
        cmocka_unit_test(not_observed_ranks_last_and_counts_as_unchanged),
        cmocka_unit_test(a_flagged_pixel_without_score_is_observed_and_told),
        cmocka_unit_test(what_is_undefined_is_no_number),
        cmocka_unit_test(one_pixel),
        cmocka_unit_test(objects_join_at_corners_and_stop_at_what_is_left_out),
        cmocka_unit_test(the_default_is_ten_pixels),
        cmocka_unit_test(nodata_and_masks_leave_out),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(bands_and_other_ground_are_told),
        cmocka_unit_test(random_maps_agree_with_a_plain_reference),
        cmocka_unit_test(sorting_orders_all_numbers),
        cmocka_unit_test(strips_do_not_show),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaves_nothing),
        cmocka_unit_test(estimates_of_the_reference),
        cmocka_unit_test(estimates_hold_together),
        cmocka_unit_test(estimates_refuse_what_says_nothing),
        cmocka_unit_test(folds_keep_their_distance),
        cmocka_unit_test(a_curve_is_what_its_thresholds_give),
        cmocka_unit_test(objects_are_told_of_by_size),
        cmocka_unit_test(a_plot_is_written_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, remove_files);
}
