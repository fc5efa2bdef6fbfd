/**
 * Mean of the neighbours of one row's pixels that are near in place and in value (Tomasi & Manduchi
 * 1998, with Tukey's biweight over the values after Durand & Dorsey 2002):
 *
 *   dst[x] = sum_ij w_ij v_ij / sum_ij w_ij,   v_ij = rows[i][x + j],   0 <= i, j < 7
 *   w_ij   = g(i - 3) g(j - 3) max(0, 1 - ((v_ij - centre) by_range)^2)^2,   g(k) = e^(-k^2 / 8)
 *
 * Speckle is averaged away, an edge higher than the range is not averaged over.
 *
 * dst       n floats in the unit of the rows.
 * rows      seven pointers to n + 6 floats each, any alignment, not overlapping dst; the centre of
 *           dst[x] is rows[3][x + 3]. NaN lends nothing; where the centre is NaN dst is NaN.
 * by_range  1 / the difference from which on a neighbour counts nothing, > 0.
 * Exactness: all variants equal _c bit for bit (rows from the top, each from the left; no fused
 * multiply-add).
 */
#ifndef TUBAN_KERNELS_BILATERAL_H
#define TUBAN_KERNELS_BILATERAL_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_BILATERAL_RADIUS = 3 };

typedef void tb_bilateral_row_fn(float *restrict dst, const float *const *rows, float by_range,
                                 size_t n);

tb_bilateral_row_fn TB_KERNEL(tb_bilateral_row);

#endif
