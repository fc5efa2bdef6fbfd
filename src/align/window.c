#include "align/window.h"

#include <math.h>
#include <string.h>

#include "align/shifted.h"
#include "core/memory.h"

/* docs/methods/registration.md says on what these were chosen. */
enum { ITERATIONS = 8, ITERATIONS_UNCUT = 3 };

static const double valid_least       = 1.0 / 3.0; /* share of a window's pixels */
static const double cut_deviations    = 3.0;
static const double step_most         = 1.0;  /* pixels an iteration */
static const double travel_most       = 3.0;  /* pixels from the start */
static const double step_settled      = 1e-3; /* pixels */
static const double eigenvalue_ratio  = 0.02; /* of the gradients' scatter, least to most */
static const double error_most        = 0.25; /* pixels */
static const double disagreement_most = 0.2;  /* pixels */
static const double correlation_least = 0.1;
static const double pivot_least       = 1e-9; /* of the diagonal: below, the matrix is singular */
static const double rounding_share    = 1e-5; /* of the image's deviation: below, it is rounding */
static const double independence = 8.0; /* pixels that share one error: the features are smooth */

/* What is followed: four series, side by side over the window's pixels. */
enum { ACROSS, DOWN, TEMPLATE, MOVED, SERIES };

struct tb_window {
    const tb_kernels *kernels;
    int64_t           size;
    float            *series[SERIES]; /* the template's gradient, it, the image under the shift */
    float            *scratch;
    uint16_t         *bin;
};

tb_status tb_window_new(tb_window **out, int64_t size, const tb_kernels *kernels, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_window *w      = NULL;
    size_t     pixels = (size_t)(size * size);

    *out = NULL;
    TB_TRY(tb_alloc_zero(&w, 1, sizeof *w, "a window", err));
    w->kernels = kernels;
    w->size    = size;
    for (int i = 0; i < SERIES; i++)
        TB_TRY(tb_alloc(&w->series[i], pixels, sizeof(float), "a window", err));
    TB_TRY(tb_alloc(&w->scratch, (size_t)tb_shifted_scratch(size), sizeof(float),
                    "rows of a shifted window", err));
    TB_TRY(tb_alloc(&w->bin, pixels, sizeof *w->bin, "residuals of a window", err));
    *out = w;
    w    = NULL;

done:
    tb_window_free(w);
    return status;
}

void tb_window_free(tb_window *window)
{
    if (window == NULL)
        return;
    for (int i = 0; i < SERIES; i++)
        tb_free(window->series[i]);
    tb_free(window->scratch);
    tb_free(window->bin);
    tb_free(window);
}

static void fill_missing(float *across, float *down, int64_t from, int64_t to)
{
    for (int64_t x = from; x < to; x++)
        across[x] = down[x] = NAN;
}

/* The template in the window, and its gradient. */
static void take_template(tb_window *w, const float *plane, int64_t width, int64_t height,
                          tb_rect rect)
{
    float *across = w->series[ACROSS], *down = w->series[DOWN], *template = w->series[TEMPLATE];

    for (int64_t y = 0; y < rect.height; y++) {
        const float *p    = plane + (rect.y + y) * width + rect.x;
        int64_t      left = rect.x > 0 ? 0 : 1, at = y * rect.width;
        int64_t      right     = rect.x + rect.width < width ? rect.width : rect.width - 1;
        bool         is_inside = rect.y + y > 0 && rect.y + y < height - 1;

        memcpy(template + at, p, (size_t)rect.width * sizeof *template);
        if (is_inside)
            w->kernels->slopes(across + at + left, down + at + left, p + left, width,
                               (size_t)(right - left));
        else
            left = right = rect.width;
        fill_missing(across + at, down + at, 0, left);
        fill_missing(across + at, down + at, right, rect.width);
    }
}

/* moved = step_x across + step_y down + gain template + offset, of template and moved less their
 * centres. */
typedef struct model {
    double step_x, step_y, gain, offset;
    double error_px, correlation;
    double deviation; /* of what is not explained */
    bool   is_solved, is_textured;
} model;

/*
 * cut_deviations robust standard deviations of the residual under a model that has no step left,
 * from exact counts. The bins begin far under the deviation that the last residual had; rounding is
 * all there is to see below a part in 100,000 of the image.
 */
static double find_cut(const tb_window *w, const tb_joint_cut *line, const model *last, size_t n)
{
    int32_t lowest = tb_joint_lowest((float)last->deviation);
    int     bin = 0, end = TB_JOINT_BINS - 1;
    double  all;

    w->kernels->joint_bins(w->bin, (const float *const *)w->series, line, lowest, n);
    all = (double)w->kernels->joint_count(w->bin, TB_JOINT_BINS - 1, n);
    while (bin < end) { /* the first bin up to which half of all lie */
        int middle = (bin + end) / 2;

        if ((double)w->kernels->joint_count(w->bin, middle, n) < 0.5 * all)
            bin = middle + 1;
        else
            end = middle;
    }

    /* 1.4826 makes a normal distribution's standard deviation of the median of its magnitude. */
    return cut_deviations * 1.4826 * (double)tb_joint_edge(lowest, bin + 1);
}

/*
 * Solves the three normal equations by Cholesky. The template goes first, so that what is left of
 * the gradient's 2 x 2 block is the texture beside the gain: its inverse is the step's covariance
 * for noise of variance 1 (xx, xy, yy).
 */
static bool solve(double s[SERIES][SERIES], model *m, double covariance[3])
{
    static const int order[3] = {TEMPLATE, ACROSS, DOWN};
    double           l[3][3]  = {{0}}, z[3];

    for (int j = 0; j < 3; j++)
        for (int i = j; i < 3; i++) {
            double v = s[order[i]][order[j]];

            for (int k = 0; k < j; k++)
                v -= l[i][k] * l[j][k];
            if (i > j)
                l[i][j] = v / l[j][j];
            else if (v > pivot_least * s[order[j]][order[j]])
                l[j][j] = sqrt(v);
            else
                return false;
        }
    for (int i = 0; i < 3; i++) {
        z[i] = s[order[i]][MOVED];
        for (int k = 0; k < i; k++)
            z[i] -= l[i][k] * z[k];
        z[i] /= l[i][i];
    }
    m->step_y = z[2] / l[2][2];
    m->step_x = (z[1] - l[2][1] * m->step_y) / l[1][1];
    m->gain   = (z[0] - l[1][0] * m->step_x - l[2][0] * m->step_y) / l[0][0];

    double xx   = l[1][1] * l[1][1];
    double xy   = l[1][1] * l[2][1];
    double yy   = l[2][1] * l[2][1] + l[2][2] * l[2][2];
    double root = sqrt((xx - yy) * (xx - yy) + 4.0 * xy * xy);

    m->is_textured = xx + yy - root > eigenvalue_ratio * (xx + yy + root);
    covariance[0]  = yy / (xx * yy - xy * xy);
    covariance[1]  = -xy / (xx * yy - xy * xy);
    covariance[2]  = xx / (xx * yy - xy * xy);
    return m->gain > 0.0;
}

static void fit_step(model *m, const tb_window *w, const tb_joint_cut *cut, size_t pixels)
{
    tb_joint sums = {0};
    double   s[SERIES][SERIES], covariance[3];

    w->kernels->joint_add(&sums, (const float *const *)w->series, cut, pixels);
    *m = (model){.deviation = 0.0};
    if (sums.count < valid_least * (double)pixels)
        return;
    for (int i = 0; i < SERIES; i++)
        for (int j = 0; j <= i; j++)
            s[i][j] = s[j][i] =
                sums.second[tb_joint_index(i, j)] - sums.first[i] * sums.first[j] / sums.count;
    if (!solve(s, m, covariance))
        return;
    m->offset = (sums.first[MOVED] - m->gain * sums.first[TEMPLATE] -
                 m->step_x * sums.first[ACROSS] - m->step_y * sums.first[DOWN]) /
                sums.count;

    double unexplained = s[MOVED][MOVED] - m->step_x * s[MOVED][ACROSS] -
                         m->step_y * s[MOVED][DOWN] - m->gain * s[MOVED][TEMPLATE];
    double variance = unexplained > 0.0 ? unexplained / sums.count : 0.0;
    double rounding = rounding_share * sqrt(s[MOVED][MOVED] / sums.count);
    double root     = sqrt((covariance[0] - covariance[2]) * (covariance[0] - covariance[2]) +
                           4.0 * covariance[1] * covariance[1]);
    double worst    = 0.5 * ((covariance[0] + covariance[2]) + root);

    m->deviation   = sqrt(variance) > rounding ? sqrt(variance) : rounding;
    m->error_px    = sqrt(variance * independence * worst) / m->gain;
    m->correlation = s[MOVED][TEMPLATE] / (sqrt(s[MOVED][MOVED]) * sqrt(s[TEMPLATE][TEMPLATE]));
    m->is_solved   = true;
}

/* What is followed from one date to the other. */
typedef struct route {
    const float *template, *image;
    int64_t width, height; /* of both planes */
    tb_rect rect;
} route;

/* One direction, from (*dx, *dy) on. False when the window is of no use. */
static bool follow(double *dx, double *dy, double *error_px, tb_window *w, const route *r)
{
    const int64_t pixels  = tb_rect_area(r->rect);
    tb_joint_cut  cut     = {.most = INFINITY};
    double        start_x = *dx, start_y = *dy;
    model         m, last                = {0};

    take_template(w, r->template, r->width, r->height, r->rect);
    for (int i = 0; i < ITERATIONS; i++) {
        bool is_cut = i >= ITERATIONS_UNCUT;

        tb_shifted_fill(w->series[MOVED], r->image, r->width, r->height, r->rect, *dx, *dy,
                        w->scratch, w->kernels);
        if (i == 0) {
            cut.centre[TEMPLATE] = tb_feature_centre(w->series[TEMPLATE], pixels);
            cut.centre[MOVED]    = tb_feature_centre(w->series[MOVED], pixels);
        }
        if (is_cut) {
            cut.gain   = (float)last.gain;
            cut.offset = (float)last.offset;
            cut.most   = (float)find_cut(w, &cut, &last, (size_t)pixels);
        }
        fit_step(&m, w, &cut, (size_t)pixels);
        if (!m.is_solved)
            return false;

        /* moved(p) = gain * template(p + step): the shift is too far by the step. */
        double x = m.step_x / m.gain, y = m.step_y / m.gain;
        double length = sqrt(x * x + y * y);
        double scale  = length > step_most ? step_most / length : 1.0;

        *dx -= x * scale;
        *dy -= y * scale;
        if (!(fabs(*dx - start_x) <= travel_most && fabs(*dy - start_y) <= travel_most))
            return false;
        last = m;
        if (is_cut && length < step_settled)
            break;
    }
    *error_px = m.error_px;
    return m.is_textured && m.error_px <= error_most && m.correlation >= correlation_least;
}

bool tb_window_measure(tb_window_fit *out, tb_window *window, const tb_feature *feature,
                       tb_rect rect, int64_t dx, int64_t dy)
{
    const tb_feature *f = feature;
    double            x = (double)dx, y = (double)dy, back_x = -x, back_y = -y;
    double            error_px, back_error_px;
    const route       forth = {f->before,
                               f->after,
                               f->width,
                               f->height,
                               {rect.x - dx / 2, rect.y - dy / 2, rect.width, rect.height}};
    const route       back  = {f->after,
                               f->before,
                               f->width,
                               f->height,
                               {rect.x + dx / 2, rect.y + dy / 2, rect.width, rect.height}};

    if (!follow(&x, &y, &error_px, window, &forth) ||
        !follow(&back_x, &back_y, &back_error_px, window, &back))
        return false;
    if (!((x + back_x) * (x + back_x) + (y + back_y) * (y + back_y) <=
          disagreement_most * disagreement_most))
        return false;
    *out =
        (tb_window_fit){(x - back_x) * 0.5, (y - back_y) * 0.5, (error_px + back_error_px) * 0.5};
    return true;
}
