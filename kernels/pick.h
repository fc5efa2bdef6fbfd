/**
 * One band of a row of pixels whose bands lie beside each other:  dst[x] = src[x * stride]
 *
 * pick_u8, _u16, _u32: as they are. pick_u32_float, _i32_float, _f64_float: as the nearest float,
 * ties to even; of doubles what is beyond the greatest float becomes an infinity, however little.
 * n values of dst; src of x * stride readable for x < n; they do not overlap.
 * Exactness: all variants equal _c bit for bit.
 */
#ifndef TUBAN_KERNELS_PICK_H
#define TUBAN_KERNELS_PICK_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef void tb_pick_u8_fn(uint8_t *restrict dst, const uint8_t *restrict src, size_t stride,
                           size_t n);
typedef void tb_pick_u16_fn(uint16_t *restrict dst, const uint16_t *restrict src, size_t stride,
                            size_t n);
typedef void tb_pick_u32_fn(uint32_t *restrict dst, const uint32_t *restrict src, size_t stride,
                            size_t n);
typedef void tb_pick_u32_float_fn(float *restrict dst, const uint32_t *restrict src, size_t stride,
                                  size_t n);
typedef void tb_pick_i32_float_fn(float *restrict dst, const int32_t *restrict src, size_t stride,
                                  size_t n);
typedef void tb_pick_f64_float_fn(float *restrict dst, const double *restrict src, size_t stride,
                                  size_t n);

tb_pick_u8_fn        TB_KERNEL(tb_pick_u8);
tb_pick_u16_fn       TB_KERNEL(tb_pick_u16);
tb_pick_u32_fn       TB_PLAIN(tb_pick_u32);
tb_pick_u32_float_fn TB_PLAIN(tb_pick_u32_float);
tb_pick_i32_float_fn TB_PLAIN(tb_pick_i32_float);
tb_pick_f64_float_fn TB_KERNEL(tb_pick_f64_float);

#endif
