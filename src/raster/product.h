/**
 * A Sentinel-2 product as one image: its bands of 10 m and 20 m on one grid, and its scene classes
 * as a mask. safe.h reads its metadata; GDAL reads the pixels. Part of image.h: one caller per
 * object.
 */
#ifndef TUBAN_RASTER_PRODUCT_H
#define TUBAN_RASTER_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/image.h"
#include "raster/safe.h"

typedef struct tb_product tb_product;

/**
 * Opens what the metadata tells of. Takes the safe, whatever comes of it; borrows the path.
 * @param classes  scene classes that were not observed, a bit each; 0: none.
 * @return TB_E_INPUT when a band has no file, or the grids do not lie on each other.
 */
tb_status tb_product_open(tb_product **out, tb_safe *safe, const char *path, uint16_t classes,
                          tb_error *err);
void      tb_product_close(tb_product *product);

/** GDAL's dataset of the grid, and its number of a band on it; borrowed. */
void *tb_product_dataset(const tb_product *product);
int   tb_product_band(const tb_product *product, int band);

/** What its files decode at once, pixels; false where that cannot be told. */
bool tb_product_tiles(const tb_product *product, int *width, int *height);

/** Writes bands, samples, mask, names and files; borrows the product. */
void tb_product_describe(const tb_product *product, tb_image_info *info);

/** As tb_image_read; valid may be NULL. */
tb_status tb_product_read(tb_product *product, tb_rect window, uint16_t *samples, uint8_t *valid,
                          tb_error *err);

#endif
