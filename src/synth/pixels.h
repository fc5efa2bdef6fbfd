/** Rows of a real image in its own type: read, asked whether observed, changed one by one. */
#ifndef TUBAN_SYNTH_PIXELS_H
#define TUBAN_SYNTH_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "raster/image.h"

/** Zero-initialised is empty; free with tb_pixels_reset. Borrows the image. */
typedef struct tb_pixels {
    tb_image            *image;
    const tb_image_info *info;
    int64_t              first, rows; /**< what is held */
    int64_t              rows_max;
    void                *samples; /**< [bands][rows][width] */
    uint8_t             *valid;   /**< [rows][width]: by the file's mask */
} tb_pixels;

/** Room for so many rows of all bands. */
tb_status tb_pixels_init(tb_pixels *pixels, tb_image *image, int64_t rows, tb_error *err);

void tb_pixels_reset(tb_pixels *pixels);

/** Reads rows from `first` on, as many as there is room for and the image has. */
tb_status tb_pixels_read(tb_pixels *pixels, int64_t first, tb_error *err);

/** One sample of a row that is held. */
double tb_pixels_at(const tb_pixels *pixels, int band, int64_t x, int64_t y);

/** Sets one, rounded and brought into its type's range, and never to the nodata value. */
void tb_pixels_set(tb_pixels *pixels, int band, int64_t x, int64_t y, double value);

/** False where the mask says so, or a band holds nodata or no number; a lone 0 is a dark pixel. */
bool tb_pixels_is_observed(const tb_pixels *pixels, int64_t x, int64_t y);

/** A row as a sink takes it: band after band; what is masked is set to `nodata`. */
void tb_pixels_row(tb_pixels *pixels, int64_t y, double nodata, void *row);

#endif
