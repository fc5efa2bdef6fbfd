/**
 * From a raster of changes to polygons without seams.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_VECTORIZE_H
#define TUBAN_VECTORIZE_H

#include <stdint.h>

#include "tuban/progress.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Zero means the default; everything is borrowed. */
typedef struct tb_vectorize_options {
    const char *change;     /**< a raster of one band that GDAL reads */
    const char *out;        /**< .gpkg or .shp, written whole or not at all */
    int         connect;    /**< 4 or 8 (default): are pixels that meet at a corner one parcel? */
    int64_t     min_pixels; /**< smaller components are dropped and counted */
    const char *simplify;   /**< "off" (default), or a tolerance up to "0.75px" */
    int64_t     fill_holes; /**< holes of so many pixels and fewer are filled, 0..24; 0: none */
    const tb_progress *progress; /**< may be NULL */
} tb_vectorize_options;

typedef struct tb_vectorize_result {
    int64_t features; /**< components written */
    int64_t polygons; /**< of them all; more than features where pixels meet at corners only */
    int64_t holes;
    int64_t filled;  /**< holes that were filled; `pixels` does not count theirs */
    int64_t pixels;  /**< of the components written */
    int64_t dropped; /**< components under min_pixels */
    int64_t dropped_pixels;
    int64_t unobserved_pixels; /**< 255, nodata, masked or not a number */
    char    note[256]; /**< what a person should know, such as why nothing was found; or empty */
} tb_vectorize_result;

/**
 * Writes one feature a component of changed pixels into the layer `parcels`.
 *
 * A pixel is not observed where the mask or alpha band is 0, where it is 255, not a number, or the
 * nodata value (other than 0); else it is unchanged where it is 0 and changed where it is not.
 * Every feature is a multipolygon on the edges of the pixels, valid as OGC has it, exterior rings
 * anticlockwise and holes clockwise. Fields: `id`, from 1 in the order in which components first
 * appear by row and column, dropped ones counted too, so that min_pixels does not change it;
 * `pixels`; `area`, in units of the CRS squared. Coordinates are the raster's own; without a
 * geotransform they are pixels, x right and y *down* as GDAL has it. Features are in the order in
 * which they end by row.
 *
 * The same raster gives the same bytes.
 *
 * @param result  may be NULL; untouched on failure.
 * @return TB_OK; TB_E_USAGE for a wrong option; TB_E_INPUT when the raster cannot be read or has
 * several bands; TB_E_OUTPUT; TB_E_MEMORY; TB_E_CANCELLED. On failure no file is left or changed.
 * Threads: safe, for different `out`.
 * Cost: one read; a work file of 12 bytes a run beside `out`; memory of some strips (about 60 MB),
 * 12 bytes a run that none of the row above meets, 16 bytes a feature and 60 bytes a vertex of the
 * largest component; 40 bytes a pixel side of its boundary where it is simplified.
 */
TB_API tb_status tb_vectorize(const tb_vectorize_options *options, tb_vectorize_result *result,
                              tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
