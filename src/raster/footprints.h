/**
 * Capture footprints of one date: polygons that tell which picture a pixel of a mosaic came from.
 *
 * A pixel belongs to the first listed polygon that holds its centre (even-odd rule); vertices are
 * quantised to 1/256 pixel of the lattice and every test is made in lattice coordinates, so a
 * pixel's footprint does not depend on the block it is asked in.
 */
#ifndef TUBAN_RASTER_FOOTPRINTS_H
#define TUBAN_RASTER_FOOTPRINTS_H

#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/grid.h"

typedef struct tb_footprints tb_footprints;

/**
 * Reads the polygons of a vector file's first layer and brings them to the lattice. Free with
 * tb_footprints_free.
 * @return TB_E_INPUT when it cannot be read, holds no polygon, or its CRS cannot be brought there.
 */
tb_status tb_footprints_read(tb_footprints **out, const char *path, const tb_grid *lattice,
                             tb_error *err);
void      tb_footprints_free(tb_footprints *footprints);

/** How many polygons there are; what lies in none has this as its number. */
int tb_footprints_count(const tb_footprints *footprints);

/** Lattice pixels a footprint can hold; for the number of what lies in none, everything. */
tb_rect tb_footprints_bounds(const tb_footprints *footprints, int footprint);

/** Numbers the pixels of a rectangle: [rect.height][rect.width]. */
tb_status tb_footprints_number(const tb_footprints *footprints, tb_rect rect, int16_t *number,
                               tb_error *err);

#endif
