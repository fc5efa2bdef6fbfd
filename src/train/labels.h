/** Labels of a pair's pixels: a raster on the lattice, or polygons burnt into it. */
#ifndef TUBAN_TRAIN_LABELS_H
#define TUBAN_TRAIN_LABELS_H

#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/grid.h"

enum { TB_LABEL_UNCHANGED = 0, TB_LABEL_CHANGED = 1, TB_LABEL_NONE = 255 };

typedef struct tb_labels tb_labels;

/**
 * Opens labels for a lattice; free with tb_labels_close.
 *
 * A raster has the lattice's size; 0 is unchanged, 255, NaN, nodata and masked unlabelled, any
 * other value changed. Of polygons with a `field` the value 0 is unchanged, any other changed, and
 * what none covers unlabelled; without one, all they cover is changed and the rest is not. Where
 * both kinds cover a pixel it is changed; a pixel is covered when its centre is.
 * @param grid   borrowed as long as the labels are open.
 * @param layer  of a vector file; NULL: its only one.
 * @return TB_E_INPUT when the file is neither, does not fit, or lacks layer or field.
 */
tb_status tb_labels_open(tb_labels **out, const char *path, const char *layer, const char *field,
                         const tb_grid *grid, tb_error *err);
void      tb_labels_close(tb_labels *labels);

/** Fills rect.width * rect.height labels; `rect` lies within the lattice. One caller at a time. */
tb_status tb_labels_read(tb_labels *labels, tb_rect rect, uint8_t *out, tb_error *err);

#endif
