/**
 * The plan of a sweep: shards, panels, blocks, workers, and the memory they take. It is made before
 * a pixel is read, can be printed, and refuses a budget that is too small with the least that would
 * do.
 *
 * Nothing in it changes a byte of a result but the shards' rectangles, and those only cut files of
 * work.
 */
#ifndef TUBAN_SWEEP_PLAN_H
#define TUBAN_SWEEP_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/pair.h"

/** Zero means the default. */
typedef struct tb_plan_options {
    int     threads;      /**< 0: one a processor */
    size_t  budget_bytes; /**< 0: 4 GiB */
    int64_t block;        /**< side in pixels; 0: 512, less where the budget asks for it */
    int64_t shards;       /**< 0: one for every 2^28 pixels */
    double  sample_share; /**< what the fit reads; 0: the default rule */
    int     halo;         /**< pixels; 0: the most a method may ask for */
    int     kept_planes;  /**< of scoring: tb_scores_bytes */
} tb_plan_options;

typedef struct tb_plan {
    tb_rect lattice;
    int     threads; /**< workers of the one loop */
    int64_t block;   /**< side of a block */
    int64_t lead;    /**< rows and columns by which blocks end before a multiple of it */
    int64_t panel;   /**< columns of a panel, a multiple of block */
    int     halo;
    int     kept_planes;
    int64_t shards;

    size_t budget_bytes;
    size_t base_bytes;      /**< program, libraries, GDAL's and HDF5's own caches */
    size_t cache_bytes;     /**< decoded tiles */
    size_t worker_bytes;    /**< a worker's block, scores and runs */
    size_t fit_bytes;       /**< the sample; given back before the sweep */
    size_t fit_cache_bytes; /**< decoded tiles while the sample is read */
    size_t needed_bytes;    /**< the most at any time */

    int64_t source_bytes;   /**< decoded samples of all files */
    double  decoded_share;  /**< of source_bytes: what sweep decodes, borders of panels and shards
                               twice */
    int64_t sampled_pixels; /**< of the lattice, by the fit */
} tb_plan;

/** GDAL's block cache, whatever the budget: it only has to hold the bands of one block. */
enum { TB_PLAN_GDAL_CACHE = 64 << 20 };

/**
 * Makes the plan.
 * @return TB_E_MEMORY with the least budget that would do when the one given is too small.
 */
tb_status tb_plan_make(tb_plan *plan, const tb_pair *pair, const tb_plan_options *options,
                       tb_error *err);

/** The rectangle of a shard: a band of whole rows. Never empty for shard < plan->shards. */
tb_rect tb_plan_shard(const tb_plan *plan, int64_t shard);

/** How many blocks a shard has, and the rectangle of one: panel by panel, row by row. */
int64_t tb_plan_blocks(const tb_plan *plan, tb_rect shard);
tb_rect tb_plan_block(const tb_plan *plan, tb_rect shard, int64_t block);

/** What of a block's panel is swept after it: the rest of its row, and all below; each may be
 * empty. */
void tb_plan_left(const tb_plan *plan, tb_rect shard, int64_t block, tb_rect *beside,
                  tb_rect *below);

#endif
