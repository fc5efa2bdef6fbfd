#include "model/gather.h"

#include "core/memory.h"
#include "core/parallel.h"

typedef struct worker {
    tb_pair_reader *reader;
    tb_pair_block   block;
    tb_scores       scores;

    tb_screen_buffers screen;
} worker;

struct tb_gather {
    const tb_pair   *pair;
    const tb_engine *engine;
    tb_cache        *cache;
    worker          *worker;

    const tb_screen *const *screen; /* NULL: none */

    /* of the pass under way */
    const tb_rect              *cells;
    const tb_scoring           *scoring; /* NULL: read only */
    const tb_radiometry *const *radiometry;
    tb_gather_fn               *take; /* in order; or NULL, and */
    void                       *context;
    tb_gather_row_fn           *use; /* by every worker */
    void *const                *contexts;
};

tb_status tb_gather_new(tb_gather **out, const tb_pair *pair, const tb_engine *engine,
                        tb_error *err)
{
    tb_status  status = TB_OK;
    tb_gather *gather = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&gather, 1, sizeof *gather, "sample", err));
    gather->pair   = pair;
    gather->engine = engine;
    TB_TRY(tb_engine_take_cache(engine, engine->cache_bytes, &gather->cache, err));
    TB_TRY(tb_alloc_zero(&gather->worker, (size_t)engine->workers, sizeof *gather->worker,
                         "workers", err));
    for (int w = 0; w < engine->workers; w++)
        TB_TRY(tb_pair_reader_new(&gather->worker[w].reader, pair, gather->cache, engine->kernels,
                                  err));
done:
    if (status == TB_OK)
        *out = gather;
    else
        tb_gather_free(gather);
    return status;
}

void tb_gather_free(tb_gather *gather)
{
    if (gather == NULL)
        return;
    if (gather->worker != NULL)
        for (int w = 0; w < gather->engine->workers; w++) {
            tb_pair_reader_free(gather->worker[w].reader);
            tb_pair_block_reset(&gather->worker[w].block);
            tb_scores_reset(&gather->worker[w].scores);
            tb_screen_buffers_reset(&gather->worker[w].screen);
        }
    tb_free(gather->worker);
    tb_engine_return_cache(gather->engine, gather->cache);
    tb_free(gather);
}

void tb_gather_set_screen(tb_gather *gather, const tb_screen *const *screen)
{
    gather->screen = screen;
}

/* A cell's rows on their way to who uses them. */
typedef struct rows {
    tb_gather    *gather;
    void         *context;
    tb_gather_row row;
    int           halo;
} rows;

static tb_status hand_on(void *context, int64_t y, const float *score, const float *contrast,
                         tb_error *err)
{
    rows *it = context;

    (void)err;
    it->row.y        = y - it->halo;
    it->row.at       = tb_pair_row(it->row.block, y) + it->halo;
    it->row.above    = y > 0 ? tb_pair_row(it->row.block, y - 1) + it->halo : 0;
    it->row.score    = score;
    it->row.contrast = contrast;
    it->gather->use(it->context, &it->row);
    return TB_OK;
}

/* The rows of a block, of which not all need be read yet, nor be kept. */
static tb_status use_rows(tb_gather *gather, int number, int64_t item, tb_error *err)
{
    worker   *w      = &gather->worker[number];
    rows      it     = {.gather  = gather,
                        .context = gather->contexts[number],
                        .row     = {.cell = item, .rect = gather->cells[item], .block = &w->block},
                        .halo    = gather->scoring != NULL ? gather->scoring->halo : 0};
    tb_status status = TB_OK;

    if (gather->scoring != NULL)
        return tb_scores_hand_out(&w->scores, gather->scoring, &w->block, gather->radiometry,
                                  hand_on, &it, gather->engine->kernels, err);
    for (int64_t y = 0; y < w->block.rect.height; y++) {
        TB_TRY(tb_pair_need(&w->block, y + 1, err));
        TB_TRY(hand_on(&it, y, NULL, NULL, err));
    }
done:
    return status;
}

/* Rows of a block that have to be kept: a screen and who wants whole cells need all of them. */
static int64_t rows_kept(const tb_gather *gather, int64_t all)
{
    if (gather->screen != NULL || gather->use == NULL)
        return all;
    return gather->scoring != NULL ? tb_scoring_rows(gather->scoring->halo) : 2;
}

static tb_status make(void *context, int number, int64_t item, tb_error *err)
{
    tb_gather *gather = context;
    worker    *w      = &gather->worker[number];
    tb_status  status = TB_OK;
    int        halo   = gather->scoring != NULL ? gather->scoring->halo : 0;
    tb_rect    rect;

    if (gather->screen != NULL)
        halo += TB_SCREEN_HALO;
    rect = tb_rect_grow(gather->cells[item], halo);
    TB_TRY(tb_pair_begin(w->reader, rect, rows_kept(gather, rect.height), &w->block, err));
    if (gather->screen != NULL || (gather->scoring == NULL && gather->use == NULL))
        TB_TRY(tb_pair_need(&w->block, rect.height, err));
    if (gather->screen != NULL)
        TB_TRY(tb_screen_apply(&w->screen, &w->block, gather->pair->bands, gather->screen, err));
    if (gather->use != NULL)
        TB_TRY(use_rows(gather, number, item, err));
    else if (gather->scoring != NULL)
        TB_TRY(tb_scores_make(&w->scores, gather->scoring, &w->block, gather->radiometry,
                              gather->engine->kernels, err));
done:
    return status;
}

static tb_status emit(void *context, int number, int64_t item, tb_error *err)
{
    tb_gather *gather = context;
    worker    *w      = &gather->worker[number];

    (void)item;
    return gather->take(gather->context, &w->block, gather->scoring != NULL ? &w->scores : NULL,
                        err);
}

static tb_status run(tb_gather *gather, const tb_rect *cells, int64_t count,
                     const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                     tb_error *err)
{
    tb_loop loop = {.count    = count,
                    .workers  = gather->engine->workers,
                    .make     = make,
                    .emit     = gather->take != NULL ? emit : NULL,
                    .context  = gather,
                    .progress = gather->engine->progress};

    gather->cells      = cells;
    gather->scoring    = scoring;
    gather->radiometry = radiometry;
    return tb_loop_run(&loop, err);
}

tb_status tb_gather_score(tb_gather *gather, const tb_rect *cells, int64_t count,
                          const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                          tb_gather_fn *take, void *context, tb_error *err)
{
    gather->take    = take;
    gather->context = context;
    gather->use     = NULL;
    return run(gather, cells, count, scoring, radiometry, err);
}

tb_status tb_gather_rows(tb_gather *gather, const tb_rect *cells, int64_t count,
                         const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                         tb_gather_row_fn *use, void *const *contexts, tb_error *err)
{
    gather->take     = NULL;
    gather->use      = use;
    gather->contexts = contexts;
    return run(gather, cells, count, scoring, radiometry, err);
}

tb_status tb_gather_read(tb_gather *gather, const tb_rect *cells, int64_t count, tb_gather_fn *take,
                         void *context, tb_error *err)
{
    return tb_gather_score(gather, cells, count, NULL, NULL, take, context, err);
}
