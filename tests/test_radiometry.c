/* Jacobi, IR-MAD and the normalisation: golden numbers of a real pair, invariances, hard cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gdal.h>
#include <math.h>

#include "core/memory.h"
#include "radiometry/irmad.h"
#include "radiometry/jacobi.h"
#include "radiometry/regression.h"

enum { BANDS = 6 };

static const tb_kernels *kernels_here(void)
{
    return tb_kernels_select(tb_kernels_features());
}

/* A pair of images, or planes made up; freed by scene_reset. */
typedef struct scene {
    float       *plane[2][TB_PIXELS_BANDS_MAX];
    const float *before[TB_PIXELS_BANDS_MAX], *after[TB_PIXELS_BANDS_MAX];
    tb_pixels    pixels;
} scene;

static void scene_init(scene *s, int bands, int64_t count)
{
    *s = (scene){0};
    for (int k = 0; k < bands; k++) {
        for (int date = 0; date < 2; date++) {
            s->plane[date][k] = malloc((size_t)count * sizeof(float));
            assert_non_null(s->plane[date][k]);
        }
        s->before[k] = s->plane[0][k];
        s->after[k]  = s->plane[1][k];
    }
    s->pixels = (tb_pixels){.bands = bands, .count = count, .before = s->before, .after = s->after};
}

static void scene_reset(scene *s)
{
    for (int k = 0; k < TB_PIXELS_BANDS_MAX; k++) {
        free(s->plane[0][k]);
        free(s->plane[1][k]);
    }
    *s = (scene){0};
}

static bool read_taizhou(scene *s)
{
    const char       *folder  = getenv("TUBAN_DATA");
    const char *const name[2] = {"T1.tif", "T2.tif"};

    GDALAllRegister();
    for (int date = 0; date < 2; date++) {
        char         path[4096];
        GDALDatasetH image;

        snprintf(path, sizeof path, "%s/landsat_taizhou/%s",
                 folder != NULL ? folder : TUBAN_SOURCE_DIR "/../shared/data", name[date]);
        CPLPushErrorHandler(CPLQuietErrorHandler);
        image = GDALOpen(path, GA_ReadOnly);
        CPLPopErrorHandler();
        if (image == NULL)
            return false;

        int width = GDALGetRasterXSize(image), height = GDALGetRasterYSize(image);

        if (date == 0)
            scene_init(s, BANDS, (int64_t)width * height);
        for (int k = 0; k < BANDS; k++)
            assert_int_equal(GDALRasterIO(GDALGetRasterBand(image, k + 1), GF_Read, 0, 0, width,
                                          height, s->plane[date][k], width, height, GDT_Float32, 0,
                                          0),
                             CE_None);
        GDALClose(image);
    }
    return true;
}

/* Skips the test, visibly, where the images are not. */
static void taizhou(scene *s)
{
    if (!read_taizhou(s)) {
        print_message("         no landsat_taizhou in $TUBAN_DATA or ../shared/data\n");
        skip();
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* Normal enough: the sum of twelve. */
static double noise(uint64_t *state)
{
    double sum = -6.0;

    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum;
}

/* Correlated bands, the later date gain * earlier + offset + noise; a share of pixels is new. */
static void make_up(scene *s, int bands, int64_t count, double deviation, double changed)
{
    uint64_t state = 99;

    scene_init(s, bands, count);
    for (int64_t x = 0; x < count; x++) {
        double common = noise(&state), other = noise(&state);
        bool   is_changed = uniform(&state) < changed;

        for (int k = 0; k < bands; k++) {
            double own   = 100.0 + 20.0 * common + 8.0 * noise(&state);
            double later = is_changed ? 100.0 + 25.0 * other + 10.0 * noise(&state) : own;

            s->plane[0][k][x] = (float)own;
            s->plane[1][k][x] =
                (float)((0.8 + 0.1 * k) * later + 5.0 * k - 3.0 + deviation * noise(&state));
        }
    }
}

static void fit(tb_irmad *result, const tb_pixels *pixels, double delta, int iterations_max)
{
    tb_irmad_options options = {.delta = delta, .iterations_max = iterations_max};
    tb_error         error   = {0};

    assert_int_equal(tb_irmad_fit(result, pixels, &options, kernels_here(), &error), TB_OK);
    assert_int_equal(error.status, TB_OK);
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("expected %.12g within %g, got %.12g", expected, tolerance, got);
}

static void assert_all_near(const double *got, const double *expected, int n, double tolerance)
{
    for (int i = 0; i < n; i++)
        assert_near(got[i], expected[i], tolerance);
}

static void jacobi_takes_a_matrix_apart_and_together(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (int n = 1; n <= TB_SQUARE_MAX; n++) {
        tb_square a = {{{0}}}, v;
        double    values[TB_SQUARE_MAX];

        for (int i = 0; i < n; i++)
            for (int j = i; j < n; j++)
                a.at[i][j] = a.at[j][i] = noise(&seed);
        tb_jacobi_eigen(values, &v, &a, n);
        for (int i = 0; i < n; i++) {
            if (i > 0)
                assert_true(values[i] <= values[i - 1]);
            for (int j = 0; j < n; j++) {
                double together = 0.0, product = 0.0;

                for (int k = 0; k < n; k++) {
                    together += v.at[i][k] * values[k] * v.at[j][k];
                    product += v.at[k][i] * v.at[k][j];
                }
                assert_near(together, a.at[i][j], 1e-13);
                assert_near(product, i == j ? 1.0 : 0.0, 1e-14);
            }
        }
    }
}

static void jacobi_solves_the_generalised_problem(void **state)
{
    enum { N = 5 };
    uint64_t  seed = 17;
    tb_square root, a = {{{0}}}, b, transposed, v;
    double    values[N];

    (void)state;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            root.at[i][j] = noise(&seed) + (i == j ? 3.0 : 0.0);
            a.at[i][j]    = i <= j ? noise(&seed) : a.at[j][i];
        }
    tb_square_transpose(&transposed, &root, N);
    tb_square_multiply(&b, &root, &transposed, N);
    assert_true(tb_jacobi_generalised(values, &v, &a, &b, N, 1e-12));
    for (int c = 0; c < N; c++)
        for (int i = 0; i < N; i++) {
            double av = 0.0, bv = 0.0;

            for (int k = 0; k < N; k++) {
                av += a.at[i][k] * v.at[k][c];
                bv += b.at[i][k] * v.at[k][c];
            }
            assert_near(av, values[c] * bv, 1e-11);
        }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            b.at[i][j] = 1.0;
    assert_false(tb_jacobi_generalised(values, &v, &a, &b, N, 1e-12));
}

static void mad_of_taizhou_is_golden(void **state)
{
    const double rho[BANDS]    = {.8130410, .7137805, .5421659, .4761076, .3054965, .1135821};
    const double before[BANDS] = {99.1111875, 77.1405187, 73.2506937,
                                  59.800975,  68.81075,   51.1045937};
    const double after[BANDS]  = {76.7093062, 58.5312125, 57.9119312,
                                  57.4650312, 51.703225,  40.2735562};
    scene        s;
    tb_irmad     mad;
    double       z_sum = 0.0;

    (void)state;
    taizhou(&s);
    fit(&mad, &s.pixels, 1e-3, 1);
    assert_true(mad.usable && mad.iterations == 1 && !mad.converged && mad.ridge == 0.0);
    assert_all_near(mad.rho, rho, BANDS, 5.1e-8);
    assert_all_near(mad.mean_before, before, BANDS, 5.1e-8);
    assert_all_near(mad.mean_after, after, BANDS, 5.1e-8);
    assert_near(mad.weight, 160000.0, 0.0);

    /* Each component's variance is 2 (1 - rho): sum Z is N (n - 1). */
    assert_int_equal(
        tb_irmad_apply(NULL, NULL, &z_sum, &mad, &s.pixels, NULL, kernels_here(), NULL), TB_OK);
    assert_near(z_sum, 6.0 * 159999.0, 1e-6);
    scene_reset(&s);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void irmad_of_taizhou_is_golden(void **state)
{
    const double rough[BANDS] = {.9821777, .9662613, .8735802, .7051207, .570258, .4547753};
    const double fine[BANDS]  = {.983286209, .967154355, .876134681,
                                 .708701179, .572611763, .457565141};
    scene        s;
    tb_irmad     irmad;
    double       z_sum = 0.0;
    float       *z;

    (void)state;
    taizhou(&s);
    fit(&irmad, &s.pixels, 0.0, 0);
    assert_int_equal(irmad.iterations, 16);
    assert_true(irmad.converged);
    assert_all_near(irmad.rho, rough, BANDS, 5.1e-8);
    for (int i = 0; i < BANDS; i++)
        print_message("         rho %d %a\n", i + 1, irmad.rho[i]);

    fit(&irmad, &s.pixels, 1e-6, 0);
    assert_int_equal(irmad.iterations, 50);
    assert_true(irmad.converged);
    assert_all_near(irmad.rho, fine, BANDS, 5.1e-10);

    z = malloc((size_t)s.pixels.count * sizeof *z);
    assert_non_null(z);
    assert_int_equal(tb_irmad_apply(NULL, z, &z_sum, &irmad, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    assert_near(z_sum, 8415559.4204, 5.1e-5);
    qsort(z, (size_t)s.pixels.count, sizeof *z, compare_floats);
    assert_near(((double)z[79999] + (double)z[80000]) / 2.0, 21.562565, 2e-6);
    free(z);
    scene_reset(&s);
}

static void four_bands_of_taizhou_are_golden(void **state)
{
    const double plain[4] = {.786674112, .666872482, .521139424, .293667545};
    const double fine[4]  = {.987855827, .963308664, .772142676, .690829683};
    scene        s;
    tb_irmad     irmad;

    (void)state;
    taizhou(&s);
    s.pixels.bands = 4;
    fit(&irmad, &s.pixels, 1e-6, 1);
    assert_all_near(irmad.rho, plain, 4, 5.1e-10);
    fit(&irmad, &s.pixels, 1e-6, 50);
    assert_int_equal(irmad.iterations, 49);
    assert_all_near(irmad.rho, fine, 4, 5.1e-10);
    scene_reset(&s);
}

static void regression_of_taizhou_is_golden(void **state)
{
    const double line[BANDS][2] = {{1.343994, -1.969532},  {1.374339, -1.113128},
                                   {1.613451, -15.825239}, {1.115606, -4.885316},
                                   {1.220192, 7.280572},   {1.529752, -7.318902}};
    /* Population deviations of the 566: with them whitened CVA's KI threshold is the
     * golden 10.87563. */
    const double  residual[BANDS] = {1.8848076, 2.3921728, 4.5274434,
                                     2.8068021, 2.8581708, 3.3859107};
    scene         s;
    tb_irmad      irmad;
    tb_regression regression;
    float        *p;

    (void)state;
    taizhou(&s);
    fit(&irmad, &s.pixels, 0.0, 0);
    p = malloc((size_t)s.pixels.count * sizeof *p);
    assert_non_null(p);
    assert_int_equal(tb_irmad_apply(p, NULL, NULL, &irmad, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                     TB_OK);
    assert_int_equal(regression.rule, TB_REGRESSION_NO_CHANGE);
    assert_int_equal(regression.no_change, 566);
    assert_int_equal(regression.tested, 188);
    for (int k = 0; k < BANDS; k++) {
        const tb_regression_band *band = &regression.band[k];

        assert_near(band->slope, line[k][0], 5.1e-7);
        assert_near(band->intercept, line[k][1], 5.1e-7);
        assert_near(band->residual, residual[k], 5.1e-8);
        assert_true(band->is_used && band->correlation > 0.8 && band->correlation < 1.0);
        assert_true(fabs(band->t) < 4.0 && band->f > 0.7 && band->f < 1.4);
        print_message("         band %d: r %.4f t %.2f F %.3f residual %.3f spread %.2f\n", k + 1,
                      band->correlation, band->t, band->f, band->residual, band->spread);
    }
    assert_near(regression.band[0].mean, 99.1111875, 5.1e-8);
    free(p);
    scene_reset(&s);
}

static void mad_is_blind_to_gain_offset_and_order(void **state)
{
    scene    s;
    tb_irmad plain, changed, swapped;

    (void)state;
    make_up(&s, 5, 70000, 4.0, 0.1);
    fit(&plain, &s.pixels, 0.0, 0);

    tb_pixels other = {.bands = 5, .count = 70000, .before = s.after, .after = s.before};

    fit(&swapped, &other, 0.0, 0);
    assert_int_equal(plain.iterations, swapped.iterations);
    assert_all_near(swapped.rho, plain.rho, 5, 1e-12);
    for (int k = 0; k < 5; k++)
        for (int64_t x = 0; x < 70000; x++)
            s.plane[1][k][x] = s.plane[1][k][x] * (0.25f * (float)(k + 1)) - 3.0f * (float)k;
    fit(&changed, &s.pixels, 0.0, 0);
    assert_int_equal(plain.iterations, changed.iterations);
    assert_all_near(changed.rho, plain.rho, 5, 1e-6);
    scene_reset(&s);
}

static void components_are_scaled_and_signed_as_said(void **state)
{
    scene    s;
    tb_irmad mad;

    (void)state;
    make_up(&s, 4, 30000, 10.0, 0.2);
    fit(&mad, &s.pixels, 0.0, 1);
    for (int i = 0; i < 4; i++) {
        double uu = 0.0, vv = 0.0, uv = 0.0, correlations = 0.0;
        double ux[4] = {0}, xx[4] = {0};

        for (int64_t x = 0; x < 30000; x++) {
            double u = 0.0, v = 0.0;

            for (int k = 0; k < 4; k++) {
                u += mad.a[i][k] * ((double)s.before[k][x] - mad.mean_before[k]);
                v += mad.b[i][k] * ((double)s.after[k][x] - mad.mean_after[k]);
            }
            uu += u * u;
            vv += v * v;
            uv += u * v;
            for (int k = 0; k < 4; k++) {
                double d = (double)s.before[k][x] - mad.mean_before[k];

                ux[k] += u * d;
                xx[k] += d * d;
            }
        }
        for (int k = 0; k < 4; k++)
            correlations += ux[k] / sqrt(uu * xx[k]);
        assert_near(uu / 29999.0, 1.0, 1e-9);
        assert_near(vv / 29999.0, 1.0, 1e-9);
        assert_near(uv / 29999.0, mad.rho[i], 1e-9);
        assert_true(correlations > 0.0);
    }
    scene_reset(&s);
}

static void assert_same_fit(const tb_irmad *a, const tb_irmad *b)
{
    assert_memory_equal(a->rho, b->rho, sizeof a->rho);
    assert_memory_equal(a->a, b->a, sizeof a->a);
    assert_memory_equal(a->b, b->b, sizeof a->b);
    assert_memory_equal(a->mean_before, b->mean_before, sizeof a->mean_before);
    assert_memory_equal(a->mean_after, b->mean_after, sizeof a->mean_after);
    assert_int_equal(a->iterations, b->iterations);
}

static void workers_and_instruction_sets_change_no_bit(void **state)
{
    const char *const names[] = {"c", "avx2", "avx512"};
    enum { COUNT = 400001 };
    scene         s;
    tb_irmad      first, other;
    tb_regression first_line, other_line;
    double        first_sum = 0.0, other_sum = 0.0;
    float        *p = malloc(2 * COUNT * sizeof *p), *q = malloc(2 * COUNT * sizeof *q);

    (void)state;
    assert_true(p != NULL && q != NULL);
    make_up(&s, 4, COUNT, 4.0, 0.1);
    for (int i = 0; i < 3; i++) {
        const tb_kernels *kernels = tb_kernels_named(names[i], tb_kernels_features());

        if (kernels == NULL) {
            print_message("         this processor has no %s\n", names[i]);
            continue;
        }
        for (int workers = 1; workers <= 3; workers++) {
            tb_irmad_options options  = {.workers = workers};
            bool             is_first = i == 0 && workers == 1;
            float           *to       = is_first ? p : q;
            double          *sum      = is_first ? &first_sum : &other_sum;
            tb_irmad        *result   = is_first ? &first : &other;
            tb_regression   *line     = is_first ? &first_line : &other_line;

            assert_int_equal(tb_irmad_fit(result, &s.pixels, &options, kernels, NULL), TB_OK);
            assert_int_equal(
                tb_irmad_apply(to, to + COUNT, sum, result, &s.pixels, &options, kernels, NULL),
                TB_OK);
            memset(line, 0, sizeof *line);
            assert_int_equal(tb_regression_fit(line, &s.pixels, to, false, kernels, NULL), TB_OK);
            if (is_first)
                continue;
            assert_same_fit(&first, &other);
            assert_memory_equal(p, q, 2 * COUNT * sizeof *p);
            assert_memory_equal(&first_sum, &other_sum, sizeof first_sum);
            for (int k = 0; k < 4; k++) {
                assert_true(first_line.band[k].slope == other_line.band[k].slope);
                assert_true(first_line.band[k].intercept == other_line.band[k].intercept);
                assert_true(first_line.band[k].residual == other_line.band[k].residual);
                assert_true(first_line.band[k].t == other_line.band[k].t);
                assert_true(first_line.band[k].spread == other_line.band[k].spread);
            }
        }
    }
    free(p);
    free(q);
    scene_reset(&s);
}

/* The early fit is the one that so many passes give, and the pass after it would weigh too little.
 */
static void the_early_fit_is_that_of_its_passes(void **state)
{
    enum { COUNT = 30001 };
    scene s;
    int   stops[64] = {0};

    (void)state;
    make_up(&s, 3, COUNT, 4.0, 0.3);
    for (int tenth = 0; tenth <= 10; tenth++) {
        tb_irmad         full, alone, early, stopped;
        tb_irmad_options options = {.early = &early, .weight_least = tenth / 10.0};

        assert_int_equal(tb_irmad_fit(&full, &s.pixels, &options, kernels_here(), NULL), TB_OK);
        assert_int_equal(tb_irmad_fit(&alone, &s.pixels, NULL, kernels_here(), NULL), TB_OK);
        assert_same_fit(&full, &alone);
        assert_in_range(early.iterations, 1, full.iterations);
        stops[early.iterations] = 1;
        options                 = (tb_irmad_options){.iterations_max = early.iterations};
        assert_int_equal(tb_irmad_fit(&stopped, &s.pixels, &options, kernels_here(), NULL), TB_OK);
        assert_same_fit(&early, &stopped);
        assert_true(early.iterations == 1 || early.weight >= tenth / 10.0 * COUNT);
        if (early.iterations == full.iterations)
            continue;
        options.iterations_max++;
        assert_int_equal(tb_irmad_fit(&stopped, &s.pixels, &options, kernels_here(), NULL), TB_OK);
        assert_true(stopped.weight < tenth / 10.0 * COUNT);
    }
    assert_true(stops[1] + stops[2] + stops[3] + stops[4] > 1); /* not all stopped at one pass */

    s.pixels.count = 10;

    tb_irmad         full, early;
    tb_irmad_options options = {.early = &early, .weight_least = 0.5};

    assert_int_equal(tb_irmad_fit(&full, &s.pixels, &options, kernels_here(), NULL), TB_OK);
    assert_false(early.usable);
    assert_string_equal(early.reason, full.reason);
    scene_reset(&s);
}

static void the_fit_finds_gain_offset_and_noise(void **state)
{
    enum { COUNT = 60000 };
    scene         s;
    tb_irmad      irmad;
    tb_regression regression;
    float        *p = malloc(COUNT * sizeof *p);

    (void)state;
    assert_non_null(p);
    for (int changed = 0; changed < 2; changed++) {
        make_up(&s, 4, COUNT, 2.0, changed * 0.15);
        fit(&irmad, &s.pixels, 0.0, 0);
        assert_true(irmad.usable && irmad.converged && irmad.ridge == 0.0);
        assert_int_equal(
            tb_irmad_apply(p, NULL, NULL, &irmad, &s.pixels, NULL, kernels_here(), NULL), TB_OK);
        assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                         TB_OK);
        assert_int_equal(regression.rule, TB_REGRESSION_NO_CHANGE);
        for (int k = 0; k < 4; k++) {
            /* after = gain * before + offset + noise of deviation 2 */
            double                    gain = 0.8 + 0.1 * k, offset = 5.0 * k - 3.0;
            const tb_regression_band *band = &regression.band[k];

            assert_near(band->slope, 1.0 / gain, 0.02);
            assert_near(band->intercept, -offset / gain, 2.0);
            /* Chosen for a small Z, no-change pixels show less than the noise. */
            assert_true(band->residual < 2.0 / gain && band->residual > 0.3 / gain);
        }
        scene_reset(&s);
    }
    free(p);
}

static void same_pictures_are_no_change_everywhere(void **state)
{
    enum { COUNT = 20000 };
    scene         s;
    tb_irmad      irmad;
    tb_regression regression;
    float        *p = malloc(COUNT * sizeof *p), *z = malloc(COUNT * sizeof *z);

    (void)state;
    assert_true(p != NULL && z != NULL);
    for (int affine = 0; affine < 2; affine++) {
        make_up(&s, 3, COUNT, 0.0, 0.0);
        if (!affine)
            for (int k = 0; k < 3; k++)
                s.after[k] = s.before[k];
        fit(&irmad, &s.pixels, 0.0, 0);
        assert_true(irmad.usable && irmad.converged);
        assert_int_equal(tb_irmad_apply(p, z, NULL, &irmad, &s.pixels, NULL, kernels_here(), NULL),
                         TB_OK);
        for (int i = 0; i < 3; i++)
            assert_near(irmad.rho[i], 1.0, 1e-12);
        for (int x = 0; x < COUNT; x++)
            assert_true(p[x] > 0.999f && z[x] < 1e-3f);
        assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                         TB_OK);
        for (int k = 0; k < 3; k++) {
            double gain = affine ? 0.8 + 0.1 * k : 1.0;

            assert_near(regression.band[k].slope, 1.0 / gain, 1e-5);
            assert_near(regression.band[k].residual, 1e-3 * regression.band[k].spread, 1e-12);
        }
        scene_reset(&s);
    }
    free(p);
    free(z);
}

static void a_planted_change_in_same_pictures_stands_out(void **state)
{
    enum { COUNT = 20000 };
    scene    s;
    tb_irmad irmad;
    float   *p = malloc(COUNT * sizeof *p);

    (void)state;
    assert_non_null(p);
    make_up(&s, 3, COUNT, 0.0, 0.0);
    for (int k = 0; k < 3; k++)
        for (int x = 500; x < 700; x++)
            s.plane[1][k][x] = 300.0f + (float)(x % 7);
    fit(&irmad, &s.pixels, 0.0, 0);
    assert_true(irmad.usable && irmad.converged);
    assert_int_equal(tb_irmad_apply(p, NULL, NULL, &irmad, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    for (int x = 0; x < COUNT; x++)
        assert_true(x >= 500 && x < 700 ? p[x] < 1e-6f : p[x] > 0.9f);
    free(p);
    scene_reset(&s);
}

static void constant_and_equal_bands_do_no_harm(void **state)
{
    enum { COUNT = 120000 };
    scene         s;
    tb_irmad      three, result;
    tb_regression regression;
    float        *p = malloc(COUNT * sizeof *p);

    (void)state;
    assert_non_null(p);
    make_up(&s, 4, COUNT, 4.0, 0.1);
    s.pixels.bands = 3;
    fit(&three, &s.pixels, 0.0, 0);

    /* Constant in one date: left out, and the others are as if it were not there. */
    s.pixels.bands = 4;
    for (int x = 0; x < COUNT; x++)
        s.plane[1][3][x] = 1234.567f;
    fit(&result, &s.pixels, 0.0, 0);
    assert_true(result.usable && !result.is_used[3] && result.is_used[0]);
    assert_int_equal(result.components, 3);
    assert_all_near(result.rho, three.rho, 3, 1e-12);
    assert_int_equal(tb_irmad_apply(p, NULL, NULL, &result, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                     TB_OK);
    assert_false(regression.band[3].is_used);
    assert_int_equal(regression.band[3].rule, TB_REGRESSION_IDENTITY);
    assert_int_equal(regression.band[0].rule, TB_REGRESSION_NO_CHANGE);

    /* Equal to another: the rank test fails, a ridge is used and said. */
    s.before[3] = s.before[0];
    s.after[3]  = s.after[0];
    fit(&result, &s.pixels, 0.0, 0);
    assert_true(result.usable && result.converged);
    assert_near(result.ridge, 1e-3, 0.0);
    assert_int_equal(result.components, 4);
    assert_int_equal(tb_irmad_apply(p, NULL, NULL, &result, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    for (int x = 0; x < COUNT; x++)
        assert_true(p[x] >= 0.0f && p[x] <= 1.0f);

    /* Nothing varies at all. */
    for (int k = 0; k < 4; k++)
        s.before[k] = s.plane[1][3];
    fit(&result, &s.pixels, 0.0, 0);
    assert_false(result.usable);
    assert_non_null(strstr(result.reason, "no band varies"));
    assert_int_equal(tb_irmad_apply(p, NULL, NULL, &result, &s.pixels, NULL, kernels_here(), NULL),
                     TB_OK);
    assert_true(p[0] == 1.0f && p[COUNT - 1] == 1.0f);
    assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                     TB_OK);
    assert_false(regression.band[0].is_used);
    free(p);
    scene_reset(&s);
}

static void one_band_is_enough_and_few_pixels_are_not(void **state)
{
    scene    s;
    tb_irmad result;
    tb_error error = {0};

    (void)state;
    make_up(&s, 1, 5000, 3.0, 0.05);
    fit(&result, &s.pixels, 0.0, 0);
    assert_true(result.usable && result.converged && result.components == 1);
    assert_true(result.rho[0] > 0.9);

    s.plane[0][0][77] = NAN;
    fit(&result, &s.pixels, 0.0, 0);
    assert_false(result.usable);
    assert_non_null(strstr(result.reason, "not finite"));

    s.pixels.count = 39;
    fit(&result, &s.pixels, 0.0, 0);
    assert_false(result.usable);
    assert_non_null(strstr(result.reason, "too few"));
    s.pixels.count = 0;
    fit(&result, &s.pixels, 0.0, 0);
    assert_false(result.usable);
    s.pixels.bands = 17;
    assert_int_equal(tb_irmad_fit(&result, &s.pixels, NULL, kernels_here(), &error), TB_E_INPUT);
    s.pixels.bands = 1;
    scene_reset(&s);
}

static void too_few_no_change_pixels_fall_back_and_say_so(void **state)
{
    enum { COUNT = 30001 };
    scene         s;
    tb_regression regression;
    float        *p     = calloc(COUNT, sizeof *p);
    tb_error      error = {0};

    (void)state;
    assert_non_null(p);
    make_up(&s, 3, COUNT, 1.0, 0.1);
    for (int x = 0; x < 199; x++)
        p[x * 7] = 0.99f;
    for (int has_p = 0; has_p < 2; has_p++) {
        assert_int_equal(tb_regression_fit(&regression, &s.pixels, has_p ? p : NULL, false,
                                           kernels_here(), NULL),
                         TB_OK);
        assert_int_equal(regression.rule, TB_REGRESSION_ROBUST);
        assert_int_equal(regression.tested, 0);
        assert_int_equal(regression.no_change, has_p ? 199 : 0);
        for (int k = 0; k < 3; k++) {
            assert_near(regression.band[k].slope, 1.0 / (0.8 + 0.1 * k), 0.04);
            assert_true(regression.band[k].residual > 0.5 && regression.band[k].residual < 3.0);
        }
    }
    p[5] = 0.99f;
    assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), NULL),
                     TB_OK);
    assert_int_equal(regression.rule, TB_REGRESSION_NO_CHANGE);
    assert_int_equal(regression.tested, 66);

    s.pixels.count = 0;
    assert_int_equal(tb_regression_fit(&regression, &s.pixels, p, false, kernels_here(), &error),
                     TB_E_INPUT);
    assert_string_equal(tb_regression_rule_text(TB_REGRESSION_ROBUST), "robust");
    free(p);
    scene_reset(&s);
}

/* The robust line against medians by sorting, negative values among them. */
static void medians_are_exact(void **state)
{
    const float     before[] = {-5.5f, 3.0f, -1.25f, 8.0f, 0.0f, 100.0f, 2.5f};
    const float     after[]  = {-11.0f, 6.0f, -2.5f, 16.0f, 0.0f, -4.0f, 5.0f};
    const float    *x[] = {before}, *y[] = {after};
    const tb_pixels pixels = {.bands = 1, .count = 7, .before = x, .after = y};
    tb_regression   regression;

    (void)state;
    assert_int_equal(tb_regression_fit(&regression, &pixels, NULL, false, kernels_here(), NULL),
                     TB_OK);
    /* medians 2.5 and 0; deviations 3.75 (of 8, .5, 3.75, 5.5, 2.5, 97.5, 0) and 5 */
    assert_int_equal(regression.rule, TB_REGRESSION_ROBUST);
    assert_near(regression.band[0].slope, 0.75, 0.0);
    assert_near(regression.band[0].intercept, 2.5, 0.0);
}

static void memory_failures_are_reported_and_leak_nothing(void **state)
{
    scene  s;
    float *p       = malloc(2000 * sizeof *p);
    size_t held    = tb_memory_in_use();
    bool   was_hit = true;

    (void)state;
    assert_non_null(p);
    make_up(&s, 2, 2000, 3.0, 0.1);
    for (int n = 1; was_hit; n++) {
        tb_irmad      irmad;
        tb_regression regression;
        tb_status     status;

        tb_memory_fail_at(n);
        status = tb_irmad_fit(&irmad, &s.pixels, NULL, kernels_here(), NULL);
        if (status == TB_OK)
            status = tb_irmad_apply(p, NULL, NULL, &irmad, &s.pixels, NULL, kernels_here(), NULL);
        if (status == TB_OK)
            status = tb_regression_fit(&regression, &s.pixels, NULL, false, kernels_here(), NULL);
        was_hit = tb_memory_has_failed();
        assert_int_equal(status, was_hit ? TB_E_MEMORY : TB_OK);
        assert_int_equal(tb_memory_in_use(), held);
    }
    tb_memory_fail_at(0);
    free(p);
    scene_reset(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jacobi_takes_a_matrix_apart_and_together),
        cmocka_unit_test(jacobi_solves_the_generalised_problem),
        cmocka_unit_test(mad_of_taizhou_is_golden),
        cmocka_unit_test(irmad_of_taizhou_is_golden),
        cmocka_unit_test(four_bands_of_taizhou_are_golden),
        cmocka_unit_test(regression_of_taizhou_is_golden),
        cmocka_unit_test(mad_is_blind_to_gain_offset_and_order),
        cmocka_unit_test(components_are_scaled_and_signed_as_said),
        cmocka_unit_test(workers_and_instruction_sets_change_no_bit),
        cmocka_unit_test(the_early_fit_is_that_of_its_passes),
        cmocka_unit_test(the_fit_finds_gain_offset_and_noise),
        cmocka_unit_test(same_pictures_are_no_change_everywhere),
        cmocka_unit_test(a_planted_change_in_same_pictures_stands_out),
        cmocka_unit_test(constant_and_equal_bands_do_no_harm),
        cmocka_unit_test(one_band_is_enough_and_few_pixels_are_not),
        cmocka_unit_test(too_few_no_change_pixels_fall_back_and_say_so),
        cmocka_unit_test(medians_are_exact),
        cmocka_unit_test(memory_failures_are_reported_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
