/* Thresholds and scores: golden cuts, plain computations beside ours, halos, borders of strata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>

#include "core/memory.h"
#include "detect/method.h"
#include "detect/score.h"
#include "detect/threshold.h"
#include "scenes.h"

/* ---- thresholds ---- */

enum { GOLDEN = 22 };

static const int64_t golden[GOLDEN] = {0,  5,  20, 60, 110, 150, 140, 100, 60, 30, 15,
                                       10, 12, 18, 25, 30,  28,  20,  10,  4,  1,  0};

static tb_histogram histogram_of(const int64_t *count, double *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        value[i] = (double)i;
    return (tb_histogram){n, value, count};
}

/* Weight, mean and variance of bins from .. to. */
static void moments(const int64_t *count, int from, int to, double *weight, double *mean,
                    double *variance)
{
    double n = 0, s = 0, q = 0;

    for (int i = from; i <= to; i++) {
        n += (double)count[i];
        s += (double)count[i] * i;
        q += (double)count[i] * i * i;
    }
    *weight   = n;
    *mean     = s / n;
    *variance = q / n - *mean * *mean;
}

static void the_golden_histogram(void **state)
{
    double       value[GOLDEN], n, n1, n2, m1, m2, v1, v2, p1, p2, all, v;
    tb_histogram h = histogram_of(golden, value, GOLDEN);

    (void)state;
    assert_int_equal(tb_threshold_otsu(&h), 10);
    assert_int_equal(tb_threshold_kittler(&h, 1.0), 10);
    assert_int_equal(tb_threshold_kurita(&h), 10);
    assert_int_equal(tb_histogram_total(&h), 848);

    moments(golden, 0, GOLDEN - 1, &n, &all, &v);
    moments(golden, 0, 10, &n1, &m1, &v1);
    moments(golden, 11, GOLDEN - 1, &n2, &m2, &v2);
    p1 = n1 / n;
    p2 = n2 / n;
    assert_true(fabs(p1 * p2 * (m1 - m2) * (m1 - m2) - 13.109862112) < 1e-8);
    assert_true(fabs(1 + p1 * log(v1) + p2 * log(v2) - 2 * (p1 * log(p1) + p2 * log(p2)) -
                     3.207420990) < 1e-8);
    (void)all;
}

/* Two normal classes of one deviation: the cut lies where one becomes as likely as the other. */
static void a_rare_class_is_cut_off_higher(void **state)
{
    enum { N = 400 };
    static const double share[] = {0.5, 0.2, 0.05, 0.01};

    (void)state;
    for (int s = 0; s < 4; s++) {
        int64_t      count[N];
        double       value[N], best = 0.0, expected, n, mean, variance;
        int          least = -1;
        tb_histogram h;

        for (int i = 0; i < N; i++)
            count[i] = (int64_t)(1e7 * ((1 - share[s]) * exp(-pow(i - 120.0, 2) / 1800) +
                                        share[s] * exp(-pow(i - 280.0, 2) / 1800)));
        h = histogram_of(count, value, N);
        moments(count, 0, N - 1, &n, &mean, &variance);
        for (int i = 0; i + 1 < N; i++) {
            double n1, n2, m1, m2, v1, v2, j;

            moments(count, 0, i, &n1, &m1, &v1);
            moments(count, i + 1, N - 1, &n2, &m2, &v2);
            if (n1 == 0 || n2 == 0)
                continue;
            j = log((n1 * v1 + n2 * v2) / n) - 2 * (n1 / n * log(n1 / n) + n2 / n * log(n2 / n));
            if (least < 0 || j < best) {
                best  = j;
                least = i;
            }
        }
        assert_true(labs((long)tb_threshold_kurita(&h) - least) <= 1);
        expected = 200 + 900.0 / 160 * log((1 - share[s]) / share[s]);
        assert_true(fabs((double)tb_threshold_kurita(&h) - expected) < 6);
        if (s > 0)
            assert_true(tb_threshold_kurita(&h) > tb_threshold_otsu(&h));
    }
}

static void where_no_cut_is(void **state)
{
    int64_t      one[9] = {0, 0, 0, 70, 0, 0, 0, 0, 0}, spike[40] = {100000}, hill[41];
    int64_t      none[5] = {0};
    double       value[41];
    tb_histogram h = histogram_of(one, value, 9);

    (void)state;
    assert_int_equal(tb_threshold_otsu(&h), 9);
    assert_int_equal(tb_threshold_kurita(&h), 9);
    assert_int_equal(tb_threshold_kittler(&h, 1.0), 9);
    h = histogram_of(none, value, 5);
    assert_int_equal(tb_threshold_otsu(&h), 5);
    assert_int_equal(tb_threshold_kurita(&h), 5);
    assert_int_equal(tb_threshold_kittler(&h, 1.0), 5);

    /* A spike at zero with a thin tail: less than half a per cent is no class. */
    for (int i = 1; i < 40; i++)
        spike[i] = 3;
    h = histogram_of(spike, value, 40);
    assert_int_equal(tb_threshold_kittler(&h, 1.0), 40);
    assert_true(tb_threshold_otsu(&h) < 40);

    /* One hill has no valley. */
    for (int i = 0; i < 41; i++)
        hill[i] = (int64_t)(1e6 * exp(-(i - 20.0) * (i - 20.0) / 50));
    h = histogram_of(hill, value, 41);
    assert_int_equal(tb_threshold_kittler(&h, 1.0), 41);
}

static void quantiles(void **state)
{
    int64_t      count[6] = {0, 10, 0, 80, 10, 0};
    double       value[6];
    tb_histogram h = histogram_of(count, value, 6);

    (void)state;
    assert_int_equal(tb_threshold_quantile(&h, 0), 1);
    assert_int_equal(tb_threshold_quantile(&h, 0.1), 1);
    assert_int_equal(tb_threshold_quantile(&h, 0.1001), 3);
    assert_int_equal(tb_threshold_quantile(&h, 0.9), 3);
    assert_int_equal(tb_threshold_quantile(&h, 0.95), 4);
    assert_int_equal(tb_threshold_quantile(&h, 1), 4);
}

/* ---- scores ---- */

enum { W = 617, H = 61, BANDS = 3 }; /* wider than a panel of the cascade */

typedef struct field {
    tb_pair_block block;
    float         before[BANDS][W * H], after[BANDS][W * H];
    int16_t       stratum[W * H];
} field;

static field *field_new(uint64_t seed, bool has_gaps, int strata)
{
    field *f = calloc(1, sizeof *f);

    f->block.rect    = (tb_rect){40, 70, W, H};
    f->block.depth   = H;
    f->block.stratum = f->stratum;
    for (int b = 0; b < BANDS; b++) {
        f->block.before[b] = f->before[b];
        f->block.after[b]  = f->after[b];
        for (int i = 0; i < W * H; i++) {
            f->before[b][i] = (float)(120 + 40 * ground(i % W, (double)(i / W), b, 3) +
                                      random_real(&seed, -5, 5));
            f->after[b][i]  = (float)(0.8 * f->before[b][i] + 12 + random_real(&seed, -5, 5));
        }
    }
    for (int i = 0; i < W * H; i++) {
        f->stratum[i] = (int16_t)(i % W * strata / W);
        if (has_gaps && random_between(&seed, 0, 50) == 0) {
            f->stratum[i] = -1;
            for (int b = 0; b < BANDS; b++)
                f->before[b][i] = NAN;
        }
    }
    return f;
}

static tb_radiometry radiometry_of(void)
{
    tb_radiometry r = {.low = {-INFINITY, -INFINITY}, .high = {INFINITY, INFINITY}};

    for (int b = 0; b < BANDS; b++) {
        r.slope[b]     = 1.25f;
        r.intercept[b] = -15;
        r.by_noise[b]  = 0.2f / (float)(b + 1);
        r.by_spread[b] = 0.025f;
        r.offset[b]    = 1;
    }
    return r;
}

static tb_scoring scoring_of(const tb_method *method, double sigma)
{
    tb_scoring scoring;

    tb_scoring_init(&scoring, method, BANDS, sigma, false);
    return scoring;
}

static void make(tb_scores *scores, const tb_scoring *scoring, tb_pair_block *block,
                 const tb_radiometry *const *radiometry)
{
    tb_error error = {0};

    if (tb_scores_make(scores, scoring, block, radiometry, kernels_here(), &error) != TB_OK)
        fail_msg("%s", error.message);
}

static void magnitude_as_plainly_computed(void **state)
{
    field               *f       = field_new(5, true, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring = scoring_of(&tb_method_cva, 0);
    tb_scores            scores  = {0};

    (void)state;
    make(&scores, &scoring, &f->block, list);
    assert_int_equal(scoring.halo, 1);
    assert_true(scores.rect.x == 41 && scores.rect.y == 71 && scores.rect.width == W - 2);
    for (int y = 0; y < H - 2; y++)
        for (int x = 0; x < W - 2; x++) {
            int    at    = (y + 1) * W + x + 1;
            double score = 0, contrast = 0;

            for (int b = 0; b < BANDS; b++) {
                double d = f->before[b][at] - (r.intercept[b] + r.slope[b] * f->after[b][at]);

                score += d * r.by_noise[b] * d * r.by_noise[b];
                contrast += d * r.by_spread[b] * d * r.by_spread[b] / BANDS;
            }
            if (f->stratum[at] < 0) {
                assert_true(isnan(scores.score[y * (W - 2) + x]));
                continue;
            }
            assert_true(fabs(sqrt(score) - scores.score[y * (W - 2) + x]) < 1e-4 * (1 + score));
            assert_true(fabs(sqrt(contrast) - scores.contrast[y * (W - 2) + x]) < 1e-5);
        }
    tb_scores_reset(&scores);
    free(f);
}

static void swapping_keeps_the_magnitude(void **state)
{
    field               *f       = field_new(9, true, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring = scoring_of(&tb_method_cva, 1.5);
    tb_scores            there = {0}, back = {0};

    (void)state;
    for (int b = 0; b < BANDS; b++) {
        r.slope[b]     = 1;
        r.intercept[b] = 0;
    }
    make(&there, &scoring, &f->block, list);
    for (int b = 0; b < BANDS; b++) {
        f->block.before[b] = f->after[b];
        f->block.after[b]  = f->before[b];
    }
    make(&back, &scoring, &f->block, list);
    assert_memory_equal(there.score, back.score, (size_t)tb_rect_area(there.rect) * sizeof(float));
    assert_memory_equal(there.contrast, back.contrast,
                        (size_t)tb_rect_area(there.rect) * sizeof(float));
    tb_scores_reset(&there);
    tb_scores_reset(&back);
    free(f);
}

/* What lies beyond the end of a range is not known: only differences away from it count. */
static void saturation_explains_one_side(void **state)
{
    static const struct {
        float before, after;
        bool  is_explained;
    } cases[] = {{255, 200, false}, {255, 255, true}, {200, 255, false}, {255, 250, false},
                 {0, 40, false},    {40, 0, false},   {255, 0, false},   {0, 255, false},
                 {250, 255, true},  {5, 0, true},     {0, 2, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float          t0 = cases[i].before, t1 = cases[i].after, slope, offset = 0, one = 1;
        const float   *before = &t0, *after = &t1;
        float          score, contrast;
        const bool     is_up = i >= 8; /* these with a line that overshoots */
        tb_cva_weights w     = {.bands     = 1,
                                .varying   = 1,
                                .slope     = &slope,
                                .intercept = &offset,
                                .by_noise  = &one,
                                .by_spread = &one,
                                .low       = {0, 0},
                                .high      = {255, 255}};

        /* before < line(after) with after high: the true after may be higher yet, so the difference
         * only grows; before > line(after) with after low likewise. */
        slope  = is_up ? 0.9f : 1;
        offset = i == 9 ? 3 : i == 10 ? -4 : 0;
        kernels_here()->cva_magnitude(&score, &contrast, &before, &after, &w, 1);

        float d           = t0 - (offset + slope * t1);
        bool  may_be_less = t0 <= 0 || t1 >= 255, may_be_more = t0 >= 255 || t1 <= 0;
        bool  is_zero = (may_be_less && d > 0) || (may_be_more && d < 0) || d == 0;

        assert_true((score == 0) == is_zero);
        if (!is_up)
            assert_int_equal(is_zero, cases[i].is_explained);
    }
}

/* ---- composite ---- */

/* Rows, then columns; the sums run over what is not NaN; NaN stays. Beyond the block is NaN too. */
static void smooth_plainly(double *plane, double sigma, int radius)
{
    static double other[W * H];

    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < W * H; i++) {
            double sum = 0, weights = 0;

            for (int k = -radius; k <= radius; k++) {
                int x = i % W + (pass == 0 ? k : 0), y = i / W + (pass == 1 ? k : 0);

                if (x < 0 || x >= W || y < 0 || y >= H || isnan(plane[y * W + x]))
                    continue;
                sum += exp(-k * k / (2 * sigma * sigma)) * plane[y * W + x];
                weights += exp(-k * k / (2 * sigma * sigma));
            }
            other[i] = isnan(plane[i]) ? NAN : sum / weights;
        }
        memcpy(plane, other, sizeof other);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_plainly(const double *plane, int x, int y)
{
    double held[25], centre = plane[y * W + x];
    int    n = 0;

    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -2; dx <= 2; dx++) {
            double v = x + dx < 0 || x + dx >= W || y + dy < 0 || y + dy >= H
                           ? NAN
                           : plane[(y + dy) * W + x + dx];

            held[n++] = isnan(v) ? centre : v;
        }
    qsort(held, 25, sizeof *held, compare_doubles);
    return isnan(centre) ? NAN : held[12];
}

static double gradient_plainly(const double *plane, int x, int y)
{
    return hypot(plane[y * W + x + 1] - plane[y * W + x - 1],
                 plane[(y + 1) * W + x] - plane[(y - 1) * W + x]) /
           2;
}

/* Two variates that mix the bands of both dates. */
static void set_mad(tb_radiometry *r, bool is_swapped)
{
    r->mad = (tb_mad_weights){.channels = 2 * BANDS, .components = 2};
    for (int b = 0; b < BANDS; b++) {
        int before = is_swapped ? b + BANDS : b, after = is_swapped ? b : b + BANDS;

        r->mad.centre[before]         = 120;
        r->mad.centre[after]          = 110;
        r->mad.coefficient[0][before] = 0.02 * (b + 1);
        r->mad.coefficient[0][after]  = -0.024 * (b + 1);
        r->mad.coefficient[1][before] = b == 0 ? 0.03 : -0.01;
        r->mad.coefficient[1][after]  = b == 0 ? -0.04 : 0.012;
    }
    r->mad.by_variance[0] = 1.5;
    r->mad.by_variance[1] = 3;
}

static void composite_as_plainly_computed(void **state)
{
    static double        contrast[W * H], root[W * H], bright[2][W * H], texture[W * H];
    static double        medians[W * H];
    field               *f       = field_new(21, true, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring;
    tb_scores            scores = {0};

    (void)state;
    set_mad(&r, false);
    tb_scoring_init(&scoring, &tb_method_composite, BANDS, 1.5, true);
    make(&scores, &scoring, &f->block, list);
    for (int i = 0; i < W * H; i++) {
        double z = 0, d2 = 0;

        for (int c = 0; c < 2; c++) {
            double m = 0;

            for (int b = 0; b < BANDS; b++) {
                m += r.mad.coefficient[c][b] * (f->before[b][i] - r.mad.centre[b]);
                m += r.mad.coefficient[c][b + BANDS] * (f->after[b][i] - r.mad.centre[b + BANDS]);
            }
            z += m * m * r.mad.by_variance[c];
        }
        bright[0][i] = bright[1][i] = 0;
        for (int b = 0; b < BANDS; b++) {
            double matched = r.intercept[b] + r.slope[b] * f->after[b][i];

            d2 += pow((f->before[b][i] - matched) * r.by_spread[b], 2) / BANDS;
            bright[0][i] += f->before[b][i] * r.by_spread[b] / BANDS;
            bright[1][i] += r.slope[b] * f->after[b][i] * r.by_spread[b] / BANDS;
        }
        contrast[i] = sqrt(d2);
        root[i]     = pow(z, 0.25);
        if (f->stratum[i] < 0)
            contrast[i] = root[i] = bright[0][i] = bright[1][i] = NAN;
    }
    for (int d = 0; d < 2; d++)
        smooth_plainly(bright[d], 1, 3);
    for (int i = 0; i < W * H; i++) {
        int  x = i % W, y = i / W;
        bool is_inside = x > 0 && x < W - 1 && y > 0 && y < H - 1;

        medians[i] = median_plainly(contrast, x, y);
        texture[i] =
            !is_inside
                ? 0
                : fabs(gradient_plainly(bright[0], x, y) - gradient_plainly(bright[1], x, y));
        texture[i] = isnan(contrast[i]) ? NAN : isnan(texture[i]) ? 0 : texture[i];
    }
    smooth_plainly(medians, 1.5, 6);
    smooth_plainly(root, 1.5, 6);
    smooth_plainly(texture, 3, 9);
    for (int64_t y = 0; y < scores.rect.height; y++)
        for (int64_t x = 0; x < scores.rect.width; x++) {
            int64_t at       = (y + scoring.halo) * W + x + scoring.halo;
            float   got      = scores.score[y * scores.rect.width + x];
            double  expected = root[at] * sqrt(medians[at] * sqrt(texture[at]));

            assert_int_equal(isnan(got), f->stratum[at] < 0);
            if (!isnan(got)) {
                assert_true(fabs(got - expected) < 1e-3 * (1 + expected));
                assert_true(fabs(scores.contrast[y * scores.rect.width + x] - medians[at]) < 1e-4);
            }
        }
    tb_scores_reset(&scores);
    free(f);
}

/* With the line the other way round, and the spreads of the earlier date's units in the later's. */
static void composite_is_the_same_with_dates_swapped(void **state)
{
    field               *f = field_new(23, true, 1);
    tb_radiometry        r = radiometry_of(), back = r;
    const tb_radiometry *list[1] = {&r}, *back_list[1] = {&back};
    tb_scoring           scoring = scoring_of(&tb_method_composite, 1.5);
    tb_scores            there = {0}, again = {0};

    (void)state;
    set_mad(&r, false);
    set_mad(&back, true);
    for (int b = 0; b < BANDS; b++) {
        back.slope[b]     = 1 / r.slope[b];
        back.intercept[b] = -r.intercept[b] / r.slope[b];
        back.by_spread[b] = r.by_spread[b] * r.slope[b];
    }
    make(&there, &scoring, &f->block, list);
    for (int b = 0; b < BANDS; b++) {
        f->block.before[b] = f->after[b];
        f->block.after[b]  = f->before[b];
    }
    make(&again, &scoring, &f->block, back_list);
    for (int64_t i = 0; i < tb_rect_area(there.rect); i++)
        if (!isnan(there.score[i]))
            assert_true(fabsf(there.score[i] - again.score[i]) < 1e-3f * (1 + there.score[i]));
    tb_scores_reset(&there);
    tb_scores_reset(&again);
    free(f);
}

typedef struct compared {
    const tb_scores *kept;
    int              halo;
} compared;

/* A row that is handed out is the one that is kept. */
static tb_status compare_row(void *context, int64_t y, const float *score, const float *contrast,
                             tb_error *err)
{
    const compared *c     = context;
    int64_t         width = c->kept->rect.width, at = (y - c->halo) * width;

    (void)err;
    assert_memory_equal(score, c->kept->score + at, (size_t)width * sizeof(float));
    assert_memory_equal(contrast, c->kept->contrast + at, (size_t)width * sizeof(float));
    return TB_OK;
}

static void a_rectangle_scores_as_in_the_whole(void **state)
{
    const tb_method *methods[3] = {&tb_method_cva, &tb_method_logratio, &tb_method_composite};
    uint64_t         seed       = 4;

    (void)state;
    for (int m = 0; m < 3; m++)
        for (int k = 0; k < 3; k++) {
            field               *f = field_new(11, true, 3);
            tb_radiometry        r = radiometry_of(), other = r;
            const tb_radiometry *list[3] = {&r, NULL, &other};
            tb_scoring           scoring = scoring_of(methods[m], k * 0.9);
            tb_scores            whole = {0}, part = {0}, rows = {0};

            other.slope[1] = 1.1f;
            make(&whole, &scoring, &f->block, list);
            for (int i = 0; i < 25; i++) {
                int     reach        = 2 * scoring.halo + 1;
                int64_t x            = random_between(&seed, 0, W - reach),
                        y            = random_between(&seed, 0, H - reach);
                int64_t w            = random_between(&seed, reach, W - x),
                        h            = random_between(&seed, reach, H - y);
                tb_pair_block cut    = {.rect = {40 + x, 70 + y, w, h}, .depth = h};
                float        *planes = malloc((size_t)(w * h) * 2 * BANDS * sizeof *planes);

                cut.stratum = malloc((size_t)(w * h) * sizeof *cut.stratum);
                for (int64_t row = 0; row < h; row++) {
                    size_t from = (size_t)((y + row) * W + x), to = (size_t)(row * w);

                    memcpy(cut.stratum + to, f->stratum + from, (size_t)w * sizeof(int16_t));
                    for (int b = 0; b < BANDS; b++) {
                        cut.before[b] = planes + (size_t)(w * h) * (size_t)b;
                        cut.after[b]  = planes + (size_t)(w * h) * (size_t)(b + BANDS);
                        memcpy(cut.before[b] + to, f->before[b] + from, (size_t)w * sizeof(float));
                        memcpy(cut.after[b] + to, f->after[b] + from, (size_t)w * sizeof(float));
                    }
                }
                make(&part, &scoring, &cut, list);
                for (int64_t row = 0; row < part.rect.height; row++) {
                    int64_t from = (y + row) * whole.rect.width + x;

                    assert_memory_equal(part.score + row * part.rect.width, whole.score + from,
                                        (size_t)part.rect.width * sizeof(float));
                    assert_memory_equal(part.contrast + row * part.rect.width,
                                        whole.contrast + from,
                                        (size_t)part.rect.width * sizeof(float));
                }
                assert_int_equal(tb_scores_hand_out(&rows, &scoring, &cut, list, compare_row,
                                                    &(compared){&part, scoring.halo},
                                                    kernels_here(), NULL),
                                 TB_OK);
                free(cut.stratum);
                free(planes);
            }
            tb_scores_reset(&whole);
            tb_scores_reset(&part);
            tb_scores_reset(&rows);
            free(f);
        }
}

/* Two strata of different gain, each normalised as it should be: nothing at the border, and where a
 * stratum is not judged nothing leaks out of it. */
static void strata_have_hard_borders(void **state)
{
    field               *f    = field_new(2, false, 2);
    tb_radiometry        left = radiometry_of(), right = left;
    const tb_radiometry *both[2] = {&left, &right}, *one[2] = {&left, NULL};
    tb_scoring           scoring = scoring_of(&tb_method_cva, 2);
    tb_scores            scores  = {0};

    (void)state;
    for (int b = 0; b < BANDS; b++) {
        left.slope[b]      = 2;
        left.intercept[b]  = 10;
        right.slope[b]     = 0.5f;
        right.intercept[b] = -20;
        for (int i = 0; i < W * H; i++)
            f->before[b][i] =
                f->stratum[i] == 0 ? 10 + 2 * f->after[b][i] : -20 + 0.5f * f->after[b][i];
    }
    make(&scores, &scoring, &f->block, both);
    for (int64_t i = 0; i < tb_rect_area(scores.rect); i++)
        assert_true(scores.score[i] == 0 && scores.contrast[i] == 0);
    for (int i = 0; i < W * H; i++)
        if (f->stratum[i] == 1)
            f->before[0][i] = 1e30f;
    make(&scores, &scoring, &f->block, one);
    for (int64_t y = 0; y < scores.rect.height; y++)
        for (int64_t x = 0; x < scores.rect.width; x++) {
            float s = scores.score[y * scores.rect.width + x];

            if (f->stratum[(y + scoring.halo) * W + x + scoring.halo] == 1)
                assert_true(isnan(s));
            else
                assert_true(s == 0);
        }
    tb_scores_reset(&scores);
    free(f);
}

/* A constant stays one beside what is missing, and what is missing stays so and no more. */
static void smoothing_keeps_constants(void **state)
{
    field               *f       = field_new(21, true, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring = scoring_of(&tb_method_cva, 2.2);
    tb_scores            scores  = {0};

    (void)state;
    for (int b = 0; b < BANDS; b++) {
        r.slope[b]     = 1;
        r.intercept[b] = 0;
        r.by_noise[b]  = 1;
        for (int i = 0; i < W * H; i++) {
            f->after[b][i]  = 50;
            f->before[b][i] = f->stratum[i] < 0 ? 1e30f : b == 0 ? 53 : b == 1 ? 54 : 50;
        }
    }
    make(&scores, &scoring, &f->block, list);
    for (int64_t y = 0; y < scores.rect.height; y++)
        for (int64_t x = 0; x < scores.rect.width; x++) {
            float s = scores.score[y * scores.rect.width + x];

            if (f->stratum[(y + scoring.halo) * W + x + scoring.halo] < 0)
                assert_true(isnan(s));
            else
                assert_true(fabsf(s - 5) < 1e-5f);
        }
    tb_scores_reset(&scores);
    free(f);
}

static void log_ratios(void **state)
{
    field               *f       = field_new(6, false, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring = scoring_of(&tb_method_logratio, 0);
    tb_scores            scores = {0}, scaled = {0};
    int64_t              n;

    (void)state;
    for (int b = 0; b < BANDS; b++) {
        r.slope[b]     = 1;
        r.intercept[b] = 0;
    }
    make(&scores, &scoring, &f->block, list);
    n = tb_rect_area(scores.rect);
    for (int64_t i = 0; i < n; i++) {
        int64_t at  = (i / scores.rect.width + 1) * W + i % scores.rect.width + 1;
        double  sum = 0, in_noise = 0;

        for (int b = 0; b < BANDS; b++) {
            double ratio = log((f->before[b][at] + 1.0) / (f->after[b][at] + 1.0));

            sum += ratio;
            in_noise += ratio * r.by_noise[b];
        }
        assert_true(fabs(fabs(in_noise) / BANDS - scores.score[i]) < 1e-5);
        assert_true(fabs(fabs(sum) / BANDS * 0.025 - scores.contrast[i]) < 1e-6);
    }

    /* The later date brighter by a factor, and a slope that says so. */
    for (int b = 0; b < BANDS; b++) {
        r.slope[b] = 0.25f;
        for (int i = 0; i < W * H; i++)
            f->after[b][i] *= 4;
    }
    make(&scaled, &scoring, &f->block, list);
    for (int64_t i = 0; i < n; i++)
        assert_true(fabsf(scaled.score[i] - scores.score[i]) < 1e-6f);
    tb_scores_reset(&scores);
    tb_scores_reset(&scaled);

    /* Differences of both signs cancel before the magnitude is taken. */
    scoring = scoring_of(&tb_method_logratio, 2);
    for (int b = 0; b < BANDS; b++) {
        r.slope[b] = 1;
        for (int i = 0; i < W * H; i++) {
            bool is_even = (i / W + i % W) % 2 == 0;

            f->before[b][i] = is_even ? 99 : 199;
            f->after[b][i]  = is_even ? 199 : 99;
        }
    }
    make(&scores, &scoring, &f->block, list);
    for (int64_t i = 0; i < tb_rect_area(scores.rect); i++)
        assert_true(scores.score[i] < 0.01f);
    tb_scores_reset(&scores);
    free(f);
}

/* A dark patch in speckle: the speckle goes, and at its border the patch keeps its height. */
static void speckle_goes_and_edges_stay(void **state)
{
    field               *f       = field_new(6, false, 1);
    tb_radiometry        r       = radiometry_of();
    const tb_radiometry *list[1] = {&r};
    tb_scoring           scoring = scoring_of(&tb_method_logratio, 1);
    tb_scores            scores  = {0};
    uint64_t             seed    = 12;
    double               off = 0, beside = 0, within = 0;
    int                  quiet = 0, inner = 0;

    (void)state;
    for (int b = 0; b < BANDS; b++) {
        r.slope[b]     = 1;
        r.intercept[b] = 0;
        r.by_noise[b]  = 1 / 0.25f;
        for (int i = 0; i < W * H; i++) {
            bool is_patch = i % W >= 40 && i % W < 60 && i / W >= 20 && i / W < 45;

            f->before[b][i] = (float)(100 * exp(random_real(&seed, -0.3, 0.3)));
            f->after[b][i]  = (float)((is_patch ? 20 : 100) * exp(random_real(&seed, -0.3, 0.3)));
        }
    }
    make(&scores, &scoring, &f->block, list);
    for (int64_t i = 0; i < tb_rect_area(scores.rect); i++) {
        int64_t x = i % scores.rect.width + scoring.halo, y = i / scores.rect.width + scoring.halo;

        if (x < 36 || x > 63 || y < 16 || y > 48) {
            off += scores.score[i];
            quiet++;
        } else if (x >= 41 && x < 59 && y >= 21 && y < 44) {
            within += scores.score[i];
            inner++;
            beside += (x == 41 || x == 58) ? scores.score[i] / 46 : 0;
        }
    }
    off /= quiet;
    within /= inner;
    print_message("         quiet %.3f, patch %.3f, a pixel from its border %.3f\n", off, within,
                  beside);
    assert_true(off < 0.1);                                   /* of .8 unsmoothed */
    assert_true(fabs(within - log(101 / 21.0) / 0.25) < 0.4); /* six deviations */
    assert_true(beside > 0.95 * within); /* a Gaussian of 2 px leaves .77, of 1 px .93 */
    tb_scores_reset(&scores);
    free(f);
}

static void methods_by_name(void **state)
{
    (void)state;
    for (const char *const *name = tb_method_names(); *name != NULL; name++)
        assert_string_equal(tb_method_named(*name)->name, *name);
    assert_null(tb_method_named("none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_histogram),
        cmocka_unit_test(a_rare_class_is_cut_off_higher),
        cmocka_unit_test(where_no_cut_is),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(magnitude_as_plainly_computed),
        cmocka_unit_test(swapping_keeps_the_magnitude),
        cmocka_unit_test(saturation_explains_one_side),
        cmocka_unit_test(composite_as_plainly_computed),
        cmocka_unit_test(composite_is_the_same_with_dates_swapped),
        cmocka_unit_test(a_rectangle_scores_as_in_the_whole),
        cmocka_unit_test(strata_have_hard_borders),
        cmocka_unit_test(smoothing_keeps_constants),
        cmocka_unit_test(log_ratios),
        cmocka_unit_test(speckle_goes_and_edges_stay),
        cmocka_unit_test(methods_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
