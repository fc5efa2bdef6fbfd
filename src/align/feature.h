/** What the dates are registered on: edge strength, which survives what seasons do to the
 * brightness. */
#ifndef TUBAN_ALIGN_FEATURE_H
#define TUBAN_ALIGN_FEATURE_H

#include "align/registration.h"
#include "kernels/table.h"

/** The features of one cell; NaN where any pixel they rest on was not observed. */
typedef struct tb_feature {
    int64_t x, y; /**< of the first pixel, on the lattice */
    int64_t width, height;
    float  *before, *after;              /**< width * height each; borrowed */
    float   before_centre, after_centre; /**< tb_feature_centre's of them */
} tb_feature;

/** What one channel's values have summed up to. Zero-initialised is empty. */
typedef struct tb_feature_spread {
    double pivot, sum, squares, count; /**< sums of what values differ from the first one */
} tb_feature_spread;

/** Adds rows of n values to so many channels, each in its order; what is not finite is left out. */
void tb_feature_spread_add(tb_feature_spread *spreads, const float *const *rows, int channels,
                           int64_t n);

/** 1 / s, s the standard deviation of what was added; 0 where there is none, so that the band is
 * left out. */
double tb_feature_weight(const tb_feature_spread *spread);

/** A cell on its way from rows of its bands to gradients. */
typedef struct tb_feature_maker {
    tb_feature        feature;
    const double     *weights; /**< 2 * bands, tb_feature_weight's: before's, then after's */
    int               bands;
    float            *rows; /**< of 2 * bands times tb_feature_band_scratch floats */
    const tb_kernels *kernels;
} tb_feature_maker;

/**
 * Takes row y, after all rows above, of the bands of both dates: before's, then after's, width
 * floats each. With the last one feature.before and feature.after are the gradients of the cell,
 * which are its features but for tb_feature_finish:
 *
 *   sum_b |grad(G_0.7 * X_b)| / s_b
 *
 * The cell has at least 7 pixels a side.
 * Cost: O(bands) a pixel.
 */
void tb_feature_take_row(const tb_feature_maker *maker, int64_t y, const float *const *rows);

/** Floats of scratch that a band of features of that width needs. */
static inline size_t tb_feature_band_scratch(int64_t width)
{
    return 8 * (size_t)width;
}

/**
 * Makes features of gradients, in place: cuts them off at three times what is typical of the date
 * over all cells, and smooths them,
 *
 *   F = B_1 * min(gradient, 3 mu),
 *
 * with B_1 = [1 2 1]/4 along and across, which keeps the kinks of the magnitude from aliasing when
 * F is resampled.
 * @param rows  room for the time: tb_feature_band_scratch of the widest.
 */
void tb_feature_finish(tb_feature *features, int count, float *rows, const tb_kernels *kernels);

/** About the mean of n values, of those that are there among every 31st: near enough for sums of
 * products to keep their digits. 0 where there is none. */
float tb_feature_centre(const float *values, int64_t n);

#endif
