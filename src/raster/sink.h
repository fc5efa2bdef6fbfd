/**
 * Writing a raster on a lattice: tiled, compressed GeoTIFF with overviews, whole or not at
 * all.
 *
 * Rows come in order and tiles are written in order, one thread compresses: the same rows give the
 * same bytes.
 */
#ifndef TUBAN_RASTER_SINK_H
#define TUBAN_RASTER_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "raster/grid.h"
#include "raster/image.h"

typedef struct tb_sink tb_sink;

/**
 * Starts a raster at `path` (seen there only after tb_sink_finish). Free with tb_sink_close.
 * @param type    TB_SAMPLE_U8 or TB_SAMPLE_F32.
 * @param nodata  what is declared as nodata; NaN is allowed for floats.
 * @return TB_E_OUTPUT with the path when it cannot be written.
 */
tb_status tb_sink_create(tb_sink **out, const char *path, const tb_grid *grid, tb_sample_type type,
                         double nodata, const char *description, tb_error *err);

/** What a raster of several bands holds. */
typedef struct tb_sink_layout {
    int                bands; /**< 1 .. TB_BANDS_MAX, stored pixel by pixel */
    tb_sample_type     type;
    bool               has_nodata;
    double             nodata;
    const char *const *names; /**< of the bands; borrowed for the call, or NULL */
    bool               has_overviews;
} tb_sink_layout;

/** The same for several bands of any type. */
tb_status tb_sink_open(tb_sink **out, const char *path, const tb_grid *grid,
                       const tb_sink_layout *layout, tb_error *err);

/** The next row: grid.width samples of each band, band after band. */
tb_status tb_sink_row(tb_sink *sink, const void *samples, tb_error *err);

/** After the last row: builds overviews, makes the file durable and renames it to its path. */
tb_status tb_sink_finish(tb_sink *sink, tb_error *err);

/** Frees; a file that is not finished is removed. NULL is legal. */
void tb_sink_close(tb_sink *sink);

#endif
