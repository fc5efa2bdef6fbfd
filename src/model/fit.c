#include "model/fit.h"

#include <math.h>
#include <stdio.h>

#include "align/registration.h"
#include "core/memory.h"
#include "model/decide.h"
#include "model/gather.h"
#include "model/sample.h"
#include "radiometry/irmad.h"
#include "radiometry/regression.h"

enum {
    REGISTRATION_CELLS = 16,
    CELLS_AT_ONCE      = 16, /* read before it is asked again whether enough is valid */
    PIXELS_PER_BAND    = 20, /* fewer valid pixels than this for each band are not judged */
};

static const int64_t WANTED_VALID = (int64_t)1 << 20; /* of a stratum, where it has them */
static const int64_t OWN_FIT_LEAST = 200000;          /* below it takes its longest neighbour's */
static const double  CONTRAST_BOUND = 0.6;            /* docs/methods/threshold.md */
static const double  IMPLAUSIBLE    = 0.2;

/* What is gathered of one stratum: its valid pixels in the order of the cells, and its borders. */
typedef struct stratum_pixels {
    int              stratum;
    const tb_method *method;
    const tb_kernels *kernels;
    int              bands;
    int64_t          count, capacity;
    float           *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];
    int64_t         *border; /* [strata] pixel pairs beside each other */
} stratum_pixels;

static void stratum_pixels_reset(stratum_pixels *pixels)
{
    for (int b = 0; b < TB_BANDS_MAX; b++) {
        tb_free(pixels->before[b]);
        tb_free(pixels->after[b]);
    }
    tb_free(pixels->border);
    *pixels = (stratum_pixels){0};
}

static void count_borders(stratum_pixels *pixels, const tb_pair_block *block)
{
    int64_t width = block->rect.width;

    for (int64_t y = 0; y < block->rect.height; y++)
        for (int64_t x = 0; x < width; x++) {
            const int16_t *at = block->stratum + y * width + x;

            if (*at != pixels->stratum)
                continue;
            if (x > 0 && at[-1] >= 0)
                pixels->border[at[-1]]++;
            if (x + 1 < width && at[1] >= 0)
                pixels->border[at[1]]++;
            if (y > 0 && at[-width] >= 0)
                pixels->border[at[-width]]++;
            if (y + 1 < block->rect.height && at[width] >= 0)
                pixels->border[at[width]]++;
        }
}

static tb_status take_pixels(void *context, const tb_pair_block *block, const tb_scores *scores,
                             tb_error *err)
{
    stratum_pixels *pixels = context;
    tb_status       status = TB_OK;
    size_t          total  = (size_t)tb_rect_area(block->rect);
    int64_t         more   = 0, capacity;

    (void)scores;
    for (size_t i = 0; i < total; i++)
        more += block->stratum[i] == pixels->stratum;
    if (pixels->count + more > pixels->capacity) {
        capacity = pixels->capacity * 3 / 2 > pixels->count + more ? pixels->capacity * 3 / 2
                                                                   : pixels->count + more;
        for (int b = 0; b < pixels->bands; b++) {
            TB_TRY(tb_grow(&pixels->before[b], (size_t)capacity, sizeof(float), "sample", err));
            TB_TRY(tb_grow(&pixels->after[b], (size_t)capacity, sizeof(float), "sample", err));
        }
        pixels->capacity = capacity;
    }
    for (int b = 0; b < pixels->bands; b++) {
        float  *before = pixels->before[b] + pixels->count, *after = pixels->after[b] + pixels->count;
        int64_t at = 0;

        for (size_t i = 0; i < total; i++)
            if (block->stratum[i] == pixels->stratum) {
                before[at]  = block->before[b][i];
                after[at++] = block->after[b][i];
            }
    }
    pixels->count += more;
    count_borders(pixels, block);
done:
    return status;
}

/* In place, a piece at a time: statistics are made of the method's features. */
static void make_features(stratum_pixels *pixels)
{
    enum { PIECE = 4096 };
    float piece[PIECE];

    for (int p = 0; p < 2 * pixels->bands; p++) {
        float *plane = p < pixels->bands ? pixels->before[p] : pixels->after[p - pixels->bands];

        for (int64_t at = 0; at < pixels->count; at += PIECE) {
            size_t n = (size_t)(pixels->count - at < PIECE ? pixels->count - at : PIECE);

            for (size_t i = 0; i < n; i++)
                piece[i] = plane[at + (int64_t)i];
            pixels->method->feature(plane + at, piece, n, pixels->kernels);
        }
    }
}

/* Drops pixels whose features are not finite: radar amplitudes of -1 and less have no logarithm. */
static void drop_unusable(stratum_pixels *pixels)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < pixels->count; i++) {
        bool is_finite = true;

        for (int b = 0; b < pixels->bands; b++)
            is_finite = is_finite && isfinite(pixels->before[b][i]) && isfinite(pixels->after[b][i]);
        if (!is_finite)
            continue;
        for (int b = 0; b < pixels->bands; b++) {
            pixels->before[b][kept] = pixels->before[b][i];
            pixels->after[b][kept]  = pixels->after[b][i];
        }
        kept++;
    }
    pixels->count = kept;
}

/* The cells used: as many as make up the wanted size, and on until enough is valid. */
static tb_status gather_stratum(stratum_pixels *pixels, tb_gather *gather, const tb_sample *sample,
                                double share, int64_t *cells, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   wanted = tb_sample_size_of(sample->pixels, share), taken = 0;

    *cells = 0;
    while (*cells < sample->count && taken < wanted)
        taken += tb_rect_area(sample->cell[(*cells)++]);
    TB_TRY(tb_gather_read(gather, sample->cell, *cells, take_pixels, pixels, err));
    while (share <= 0.0 && pixels->count < WANTED_VALID && *cells < sample->count) {
        int64_t more = sample->count - *cells < CELLS_AT_ONCE ? sample->count - *cells : CELLS_AT_ONCE;

        TB_TRY(tb_gather_read(gather, sample->cell + *cells, more, take_pixels, pixels, err));
        *cells += more;
    }
    make_features(pixels);
    drop_unusable(pixels);
done:
    return status;
}

static tb_status fit_radiometry(tb_model_stratum *s, const stratum_pixels *pixels,
                                const tb_engine *engine, tb_error *err)
{
    tb_status        status = TB_OK;
    tb_irmad         irmad;
    tb_regression    regression;
    tb_irmad_options options = {.workers = engine->workers, .progress = engine->progress};
    tb_pixels        view    = {.bands  = pixels->bands,
                                .count  = pixels->count,
                                .before = (const float *const *)pixels->before,
                                .after  = (const float *const *)pixels->after};
    float           *unchanged = NULL;

    TB_TRY(tb_irmad_fit(&irmad, &view, &options, engine->kernels, err));
    if (irmad.usable) {
        TB_TRY(tb_alloc(&unchanged, (size_t)pixels->count, sizeof *unchanged, "sample", err));
        TB_TRY(tb_irmad_apply(unchanged, NULL, NULL, &irmad, &view, &options, engine->kernels, err));
        s->irmad.count      = irmad.components;
        s->irmad.iterations = irmad.iterations;
        s->irmad.ridge      = irmad.ridge;
        for (int i = 0; i < irmad.components; i++)
            s->irmad.rho[i] = irmad.rho[i];
    }
    TB_TRY(tb_regression_fit(&regression, &view, unchanged, engine->kernels, err));
    snprintf(s->normalisation, sizeof s->normalisation, "%s", tb_regression_rule_text(regression.rule));
    s->unchanged = regression.rule == TB_REGRESSION_NO_CHANGE ? regression.no_change : pixels->count;
    for (int b = 0; b < pixels->bands; b++) {
        const tb_regression_band *band = &regression.band[b];

        s->slope[b]     = band->slope;
        s->intercept[b] = band->intercept;
        s->noise[b]     = band->residual;
        s->spread[b]    = band->is_used ? band->spread : 0.0;
        s->mean[b]      = band->mean;
    }
done:
    tb_free(unchanged);
    return status;
}

typedef struct tally_context {
    tb_tally tally;
    int      stratum;
    int      radius;
} tally_context;

static tb_status take_scores(void *context, const tb_pair_block *block, const tb_scores *scores,
                             tb_error *err)
{
    tally_context *c = context;

    (void)err;
    for (int64_t y = 0; y < scores->rect.height; y++) {
        const int16_t *stratum = block->stratum + (y + c->radius) * block->rect.width + c->radius;
        int64_t        row     = y * scores->rect.width;

        for (int64_t x = 0; x < scores->rect.width; x++)
            if (stratum[x] == c->stratum)
                tb_tally_add(&c->tally, scores->score[row + x], scores->contrast[row + x]);
    }
    return TB_OK;
}

static tb_status fit_threshold(tb_model *model, int stratum, tb_gather *gather, const tb_sample *sample,
                               int64_t cells, const tb_fit_options *options, tb_error *err)
{
    tb_status             status = TB_OK;
    tb_model_stratum     *s      = &model->stratum[stratum];
    tally_context         context = {.stratum = stratum, .radius = model->scoring.radius};

    TB_TRY(tb_tally_init(&context.tally, CONTRAST_BOUND, err));
    TB_TRY(tb_gather_score(gather, sample->cell, cells, &model->scoring, model->radiometry, take_scores,
                           &context, err));
    TB_TRY(tb_threshold_decide(&s->threshold, &context.tally, model->method, options, err));
    if (s->threshold.flagged > IMPLAUSIBLE && !options->may_flag_all) {
        tb_error_set(err, TB_E_INPUT, "threshold of stratum %d: expected at most %.0f %% of the sample "
                     "flagged, got %.1f %%", stratum, IMPLAUSIBLE * 100, s->threshold.flagged * 100);
        status = tb_error_hint(err, "look at both images; if so much did change, allow it with "
                                    "--allow-implausible or detect.allow_implausible");
    }
done:
    tb_tally_reset(&context.tally);
    return status;
}

static tb_status fit_stratum(tb_model *model, int stratum, const tb_pair *pair, tb_gather *gather,
                             const tb_fit_options *options, const tb_engine *engine, int64_t *border,
                             double *sampled, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_model_stratum *s      = &model->stratum[stratum];
    int               strata = model->before_files * model->after_files;
    tb_sample         sample = {0};
    stratum_pixels    pixels = {.stratum = stratum,
                                .method  = model->method,
                                .kernels = engine->kernels,
                                .bands   = model->bands};
    int64_t           cells  = 0;

    TB_TRY(tb_sample_list(&sample, &pair->lattice, tb_pair_footprint(pair, stratum), err));
    TB_TRY(tb_alloc_zero(&pixels.border, (size_t)strata, sizeof *pixels.border, "strata", err));
    TB_TRY(gather_stratum(&pixels, gather, &sample, options->sample_share, &cells, err));
    for (int64_t i = 0; i < cells; i++)
        *sampled += (double)tb_rect_area(sample.cell[i]);
    for (int t = 0; t < strata; t++)
        border[t] = pixels.border[t];
    s->sampled = pixels.count;
    if (pixels.count == 0) {
        s->state = TB_STRATUM_EMPTY;
        snprintf(s->threshold.reason, sizeof s->threshold.reason,
                 "no pixel of the sample is valid in both dates");
        goto done;
    }
    if (pixels.count < (int64_t)PIXELS_PER_BAND * model->bands) {
        s->state = TB_STRATUM_UNFIT;
        snprintf(s->threshold.reason, sizeof s->threshold.reason,
                 "%lld valid pixels; at least %d are needed to judge %d bands", (long long)pixels.count,
                 PIXELS_PER_BAND * model->bands, model->bands);
        goto done;
    }
    s->state = TB_STRATUM_FITTED;
    TB_TRY(fit_radiometry(s, &pixels, engine, err));
    stratum_pixels_reset(&pixels);
    tb_model_derive(model);
    TB_TRY(fit_threshold(model, stratum, gather, &sample, cells, options, err));
done:
    stratum_pixels_reset(&pixels);
    tb_sample_reset(&sample);
    return status;
}

/* The fitted stratum of enough pixels with the longest common border, else the one with most pixels. */
static int neighbour_of(const tb_model *model, int stratum, const int64_t *border)
{
    int     best        = -1;
    int64_t best_border = 0, best_pixels = 0;

    for (int t = 0; t < model->before_files * model->after_files; t++) {
        const tb_model_stratum *other = &model->stratum[t];

        if (t == stratum || other->state != TB_STRATUM_FITTED || other->sampled < OWN_FIT_LEAST)
            continue;
        if (border[t] > best_border || (border[t] == best_border && other->sampled > best_pixels)) {
            best        = t;
            best_border = border[t];
            best_pixels = other->sampled;
        }
    }
    return best;
}

static void borrow(tb_model *model, const int64_t *borders)
{
    int strata = model->before_files * model->after_files;

    for (int s = 0; s < strata; s++) {
        tb_model_stratum *own  = &model->stratum[s];
        int               from = neighbour_of(model, s, borders + (int64_t)s * strata);

        if (from < 0 || own->sampled >= OWN_FIT_LEAST)
            continue;
        own->state = TB_STRATUM_BORROWED;
        own->from  = from;
        snprintf(own->threshold.reason, sizeof own->threshold.reason,
                 "%lld valid pixels are too few for a fit of its own; takes that of stratum %d",
                 (long long)own->sampled, from);
    }
}

/* Cells of one later file for the registration, with what other files gave made missing. */
typedef struct align_cells {
    int           file, bands, count;
    tb_align_cell cell[REGISTRATION_CELLS];
    const float  *plane[REGISTRATION_CELLS][2 * TB_BANDS_MAX];
    float        *storage[REGISTRATION_CELLS];
} align_cells;

static tb_status take_align(void *context, const tb_pair_block *block, const tb_scores *scores,
                            tb_error *err)
{
    align_cells *cells  = context;
    tb_status    status = TB_OK;
    size_t       pixels = (size_t)tb_rect_area(block->rect);
    int          c      = cells->count;

    (void)scores;
    TB_TRY(tb_alloc(&cells->storage[c], pixels * 2 * (size_t)cells->bands, sizeof(float),
                    "registration", err));
    for (int p = 0; p < 2 * cells->bands; p++) {
        const float *from = p < cells->bands ? block->before[p] : block->after[p - cells->bands];
        float       *to   = cells->storage[c] + (size_t)p * pixels;

        for (size_t i = 0; i < pixels; i++)
            to[i] = block->after_file[i] == cells->file || p < cells->bands ? from[i] : NAN;
        cells->plane[c][p] = to;
    }
    cells->cell[c] = (tb_align_cell){.width  = block->rect.width,
                                     .height = block->rect.height,
                                     .before = cells->plane[c],
                                     .after  = cells->plane[c] + cells->bands};
    cells->count++;
done:
    return status;
}

static double rounded_shift(double shift)
{
    return floor(shift * 1e4 + 0.5) / 1e4;
}

static tb_status register_file(tb_model *model, int file, const tb_pair *pair, tb_gather *gather,
                               const tb_engine *engine, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_model_file  *out    = &model->file[file];
    tb_sample       sample = {0};
    align_cells    *cells  = NULL;
    tb_registration found;

    TB_TRY(tb_alloc_zero(&cells, 1, sizeof *cells, "registration", err));
    cells->file  = file;
    cells->bands = model->bands;
    TB_TRY(tb_sample_list(&sample, &pair->lattice, tb_epoch_footprint(pair->after, file), err));
    TB_TRY(tb_gather_read(gather, sample.cell,
                          sample.count < REGISTRATION_CELLS ? sample.count : REGISTRATION_CELLS,
                          take_align, cells, err));
    TB_TRY(tb_registration_fit(cells->cell, cells->count, model->bands, engine->kernels, &found, err));
    *out = (tb_model_file){.dx                 = rounded_shift(found.dx),
                           .dy                 = rounded_shift(found.dy),
                           .residual_px        = found.residual_px,
                           .correlation_before = found.correlation_at_zero,
                           .correlation_after  = found.correlation_at_shift,
                           .windows            = found.windows,
                           .accepted           = found.accepted,
                           .applied            = found.applied};
    snprintf(out->reason, sizeof out->reason, "%s", found.reason);
done:
    if (cells != NULL)
        for (int c = 0; c < REGISTRATION_CELLS; c++)
            tb_free(cells->storage[c]);
    tb_free(cells);
    tb_sample_reset(&sample);
    return status;
}

/* Measured on several scenes by ground sampling distance: docs/methods/cva.md. */
static double smoothing_of(const tb_grid *lattice, const tb_fit_options *options)
{
    double gsd = tb_grid_gsd_m(lattice);

    if (options->smoothing != 0.0)
        return options->smoothing > 0.0 ? options->smoothing : 0.0;
    if (options->method == &tb_method_logratio)
        return 2.0;
    if (gsd >= 20.0)
        return 1.0;
    return gsd > 0.0 && gsd <= 2.5 ? 2.0 : 1.5;
}

tb_status tb_model_fit(tb_model **out, const tb_pair *pair, const tb_fit_options *options,
                       const tb_engine *engine, tb_error *err)
{
    tb_status  status  = TB_OK;
    tb_model  *model   = NULL;
    tb_gather *gather  = NULL;
    int64_t   *borders = NULL;
    int        strata  = tb_pair_strata(pair);
    double     sampled = 0.0;

    *out = NULL;
    TB_TRY(tb_model_new(&model, options->method, pair->bands, tb_epoch_files(pair->before),
                        tb_epoch_files(pair->after), err));
    TB_TRY(tb_gather_new(&gather, pair, engine, err));
    TB_TRY(tb_alloc_zero(&borders, (size_t)strata * (size_t)strata, sizeof *borders, "strata", err));
    model->smoothing = smoothing_of(&pair->lattice, options);
    for (int f = 0; f < model->after_files; f++) {
        if (options->is_registered)
            TB_TRY(register_file(model, f, pair, gather, engine, err));
        else
            snprintf(model->file[f].reason, sizeof model->file[f].reason, "not asked for");
    }
    tb_model_derive(model);
    TB_TRY(tb_model_apply(model, pair, err));
    for (int s = 0; s < strata; s++) {
        TB_TRY(fit_stratum(model, s, pair, gather, options, engine, borders + (int64_t)s * strata,
                           &sampled, err));
        if (engine->progress != NULL && engine->progress->report != NULL)
            engine->progress->report(engine->progress->context, "fit", s + 1, strata);
    }
    borrow(model, borders);
    model->sample_share = sampled / ((double)pair->lattice.width * (double)pair->lattice.height);
    model->sample_share = model->sample_share > 1.0 ? 1.0 : model->sample_share;
    tb_model_derive(model);
    *out  = model;
    model = NULL;
done:
    tb_free(borders);
    tb_gather_free(gather);
    tb_model_free(model);
    return status;
}

size_t tb_model_fit_bytes(const tb_pair *pair, double sample_share, int workers)
{
    int64_t cell    = (int64_t)(TB_SAMPLE_CELL + 2 * TB_FIR_RADIUS_MAX) *
                   (TB_SAMPLE_CELL + 2 * TB_FIR_RADIUS_MAX);
    int64_t largest = 0;
    size_t  planes  = 2 * (size_t)pair->bands * sizeof(float);

    for (int s = 0; s < tb_pair_strata(pair); s++) {
        int64_t size = tb_sample_size_of(tb_rect_area(tb_pair_footprint(pair, s)), sample_share);

        largest = size > largest ? size : largest;
    }

    /* The arrays grow by halves, and both copies live for a moment; IR-MAD keeps a weight a pixel. */
    size_t sample = (size_t)largest * (planes * 5 / 2 + 2 * sizeof(float));
    size_t align  = REGISTRATION_CELLS * (size_t)TB_SAMPLE_CELL * TB_SAMPLE_CELL * (planes + 48);
    size_t each   = tb_pair_block_bytes(pair->bands, cell) +
                  tb_scores_bytes(pair->bands, TB_SAMPLE_CELL + 2 * TB_FIR_RADIUS_MAX,
                                  TB_SAMPLE_CELL + 2 * TB_FIR_RADIUS_MAX);

    return (sample > align ? sample : align) + (size_t)workers * each;
}
