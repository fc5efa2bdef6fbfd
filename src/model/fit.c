#include "model/fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "model/decide.h"
#include "model/drawn.h"
#include "model/filter.h"
#include "model/gather.h"
#include "model/normalise.h"
#include "model/register.h"
#include "model/sample.h"

enum {
    PIXELS_PER_BAND = 20, /* fewer valid pixels than this for each band are not judged */
};

static const int64_t CLOUD_PIXELS_LEAST = 20000;  /* of the sample: a new hall or two are fewer */
static const int64_t OWN_FIT_LEAST      = 200000; /* below it takes its longest neighbour's */

/* Leaves out the cells in which the stratum has no pixel for certain. */
static tb_status keep_cells(tb_sample *sample, const tb_pair *pair, int stratum, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   kept   = 0;

    sample->pixels = 0;
    for (int64_t i = 0; i < sample->count; i++) {
        bool may;

        TB_TRY(tb_pair_may_hold(pair, stratum, sample->cell[i], &may, err));
        if (!may)
            continue;
        sample->cell[kept++] = sample->cell[i];
        sample->pixels += tb_rect_area(sample->cell[i]);
    }
    sample->count = kept;
done:
    return status;
}

typedef struct tally_context {
    const tb_model   *model;
    const tb_sample  *sample;
    const tb_kernels *kernels;
    tb_sample_rows    rows; /* of the cell under way */
    tb_tally          tally;
    int               stratum;
} tally_context;

/* Of the drawn columns those of the stratum, or those between others of it too. */
static int columns_of(int32_t *column, const tally_context *c, const int16_t *stratum, int drawn,
                      bool is_between)
{
    int count = 0;

    for (int k = 0; k < drawn; k++) {
        const int16_t *at = stratum + c->rows.drawn[k];

        column[count] = c->rows.drawn[k];
        count +=
            at[0] == c->stratum && (!is_between || (at[-1] == c->stratum && at[1] == c->stratum));
    }
    return count;
}

/* Roughness of the difference of the dates along a row, in each band's spread. */
static void take_roughness(tally_context *c, const tb_gather_row *row, const int32_t *column,
                           int count)
{
    const tb_radiometry *r = &c->model->stratum[c->stratum].radiometry;
    float                rough[TB_SAMPLE_CELL];

    for (int b = 0; b < c->model->bands && count > 0; b++) {
        if (!(r->by_spread[b] > 0.0f))
            continue;
        c->kernels->rough_row(rough, row->block->before[b] + row->at,
                              row->block->after[b] + row->at, r->slope[b], r->by_spread[b],
                              (size_t)row->rect.width);
        tb_tally_add_rough(&c->tally, b, rough, column, count);
    }
}

static void count_scores(void *context, const tb_gather_row *row)
{
    tally_context *c       = context;
    const int16_t *stratum = row->block->stratum + row->at;
    int32_t        column[TB_SAMPLE_CELL];
    int            drawn;

    if (row->y == 0)
        tb_sample_rows_init(&c->rows, c->sample, row->rect.x, row->rect.width, c->kernels);
    drawn = tb_sample_rows_draw(&c->rows, row->rect.y + row->y);
    tb_tally_add(&c->tally, row->score, row->contrast, column,
                 columns_of(column, c, stratum, drawn, false));
    if (c->model->method->feature == NULL)
        take_roughness(c, row, column, columns_of(column, c, stratum, drawn, true));
}

/* The sample's scores, counted by every worker for itself: the first into what is asked for. */
static tb_status tally_scores(tb_tally *out, const tally_context *what, tb_gather *gather,
                              int workers, const tb_rect *cells, int64_t count, tb_error *err)
{
    tb_status      status  = TB_OK;
    tally_context *own     = NULL;
    void         **context = NULL;

    TB_TRY(tb_alloc_zero(&own, (size_t)workers, sizeof *own, "histograms", err));
    TB_TRY(tb_alloc(&context, (size_t)workers, sizeof *context, "histograms", err));
    for (int w = 0; w < workers; w++) {
        own[w]     = *what;
        context[w] = &own[w];
        if (w == 0)
            own[w].tally = *out;
        else
            TB_TRY(tb_tally_init(&own[w].tally, what->model->bands, err));
    }
    TB_TRY(tb_gather_rows(gather, cells, count, &what->model->scoring, what->model->radiometry,
                          count_scores, context, err));
    for (int w = 1; w < workers; w++)
        tb_tally_merge(out, &own[w].tally);
done:
    for (int w = 1; own != NULL && w < workers; w++)
        tb_tally_reset(&own[w].tally);
    tb_free(own);
    tb_free(context);
    return status;
}

int tb_implausible_permille(tb_prior prior)
{
    return prior == TB_PRIOR_COMMON ? 750 : 200;
}

static tb_status fit_threshold(tb_model *model, int stratum, tb_gather *gather, tb_arena *arena,
                               tb_sample *sample, const tb_fit_options *options,
                               const tb_engine *engine, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_model_stratum *s      = &model->stratum[stratum];
    tb_fit_options    own    = *options;
    tally_context     what   = {
              .model = model, .sample = sample, .kernels = engine->kernels, .stratum = stratum};
    tb_tally tally = {0};
    double   most  = tb_implausible_permille(options->prior) / 1000.0;
    int      halo  = model->scoring.halo + (s->screen.is_used ? TB_SCREEN_HALO : 0);
    tb_rect *inner = NULL;

    TB_TRY(tb_arena_begin(arena, tb_tally_bytes(model->bands), "histograms", err));
    tb_tally_place(&tally, model->bands, arena->base);
    TB_TRY(tb_alloc(&inner, (size_t)sample->chosen, sizeof *inner, "sample", err));
    /* Backwards: the tiles that were read last are still there. */
    for (int64_t i = 0; i < sample->chosen; i++)
        inner[i] = tb_sample_inner(sample, sample->chosen - 1 - i, halo);
    TB_TRY(tally_scores(&tally, &what, gather, engine->workers, inner, sample->chosen, err));
    own.looks = s->looks;
    TB_TRY(tb_threshold_decide(&s->threshold, &tally, model->method, &own, err));
    if (s->threshold.flagged > most && !options->may_flag_all) {
        status = tb_error_set(err, TB_E_INPUT,
                              "threshold of stratum %d: expected at most %.0f %% of the sample "
                              "flagged, got %.1f %%",
                              stratum, most * 100, s->threshold.flagged * 100);
        tb_error_hint(err, "look at both images; if so much did change, allow it with "
                           "--allow-implausible or detect.allow_implausible");
    }
done:
    tb_free(inner);
    return status;
}

/* Gathers the same cells again, under a screen of the stratum or under none. */
static tb_status gather_again(tb_drawn *pixels, tb_gather *gather, const tb_screen **screens,
                              const tb_screen *screen, const tb_engine *engine, tb_error *err)
{
    screens[pixels->stratum] = screen;
    tb_gather_set_screen(gather, screen != NULL ? (const tb_screen *const *)screens : NULL);
    return tb_drawn_again(pixels, gather, engine, err);
}

static tb_status learn(tb_screen *screen, const tb_drawn *pixels, tb_error *err)
{
    return tb_screen_learn(screen, (const float *const *)pixels->before,
                           (const float *const *)pixels->after, pixels->bands, pixels->count, err);
}

/*
 * Whether the stratum has clouds, and then what clear ground looks like; the pixels and all that is
 * gathered from here on are clear of them. Ground without any is read only once.
 */
static tb_status fit_screen(tb_model *model, int stratum, tb_drawn *pixels, tb_gather *gather,
                            const tb_screen **screens, const tb_engine *engine, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_screen *screen = &model->stratum[stratum].screen;
    tb_screen  look   = {.is_used = true, .look = TB_SCREEN_FIND};
    int64_t    all    = pixels->count, cloud;

    if (all < (int64_t)PIXELS_PER_BAND * model->bands)
        goto done;
    TB_TRY(learn(&look, pixels, err));
    if (tb_screen_bright_share(&look, (const float *const *)pixels->before,
                               (const float *const *)pixels->after, pixels->bands,
                               all) < TB_SCREEN_CLOUD_LEAST)
        goto done;
    TB_TRY(gather_again(pixels, gather, screens, &look, engine, err));
    cloud         = all - pixels->count;
    screen->cloud = 1.0 - (double)pixels->count / (double)all;
    if (screen->cloud >= TB_SCREEN_CLOUD_LEAST && cloud >= CLOUD_PIXELS_LEAST &&
        pixels->count >= (int64_t)PIXELS_PER_BAND * model->bands) {
        look.look = TB_SCREEN_CLEAN;
        TB_TRY(gather_again(pixels, gather, screens, &look, engine, err));
        TB_TRY(learn(screen, pixels, err));
        screen->is_used = pixels->count >= (int64_t)PIXELS_PER_BAND * model->bands;
        tb_model_derive(model);
    }
    TB_TRY(gather_again(pixels, gather, screens, screen->is_used ? screen : NULL, engine, err));
done:
    screens[stratum] = screen->is_used ? screen : NULL;
    return status;
}

static tb_status fit_stratum(tb_model *model, int stratum, const tb_pair *pair, tb_gather *gather,
                             tb_arena *arena, const tb_fit_options *options,
                             const tb_engine *engine, int64_t **border, double *sampled,
                             const tb_screen **screens, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_model_stratum *s      = &model->stratum[stratum];
    int               strata = tb_model_strata(model);
    tb_sample         sample = {0};
    tb_drawn          pixels = {.sample  = &sample,
                                .arena   = arena,
                                .stratum = stratum,
                                .bands   = model->bands,
                                .strata  = strata};

    TB_TRY(tb_sample_list(&sample, &pair->lattice, tb_pair_footprint(pair, stratum), err));
    TB_TRY(keep_cells(&sample, pair, stratum, err));
    TB_TRY(tb_alloc_zero(&pixels.border, (size_t)strata, sizeof *pixels.border, "strata", err));
    TB_TRY(tb_drawn_gather(&pixels, gather, &sample, options->sample_share, engine, err));
    if (options->is_screened && model->method->feature == NULL)
        TB_TRY(fit_screen(model, stratum, &pixels, gather, screens, engine, err));
    for (int64_t i = 0; i < sample.chosen; i++)
        *sampled += (double)tb_rect_area(sample.cell[i]) * sample.share;
    s->sampled = pixels.count;
    if (s->sampled > 0 && s->sampled < OWN_FIT_LEAST) {
        *border       = pixels.border;
        pixels.border = NULL;
    }
    if (pixels.count == 0) {
        s->state = TB_STRATUM_EMPTY;
        snprintf(s->threshold.reason, sizeof s->threshold.reason,
                 "no pixel of the sample is valid in both dates");
        goto done;
    }
    if (pixels.count < (int64_t)PIXELS_PER_BAND * model->bands) {
        s->state = TB_STRATUM_UNFIT;
        snprintf(s->threshold.reason, sizeof s->threshold.reason,
                 "%lld valid pixels; at least %d are needed to judge %d bands",
                 (long long)pixels.count, PIXELS_PER_BAND * model->bands, model->bands);
        goto done;
    }
    s->state = TB_STRATUM_FITTED;
    TB_TRY(tb_normalise_fit(model, stratum,
                            &(tb_pixels){.bands  = pixels.bands,
                                         .count  = pixels.count,
                                         .before = (const float *const *)pixels.before,
                                         .after  = (const float *const *)pixels.after},
                            pixels.spare, engine, err));
    s->looks = options->looks > 0.0 ? options->looks : s->looks;
    tb_drawn_reset(&pixels);
    tb_model_derive(model);
    TB_TRY(fit_threshold(model, stratum, gather, arena, &sample, options, engine, err));
done:
    tb_gather_set_screen(gather, NULL);
    screens[stratum] = NULL;
    tb_drawn_reset(&pixels);
    tb_sample_reset(&sample);
    return status;
}

/* The fitted stratum of enough pixels with the longest common border, else the one with most
 * pixels. */
static int neighbour_of(const tb_model *model, int stratum, const int64_t *borders)
{
    int     best        = -1;
    int64_t best_border = 0, best_pixels = 0;

    for (int t = 0; t < tb_model_strata(model); t++) {
        const tb_model_stratum *other = &model->stratum[t];

        if (t == stratum || other->state != TB_STRATUM_FITTED || other->sampled < OWN_FIT_LEAST)
            continue;

        int64_t border = borders != NULL ? borders[t] : 0;

        if (border > best_border || (border == best_border && other->sampled > best_pixels)) {
            best        = t;
            best_border = border;
            best_pixels = other->sampled;
        }
    }
    return best;
}

static void borrow(tb_model *model, int64_t *const *borders)
{
    int strata = tb_model_strata(model);

    for (int s = 0; s < strata; s++) {
        tb_model_stratum *own  = &model->stratum[s];
        int               from = neighbour_of(model, s, borders[s]);

        if (from < 0 || own->sampled >= OWN_FIT_LEAST)
            continue;
        own->state = TB_STRATUM_BORROWED;
        own->from  = from;
        snprintf(own->threshold.reason, sizeof own->threshold.reason,
                 "%lld valid pixels are too few for a fit of its own; takes that of stratum %d",
                 (long long)own->sampled, from);
    }
}

/* Measured on several scenes by ground sampling distance: docs/methods/composite.md. */
static double smoothing_of(const tb_grid *lattice, const tb_fit_options *options)
{
    double gsd = tb_grid_gsd_m(lattice);

    if (options->filter != NULL)
        return options->filter->smoothing;
    if (options->smoothing != 0.0)
        return options->smoothing > 0.0 ? options->smoothing : 0.0;
    if (options->method == &tb_method_logratio)
        return 1.0;
    if (options->method == &tb_method_omnibus) /* the test is of pixels */
        return 0.0;
    if (gsd >= 20.0)
        return 1.0;
    return gsd <= 2.5 ? 3.0 : 1.5; /* images without a CRS (0) are seldom coarse */
}

/* Pixels of some 10 m hold whole houses and roads: one that changed by itself is noise. */
static bool wants_median(const tb_grid *lattice, const tb_fit_options *options)
{
    double gsd = tb_grid_gsd_m(lattice);

    if (options->filter != NULL)
        return options->filter->has_median;
    return options->method == &tb_method_composite && options->smoothing == 0.0 && gsd > 5.0 &&
           gsd < 20.0;
}

void tb_fit_smoothing(const tb_grid *lattice, const tb_fit_options *options, double *sigma,
                      bool *has_median)
{
    *sigma      = smoothing_of(lattice, options);
    *has_median = wants_median(lattice, options);
}

/* Integers of 8 and 16 bits without a sign end at 0 and at their greatest value, and an offset on.
 */
static void find_range(const tb_epoch *epoch, double *low, double *high)
{
    const tb_image_info *first = tb_epoch_file(epoch, 0);

    for (int f = 0; f < tb_epoch_files(epoch); f++) {
        const tb_image_info *info = tb_epoch_file(epoch, f);

        if (info->type != first->type)
            return;
        for (int b = 0; b < info->bands; b++)
            if (info->offset[b] != first->offset[0])
                return;
    }
    if (first->type != TB_SAMPLE_U8 && first->type != TB_SAMPLE_U16)
        return;
    *low  = first->offset[0];
    *high = first->offset[0] + (first->type == TB_SAMPLE_U8 ? 255.0 : 65535.0);
}

static int64_t largest_sample(const tb_pair *pair, double sample_share)
{
    int64_t largest = 0;

    for (int s = 0; s < tb_pair_strata(pair); s++) {
        int64_t size = tb_sample_size_of(tb_rect_area(tb_pair_footprint(pair, s)), sample_share);

        largest = size > largest ? size : largest;
    }
    return largest;
}

tb_status tb_model_fit(tb_model **out, const tb_pair *pair, const tb_fit_options *options,
                       const tb_engine *engine, tb_error *err)
{
    tb_status         status  = TB_OK;
    tb_model         *model   = NULL;
    tb_gather        *gather  = NULL;
    const tb_screen **screens = NULL; /* [strata], NULL but for the one being fitted */
    int64_t **borders = NULL; /* [strata], NULL or [strata]: only of those that may borrow */
    int       strata  = tb_pair_strata(pair);
    double    sampled = 0.0;
    tb_arena  arena   = {0};

    *out = NULL;
    TB_TRY(tb_model_new(&model, options->method, pair->bands, tb_epoch_sources(pair->before),
                        tb_epoch_sources(pair->after), tb_epoch_files(pair->after), err));
    TB_TRY(tb_filter_copy(&model->filter, options->filter, err));
    TB_TRY(tb_model_apply(model, pair, err)); /* undoes what an earlier fit may have applied */
    TB_TRY(tb_arena_begin(&arena,
                          tb_drawn_bytes(pair->bands, largest_sample(pair, options->sample_share)),
                          "sample", err));
    TB_TRY(tb_gather_new(&gather, pair, engine, err));
    TB_TRY(tb_alloc_zero(&borders, (size_t)strata, sizeof *borders, "strata", err));
    TB_TRY(tb_alloc_zero(&screens, (size_t)strata, sizeof *screens, "strata", err));
    find_range(pair->before, &model->low[0], &model->high[0]);
    find_range(pair->after, &model->low[1], &model->high[1]);
    tb_fit_smoothing(&pair->lattice, options, &model->smoothing, &model->has_median);
    model->is_intensity = options->is_intensity;
    for (int f = 0; f < model->after_files; f++) {
        if (options->is_registered)
            TB_TRY(tb_register_file(model, f, pair, gather, &arena, engine, err));
        else
            snprintf(model->file[f].reason, sizeof model->file[f].reason, "not asked for");
    }
    tb_model_derive(model);
    TB_TRY(tb_model_apply(model, pair, err));
    for (int s = 0; s < strata; s++) {
        TB_TRY(fit_stratum(model, s, pair, gather, &arena, options, engine, &borders[s], &sampled,
                           screens, err));
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
    for (int s = 0; borders != NULL && s < strata; s++)
        tb_free(borders[s]);
    tb_free(borders);
    tb_free(screens);
    tb_arena_reset(&arena);
    tb_gather_free(gather);
    tb_model_free(model);
    return status;
}

size_t tb_model_fit_bytes(const tb_pair *pair, double sample_share, int workers, int kept)
{
    int64_t side = TB_SAMPLE_CELL + 2 * (TB_SCORING_HALO_MAX + TB_SCREEN_HALO), cell = side * side;
    size_t  sample = tb_drawn_bytes(pair->bands, largest_sample(pair, sample_share));
    size_t  align  = tb_register_bytes(pair->bands, workers);

    /* The sample may grow by halves, and both copies live for a moment. */
    size_t each = tb_pair_block_bytes(pair->bands, cell) + tb_scores_bytes(kept, side, side) +
                  (size_t)cell * TB_SCREEN_PIXEL_BYTES + tb_tally_bytes(pair->bands);

    return (sample * 5 / 2 > align ? sample * 5 / 2 : align) + (size_t)workers * each;
}
