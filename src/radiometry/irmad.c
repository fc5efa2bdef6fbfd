#include "radiometry/irmad.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/parallel.h"
#include "radiometry/jacobi.h"

enum {
    BANDS_MAX = TB_PIXELS_BANDS_MAX,
    CELL      = 65536, /* what one worker sums; totals are added in the order of the cells */
    RUN       = 1024,  /* what passes through the row functions at a time and stays in the cache */
    PIXELS_PER_BAND = 40, /* at least, to fit at all */
    WEIGHT_PER_BAND = 20  /* at least, to reweight: ten for each row of the stacked covariance */
};

/*
 * 2 (1 - rho) below this is rounding, not noise: even 16-bit samples quantise by more. The floor
 * makes Z of perfectly correlated dates 0 where they agree and enormous where they do not.
 */
static const double variance_least = 1e-8;

/* 1 - R^2 of a band on those before it, and a weighted variance beside the plain one: rank test. */
static const double rank_tolerance = 1e-10;

static const double ridge_lambda = 1e-3;

typedef struct pass {
    const tb_pixels  *pixels;
    const tb_kernels *kernels;
    double            centre[2 * BANDS_MAX]; /* the weights' too, once there are any */
    bool              is_weighted;           /* false: every pixel weighs 1 */
    tb_mad_weights    weights;               /* of the pass before */
    tb_moments       *cell;                  /* of each */
    tb_moments        total;
    float            *p, *z;      /* where apply writes; may be NULL */
    double           *cell_z_sum; /* of each */
} pass;

static int64_t cells_of(int64_t count)
{
    return (count + CELL - 1) / CELL;
}

static void channels_at(const float **channel, const tb_pixels *pixels, int64_t at)
{
    for (int k = 0; k < pixels->bands; k++) {
        channel[k]                 = pixels->before[k] + at;
        channel[pixels->bands + k] = pixels->after[k] + at;
    }
}

static int64_t length_of_cell(const tb_pixels *pixels, int64_t cell)
{
    return (cell + 1) * CELL < pixels->count ? CELL : pixels->count - cell * CELL;
}

static tb_status sum_cell(void *context, int worker, int64_t item, tb_error *err)
{
    pass        *work = context;
    tb_moments  *sums = &work->cell[item];
    size_t       n    = (size_t)length_of_cell(work->pixels, item);
    const float *channel[2 * BANDS_MAX];

    (void)worker;
    (void)err;
    *sums = (tb_moments){0};
    channels_at(channel, work->pixels, item * CELL);
    if (work->is_weighted)
        work->kernels->irmad_add(sums, channel, &work->weights, n);
    else
        work->kernels->moments_add(sums, channel, 2 * work->pixels->bands, work->centre, NULL, n);
    return TB_OK;
}

static void add_cell(tb_moments *total, const tb_moments *cell, int channels)
{
    total->weight += cell->weight;
    for (int i = 0; i < channels; i++)
        total->first[i] += cell->first[i];
    for (int k = 0; k < channels * (channels + 1) / 2; k++)
        total->second[k] += cell->second[k];
}

/* Weighted covariances and means of the stacked channels. */
typedef struct covariance {
    int    channels;
    double mean[2 * BANDS_MAX];
    double at[2 * BANDS_MAX][2 * BANDS_MAX];
} covariance;

static void covariance_of(covariance *out, const tb_moments *sums, const double *centre,
                          int channels)
{
    out->channels = channels;
    for (int i = 0; i < channels; i++) {
        out->mean[i] = centre[i] + sums->first[i] / sums->weight;
        for (int j = i; j < channels; j++) {
            double second = sums->second[tb_moments_index(channels, i, j)];

            out->at[i][j] = out->at[j][i] =
                (second - sums->first[i] * sums->first[j] / sums->weight) / (sums->weight - 1.0);
        }
    }
}

/* The means of the first cell: near enough to the stratum's for its sums to keep their digits. */
static void rough_centre(double *centre, const tb_pixels *pixels, const tb_kernels *kernels)
{
    const float *channel[2 * BANDS_MAX];
    tb_moments   sums                = {0};
    const double none[2 * BANDS_MAX] = {0};

    channels_at(channel, pixels, 0);
    kernels->moments_add(&sums, channel, 2 * pixels->bands, none, NULL,
                         (size_t)(pixels->count < CELL ? pixels->count : CELL));
    for (int i = 0; i < 2 * pixels->bands; i++)
        centre[i] = sums.first[i] / sums.weight;
}

/* Which bands vary in both dates, and every channel's standard deviation over all pixels. */
static int bands_that_vary(bool *is_used, double *scale, const covariance *s)
{
    int bands = s->channels / 2, used = 0;

    for (int i = 0; i < s->channels; i++) {
        double variance = s->at[i][i];

        /* Rounding of its centre leaves a constant band a variance of some 1e-32 of its square. */
        scale[i] = variance > 1e-24 * (s->mean[i] * s->mean[i]) ? sqrt(variance) : 0.0;
    }
    for (int k = 0; k < bands; k++) {
        is_used[k] = scale[k] > 0.0 && scale[bands + k] > 0.0;
        used += is_used[k];
    }
    return used;
}

/* The next right vector: K'u made orthogonal to those before it; any such vector where it is
 * nothing. */
static void orthogonalise(tb_square *v, int column, int n)
{
    for (int attempt = 0; attempt <= n; attempt++) {
        double norm = 0.0;

        for (int twice = 0; twice < 2; twice++) {
            for (int j = 0; j < column; j++) {
                double along = 0.0;

                for (int k = 0; k < n; k++)
                    along += v->at[k][j] * v->at[k][column];
                for (int k = 0; k < n; k++)
                    v->at[k][column] -= along * v->at[k][j];
            }
        }
        for (int k = 0; k < n; k++)
            norm += v->at[k][column] * v->at[k][column];
        norm = sqrt(norm);
        if (norm > (attempt == 0 ? 1e-12 : 0.1)) {
            for (int k = 0; k < n; k++)
                v->at[k][column] /= norm;
            return;
        }
        for (int k = 0; k < n; k++)
            v->at[k][column] = k == attempt ? 1.0 : 0.0;
    }
}

typedef struct problem {
    int       n;
    int       band[BANDS_MAX]; /* of the n that are used */
    double    scale[2 * BANDS_MAX];
    tb_square s11, s22, s12; /* in units of the plain standard deviations: a ridge means the same */
    tb_square l1, l2;
} problem;

static void fill_blocks(problem *it, const covariance *s)
{
    int bands = s->channels / 2;

    for (int i = 0; i < it->n; i++) {
        for (int j = 0; j < it->n; j++) {
            int    x = it->band[i], y = it->band[j];
            double sx = it->scale[x], sy = it->scale[y];
            double tx = it->scale[bands + x], ty = it->scale[bands + y];

            it->s11.at[i][j] = s->at[x][y] / (sx * sy);
            it->s22.at[i][j] = s->at[bands + x][bands + y] / (tx * ty);
            it->s12.at[i][j] = s->at[x][bands + y] / (sx * ty);
        }
    }
}

static void add_ridge(tb_square *s, int n, double lambda)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            s->at[i][j] *= 1.0 - lambda;
        s->at[i][i] += lambda;
    }
}

static bool has_full_rank(problem *it)
{
    for (int i = 0; i < it->n; i++)
        if (!(it->s11.at[i][i] > rank_tolerance) || !(it->s22.at[i][i] > rank_tolerance))
            return false;
    return tb_cholesky_factor(&it->l1, &it->s11, it->n, rank_tolerance) &&
           tb_cholesky_factor(&it->l2, &it->s22, it->n, rank_tolerance);
}

/* Canonical correlations of the two dates; false where even a ridge does not help. */
static bool solve(tb_irmad *out, problem *it, const covariance *s)
{
    tb_square work, k, k_transposed, product, u, v;
    double    squared[BANDS_MAX];
    const int n = it->n, bands = s->channels / 2;

    fill_blocks(it, s);
    if (out->ridge == 0.0 && !has_full_rank(it))
        out->ridge = ridge_lambda;
    if (out->ridge > 0.0) {
        add_ridge(&it->s11, n, out->ridge);
        add_ridge(&it->s22, n, out->ridge);
        if (!has_full_rank(it))
            return false;
    }

    /* K = L1^-1 S12 L2^-T; its singular vectors and values are the canonical ones. */
    k = it->s12;
    tb_cholesky_forward(&it->l1, &k, n);
    tb_square_transpose(&k_transposed, &k, n);
    tb_cholesky_forward(&it->l2, &k_transposed, n);
    tb_square_transpose(&k, &k_transposed, n);
    tb_square_multiply(&product, &k, &k_transposed, n);
    tb_jacobi_eigen(squared, &u, &product, n);

    /* Signs: the correlations of U_i with the bands sum to more than 0, and U_i with V_i too. */
    for (int i = 0; i < n; i++) {
        double correlations = 0.0;

        for (int x = 0; x < n; x++) {
            double covariance_x = 0.0;

            for (int y = 0; y <= x; y++)
                covariance_x += it->l1.at[x][y] * u.at[y][i];
            correlations += covariance_x / sqrt(it->s11.at[x][x]);
        }
        if (correlations < 0.0)
            for (int x = 0; x < n; x++)
                u.at[x][i] = -u.at[x][i];
    }
    tb_square_multiply(&v, &k_transposed, &u, n);
    for (int i = 0; i < n; i++)
        orthogonalise(&v, i, n);
    tb_square_multiply(&work, &k, &v, n);
    for (int i = 0; i < n; i++) {
        double rho = 0.0;

        for (int x = 0; x < n; x++)
            rho += u.at[x][i] * work.at[x][i];
        if (rho < 0.0) {
            rho = -rho;
            for (int x = 0; x < n; x++)
                v.at[x][i] = -v.at[x][i];
        }
        if (!(rho < (double)INFINITY))
            return false;
        out->rho[i]      = rho < 1.0 ? rho : 1.0;
        out->variance[i] = 2.0 * (1.0 - out->rho[i]);
        if (out->variance[i] < variance_least)
            out->variance[i] = variance_least;
    }
    tb_cholesky_backward(&it->l1, &u, n);
    tb_cholesky_backward(&it->l2, &v, n);
    for (int i = 0; i < n; i++) {
        for (int x = 0; x < n; x++) {
            out->a[i][it->band[x]] = u.at[x][i] / it->scale[it->band[x]];
            out->b[i][it->band[x]] = v.at[x][i] / it->scale[bands + it->band[x]];
        }
    }
    return true;
}

static tb_status unusable(tb_irmad *result, const char *reason)
{
    *result = (tb_irmad){.reason = reason, .bands = result->bands};
    return TB_OK;
}

/* Cells are summed in any order and added up in theirs: nobody waits for a turn. */
static tb_status run_pass(pass *work, const tb_irmad_options *options, tb_error *err)
{
    tb_loop   loop   = {.count    = cells_of(work->pixels->count),
                        .workers  = options->workers,
                        .make     = sum_cell,
                        .context  = work,
                        .progress = options->progress};
    tb_status status = TB_OK;

    TB_TRY(tb_loop_run(&loop, err));
    work->total = (tb_moments){0};
    for (int64_t i = 0; i < loop.count; i++)
        add_cell(&work->total, &work->cell[i], 2 * work->pixels->bands);
done:
    return status;
}

/* Passes over the pixels until the correlations stand still. */
static tb_status iterate(tb_irmad *result, pass *work, const tb_irmad_options *options,
                         tb_error *err)
{
    const int  bands  = work->pixels->bands;
    covariance s      = {0};
    problem    it     = {0};
    tb_irmad  *early  = options->early; /* of no iterations until it is known */
    tb_status  status = TB_OK;

    rough_centre(work->centre, work->pixels, work->kernels);
    while (result->iterations < options->iterations_max && !result->converged) {
        tb_irmad next     = *result;
        bool     is_first = result->iterations == 0;

        TB_TRY(run_pass(work, options, err));
        if (!is_first && !(work->total.weight >= (double)(WEIGHT_PER_BAND * bands))) {
            result->reason = "hardly a pixel was left unchanged: stopped reweighting";
            break;
        }
        if (!is_first && early != NULL && early->iterations == 0 &&
            work->total.weight < options->weight_least * (double)work->pixels->count)
            *early = *result;
        covariance_of(&s, &work->total, work->centre, 2 * bands);
        if (is_first) {
            for (int i = 0; i < 2 * bands; i++)
                if (!(fabs(s.at[i][i]) < (double)INFINITY))
                    return unusable(result, "a band holds values that are not finite");
            it.n = next.components = bands_that_vary(next.is_used, it.scale, &s);
            if (it.n == 0)
                return unusable(result, "no band varies in both dates");
            for (int k = 0, n = 0; k < bands; k++)
                if (next.is_used[k])
                    it.band[n++] = k;
        }
        if (!solve(&next, &it, &s)) {
            if (is_first)
                return unusable(result, "the covariances are singular");
            result->reason = "the weighted covariances became singular: stopped reweighting";
            break;
        }
        for (int k = 0; k < bands; k++) {
            next.mean_before[k] = s.mean[k];
            next.mean_after[k]  = s.mean[bands + k];
        }
        next.iterations++;
        next.usable      = true;
        next.weight      = work->total.weight;
        next.last_change = 0.0;
        for (int i = 0; i < it.n; i++) {
            double change = fabs(next.rho[i] - result->rho[i]);

            next.last_change = change > next.last_change ? change : next.last_change;
        }
        next.converged = !is_first && next.last_change < options->delta;
        *result        = next;
        tb_irmad_weights(&work->weights, result);
        work->is_weighted = true;
        memcpy(work->centre, s.mean, sizeof work->centre);
    }
done:
    return status;
}

static tb_irmad_options with_defaults(const tb_irmad_options *options)
{
    tb_irmad_options all = options != NULL ? *options : (tb_irmad_options){0};

    if (all.delta <= 0.0)
        all.delta = 1e-3;
    if (all.iterations_max <= 0)
        all.iterations_max = 50;
    if (all.workers <= 0)
        all.workers = 1;
    return all;
}

tb_status tb_irmad_fit(tb_irmad *result, const tb_pixels *pixels, const tb_irmad_options *options,
                       const tb_kernels *kernels, tb_error *err)
{
    tb_irmad_options all    = with_defaults(options);
    pass             work   = {.pixels = pixels, .kernels = kernels};
    tb_status        status = TB_OK;

    *result = (tb_irmad){.reason = "", .bands = pixels->bands};
    if (all.early != NULL)
        *all.early = *result;
    if (pixels->bands < 1 || pixels->bands > BANDS_MAX)
        return tb_error_set(err, TB_E_INPUT, "fit IR-MAD: expected 1 to %d bands, got %d",
                            BANDS_MAX, pixels->bands);
    if (pixels->count < (int64_t)PIXELS_PER_BAND * pixels->bands) {
        status = unusable(result, "too few valid pixels: fewer than 40 a band");
        goto done;
    }

    TB_TRY(tb_alloc(&work.cell, (size_t)cells_of(pixels->count), sizeof *work.cell,
                    "moments of IR-MAD", err));
    TB_TRY(iterate(result, &work, &all, err));
done:
    if (all.early != NULL && all.early->iterations == 0)
        *all.early = *result;
    tb_free(work.cell);
    return status;
}

void tb_irmad_weights(tb_mad_weights *weights, const tb_irmad *fit)
{
    const int bands = fit->bands;

    *weights = (tb_mad_weights){.channels = 2 * bands, .components = fit->components};
    for (int k = 0; k < bands; k++) {
        weights->centre[k]         = fit->mean_before[k];
        weights->centre[bands + k] = fit->mean_after[k];
    }
    for (int i = 0; i < fit->components; i++) {
        for (int k = 0; k < bands; k++) {
            weights->coefficient[i][k]         = fit->a[i][k];
            weights->coefficient[i][bands + k] = -fit->b[i][k];
        }
        weights->by_variance[i] = 1.0 / fit->variance[i];
    }
}

static tb_status apply_cell(void *context, int worker, int64_t item, tb_error *err)
{
    pass        *work = context;
    int64_t      end  = item * CELL + length_of_cell(work->pixels, item);
    double       z[RUN], p[RUN];
    double       sum = 0.0;
    const float *channel[2 * BANDS_MAX];

    (void)worker;
    (void)err;
    for (int64_t at = item * CELL; at < end; at += RUN) {
        size_t n = (size_t)(end - at < RUN ? end - at : RUN);

        channels_at(channel, work->pixels, at);
        work->kernels->mad_statistic(z, channel, &work->weights, n);
        if (work->p != NULL && work->weights.components > 0)
            work->kernels->chi2_upper(p, z, work->weights.components, n);
        for (size_t x = 0; x < n; x++)
            sum += z[x];
        for (size_t x = 0; x < n && work->z != NULL; x++)
            work->z[(size_t)at + x] = (float)z[x];
        for (size_t x = 0; x < n && work->p != NULL; x++)
            work->p[(size_t)at + x] = work->weights.components > 0 ? (float)p[x] : 1.0f;
    }
    work->cell_z_sum[item] = sum;
    return TB_OK;
}

tb_status tb_irmad_apply(float *p, float *z, double *z_sum, const tb_irmad *fit,
                         const tb_pixels *pixels, const tb_irmad_options *options,
                         const tb_kernels *kernels, tb_error *err)
{
    tb_irmad_options all    = with_defaults(options);
    pass             work   = {.pixels = pixels, .kernels = kernels, .p = p, .z = z};
    tb_loop          loop   = {.count    = cells_of(pixels->count),
                               .workers  = all.workers,
                               .make     = apply_cell,
                               .context  = &work,
                               .progress = all.progress};
    tb_status        status = TB_OK;

    if (pixels->bands != fit->bands)
        return tb_error_set(err, TB_E_BUG, "apply IR-MAD: expected %d bands, got %d", fit->bands,
                            pixels->bands);
    tb_irmad_weights(&work.weights, fit);
    TB_TRY(
        tb_alloc(&work.cell_z_sum, (size_t)loop.count, sizeof *work.cell_z_sum, "sums of Z", err));
    TB_TRY(tb_loop_run(&loop, err));
    if (z_sum != NULL) {
        *z_sum = 0.0;
        for (int64_t i = 0; i < loop.count; i++)
            *z_sum += work.cell_z_sum[i];
    }
done:
    tb_free(work.cell_z_sum);
    return status;
}
