/** A raster of classes or scores, read strip by strip, with what it says it does not know. */
#ifndef TUBAN_EVAL_STRIPS_H
#define TUBAN_EVAL_STRIPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "raster/image.h"

/** Zero-initialised is closed; close with tb_strips_close. */
typedef struct tb_strips {
    const char          *path; /**< borrowed */
    tb_image            *image;
    const tb_image_info *info;
    double              *values;  /**< of the first band, of the strip read last */
    uint8_t             *valid;   /**< NULL where the file has no mask */
    void                *samples; /**< what reading the mask brings along */
} tb_strips;

tb_status tb_strips_open(tb_strips *of, const char *path, tb_error *err);
void      tb_strips_close(tb_strips *of);

/** Makes room for strips of so many whole rows. */
tb_status tb_strips_prepare(tb_strips *of, int64_t rows, tb_error *err);

/** Rows of a strip that is worth reading at once, of a raster of that size; at least 1. */
int64_t tb_strips_rows(int64_t width, int64_t height);

tb_status tb_strips_read(tb_strips *of, tb_rect strip, tb_error *err);

/** True where the file itself says that it does not know pixel i of the strip. */
bool tb_strips_is_void(const tb_strips *of, int64_t i);

/**
 * The same for a map of classes, in which 255 is unknown too, and 0 and 1 keep their meaning
 * whatever is declared as nodata.
 */
bool tb_strips_is_unknown(const tb_strips *of, int64_t i);

#endif
