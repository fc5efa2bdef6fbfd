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

/**
 * 1 / s_b of each band of both dates, s_b its standard deviation over the cells; 0 where it has
 * none, so that the band is left out.
 * @param weights  2 * bands: before's, then after's.
 * Cost: O(1) a sample.
 */
void tb_feature_weigh(double *weights, const tb_align_cell *cells, int count, int bands);

/**
 * Makes the gradients of a cell, which are its features but for tb_feature_finish:
 *
 *   sum_b |grad(G_0.7 * X_b)| / s_b
 *
 * @param cell     borrowed; at least 7 pixels a side.
 * @param weights  tb_feature_weigh's.
 * @param planes   room for the gradients: 2 * width * height floats, borrowed as long as *out is
 *                 used.
 * @param rows     room for the time: tb_feature_scratch(width) floats.
 * Cost: O(bands) a pixel, in rows that stay in the cache.
 */
void tb_feature_make(tb_feature *out, const tb_align_cell *cell, const double *weights, int bands,
                     float *planes, float *rows, const tb_kernels *kernels);

/** Floats of scratch that features of that width need. */
static inline size_t tb_feature_scratch(int64_t width)
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
 * @param rows  room for the time: tb_feature_scratch of the widest.
 */
void tb_feature_finish(tb_feature *features, int count, float *rows, const tb_kernels *kernels);

/** About the mean of n values, of those that are there among every 31st: near enough for sums of
 * products to keep their digits. 0 where there is none. */
float tb_feature_centre(const float *values, int64_t n);

#endif
