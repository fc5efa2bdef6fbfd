/** Reading sample cells, several at a time, handed on one by one in their order. */
#ifndef TUBAN_MODEL_GATHER_H
#define TUBAN_MODEL_GATHER_H

#include "core/error.h"
#include "core/rect.h"
#include "detect/score.h"
#include "detect/screen.h"
#include "raster/engine.h"
#include "raster/pair.h"

typedef struct tb_gather tb_gather;

/** Workers with their readers and buffers, for any number of passes. Borrows all. */
tb_status tb_gather_new(tb_gather **out, const tb_pair *pair, const tb_engine *engine,
                        tb_error *err);
void      tb_gather_free(tb_gather *gather);

/** Hands on one cell, whose samples may be released; `scores` is NULL where none were asked for.
 * Called in order, one at a time. */
typedef tb_status tb_gather_fn(void *context, tb_pair_block *block, const tb_scores *scores,
                               tb_error *err);

/** From now on cells are screened: one a stratum (borrowed), or NULL: not at all. */
void tb_gather_set_screen(tb_gather *gather, const tb_screen *const *screen);

/** Reads the cells. */
tb_status tb_gather_read(tb_gather *gather, const tb_rect *cells, int64_t count, tb_gather_fn *take,
                         void *context, tb_error *err);

/** Reads the cells with the halo the scoring needs, and scores them. */
tb_status tb_gather_score(tb_gather *gather, const tb_rect *cells, int64_t count,
                          const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                          tb_gather_fn *take, void *context, tb_error *err);

/**
 * What a worker makes of a cell, by its number; workers are at it at the same time, in no order.
 * `scores` is NULL where none were asked for.
 */
typedef void tb_gather_work_fn(void *context, int64_t cell, const tb_pair_block *block,
                               const tb_scores *scores);

/**
 * Reads or scores the cells where no order is needed: nobody waits.
 * @param scoring   NULL: they are read only.
 * @param contexts  one a worker of the engine.
 */
tb_status tb_gather_count(tb_gather *gather, const tb_rect *cells, int64_t count,
                          const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                          tb_gather_work_fn *work, void *const *contexts, tb_error *err);

#endif
