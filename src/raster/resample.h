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

/** A reader's buffers: with kernels and bands set, file -1, else zero, it is empty; grown as
 * needed, freed with tb_resampler_reset. One caller per object. */
typedef struct tb_resampler {
    const tb_kernels *kernels;
    int               bands;
    int64_t           columns; /**< what the rows below hold */
    tb_warp_position *px, *py; /**< where the pixels of the row lie: tb_warp_row writes them */
    float            *out;     /**< [bands][columns]: the row */
    int32_t          *index;   /* first taps along x, */
    uint8_t          *phase;   /* and their weights */
    float            *padded;  /* a row of the window, its ends repeated */
    size_t            padded_capacity;
    /* Rows of an image resampled along x: row y is the (y % ring)-th of [ring][bands][n]. */
    float  *across;
    size_t  across_capacity;
    int64_t ring, n;
    int     file; /* which they are of; -1: none */
    tb_rect held; /* the part of it they were made of */
} tb_resampler;

void tb_resampler_reset(tb_resampler *resampler);

/** Room for rows of so many pixels. */
tb_status tb_resampler_reserve(tb_resampler *resampler, int64_t columns, tb_error *err);

/**
 * Prepares to resample the rows of `rect` of a file along x, for n pixels whose positions are in
 * px. Rows that were so for the last rectangle, of the same file, columns and positions, stay.
 * @param kept  of the first rows of rect: those that need not be given any more.
 */
tb_status tb_resampler_begin(tb_resampler *resampler, int file, tb_rect rect,
                             const tb_warp_axis *axis, int64_t n, int64_t *kept, tb_error *err);

/** Resamples every row of the window along x: of the rectangle's those that are not kept. */
void tb_resampler_across(tb_resampler *resampler, const tb_window *window,
                         const tb_warp_axis *axis);

/** Of the rectangle's rows, all resampled along x, n pixels of a band from `first` at y. Rows one
 * below another share what they are made of: band by band it stays in the inner cache. */
void tb_resampler_down(const tb_resampler *resampler, const tb_warp_axis *axis, tb_warp_position y,
                       int band, int64_t first, int64_t n, float *out);

/** A row of n pixels that may lie anywhere, at px and py, into out; NaN outside of the image. */
void tb_resampler_general(tb_resampler *resampler, const tb_window *window, const tb_warp *warp,
                          const tb_image_info *info, int64_t n);

#endif
