/**
 * Two dates on one lattice: the earlier image's grid, with strata.
 *
 * A stratum is one source (a capture footprint, or a file) of the earlier date with one of the
 * later: stratum = before_source * after_sources + after_source. It has its own radiometry and
 * threshold, and a hard border.
 */
#ifndef TUBAN_RASTER_PAIR_H
#define TUBAN_RASTER_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/cache.h"
#include "raster/epoch.h"
#include "raster/grid.h"

typedef struct tb_pair {
    tb_epoch *before, *after;
    tb_grid   lattice;
    int       bands;
} tb_pair;

/**
 * Opens both dates and brings the later to the earlier's lattice. Close with tb_pair_close.
 * @return TB_E_INPUT when a file cannot be opened, band counts differ, or the dates do not overlap.
 */
tb_status tb_pair_open(tb_pair *pair, const tb_epoch_options *before, const tb_epoch_options *after,
                       tb_error *err);
void      tb_pair_close(tb_pair *pair);

int tb_pair_strata(const tb_pair *pair);

/** The part of the lattice a stratum can reach. */
tb_rect tb_pair_footprint(const tb_pair *pair, int stratum);

/** False if a stratum has no pixel in the rectangle, as far as geometry can tell. */
tb_status tb_pair_may_hold(const tb_pair *pair, int stratum, tb_rect rect, bool *may,
                           tb_error *err);

/** A worker's way to read a pair. One caller per object; borrows pair, cache and kernels. */
typedef struct tb_pair_reader tb_pair_reader;

/** A rectangle of both dates, or its newest rows. Zero-initialised is empty; free with
 * tb_pair_block_reset. */
typedef struct tb_pair_block {
    tb_rect  rect;
    int64_t  rows;  /**< of it that were read, from the top: tb_pair_need reads more */
    int64_t  depth; /**< rows there is room for: tb_pair_row */
    float   *before[TB_BANDS_MAX]; /**< depth * rect.width each; NaN where not observed */
    float   *after[TB_BANDS_MAX];
    int16_t *stratum; /**< -1 where not observed on both dates */
    int16_t *before_source;
    int16_t *after_file; /**< the file itself: what is registered */
    size_t   capacity;
    int16_t *of_row; /**< of each of the depth rows the stratum, if it is known to have but one */
    int64_t  row_capacity;
    float   *storage;

    tb_pair_reader *reader; /* of the rows that are not read; NULL where there are none */
} tb_pair_block;

void tb_pair_block_reset(tb_pair_block *block);

/** Where row `y` of the rectangle begins in each plane; it is read, and kept still. */
static inline int64_t tb_pair_row(const tb_pair_block *block, int64_t y)
{
    return y % block->depth * block->rect.width;
}

/** Where the pixels of one stratum that begin at column `x` of row `y` end; at `end` at the latest.
 */
int64_t tb_pair_stratum_end(const tb_pair_block *block, int64_t y, int64_t x, int64_t end);

/** Hands the samples over, at which before and after point: to be freed with tb_free. The block
 * has none until it is read into again. */
float *tb_pair_block_release(tb_pair_block *block);

/** Bytes a block of so many pixels takes. */
size_t tb_pair_block_bytes(int bands, int64_t pixels);

/** Leaves off `margin` pixels on every side, in place. */
void tb_pair_block_crop(tb_pair_block *block, int bands, int margin);

tb_status tb_pair_reader_new(tb_pair_reader **out, const tb_pair *pair, tb_cache *cache,
                             const tb_kernels *kernels, tb_error *err);
void      tb_pair_reader_free(tb_pair_reader *reader);

/**
 * Makes the block ready for `rect`, which may reach over the lattice's edge: nothing is observed
 * there. Borrows the reader until the rows that are wanted are read.
 * @param kept  rows that stay, the newest one that was needed among them; rect.height: all.
 */
tb_status tb_pair_begin(tb_pair_reader *reader, tb_rect rect, int64_t kept, tb_pair_block *block,
                        tb_error *err);

/** Rows there is room for then. */
int64_t tb_pair_depth(tb_rect rect, int64_t kept);

/** Reads on, unless that many rows are there: samples that are used soon after are still in the
 * processor's cache. */
tb_status tb_pair_need(tb_pair_block *block, int64_t rows, tb_error *err);

/** Reads all of `rect`. */
tb_status tb_pair_read(tb_pair_reader *reader, tb_rect rect, tb_pair_block *block, tb_error *err);

/** Drops decoded tiles of both dates: tb_epoch_forget. */
void tb_pair_forget(tb_pair_reader *reader, tb_rect done, tb_rect beside, tb_rect below);

#endif
