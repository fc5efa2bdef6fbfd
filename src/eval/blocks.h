/**
 * Square blocks of a raster, dealt to the folds of a cross-validation.
 *
 * What is near a fold (within `guard` pixels of a block of it, by rows or columns) is not learnt
 * from when the fold is scored, so that nothing that was smoothed together stands on both sides.
 */
#ifndef TUBAN_EVAL_BLOCKS_H
#define TUBAN_EVAL_BLOCKS_H

#include <stdint.h>

#include "core/error.h"

enum { TB_BLOCKS_NEAR_MAX = 4 };

/** The blocks of one raster. Zero-initialised is empty; free with tb_blocks_reset. */
typedef struct tb_blocks {
    int64_t  width, height, side, guard;
    int64_t  columns, rows;
    int     *fold;     /**< [rows * columns] */
    int64_t *changed;  /**< likewise: pixels that are truly changed */
    int64_t *labelled; /**< likewise: pixels of which the truth is known */
} tb_blocks;

/**
 * Lays blocks over a raster; those at its right and lower edge may be smaller.
 * @param truth  [height][width]: 0 unchanged, 1 changed, 255 not known. Borrowed for the call.
 * @param guard  0 .. side / 2.
 */
tb_status tb_blocks_init(tb_blocks *blocks, const uint8_t *truth, int64_t width, int64_t height,
                         int64_t side, int64_t guard, tb_error *err);
void      tb_blocks_reset(tb_blocks *blocks);

/**
 * Deals the labelled blocks of several rasters to folds so that each has as much change as may be:
 * blocks by falling count of changed pixels, then of labelled ones, then by raster and place, in
 * turn to 0 .. folds-1, folds-1 .. 0, and so on. A pure function of its arguments.
 */
tb_status tb_blocks_deal(tb_blocks *rasters, int count, int folds, tb_error *err);

/** How many blocks have changed pixels. */
int64_t tb_blocks_changed(const tb_blocks *blocks);

/** The fold of a pixel's block. */
int tb_blocks_fold(const tb_blocks *blocks, int64_t x, int64_t y);

/** The folds near a pixel, its own first, each once. @return how many: 1 .. 4. */
int tb_blocks_near(const tb_blocks *blocks, int64_t x, int64_t y, int near[TB_BLOCKS_NEAR_MAX]);

#endif
