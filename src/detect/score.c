#include "detect/score.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/real.h"

/* Gradients are of brightness smoothed a little; their difference counts in a wider neighbourhood.
 */
static const double GRADIENT_SIGMA = 1.0, TEXTURE_SIGMA = 3.0;

/* Standard deviations out to which taps are summed. */
static const double GAUSSIAN_REACH = 3.34, TEXTURE_REACH = 3.0;

/* Gaussian taps exp(-k^2 / (2 sigma^2)) out to `reach` sigma. */
static tb_smoothing gaussian(double sigma, double reach)
{
    tb_smoothing smoothing = {.radius = (int)ceil(sigma * reach), .taps = {1.0f}};

    smoothing.radius = smoothing.radius < 1 ? 1 : smoothing.radius;
    smoothing.radius = smoothing.radius < TB_FIR_RADIUS_MAX ? smoothing.radius : TB_FIR_RADIUS_MAX;
    for (int k = 1; k <= smoothing.radius; k++)
        smoothing.taps[k] =
            sigma > 0.0 ? (float)tb_real_exp(-(double)(k * k) / (2.0 * sigma * sigma)) : 0.0f;
    return smoothing;
}

void tb_scoring_init(tb_scoring *scoring, const tb_method *method, int bands, double sigma,
                     bool has_median)
{
    tb_smoothing before_gradient = gaussian(GRADIENT_SIGMA, TEXTURE_REACH);
    tb_cascade  *cascade         = &scoring->cascade;
    int          plain           = method->has_texture ? method->planes - 2 : method->planes;

    *scoring = (tb_scoring){.method = method, .bands = bands};
    for (int p = 0; p < method->planes; p++)
        tb_cascade_give(cascade);
    for (int p = 0; p < plain; p++) {
        tb_smoothing smoothing =
            gaussian(method->has_speckle && p > 0 ? 2.0 * sigma : sigma, GAUSSIAN_REACH);

        smoothing.has_median  = p == 0 && has_median;
        smoothing.keeps_edges = p == 0 && method->has_speckle && sigma > 0.0;
        tb_cascade_put_out(cascade, tb_cascade_smooth(cascade, p, &smoothing));
    }
    if (method->has_texture) {
        tb_smoothing wide = gaussian(TEXTURE_SIGMA, TEXTURE_REACH);
        int          rough[2];

        for (int date = 0; date < 2; date++)
            rough[date] = tb_cascade_gradient(
                cascade, tb_cascade_smooth(cascade, plain + date, &before_gradient));
        tb_cascade_put_out(
            cascade,
            tb_cascade_smooth(cascade, tb_cascade_difference(cascade, rough[0], rough[1]), &wide));
    }
    tb_cascade_finish(cascade);
    scoring->halo = cascade->halo;
}

void tb_scoring_init_trained(tb_scoring *scoring, const tb_filter *filter)
{
    tb_smoothing before_gradient = gaussian(GRADIENT_SIGMA, TEXTURE_REACH);
    tb_smoothing narrow          = gaussian(filter->smoothing, GAUSSIAN_REACH);
    tb_smoothing wide            = gaussian(filter->wide, TEXTURE_REACH);
    tb_cascade  *cascade         = &scoring->cascade;
    int          from[TB_FILTER_PLANES];

    *scoring = (tb_scoring){.method = &tb_method_trained, .filter = filter, .bands = filter->bands};
    for (int p = 0; p < tb_method_trained.planes; p++)
        from[p] = tb_cascade_give(cascade);
    for (int date = 0; date < 2; date++)
        from[TB_PLANE_ROUGH_BEFORE + date] = tb_cascade_gradient(
            cascade,
            tb_cascade_smooth(cascade, from[TB_PLANE_BRIGHT_BEFORE + date], &before_gradient));
    from[TB_PLANE_TEXTURE] =
        tb_cascade_difference(cascade, from[TB_PLANE_ROUGH_BEFORE], from[TB_PLANE_ROUGH_AFTER]);
    from[TB_PLANE_WIDE_CONTRAST]  = from[TB_PLANE_CONTRAST];
    from[TB_PLANE_WIDE_STATISTIC] = from[TB_PLANE_STATISTIC];
    for (int p = 0; p < TB_FILTER_PLANES; p++) {
        bool         is_narrow = p == TB_PLANE_CONTRAST || p == TB_PLANE_STATISTIC;
        tb_smoothing smoothing = is_narrow ? narrow : wide;

        smoothing.has_median = p == TB_PLANE_CONTRAST && filter->has_median;
        tb_cascade_put_out(cascade, tb_cascade_smooth(cascade, from[p], &smoothing));
    }
    tb_cascade_finish(cascade);
    scoring->halo = cascade->halo;
}

void tb_scores_reset(tb_scores *scores)
{
    tb_free(scores->storage);
    *scores = (tb_scores){0};
}

/* Columns of a block that run through the cascade at once: their rows lie in the cache. */
enum { PANEL = 512 };

static int64_t panel_columns(int64_t columns, int halo)
{
    int64_t panel = PANEL + 2 * (int64_t)halo;

    return columns < panel ? columns : panel;
}

/* Scores, contrasts and the planes that are kept, each of `pixels`, and rows of the cascade. */
static size_t floats_needed(int kept, size_t pixels, size_t of_cascade)
{
    return (size_t)(2 + kept) * pixels + of_cascade + (size_t)TB_METHOD_SCRATCH * TB_METHOD_SEGMENT;
}

/* Of the rows of the stages of the method with most. */
static size_t most_of_cascade(int64_t columns)
{
    return (size_t)TB_CASCADE_OUTPUTS_MAX * 2 * (2 * TB_SCORING_HALO_MAX + 1) *
           (size_t)(columns + 32);
}

size_t tb_scores_bytes(int kept, int64_t columns, int64_t rows)
{
    size_t most = most_of_cascade(panel_columns(columns, TB_SCORING_HALO_MAX));

    return floats_needed(kept, (size_t)(columns * rows), most) * sizeof(float);
}

size_t tb_scores_row_bytes(int64_t columns)
{
    return floats_needed(0, (size_t)columns, most_of_cascade(columns)) * sizeof(float);
}

/* The method's planes for pixels of one row that lie in one stratum. */
static void make_segment(float *const *out, float *scratch, const tb_scoring *scoring,
                         const tb_pair_block *block, size_t at, size_t n,
                         const tb_radiometry *radiometry, const tb_kernels *kernels)
{
    const float *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];

    for (int b = 0; b < scoring->bands; b++) {
        before[b] = block->before[b] + at;
        after[b]  = block->after[b] + at;
    }
    scoring->method->row(out, before, after, scoring->bands, radiometry, scratch, n, kernels);
}

/* A panel of a block on its way through the cascade. */
typedef struct passage {
    tb_scores                  *scores;
    const tb_scoring           *scoring;
    tb_pair_block              *block;
    const tb_radiometry *const *radiometry;
    const tb_kernels           *kernels;
    float                      *scratch;
    int64_t                     first, columns; /* of the block, with the halo */

    tb_score_row_fn *take; /* of what is handed out */
    void            *context;
} passage;

/* A row of the method's planes, piece by piece as strata follow each other. */
static tb_status give_row(void *context, int64_t y, float *const *planes, tb_error *err)
{
    const passage *p       = context;
    tb_status      status  = tb_pair_need(p->block, y + 1, err);
    int64_t        first   = tb_pair_row(p->block, y) + p->first;
    const int16_t *stratum = p->block->stratum + first;

    for (int64_t x = 0, end; x < p->columns && status == TB_OK; x = end) {
        float *out[TB_METHOD_PLANES_MAX];

        end = tb_pair_stratum_end(p->block, y, p->first + x, p->first + p->columns) - p->first;
        end = end - x < TB_METHOD_SEGMENT ? end : x + TB_METHOD_SEGMENT;
        for (int k = 0; k < p->scoring->method->planes; k++)
            out[k] = planes[k] + x;
        if (stratum[x] >= 0 && p->radiometry[stratum[x]] != NULL)
            make_segment(out, p->scratch, p->scoring, p->block, (size_t)(first + x),
                         (size_t)(end - x), p->radiometry[stratum[x]], p->kernels);
        else
            for (int k = 0; k < p->scoring->method->planes; k++)
                for (int64_t i = 0; i < end - x; i++)
                    out[k][i] = NAN;
    }
    return status;
}

/* Whether the smoothed planes are the score and the contrast. */
static bool is_finished(const tb_scoring *scoring)
{
    return scoring->filter == NULL && scoring->method->finish == NULL;
}

static void finish_row(const passage *p, float *score, float *contrast, const float *const *smooth,
                       size_t n)
{
    const tb_scoring *scoring = p->scoring;

    if (scoring->filter != NULL) {
        tb_filter_judge(score, scoring->filter, smooth, p->scratch, n, p->kernels);
        memcpy(contrast, smooth[TB_PLANE_CONTRAST], n * sizeof *contrast);
    } else if (is_finished(scoring)) {
        memcpy(score, smooth[0], n * sizeof *score);
        memcpy(contrast, smooth[1], n * sizeof *contrast);
    } else {
        scoring->method->finish(score, contrast, smooth, scoring->bands, n, p->kernels);
    }
}

static tb_status keep_row(void *context, int64_t y, const float *const *smooth, tb_error *err)
{
    const passage    *p       = context;
    const tb_scoring *scoring = p->scoring;
    size_t            n       = (size_t)(p->columns - 2 * scoring->halo);
    int64_t           at      = (y - scoring->halo) * p->scores->rect.width + p->first;

    (void)err;
    finish_row(p, p->scores->score + at, p->scores->contrast + at, smooth, n);
    for (int k = 0; scoring->keeps_planes && k < scoring->cascade.outputs; k++)
        memcpy(p->scores->plane[k] + at, smooth[k], n * sizeof **smooth);
    return TB_OK;
}

static tb_status hand_out_row(void *context, int64_t y, const float *const *smooth, tb_error *err)
{
    const passage *p = context;
    size_t         n = (size_t)(p->columns - 2 * p->scoring->halo);

    if (is_finished(p->scoring))
        return p->take(p->context, y, smooth[0], smooth[1], err);
    finish_row(p, p->scores->score, p->scores->contrast, smooth, n);
    return p->take(p->context, y, p->scores->score, p->scores->contrast, err);
}

/* Room for scores of so many pixels, made of `columns` at once; *scratch and *rows are the method's
 * and the cascade's part. */
static tb_status lay_out(tb_scores *scores, const tb_scoring *scoring, int kept, size_t pixels,
                         int64_t columns, float **scratch, float **rows, tb_error *err)
{
    tb_status status  = TB_OK;
    size_t    cascade = tb_cascade_floats(&scoring->cascade, columns);
    size_t    needed  = floats_needed(kept, pixels, cascade);

    if (needed > scores->capacity) {
        tb_free(scores->storage);
        scores->storage  = NULL;
        scores->capacity = 0;
        TB_TRY(tb_alloc(&scores->storage, needed, sizeof(float), "scores", err));
        scores->capacity = needed;
    }
    *scratch         = scores->storage;
    *rows            = *scratch + TB_METHOD_SCRATCH * TB_METHOD_SEGMENT;
    scores->score    = *rows + cascade;
    scores->contrast = scores->score + pixels;
    for (int k = 0; k < kept; k++)
        scores->plane[k] = scores->contrast + (size_t)(k + 1) * pixels;
done:
    return status;
}

tb_status tb_scores_make(tb_scores *scores, const tb_scoring *scoring, tb_pair_block *block,
                         const tb_radiometry *const *radiometry, const tb_kernels *kernels,
                         tb_error *err)
{
    tb_status       status = TB_OK;
    passage         p      = {.scores     = scores,
                              .scoring    = scoring,
                              .block      = block,
                              .radiometry = radiometry,
                              .kernels    = kernels};
    tb_cascade_ends ends   = {.context = &p, .give = give_row, .take = keep_row};
    int             kept   = scoring->keeps_planes ? scoring->cascade.outputs : 0;
    int64_t         most   = panel_columns(block->rect.width, scoring->halo);
    float          *rows;

    scores->rect = tb_rect_grow(block->rect, -scoring->halo);
    TB_TRY(lay_out(scores, scoring, kept, (size_t)tb_rect_area(scores->rect), most, &p.scratch,
                   &rows, err));
    for (; p.first < scores->rect.width; p.first += PANEL) {
        p.columns = panel_columns(block->rect.width - p.first, scoring->halo);
        TB_TRY(tb_cascade_run(&scoring->cascade, p.columns, block->rect.height, rows, &ends,
                              kernels, err));
    }
done:
    return status;
}

tb_status tb_scores_hand_out(tb_scores *scores, const tb_scoring *scoring, tb_pair_block *block,
                             const tb_radiometry *const *radiometry, tb_score_row_fn *take,
                             void *context, const tb_kernels *kernels, tb_error *err)
{
    tb_status       status = TB_OK;
    passage         p      = {.scores     = scores,
                              .scoring    = scoring,
                              .block      = block,
                              .radiometry = radiometry,
                              .kernels    = kernels,
                              .columns    = block->rect.width,
                              .take       = take,
                              .context    = context};
    tb_cascade_ends ends   = {.context = &p, .give = give_row, .take = hand_out_row};
    float          *rows;

    scores->rect = tb_rect_grow(block->rect, -scoring->halo);
    TB_TRY(
        lay_out(scores, scoring, 0, (size_t)scores->rect.width, p.columns, &p.scratch, &rows, err));
    TB_TRY(tb_cascade_run(&scoring->cascade, p.columns, block->rect.height, rows, &ends, kernels,
                          err));
done:
    return status;
}
