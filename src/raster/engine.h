/** What a long computation runs on: row functions, workers, memory, and who listens. */
#ifndef TUBAN_RASTER_ENGINE_H
#define TUBAN_RASTER_ENGINE_H

#include <stddef.h>

#include "kernels/table.h"
#include "raster/cache.h"
#include "tuban/progress.h"

/** Borrowed by everything that takes it, for the length of the call. None of it changes a result.
 */
typedef struct tb_engine {
    const tb_kernels *kernels;
    int               workers;
    size_t            cache_bytes; /**< for decoded tiles */
    tb_cache         *cache;       /**< the tiles of this pair, over several calls; NULL: each call
                                        has a cache of its own */
    const tb_progress *progress;   /**< may be NULL */
} tb_engine;

#endif
