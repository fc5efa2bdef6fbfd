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

/* Whether pixel `at` of the planes is missing. */
static bool is_missing(float *const *plane, int64_t at, const tb_image_info *info, float nodata)
{
    int hits = 0;

    for (int b = 0; b < info->bands; b++) {
        float value = plane[b][at];

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

/* Where row `y` of a part begins in the target's planes. */
static int64_t place_of(const tb_target *target, tb_rect part, int64_t y)
{
    return (y - target->rect.y) * target->stride + part.x - target->rect.x;
}

static void mark_missing(const tb_target *target, tb_rect part, const tb_tile *tile,
                         const tb_image_info *info)
{
    float nodata = (float)info->nodata;

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        int64_t        at = place_of(target, part, y);
        const uint8_t *mask =
            tile->valid == NULL
                ? NULL
                : tile->valid + (y - tile->rect.y) * tile->rect.width + (part.x - tile->rect.x);

        for (int64_t x = 0; x < part.width; x++)
            if ((mask != NULL && mask[x] == 0) || is_missing(target->plane, at + x, info, nodata))
                for (int b = 0; b < info->bands; b++)
                    target->plane[b][at + x] = NAN;
    }
}

/* Whole numbers to whole numbers: exact. */
static void add_offset(const tb_target *target, tb_rect part, int b, float offset)
{
    for (int64_t y = part.y; y < part.y + part.height; y++) {
        float *row = target->plane[b] + place_of(target, part, y);

        for (int64_t x = 0; x < part.width; x++)
            row[x] += offset;
    }
}

/* The processor foresees a row, but not that the next one lies a page on. */
static void fetch(const uint8_t *from, size_t bytes)
{
    enum { LINE = 64 };

    for (size_t at = 0; at < bytes; at += LINE)
        __builtin_prefetch(from + at);
}

/* Of a tile whose bands lie beside each other. */
static void take_pixels(const tb_target *target, tb_rect part, const tb_tile *tile,
                        const tb_image_info *info, const tb_kernels *kernels)
{
    size_t pixel = (size_t)info->bands * tb_sample_size(info->type);

    for (int64_t y = part.y; y < part.y + part.height; y++) {
        size_t first = (size_t)((y - tile->rect.y) * tile->rect.width + part.x - tile->rect.x);
        size_t at    = first * (size_t)info->bands;
        float *row[TB_BANDS_MAX];

        for (int b = 0; b < info->bands; b++)
            row[b] = target->plane[b] + place_of(target, part, y);
        if (y + 1 < part.y + part.height)
            fetch((const uint8_t *)tile->samples + (first + (size_t)tile->rect.width) * pixel,
                  (size_t)part.width * pixel);
        if (info->type == TB_SAMPLE_U8)
            kernels->part_u8(row, (const uint8_t *)tile->samples + at, info->bands,
                             (size_t)part.width);
        else
            kernels->part_u16(row, (const uint16_t *)tile->samples + at, info->bands,
                              (size_t)part.width);
    }
}

static void take_tile(const tb_target *target, const tb_tile *tile, const tb_image_info *info,
                      const tb_kernels *kernels)
{
    tb_rect part       = tb_rect_intersect(target->rect, tile->rect);
    size_t  tile_plane = (size_t)tb_rect_area(tile->rect);

    if (tile->is_pixels)
        take_pixels(target, part, tile, info, kernels);
    for (int b = 0; b < info->bands && !tile->is_pixels; b++)
        for (int64_t y = part.y; y < part.y + part.height; y++) {
            size_t at = (size_t)b * tile_plane +
                        (size_t)((y - tile->rect.y) * tile->rect.width + part.x - tile->rect.x);

            convert_row(target->plane[b] + place_of(target, part, y), tile->samples, at, info->type,
                        (size_t)part.width, kernels);
        }
    if (tb_window_can_have_gaps(info))
        mark_missing(target, part, tile, info);
    for (int b = 0; b < info->bands; b++)
        if (info->offset[b] != 0.0)
            add_offset(target, part, b, (float)info->offset[b]);
}

tb_status tb_target_fill(const tb_target *target, tb_cache *cache, tb_image *image, int image_id,
                         const tb_kernels *kernels, tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(image);
    tb_rect              rect   = target->rect;
    tb_status            status = TB_OK;

    for (int64_t ty = rect.y / info->tile_height; ty * info->tile_height < rect.y + rect.height;
         ty++)
        for (int64_t tx = rect.x / info->tile_width; tx * info->tile_width < rect.x + rect.width;
             tx++) {
            const tb_tile *tile;

            TB_TRY(tb_cache_get(cache, image, image_id, tx, ty, rect.y, &tile, err));
            take_tile(target, tile, info, kernels);
            tb_cache_release(cache, tile);
        }
done:
    return status;
}

tb_status tb_window_load(tb_window *window, tb_rect rect, tb_cache *cache, tb_image *image,
                         int image_id, const tb_kernels *kernels, tb_error *err)
{
    int       bands  = tb_image_describe(image)->bands;
    size_t    pixels = (size_t)tb_rect_area(rect), needed = pixels * (size_t)bands;
    tb_target target = {.rect = rect, .stride = rect.width};
    tb_status status = TB_OK;

    if (needed > window->capacity) {
        tb_free(window->samples);
        window->samples  = NULL;
        window->capacity = 0;
        TB_TRY(tb_alloc(&window->samples, needed, sizeof(float), "window of an image", err));
        window->capacity = needed;
    }
    window->rect = rect;
    for (int b = 0; b < bands; b++)
        target.plane[b] = window->samples + (size_t)b * pixels;
    TB_TRY(tb_target_fill(&target, cache, image, image_id, kernels, err));
done:
    return status;
}
