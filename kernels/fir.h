/**
 * Normalised symmetric FIR smoothing of one row, along it or across it.
 *
 *   along:  dst[x] = sum_k taps[|k|] * src[x + k] / sum_k taps[|k|],  k = -radius .. radius
 *   across: dst[x] = the same over rows[radius + k][x]
 *
 * Both sums run over the samples that are not NaN; dst[x] is NaN where the centre is NaN (what was
 * not observed stays so, and lends nothing to its neighbours). taps[0] > 0, the others >= 0.
 *
 * fir_row:    src points at the centre of x = 0 and is readable from src[-radius] to src[n - 1 +
 * radius]. fir_column: 2 * radius + 1 pointers to n floats each. Exactness: all variants equal _c
 * bit for bit (k = 0 first, then pairs outwards, left before right).
 */
#ifndef TUBAN_KERNELS_FIR_H
#define TUBAN_KERNELS_FIR_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_FIR_RADIUS_MAX = 15 };

typedef void tb_fir_row_fn(float *restrict dst, const float *restrict src, const float *taps,
                           int radius, size_t n);
typedef void tb_fir_column_fn(float *restrict dst, const float *const *rows, const float *taps,
                              int radius, size_t n);

tb_fir_row_fn    TB_KERNEL(tb_fir_row);
tb_fir_column_fn TB_KERNEL(tb_fir_column);

#endif
