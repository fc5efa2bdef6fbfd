#include "kernel_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void convert_u8(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->convert_u8(out, in->u8, n);
}

static void convert_u16(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->convert_u16(out, in->u16, n);
}

static void convert_i16(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->convert_i16(out, (const int16_t *)in->u16, n);
}

enum { CVA_BANDS = 4 };

static const float cva_numbers[4][CVA_BANDS] = {{1.1f, 0.9f, 1.3f, 0.7f},
                                                {3.0f, -2.0f, 0.5f, 7.0f},
                                                {0.3f, 0.2f, 0.1f, 0.7f},
                                                {0.01f, 0.03f, 0.02f, 0.05f}};

static tb_cva_weights cva_weights(void)
{
    return (tb_cva_weights){.bands     = CVA_BANDS,
                            .varying   = CVA_BANDS,
                            .slope     = cva_numbers[0],
                            .intercept = cva_numbers[1],
                            .by_noise  = cva_numbers[2],
                            .by_spread = cva_numbers[3],
                            .by_value  = 4.0f};
}

static void cva_both(const tb_kernels *k, float *score, float *contrast, const case_inputs *in,
                     size_t n)
{
    const tb_cva_weights weights = cva_weights();

    k->cva_magnitude(score, contrast, in->rows, in->rows + CVA_BANDS, &weights, n);
}

static void cva_score(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    float other[CASE_N_MAX];

    cva_both(k, out, other, in, n);
}

/* Of small values. */
static tb_cva_weights plain_weights(void)
{
    tb_cva_weights weights = cva_weights();

    weights.by_value = 1e6f;
    weights.low[0] = weights.low[1] = -INFINITY;
    weights.high[0] = weights.high[1] = INFINITY;
    return weights;
}

static void cva_plain(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    const tb_cva_weights weights = plain_weights();
    float                other[CASE_N_MAX];

    k->cva_magnitude(out, other, in->rows, in->rows + CVA_BANDS, &weights, n);
}

static void cva_alone(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    const tb_cva_weights weights = plain_weights();

    k->cva_magnitude(NULL, out, in->rows, in->rows + CVA_BANDS, &weights, n);
}

static void cva_contrast(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    float other[CASE_N_MAX];

    cva_both(k, other, out, in, n);
}

static const float fir_taps[] = {0.3f, 0.2f, 0.1f, 0.05f, 0.02f, 0.01f};

static void fir_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->fir_row(out, in->rows[0], fir_taps, 5, n);
}

/* All outputs at once, of a part of the columns each. */
static void fir_columns(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    float *dst[TB_FIR_OUTPUTS_MAX],
        *rest = (float *)out + n / TB_FIR_OUTPUTS_MAX * TB_FIR_OUTPUTS_MAX;

    for (int i = 0; i < TB_FIR_OUTPUTS_MAX; i++)
        dst[i] = (float *)out + n / TB_FIR_OUTPUTS_MAX * (size_t)i;
    k->fir_columns(dst, in->rows, fir_taps, 5, TB_FIR_OUTPUTS_MAX, n / TB_FIR_OUTPUTS_MAX);
    k->fir_columns(&rest, in->rows, fir_taps, 5, 1, n % TB_FIR_OUTPUTS_MAX);
}

static void gradient(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->gradient(out, in->rows[0], in->rows[1], in->rows[2], n);
}

static void gradient_told(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->gradient_told(out, in->rows[0], in->rows[1], in->rows[2], n);
}

static void difference(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->difference(out, in->rows[0], in->rows[1], n);
}

static void classify(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    for (int r = 0; r < (int)sizeof(float); r++) /* bytes of n floats */
        k->classify((uint8_t *)out + n * (size_t)r, in->rows[r], in->rows[r + 1], 20.0f, 90.0f,
                    -30.0f, n);
}

/* What is drawn, what is not as -1, and how many in the last place. */
static void draw_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    const uint64_t bound = (uint64_t)1 << 50;
    uint64_t       column[CASE_N_MAX];
    int32_t       *drawn = out;
    size_t         count;

    memcpy(column, in->positive, n * sizeof *column);
    count = k->draw_row(drawn, column, n, bound, n);
    for (size_t x = count; x < n; x++)
        drawn[x] = -1;
    if (k->draw_count(column, n, bound, n) != count)
        drawn[n - 1] = -2;
}

static void gradient_add(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    memset(out, 0, n * sizeof(float));
    k->gradient_add(out, in->rows[0], in->rows[1], in->rows[2], 0.37f, n);
}

/* Half of the pixels across, half of them down. */
static void slopes(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    float *dst = out;

    k->slopes(dst, dst + n / 2, in->rows[0], 37, n / 2);
    if (n % 2 != 0)
        dst[n - 1] = 0.0f;
}

static void clip_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->clip_row(out, in->rows[0], 130.0f, n);
}

static void clip_add(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    double sums[2] = {1.0, 2.0};

    k->clip_add(sums, in->rows[0], 130.0f, n);
    memcpy(out, sums, sizeof sums);
}

static void finite_count(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    double count = (double)k->finite_count(in->rows[0], in->rows[1], n);

    memcpy(out, &count, sizeof count);
}

enum { JOINT = sizeof(tb_joint) / sizeof(double) };

static const tb_joint_cut joint_all  = {{90.0f, 110.0f, 100.0f, 95.0f}, 0.0f, 0.0f, INFINITY};
static const tb_joint_cut joint_line = {{0.0f, 0.0f, 100.0f, 95.0f}, 0.8f, 3.0f, 120.0f};

static void joint_add(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    tb_joint sums = {0};

    k->joint_add(&sums, in->rows, &joint_all, n);
    memcpy(out, &sums, sizeof sums);
}

static void joint_add_cut(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    tb_joint sums = {0};

    k->joint_add(&sums, in->rows, &joint_line, n);
    memcpy(out, &sums, sizeof sums);
}

static void joint_bins(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    uint16_t *bins = out;

    k->joint_bins(bins, in->rows, &joint_line, tb_joint_lowest(20.0f), n);
    k->joint_bins(bins + n, in->rows, &joint_all, tb_joint_lowest(2.0f), n);
}

static void joint_count(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    double count = (double)k->joint_count(in->u16, 30000, n);

    memcpy(out, &count, sizeof count);
}

static void rough_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->rough_row(out, in->rows[0], in->rows[1], 0.83f, 0.21f, n);
}

static void stencil_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->stencil_three(out, in->rows, fir_taps, n);
}

static void stencil_five(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->stencil_five(out, in->rows, fir_taps, n);
}

static void stencil_six(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->stencil_six(out, in->rows, fir_taps, n);
}

static void composite_score(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->composite_score(out, in->rows[0], in->rows[1], in->rows[2], n);
}

static void forest_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    enum { TREES = 40 };
    tb_tree trees[TREES];

    for (int t = 0; t < TREES; t++) {
        for (int i = 0; i < TB_TREE_NODES; i++) {
            trees[t].feature[i]   = (t * 5 + i * 3) % TB_FOREST_FEATURES_MAX;
            trees[t].threshold[i] = (float)((t * 37 + i * 61) % 300) - 80.0f;
        }
        for (int i = 0; i < TB_TREE_LEAVES; i++)
            trees[t].leaf[i] = 0.01f * (float)((t * 7 + i * 13) % 41) - 0.2f;
    }
    k->forest_row(out, in->rows, trees, TREES, n);
}

enum { TAPS = 4, PHASES = 16 };

static void resample_across(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    float weights[PHASES * TAPS];

    for (int i = 0; i < PHASES * TAPS; i++)
        weights[i] = (float)(i % 7) * 0.125f - 0.2f;
    k->resample_across(out, in->rows[3], in->index, in->phase, weights, TAPS, n);
}

static void resample_down(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->resample_down(out, in->rows, fir_taps, TAPS, n);
}

static void log_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->log_row(out, in->rows[4], 1.0f, n);
}

static void chi2_even(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->chi2_upper(out, in->positive, 6, n);
}

static void chi2_odd(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->chi2_upper(out, in->positive, 7, n);
}

static void chi2_one(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->chi2_upper(out, in->positive, 1, n);
}

static void chi2_most(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->chi2_upper(out, in->positive, TB_CHI2_DEGREES_MAX, n);
}

static tb_mad_weights mad_weights(int bands)
{
    tb_mad_weights weights = {.channels = 2 * bands, .components = bands};

    for (int c = 0; c < 2 * bands; c++)
        weights.centre[c] = 10.0 * c - 31.7;
    for (int i = 0; i < bands; i++) {
        for (int c = 0; c < 2 * bands; c++)
            weights.coefficient[i][c] = 0.01 * ((i * 7 + c * 5) % 11 - 5.3);
        weights.by_variance[i] = 1.0 / (0.1 + i);
    }
    return weights;
}

static void mad(const tb_kernels *k, void *out, const case_inputs *in, size_t n, int bands)
{
    tb_mad_weights weights = mad_weights(bands);

    k->mad_statistic(out, in->rows, &weights, n);
}

static void mad_root(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    tb_mad_weights weights = mad_weights(4);

    k->mad_root(out, in->rows, &weights, n);
}

static void mad_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    mad(k, out, in, n, 4);
}

static void mad_six(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    mad(k, out, in, n, 6);
}

static void mad_most(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    mad(k, out, in, n, TB_MAD_COMPONENTS_MAX);
}

static void moments(const tb_kernels *k, void *out, const case_inputs *in, size_t n, int channels,
                    const double *weights)
{
    double centre[TB_MOMENTS_CHANNELS_MAX];

    for (int c = 0; c < channels; c++)
        centre[c] = 9.0 * c - 20.3;
    memset(out, 0, sizeof(tb_moments));
    k->moments_add(out, in->rows, channels, centre, weights, n);
}

static void moments_plain(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    moments(k, out, in, n, 8, NULL);
}

static void moments_weighted(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    moments(k, out, in, n, 12, in->positive);
}

static void moments_most(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    moments(k, out, in, n, TB_MOMENTS_CHANNELS_MAX, in->positive);
}

static void irmad(const tb_kernels *k, void *out, const case_inputs *in, size_t n, int bands)
{
    tb_mad_weights weights = mad_weights(bands);

    memset(out, 0, sizeof(tb_moments));
    k->irmad_add(out, in->rows, &weights, n);
}

static void irmad_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    irmad(k, out, in, n, 3);
}

static void irmad_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    irmad(k, out, in, n, 4);
}

static void irmad_most(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    irmad(k, out, in, n, TB_MAD_COMPONENTS_MAX);
}

static void median_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->median_row(out, in->rows, n);
}

static void bilateral_row(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->bilateral_row(out, in->rows, 0.02f, n);
}

static void omnibus(const tb_kernels *k, void *out, const case_inputs *in, size_t n, int dates,
                    int channels)
{
    k->omnibus_row(out, in->rows, &(tb_omnibus){dates, channels, 4.4}, n);
}

static void omnibus_two(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    omnibus(k, out, in, n, 2, 1);
}

static void omnibus_many(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    omnibus(k, out, in, n, CASE_ROWS / 2, 2);
}

enum { MOMENTS = sizeof(tb_moments) / sizeof(double) };

/* The rows' bits as samples of any kind. */
static void *bits(void *out, const case_inputs *in, size_t n)
{
    return memcpy(out, in->rows[5], n * sizeof(float));
}

static void sum_u8_one(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u8(bits(out, in, n), 1, 4 * n);
}

static void sum_u8_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u8(bits(out, in, n), 3, 4 * n);
}

static void sum_u8_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u8(bits(out, in, n), 4, 4 * n);
}

static void sum_u8_seven(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u8(bits(out, in, n), 7, 4 * n);
}

static void sum_u16_one(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u16(bits(out, in, n), 1, 2 * n);
}

static void sum_u16_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u16(bits(out, in, n), 3, 2 * n);
}

static void sum_u16_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u16(bits(out, in, n), 4, 2 * n);
}

static void sum_u16_six(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u16(bits(out, in, n), 6, 2 * n);
}

static void sum_u32(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->sum_u32(bits(out, in, n), 2, n);
}

static void sum_u64(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    memcpy(out, in->positive, n * sizeof(double));
    k->sum_u64(out, 3, n);
}

static void swap_u16(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->swap_u16(bits(out, in, n), 2 * n);
}

static void swap_u32(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->swap_u32(bits(out, in, n), n);
}

static void swap_u64(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    memcpy(out, in->positive, n * sizeof(double));
    k->swap_u64(out, n);
}

static void adler(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    uint32_t sum = k->adler((const uint8_t *)in->rows[5], n * sizeof(float));

    memcpy(out, &sum, sizeof sum);
}

static void join_u32(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->join_u32(out, (const uint8_t *)in->rows[2], n);
}

static void join_u64(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->join_u64(out, (const uint8_t *)in->positive, n);
}

/* Sources of four bands are read four times as far as they are written. */
static const void *wide(const case_inputs *in)
{
    return in->rows[0];
}

/* Rows of bands one after the other. */
static void part_u8(const tb_kernels *k, float *out, const case_inputs *in, int bands, size_t n)
{
    float *dst[6];

    for (int b = 0; b < bands; b++)
        dst[b] = out + n / (size_t)bands * (size_t)b;
    memset(out, 0, n * sizeof *out);
    k->part_u8(dst, in->u8, bands, n / (size_t)bands);
}

static void part_u16(const tb_kernels *k, float *out, const case_inputs *in, int bands, size_t n)
{
    float *dst[6];

    for (int b = 0; b < bands; b++)
        dst[b] = out + n / (size_t)bands * (size_t)b;
    memset(out, 0, n * sizeof *out);
    k->part_u16(dst, in->u16, bands, n / (size_t)bands);
}

static void part_u8_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    part_u8(k, out, in, 3, n);
}

static void part_u8_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    part_u8(k, out, in, 4, n);
}

static void part_u16_three(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    part_u16(k, out, in, 3, n);
}

static void part_u16_four(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    part_u16(k, out, in, 4, n);
}

static void part_u16_six(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    part_u16(k, out, in, 6, n);
}

static void pick_u8(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_u8(out, (const uint8_t *)wide(in) + 2, 3, 4 * n);
}

static void pick_u16(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_u16(out, (const uint16_t *)wide(in) + 3, 4, 2 * n);
}

static void pick_u16_six(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_u16(out, (const uint16_t *)wide(in) + 5, 6, 2 * n);
}

static void pick_u32(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_u32(out, wide(in), 2, n);
}

static void pick_u32_float(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_u32_float(out, wide(in), 3, n);
}

static void pick_i32_float(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_i32_float(out, wide(in), 3, n);
}

static void pick_f64_float(const tb_kernels *k, void *out, const case_inputs *in, size_t n)
{
    k->pick_f64_float(out, in->positive, 1, n);
}

const kernel_case kernel_cases[] = {
    {"adler", false, 1, false, adler},
    {"convert_u8", false, 0, false, convert_u8},
    {"convert_u16", false, 0, false, convert_u16},
    {"convert_i16", false, 0, false, convert_i16},
    {"cva_magnitude (score)", false, 0, true, cva_score},
    {"cva_magnitude (contrast)", false, 0, true, cva_contrast},
    {"cva_magnitude (plain, score)", false, 0, true, cva_plain},
    {"cva_magnitude (plain, contrast)", false, 0, true, cva_alone},
    {"classify", false, 0, true, classify},
    {"difference", false, 0, true, difference},
    {"draw_row", false, 0, false, draw_row},
    {"fir_row r=5", false, 0, true, fir_row},
    {"fir_columns r=5", false, 0, true, fir_columns},
    {"composite_score", false, 0, true, composite_score},
    {"forest_row 40 trees", false, 0, true, forest_row},
    {"gradient", false, 0, true, gradient},
    {"gradient_told", false, 0, true, gradient_told},
    {"gradient_add", false, 0, true, gradient_add},
    {"slopes", false, 0, true, slopes},
    {"clip_row", false, 0, true, clip_row},
    {"clip_add", true, 2, true, clip_add},
    {"finite_count", true, 1, true, finite_count},
    {"joint_add", true, JOINT, true, joint_add},
    {"joint_add, cut", true, JOINT, true, joint_add_cut},
    {"joint_bins", false, 0, false, joint_bins},
    {"rough_row", false, 0, true, rough_row},
    {"joint_count", true, 1, false, joint_count},
    {"stencil_three", false, 0, true, stencil_three},
    {"stencil_five", false, 0, true, stencil_five},
    {"stencil_six", false, 0, true, stencil_six},
    {"resample_across", false, 0, true, resample_across},
    {"resample_down", false, 0, true, resample_down},
    {"log_row", false, 0, true, log_row},
    {"chi2_upper N=1", true, 0, true, chi2_one},
    {"chi2_upper N=6", true, 0, true, chi2_even},
    {"chi2_upper N=7", true, 0, true, chi2_odd},
    {"chi2_upper N=130", true, 0, true, chi2_most},
    {"irmad_add 3 bands", true, MOMENTS, true, irmad_three},
    {"irmad_add 4 bands", true, MOMENTS, true, irmad_four},
    {"irmad_add 16 bands", true, MOMENTS, true, irmad_most},
    {"mad_root 4 bands", false, 0, true, mad_root},
    {"mad_statistic 4 bands", true, 0, true, mad_four},
    {"mad_statistic 6 bands", true, 0, true, mad_six},
    {"mad_statistic 16 bands", true, 0, true, mad_most},
    {"median_row", false, 0, true, median_row},
    {"bilateral_row", false, 0, true, bilateral_row},
    {"omnibus_row 2 dates", true, 0, true, omnibus_two},
    {"omnibus_row 20 dates of 2", true, 0, true, omnibus_many},
    {"moments_add 8 channels", true, MOMENTS, true, moments_plain},
    {"moments_add 12, weighted", true, MOMENTS, true, moments_weighted},
    {"moments_add 32, weighted", true, MOMENTS, true, moments_most},
    {"sum_u8, 1 band", false, 0, false, sum_u8_one},
    {"sum_u8, 3 bands", false, 0, false, sum_u8_three},
    {"sum_u8, 4 bands", false, 0, false, sum_u8_four},
    {"sum_u8, 7 bands", false, 0, false, sum_u8_seven},
    {"sum_u16, 1 band", false, 0, false, sum_u16_one},
    {"sum_u16, 3 bands", false, 0, false, sum_u16_three},
    {"sum_u16, 4 bands", false, 0, false, sum_u16_four},
    {"sum_u16, 6 bands", false, 0, false, sum_u16_six},
    {"sum_u32, 2 bands", false, 0, false, sum_u32},
    {"sum_u64, 3 bands", true, 0, false, sum_u64},
    {"swap_u16", false, 0, false, swap_u16},
    {"swap_u32", false, 0, false, swap_u32},
    {"swap_u64", true, 0, false, swap_u64},
    {"join_u32", false, 0, false, join_u32},
    {"join_u64", true, 0, false, join_u64},
    {"part_u8, 3 bands", false, 0, false, part_u8_three},
    {"part_u8, 4 bands", false, 0, false, part_u8_four},
    {"part_u16, 3 bands", false, 0, false, part_u16_three},
    {"part_u16, 4 bands", false, 0, false, part_u16_four},
    {"part_u16, 6 bands", false, 0, false, part_u16_six},
    {"pick_u8 of 3", false, 0, false, pick_u8},
    {"pick_u16 of 4", false, 0, false, pick_u16},
    {"pick_u16 of 6", false, 0, false, pick_u16_six},
    {"pick_u32 of 2", false, 0, false, pick_u32},
    {"pick_u32_float of 3", false, 0, true, pick_u32_float},
    {"pick_i32_float of 3", false, 0, true, pick_i32_float},
    {"pick_f64_float", false, 0, true, pick_f64_float},
};

const size_t kernel_cases_count = sizeof kernel_cases / sizeof *kernel_cases;

/* xorshift64* (Vigna 2016). */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

enum { STRIDE = CASE_N_MAX + 2 * CASE_MARGIN };

typedef struct storage {
    case_inputs inputs; /* first: what the caller holds */
    float       rows[CASE_ROWS][STRIDE];
    uint8_t     u8[STRIDE], phase[STRIDE];
    uint16_t    u16[STRIDE];
    int32_t     index[STRIDE];
    double      positive[STRIDE];
} storage;

static float one_value(uint64_t *state, bool with_nan)
{
    float value = (float)((double)(next_random(state) >> 40) / 16777216.0 * 400.0 - 100.0);

    if (with_nan && next_random(state) % 16 == 0) {
        const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, -1.0f, 1e-42f, 3e38f};

        value = odd[next_random(state) % 8];
    }
    return value;
}

case_inputs *case_inputs_new(uint64_t seed, bool with_nan)
{
    storage *s     = malloc(sizeof *s);
    uint64_t state = seed;

    if (s == NULL)
        return NULL;
    for (int r = 0; r < CASE_ROWS; r++) {
        for (int x = 0; x < STRIDE; x++)
            s->rows[r][x] = one_value(&state, with_nan);
        /* Alignment differs from row to row. */
        s->inputs.rows[r] = s->rows[r] + CASE_MARGIN / 2 + r % 9;
    }
    for (int x = 0; x < STRIDE; x++) {
        s->u8[x]       = (uint8_t)next_random(&state);
        s->u16[x]      = (uint16_t)next_random(&state);
        s->phase[x]    = (uint8_t)(next_random(&state) % PHASES);
        s->index[x]    = x + (int32_t)(next_random(&state) % 16);
        s->positive[x] = fabs((double)one_value(&state, with_nan)) * 0.25;
    }
    s->inputs.u8       = s->u8 + 3;
    s->inputs.u16      = s->u16 + 5;
    s->inputs.phase    = s->phase;
    s->inputs.index    = s->index;
    s->inputs.positive = s->positive + 1;
    return &s->inputs;
}

void case_inputs_free(case_inputs *in)
{
    free(in);
}
