/**
 * Values cut off at a greatest one.
 *
 *   clip_row:  dst[x] = min(src[x], most), NaN where src[x] is not finite
 *   clip_add:  sums[0] += sum_x min(src[x], most),  sums[1] += 1 for each x, over the finite src[x]
 *   finite_count: of how many x both a[x] and b[x] are finite
 *
 * src  n floats >= 0, infinite or NaN.
 * Exactness: all variants equal _c bit for bit. The order of the sums is fixed: chunks of
 * TB_CLIP_CHUNK pixels from the start of the row; in a chunk 16 lanes of floats (x mod 16) summed
 * from the left, and lane k + h added to lane k, h = 8, 4, 2, 1, in doubles; then added to what the
 * sums hold.
 */
#ifndef TUBAN_KERNELS_CLIP_H
#define TUBAN_KERNELS_CLIP_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_CLIP_CHUNK = 1024 };

typedef void   tb_clip_row_fn(float *restrict dst, const float *restrict src, float most, size_t n);
typedef void   tb_clip_add_fn(double sums[2], const float *src, float most, size_t n);
typedef size_t tb_finite_count_fn(const float *a, const float *b, size_t n);

tb_clip_row_fn     TB_KERNEL(tb_clip_row);
tb_clip_add_fn     TB_KERNEL(tb_clip_add);
tb_finite_count_fn TB_KERNEL(tb_finite_count);

#endif
