#include "align/window.h"

#include <math.h>
#include <string.h>

#include "align/shifted.h"
#include "core/memory.h"

/* docs/methods/registration.md says on what these were chosen. */
enum { ITERATIONS = 8, ITERATIONS_UNCUT = 3, BINS = 256 };

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
static const double independence = 8.0; /* pixels that share one error: the features are smooth */

struct tb_window {
    int64_t size;
    float  *across, *down; /* the template's gradient */
    float  *moved;         /* the image under the shift */
    float  *scratch;
};

tb_status tb_window_new(tb_window **out, int64_t size, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_window *w      = NULL;
    size_t     pixels = (size_t)(size * size);

    *out = NULL;
    TB_TRY(tb_alloc_zero(&w, 1, sizeof *w, "a window", err));
    w->size = size;
    TB_TRY(tb_alloc(&w->across, pixels, sizeof(float), "a window's gradient", err));
    TB_TRY(tb_alloc(&w->down, pixels, sizeof(float), "a window's gradient", err));
    TB_TRY(tb_alloc(&w->moved, pixels, sizeof(float), "a shifted window", err));
    TB_TRY(tb_alloc(&w->scratch, (size_t)tb_shifted_scratch(size, size), sizeof(float),
                    "rows of a shifted window", err));
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
    tb_free(window->across);
    tb_free(window->down);
    tb_free(window->moved);
    tb_free(window->scratch);
    tb_free(window);
}

static void make_gradient(tb_window *w, const float *plane, int64_t width, int64_t height,
                          tb_rect rect)
{
    for (int64_t y = 0; y < rect.height; y++)
        for (int64_t x = 0; x < rect.width; x++) {
            int64_t      i  = y * rect.width + x;
            int64_t      px = rect.x + x, py = rect.y + y;
            const float *p         = plane + py * width + px;
            bool         is_inside = px > 0 && py > 0 && px < width - 1 && py < height - 1;

            w->across[i] = is_inside ? (p[1] - p[-1]) * 0.5f : NAN;
            w->down[i]   = is_inside ? (p[width] - p[-width]) * 0.5f : NAN;
        }
}

/* moved = step_x across + step_y down + gain template + offset. */
typedef struct model {
    double step_x, step_y, gain, offset;
    double error_px, correlation;
    double pixels;
    bool   is_solved, is_textured;
} model;

/* Sums of products of the four series; the order is the index. */
enum { ACROSS, DOWN, TEMPLATE, MOVED, SERIES };

/* The residual of a pixel under a model that has no step left. */
static double residual(const model *m, double template, double moved)
{
    return moved - m->gain * template - m->offset;
}

/* cut_deviations robust standard deviations of the residual, from a histogram: exact counts. */
static double find_cut(const tb_window *w, const float *template, int64_t stride, tb_rect rect,
                       const model *m)
{
    double  most = 0.0, n = 0.0, below = 0.0;
    int64_t count[BINS] = {0};
    int     bin;

    for (int pass = 0; pass < 2; pass++)
        for (int64_t y = 0; y < rect.height; y++)
            for (int64_t x = 0; x < rect.width; x++) {
                int64_t i = y * rect.width + x;
                double  r = fabs(residual(m, template[y * stride + x], w -> moved[i]));

                if (isnan(r + (double)w->across[i] + (double)w->down[i]))
                    continue;
                if (pass == 0) {
                    n += 1.0;
                    most = r > most ? r : most;
                } else if (most > 0.0) {
                    bin =
                        (int)(sqrt(sqrt(r / most)) * (BINS - 1)); /* finer where the median lies */
                    count[bin]++;
                }
            }
    for (bin = 0; bin < BINS - 1 && below + (double)count[bin] < 0.5 * n; bin++)
        below += (double)count[bin];

    double root = (bin + 1.0) / (BINS - 1);

    /* 1.4826 makes a normal distribution's standard deviation of the median of its magnitude. */
    return cut_deviations * 1.4826 * (root * root) * (root * root) * most;
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

static void fit_step(model *m, const tb_window *w, const float *template, int64_t stride,
                     tb_rect rect, const model *last, double cut)
{
    double n = 0.0, sum[SERIES] = {0}, s[SERIES][SERIES] = {{0}}, covariance[3];

    for (int64_t y = 0; y < rect.height; y++)
        for (int64_t x = 0; x < rect.width; x++) {
            int64_t i  = y * rect.width + x;
            double  gx = w->across[i], gy = w->down[i];
            double  t = template[y * stride + x], v = w->moved[i];

            if (isnan((gx + gy) + (t + v)) || (last != NULL && fabs(residual(last, t, v)) > cut))
                continue;
            n += 1.0;
            sum[ACROSS] += gx;
            sum[DOWN] += gy;
            sum[TEMPLATE] += t;
            sum[MOVED] += v;
            s[ACROSS][ACROSS] += gx * gx;
            s[DOWN][DOWN] += gy * gy;
            s[TEMPLATE][TEMPLATE] += t * t;
            s[MOVED][MOVED] += v * v;
            s[DOWN][ACROSS] += gx * gy;
            s[TEMPLATE][ACROSS] += gx * t;
            s[TEMPLATE][DOWN] += gy * t;
            s[MOVED][ACROSS] += gx * v;
            s[MOVED][DOWN] += gy * v;
            s[MOVED][TEMPLATE] += t * v;
        }
    *m = (model){.pixels = n};
    if (n < valid_least * (double)(rect.width * rect.height))
        return;
    for (int i = 0; i < SERIES; i++)
        for (int j = 0; j <= i; j++) {
            s[i][j] -= sum[i] * sum[j] / n;
            s[j][i] = s[i][j];
        }
    if (!solve(s, m, covariance))
        return;
    m->offset =
        (sum[MOVED] - m->gain * sum[TEMPLATE] - m->step_x * sum[ACROSS] - m->step_y * sum[DOWN]) /
        n;

    double unexplained = s[MOVED][MOVED] - m->step_x * s[MOVED][ACROSS] -
                         m->step_y * s[MOVED][DOWN] - m->gain * s[MOVED][TEMPLATE];
    double noise = unexplained > 0.0 ? unexplained / n * independence : 0.0;
    double root  = sqrt((covariance[0] - covariance[2]) * (covariance[0] - covariance[2]) +
                        4.0 * covariance[1] * covariance[1]);
    double worst = 0.5 * ((covariance[0] + covariance[2]) + root);

    m->error_px    = sqrt(noise * worst) / m->gain;
    m->correlation = s[MOVED][TEMPLATE] / (sqrt(s[MOVED][MOVED]) * sqrt(s[TEMPLATE][TEMPLATE]));
    m->is_solved   = true;
}

/* One direction, from (*dx, *dy) on. False when the window is of no use. */
static bool follow(double *dx, double *dy, double *error_px, tb_window *w, const float *template,
                   const float *image, int64_t width, int64_t height, tb_rect rect)
{
    const float *corner  = template + rect.y * width + rect.x;
    double       start_x = *dx, start_y = *dy;
    model        m, last                = {0};

    make_gradient(w, template, width, height, rect);
    for (int i = 0; i < ITERATIONS; i++) {
        bool is_cut = i >= ITERATIONS_UNCUT;

        tb_shifted_fill(w->moved, image, width, height, rect, *dx, *dy, w->scratch);
        fit_step(&m, w, corner, width, rect, is_cut ? &last : NULL,
                 is_cut ? find_cut(w, corner, width, rect, &last) : 0.0);
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
    tb_rect           before = {rect.x - dx / 2, rect.y - dy / 2, rect.width, rect.height};
    tb_rect           after  = {rect.x + dx / 2, rect.y + dy / 2, rect.width, rect.height};

    if (!follow(&x, &y, &error_px, window, f->before, f->after, f->width, f->height, before) ||
        !follow(&back_x, &back_y, &back_error_px, window, f->after, f->before, f->width, f->height,
                after))
        return false;
    if (!((x + back_x) * (x + back_x) + (y + back_y) * (y + back_y) <=
          disagreement_most * disagreement_most))
        return false;
    *out =
        (tb_window_fit){(x - back_x) * 0.5, (y - back_y) * 0.5, (error_px + back_error_px) * 0.5};
    return true;
}
