#include "raster/window.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/memory.h"

void tb_window_reset(tb_window *window)
{
    tb_free(window->samples);
    *window = (tb_window){0};
}

static void convert_row(float *dst, const void *samples, size_t at, tb_sample_type type, size_t n,
                        const tb_kernels *kernels)
{
    switch (type) {
    case TB_SAMPLE_U8:
        kernels->convert_u8(dst, (const uint8_t *)samples + at, n);
        return;
    case TB_SAMPLE_U16:
        kernels->convert_u16(dst, (const uint16_t *)samples + at, n);
        return;
    case TB_SAMPLE_I16:
        kernels->convert_i16(dst, (const int16_t *)samples + at, n);
        return;
    case TB_SAMPLE_F32:
        break;
    }
    memcpy(dst, (const float *)samples + at, n * sizeof *dst);
}

static bool is_missing(const float *first, size_t plane, const tb_image_info *info, float nodata)
{
    int hits = 0;

    for (int b = 0; b < info->bands; b++) {
        float value = first[(size_t)b * plane];

        if (!isfinite(value))
            return true;
        hits += info->has_nodata && value == nodata;
    }
    return hits > 0 && (nodata != 0.0f || hits == info->bands);
}

bool tb_window_can_have_gaps(const tb_image_info *info)
{
    return info->has_nodata || info->has_mask || info->type == TB_SAMPLE_F32;
}

static void mark_missing(tb_window *window, tb_rect part, const tb_tile *tile,
                         const tb_image_info *info)
{
    size_t plane  = (size_t)tb_rect_area(window->rect);
    float  nodata = (float)info->nodata;

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        float *row =
            window->samples + (y - window->rect.y) * window->rect.width + (part.x - window->rect.x);
        const uint8_t *mask =
            tile->valid == NULL
                ? NULL
                : tile->valid + (y - tile->rect.y) * tile->rect.width + (part.x - tile->rect.x);

        for (int64_t x = 0; x < part.width; x++)
            if ((mask != NULL && mask[x] == 0) || is_missing(row + x, plane, info, nodata))
                for (int b = 0; b < info->bands; b++)
                    row[(size_t)b * plane + (size_t)x] = NAN;
    }
}

/* Whole numbers to whole numbers: exact. */
static void add_offset(tb_window *window, tb_rect part, int b, float offset)
{
    float *plane = window->samples + (size_t)b * (size_t)tb_rect_area(window->rect);

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        float *row = plane + (y - window->rect.y) * window->rect.width + (part.x - window->rect.x);

        for (int64_t x = 0; x < part.width; x++)
            row[x] += offset;
    }
}

static void take_tile(tb_window *window, const tb_tile *tile, const tb_image_info *info,
                      const tb_kernels *kernels)
{
    tb_rect part       = tb_rect_intersect(window->rect, tile->rect);
    size_t  plane      = (size_t)tb_rect_area(window->rect);
    size_t  tile_plane = (size_t)tb_rect_area(tile->rect);

    for (int b = 0; b < info->bands; b++)
        for (int64_t y = part.y; y < part.y + part.height; y++) {
            float *dst =
                window->samples + (size_t)b * plane +
                (size_t)((y - window->rect.y) * window->rect.width + part.x - window->rect.x);
            size_t at = (size_t)b * tile_plane +
                        (size_t)((y - tile->rect.y) * tile->rect.width + part.x - tile->rect.x);

            convert_row(dst, tile->samples, at, info->type, (size_t)part.width, kernels);
        }
    if (tb_window_can_have_gaps(info))
        mark_missing(window, part, tile, info);
    for (int b = 0; b < info->bands; b++)
        if (info->offset[b] != 0.0)
            add_offset(window, part, b, (float)info->offset[b]);
}

tb_status tb_window_load(tb_window *window, tb_rect rect, tb_cache *cache, tb_image *image,
                         int image_id, const tb_kernels *kernels, tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(image);
    size_t               needed = (size_t)tb_rect_area(rect) * (size_t)info->bands;
    tb_status            status = TB_OK;

    if (needed > window->capacity) {
        tb_free(window->samples);
        window->samples  = NULL;
        window->capacity = 0;
        TB_TRY(tb_alloc(&window->samples, needed, sizeof(float), "window of an image", err));
        window->capacity = needed;
    }
    window->rect = rect;
    for (int64_t ty = rect.y / info->tile_height; ty * info->tile_height < rect.y + rect.height;
         ty++)
        for (int64_t tx = rect.x / info->tile_width; tx * info->tile_width < rect.x + rect.width;
             tx++) {
            const tb_tile *tile;

            TB_TRY(tb_cache_get(cache, image, image_id, tx, ty, &tile, err));
            take_tile(window, tile, info, kernels);
            tb_cache_release(cache, tile);
        }
done:
    return status;
}
