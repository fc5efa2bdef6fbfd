/** A window of one image as floats, with NaN where it was not observed; read through the tile
 * cache. */
#ifndef TUBAN_RASTER_WINDOW_H
#define TUBAN_RASTER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/cache.h"
#include "raster/image.h"

/** Planes to be filled: pixel (x, y) of the rectangle is plane[b][(y - rect.y) * stride + x -
 * rect.x].
 */
typedef struct tb_target {
    tb_rect rect; /**< in the image's pixels */
    int64_t stride;
    float  *plane[TB_BANDS_MAX];
} tb_target;

/** Zero-initialised is empty; grown as needed, freed with tb_window_reset. One caller per object.
 */
typedef struct tb_window {
    tb_rect rect;    /**< in the image's pixels */
    float  *samples; /**< [bands][rect.height][rect.width] */
    size_t  capacity;
} tb_window;

void tb_window_reset(tb_window *window);

/** False if no pixel of the image can become NaN. */
bool tb_window_can_have_gaps(const tb_image_info *info);

/**
 * Fills the target's rectangle, which lies inside the image, with all bands.
 *
 * A pixel becomes NaN in all bands where the file's mask or alpha is 0, where any band is not
 * finite, where any band holds a nodata value other than 0, or where all bands hold a nodata value
 * of 0 (a single 0 among measured bands is a dark pixel, not a missing one). Then each band's
 * offset is added.
 */
tb_status tb_target_fill(const tb_target *target, tb_cache *cache, tb_image *image, int image_id,
                         const tb_kernels *kernels, tb_error *err);

/** Loads `rect` of all bands into the window likewise. */
tb_status tb_window_load(tb_window *window, tb_rect rect, tb_cache *cache, tb_image *image,
                         int image_id, const tb_kernels *kernels, tb_error *err);

#endif
