/* The omnibus test: golden numbers, its false-alarm rate, what keeps it, and where changes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "detect/omnibus.h"

static const tb_kernels *const kernels = &tb_kernels_c;

static double random_open(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*state >> 12) + 0.5) / 0x1p52;
}

static double random_normal(uint64_t *state)
{
    double radius = sqrt(-2.0 * log(random_open(state)));

    return radius * cos(2.0 * acos(-1.0) * random_open(state));
}

/* Speckle of mean 1 (Marsaglia & Tsang 2000); looks above 1/3. */
static double random_speckle(uint64_t *state, double looks)
{
    double d = looks - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);

    for (;;) {
        double x = random_normal(state), v = 1.0 + c * x;

        v = v * v * v;
        if (v > 0.0 && log(random_open(state)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v / looks;
    }
}

static double statistic(const float *intensity, const tb_omnibus *test)
{
    const float *date[TB_OMNIBUS_DATES_MAX * TB_OMNIBUS_CHANNELS_MAX];
    double       z;

    for (int i = 0; i < test->dates * test->channels; i++)
        date[i] = intensity + i;
    kernels->omnibus_row(&z, date, test, 1);
    return z;
}

/* Printed to so many digits. */
static void assert_digits(double value, double golden, double last_digit)
{
    if (fabs(value - golden) > 0.51 * last_digit)
        fail_msg("expected %.15g, got %.15g", golden, value);
}

static const float golden[] = {.10f, .020f, .12f, .018f, .11f, .022f, .35f, .060f};

/* As integers in the same proportions, which floats hold exactly: all digits that are given. */
static void the_golden_series(void **state)
{
    const tb_omnibus     test      = {4, 2, 4.4};
    const tb_omnibus_law all       = tb_omnibus_law_all(4, 2, 4.4);
    static const double  log_one[] = {-.048720011, -.032016199, -4.871097616};
    static const double  p_one[]   = {.955006505, .969829931, .00922739432};
    static const double  digit[]   = {1e-9, 1e-9, 1e-11};
    float                exact[8];
    double               z, sum = 0.0;

    (void)state;
    for (int i = 0; i < 8; i++)
        exact[i] = rintf(golden[i] * 1000.0f);
    z = statistic(exact, &test);
    assert_int_equal(all.degrees, 6);
    assert_digits(all.rho, .952651515, 1e-9);
    assert_digits(all.omega, -.003705402, 1e-9);
    assert_digits(z, 9.434743995, 1e-9);
    assert_digits(-z / (2.0 * all.rho), -4.951833827, 1e-9);
    assert_digits(tb_omnibus_probability(&all, z, kernels), .149301021, 1e-9);
    for (int j = 2; j <= 4; j++) {
        tb_omnibus_law one = tb_omnibus_law_one(j, 2, 4.4);
        double         lnr = tb_omnibus_log_one(exact, j, 2, 4.4);

        assert_digits(lnr, log_one[j - 2], 1e-9);
        assert_digits(tb_omnibus_probability(&one, -2.0 * one.rho * lnr, kernels), p_one[j - 2],
                      digit[j - 2]);
        sum += lnr;
    }
    assert_true(fabs(sum + z / (2.0 * all.rho)) < 1e-12); /* Q is the product of all R_j */
}

static void unchanged_ground_is_rejected_as_often_as_asked(void **state)
{
    enum { PIXELS = 200000 };
    static const struct {
        int    dates, channels;
        double looks;
    } cases[]     = {{2, 1, 4.4}, {2, 2, 4.4}, {4, 2, 4.4}, {8, 1, 4.4}, {4, 1, 2.0}, {6, 2, 12.0}};
    uint64_t seed = 20160501;

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const tb_omnibus  test = {cases[c].dates, cases[c].channels, cases[c].looks};
        tb_omnibus_limits limits;
        int               rejected = 0, walked = 0;
        double            rate;

        tb_omnibus_limits_make(&limits, &test, 0.01, kernels);
        for (int i = 0; i < PIXELS; i++) {
            float intensity[TB_OMNIBUS_DATES_MAX * TB_OMNIBUS_CHANNELS_MAX];
            bool  is_changed;

            for (int v = 0; v < test.dates * test.channels; v++)
                intensity[v] = (float)random_speckle(&seed, test.looks);
            walked += tb_omnibus_walk(intensity, &limits, &is_changed).number > 0;
            rejected += is_changed;
            assert_true(is_changed == (statistic(intensity, &test) >= limits.all[test.dates]));
        }
        rate = 100.0 * rejected / PIXELS;
        print_message(
            "         %d dates, %d channels, %.1f looks: %.3f %% rejected, %.3f %% dated\n",
            test.dates, test.channels, test.looks, rate, 100.0 * walked / PIXELS);
        assert_true(rate > 0.93 && rate < 1.07); /* three standard deviations are .067 */
        assert_true(walked <= rejected);
    }
}

static void order_and_scale_do_not_matter(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < 300; i++) {
        const tb_omnibus   test = {2 + i % 11, 1 + i % 2, 1.0 + random_open(&seed) * 20.0};
        int                p = test.channels, n = test.dates * p;
        float              series[64], back[64], scaled[64];
        tb_omnibus_limits  limits;
        tb_omnibus_changes one, other;
        bool               is_changed, is_scaled_changed;
        double             z;

        for (int v = 0; v < n; v++) {
            series[v] =
                (float)(random_speckle(&seed, test.looks) * (i % 3 == 0 && v > n / 2 ? 3 : 1));
            scaled[v] = series[v] * 4096.0f;
        }
        for (int v = 0; v < n; v++)
            back[v] = series[(test.dates - 1 - v / p) * p + v % p];
        z = statistic(series, &test);
        assert_true(fabs(statistic(back, &test) - z) < 1e-11 * (1.0 + z));
        assert_true(fabs(statistic(scaled, &test) - z) < 1e-11 * (1.0 + z));
        tb_omnibus_limits_make(&limits, &test, 0.01, kernels);
        one   = tb_omnibus_walk(series, &limits, &is_changed);
        other = tb_omnibus_walk(scaled, &limits, &is_scaled_changed);
        assert_true(is_changed == is_scaled_changed && one.number == other.number &&
                    one.first == other.first && one.last == other.last);
    }
}

static void changes_are_dated(void **state)
{
    static const struct {
        float              series[8];
        tb_omnibus_changes changes;
    } cases[] = {
        {{1, 1, 1, 1, 1, 1, 1, 1}, {0, 0, 0}}, {{1, 1, 1, 4, 4, 4, 1, 1}, {2, 4, 7}},
        {{1, 5, 5, 5, 5, 5, 5, 5}, {1, 2, 2}}, {{9, 9, 9, 9, 9, 9, 9, 1}, {1, 8, 8}},
        {{1, 5, 1, 5, 1, 5, 1, 5}, {7, 2, 8}}, {{1, 1, 6, 6, 30, 30, 30, 4}, {3, 3, 8}},
    };
    const tb_omnibus  test = {8, 1, 20.0};
    tb_omnibus_limits limits;
    bool              is_changed;

    (void)state;
    tb_omnibus_limits_make(&limits, &test, 0.01, kernels);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        tb_omnibus_changes found = tb_omnibus_walk(cases[c].series, &limits, &is_changed);

        assert_true(is_changed == (cases[c].changes.number > 0));
        assert_int_equal(found.number, cases[c].changes.number);
        assert_int_equal(found.first, cases[c].changes.first);
        assert_int_equal(found.last, cases[c].changes.last);
    }
}

static void what_was_not_observed_has_no_statistic(void **state)
{
    static const float bad[] = {NAN, 0.0f, -1.0f};
    const tb_omnibus   test  = {3, 2, 4.0};

    (void)state;
    for (int b = 0; b < 3; b++)
        for (int v = 0; v < 6; v++) {
            float series[6] = {1, 2, 3, 4, 5, 6};

            series[v] = bad[b];
            assert_true(isnan(statistic(series, &test)));
        }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* On ground of any texture, and with a tenth of it changed. */
static void looks_are_found(void **state)
{
    enum { PIXELS = 100001 };
    static const double looks[] = {1.0, 2.7, 4.4, 12.0, 60.0};
    static double       ratio[PIXELS];
    uint64_t            seed = 3;

    (void)state;
    for (size_t l = 0; l < sizeof looks / sizeof *looks; l++)
        for (int changed = 0; changed < 2; changed++) {
            double found, middle;

            for (int i = 0; i < PIXELS; i++) {
                double ground = exp(2.0 * random_normal(&seed));
                double factor = changed && i % 10 == 0 ? 8.0 : 1.0;

                ratio[i] = log(ground * random_speckle(&seed, looks[l])) -
                           log(ground * factor * random_speckle(&seed, looks[l]));
            }
            qsort(ratio, PIXELS, sizeof *ratio, compare);
            middle = ratio[PIXELS / 2];
            for (int i = 0; i < PIXELS; i++)
                ratio[i] = fabs(ratio[i] - middle);
            qsort(ratio, PIXELS, sizeof *ratio, compare);
            found = tb_omnibus_looks(ratio[PIXELS / 2]);
            print_message("         %.1f looks%s: %.3f found\n", looks[l],
                          changed ? ", a tenth changed" : "", found);
            assert_true(changed ? found < looks[l] && found > 0.6 * looks[l]
                                : fabs(found / looks[l] - 1.0) < 0.03);
        }
    assert_true(tb_omnibus_looks(0.0) == TB_OMNIBUS_LOOKS_MAX);
    assert_true(tb_omnibus_looks(100.0) == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_series),
        cmocka_unit_test(unchanged_ground_is_rejected_as_often_as_asked),
        cmocka_unit_test(order_and_scale_do_not_matter),
        cmocka_unit_test(changes_are_dated),
        cmocka_unit_test(what_was_not_observed_has_no_statistic),
        cmocka_unit_test(looks_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
