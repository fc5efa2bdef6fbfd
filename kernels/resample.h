/**
 * Resampling of rows: weighted sums of taps, with weights by phase (see src/raster/warp.h).
 *
 * resample_across: dst[x] = sum_k weights[phase[x] * taps + k] * src[index[x] + k]
 *   index  first tap of each output, relative to src; every tap must be readable.
 * resample_down:   dst[x] = sum_k weights[k] * rows[k][x]
 * NaN in any tap gives NaN: not observed.
 * Exactness: all variants equal _c bit for bit (taps in order, no fused multiply-add).
 */
#ifndef TUBAN_KERNELS_RESAMPLE_H
#define TUBAN_KERNELS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef void tb_resample_across_fn(float *restrict dst, const float *restrict src,
                                   const int32_t *restrict index, const uint8_t *restrict phase,
                                   const float *restrict weights, int taps, size_t n);
typedef void tb_resample_down_fn(float *restrict dst, const float *const *rows,
                                 const float *weights, int taps, size_t n);

tb_resample_across_fn TB_PLAIN(tb_resample_across);
tb_resample_down_fn   TB_KERNEL(tb_resample_down);

#endif
