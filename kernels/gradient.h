/**
 * Gradient magnitude of one row by central differences:
 *   gradient:      dst[x]  = g[x] = sqrt( (src[x+1] - src[x-1])^2 + (below[x] - above[x])^2 ) / 2
 *   gradient_add:  dst[x] += weight * g[x]
 *
 * src is readable from src[-1] to src[n]; above and below are the rows beside it, n floats.
 * NaN in any of the four neighbours gives NaN.
 *
 * gradient_told: the same, but NaN only where src[x] is, and 0 beside what is NaN: what cannot be
 * told there counts as even.
 * difference:  dst[x] = |a[x] - b[x]|
 * slopes:      across[x] = (p[x+1] - p[x-1]) / 2,  down[x] = (p[x+stride] - p[x-stride]) / 2
 * Exactness: all variants equal _c bit for bit.
 */
#ifndef TUBAN_KERNELS_GRADIENT_H
#define TUBAN_KERNELS_GRADIENT_H

#include <stddef.h>

#include "kernels/isa.h"

typedef void tb_gradient_fn(float *restrict dst, const float *above, const float *src,
                            const float *below, size_t n);
typedef void tb_gradient_add_fn(float *restrict dst, const float *above, const float *src,
                                const float *below, float weight, size_t n);

typedef void tb_slopes_fn(float *restrict across, float *restrict down, const float *p,
                          ptrdiff_t stride, size_t n);
typedef void tb_difference_fn(float *restrict dst, const float *restrict a, const float *restrict b,
                              size_t n);

tb_gradient_fn     TB_KERNEL(tb_gradient);
tb_gradient_fn     TB_KERNEL(tb_gradient_told);
tb_gradient_add_fn TB_KERNEL(tb_gradient_add);
tb_difference_fn   TB_KERNEL(tb_difference);
tb_slopes_fn       TB_KERNEL(tb_slopes);

#endif
