/**
 * Change-vector magnitude of one row, twice weighted (Malila 1980; whitened as in
 * docs/methods/cva.md).
 *
 *   d_b[x]      = t0[b][x] - (intercept[b] + slope[b] * t1[b][x])
 *                 less what saturation explains: a sample at the end of its range bounds the
 * difference from one side only, and a difference towards that side counts as 0 score[x]    = sqrt(
 * sum_b (d_b[x] * by_noise[b])^2 ) contrast[x] = sqrt( mean_b (d_b[x] * by_spread[b])^2 ), the mean
 * over the bands that vary; of five or more of them without the greatest term: of many bands one
 * may be poor (aerosol, cirrus), and a contrast must not hang on it
 *
 * score, contrast  n floats, dimensionless; not overlapping the inputs. score may be NULL.
 * t0, t1           `bands` pointers to n floats each, any alignment. NaN in any band of either date
 *                  gives NaN in both outputs: not observed.
 * slope > 0.
 * Exactness: all variants equal _c bit for bit (bands in order, no fused multiply-add).
 */
#ifndef TUBAN_KERNELS_CVA_H
#define TUBAN_KERNELS_CVA_H

#include <stddef.h>

#include "kernels/isa.h"

typedef struct tb_cva_weights {
    int          bands;
    int          varying;           /**< bands that are not constant; the others have by_spread 0 */
    const float *slope, *intercept; /**< brings t1 to t0's radiometry */
    const float *by_noise;          /**< 1 / standard deviation of d on unchanged ground */
    const float *by_spread;         /**< 1 / standard deviation of t0 over the stratum */
    float by_value; /**< 1 / share of its value that a sample may differ by: noise grows with it */
    float low[2], high[2]; /**< ends of the ranges of t0 and t1; -+infinity where there is none */
} tb_cva_weights;

typedef void tb_cva_magnitude_fn(float *restrict score, float *restrict contrast,
                                 const float *const *t0, const float *const *t1,
                                 const tb_cva_weights *weights, size_t n);

tb_cva_magnitude_fn TB_KERNEL(tb_cva_magnitude);

#endif
