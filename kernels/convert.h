/**
 * One row of samples in their own type to float, exactly:  dst[x] = src[x]
 *
 * part_u8, part_u16: of pixels whose bands lie beside each other into a row a band,
 * dst[b][x] = src[x * bands + b]. n of any size; nothing overlaps.
 */
#ifndef TUBAN_KERNELS_CONVERT_H
#define TUBAN_KERNELS_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef void tb_convert_u8_fn(float *restrict dst, const uint8_t *restrict src, size_t n);
typedef void tb_convert_u16_fn(float *restrict dst, const uint16_t *restrict src, size_t n);
typedef void tb_convert_i16_fn(float *restrict dst, const int16_t *restrict src, size_t n);

typedef void tb_part_u8_fn(float *const *dst, const uint8_t *src, int bands, size_t n);
typedef void tb_part_u16_fn(float *const *dst, const uint16_t *src, int bands, size_t n);

tb_convert_u8_fn  TB_KERNEL(tb_convert_u8);
tb_convert_u16_fn TB_KERNEL(tb_convert_u16);
tb_convert_i16_fn TB_KERNEL(tb_convert_i16);
tb_part_u8_fn     TB_KERNEL(tb_part_u8);
tb_part_u16_fn    TB_KERNEL(tb_part_u16);

#endif
