/**
 * A bounded cache of decoded tiles that all workers share, so that each source tile is decoded
 * once.
 *
 * A tile is decoded by the first worker that asks for it, with that worker's own handle; others
 * that want it meanwhile wait. A tile in use is never dropped; of the rest the one not used for
 * longest is.
 *
 * Threads: safe. It is the one place of tuban that holds a lock.
 */
#ifndef TUBAN_RASTER_CACHE_H
#define TUBAN_RASTER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/image.h"

typedef struct tb_cache tb_cache;

typedef struct tb_tile {
    tb_rect rect;    /**< in the image's pixels */
    void   *samples; /**< bands planes of rect's pixels, in the image's sample type; or, */
    bool is_pixels;  /**< where the file has them so, pixel by pixel: unsigned integers, no mask */
    uint8_t *valid;  /**< a byte a pixel, 0 not valid; NULL where the image has no mask */
} tb_tile;

/** Bytes a tile of the image takes. */
size_t tb_cache_tile_bytes(const tb_image_info *image);

/** A cache of at most `capacity_bytes`, and one tile a worker over it when all are in use. It takes
 * memory as tiles lie in it. */
tb_status tb_cache_new(tb_cache **out, size_t capacity_bytes, tb_error *err);
void      tb_cache_free(tb_cache *cache);

/** From now on it holds at most so much, and no more than it was made for. */
void tb_cache_limit(tb_cache *cache, size_t capacity_bytes);

/**
 * The tile in column `tx` and row `ty` of the image's tiles; release it when done.
 * @param image     this worker's handle.
 * @param image_id  names the file among all that use the cache.
 * @param top       in the image's pixels: rows before need not be there.
 */
tb_status tb_cache_get(tb_cache *cache, tb_image *image, int image_id, int64_t tx, int64_t ty,
                       int64_t top, const tb_tile **out, tb_error *err);
void      tb_cache_release(tb_cache *cache, const tb_tile *tile);

/** Drops a tile that is not wanted any more, if it is held and nobody uses it; its memory serves
 * the next ones. */
void tb_cache_forget(tb_cache *cache, int image_id, int64_t tx, int64_t ty);

/** Keeps of a tile only the rows from `top` on, where they are few, if it is held and nobody uses
 * it; the memory of the others serves the next tiles. */
void tb_cache_shrink(tb_cache *cache, int image_id, int64_t tx, int64_t ty, int64_t top);

/** Bytes decoded and tiles decoded since the cache was made. */
void tb_cache_counts(tb_cache *cache, int64_t *bytes, int64_t *tiles);

#endif
