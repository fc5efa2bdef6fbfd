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

/** The cache a call reads through, which holds at most so many bytes from now on: the engine's, or
 * one of the call's own. Give it back with tb_engine_return_cache. */
tb_status tb_engine_take_cache(const tb_engine *engine, size_t bytes, tb_cache **out,
                               tb_error *err);
void      tb_engine_return_cache(const tb_engine *engine, tb_cache *cache);

#endif
