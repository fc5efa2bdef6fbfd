#include "synth/pixels.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

tb_status tb_pixels_init(tb_pixels *pixels, tb_image *image, int64_t rows, tb_error *err)
{
    tb_status status = TB_OK;

    *pixels = (tb_pixels){.image = image, .info = tb_image_describe(image), .rows_max = rows};

    size_t plane = (size_t)pixels->info->width * (size_t)rows;

    TB_TRY(tb_alloc(&pixels->samples, plane * (size_t)pixels->info->bands,
                    tb_sample_size(pixels->info->type), "rows of an image", err));
    TB_TRY(tb_alloc(&pixels->valid, plane, 1, "rows of a mask", err));
done:
    if (status != TB_OK)
        tb_pixels_reset(pixels);
    return status;
}

void tb_pixels_reset(tb_pixels *pixels)
{
    tb_free(pixels->samples);
    tb_free(pixels->valid);
    *pixels = (tb_pixels){0};
}

tb_status tb_pixels_read(tb_pixels *pixels, int64_t first, tb_error *err)
{
    int64_t left = pixels->info->height - first;

    pixels->first = first;
    pixels->rows  = left < pixels->rows_max ? left : pixels->rows_max;
    memset(pixels->valid, 1, (size_t)(pixels->rows * pixels->info->width));
    return tb_image_read(pixels->image, (tb_rect){0, first, pixels->info->width, pixels->rows},
                         pixels->samples, pixels->info->has_mask ? pixels->valid : NULL, err);
}

static size_t index_of(const tb_pixels *pixels, int band, int64_t x, int64_t y)
{
    return (size_t)((band * pixels->rows + y - pixels->first) * pixels->info->width + x);
}

double tb_pixels_at(const tb_pixels *pixels, int band, int64_t x, int64_t y)
{
    size_t i = index_of(pixels, band, x, y);

    switch (pixels->info->type) {
    case TB_SAMPLE_U8:
        return ((const uint8_t *)pixels->samples)[i];
    case TB_SAMPLE_U16:
        return ((const uint16_t *)pixels->samples)[i];
    case TB_SAMPLE_I16:
        return ((const int16_t *)pixels->samples)[i];
    case TB_SAMPLE_F32:
        break;
    }
    return (double)((const float *)pixels->samples)[i];
}

static double bounded(double value, double low, double high)
{
    double rounded = floor(value + 0.5);

    return rounded < low ? low : rounded > high ? high : rounded;
}

static void put(const tb_pixels *pixels, size_t i, double value)
{
    switch (pixels->info->type) {
    case TB_SAMPLE_U8:
        ((uint8_t *)pixels->samples)[i] = (uint8_t)bounded(value, 0, UINT8_MAX);
        break;
    case TB_SAMPLE_U16:
        ((uint16_t *)pixels->samples)[i] = (uint16_t)bounded(value, 0, UINT16_MAX);
        break;
    case TB_SAMPLE_I16:
        ((int16_t *)pixels->samples)[i] = (int16_t)bounded(value, INT16_MIN, INT16_MAX);
        break;
    case TB_SAMPLE_F32:
        ((float *)pixels->samples)[i] = (float)value;
        break;
    }
}

void tb_pixels_set(tb_pixels *pixels, int band, int64_t x, int64_t y, double value)
{
    put(pixels, index_of(pixels, band, x, y), value);
    if (pixels->info->has_nodata && tb_pixels_at(pixels, band, x, y) == pixels->info->nodata)
        put(pixels, index_of(pixels, band, x, y),
            pixels->info->nodata + (pixels->info->nodata > 0 ? -1.0 : 1.0));
}

bool tb_pixels_is_observed(const tb_pixels *pixels, int64_t x, int64_t y)
{
    bool all_zero = true;

    if (!pixels->valid[(y - pixels->first) * pixels->info->width + x])
        return false;
    for (int b = 0; b < pixels->info->bands; b++) {
        double value = tb_pixels_at(pixels, b, x, y);

        if (!isfinite(value) || (pixels->info->has_nodata && pixels->info->nodata != 0.0 &&
                                 value == pixels->info->nodata))
            return false;
        all_zero = all_zero && value == 0.0;
    }
    return !(all_zero && pixels->info->has_nodata && pixels->info->nodata == 0.0);
}

void tb_pixels_row(tb_pixels *pixels, int64_t y, double nodata, void *row)
{
    size_t width = (size_t)pixels->info->width, size = tb_sample_size(pixels->info->type);

    for (int b = 0; b < pixels->info->bands; b++) {
        size_t from = index_of(pixels, b, 0, y);

        for (size_t x = 0; x < width && pixels->info->has_mask; x++)
            if (!pixels->valid[(size_t)(y - pixels->first) * width + x])
                put(pixels, from + x, nodata);
        memcpy((char *)row + (size_t)b * width * size, (char *)pixels->samples + from * size,
               width * size);
    }
}
