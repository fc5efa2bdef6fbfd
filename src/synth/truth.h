/** What is really there: the sites as polygons, and those of the job's pair as a raster. */
#ifndef TUBAN_SYNTH_TRUTH_H
#define TUBAN_SYNTH_TRUTH_H

#include "core/error.h"
#include "raster/grid.h"
#include "synth/output.h"
#include "synth/place.h"
#include "synth/site.h"

/** What is written, and onto what. Everything is borrowed. */
typedef struct tb_truth {
    const tb_sites *sites;
    const tb_place *place;
    const tb_grid  *grid; /**< of the raster */
    double          gsd_m;
    int             last;      /**< number of the last date */
    bool            has_dates; /**< false: when a site was first seen is not known */
    /** Tells whether a pixel is observed on a date. */
    bool (*is_clear)(const void *context, int date, tb_point place);
    const void *context;
} tb_truth;

typedef struct tb_truth_counts {
    int64_t changed, unobserved; /**< pixels of the raster */
    int64_t hidden;              /**< sites nothing of which is seen on both dates */
} tb_truth_counts;

/**
 * Writes truth.gpkg, the sites of all dates as polygons, and truth.tif, a raster: 0 unchanged, 1 a
 * site of the last date (most of the pixel), 255 not observed on the last date or the one before.
 */
tb_status tb_truth_write(const tb_truth *truth, tb_output *output, tb_truth_counts *counts,
                         tb_error *err);

#endif
