/** Rows of the lattice from a window of an image, by the taps of a warp. */
#ifndef TUBAN_RASTER_RESAMPLE_H
#define TUBAN_RASTER_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "kernels/table.h"
#include "raster/image.h"
#include "raster/warp.h"
#include "raster/window.h"

/** A reader's buffers: with kernels and bands set, else zero, it is empty; grown as needed, freed
 * with tb_resampler_reset. One caller per object. */
typedef struct tb_resampler {
    const tb_kernels *kernels;
    int               bands;
    int64_t           columns; /**< what the rows below hold */
    tb_warp_position *px, *py; /**< where the pixels of the row lie: tb_warp_row writes them */
    float            *out;     /**< [bands][columns]: the row */
    int32_t          *index;   /* first taps along x, */
    uint8_t          *phase;   /* and their weights */
    float            *padded;  /* a row of the window, its ends repeated */
    float            *across;  /* [bands][rows of the window][n], resampled along x */
    size_t            padded_capacity, across_capacity;
} tb_resampler;

void tb_resampler_reset(tb_resampler *resampler);

/** Room for rows of so many pixels. */
tb_status tb_resampler_reserve(tb_resampler *resampler, int64_t columns, tb_error *err);

/** Resamples every row of the window along x, for n pixels whose positions are in px. */
tb_status tb_resampler_across(tb_resampler *resampler, const tb_window *window,
                              const tb_warp_axis *axis, int64_t n, tb_error *err);

/** Of what was resampled along x, `columns` wide, n pixels from `first` at y: of band b into
 * out[b].
 */
void tb_resampler_down(tb_resampler *resampler, const tb_window *window, const tb_warp_axis *axis,
                       tb_warp_position y, int64_t columns, int64_t first, int64_t n,
                       float *const *out);

/** A row of n pixels that may lie anywhere, at px and py, into out; NaN outside of the image. */
void tb_resampler_general(tb_resampler *resampler, const tb_window *window, const tb_warp *warp,
                          const tb_image_info *info, int64_t n);

#endif
