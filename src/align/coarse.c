#include "align/coarse.h"

#include <fftw3.h>
#include <math.h>
#include <string.h>

enum { REACH_MOST = 128, APART = 3 };

/* The least even number of the form 2^a 3^b 5^c that is not below n: sizes FFTW is fast at. */
static int64_t smooth_size(int64_t n)
{
    for (int64_t size = n + n % 2;; size += 2) {
        int64_t rest = size;

        while (rest % 2 == 0)
            rest /= 2;
        while (rest % 3 == 0)
            rest /= 3;
        while (rest % 5 == 0)
            rest /= 5;
        if (rest == 1)
            return size;
    }
}

/* Falls to zero at the borders with no slope, as a Hann window does, but needs no cosine. */
static double taper(int64_t i, int64_t n)
{
    double t = (2.0 * (double)i + 1.0) / (double)n - 1.0;

    return (1.0 - t * t) * (1.0 - t * t);
}

/* The feature less its mean, tapered; missing pixels and what lies outside are at the mean. */
static void fill(double *dst, int64_t width, int64_t height, const float *src, int64_t cell_width,
                 int64_t cell_height, double *along)
{
    double sum = 0.0, n = 0.0;

    for (int64_t i = 0; i < cell_width * cell_height; i++)
        if (!isnan(src[i])) {
            sum += src[i];
            n += 1.0;
        }

    double mean = n > 0.0 ? sum / n : 0.0;

    memset(dst, 0, (size_t)(width * height) * sizeof *dst);
    for (int64_t x = 0; x < cell_width; x++)
        along[x] = taper(x, cell_width);
    for (int64_t y = 0; y < cell_height; y++) {
        const double down = taper(y, cell_height);

        for (int64_t x = 0; x < cell_width; x++) {
            double v = src[y * cell_width + x];

            if (!isnan(v))
                dst[y * width + x] = (v - mean) * along[x] * down;
        }
    }
}

typedef struct transform {
    int64_t       width, height, bins; /* bins = height * (width / 2 + 1) */
    double       *plane, *along;       /* the latter: width */
    fftw_complex *before, *after, *sum;
    fftw_plan     forward_before, forward_after, backward;
} transform;

/* Doubles of the parts, rounded up so that they are aligned alike: what a plan does depends on
 * that. */
static size_t rounded(size_t doubles)
{
    return (doubles + 7) / 8 * 8;
}

static size_t spectrum_of(int64_t width, int64_t height)
{
    return rounded(2 * (size_t)(height * (width / 2 + 1)));
}

size_t tb_coarse_bytes(int64_t width, int64_t height)
{
    int64_t w, h;

    if (width < 1 || height < 1)
        return 0;
    w = smooth_size(width);
    h = smooth_size(height);
    return (rounded((size_t)(w * h)) + 3 * spectrum_of(w, h) + rounded((size_t)w)) * sizeof(double);
}

static tb_status transform_init(transform *t, int64_t width, int64_t height, void *room,
                                tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    spectrum = spectrum_of(width, height), bins = (size_t)(height * (width / 2 + 1));
    int       w = (int)width, h = (int)height;

    *t        = (transform){.width = width, .height = height, .bins = (int64_t)bins};
    t->plane  = room;
    t->before = (fftw_complex *)(t->plane + rounded((size_t)(width * height)));
    t->after  = (fftw_complex *)((double *)t->before + spectrum);
    t->sum    = (fftw_complex *)((double *)t->after + spectrum);
    t->along  = (double *)t->sum + spectrum;
    for (size_t i = 0; i < bins; i++)
        t->sum[i][0] = t->sum[i][1] = 0.0;
    /* Measuring plans would make them, and so the last bits, depend on timing. */
    t->forward_before = fftw_plan_dft_r2c_2d(h, w, t->plane, t->before, FFTW_ESTIMATE);
    t->forward_after  = fftw_plan_dft_r2c_2d(h, w, t->plane, t->after, FFTW_ESTIMATE);
    t->backward       = fftw_plan_dft_c2r_2d(h, w, t->sum, t->plane, FFTW_ESTIMATE);
    if (t->forward_before == NULL || t->forward_after == NULL || t->backward == NULL)
        status =
            tb_error_set(err, TB_E_MEMORY, "plan an FFT: expected a plan of %dx%d, got none", w, h);
    return status;
}

static void transform_reset(transform *t)
{
    fftw_destroy_plan(t->forward_before);
    fftw_destroy_plan(t->forward_after);
    fftw_destroy_plan(t->backward);
}

/* Adds the cell's cross-power spectrum, normalised. A bin a millionth as strong as the mean holds
 * nothing but rounding, and must not be blown up to weigh as much as the others. */
static void add_cell(transform *t, const tb_feature *f)
{
    double mean = 0.0;

    fill(t->plane, t->width, t->height, f->before, f->width, f->height, t->along);
    fftw_execute(t->forward_before);
    fill(t->plane, t->width, t->height, f->after, f->width, f->height, t->along);
    fftw_execute(t->forward_after);
    for (int64_t i = 0; i < t->bins; i++) {
        const double *b = t->before[i], *a = t->after[i];
        double        real      = b[0] * a[0] + b[1] * a[1];
        double        imaginary = b[0] * a[1] - b[1] * a[0];

        t->after[i][0]  = real;
        t->after[i][1]  = imaginary;
        t->before[i][0] = sqrt(real * real + imaginary * imaginary);
        mean += t->before[i][0];
    }
    mean /= (double)t->bins;
    if (mean <= 0.0)
        return;
    for (int64_t i = 0; i < t->bins; i++) {
        double scale = 1.0 / (t->before[i][0] + 1e-6 * mean);

        t->sum[i][0] += t->after[i][0] * scale;
        t->sum[i][1] += t->after[i][1] * scale;
    }
}

/* The highest frequencies are noise and aliases: (1 - 4 f^2)^2 on each axis, f in cycles a pixel.
 */
static void smooth_spectrum(transform *t)
{
    int64_t columns = t->width / 2 + 1;

    for (int64_t v = 0; v < t->height; v++) {
        double fy = (double)(v <= t->height / 2 ? v : t->height - v) / (double)t->height;
        double wy = (1.0 - 4.0 * fy * fy) * (1.0 - 4.0 * fy * fy);

        for (int64_t u = 0; u < columns; u++) {
            double fx = (double)u / (double)t->width;
            double w  = (1.0 - 4.0 * fx * fx) * (1.0 - 4.0 * fx * fx) * wy;

            t->sum[v * columns + u][0] *= w;
            t->sum[v * columns + u][1] *= w;
        }
    }
}

static int64_t length2(int64_t dx, int64_t dy)
{
    return dx * dx + dy * dy;
}

static bool is_near_one(const tb_coarse *found, int64_t dx, int64_t dy)
{
    for (int i = 0; i < found->count; i++) {
        int64_t ax = dx - found->dx[i], ay = dy - found->dy[i];

        if (ax >= -APART && ax <= APART && ay >= -APART && ay <= APART)
            return true;
    }
    return false;
}

static double *at(const transform *t, int64_t dx, int64_t dy)
{
    return &t->plane[(dy < 0 ? dy + t->height : dy) * t->width + (dx < 0 ? dx + t->width : dx)];
}

static void pick(tb_coarse *out, const transform *t, int64_t reach_x, int64_t reach_y)
{
    double highest = 0.0;

    for (int64_t dy = -reach_y; dy <= reach_y; dy++)
        for (int64_t dx = -reach_x; dx <= reach_x; dx++)
            if (*at(t, dx, dy) > highest)
                highest = *at(t, dx, dy);
    if (highest <= 0.0)
        return;
    for (int64_t dy = -reach_y; dy <= reach_y; dy++)
        for (int64_t dx = -reach_x; dx <= reach_x; dx++)
            *at(t, dx, dy) = floor(*at(t, dx, dy) / highest * 1e6 + 0.5);
    while (out->count < TB_COARSE_CANDIDATES) {
        double  best   = 0.0;
        int64_t best_x = 0, best_y = 0;

        for (int64_t dy = -reach_y; dy <= reach_y; dy++)
            for (int64_t dx = -reach_x; dx <= reach_x; dx++) {
                double value = *at(t, dx, dy);

                if (value < best || is_near_one(out, dx, dy))
                    continue;
                if (value > best || length2(dx, dy) < length2(best_x, best_y)) {
                    best   = value;
                    best_x = dx;
                    best_y = dy;
                }
            }
        if (best <= 0.0)
            return;
        out->dx[out->count] = best_x;
        out->dy[out->count] = best_y;
        out->count++;
    }
}

tb_status tb_coarse_find(tb_coarse *out, const tb_feature *features, int count, void *room,
                         tb_error *err)
{
    tb_status status = TB_OK;
    transform t      = {0};
    int64_t   width = 0, height = 0;

    *out = (tb_coarse){0};
    if (count > TB_COARSE_CELLS)
        count = TB_COARSE_CELLS;
    for (int c = 0; c < count; c++) {
        width  = features[c].width > width ? features[c].width : width;
        height = features[c].height > height ? features[c].height : height;
    }
    TB_TRY(transform_init(&t, smooth_size(width), smooth_size(height), room, err));
    for (int c = 0; c < count; c++)
        add_cell(&t, &features[c]);
    smooth_spectrum(&t);
    fftw_execute(t.backward);
    pick(out, &t, width / 4 < REACH_MOST ? width / 4 : REACH_MOST,
         height / 4 < REACH_MOST ? height / 4 : REACH_MOST);

done:
    transform_reset(&t);
    return status;
}
