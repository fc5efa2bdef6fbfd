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

/** A row of a cell, and what goes with it. */
typedef struct tb_gather_row {
    int64_t              cell; /**< its number */
    tb_rect              rect; /**< it, which the row is of: */
    int64_t              y;    /**< from its top */
    const tb_pair_block *block;
    int64_t              at;               /**< where the row begins in the block's planes */
    int64_t              above;            /**< where the row above does, for y > 0 */
    const float         *score, *contrast; /**< NULL where none were asked for */
} tb_gather_row;

/**
 * What a worker makes of a row. Rows of a cell come from its top on, one after another; of cells
 * workers are at several at the same time, in no order.
 */
typedef void tb_gather_row_fn(void *context, const tb_gather_row *row);

/**
 * Reads or scores the cells row by row where no order is needed: nobody waits, and rows are made
 * use of while they lie in the processor's cache.
 * @param scoring   NULL: they are read only.
 * @param contexts  one a worker of the engine.
 */
tb_status tb_gather_rows(tb_gather *gather, const tb_rect *cells, int64_t count,
                         const tb_scoring *scoring, const tb_radiometry *const *radiometry,
                         tb_gather_row_fn *use, void *const *contexts, tb_error *err);

#endif
