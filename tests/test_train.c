/* Trained filters: trees against XGBoost's own judgement, cross-validation, labels, and the file.
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
#include <cpl_conv.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "detect/score.h"
#include "model/filter.h"
#include "scenes.h"
#include "train/booster.h"
#include "train/labels.h"
#include "train/training.h"

static const tb_growth growth = {.trees = 40, .depth = 3, .rate = 0.1, .bins = 64, .seed = 1};

/* The library, or NULL where there is none: then the test is left out, and says so. */
static tb_booster *booster_here(void)
{
    tb_booster *booster = NULL;
    tb_error    error   = {0};
    char        version[16];

    if (tb_booster_open(&booster, version, &error) == TB_OK)
        return booster;
    print_message("         skipped: %s; %s\n", error.message, error.hint);
    assert_true(error.status == TB_E_INPUT && strstr(error.hint, "apt install libxgboost") != NULL);
    return NULL;
}

enum { N = 6000, F = TB_FILTER_FEATURES };

/* Examples whose class hangs on three features, with noise; some features are constant or rare. */
static void examples_make(float *features, float *label, float *weight, uint64_t seed)
{
    for (int i = 0; i < N; i++) {
        float *x = features + i * F;

        for (int f = 0; f < F; f++)
            x[f] = (float)random_real(&seed, -3, 3);
        x[5]      = 1.25f;
        x[6]      = random_between(&seed, 0, 9) == 0 ? 1.0f : 0.0f;
        label[i]  = x[0] + 0.7f * x[3] * x[6] - x[9] + (float)random_real(&seed, -1, 1) > 0.8f;
        weight[i] = i % 3 == 0 ? 0.5f : 1.25f;
    }
}

static void judge(const tb_filter *filter, const float *features, float *margin,
                  const tb_kernels *kernels)
{
    for (int i = 0; i < N; i++) {
        const float *row[TB_FOREST_FEATURES_MAX];

        for (int f = 0; f < F; f++)
            row[f] = features + i * F + f;
        kernels->forest_row(&margin[i], row, filter->tree, filter->trees, 1);
    }
}

static void our_trees_judge_as_xgboost_does(void **state)
{
    static float features[N * F], label[N], weight[N], theirs[N], ours[N];
    tb_booster  *booster = booster_here();

    (void)state;
    if (booster == NULL)
        skip();
    for (int depth = 1; depth <= 3; depth++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            tb_filter  *filter, *again;
            tb_growth   g    = growth;
            tb_examples e    = {.count = N, .features = features, .label = label, .weight = weight};
            int         told = 0;

            g.depth = depth;
            examples_make(features, label, weight, seed);
            OK(tb_filter_new(&filter, g.trees, heard));
            OK(tb_filter_new(&again, g.trees, heard));
            OK(tb_booster_grow(booster, &e, &g, filter, theirs, heard));
            judge(filter, features, ours, kernels_here());
            for (int i = 0; i < N; i++) {
                assert_true(ours[i] == theirs[i]); /* every bit */
                told += (ours[i] > 0) == (label[i] > 0);
            }
            assert_true(told > N * 7 / 10); /* and it is no constant */
            OK(tb_booster_grow(booster, &e, &g, again, NULL, heard));
            assert_memory_equal(filter->tree, again->tree, (size_t)g.trees * sizeof *filter->tree);
            tb_filter_free(filter);
            tb_filter_free(again);
        }
    tb_booster_close(booster);
}

static void training_fill(tb_training *t, int pairs, bool is_told, uint64_t seed)
{
    OK(tb_training_init(t, pairs, heard));
    for (int p = 0; p < pairs; p++)
        for (int i = 0; i < 3000; i++) {
            float x[F];
            bool  changed = random_between(&seed, 0, 9) == 0;

            for (int f = 0; f < F; f++)
                x[f] = (float)random_real(&seed, -1, 1);
            if (is_told && changed)
                x[2] += 1.5f;
            OK(tb_training_add(t, p, x, changed, true,
                               (uint8_t)(t->is_by_pair ? p : i % TB_TRAINING_FOLDS), heard));
        }
}

static void validation_tells_what_can_be_learnt_from_what_cannot(void **state)
{
    tb_booster *booster = booster_here();

    (void)state;
    if (booster == NULL)
        skip();
    for (int pairs = 1; pairs <= 4; pairs += 3)
        for (int is_told = 0; is_told < 2; is_told++) {
            tb_training t;
            tb_filter  *filter;

            training_fill(&t, pairs, is_told, 5);
            OK(tb_filter_new(&filter, growth.trees, heard));
            OK(tb_training_run(&t, booster, &growth, filter, kernels_here(), heard));
            print_message("         %d pair(s), %s: F1 %.3f, cut %.3f\n", pairs,
                          is_told ? "told by a feature" : "random labels", t.f1, filter->cut);
            /* A tenth is changed: flagging all of it has an F1 of .18. */
            assert_true(is_told ? t.f1 > 0.75 : t.f1 < 0.25);
            assert_int_equal(t.pair[0].validated, 3000);
            tb_filter_free(filter);
            tb_training_reset(&t);
        }
    tb_booster_close(booster);
}

static void what_the_bound_hides_is_not_counted_as_found(void **state)
{
    tb_booster *booster = booster_here();
    tb_training t;
    tb_filter  *filter;

    (void)state;
    if (booster == NULL)
        skip();
    training_fill(&t, 1, true, 5);
    for (int64_t i = 0; i < t.count; i++)
        t.is_within[i] = false;
    OK(tb_filter_new(&filter, growth.trees, heard));
    OK(tb_training_run(&t, booster, &growth, filter, kernels_here(), heard));
    assert_true(t.f1 == 0.0 && t.recall == 0.0 && isnan(t.pair[0].precision));
    tb_filter_free(filter);
    tb_training_reset(&t);
    tb_booster_close(booster);
}

static void one_class_or_one_fold_is_refused(void **state)
{
    tb_booster *booster = booster_here();

    (void)state;
    if (booster == NULL)
        skip();
    for (int all_in_one = 0; all_in_one < 2; all_in_one++) {
        tb_training t;
        tb_filter  *filter;
        tb_error    error = {0};

        training_fill(&t, 1, true, 9);
        for (int64_t i = 0; i < t.count; i++) {
            t.label[i] = all_in_one ? t.label[i] : 0.0f;
            t.fold[i]  = all_in_one ? 2 : t.fold[i];
        }
        OK(tb_filter_new(&filter, growth.trees, heard));
        assert_int_equal(tb_training_run(&t, booster, &growth, filter, kernels_here(), &error),
                         TB_E_INPUT);
        assert_non_null(strstr(error.message, "more than one quarter"));
        tb_filter_free(filter);
        tb_training_reset(&t);
    }
    tb_booster_close(booster);
}

/* Pixels of two folds share nothing a feature sees. */
static void folds_lie_two_halos_apart(void **state)
{
    tb_training t;
    tb_rect     lattice = {0, 0, 313, 402};
    int         halo = 16, seen[TB_TRAINING_FOLDS] = {0};

    (void)state;
    OK(tb_training_init(&t, 2, heard));
    assert_false(t.is_by_pair);
    for (int64_t y = 0; y < lattice.height; y += 3)
        for (int64_t x = 0; x < lattice.width; x++) {
            uint8_t here = tb_training_fold(&t, 0, lattice, halo, x, y);

            if (here == TB_TRAINING_NO_FOLD)
                continue;
            seen[here]++;
            for (int d = 1; d <= 2 * halo; d++) {
                uint8_t right =
                    x + d < lattice.width ? tb_training_fold(&t, 0, lattice, halo, x + d, y) : here;
                uint8_t below = y + d < lattice.height
                                    ? tb_training_fold(&t, 0, lattice, halo, x, y + d)
                                    : here;

                assert_true(right == here || right == TB_TRAINING_NO_FOLD);
                assert_true(below == here || below == TB_TRAINING_NO_FOLD);
            }
        }
    for (int f = 0; f < TB_TRAINING_FOLDS; f++)
        assert_true(seen[f] > 1000);
    tb_training_reset(&t);
    OK(tb_training_init(&t, 3, heard));
    assert_int_equal(tb_training_fold(&t, 2, lattice, halo, 0, 0), 2);
    tb_training_reset(&t);
}

/* ---- the file ---- */

static tb_filter *filter_made(int trees, uint64_t seed)
{
    tb_filter *filter;

    OK(tb_filter_new(&filter, trees, heard));
    filter->bands         = 3;
    filter->vegetation[0] = -1;
    filter->vegetation[1] = 2.0 / 3.0;
    filter->vegetation[1] = 0.666666667;
    filter->smoothing     = 1.5;
    filter->wide          = 4;
    filter->cut           = 0.25;
    for (int t = 0; t < trees; t++) {
        for (int i = 0; i < TB_TREE_NODES; i++) {
            filter->tree[t].feature[i]   = (int)random_between(&seed, 0, F - 1);
            filter->tree[t].threshold[i] = (float)random_real(&seed, -3, 3);
        }
        for (int i = 0; i < TB_TREE_LEAVES; i++)
            filter->tree[t].leaf[i] = (float)random_real(&seed, -0.2, 0.2) * 1e-3f;
    }
    return filter;
}

static char *text_of(const tb_filter *filter)
{
    tb_text text = {0};
    char   *out;

    OK(tb_text_append(&text, heard, "filter: 1\n"));
    OK(tb_filter_write(filter, "", &text, heard));
    OK(tb_copy_text(&out, text.data, heard));
    tb_text_reset(&text);
    return out;
}

static void put(const char *path, const char *text)
{
    OK(tb_file_write(path, text, strlen(text), heard));
}

static void a_filter_is_read_back_as_it_was(void **state)
{
    char       path[256];
    tb_filter *filter = filter_made(40, 3), *back, *copy;
    char      *text   = text_of(filter), *again;

    (void)state;
    put(in_folder("f.yaml", path, sizeof path), text);
    OK(tb_filter_open(&back, path, heard));
    assert_non_null(back);
    assert_memory_equal(back->tree, filter->tree, 40 * sizeof *filter->tree);
    assert_true(back->cut == filter->cut && back->bands == 3 && back->wide == 4 &&
                back->vegetation[1] == filter->vegetation[1]);
    OK(tb_filter_copy(&copy, back, heard));
    again = text_of(copy);
    assert_string_equal(text, again);
    tb_free(text);
    tb_free(again);
    tb_filter_free(filter);
    tb_filter_free(back);
    tb_filter_free(copy);
}

/* What is no filter is left to whoever reads it as a model. */
static void another_file_is_no_filter(void **state)
{
    static const char *const texts[] = {"", "model: 1\nfilter: {}\n", "- 1\n", "{[", "a: b\n"};
    char                     path[256];
    tb_filter               *filter;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(in_folder("other.yaml", path, sizeof path), texts[i]);
        OK(tb_filter_open(&filter, path, heard));
        assert_null(filter);
    }
    OK(tb_filter_open(&filter, "/nowhere/filter.yaml", heard));
    assert_null(filter);
}

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at  = strstr(text, from);
    tb_text     out = {0};
    char       *copy;

    assert_non_null(at);
    OK(tb_text_append(&out, heard, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    OK(tb_copy_text(&copy, out.data, heard));
    tb_text_reset(&out);
    return copy;
}

static void hostile_filters_are_refused_by_line_and_key(void **state)
{
    static const struct {
        const char *from, *to, *key;
    } cases[] = {
        {"filter: 1", "filter: 2", "filter"},
        {"filter: 1", "filter: 1\nsurprise: 1", "surprise"},
        {"bands: 3", "bands: 17", "bands"},
        {"bands: 3", "bands: 0", "bands"},
        {"bands: 3", "bands: 4", "vegetation"},
        {"vegetation: [-1", "vegetation: [.nan", "vegetation"},
        {"vegetation: [-1", "vegetation: [1e9", "vegetation"},
        {"smoothing: 1.5", "smoothing: -1", "smoothing"},
        {"smoothing: 1.5", "smoothing: 4.6", "smoothing"},
        {"median: false", "median: perhaps", "median"},
        {"wide: 4", "wide: 400", "wide"},
        {"wide: 4", "wide: .inf", "wide"},
        {"cut: 0.25", "cut: 0", "cut"},
        {"cut: 0.25", "cut: 1", "cut"},
        {"cut: 0.25", "cut: x", "cut"},
        {"[contrast, ", "[", "features"},
        {"[contrast, statistic", "[statistic, contrast", "features"},
        {"feature: [", "feature: [14, ", "feature"},
        {"feature: [", "feature: [-1, ", "feature"},
        {"feature: [", "feature: [9999999999, ", "feature"},
        {"below: [", "below: [.nan, ", "below"},
        {"leaf: [", "leaf: [1, ", "leaf"},
        {"leaf: [", "sheet: [", "sheet"},
        {"  - {feature", "  - {leaf: 3, feature", "leaf"},
        {"trees:\n", "trees: 7\nleaves:\n", ""},
    };
    char       path[256];
    tb_filter *filter = filter_made(2, 4), *back;
    char      *text   = text_of(filter);

    (void)state;
    in_folder("bad.yaml", path, sizeof path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char    *bad   = replaced(text, cases[i].from, cases[i].to);
        tb_error error = {0};

        put(path, bad);
        if (tb_filter_open(&back, path, &error) != TB_E_INPUT || back != NULL)
            fail_msg("%s: accepted", cases[i].to);
        if (strstr(error.message, "bad.yaml:") == NULL ||
            strstr(error.message, cases[i].key) == NULL)
            fail_msg("%s: %s", cases[i].to, error.message);
        tb_free(bad);
    }
    tb_free(text);
    tb_filter_free(filter);
}

/* Cut short anywhere, it is refused or no filter: never one with fewer trees than it had. */
static void a_filter_cut_short_is_not_accepted(void **state)
{
    char       path[256];
    tb_filter *filter = filter_made(1, 4), *back;
    char      *text   = text_of(filter);

    (void)state;
    in_folder("short.yaml", path, sizeof path);
    for (size_t n = strlen(text) - 2;; n--) {
        tb_error error = {0};

        text[n] = '\0';
        put(path, text);
        (void)tb_filter_open(&back, path, &error);
        if (back != NULL)
            fail_msg("accepted with %zu bytes", n);
        if (n == 0)
            break;
    }
    tb_free(text);
    tb_filter_free(filter);
}

static void failed_allocations_leave_nothing(void **state)
{
    char       path[256];
    tb_filter *filter = filter_made(3, 4), *back;
    char      *text   = text_of(filter);
    bool       done   = false;

    (void)state;
    put(in_folder("memory.yaml", path, sizeof path), text);
    tb_free(text);
    tb_filter_free(filter);

    size_t held = tb_memory_in_use();

    for (long n = 1; !done; n++) {
        tb_error error = {0};

        tb_memory_fail_at(n);
        (void)tb_filter_open(&back, path, &error);
        done = tb_memory_has_failed() == 0;
        tb_memory_fail_at(0);
        assert_true((back != NULL) == done); /* what could not be opened is not half a filter */
        tb_filter_free(back);
        assert_int_equal(tb_memory_in_use(), held);
    }
}

/* ---- labels ---- */

enum { SIDE = 12 };

static const double transform[6] = {500000, 10, 0, 4000000, 0, -10};

static tb_grid grid_here(const char *crs)
{
    tb_grid grid = {.width = SIDE, .height = SIDE, .has_transform = true, .crs = crs};

    memcpy(grid.transform, transform, sizeof transform);
    return grid;
}

static void raster_labels_keep_to_the_rules_of_eval(void **state)
{
    static const float   values[]   = {0, 1, 255, NAN, 7, -3, 9, 0.5f};
    static const uint8_t expected[] = {0, 1, 255, 255, 1, 1, 255, 1};
    float                samples[SIDE * SIDE];
    char                 path[256];
    uint8_t              out[SIDE * 4];
    tb_grid              grid = grid_here(NULL);
    tb_labels           *labels;
    made m = {.width = SIDE, .height = SIDE, .bands = 1, .has_nodata = true, .nodata = 9};

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        samples[i] = values[i % 8];
    made_write(in_folder("labels.tif", path, sizeof path), &m, samples);
    OK(tb_labels_open(&labels, path, NULL, NULL, &grid, heard));
    OK(tb_labels_read(labels, (tb_rect){3, 5, 7, 4}, out, heard));
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 7; x++)
            assert_int_equal(out[y * 7 + x], expected[((y + 5) * SIDE + x + 3) % 8]);
    tb_labels_close(labels);
}

static void labels_that_do_not_fit_are_refused(void **state)
{
    float      samples[SIDE * SIDE] = {0};
    char       path[256];
    tb_grid    grid = grid_here(NULL), wider = grid_here(NULL);
    double     elsewhere[6] = {500040, 10, 0, 4000000, 0, -10};
    tb_labels *labels;
    tb_error   error = {0};
    made       m     = {.width = SIDE, .height = SIDE, .bands = 1};

    (void)state;
    wider.width = SIDE + 1;
    made_write(in_folder("plain.tif", path, sizeof path), &m, samples);
    assert_int_equal(tb_labels_open(&labels, path, NULL, NULL, &wider, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "expected 13 x 12 pixels"));
    assert_int_equal(tb_labels_open(&labels, path, NULL, "class", &grid, &error), TB_E_USAGE);
    m.transform = elsewhere;
    m.epsg      = 32650;
    made_write(in_folder("else.tif", path, sizeof path), &m, samples);
    assert_int_equal(tb_labels_open(&labels, path, NULL, NULL, &grid, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "place of the earlier image"));
    assert_int_equal(tb_labels_open(&labels, "/nowhere.tif", NULL, NULL, &grid, &error),
                     TB_E_INPUT);
}

/* Two squares of 4 x 4 pixels that share a column: the first class 0, the second class 2. */
static void write_squares(const char *path)
{
    OGRSFDriverH  driver = GDALGetDriverByName("GeoJSON");
    GDALDatasetH  file   = GDALCreate(driver, path, 0, 0, 0, GDT_Unknown, NULL);
    OGRLayerH     layer  = GDALDatasetCreateLayer(file, "squares", NULL, wkbPolygon, NULL);
    OGRFieldDefnH number = OGR_Fld_Create("class", OFTInteger);
    OGRFieldDefnH word   = OGR_Fld_Create("note", OFTString);

    OGR_L_CreateField(layer, number, 1);
    OGR_L_CreateField(layer, word, 1);
    for (int s = 0; s < 2; s++) {
        OGRFeatureH  feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH ring    = OGR_G_CreateGeometry(wkbLinearRing);
        OGRGeometryH square  = OGR_G_CreateGeometry(wkbPolygon);
        double       x0 = transform[0] + 10 * (2 + 3 * s), y0 = transform[3] - 10 * 2;

        OGR_G_AddPoint_2D(ring, x0, y0);
        OGR_G_AddPoint_2D(ring, x0 + 40, y0);
        OGR_G_AddPoint_2D(ring, x0 + 40, y0 - 40);
        OGR_G_AddPoint_2D(ring, x0, y0 - 40);
        OGR_G_AddPoint_2D(ring, x0, y0);
        OGR_G_AddGeometryDirectly(square, ring);
        OGR_F_SetGeometryDirectly(feature, square);
        OGR_F_SetFieldInteger(feature, 0, 2 * s);
        OGR_F_SetFieldString(feature, 1, "x");
        assert_true(OGR_L_CreateFeature(layer, feature) == OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    OGR_Fld_Destroy(number);
    OGR_Fld_Destroy(word);
    GDALClose(file);
}

static void polygons_are_classes_or_presence(void **state)
{
    char       path[256];
    uint8_t    out[SIDE * SIDE];
    char      *crs = NULL;
    tb_labels *labels;
    tb_error   error = {0};

    (void)state;
    /* GeoJSON's own CRS is WGS 84: the numbers are taken for degrees by nobody here. */
    write_squares(in_folder("squares.geojson", path, sizeof path));
    {
        GDALDatasetH file = GDALOpenEx(path, GDAL_OF_VECTOR, NULL, NULL, NULL);

        OSRExportToWkt(OGR_L_GetSpatialRef(GDALDatasetGetLayer(file, 0)), &crs);
        GDALClose(file);
    }

    tb_grid grid = grid_here(crs);

    for (int with_field = 0; with_field < 2; with_field++) {
        OK(tb_labels_open(&labels, path, NULL, with_field ? "class" : NULL, &grid, heard));
        OK(tb_labels_read(labels, (tb_rect){0, 0, SIDE, SIDE}, out, heard));
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                bool rows   = y >= 2 && y < 6;
                bool first  = rows && x >= 2 && x < 6;
                bool second = rows && x >= 5 && x < 9;
                int class   = with_field ? (second ? 1 : first ? 0 : 255) : first || second;

                assert_int_equal(out[y * SIDE + x], class);
            }
        tb_labels_close(labels);
    }
    assert_int_equal(tb_labels_open(&labels, path, NULL, "note", &grid, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "expected numbers"));
    assert_int_equal(tb_labels_open(&labels, path, NULL, "none", &grid, &error), TB_E_INPUT);
    assert_int_equal(tb_labels_open(&labels, path, "circles", NULL, &grid, &error), TB_E_INPUT);
    grid.crs = NULL;
    assert_int_equal(tb_labels_open(&labels, path, NULL, NULL, &grid, &error), TB_E_INPUT);
    CPLFree(crs);
}

/* ---- the planes ---- */

/* A filter that asks one feature whether it is below 0 tells where scoring has it so. */
static void scores_are_the_probabilities_of_the_features(void **state)
{
    enum { W = 70, H = 61 };
    static float         before[3][W * H], after[3][W * H];
    static int16_t       stratum[W * H];
    tb_radiometry        r       = {.low = {-INFINITY, -INFINITY}, .high = {INFINITY, INFINITY}};
    const tb_radiometry *list[1] = {&r};
    tb_pair_block        block   = {.rect = {5, 9, W, H}, .depth = H, .stratum = stratum};
    tb_filter           *filter  = filter_made(25, 8);
    tb_scoring           scoring;
    tb_scores            scores = {0};
    uint64_t             seed   = 6;

    (void)state;
    for (int b = 0; b < 3; b++) {
        r.slope[b]     = 1.5f;
        r.intercept[b] = 4;
        r.by_noise[b] = r.by_spread[b] = 0.05f;
        r.centre[0][b]                 = 100;
        r.centre[1][b]                 = 64;
        r.by_own[0][b]                 = 0.05f;
        r.by_own[1][b]                 = 0.075f;
        r.vegetation[b]                = (float)filter->vegetation[b];
        block.before[b]                = before[b];
        block.after[b]                 = after[b];
        for (int i = 0; i < W * H; i++) {
            before[b][i] = (float)random_real(&seed, 60, 140);
            after[b][i]  = (float)random_real(&seed, 30, 100);
        }
    }
    for (int i = 0; i < W * H; i++)
        if (random_between(&seed, 0, 20) == 0) {
            stratum[i]   = -1;
            before[1][i] = NAN;
        }
    tb_scoring_init_trained(&scoring, filter);
    scoring.keeps_planes = true;
    assert_true(scoring.halo <= TB_SCORING_HALO_MAX && scoring.halo == 16);
    OK(tb_scores_make(&scores, &scoring, &block, list, kernels_here(), heard));
    for (int64_t y = 0; y < scores.rect.height; y++)
        for (int64_t x = 0; x < scores.rect.width; x++) {
            size_t       at = (size_t)(y * scores.rect.width + x);
            float        scratch[TB_METHOD_SCRATCH * TB_METHOD_SEGMENT], sum = 0.0f;
            const float *plane[TB_FILTER_PLANES], *feature[TB_FOREST_FEATURES_MAX];
            double       bright = 0, weights = 0;

            if (stratum[(y + 16) * W + x + 16] < 0) {
                assert_true(isnan(scores.score[at]) && isnan(scores.contrast[at]));
                continue;
            }
            for (int p = 0; p < TB_FILTER_PLANES; p++)
                plane[p] = scores.plane[p] + y * scores.rect.width + x;
            tb_filter_features(feature, plane, scratch, 1);
            for (int f = 0; f < F; f++)
                assert_true(isfinite(*feature[f]));
            for (int t = 0; t < filter->trees; t++) {
                int node = 0;

                while (node < TB_TREE_NODES)
                    node = 2 * node + (*feature[filter->tree[t].feature[node]] <
                                               filter->tree[t].threshold[node]
                                           ? 1
                                           : 2);
                sum += filter->tree[t].leaf[node - TB_TREE_NODES];
            }
            assert_true(scores.score[at] == tb_filter_probability(sum));
            /* The later brightness smoothed widely, along rows and then down, as plainly computed.
             */
            for (int dy = -12; dy <= 12; dy++) {
                double in_row = 0, row_weights = 0, down = exp(-dy * dy / 32.0);

                if (stratum[(y + 16 + dy) * W + x + 16] < 0)
                    continue;
                for (int dx = -12; dx <= 12; dx++) {
                    int64_t i = (y + 16 + dy) * W + x + 16 + dx;
                    double  w = exp(-dx * dx / 32.0);

                    if (stratum[i] < 0)
                        continue;
                    row_weights += w;
                    for (int b = 0; b < 3; b++)
                        in_row += w * ((double)after[b][i] - 64) * 0.075 / 3;
                }
                bright += down * in_row / row_weights;
                weights += down;
            }
            assert_true(fabs(*plane[TB_PLANE_BRIGHT_AFTER] - bright / weights) < 1e-5);
            assert_true(*feature[11] ==
                        *plane[TB_PLANE_BRIGHT_AFTER] - *plane[TB_PLANE_BRIGHT_BEFORE]);
        }
    tb_scores_reset(&scores);
    tb_filter_free(filter);
}

static int begin(void **state)
{
    (void)state;
    GDALAllRegister();
    folder_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_trees_judge_as_xgboost_does),
        cmocka_unit_test(validation_tells_what_can_be_learnt_from_what_cannot),
        cmocka_unit_test(what_the_bound_hides_is_not_counted_as_found),
        cmocka_unit_test(one_class_or_one_fold_is_refused),
        cmocka_unit_test(folds_lie_two_halos_apart),
        cmocka_unit_test(a_filter_is_read_back_as_it_was),
        cmocka_unit_test(another_file_is_no_filter),
        cmocka_unit_test(hostile_filters_are_refused_by_line_and_key),
        cmocka_unit_test(a_filter_cut_short_is_not_accepted),
        cmocka_unit_test(failed_allocations_leave_nothing),
        cmocka_unit_test(raster_labels_keep_to_the_rules_of_eval),
        cmocka_unit_test(labels_that_do_not_fit_are_refused),
        cmocka_unit_test(polygons_are_classes_or_presence),
        cmocka_unit_test(scores_are_the_probabilities_of_the_features),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
