/**
 * A pair's lattice: the pixel grid everything is brought to, which is the earlier image's own.
 *
 * The lattice covers all files of the earlier date. Its cells and strata are anchored at the first
 * file's origin, so that they fall on that file's tiles.
 */
#ifndef TUBAN_RASTER_GRID_H
#define TUBAN_RASTER_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"

typedef struct tb_grid {
    int64_t     width, height; /**< pixels */
    double      transform[6];  /**< GDAL's affine transform of pixel corners */
    bool        has_transform;
    const char *crs;                /**< WKT, or NULL for plain pixels; borrowed from an image */
    int64_t     anchor_x, anchor_y; /**< the first file's origin, in lattice pixels */
} tb_grid;

/** The affine map a transform gives at fractional pixel (x, y). */
static inline void tb_transform_apply(const double transform[6], double x, double y, double *e,
                                      double *n)
{
    *e = transform[0] + x * transform[1] + y * transform[2];
    *n = transform[3] + x * transform[4] + y * transform[5];
}

/** The transform that undoes another; `forward` must be invertible. */
void tb_transform_invert(const double forward[6], double inverse[6]);

/**
 * The transform applied after `first`: out(x) = second(first(x)).
 */
void tb_transform_compose(const double second[6], const double first[6], double out[6]);

/** Ground metres of a pixel's side near the grid's centre (root of its area); 0 without a CRS. */
double tb_grid_gsd_m(const tb_grid *grid);

#endif
