/**
 * How rough the difference of two rows is: its second difference, times a scale.
 *
 *   dst[x] = ((a[x-1] - 2 a[x] + a[x+1]) - slope * (b[x-1] - 2 b[x] + b[x+1])) * scale
 *
 * a, b  n floats each, any alignment, and one more on either side; not overlapping dst.
 * Exactness: all variants equal _c bit for bit (same order, no fused multiply-add).
 */
#ifndef TUBAN_KERNELS_ROUGH_H
#define TUBAN_KERNELS_ROUGH_H

#include <stddef.h>

#include "kernels/isa.h"

typedef void tb_rough_row_fn(float *restrict dst, const float *a, const float *b, float slope,
                             float scale, size_t n);

tb_rough_row_fn TB_KERNEL(tb_rough_row);

#endif
