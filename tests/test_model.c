/* Sample, decision, model.yaml and the fit: on scenes made up with a known answer, and on Taizhou.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "detect/score.h"
#include "model/decide.h"
#include "model/fit.h"
#include "model/gain.h"
#include "model/model.h"
#include "model/sample.h"
#include "scenes.h"

/* ---- sample ---- */

static void cells_cover_each_pixel_once(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (int i = 0; i < 60; i++) {
        tb_grid   grid      = {.anchor_x = random_between(&seed, 0, 2000),
                               .anchor_y = random_between(&seed, 0, 2000)};
        tb_rect   footprint = {random_between(&seed, 0, 3000), random_between(&seed, 0, 3000),
                               random_between(&seed, 1, 3000), random_between(&seed, 1, 3000)};
        tb_sample sample;

        OK(tb_sample_list(&sample, &grid, footprint, heard));
        assert_int_equal(sample.pixels, tb_rect_area(footprint));

        int64_t left = footprint.x, top = footprint.y, right = left, bottom = top;

        for (int64_t c = 0; c < sample.count; c++) {
            tb_rect cell = sample.cell[c];

            assert_false(tb_rect_is_empty(cell));
            /* Cut at the anchor's cells, or at the footprint. */
            assert_true(cell.x == footprint.x || (cell.x - grid.anchor_x) % TB_SAMPLE_CELL == 0);
            assert_true(cell.y == footprint.y || (cell.y - grid.anchor_y) % TB_SAMPLE_CELL == 0);
            assert_true(cell.x + cell.width == footprint.x + footprint.width ||
                        (cell.x + cell.width - grid.anchor_x) % TB_SAMPLE_CELL == 0);
            assert_true(cell.width <= TB_SAMPLE_CELL && cell.height <= TB_SAMPLE_CELL);
            right  = cell.x + cell.width > right ? cell.x + cell.width : right;
            bottom = cell.y + cell.height > bottom ? cell.y + cell.height : bottom;
            for (int64_t d = 0; d < c; d++)
                assert_true(tb_rect_is_empty(tb_rect_intersect(cell, sample.cell[d])));
        }
        assert_true(right == footprint.x + footprint.width &&
                    bottom == footprint.y + footprint.height);
        tb_sample_reset(&sample);
    }

    tb_sample none;

    OK(tb_sample_list(&none, &(tb_grid){0}, (tb_rect){5, 5, 0, 9}, heard));
    assert_int_equal(none.count, 0);
    tb_sample_reset(&none);
}

static void sample_sizes(void **state)
{
    const int64_t million = 1 << 20;

    (void)state;
    assert_int_equal(tb_sample_size_of(1, 0), 1);
    assert_int_equal(tb_sample_size_of(4 * million, 0), 4 * million);
    assert_int_equal(tb_sample_size_of(4 * million + 1, 0), 1 * million);
    assert_int_equal(tb_sample_size_of(300 * million, 0), 3 * million);
    assert_int_equal(tb_sample_size_of(800 * million, 0), 8 * million);
    assert_int_equal(tb_sample_size_of(100000 * million, 0), 16 * million);
    assert_int_equal(tb_sample_size_of(1000, 0.0301), 31);
    assert_int_equal(tb_sample_size_of(1000, 1), 1000);
    assert_int_equal(tb_sample_size_of(1000, 1e-9), 1);
}

/* However many cells are read, they lie all over the stratum. */
static void first_cells_spread_evenly(void **state)
{
    enum { SIDE = 32 };
    tb_rect   footprint = {0, 0, SIDE * TB_SAMPLE_CELL, SIDE * TB_SAMPLE_CELL};
    tb_sample sample;

    (void)state;
    OK(tb_sample_list(&sample, &(tb_grid){0}, footprint, heard));
    assert_int_equal(sample.count, SIDE * SIDE);
    for (int64_t columns = 1; columns <= SIDE; columns *= 2)
        for (int64_t rows = 1; rows <= SIDE; rows *= 2) {
            bool seen[SIDE * SIDE] = {false};

            for (int64_t c = 0; c < columns * rows; c++) {
                int64_t column = sample.cell[c].x / TB_SAMPLE_CELL * columns / SIDE,
                        row    = sample.cell[c].y / TB_SAMPLE_CELL * rows / SIDE;

                assert_false(seen[row * columns + column]);
                seen[row * columns + column] = true;
            }
        }
    tb_sample_reset(&sample);
}

static void draws_the_share_by_place_alone(void **state)
{
    const tb_sample all = {.share = 1.0}, none = {.share = 0.0}, quarter = {.share = 0.25},
                    tenth = {.share = 0.1, .chosen = 7};
    int64_t quarters = 0, tenths = 0, both = 0, neighbours = 0;

    (void)state;
    for (int64_t y = -500; y < 500; y++)
        for (int64_t x = INT64_C(5000000000); x < INT64_C(5000001000); x++) {
            bool in_quarter = tb_sample_draws(&quarter, x, y);

            assert_true(tb_sample_draws(&all, x, y));
            assert_false(tb_sample_draws(&none, x, y));
            quarters += in_quarter;
            tenths += tb_sample_draws(&tenth, x, y);
            both += in_quarter && tb_sample_draws(&tenth, x, y);
            neighbours += in_quarter && tb_sample_draws(&quarter, x + 1, y);
        }
    /* Five standard deviations of a million independent draws. */
    assert_true(llabs(quarters - 250000) < 2200);
    assert_true(llabs(tenths - 100000) < 1500);
    assert_int_equal(both, tenths); /* a smaller sample is part of a larger one */
    assert_true(llabs(neighbours - 62500) < 1700);
}

static void draws_rows_as_it_draws_pixels(void **state)
{
    const double shares[] = {0.0, 1e-9, 0.1, 1.0 / 3.0, 0.999, 1.0};

    (void)state;
    for (int i = 0; i < 6; i++) {
        const tb_sample sample = {.share = shares[i]};
        tb_sample_rows  rows;

        for (int64_t columns = 0; columns <= TB_SAMPLE_CELL; columns += 64) {
            int64_t count = 0;

            tb_sample_rows_init(&rows, &sample, 77 - 40 * columns, columns, kernels_here());
            for (int64_t y = -9; y < 9; y++) {
                int drawn = tb_sample_rows_draw(&rows, y), next = 0;

                for (int64_t x = 0; x < columns; x++)
                    if (tb_sample_draws(&sample, 77 - 40 * columns + x, y)) {
                        assert_true(next < drawn);
                        assert_int_equal(rows.drawn[next++], x);
                    }
                assert_int_equal(next, drawn);
                count += drawn;
            }
            assert_int_equal(count,
                             tb_sample_count(&sample, (tb_rect){77 - 40 * columns, -9, columns, 18},
                                             kernels_here()));
        }
    }
}

static void chooses_cells_of_twice_the_pixels(void **state)
{
    const double inner = 512.0 * 512.0 / (448.0 * 448.0); /* of a whole cell less its margin */
    const struct {
        int64_t side;
        double  share;
        int64_t cells;
        double  drawn;
    } cases[] = {
        {2048, 0.0, 16, 1.0},           /* up to 4 Mpx: everything */
        {4096, 0.0, 32, 0.125 * inner}, /* 1 of 16 Mpx, of half the cells */
        {8192, 0.04, 256, 0.04},        /* where it is asked for, 64 Mpx are read */
        {16384, 0.01, 256, 0.04 * inner},
        {4096, 1.0, 64, 1.0},           /* asked for */
        {16384, 0.0, 32, 0.32 * inner}, /* 2.56 of 256 Mpx, of 32 cells */
        {65536, 0.0, 128, 0.5 * inner}, /* 16 of 4096 Mpx, of 128 cells */
        {16384, 0.6, 1024, 0.6},        /* a share too large for twice as many */
        {500, 0.25, 1, 0.25},           /* a single cell that is cut */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_rect   footprint = {0, 0, cases[i].side, cases[i].side};
        tb_sample sample;

        OK(tb_sample_list(&sample, &(tb_grid){0}, footprint, heard));
        tb_sample_choose(&sample, cases[i].share);
        assert_int_equal(sample.chosen, cases[i].cells);
        assert_true(fabs(sample.share - cases[i].drawn) < 1e-6);
        tb_sample_reset(&sample);
    }
}

/* ---- decide ---- */

enum { TALLIED = 200000 };

static void add_one(tb_tally *tally, float score, float contrast)
{
    tb_tally_add(tally, &score, &contrast, &(int32_t){0}, 1);
}

static void add_one_rough(tb_tally *tally, int band, float second_difference)
{
    tb_tally_add_rough(tally, band, &second_difference, &(int32_t){0}, 1);
}

/* Chi-like scores, of which a share lies some way off. */
static tb_tally tally_of(double share, double far_score, double contrast_each, double roughness)
{
    tb_tally tally;
    uint64_t seed = 19;

    OK(tb_tally_init(&tally, 2, heard));
    for (int i = 0; i < TALLIED; i++) {
        double score = fabs(random_real(&seed, -1, 1) + random_real(&seed, -1, 1) +
                            random_real(&seed, -1, 1)) +
                       0.3;

        if (i < share * TALLIED)
            score = far_score + random_real(&seed, -1, 1) + random_real(&seed, -1, 1);
        add_one(&tally, (float)score, (float)(score * contrast_each));
        for (int b = 0; b < 2; b++)
            add_one_rough(
                &tally, b,
                (float)(roughness * (random_real(&seed, -1, 1) + random_real(&seed, -1, 1))));
    }
    add_one(&tally, NAN, NAN);
    add_one_rough(&tally, 0, NAN);
    return tally;
}

static tb_model_threshold decided(tb_tally *tally, const tb_method *method, tb_prior prior,
                                  double rate)
{
    tb_model_threshold t;
    tb_fit_options     options = {.method = method, .prior = prior, .rate = rate};

    OK(tb_threshold_decide(&t, tally, method, &options, heard));
    tb_tally_reset(tally);
    return t;
}

static void rules_of_the_threshold(void **state)
{
    tb_tally           tally = tally_of(0.04, 12, 0.3, 0);
    tb_model_threshold t     = decided(&tally, &tb_method_cva, TB_PRIOR_AUTO, 0);

    (void)state;
    assert_non_null(strstr(t.rule, "rare"));
    assert_true(t.value > 1.5 && t.value < 14);
    assert_true(fabs(t.weak - 0.9 * t.value) < 1e-9 && fabs(t.strong - 1.3 * t.value) < 1e-9);
    assert_true(fabs(t.contrast - 0.6) < 1e-9);
    assert_true(fabs(t.flagged - 0.04) < 0.02);
    assert_string_equal(t.reason, "");

    tally = tally_of(0.3, 12, 0.3, 0);
    t     = decided(&tally, &tb_method_cva, TB_PRIOR_COMMON, 0);
    assert_string_equal(t.rule, "common: Kittler-Illingworth");
    assert_true(t.value > 3 && t.value < 11);
    assert_true(fabs(t.flagged - 0.3) < 0.01);

    tally = tally_of(0, 0, 0.3, 0);
    t     = decided(&tally, &tb_method_cva, TB_PRIOR_COMMON, 0);
    assert_non_null(strstr(t.rule, "common: "));

    tally = tally_of(0.04, 12, 0.001, 0);
    t     = decided(&tally, &tb_method_cva, TB_PRIOR_RATE, 0.07);
    assert_true(t.contrast == 0 && t.weak == t.value && t.strong == t.value);
    assert_true(fabs(t.flagged - 0.07) < 0.01);
    assert_string_equal(t.reason, "");

    for (int prior = 0; prior < 3; prior++) { /* whatever is expected, radar has its own rule */
        tally = tally_of(0.02, 12, 0.3, 0);
        t     = decided(&tally, &tb_method_logratio,
                        (tb_prior[]){TB_PRIOR_AUTO, TB_PRIOR_RARE, TB_PRIOR_AUTO}[prior], 0);
        assert_non_null(strstr(t.rule, "radar"));
        assert_true(t.value > 3 && t.value < 12);
        assert_true(fabs(t.flagged - 0.02) < 0.005);
    }
}

static void the_omnibus_test_decides_by_its_significance(void **state)
{
    static const double alpha[] = {0, 0.05, 1e-4};
    static const double limit[] = {6.634896601, 3.841458821, 15.13670523}; /* chi-squared, 1 */

    (void)state;
    for (int i = 0; i < 3; i++) {
        tb_tally       tally   = tally_of(0.02, 40, 0.3, 0);
        tb_fit_options options = {.method = &tb_method_omnibus, .looks = 1000, .alpha = alpha[i]};
        tb_model_threshold t;

        tally.bands = 1;
        OK(tb_threshold_decide(&t, &tally, &tb_method_omnibus, &options, heard));
        assert_true(fabs(t.value - limit[i]) < 2e-3 * limit[i]);
        assert_true(t.weak == t.value && t.strong == t.value && t.contrast == 0);
        assert_non_null(strstr(t.rule, i == 0 ? "p < 0.01 at 1000 looks" : "p < "));
        tb_tally_reset(&tally);
    }
}

/* Medians depend on order alone: a factor is found exactly, and squares have the square of it. */
static void gains_are_found_exactly(void **state)
{
    enum { N = 5000 };
    static float before[N], after[N], scaled[N], scratch[N];
    uint64_t     seed = 8;
    float        gain;

    (void)state;
    for (int i = 0; i < N; i++) {
        before[i] = i % 3 == 0 ? 0 : (float)exp(random_real(&seed, -2, 2));
        after[i] =
            before[i] * (float)exp(random_real(&seed, -0.5, 0.5)) * (i % 9 == 4 ? 0.1f : 0.5f);
        scaled[i] = after[i] * 8;
    }
    gain = tb_gain_of(before, after, N, scratch);
    assert_true(fabsf(gain - 2) < 0.1f);
    assert_true(tb_gain_of(before, scaled, N, scratch) == gain / 8);
    for (int i = 0; i < N; i++) {
        before[i] *= before[i];
        after[i] *= after[i];
    }
    assert_true(fabsf(tb_gain_of(before, after, N, scratch) / (gain * gain) - 1) < 1e-5f);
    memset(after, 0, sizeof after);
    assert_true(tb_gain_of(before, after, N, scratch) == 1);
    scratch[0] = 3;
    scratch[1] = 9;
    scratch[2] = 4;
    assert_true(tb_median_deviation(scratch, 3) == 1 && tb_median_deviation(scratch, 0) == 0);
}

static void why_nothing_is_flagged(void **state)
{
    tb_tally           tally = tally_of(0.04, 12, 0.01, 0);
    tb_model_threshold t     = decided(&tally, &tb_method_cva, TB_PRIOR_RARE, 0);

    (void)state;
    assert_non_null(strstr(t.reason, "no sampled pixel differs by 0.60 standard deviations"));
    assert_true(t.flagged == 0);
    OK(tb_tally_init(&tally, 1, heard));
    for (int i = 0; i < 1000; i++)
        add_one(&tally, 0, 0);
    t = decided(&tally, &tb_method_cva, TB_PRIOR_RARE, 0);
    assert_string_equal(t.reason, "the two dates do not differ in the sample");
    OK(tb_tally_init(&tally, 1, heard));
    t = decided(&tally, &tb_method_cva, TB_PRIOR_RARE, 0);
    assert_string_equal(t.reason, "no pixel of the sample has a score");
    assert_true(t.value == 0);
}

static void the_bound_grows_with_noise(void **state)
{
    double previous = 0;

    (void)state;
    for (int k = 0; k < 6; k++) {
        tb_tally           tally = tally_of(0.04, 12, 0.3, k * 0.7);
        tb_model_threshold t     = decided(&tally, &tb_method_cva, TB_PRIOR_RARE, 0);

        assert_true(k == 0 ? fabs(t.contrast - 0.6) < 1e-9 : t.contrast > previous);
        previous = t.contrast;
    }
}

/* ---- pairs ---- */

static char    names[8][40];
static tb_pair open_pair(const char *const *before, int before_count, const char *const *after,
                         int after_count)
{
    tb_epoch_options b = {.images = before, .image_count = before_count};
    tb_epoch_options a = {.images = after, .image_count = after_count};
    tb_pair          pair;

    OK(tb_pair_open(&pair, &b, &a, heard));
    return pair;
}

static const char *name_of(int number)
{
    snprintf(names[number], sizeof names[number], "/vsimem/model-%d.tif", number);
    return names[number];
}

static char *text_of(const tb_model *model, const tb_pair *pair)
{
    tb_text text = {0};

    OK(tb_model_write(model, pair, &text, heard));
    return text.data;
}

/* ---- model.yaml ---- */

static double any_real(uint64_t *seed)
{
    static const double special[] = {0, 1, -1, 1e-9, 123456789.123456789, 1.0 / 3};

    return random_between(seed, 0, 3) == 0
               ? special[random_between(seed, 0, 5)]
               : random_real(seed, -1, 1) * exp(random_real(seed, -9, 9));
}

static double any_positive(uint64_t *seed)
{
    return fabs(any_real(seed)) + 1e-9;
}

static void any_field(tb_model_file *file, uint64_t *seed)
{
    tb_field *field = &file->field;

    tb_field_span(field,
                  (tb_rect){random_between(seed, 0, 99), random_between(seed, 0, 99),
                            random_between(seed, 1, 9999), random_between(seed, 1, 9999)},
                  (int)random_between(seed, 1, TB_FIELD_SIDE_MAX - 1));
    for (int i = 0; i < field->columns * field->rows; i++) {
        field->dx[i] = random_real(seed, -9, 9);
        field->dy[i] = random_real(seed, -9, 9);
    }
    for (int i = 0; i < 2; i++) {
        file->field_correlation[i] = random_real(seed, -1, 1);
        file->field_held_out[i]    = random_real(seed, 0, 9);
    }
}

static tb_model *any_model(uint64_t *seed, int before, int after)
{
    tb_model              *model     = NULL;
    const tb_method *const methods[] = {&tb_method_cva, &tb_method_logratio, &tb_method_omnibus};
    const tb_method       *method    = methods[random_between(seed, 0, 2)];
    int                    strata    = before * after;

    OK(tb_model_new(&model, method,
                    (int)random_between(seed, 1, method == &tb_method_omnibus ? 2 : TB_BANDS_MAX),
                    before, after, after, heard));
    model->smoothing    = random_real(seed, 0, 4.5);
    model->sample_share = random_real(seed, 0, 1);
    model->is_intensity = method == &tb_method_omnibus && random_between(seed, 0, 1);
    for (int date = 0; date < 2; date++)
        if (random_between(seed, 0, 1)) {
            model->low[date]  = 0;
            model->high[date] = random_between(seed, 0, 1) ? 255 : 65535;
        }
    for (int f = 0; f < after; f++)
        model->file[f] = (tb_model_file){.dx                 = random_real(seed, -50, 50),
                                         .dy                 = random_real(seed, -50, 50),
                                         .residual_px        = random_real(seed, 0, 9),
                                         .correlation_before = random_real(seed, -1, 1),
                                         .correlation_after  = random_real(seed, -1, 1),
                                         .windows            = (int)random_between(seed, 0, 99),
                                         .accepted           = (int)random_between(seed, 0, 99),
                                         .applied            = random_between(seed, 0, 1),
                                         .reason             = "it rises"};
    for (int f = 0; f < after; f++)
        if (random_between(seed, 0, 1))
            any_field(&model->file[f], seed);
    for (int s = 0; s < strata; s++) {
        tb_model_stratum *stratum = &model->stratum[s];

        stratum->state   = s == 0 ? TB_STRATUM_FITTED : (tb_model_state)random_between(seed, 0, 3);
        stratum->sampled = random_between(seed, 0, INT64_MAX / 2);
        if (stratum->state == TB_STRATUM_BORROWED)
            stratum->from = 0;
        if (stratum->state != TB_STRATUM_FITTED) {
            if (random_between(seed, 0, 1))
                snprintf(stratum->threshold.reason, sizeof stratum->threshold.reason, "too few: %d",
                         s);
            continue;
        }
        stratum->irmad.count      = (int)random_between(seed, 0, model->bands);
        stratum->irmad.iterations = (int)random_between(seed, 0, 50);
        stratum->irmad.ridge      = random_real(seed, 0, 1e-3);
        stratum->unchanged        = random_between(seed, 0, 1 << 30);
        if (method == &tb_method_omnibus)
            stratum->looks = random_real(seed, 0.5, 1000);
        snprintf(stratum->normalisation, sizeof stratum->normalisation, "no-change");
        for (int b = 0; b < stratum->irmad.count; b++)
            stratum->irmad.rho[b] = random_real(seed, 0, 1);
        for (int b = 0; b < model->bands; b++) {
            stratum->slope[b]     = any_positive(seed);
            stratum->intercept[b] = any_real(seed);
            stratum->noise[b]     = any_positive(seed);
            stratum->spread[b]    = random_between(seed, 0, 4) == 0 ? 0 : any_positive(seed);
            stratum->mean[b]      = any_real(seed);
        }
        stratum->threshold = (tb_model_threshold){.rule  = "rare: geometric mean of two Otsu cuts",
                                                  .value = any_positive(seed),
                                                  .contrast = any_positive(seed),
                                                  .flagged  = random_real(seed, 0, 1)};
        stratum->threshold.weak   = stratum->threshold.value * 0.9;
        stratum->threshold.strong = stratum->threshold.value * 1.3;
    }
    tb_model_derive(model);
    return model;
}

/* A pair of small files, three a date; the later ones have names that need care. */
static tb_pair small_pair(void)
{
    static const char *const before[3] = {"/vsimem/b0.tif", "/vsimem/b1.tif", "/vsimem/b2.tif"};
    static const char *const after[3]  = {"/vsimem/a \"quoted\" \\ back.tif",
                                          "/vsimem/\xe5\x9b\xbe\xe6\x96\x91: #1.tif",
                                          "/vsimem/\xcd\xbc\xb0\xdf.tif"};
    const float              sample    = 1;

    for (int f = 0; f < 3; f++) {
        made_write(before[f], &(made){.width = 1, .height = 1, .bands = 1}, &sample);
        made_write(after[f], &(made){.width = 1, .height = 1, .bands = 1}, &sample);
    }
    return open_pair(before, 3, after, 3);
}

static void a_model_read_again_is_the_same(void **state)
{
    tb_pair  pair = small_pair();
    uint64_t seed = 1234;
    char     path[300];

    (void)state;
    folder_begin();
    in_folder("model.yaml", path, sizeof path);
    for (int i = 0; i < 150; i++) {
        tb_model *model =
            any_model(&seed, (int)random_between(&seed, 1, 3), (int)random_between(&seed, 1, 3));
        tb_model *again = NULL;
        char     *text  = text_of(model, &pair), *twice;

        OK(tb_file_write(path, text, strlen(text), heard));
        OK(tb_model_read(&again, path, heard));
        twice = text_of(again, &pair);
        assert_string_equal(text, twice);
        for (int s = 0; s < tb_model_strata(model); s++) {
            assert_int_equal(model->judge[s] == NULL, again->judge[s] == NULL);
            if (model->judge[s] != NULL)
                assert_memory_equal(model->radiometry[s], again->radiometry[s],
                                    sizeof **model->radiometry);
        }
        for (int f = 0; f < model->after_files; f++)
            assert_memory_equal(&model->file[f].field, &again->file[f].field, sizeof(tb_field));
        assert_memory_equal(&model->scoring, &again->scoring, sizeof model->scoring);
        tb_model_free(model);
        tb_model_free(again);
        tb_free(text);
        tb_free(twice);
    }
    folder_end();
    tb_pair_close(&pair);
}

static tb_status read_text_as_model(const char *path, const char *text, tb_error *err)
{
    tb_model *model = NULL;
    tb_status status;

    OK(tb_file_write(path, text, strlen(text), heard));
    status = tb_model_read(&model, path, err);
    tb_model_free(model);
    return status;
}

static const char good_model[] =
    "model: 1\nmethod: cva\nbands: 2\nsmoothing: 1.5\nsample: 0.5\nsources: {before: 1, after: 2}\n"
    "range_before: [0, 255]\nregistration:\n"
    "  - file: \"a\"\n    dx: 0.25\n    dy: -1\n    applied: true\n    residual_px: 0.1\n"
    "    windows: 9\n    accepted: 8\n    correlation: [0.5, 0.75]\n    reason: \"x\"\n"
    "strata:\n"
    "  - before: 0\n    after: 0\n    state: fitted\n    sampled: 300000\n    irmad:\n"
    "      rho: [0.9, 0.8]\n      iterations: 9\n      ridge: 0\n    normalisation:\n"
    "      rule: \"no-change\"\n      unchanged: 500\n      slope: [1, 1.5]\n"
    "      intercept: [0, -2]\n      noise: [1, 2]\n      mean: [100, 50]\n      spread: [10, 20]\n"
    "    threshold:\n      rule: \"rare\"\n      value: 5\n      weak: 4.5\n      strong: 6.5\n"
    "      contrast: 0.6\n      flagged: 0.02\n      reason: \"\"\n"
    "  - before: 0\n    after: 1\n    state: borrowed\n    sampled: 9\n    from: 0\n";

/* What each line may be changed to that is not allowed. */
static void damaged_lines_are_refused(void **state)
{
    static const struct {
        const char *from, *to, *said;
    } cases[] = {
        {"model: 1", "model: 2", ":1: key model"},
        {"method: cva", "method: best", ":2: key method"},
        {"method: cva", "method: omnibus", "looks"},
        {"method: cva\nbands: 2", "method: omnibus\nbands: 3", ":3: key bands"},
        {"method: cva", "method: cva\nsamples: decibels", "samples"},
        {"bands: 2", "bands: 17", ":3: key bands"},
        {"bands: 2", "bands: 3", "slope"},
        {"smoothing: 1.5", "smoothing: nan", ":4: key smoothing"},
        {"sample: 0.5", "sample: 1.5", ":5: key sample"},
        {"after: 2}", "after: 3}", "strata"},
        {"before: 1, after: 2", "before: 9999, after: 9999", "strata"},
        {"[0, 255]", "[255, 0]", "range_before"},
        {"[0, 255]", "[0, 255, 3]", "range_before"},
        {"dx: 0.25", "dx: 0.25px", ":10: key registration[0].dx"},
        {"applied: true", "applied: perhaps", "applied"},
        {"windows: 9", "windows: -9", "windows"},
        {"    dy: -1\n", "", "dy"},
        {"state: fitted", "state: fit", "state"},
        {"state: fitted", "state: empty", "from"},
        {"    from: 0", "    from: 1", "from"},
        {"    from: 0", "    from: 2", "from"},
        {"after: 1\n", "after: 0\n", "after"},
        {"sampled: 300000", "sampled: -1", "sampled"},
        {"slope: [1, 1.5]", "slope: [1, 0]", "slope"},
        {"slope: [1, 1.5]", "slope: [1, -1.5]", "slope"},
        {"slope: [1, 1.5]", "slope: [1]", "slope"},
        {"noise: [1, 2]", "noise: [1, -2]", "noise"},
        {"spread: [10, 20]", "spread: [10, -20]", "spread"},
        {"spread: [10, 20]", "spread: [10, .inf]", "spread"},
        {"strong: 6.5", "strong: 4", "strong"},
        {"flagged: 0.02", "flagged: 2", "flagged"},
        {"      value: 5\n", "      value: 5\n      value: 6\n", "value"},
        {"      value: 5\n", "      valu: 5\n", "valu"},
        {"strata:\n", "strata: [\n", ""},
    };
    char     path[300], text[4000], where[320];
    tb_error error = {0};

    (void)state;
    folder_begin();
    in_folder("model.yaml", path, sizeof path);
    OK(read_text_as_model(path, good_model, heard));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = strstr(good_model, cases[i].from);

        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good_model), good_model, cases[i].to,
                 at + strlen(cases[i].from));
        if (read_text_as_model(path, text, &error) != TB_E_INPUT)
            fail_msg("%s: expected a refusal", cases[i].to);
        snprintf(where, sizeof where, "%s:", path);
        if (strstr(error.message, where) == NULL || strstr(error.message, cases[i].said) == NULL)
            fail_msg("%s: expected %s, got %s", cases[i].to, cases[i].said, error.message);
    }
    folder_end();
}

/* Whatever is done to the text, it is a model or it is refused with the file's name. */
static void damaged_models_never_crash(void **state)
{
    size_t   held    = tb_memory_in_use();
    uint64_t seed    = 4321;
    int      refused = 0;
    char     path[300];

    (void)state;
    folder_begin();
    in_folder("model.yaml", path, sizeof path);
    for (int i = 0; i < 3000; i++) {
        char     text[sizeof good_model + 8];
        size_t   length = sizeof good_model - 1;
        tb_error error  = {0};

        memcpy(text, good_model, sizeof good_model);
        for (int64_t k = random_between(&seed, 1, 3); k > 0; k--) {
            size_t at = (size_t)random_between(&seed, 0, (int64_t)length - 1);
            char  *end;

            switch (random_between(&seed, 0, 3)) {
            case 0:
                text[at] = (char)random_between(&seed, 1, 255);
                break;
            case 1:
                text[at] = "0123456789-.:[]{}\"#,& \n*"[random_between(&seed, 0, 24)];
                break;
            case 2: /* a character less */
                memmove(text + at, text + at + 1, length - at);
                length--;
                break;
            default: /* a line less */
                while (at > 0 && text[at - 1] != '\n')
                    at--;
                end = strchr(text + at, '\n');
                if (end != NULL && length > 50) {
                    memmove(text + at, end + 1, length - (size_t)(end + 1 - text) + 1);
                    length = strlen(text);
                }
            }
        }
        text[length] = '\0';
        OK(tb_file_write(path, text, strlen(text), heard));

        tb_model *model = NULL;

        if (tb_model_read(&model, path, &error) != TB_OK) {
            assert_int_equal(error.status, TB_E_INPUT);
            assert_non_null(strstr(error.message, path));
            assert_null(model);
            refused++;
        }
        tb_model_free(model);
    }
    assert_true(refused > 1000 && refused < 3000);
    assert_int_equal(tb_memory_in_use(), held);
    folder_end();
}

/* ---- fit ---- */

enum { W = 620, H = 480, BANDS = 3 };

typedef struct scene {
    int           width, height, bands;
    double        dx, dy;       /* AFTER(x + dx, y + dy) shows BEFORE(x, y) */
    double        gain, offset; /* before = gain * after + offset */
    double        noise;
    tb_rect       change;        /* of the lattice */
    int           constant_band; /* from 1; 0: none */
    const double *before_at, *after_at;
    GDALDataType  type;
} scene;

static const double base_at[6] = {400000, 10, 0, 4150000, 0, -10};

static void write_date(const char *path, const scene *s, int date)
{
    size_t        plane   = (size_t)s->width * (size_t)s->height;
    float        *samples = malloc(plane * (size_t)s->bands * sizeof *samples);
    const double *at      = date == 0 ? s->before_at : s->after_at;
    uint64_t      seed    = 77 + (uint64_t)date;

    at = at != NULL ? at : base_at;
    for (int b = 0; b < s->bands; b++)
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                double gx = x + (at[0] - base_at[0]) / 10, gy = y + (base_at[3] - at[3]) / 10, v;

                if (date == 1) {
                    gx -= s->dx;
                    gy -= s->dy;
                }
                v = 900 + 60 * b + 260 * ground(gx, gy, b, 5);
                if (date == 1) {
                    if (gx >= s->change.x - 0.5 && gy >= s->change.y - 0.5 &&
                        gx < s->change.x + s->change.width - 0.5 &&
                        gy < s->change.y + s->change.height - 0.5)
                        v += b % 2 ? -700 : 800;
                    v = (v - s->offset) / (s->gain != 0 ? s->gain : 1);
                }
                v += s->noise * (random_real(&seed, -1, 1) + random_real(&seed, -1, 1)) * 1.22;
                if (b + 1 == s->constant_band)
                    v = 500;
                samples[(size_t)b * plane + (size_t)(y * s->width + x)] = (float)v;
            }
    made_write(path,
               &(made){.width     = s->width,
                       .height    = s->height,
                       .bands     = s->bands,
                       .transform = at,
                       .epsg      = 32651,
                       .tile      = 256,
                       .type      = s->type},
               samples);
    free(samples);
}

static tb_pair pair_of(const scene *s)
{
    const char *before = name_of(0), *after = name_of(1);

    write_date(before, s, 0);
    write_date(after, s, 1);
    return open_pair(&before, 1, &after, 1);
}

static tb_engine engine_of(const tb_kernels *kernels, int workers)
{
    return (tb_engine){.kernels = kernels, .workers = workers, .cache_bytes = (size_t)64 << 20};
}

static tb_model *fit(const tb_pair *pair, bool is_registered)
{
    tb_fit_options options = {.method = &tb_method_cva, .is_registered = is_registered};
    tb_engine      engine  = engine_of(kernels_here(), 2);
    tb_model      *model   = NULL;

    OK(tb_model_fit(&model, pair, &options, &engine, heard));
    return model;
}

/* Pixels at or over the strong threshold inside and outside of a rectangle grown by some pixels. */
static void count_flagged(const tb_pair *pair, const tb_model *model, tb_rect change,
                          int64_t *inside, int64_t *outside)
{
    tb_cache       *cache  = NULL;
    tb_pair_reader *reader = NULL;
    tb_pair_block   block  = {0};
    tb_scores       scores = {0};
    tb_rect         all    = {0, 0, pair->lattice.width, pair->lattice.height};

    *inside = *outside = 0;
    OK(tb_cache_new(&cache, (size_t)64 << 20, heard));
    OK(tb_pair_reader_new(&reader, pair, cache, kernels_here(), heard));
    OK(tb_pair_read(reader, tb_rect_grow(all, model->scoring.halo), &block, heard));
    OK(tb_scores_make(&scores, &model->scoring, &block, model->radiometry, kernels_here(), heard));
    for (int64_t y = 0; y < all.height; y++)
        for (int64_t x = 0; x < all.width; x++) {
            const tb_model_threshold *t    = &model->stratum[0].threshold;
            float                     s    = scores.score[y * all.width + x];
            tb_rect                   near = tb_rect_grow(change, 4);

            if (!(s >= (float)t->strong) ||
                !(scores.contrast[y * all.width + x] >= (float)t->contrast))
                continue;
            if (x >= near.x && y >= near.y && x < near.x + near.width && y < near.y + near.height)
                ++*inside;
            else
                ++*outside;
        }
    tb_scores_reset(&scores);
    tb_pair_block_reset(&block);
    tb_pair_reader_free(reader);
    tb_cache_free(cache);
}

static void shift_in_shift_out(void **state)
{
    const double shifts[][2] = {{1.3, -0.7}, {-2, 3}, {0.4, 0.25}};

    (void)state;
    for (int i = 0; i < 3; i++) {
        scene     s     = {.width  = W,
                           .height = H,
                           .bands  = BANDS,
                           .dx     = shifts[i][0],
                           .dy     = shifts[i][1],
                           .noise  = 8};
        tb_pair   pair  = pair_of(&s);
        tb_model *model = fit(&pair, true), *again;

        assert_true(model->file[0].applied);
        assert_true(fabs(model->file[0].dx - s.dx) < 0.05 && fabs(model->file[0].dy - s.dy) < 0.05);
        assert_true(model->file[0].correlation_after > model->file[0].correlation_before);

        if (i > 0) {
            tb_model_free(model);
            tb_pair_close(&pair);
            continue;
        }
        /* A pair that was registered before is measured from the start. */
        again = fit(&pair, true);

        char *one = text_of(model, &pair), *two = text_of(again, &pair);

        assert_string_equal(one, two);
        tb_free(one);
        tb_free(two);
        tb_model_free(model);
        tb_model_free(again);
        tb_pair_close(&pair);
    }
}

static void gain_and_change_are_found(void **state)
{
    scene     s     = {.width  = W,
                       .height = H,
                       .bands  = BANDS,
                       .gain   = 1.4,
                       .offset = -60,
                       .noise  = 12,
                       .change = {200, 150, 60, 45}};
    tb_pair   pair  = pair_of(&s);
    tb_model *model = fit(&pair, false);
    int64_t   inside, outside;

    (void)state;
    assert_int_equal(model->stratum[0].state, TB_STRATUM_FITTED);
    assert_int_equal(model->stratum[0].sampled, W * H);
    assert_false(model->file[0].applied);
    for (int b = 0; b < BANDS; b++) {
        /* Noise lies in both dates: the line stays within what that allows. */
        assert_true(fabs(model->stratum[0].slope[b] - 1.4) < 0.03);
        assert_true(fabs(model->stratum[0].intercept[b] + 60) < 25);
    }
    count_flagged(&pair, model, s.change, &inside, &outside);
    assert_true(inside > 60 * 45 * 9 / 10 && outside == 0);
    assert_string_equal(model->stratum[0].threshold.reason, "");
    tb_model_free(model);
    tb_pair_close(&pair);
}

static void no_change_in_nothing_out(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        scene     s     = {.width  = W,
                           .height = H,
                           .bands  = BANDS,
                           .gain   = i == 1 ? 0.7 : 1,
                           .offset = i == 1 ? 50 : 0,
                           .noise  = i == 2 ? 0 : 20};
        tb_pair   pair  = pair_of(&s);
        tb_model *model = fit(&pair, false);
        int64_t   inside, outside;

        count_flagged(&pair, model, s.change, &inside, &outside);
        assert_int_equal(inside + outside, 0);
        assert_string_not_equal(model->stratum[0].threshold.reason, "");
        if (i == 2)
            assert_string_equal(model->stratum[0].threshold.reason,
                                "the two dates do not differ in the sample");
        tb_model_free(model);
        tb_pair_close(&pair);
    }
}

static void tiny_images(void **state)
{
    const int sides[][2] = {{1, 1}, {1, 19}, {7, 1}, {3, 5}, {1, 97}, {13, 17}};

    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        scene     s     = {.width = sides[i][0], .height = sides[i][1], .bands = BANDS, .noise = 5};
        tb_pair   pair  = pair_of(&s);
        tb_model *model = fit(&pair, true);
        tb_model_stratum *stratum = &model->stratum[0];
        char             *text    = text_of(model, &pair);

        assert_int_equal(stratum->sampled, s.width * s.height);
        if (s.width * s.height < 60) {
            assert_int_equal(stratum->state, TB_STRATUM_UNFIT);
            assert_non_null(strstr(stratum->threshold.reason, "at least 60 are needed"));
            assert_null(model->judge[0]);
        } else {
            assert_int_equal(stratum->state, TB_STRATUM_FITTED);
        }
        assert_null(strstr(text, "nan"));
        tb_free(text);
        tb_model_free(model);
        tb_pair_close(&pair);
    }
}

static void constant_bands_say_nothing(void **state)
{
    scene     s     = {.width         = W / 2,
                       .height        = H / 2,
                       .bands         = BANDS,
                       .noise         = 12,
                       .constant_band = 2,
                       .change        = {100, 100, 40, 40}};
    tb_pair   pair  = pair_of(&s);
    tb_model *model = fit(&pair, true);
    int64_t   inside, outside;

    (void)state;
    assert_true(model->stratum[0].spread[1] == 0);
    assert_true(model->radiometry[0]->by_noise[1] == 0 && model->radiometry[0]->by_spread[1] == 0);
    count_flagged(&pair, model, s.change, &inside, &outside);
    assert_true(inside > 1400 && outside == 0);
    tb_model_free(model);
    tb_pair_close(&pair);

    /* All constant, and equal to the last bit. */
    {
        s     = (scene){.width = 90, .height = 80, .bands = 1, .constant_band = 1};
        pair  = pair_of(&s);
        model = fit(&pair, true);
        count_flagged(&pair, model, s.change, &inside, &outside);
        assert_int_equal(inside + outside, 0);
        assert_string_equal(model->stratum[0].threshold.reason,
                            "the two dates do not differ in the sample");
        tb_model_free(model);
        tb_pair_close(&pair);
    }
}

/* Two later files of another gain each, and a third too small for a fit of its own. */
static void each_stratum_has_its_own_radiometry(void **state)
{
    const double right_at[6] = {400000 + 10 * 520, 10, 0, 4150000, 0, -10};
    const double small_at[6] = {400000 + 10 * 1040, 10, 0, 4150000, 0, -10};
    scene        whole       = {.width = 1140, .height = 420, .bands = 2, .noise = 8};
    scene left  = {.width = 520, .height = 420, .bands = 2, .gain = 1.5, .offset = 40, .noise = 6};
    scene right = {.width    = 520,
                   .height   = 420,
                   .bands    = 2,
                   .gain     = 0.6,
                   .offset   = -90,
                   .noise    = 12,
                   .after_at = right_at};
    scene small = {.width    = 100,
                   .height   = 420,
                   .bands    = 2,
                   .gain     = 0.6,
                   .offset   = -90,
                   .noise    = 12,
                   .after_at = small_at};
    const char *before = name_of(0), *after[3] = {name_of(1), name_of(2), name_of(3)};

    (void)state;
    write_date(before, &whole, 0);
    write_date(after[0], &left, 1);
    write_date(after[1], &right, 1);
    write_date(after[2], &small, 1);

    tb_pair   pair  = open_pair(&before, 1, after, 3);
    tb_model *model = fit(&pair, false);

    for (int b = 0; b < 2; b++) {
        assert_true(fabs(model->stratum[0].slope[b] - 1.5) < 0.03);
        assert_true(fabs(model->stratum[1].slope[b] - 0.6) < 0.03);
    }
    assert_int_equal(model->stratum[0].sampled, 520 * 420);
    assert_int_equal(model->stratum[1].sampled, 520 * 420);
    assert_int_equal(model->stratum[2].sampled, 100 * 420);
    assert_int_equal(model->stratum[2].state, TB_STRATUM_BORROWED);
    assert_int_equal(model->stratum[2].from, 1);
    assert_ptr_equal(model->judge[2], &model->stratum[1]);
    assert_non_null(strstr(model->stratum[2].threshold.reason, "42000"));
    tb_model_free(model);
    tb_pair_close(&pair);
}

static void a_model_for_another_pair_is_refused(void **state)
{
    scene     s     = {.width = 40, .height = 40, .bands = 2, .noise = 5};
    tb_pair   pair  = pair_of(&s);
    tb_model *model = NULL;
    tb_error  error = {0};

    (void)state;
    OK(tb_model_new(&model, &tb_method_cva, 3, 1, 1, 1, heard));
    assert_int_equal(tb_model_apply(model, &pair, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "2 bands"));
    tb_model_free(model);
    tb_pair_close(&pair);
}

/* Neither workers nor the instruction set nor the cache can be seen in a model. */
static void the_same_bytes(void **state)
{
    scene             s        = {.width  = 700,
                                  .height = 530,
                                  .bands  = BANDS,
                                  .gain   = 1.2,
                                  .offset = 30,
                                  .noise  = 15,
                                  .dx     = 0.6,
                                  .dy     = -0.3,
                                  .change = {300, 200, 80, 50},
                                  .type   = GDT_UInt16};
    tb_pair           pair     = pair_of(&s);
    char             *first    = NULL;
    unsigned          features = tb_kernels_features();
    const char *const sets[]   = {"c", "avx2", "avx512"};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int workers = i == 0 ? 1 : 2; workers <= 2; workers++) {
            const tb_kernels *kernels = tb_kernels_named(sets[i], features);
            tb_fit_options    options = {.method        = i % 2 ? &tb_method_cva : &tb_method_cva,
                                         .is_registered = true};
            tb_engine         engine  = engine_of(kernels, workers);
            tb_model         *model   = NULL;

            if (kernels == NULL)
                continue;
            engine.cache_bytes = workers == 2 ? 0 : engine.cache_bytes;
            OK(tb_model_fit(&model, &pair, &options, &engine, heard));

            char *text = text_of(model, &pair);

            if (first == NULL)
                first = text;
            else {
                assert_string_equal(first, text);
                tb_free(text);
            }
            tb_model_free(model);
        }
    tb_free(first);
    tb_pair_close(&pair);
}

static void the_golden_pair(void **state)
{
    static const double rho[6] = {.9821777, .9662613, .8735802, .7051207, .570258, .4547753};
    const char         *data   = getenv("TUBAN_DATA");
    char                path[2][400];

    (void)state;
    for (int date = 0; date < 2; date++)
        snprintf(path[date], sizeof path[date], "%.300s/landsat_taizhou/T%d.tif",
                 data != NULL ? data : TUBAN_SOURCE_DIR "/../shared/data", date + 1);
    if (!tb_file_exists(path[0])) {
        print_message("SKIPPED: %s is not there\n", path[0]);
        skip();
    }

    const char       *before = path[0], *after = path[1];
    tb_pair           pair  = open_pair(&before, 1, &after, 1);
    tb_model         *model = fit(&pair, false);
    tb_model_stratum *s     = &model->stratum[0];

    assert_int_equal(s->irmad.iterations, 16);
    assert_int_equal(s->irmad.count, 6);
    assert_int_equal(s->unchanged, 80000);
    for (int b = 0; b < 6; b++) {
        assert_true(fabs(s->irmad.rho[b] - rho[b]) < 1e-6);
    }
    assert_true(fabs(s->mean[0] - 99.1111875) < 1e-6);
    tb_model_free(model);
    tb_pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_cover_each_pixel_once),
        cmocka_unit_test(sample_sizes),
        cmocka_unit_test(first_cells_spread_evenly),
        cmocka_unit_test(draws_the_share_by_place_alone),
        cmocka_unit_test(draws_rows_as_it_draws_pixels),
        cmocka_unit_test(chooses_cells_of_twice_the_pixels),
        cmocka_unit_test(rules_of_the_threshold),
        cmocka_unit_test(the_omnibus_test_decides_by_its_significance),
        cmocka_unit_test(gains_are_found_exactly),
        cmocka_unit_test(why_nothing_is_flagged),
        cmocka_unit_test(the_bound_grows_with_noise),
        cmocka_unit_test(a_model_read_again_is_the_same),
        cmocka_unit_test(damaged_lines_are_refused),
        cmocka_unit_test(damaged_models_never_crash),
        cmocka_unit_test(shift_in_shift_out),
        cmocka_unit_test(gain_and_change_are_found),
        cmocka_unit_test(no_change_in_nothing_out),
        cmocka_unit_test(tiny_images),
        cmocka_unit_test(constant_bands_say_nothing),
        cmocka_unit_test(each_stratum_has_its_own_radiometry),
        cmocka_unit_test(a_model_for_another_pair_is_refused),
        cmocka_unit_test(the_same_bytes),
        cmocka_unit_test(the_golden_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
