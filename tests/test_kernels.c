/* Row functions: every variant equals its definition bit for bit, and exp, log, erfc and chi2 are
 * right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "kernel_cases.h"
#include "kernels/real.h"

enum { GUARD = 64, SENTINEL = 0xa5 };

static bool is_same(const unsigned char *a, const unsigned char *b, size_t element, bool is_for_nan)
{
    if (memcmp(a, b, element) == 0)
        return true;
    if (!is_for_nan)
        return false;

    /* The sign and payload of a NaN are no part of a result. */
    if (element == sizeof(double)) {
        double x, y;

        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return isnan(x) && isnan(y);
    }

    float x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return isnan(x) && isnan(y);
}

static void check(const kernel_case *it, const tb_kernels *variant, const case_inputs *in, size_t n)
{
    static _Alignas(64) unsigned char ours[CASE_N_MAX * 8 + 4 * GUARD];
    static _Alignas(64) unsigned char theirs[CASE_N_MAX * 8 + 4 * GUARD];
    size_t                            element  = it->is_double ? sizeof(double) : sizeof(float);
    size_t                            elements = it->fixed_elements > 0 ? it->fixed_elements : n;
    size_t                            at  = GUARD + n % 5 * element; /* no alignment is promised */
    size_t                            end = at + elements * element;

    memset(ours, SENTINEL, end + GUARD);
    memset(theirs, SENTINEL, end + GUARD);
    it->run(&tb_kernels_c, ours + at, in, n);
    it->run(variant, theirs + at, in, n);
    for (size_t i = 0; i < end + GUARD; i++)
        if ((i < at || i >= end) && (ours[i] != SENTINEL || theirs[i] != SENTINEL))
            fail_msg("%s, n = %zu: wrote outside its row at byte %zd", it->name, n,
                     (ssize_t)i - (ssize_t)at);
    for (size_t i = 0; i < elements; i++)
        if (!is_same(ours + at + i * element, theirs + at + i * element, element, it->is_for_nan))
            fail_msg("%s, n = %zu: %s differs from c at %zu", it->name, n, variant->isa, i);
}

static void check_variant(const char *name)
{
    const tb_kernels *variant = tb_kernels_named(name, tb_kernels_features());

    if (variant == NULL) {
        print_message("         this processor has no %s\n", name);
        skip();
    }
    assert_string_equal(variant->isa, name);
    for (int with_nan = 0; with_nan < 2; with_nan++) {
        case_inputs *in       = case_inputs_new(20240311 + (uint64_t)with_nan, with_nan);
        const size_t longer[] = {127, 128, 255, 256, 257, 511, 512, 513, 1000, 4099, CASE_N_MAX};

        assert_non_null(in);
        for (size_t k = 0; k < kernel_cases_count; k++) {
            for (size_t n = 0; n <= 70; n++)
                check(&kernel_cases[k], variant, in, n);
            for (size_t i = 0; i < sizeof longer / sizeof *longer; i++)
                check(&kernel_cases[k], variant, in, longer[i]);
        }
        case_inputs_free(in);
    }
}

static void the_definition_stays_in_its_row(void **state)
{
    (void)state;
    check_variant("c");
}

static void avx2_equals_the_definition(void **state)
{
    (void)state;
    check_variant("avx2");
}

static void avx512_equals_the_definition(void **state)
{
    (void)state;
    check_variant("avx512");
}

static void a_name_chooses_and_a_misspelt_one_is_refused(void **state)
{
    const unsigned features = tb_kernels_features(), all = TB_FEATURE_AVX2 | TB_FEATURE_AVX512;

    (void)state;
    assert_ptr_equal(tb_kernels_named("c", all), &tb_kernels_c);
    assert_ptr_equal(tb_kernels_named(NULL, features), tb_kernels_select(features));
    assert_ptr_equal(tb_kernels_named("", features), tb_kernels_select(features));
    assert_null(tb_kernels_named("avx", all));
    assert_null(tb_kernels_named("AVX2", all));
    assert_null(tb_kernels_named("avx2 ", all));
    assert_null(tb_kernels_named("avx2", 0));
    assert_null(tb_kernels_named("avx512", TB_FEATURE_AVX2));
    assert_string_equal(tb_kernels_select(0)->isa, "c");
}

static double relative(double got, double expected)
{
    if (got == expected)
        return 0.0;
    return fabs(got - expected) / fabs(expected);
}

static void exp_log_and_erfc_agree_with_libm(void **state)
{
    double worst_exp = 0.0, worst_log = 0.0, worst_erfc = 0.0, worst_identity = 0.0;

    (void)state;
    for (int i = -700000; i <= 700000; i += 7)
        worst_exp = fmax(worst_exp, relative(tb_real_exp(i * 1.0000001e-3), exp(i * 1.0000001e-3)));
    for (int i = 1; i < 400000; i++) {
        double x   = i * 1e-5 * (1.0 + i % 3 * 1e-9);
        double far = tb_real_exp(i * 3.3e-3 - 690.0);

        worst_log      = fmax(worst_log, relative(tb_real_log(x), log(x)));
        worst_log      = fmax(worst_log, relative(tb_real_log(far), log(far)));
        worst_identity = fmax(worst_identity, fabs(tb_real_log(tb_real_exp(x)) - x));
    }
    for (int i = -60000; i <= 260000; i++) {
        double x = i * 1e-4;

        worst_erfc = fmax(worst_erfc, relative(tb_real_erfc(x), erfc(x)));
    }
    print_message("         worst relative error: exp %.2g, log %.2g, erfc %.2g\n", worst_exp,
                  worst_log, worst_erfc);
    assert_true(worst_exp < 5e-16);
    assert_true(worst_log < 5e-16);
    assert_true(worst_erfc < 3e-15);
    assert_true(worst_identity < 1e-15);
}

static void exp_log_and_erfc_keep_to_their_limits(void **state)
{
    (void)state;
    assert_true(tb_real_exp(0.0) == 1.0 && tb_real_exp(-0.0) == 1.0);
    assert_true(tb_real_exp(-709.0) == 0.0 && tb_real_exp(-(double)INFINITY) == 0.0);
    assert_true(isinf(tb_real_exp(710.0)) && isinf(tb_real_exp((double)INFINITY)));
    assert_true(isnan(tb_real_exp((double)NAN)));
    assert_true(tb_real_log(1.0) == 0.0);
    assert_true(isinf(tb_real_log((double)INFINITY)) && isinf(tb_real_log(0.0)));
    assert_true(isnan(tb_real_log(-1.0)) && isnan(tb_real_log((double)NAN)));
    assert_true(tb_real_erfc(0.0) == 1.0 && tb_real_erfc(40.0) == 0.0);
    assert_true(tb_real_erfc(-40.0) == 2.0 && isnan(tb_real_erfc((double)NAN)));
    assert_true(relative(tb_real_erfcx(1e8), 5.641895835477562869e-9) < 1e-15);
    assert_true(relative(tb_real_erfcx(0.5), 0.6156903441929258749) < 1e-15);
}

static void the_log_row_is_within_an_ulp(void **state)
{
    enum { N = 4096 };
    static float in[N], out[N];
    const float  offset = 0.5f;

    (void)state;
    for (int i = 0; i < N; i++)
        in[i] = (float)i * 0.37f - 20.0f;
    in[7] = NAN;
    in[8] = INFINITY;
    in[9] = -offset;
    tb_kernels_c.log_row(out, in, offset, N);
    for (int i = 0; i < N; i++) {
        double sum = (double)in[i] + (double)offset;

        if (i == 8) {
            assert_true(isinf(out[i]));
        } else if (!(sum > 0.0)) {
            assert_true(isnan(out[i]));
        } else {
            float expected = (float)log(sum);

            assert_true(out[i] >= nextafterf(expected, -INFINITY));
            assert_true(out[i] <= nextafterf(expected, INFINITY));
        }
    }
}

typedef struct chi2_row {
    int    degrees;
    double z, p;
} chi2_row;

/* The regularised upper incomplete gamma function Q(degrees/2, z/2) by mpmath with 40 digits. */
static const chi2_row chi2_table[] = {
    {1, 0.01, 0x1.d7375f15b2f1ep-1},   {1, 1, 0x1.44ed0bb7cb20bp-2},
    {1, 7.5, 0x1.9459bbcd2542ap-8},    {1, 40, 0x1.173c309739790p-32},
    {1, 200, 0x1.7d8a7f2a8a2d0p-149},  {1, 900, 0x1.7795ad05ea397p-655},
    {2, 0.01, 0x1.fd7246927d28bp-1},   {2, 1, 0x1.368b2fc6f960ap-1},
    {2, 7.5, 0x1.81509354f0d29p-6},    {2, 40, 0x1.1b48655f37267p-29},
    {2, 200, 0x1.a8c1f14e2af5dp-145},  {2, 900, 0x1.b9cb63629a932p-650},
    {3, 0.01, 0x1.ffdd3e897d74ep-1},   {3, 1, 0x1.9a3db24d7e4a1p-1},
    {3, 7.5, 0x1.d784d29a9667dp-5},    {3, 40, 0x1.6e1b2a6df231ap-27},
    {3, 200, 0x1.2d0b8f272a404p-141},  {3, 900, 0x1.4ad622c971114p-645},
    {4, 0.01, 0x1.fffe5df70fb47p-1},   {4, 1, 0x1.d1d0c7aa7610fp-1},
    {4, 7.5, 0x1.c98faef4ddfa1p-4},    {4, 40, 0x1.73cf050cf8627p-25},
    {4, 200, 0x1.4f290867ade5fp-138},  {4, 900, 0x1.8528a80b5b28ap-641},
    {5, 0.01, 0x1.ffffee371a4aap-1},   {5, 1, 0x1.ecd56bc8b132bp-1},
    {5, 7.5, 0x1.7cfd359b3cb1ap-3},    {5, 40, 0x1.40b2c4be8e22ap-23},
    {5, 200, 0x1.3cbd73164706ap-135},  {5, 900, 0x1.848fbe0d2935bp-637},
    {6, 0.01, 0x1.ffffff4db678ap-1},   {6, 1, 0x1.f8a22da3553d0p-1},
    {6, 7.5, 0x1.1bb7d47c0b531p-2},    {6, 40, 0x1.e91aff0665386p-22},
    {6, 200, 0x1.087d03a994702p-132},  {6, 900, 0x1.56cbbe78d9a4fp-633},
    {7, 0.01, 0x1.fffffff97f782p-1},   {7, 1, 0x1.fd5a2a7aee946p-1},
    {7, 7.5, 0x1.83d39b850faa9p-2},    {7, 40, 0x1.51e76aaf80c3ep-20},
    {7, 200, 0x1.8ff181a8c72d4p-130},  {7, 900, 0x1.11d102ced87f7p-629},
    {10, 0.01, 0x1.fffffffffff16p-1},  {10, 1, 0x1.ffe970c1ff154p-1},
    {10, 7.5, 0x1.5ae786151a2cep-1},   {10, 40, 0x1.1c491efb15707p-16},
    {10, 200, 0x1.b75a8ae14e0e9p-123}, {10, 900, 0x1.62a607f4477f4p-619},
    {13, 0.01, 0x1.0000000000000p+0},  {13, 1, 0x1.ffff7f53e1238p-1},
    {13, 7.5, 0x1.bfc93d6f5d91dp-1},   {13, 40, 0x1.21e69c79a70a2p-13},
    {13, 200, 0x1.22a45b60323e5p-116}, {13, 900, 0x1.148bf7836c003p-609},
    {16, 0.01, 0x1.0000000000000p+0},  {16, 1, 0x1.fffffde9bb8d3p-1},
    {16, 7.5, 0x1.ecbce5395cf0ap-1},   {16, 40, 0x1.98349787e7431p-11},
    {16, 200, 0x1.078856b90f268p-110}, {16, 900, 0x1.278257bef781bp-600},
    {31, 0.01, 0x1.0000000000000p+0},  {31, 1, 0x1.0000000000000p+0},
    {31, 7.5, 0x1.ffff6551ea008p-1},   {31, 40, 0x1.08464e7b00509p-3},
    {31, 200, 0x1.00e17e6de9b23p-86},  {31, 900, 0x1.462e31140c202p-560},
    {32, 0.01, 0x1.0000000000000p+0},  {32, 1, 0x1.0000000000000p+0},
    {32, 7.5, 0x1.ffffb64d9f9cbp-1},   {32, 40, 0x1.4089f555608b7p-3},
    {32, 200, 0x1.4ac8feff4825ap-85},  {32, 900, 0x1.bb7166c75c855p-558},
};

static void chi2_agrees_with_the_incomplete_gamma_function(void **state)
{
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < sizeof chi2_table / sizeof *chi2_table; i++) {
        double p;

        tb_kernels_c.chi2_upper(&p, &chi2_table[i].z, chi2_table[i].degrees, 1);
        worst = fmax(worst, relative(p, chi2_table[i].p));
    }
    print_message("         worst relative error: %.2g\n", worst);
    assert_true(worst < 1e-14);
}

/* The mean over near neighbours as its formula says, in double. */
static void bilateral_as_plainly_computed(void **state)
{
    enum { N = 300, SIDE = 2 * TB_BILATERAL_RADIUS + 1, WIDTH = N + SIDE - 1 };
    static float rows[SIDE][WIDTH], dst[N];
    const float *row[SIDE];
    uint64_t     random   = 5;
    const float  by_range = 0.4f;

    (void)state;
    for (int i = 0; i < SIDE; i++) {
        row[i] = rows[i];
        for (int x = 0; x < WIDTH; x++) {
            random     = random * 6364136223846793005u + 1442695040888963407u;
            rows[i][x] = random >> 59 == 0 ? NAN : (float)(random >> 40) / 0x1p24f * 6.0f;
        }
    }
    tb_kernels_c.bilateral_row(dst, row, by_range, N);
    for (int x = 0; x < N; x++) {
        double centre = (double)rows[TB_BILATERAL_RADIUS][x + TB_BILATERAL_RADIUS];
        double sum = 0.0, weights = 0.0;

        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                double value    = (double)rows[i][x + j],
                       distance = (value - centre) * (double)by_range;
                double place    = (i - 3) * (i - 3) + (j - 3) * (j - 3);
                double weight;

                if (!(fabs(distance) < 1.0))
                    continue;
                weight = exp(-place / 8.0) * pow(1.0 - distance * distance, 2.0);
                sum += weight * value;
                weights += weight;
            }
        assert_true(isnan(centre) ? isnan(dst[x]) : fabs((double)dst[x] - sum / weights) < 1e-5);
    }
}

/* As RFC 1950 has it, byte by byte; all bits set are what sums overflow of first. */
static void adler_as_its_contract_says(void **state)
{
    enum { N = 20000 };
    static uint8_t bytes[N];
    uint64_t       random = 11;

    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t   n = (size_t)(random >> 33) % (N + 1);
        uint32_t a = 1, b = 0;

        for (size_t i = 0; i < n; i++) {
            random   = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = round % 4 == 0 ? UINT8_MAX : (uint8_t)(random >> 56);
        }
        for (size_t i = 0; i < n; i++) {
            a = (a + bytes[i]) % 65521;
            b = (b + a) % 65521;
        }
        assert_int_equal(tb_kernels_c.adler(bytes, n), b << 16 | a);
    }
    assert_int_equal(tb_kernels_c.adler((const uint8_t *)"Wikipedia", 9), 0x11E60398);
}

/* To the bit: whether values are small enough to spare a division or not, with and without a score.
 */
static void cva_as_its_contract_says(void **state)
{
    enum { N = 1100, BANDS = 5 };
    static float t0[BANDS][N], t1[BANDS][N], score[N], contrast[N], alone[N];
    const float *a[BANDS], *b[BANDS];
    float        slope[BANDS], intercept[BANDS], by_noise[BANDS], by_spread[BANDS];
    uint64_t     random = 5;

    (void)state;
    for (int round = 0; round < 24; round++) {
        int            bands    = 1 + round % BANDS;
        tb_cva_weights w        = {.bands     = bands,
                                   .varying   = bands,
                                   .slope     = slope,
                                   .intercept = intercept,
                                   .by_noise  = by_noise,
                                   .by_spread = by_spread,
                                   .by_value  = 20.0f,
                                   .low       = {10.0f, -INFINITY},
                                   .high      = {INFINITY, 900.0f}};
        float          by_bands = 1.0f / (float)(bands < 5 ? bands : bands - 1);

        for (int k = 0; k < bands; k++) {
            a[k]         = t0[k];
            b[k]         = t1[k];
            slope[k]     = 0.5f + (float)((round + k) % 7) / 5.0f;
            intercept[k] = (float)(round % 11) * 7.0f - 30.0f;
            by_noise[k]  = 0.25f;
            /* Limits under, over and in the midst of the values; a band that does not vary. */
            by_spread[k] = round % 6 == 5 && k == 0 ? 0.0f : 20.0f / (float)(50 << (round + k) % 6);
            for (int x = 0; x < N; x++) {
                random   = random * 6364136223846793005u + 1442695040888963407u;
                t0[k][x] = (float)(random >> 54);
                t1[k][x] = (float)(random >> 44 & 1023);
                if ((random >> 33) % 97 == 0 && round % 4 == 3)
                    t0[k][x] = NAN;
            }
        }
        tb_kernels_c.cva_magnitude(score, contrast, a, b, &w, N);
        tb_kernels_c.cva_magnitude(NULL, alone, a, b, &w, N);
        assert_memory_equal(contrast, alone, sizeof contrast);
        for (int x = 0; x < N; x++) {
            float s = 0.0f, c = 0.0f, greatest = 0.0f;

            for (int k = 0; k < bands; k++) {
                float matched = intercept[k] + slope[k] * b[k][x], d = a[k][x] - matched, unit;

                if (a[k][x] <= w.low[0] || b[k][x] >= w.high[1])
                    d = d > 0.0f ? 0.0f : d;
                unit = w.by_value / fmaxf(fabsf(a[k][x]), fabsf(matched));
                unit = d * (by_spread[k] < unit ? by_spread[k] : unit);
                s += d * by_noise[k] * (d * by_noise[k]);
                c += unit * unit;
                greatest = unit * unit > greatest ? unit * unit : greatest;
            }
            s = sqrtf(s);
            c = sqrtf((bands < 5 ? c : c - greatest) * by_bands);
            assert_true(isnan(s) ? isnan(score[x]) && isnan(contrast[x])
                                 : s == score[x] && c == contrast[x]);
        }
    }
}

/* Rows about 3 with holes; the last one follows the one before, but for some pixels. */
static void fill_joint_rows(float *const row[TB_JOINT_ROWS], size_t n)
{
    uint64_t random = 17;

    for (size_t x = 0; x < n; x++)
        for (int i = 0; i < TB_JOINT_ROWS; i++) {
            random    = random * 6364136223846793005u + 1442695040888963407u;
            row[i][x] = (float)(random >> 40) / 0x1p24f * 2.0f + (i < 2 ? -1.0f : 2.0f);
            if (i == 3 && x % 7 != 0)
                row[i][x] = 1.25f * row[2][x] + 0.5f + 0.01f * row[i][x];
            if (random >> 58 == 0)
                row[i][x] = NAN;
        }
}

/* The sums and bins of joint.h in double, over some chunks and a rest. */
static void joint_sums_as_plainly_computed(void **state)
{
    enum { N = 3 * TB_JOINT_CHUNK + 77 };
    static float       a[N], b[N], c[N], d[N];
    static uint16_t    bins[N];
    float *const       rows[TB_JOINT_ROWS] = {a, b, c, d};
    const float *const row[TB_JOINT_ROWS]  = {a, b, c, d};
    const tb_joint_cut cuts[]              = {{{0.0f, 0.0f, 3.0f, 4.25f}, 0.0f, 0.0f, INFINITY},
                                              {{0.0f, 0.0f, 3.0f, 4.25f}, 1.25f, 0.03f, 0.02f}};

    (void)state;
    fill_joint_rows(rows, N);
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        const tb_joint_cut *cut    = &cuts[k];
        const int32_t       lowest = tb_joint_lowest(0.02f);
        double              expected[1 + TB_JOINT_ROWS + TB_JOINT_PRODUCTS] = {0.0};
        tb_joint            sums                                            = {0};

        tb_kernels_c.joint_add(&sums, row, cut, N);
        tb_kernels_c.joint_bins(bins, row, cut, lowest, N);
        for (size_t x = 0; x < N; x++) {
            double z[TB_JOINT_ROWS], r;

            for (int i = 0; i < TB_JOINT_ROWS; i++)
                z[i] = (double)row[i][x] - (double)cut->centre[i];
            r = fabs(z[3] - (double)cut->gain * z[2] - (double)cut->offset);
            if (isnan(z[0] + z[1] + z[2] + z[3])) {
                assert_int_equal(bins[x], TB_JOINT_BINS);
                continue;
            }
            assert_in_range(bins[x], 0, TB_JOINT_BINS - 1);
            if (bins[x] > 0)
                assert_true(r > (double)tb_joint_edge(lowest, bins[x]) * (1 - 1e-4) - 1e-6);
            if (bins[x] < TB_JOINT_BINS - 1)
                assert_true(r < (double)tb_joint_edge(lowest, bins[x] + 1) * (1 + 1e-4) + 1e-6);
            if (r > (double)cut->most)
                continue;
            expected[0] += 1.0;
            for (int i = 0; i < TB_JOINT_ROWS; i++) {
                expected[1 + i] += z[i];
                for (int j = 0; j <= i; j++)
                    expected[1 + TB_JOINT_ROWS + tb_joint_index(i, j)] += z[i] * z[j];
            }
        }
        assert_in_range((int)expected[0], N / 2, N - 1);
        assert_true(sums.count == expected[0]);
        for (int i = 0; i < TB_JOINT_ROWS; i++)
            assert_true(fabs(sums.first[i] - expected[1 + i]) < 1e-6 * N);
        for (int i = 0; i < TB_JOINT_PRODUCTS; i++)
            assert_true(fabs(sums.second[i] - expected[1 + TB_JOINT_ROWS + i]) < 1e-6 * N);
        for (int last = 0; last <= TB_JOINT_BINS; last += 32) {
            size_t count = 0;

            for (size_t x = 0; x < N; x++)
                count += bins[x] <= last;
            assert_int_equal(tb_kernels_c.joint_count(bins, last, N), count);
        }
    }
    assert_true(tb_joint_edge(tb_joint_lowest(8.0f), 12 * 32) == 8.0f);
    assert_int_equal(tb_joint_lowest(0.0f), 0);
}

static void clipped_sums_as_plainly_computed(void **state)
{
    enum { N = 2 * TB_CLIP_CHUNK + 301 };
    static float src[N], dst[N];
    double       sums[2] = {0.0}, sum = 0.0, count = 0.0;

    (void)state;
    for (int x = 0; x < N; x++)
        src[x] = x % 50 == 7 ? NAN : x % 50 == 9 ? INFINITY : (float)(x * 7 % 101) * 0.1f;
    tb_kernels_c.clip_add(sums, src, 6.0f, N);
    tb_kernels_c.clip_row(dst, src, 6.0f, N);
    for (int x = 0; x < N; x++) {
        if (!isfinite(src[x])) {
            assert_true(isnan(dst[x]));
            continue;
        }
        assert_true(dst[x] == fminf(src[x], 6.0f));
        sum += (double)dst[x];
        count += 1.0;
    }
    assert_true(sums[1] == count && fabs(sums[0] - sum) < 1e-7 * N);
}

/* Mirrored rows give mirrored sums to the bit, and a constant stays one. */
static void stencils_are_symmetric(void **state)
{
    enum { N = 200, ROWS = 6 };
    static float         rows[ROWS][N], there[N], back[N];
    static const float   taps[ROWS]     = {0.5f, 0.2f, 0.05f, 0.1f, 0.3f, 0.4f};
    static const float   mirrored[ROWS] = {0.4f, 0.3f, 0.1f, 0.05f, 0.2f, 0.5f};
    tb_stencil_fn *const stencil[]      = {tb_kernels_c.stencil_three, tb_kernels_c.stencil_five,
                                           tb_kernels_c.stencil_six};
    static const int     size[]         = {3, 5, 6};
    static const float   whole[]        = {0.9f, 1.0f, 1.55f};

    (void)state;
    for (int k = 0; k < 3; k++) {
        const float *row[ROWS], *turned[ROWS];

        for (int i = 0; i < size[k]; i++) {
            row[i] = turned[size[k] - 1 - i] = rows[i];
            for (int x = 0; x < N; x++)
                rows[i][x] = x < 3 ? 8.0f : (float)(x * (i + 3) % 37) * 0.13f;
            rows[i][50 + i] = NAN;
        }
        stencil[k](there, row, taps, N);
        stencil[k](back, turned, size[k] == ROWS ? mirrored : taps, N);
        for (int x = 0; x < N; x++) {
            assert_int_equal(isnan(there[x]), x >= 50 && x < 50 + size[k]);
            assert_true(isnan(there[x]) ? isnan(back[x]) : there[x] == back[x]);
        }
        assert_true(fabsf(there[0] - 8.0f * whole[k]) < 1e-5f);
    }
}

static float fir_of(const float *const *row, const float *share, int radius, size_t x)
{
    float sum = share[0] * row[radius][x], weight = share[0], all = share[0];

    for (int k = 1; k <= radius; k++) {
        float pair = 0.0f;

        for (int side = -1; side <= 1; side += 2) {
            float value = row[radius + side * k][x];

            pair += isnan(value) ? 0.0f : value;
            weight += isnan(value) ? 0.0f : share[k];
            all += share[k];
        }
        sum += share[k] * pair;
    }
    return weight == all ? sum : sum / weight;
}

/* To the bit: the sums of fir.h in its order, with rows of whole chunks and rows with holes, for
 * any number of outputs. */
static void fir_as_its_contract_says(void **state)
{
    enum { N = 1300, R = TB_FIR_RADIUS_MAX, OUTPUTS = TB_FIR_OUTPUTS_MAX, ROWS = 2 * R + OUTPUTS };
    static float rows[ROWS][N], dst[OUTPUTS][N];
    const float *row[ROWS];
    float        taps[R + 1], share[R + 1];
    uint64_t     random = 9;

    (void)state;
    for (int k = 0; k <= R; k++)
        taps[k] = k == 3 ? 0.0f : 1.0f / (float)(1 + k * k);
    for (int round = 0; round < 8 * OUTPUTS; round++) {
        int    radius = round % 4 == 3 ? R : 2 * (round % 8), outputs = 1 + round / 8;
        float  sum = taps[0];
        float *to[OUTPUTS];

        for (int k = 1; k <= radius; k++) {
            sum += taps[k];
            sum += taps[k];
        }
        for (int k = 0; k <= radius; k++)
            share[k] = taps[k] / sum;
        for (int i = 0; i < outputs; i++)
            to[i] = dst[i];
        for (int i = 0; i < 2 * radius + outputs; i++) {
            row[i] = rows[i];
            for (int x = 0; x < N; x++) {
                random     = random * 6364136223846793005u + 1442695040888963407u;
                rows[i][x] = (float)(random >> 40) / 0x1p24f * 6.0f - 2.0f;
                if (x / 512 == 1 && round % 8 >= 4 && random >> 58 == 0)
                    rows[i][x] = x % 3 == 0 ? NAN : x % 3 == 1 ? INFINITY : -INFINITY;
            }
        }
        tb_kernels_c.fir_columns(to, row, taps, radius, outputs, N);
        for (int i = 0; i < outputs; i++)
            for (size_t x = 0; x < N; x++) {
                float wanted = fir_of(row + i, share, radius, x);

                assert_true(isnan(wanted) ? isnan(dst[i][x])
                                          : memcmp(&wanted, &dst[i][x], sizeof wanted) == 0);
            }
    }
}

static void chi2_falls_from_one_to_zero(void **state)
{
    (void)state;
    for (int degrees = 1; degrees <= TB_CHI2_DEGREES_MAX; degrees++) {
        const double ends[] = {0.0, -1.0, 1e4, 1e300, (double)INFINITY, (double)NAN};
        double       z[1500], p[1500];

        tb_kernels_c.chi2_upper(p, ends, degrees, 6);
        assert_true(p[0] == 1.0 && p[1] == 1.0 && p[2] == 0.0 && p[3] == 0.0 && p[4] == 0.0);
        assert_true(isnan(p[5]));
        for (int i = 0; i < 1500; i++)
            z[i] = i;
        tb_kernels_c.chi2_upper(p, z, degrees, 1500);
        for (int i = 1; i < 1500; i++)
            assert_true(p[i] <= p[i - 1] * (1.0 + 1e-14 * degrees) && p[i] >= 0.0);
    }
}

/* Of two degrees the tail is e^(-z/2) and nothing else: the row's exponential is the scalar one. */
static void chi2_takes_the_exponential_of_real(void **state)
{
    enum { N = 20000 };
    static double z[N], p[N];

    (void)state;
    for (int i = 0; i < N; i++)
        z[i] = 0.0717 * i;
    tb_kernels_c.chi2_upper(p, z, 2, N);
    for (int i = 0; i < N; i++)
        assert_true(p[i] == tb_real_exp(-0.5 * z[i]));
}

static double lanes_sum(const double *lane)
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* Sum over a run of weight * a * b in the order moments.h gives; NULL for 1. */
static double run_sum(const double *weight, const double *a, const double *b, size_t n)
{
    enum { CHUNK = 256 };
    double lane[8] = {0.0};

    for (size_t at = 0; at < n; at += CHUNK) {
        double of_chunk[8] = {0.0};

        for (size_t x = at; x < n && x < at + CHUNK; x++)
            of_chunk[x % 8] += weight[x] * (a != NULL ? a[x] : 1.0) * (b != NULL ? b[x] : 1.0);
        for (int k = 0; k < 8; k++)
            lane[k] += of_chunk[k];
    }
    return lanes_sum(lane);
}

enum { MOMENTS_RUN = 777 };

static void add_moments(tb_moments *sums, const float *const *channel, int channels,
                        const double *centre, const double *weight)
{
    static double z[TB_MOMENTS_CHANNELS_MAX][MOMENTS_RUN];

    for (int i = 0; i < channels; i++)
        for (size_t x = 0; x < MOMENTS_RUN; x++)
            z[i][x] = (double)channel[i][x] - centre[i];
    sums->weight += run_sum(weight, NULL, NULL, MOMENTS_RUN);
    for (int i = 0; i < channels; i++) {
        sums->first[i] += run_sum(weight, z[i], NULL, MOMENTS_RUN);
        for (int j = i; j < channels; j++)
            sums->second[tb_moments_index(channels, i, j)] +=
                run_sum(weight, z[i], z[j], MOMENTS_RUN);
    }
}

static double statistic_of(const float *const *channel, const tb_mad_weights *weights, size_t x)
{
    double z = 0.0;

    for (int i = 0; i < weights->components; i++) {
        double m = 0.0;

        for (int k = 0; k < weights->channels; k++)
            m += weights->coefficient[i][k] * ((double)channel[k][x] - weights->centre[k]);
        z += m * m * weights->by_variance[i];
    }
    return z;
}

static tb_mad_weights some_weights(int channels, int components)
{
    tb_mad_weights weights = {.channels = channels, .components = components};

    for (int i = 0; i < TB_MAD_COMPONENTS_MAX; i++) {
        for (int k = 0; k < TB_MAD_CHANNELS_MAX; k++)
            weights.coefficient[i][k] = 0.001 * ((i * 7 + k * 5) % 11 - 5.3);
        weights.by_variance[i] = 1.0 / (0.1 + i);
    }
    for (int k = 0; k < TB_MAD_CHANNELS_MAX; k++)
        weights.centre[k] = 10.0 * k - 31.7;
    return weights;
}

/* A pixel by itself: its weight is what the sum of weights becomes. */
static double irmad_weight(const float *const *channel, const tb_mad_weights *weights, size_t x)
{
    const float *at[TB_MAD_CHANNELS_MAX];
    tb_moments   sums = {0};

    for (int k = 0; k < weights->channels; k++)
        at[k] = channel[k] + x;
    tb_kernels_c.irmad_add(&sums, at, weights, 1);
    return sums.weight;
}

/*
 * The statistic, the moments and the pass that joins them, for every number of bands and of
 * components (constant bands leave fewer), of weights whose places beyond them hold anything.
 */
static void irmad_as_plainly_computed(void **state)
{
    enum { N = MOMENTS_RUN };
    case_inputs *in = case_inputs_new(5, false);
    double       z[N], p[N];

    (void)state;
    assert_non_null(in);
    for (int bands = 1; bands <= TB_MAD_COMPONENTS_MAX; bands++) {
        int            fewer    = bands % 3 == 0 ? bands - 1 : bands;
        tb_mad_weights weights  = some_weights(2 * bands, fewer);
        tb_moments     expected = {.weight = 3.0, .first = {0.5}, .second = {-7.0}};
        tb_moments     parts = expected, whole = expected;

        tb_kernels_c.mad_statistic(z, in->rows, &weights, N);
        for (size_t x = 0; x < N; x++)
            assert_true(z[x] == statistic_of(in->rows, &weights, x));
        tb_kernels_c.chi2_upper(p, z, fewer, N);
        add_moments(&expected, in->rows, 2 * bands, weights.centre, p);
        tb_kernels_c.moments_add(&parts, in->rows, 2 * bands, weights.centre, p, N);
        tb_kernels_c.irmad_add(&whole, in->rows, &weights, N);
        assert_true(expected.weight > 3.0 && expected.second[0] != -7.0);
        assert_memory_equal(&expected, &parts, sizeof parts);

        expected = (tb_moments){.weight = 3.0, .first = {0.5}, .second = {-7.0}};
        for (size_t x = 0; x < N; x++)
            p[x] = irmad_weight(in->rows, &weights, x);
        add_moments(&expected, in->rows, 2 * bands, weights.centre, p);
        assert_memory_equal(&expected, &whole, sizeof whole);
    }
    case_inputs_free(in);
}

/* The weight is the probability: near 1 and near 0, and where it is 0. */
static void irmad_weighs_by_the_probability(void **state)
{
    static const double scales[] = {0.01, 1.0, 6.0, 40.0};
    case_inputs        *in       = case_inputs_new(6, false);
    int                 zeros = 0, tiny = 0, large = 0;

    (void)state;
    assert_non_null(in);
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
        for (int bands = 1; bands <= 5; bands++)
            for (size_t x = 0; x < 300; x++) {
                tb_mad_weights weights = some_weights(2 * bands, bands);
                double         z, p;

                for (int i = 0; i < bands; i++)
                    weights.by_variance[i] *= scales[s];
                z = statistic_of(in->rows, &weights, x);
                tb_kernels_c.chi2_upper(&p, &z, bands, 1);
                assert_true(fabs(irmad_weight(in->rows, &weights, x) - p) <= 1e-13 * p);
                zeros += p == 0.0;
                tiny += p > 0.0 && p < 1e-100;
                large += p > 0.9;
            }
    assert_true(zeros > 10 && tiny > 10 && large > 10);
    case_inputs_free(in);
}

/* Each tree walked from its root, one question after another. */
static void a_forest_is_the_sum_of_its_trees(void **state)
{
    enum { N = 1000, TREES = 9, FEATURES = TB_FOREST_FEATURES_MAX };
    case_inputs *in = case_inputs_new(77, false);
    tb_tree      trees[TREES];
    float        margin[N];

    (void)state;
    assert_non_null(in);
    for (int t = 0; t < TREES; t++) {
        for (int i = 0; i < TB_TREE_NODES; i++) {
            trees[t].feature[i] = (t + 5 * i) % FEATURES;
            /* Some are samples themselves: what equals its threshold is not below it. */
            trees[t].threshold[i] = in->rows[trees[t].feature[i]][100 * t + i];
        }
        for (int i = 0; i < TB_TREE_LEAVES; i++)
            trees[t].leaf[i] = 0.1f * (float)(t * 8 + i) - 2.0f;
    }
    tb_kernels_c.forest_row(margin, in->rows, trees, TREES, N);
    for (int x = 0; x < N; x++) {
        float sum = 0.0f;

        for (int t = 0; t < TREES; t++) {
            int node = 0;

            while (node < TB_TREE_NODES) {
                float value = in->rows[trees[t].feature[node]][x];

                node = 2 * node + (value < trees[t].threshold[node] ? 1 : 2);
            }
            sum += trees[t].leaf[node - TB_TREE_NODES];
        }
        assert_true(sum == margin[x]);
    }
    case_inputs_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_definition_stays_in_its_row),
        cmocka_unit_test(avx2_equals_the_definition),
        cmocka_unit_test(avx512_equals_the_definition),
        cmocka_unit_test(a_name_chooses_and_a_misspelt_one_is_refused),
        cmocka_unit_test(exp_log_and_erfc_agree_with_libm),
        cmocka_unit_test(exp_log_and_erfc_keep_to_their_limits),
        cmocka_unit_test(the_log_row_is_within_an_ulp),
        cmocka_unit_test(chi2_agrees_with_the_incomplete_gamma_function),
        cmocka_unit_test(bilateral_as_plainly_computed),
        cmocka_unit_test(adler_as_its_contract_says),
        cmocka_unit_test(cva_as_its_contract_says),
        cmocka_unit_test(joint_sums_as_plainly_computed),
        cmocka_unit_test(clipped_sums_as_plainly_computed),
        cmocka_unit_test(stencils_are_symmetric),
        cmocka_unit_test(fir_as_its_contract_says),
        cmocka_unit_test(chi2_falls_from_one_to_zero),
        cmocka_unit_test(chi2_takes_the_exponential_of_real),
        cmocka_unit_test(irmad_as_plainly_computed),
        cmocka_unit_test(irmad_weighs_by_the_probability),
        cmocka_unit_test(a_forest_is_the_sum_of_its_trees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
