/**
 * The MAD statistic of one row (Nielsen 2007, eq. 12):
 *
 *   M_i[x] = sum_k coefficient[i][k] * (channel[k][x] - centre[k])
 *   z[x]   = sum_i M_i[x]^2 * by_variance[i]
 *
 * z        n doubles >= 0, dimensionless; chi-squared with `components` degrees where nothing
 * changed. channel  `channels` pointers to n floats each: the bands before, then the bands after;
 * any alignment. NaN in any of them gives NaN. Exactness: all variants equal _c bit for bit (k,
 * then i, in order; no fused multiply-add).
 *
 * mad_root gives the same statistic's fourth root, n floats, as docs/methods/composite.md smooths
 * it. It is made in floats, each component in its own standard deviations (coefficient *
 * sqrt(by_variance)): some 1e-6 of the root, where the noise of a sample is a hundredth.
 */
#ifndef TUBAN_KERNELS_MAD_H
#define TUBAN_KERNELS_MAD_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_MAD_COMPONENTS_MAX = 16, TB_MAD_CHANNELS_MAX = 32 };

typedef struct tb_mad_weights {
    int    channels, components;
    double centre[TB_MAD_CHANNELS_MAX]; /**< means, in the channel's unit */
    double coefficient[TB_MAD_COMPONENTS_MAX][TB_MAD_CHANNELS_MAX]; /**< a_i, then -b_i */
    double by_variance[TB_MAD_COMPONENTS_MAX];                      /**< 1 / (2 (1 - rho_i)) */
} tb_mad_weights;

typedef void tb_mad_statistic_fn(double *restrict z, const float *const *channel,
                                 const tb_mad_weights *weights, size_t n);

typedef void tb_mad_root_fn(float *restrict root, const float *const *channel,
                            const tb_mad_weights *weights, size_t n);

tb_mad_statistic_fn TB_KERNEL(tb_mad_statistic);
tb_mad_root_fn      TB_KERNEL(tb_mad_root);

#endif
