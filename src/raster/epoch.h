/**
 * One date: its image files in order of precedence, and how they are read on the pair's lattice.
 *
 * Where files overlap, the first listed that observed a pixel gives it. All files of a date have
 * the same number of bands.
 */
#ifndef TUBAN_RASTER_EPOCH_H
#define TUBAN_RASTER_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/grid.h"
#include "raster/image.h"
#include "raster/warp.h"

typedef struct tb_epoch_options {
    const char *const *images; /**< paths, `image_count` of them */
    int                image_count;
    const char        *valid;      /**< raster: not 0 and not nodata means observed; or NULL */
    const char        *footprints; /**< polygons of the pictures a mosaic is made of; or NULL */
    bool               has_nodata; /**< `nodata` replaces what the files declare */
    double             nodata;
    /**
     * Of Sentinel-2 products. Where `valid` is given and no classes are, that takes their place.
     */
    tb_image_options as;
} tb_epoch_options;

typedef struct tb_epoch tb_epoch;

/**
 * Opens all files of a date and reads their headers. Free with tb_epoch_close.
 * @return TB_E_INPUT when a file cannot be opened or the band counts differ.
 */
tb_status tb_epoch_open(tb_epoch **out, const tb_epoch_options *options, tb_error *err);
void      tb_epoch_close(tb_epoch *epoch);

int                  tb_epoch_files(const tb_epoch *epoch);
int                  tb_epoch_bands(const tb_epoch *epoch);
const tb_image_info *tb_epoch_file(const tb_epoch *epoch, int file);
const tb_image_info *
tb_epoch_valid(const tb_epoch *epoch); /**< NULL where there is no validity raster */

/** Whether it is said where the date has clouds: by its validity raster or by scene classes. */
bool tb_epoch_has_mask(const tb_epoch *epoch);

/** Takes all bands called alpha for alpha: see tb_image_mask_alpha. */
void tb_epoch_mask_alpha(tb_epoch *epoch);

/** The lattice this date would give: the first file's grid, extended to cover all of them. */
tb_status tb_epoch_lattice(const tb_epoch *epoch, tb_grid *out, tb_error *err);

/**
 * The sources of a date: its capture footprints and, last, what lies in none of them; without
 * footprints its files. Known once the lattice is set.
 */
int tb_epoch_sources(const tb_epoch *epoch);

/** The path of the footprints, or NULL. */
const char *tb_epoch_footprints_path(const tb_epoch *epoch);

/** The part of the lattice a source can reach. */
tb_rect tb_epoch_source_bounds(const tb_epoch *epoch, int source);

/** Turns numbers of files into numbers of sources, in place; -1 stays. */
tb_status tb_epoch_locate(const tb_epoch *epoch, tb_rect rect, int16_t *file, tb_error *err);

/** Sets the lattice the date is read on. */
tb_status tb_epoch_bring(tb_epoch *epoch, const tb_grid *lattice, tb_error *err);

/** Sets a file's registration: its (x + dx, y + dy) is taken for lattice (x, y). */
void tb_epoch_shift(tb_epoch *epoch, int file, double dx, double dy);

/** The same by a field, which is copied. */
void tb_epoch_bend(tb_epoch *epoch, int file, const tb_field *field);

/** Another number whenever a file is brought to the lattice otherwise than before. */
int64_t tb_epoch_version(const tb_epoch *epoch);

/** The way a file is brought to the lattice, and the part of the lattice it can reach. */
const tb_warp *tb_epoch_warp(const tb_epoch *epoch, int file);
tb_rect        tb_epoch_footprint(const tb_epoch *epoch, int file);

/** How many cache ids a date takes. */
int tb_epoch_ids(const tb_epoch *epoch);

/** Another handle of a file, or of the validity raster behind them, that reads as the date does. */
tb_status tb_epoch_open_image(const tb_epoch *epoch, int file, const tb_kernels *kernels,
                              tb_image **out, tb_error *err);

#endif
