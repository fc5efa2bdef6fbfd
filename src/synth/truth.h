/** What is really there: the sites as polygons, and those of the job's pair as a raster. */
#ifndef TUBAN_SYNTH_TRUTH_H
#define TUBAN_SYNTH_TRUTH_H

#include "core/error.h"
#include "raster/grid.h"
#include "synth/place.h"
#include "synth/site.h"

/** Tells whether a pixel is observed on a date. */
typedef struct tb_observed {
    bool (*is_clear)(const void *context, int date, tb_point place);
    const void *context;
} tb_observed;

typedef struct tb_truth_counts {
    int64_t changed, unobserved; /**< pixels of the raster */
    int64_t hidden;              /**< sites nothing of which is seen on both dates */
} tb_truth_counts;

/**
 * Writes both files.
 * @param raster_path  0 unchanged, 1 a site of the last date (most of the pixel), 255 under cloud
 *                     on the last date or the one before.
 * @param grid         pixels of `gsd_m` metres from the scene's corner.
 * @param last         number of the last date.
 */
tb_status tb_truth_write(const char *vector_path, const char *raster_path, const tb_sites *sites,
                         const tb_place *place, const tb_grid *grid, double gsd_m, int last,
                         const tb_observed *observed, tb_truth_counts *counts, tb_error *err);

#endif
