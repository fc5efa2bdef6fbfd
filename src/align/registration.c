#include "align/registration.h"

#include <math.h>
#include <stdlib.h>

#include "align/bend.h"
#include "align/coarse.h"
#include "align/collect.h"
#include "align/correlation.h"
#include "align/window.h"
#include "core/memory.h"

/* docs/methods/registration.md says on what each of these was chosen. */
enum {
    CELLS_FEW     = 4,   /* up to these, windows lie half over one another */
    WINDOW_MOST   = 128, /* pixels a side */
    WINDOWS_LEAST = 4,
    NEAR          = 2, /* pixels that windows find by themselves */
    ROUNDS        = 10,
    RING          = 16,
    CLIMB         = 2,
    TILES_LEAST   = 100, /* of 32 x 32 pixels, before the dates may be refused */
    STRUCTURE     = 6,   /* pixels: further than the filters make noise go on */
};

static const double refuse_beyond    = 6.0;   /* pixels, without a coarse start */
static const double apply_from       = 0.125; /* pixels */
static const double start_rise       = 0.05;  /* of the correlation, for a start beyond NEAR */
static const double start_stands_out = 2.6;   /* standard deviations over the ring around it */
static const double agree_near       = 0.2;   /* share of the windows tried that must be kept */
static const double agree_far        = 0.4;   /* the same from a start beyond NEAR */
static const double agree_settled    = 0.5;   /* the same, for a shorter coarse search */
static const double rise_least       = 0.001; /* of the correlation */
static const double certainty_least  = 3.0;   /* standard errors, of shift and of rise */
static const double alone_rise = 0.1; /* of the correlation, where it alone speaks for a start */
static const double alone_certainty    = 6.0; /* standard errors, the same */
static const double other_ground       = 0.1; /* a correlation below is none */
static const double other_certainty    = 3.0; /* standard errors */
static const double structure_least    = 0.1; /* of the correlation of a date with itself */
static const double outlier_deviations = 3.0;
static const double spread_least       = 0.05; /* pixels: what windows are not told apart below */

/* What the windows say from one start. */
typedef struct attempt {
    int64_t        start_x, start_y;
    tb_vote       *votes; /* room for every window there can be; `measured` of them */
    double         dx, dy, residual_px;
    int            windows, measured, accepted;
    tb_correlation correlation;
    const char    *objection; /* why it must not be applied, or NULL */
    const char    *support;   /* why it may, if it may */
} attempt;

typedef struct work {
    const tb_kernels *kernels;
    const tb_feature *features;
    int               count;
    tb_window        *window;
    tb_vote          *votes; /* of both attempts */
    double           *sorted;
    void             *fourier; /* room for the coarse search */
} work;

static bool is_far(int64_t dx, int64_t dy)
{
    return dx * dx + dy * dy > NEAR * NEAR;
}

static int64_t window_size(const tb_feature *f)
{
    int64_t half = (f->width < f->height ? f->width : f->height) / 2;

    return half < WINDOW_MOST ? half : WINDOW_MOST;
}

/* Windows along n pixels. */
static int64_t window_count(const work *w, int64_t n, int64_t size)
{
    if (n < size)
        return 0;
    return w->count <= CELLS_FEW ? 2 * n / size - 1 : n / size;
}

static int64_t window_place(int64_t i, int64_t count, int64_t n, int64_t size)
{
    return count > 1 ? i * (n - size) / (count - 1) : (n - size) / 2;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    if (n == 0)
        return 0.0;
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static double distance(const tb_vote *v, const attempt *a)
{
    return sqrt((v->dx - a->dx) * (v->dx - a->dx) + (v->dy - a->dy) * (v->dy - a->dy));
}

/* Standard deviation of each axis: the median distance over that of a normal cloud, sqrt(2 ln 2).
 */
static double spread(const work *w, int n, const attempt *a, bool is_of_kept)
{
    int m = 0;

    for (int i = 0; i < n; i++)
        if (!is_of_kept || a->votes[i].is_kept)
            w->sorted[m++] = distance(&a->votes[i], a);
    return median(w->sorted, m) / 1.1774100225154747;
}

/* The weighted mean of the votes that lie within `reach`; returns how many there are. */
static int mean_within(attempt *a, int n, double reach)
{
    double x = 0.0, y = 0.0, weights = 0.0;
    int    kept = 0;

    for (int i = 0; i < n; i++) {
        tb_vote *v = &a->votes[i];

        v->is_kept = distance(v, a) <= reach;
        if (!v->is_kept)
            continue;
        x += v->weight * v->dx;
        y += v->weight * v->dy;
        weights += v->weight;
        kept++;
    }
    if (kept > 0) {
        a->dx = x / weights;
        a->dy = y / weights;
    }
    return kept;
}

/* From the medians of both axes on, leaves out what lies far, until that changes nothing. */
static void combine(work *w, int n, attempt *a)
{
    for (int i = 0; i < n; i++)
        w->sorted[i] = a->votes[i].dx;
    a->dx = median(w->sorted, n);
    for (int i = 0; i < n; i++)
        w->sorted[i] = a->votes[i].dy;
    a->dy = median(w->sorted, n);
    for (int round = 0; round < ROUNDS; round++) {
        double deviation = spread(w, n, a, round > 0);
        int    before    = a->accepted;

        a->accepted = mean_within(
            a, n, outlier_deviations * (deviation > spread_least ? deviation : spread_least));
        if (a->accepted == before)
            break;
    }
    a->residual_px = spread(w, n, a, true);
}

static void measure_windows(work *w, attempt *a)
{
    int64_t half_x = llabs(a->start_x / 2), half_y = llabs(a->start_y / 2);
    int     n = 0;

    for (int c = 0; c < w->count; c++) {
        const tb_feature *f     = &w->features[c];
        int64_t           size  = window_size(f);
        int64_t           width = f->width - 2 * half_x, height = f->height - 2 * half_y;
        int64_t across = window_count(w, width, size), down = window_count(w, height, size);

        for (int64_t i = 0; i < across * down; i++) {
            tb_rect       rect = {half_x + window_place(i % across, across, width, size),
                                  half_y + window_place(i / across, down, height, size), size, size};
            tb_window_fit fit;

            a->windows++;
            if (!tb_window_measure(&fit, w->window, f, rect, a->start_x, a->start_y))
                continue;
            a->votes[n++] = (tb_vote){
                .x      = (double)(f->x + rect.x - a->start_x / 2) + 0.5 * (double)size,
                .y      = (double)(f->y + rect.y - a->start_y / 2) + 0.5 * (double)size,
                .dx     = fit.dx,
                .dy     = fit.dy,
                .weight = 1.0 / (fit.error_px * fit.error_px + spread_least * spread_least),
            };
        }
    }
    a->measured = n;
    combine(w, n, a);
}

static bool does_rise(const tb_correlation *c, double rise, double certainty)
{
    return c->at_shift - c->at_zero >= rise && c->significance >= certainty;
}

static bool do_windows_agree(const attempt *a)
{
    double share = is_far(a->start_x, a->start_y) ? agree_far : agree_near;

    return a->accepted >= WINDOWS_LEAST && a->accepted >= share * a->windows;
}

static tb_status judge(const work *w, attempt *a, tb_error *err)
{
    static const double none[2] = {0.0, 0.0};

    return tb_correlation_fair(&a->correlation, w->features, w->count, a->dx, a->dy, NULL, none,
                               w->kernels, err);
}

/* Windows that see each pixel. */
static double overlap(const work *w)
{
    return w->count <= CELLS_FEW ? 4.0 : 1.0;
}

/* Why the shift must not be applied, or NULL. */
static const char *object(const work *w, const attempt *a)
{
    double length      = sqrt(a->dx * a->dx + a->dy * a->dy);
    double independent = a->accepted / overlap(w);

    if (a->windows < WINDOWS_LEAST)
        return "too few windows fit into the sample";
    if (!do_windows_agree(a))
        return "too few windows agree on a shift";
    if (length > refuse_beyond && !is_far(a->start_x, a->start_y))
        return "the shift is over 6 pixels and no coarse start supports it";
    if (length < apply_from)
        return "the dates lie within an eighth of a pixel";
    if (length * sqrt(independent) < certainty_least * a->residual_px)
        return "the shift is within its uncertainty";
    if (!does_rise(&a->correlation, rise_least, certainty_least))
        return "the correlation of the gradients does not rise";
    return NULL;
}

/* Fits the windows from a start, and judges what they say. */
static tb_status try_start(work *w, attempt *a, tb_error *err)
{
    tb_status status = TB_OK;

    measure_windows(w, a);
    TB_TRY(judge(w, a, err));
    a->objection = object(w, a);
    a->support   = "the correlation of the gradients rises";

done:
    return status;
}

/*
 * The same for a start found by phase correlation. One that stands out is seldom wrong, and pixels
 * of shift left in cost all there is to find: so the correlation may speak for it alone where crops
 * or speckle keep the windows from agreeing. It then has to rise much, and what fewer than
 * WINDOWS_LEAST windows say is not used.
 */
static tb_status try_far_start(work *w, attempt *a, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(try_start(w, a, err));
    if (a->objection == NULL)
        goto done;
    if (a->accepted < WINDOWS_LEAST) {
        a->dx = (double)a->start_x;
        a->dy = (double)a->start_y;
        TB_TRY(judge(w, a, err));
    }
    if (does_rise(&a->correlation, alone_rise, alone_certainty)) {
        a->objection = NULL;
        a->support   = "the correlation of the gradients rises much, though few windows agree";
    }

done:
    return status;
}

/* How many standard deviations a correlation stands over those on two rings around its shift: a
 * true shift is a peak a few pixels wide, a chance one a bump on a slope. */
static double stands_out(const work *w, int count, int64_t dx, int64_t dy, double value)
{
    static const int8_t ring[RING][2] = {
        {6, 0},  {4, 4},  {0, 6},   {-4, 4},  {-6, 0},   {-4, -4},  {0, -6},  {4, -4},
        {11, 5}, {5, 11}, {-5, 11}, {-11, 5}, {-11, -5}, {-5, -11}, {5, -11}, {11, -5}};
    double sum = 0.0, squares = 0.0;

    for (int i = 0; i < RING; i++) {
        tb_correlation c;

        tb_correlation_whole(&c, w->features, count, dx + ring[i][0], dy + ring[i][1], w->kernels);
        sum += c.at_shift;
        squares += c.at_shift * c.at_shift;
    }

    double mean     = sum / RING;
    double variance = (squares - sum * mean) / (RING - 1);

    return variance > 0.0 ? (value - mean) / sqrt(variance) : 0.0;
}

/* Walks to the highest correlation among the neighbours, a few steps at most: the peak of the
 * phase, which the highest frequencies draw as much as the strong ones, may lie beside the
 * correlation's. */
static void climb(const work *w, int count, int64_t *dx, int64_t *dy, double *height)
{
    for (int step = 0; step < CLIMB; step++) {
        int64_t x = *dx, y = *dy;

        for (int i = 0; i < 9; i++) {
            tb_correlation c;

            tb_correlation_whole(&c, w->features, count, x + i % 3 - 1, y + i / 3 - 1, w->kernels);
            if (c.at_shift <= *height)
                continue;
            *height = c.at_shift;
            *dx     = x + i % 3 - 1;
            *dy     = y + i / 3 - 1;
        }
        if (*dx == x && *dy == y)
            return;
    }
}

/* Whether a shift beyond what windows find by themselves is worth a try: the candidate under which
 * the correlation rises most, if it rises clearly and stands out. */
static bool choose_start(const work *w, int count, const tb_coarse *coarse, int64_t *dx,
                         int64_t *dy)
{
    int    best   = -1;
    double rise   = 0.0;
    double height = 0.0;

    for (int i = 0; i < coarse->count; i++) {
        tb_correlation c;

        tb_correlation_whole(&c, w->features, count, coarse->dx[i], coarse->dy[i], w->kernels);
        if (c.at_shift - c.at_zero <= rise)
            continue;
        best   = i;
        rise   = c.at_shift - c.at_zero;
        height = c.at_shift;
    }
    if (best < 0 || rise < start_rise || !is_far(coarse->dx[best], coarse->dy[best]))
        return false;
    *dx = coarse->dx[best];
    *dy = coarse->dy[best];
    climb(w, count, dx, dy, &height);
    return stands_out(w, count, *dx, *dy, height) >= start_stands_out;
}

/* Whether the features go on over more pixels than their filters reach: ground does, noise does
 * not.
 */
static bool has_structure(const work *w, bool is_after)
{
    double sum = 0.0;

    for (int axis = 0; axis < 2; axis++) {
        double all = 0.0;

        for (int c = 0; c < w->count; c++) {
            tb_feature     same = w->features[c];
            tb_correlation r;

            same.before = same.after = is_after ? same.after : same.before;
            tb_correlation_whole(&r, &same, 1, axis == 0 ? STRUCTURE : 0, axis == 0 ? 0 : STRUCTURE,
                                 w->kernels);
            all += r.at_shift;
        }
        sum += all / w->count;
    }
    return sum / 2.0 >= structure_least;
}

/*
 * Whether the dates show other ground for certain: both hold structure, there is enough of them,
 * and under no shift that was found or may be is the correlation even weak.
 */
static tb_status look_elsewhere(const work *w, const attempt *const *tried, int count,
                                const tb_coarse *coarse, tb_registration *out, tb_error *err)
{
    static const double none[2] = {0.0, 0.0};
    tb_status           status  = TB_OK;

    out->best_correlation = -1.0;
    for (int i = 0; i < count + coarse->count; i++) {
        tb_correlation c;
        double         dx, dy;

        if (i < count) {
            dx = tried[i]->dx;
            dy = tried[i]->dy;
            c  = tried[i]->correlation;
        } else {
            dx = (double)coarse->dx[i - count];
            dy = (double)coarse->dy[i - count];
            TB_TRY(tb_correlation_fair(&c, w->features, w->count, dx, dy, NULL, none, w->kernels,
                                       err));
        }
        if (c.tiles < TILES_LEAST || c.at_shift + other_certainty * c.error >= other_ground)
            goto done;
        if (c.at_shift <= out->best_correlation)
            continue;
        out->best_dx          = dx;
        out->best_dy          = dy;
        out->best_correlation = c.at_shift;
        out->best_error       = c.error;
    }
    out->is_other_ground = has_structure(w, false) && has_structure(w, true);

done:
    return status;
}

/* Tries a field where windows tell of one, against what would be applied without it. */
static tb_status try_field(work *w, const attempt *a, tb_rect over, tb_registration *out,
                           tb_error *err)
{
    tb_status      status  = TB_OK;
    double         base[2] = {out->applied ? out->dx : 0.0, out->applied ? out->dy : 0.0};
    double         residual_px;
    int            kept = 0;
    tb_field       field;
    tb_correlation c;

    if (a->measured < agree_near * a->windows)
        goto done;
    TB_TRY(tb_bend_fit(&field, a->votes, a->measured, over, overlap(w), out->held_out, &residual_px,
                       err));
    if (!tb_field_exists(&field))
        goto done;
    for (int i = 0; i < a->measured; i++)
        kept += a->votes[i].is_kept;
    TB_TRY(tb_correlation_fair(&c, w->features, w->count, 0.0, 0.0, &field, base, w->kernels, err));
    if (kept < agree_near * a->windows || !does_rise(&c, rise_least, certainty_least))
        goto done;
    out->field                = field;
    out->field_correlation    = c.at_shift;
    out->correlation_of_shift = c.at_zero;
    out->residual_px          = residual_px;
    out->accepted             = kept;
    out->applied              = true;
    out->reason               = "windows held out agree with a field, and the correlation rises";

done:
    return status;
}

/* Cells the coarse search looks at: few, where windows by themselves tell of a shift they can
 * follow. */
static int coarse_cells(const work *w, const attempt *near)
{
    bool is_settled = near->accepted >= WINDOWS_LEAST &&
                      near->accepted >= agree_settled * near->windows &&
                      near->dx * near->dx + near->dy * near->dy <= NEAR * NEAR;
    int most = is_settled ? CELLS_FEW : TB_COARSE_CELLS;

    return w->count < most ? w->count : most;
}

static tb_status fit(work *w, tb_rect over, tb_registration *out, tb_error *err)
{
    tb_status status = TB_OK;
    attempt   far = {0}, near = {0};
    attempt  *best = &near;
    tb_coarse coarse;
    int64_t   size  = 0;
    size_t    room  = 0;
    int       count = 0;

    for (int c = 0; c < w->count; c++) {
        const tb_feature *f = &w->features[c];
        int64_t           s = window_size(f);

        size = s > size ? s : size;
        room += (size_t)(window_count(w, f->width, s) * window_count(w, f->height, s));
    }
    TB_TRY(tb_window_new(&w->window, size, w->kernels, err));
    TB_TRY(tb_alloc(&w->votes, 2 * room, sizeof *w->votes, "windows' shifts", err));
    TB_TRY(tb_alloc(&w->sorted, room, sizeof *w->sorted, "windows' shifts", err));
    near.votes = w->votes;
    far.votes  = w->votes + room;
    TB_TRY(try_start(w, &near, err));
    count = coarse_cells(w, &near);
    TB_TRY(tb_coarse_find(&coarse, w->features, count, w->fourier, err));
    if (choose_start(w, count, &coarse, &far.start_x, &far.start_y)) {
        TB_TRY(try_far_start(w, &far, err));
        if (far.objection == NULL)
            best = &far;
    }
    *out = (tb_registration){
        .dx                   = best->dx,
        .dy                   = best->dy,
        .residual_px          = best->residual_px,
        .windows              = best->windows,
        .accepted             = best->accepted,
        .correlation_at_zero  = best->correlation.at_zero,
        .correlation_at_shift = best->correlation.at_shift,
        .applied              = best->objection == NULL,
        .reason               = best->objection != NULL ? best->objection : best->support,
    };
    TB_TRY(try_field(w, best, over, out, err));
    if (!out->applied)
        TB_TRY(look_elsewhere(w, (const attempt *const[]){&near, &far}, far.windows > 0 ? 2 : 1,
                              &coarse, out, err));

done:
    return status;
}

tb_status tb_registration_fit(tb_align *align, tb_rect over, tb_registration *out, tb_error *err)
{
    tb_status       status = TB_OK;
    work            w      = {.kernels = align->kernels, .fourier = align->fourier};
    tb_registration found  = {
         .reason = "no sample cell has 64 x 64 pixels, an eighth valid and not all alike"};

    tb_align_finish(align);
    w.features = align->feature;
    w.count    = align->count;
    if (w.count > 0)
        TB_TRY(fit(&w, over, &found, err));
    *out = found;

done:
    tb_window_free(w.window);
    tb_free(w.votes);
    tb_free(w.sorted);
    return status;
}
