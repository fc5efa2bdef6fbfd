/**
 * Weighted sums of neighbours, symmetric about their middle: mirrored rows give mirrored sums, bit
 * for bit.
 *
 *   stencil_three:  dst[x] = taps[0] * r[1][x] + taps[1] * (r[0][x] + r[2][x])
 *   stencil_five:   dst[x] = (taps[0] * r[2][x] + taps[1] * (r[1][x] + r[3][x]))
 *                            + taps[2] * (r[0][x] + r[4][x])
 *   stencil_six:    dst[x] = ((taps[0] * r[0][x] + taps[5] * r[5][x])
 *                             + (taps[1] * r[1][x] + taps[4] * r[4][x]))
 *                            + (taps[2] * r[2][x] + taps[3] * r[3][x])
 *
 * row  as many pointers as taps reach, n floats each, none overlapping dst: rows beside each other,
 *      or one row and the same a pixel on.
 * NaN in any gives NaN: nothing is renormalised.
 * Exactness: all variants equal _c bit for bit (no fused multiply-add).
 */
#ifndef TUBAN_KERNELS_STENCIL_H
#define TUBAN_KERNELS_STENCIL_H

#include <stddef.h>

#include "kernels/isa.h"

typedef void tb_stencil_fn(float *restrict dst, const float *const *row, const float *taps,
                           size_t n);

tb_stencil_fn TB_KERNEL(tb_stencil_three);
tb_stencil_fn TB_KERNEL(tb_stencil_five);
tb_stencil_fn TB_KERNEL(tb_stencil_six);

#endif
