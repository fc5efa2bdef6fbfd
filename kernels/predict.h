/**
 * Undoing TIFF's predictors on one row of decoded samples, in place.
 *
 * sum_*:   row[x] += row[x - stride] for x = stride .. n - 1 (TIFF 6.0, section 14: horizontal
 *          differencing); unsigned, modulo 2^bits. n samples, all bands of a pixel beside each
 *          other; stride is how many.
 * swap_*:  the bytes of each of n samples turned round.
 * join_*:  dst[x] from its bytes, the most significant of all n samples first, then the next (Adobe
 *          TIFF Technical Note 3: the floating-point predictor, once its bytes are summed). dst and
 *          bytes do not overlap.
 * Any alignment that the type has. Exactness: integers; all variants equal _c.
 */
#ifndef TUBAN_KERNELS_PREDICT_H
#define TUBAN_KERNELS_PREDICT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef void tb_sum_u8_fn(uint8_t *row, size_t stride, size_t n);
typedef void tb_sum_u16_fn(uint16_t *row, size_t stride, size_t n);
typedef void tb_sum_u32_fn(uint32_t *row, size_t stride, size_t n);
typedef void tb_sum_u64_fn(uint64_t *row, size_t stride, size_t n);
typedef void tb_swap_u16_fn(uint16_t *row, size_t n);
typedef void tb_swap_u32_fn(uint32_t *row, size_t n);
typedef void tb_swap_u64_fn(uint64_t *row, size_t n);
typedef void tb_join_u32_fn(uint32_t *restrict dst, const uint8_t *restrict bytes, size_t n);
typedef void tb_join_u64_fn(uint64_t *restrict dst, const uint8_t *restrict bytes, size_t n);

tb_sum_u8_fn   TB_KERNEL(tb_sum_u8);
tb_sum_u16_fn  TB_KERNEL(tb_sum_u16);
tb_sum_u32_fn  TB_KERNEL(tb_sum_u32);
tb_sum_u64_fn  TB_KERNEL(tb_sum_u64);
tb_swap_u16_fn TB_KERNEL(tb_swap_u16);
tb_swap_u32_fn TB_KERNEL(tb_swap_u32);
tb_swap_u64_fn TB_KERNEL(tb_swap_u64);
tb_join_u32_fn TB_KERNEL(tb_join_u32);
tb_join_u64_fn TB_KERNEL(tb_join_u64);

#endif
