/**
 * Normalised symmetric FIR smoothing of one row along it, or of some rows across them.
 *
 *   along:  dst[x]    = sum_k share[|k|] * src[x + k],  k = -radius .. radius
 *   across: dst[i][x] = the same over rows[i + radius + k][x],  i < outputs
 *
 * share = taps / their sum over k. Sums run over the samples that are not NaN, and are divided by
 * the shares of these where those of others are lacking; dst[x] is NaN where the centre is NaN
 * (what was not observed stays so, and lends nothing to its neighbours). taps[0] > 0, the others
 * >= 0.
 *
 * fir_row:     src points at the centre of x = 0 and is readable from src[-radius] to src[n - 1 +
 * radius].
 * fir_columns: outputs + 2 * radius pointers to n floats each, and 1 .. TB_FIR_OUTPUTS_MAX outputs,
 * which share what they read.
 * Exactness: all variants equal _c bit for bit (k = 0 first, then pairs outwards, of each pair
 * share * (left + right)).
 */
#ifndef TUBAN_KERNELS_FIR_H
#define TUBAN_KERNELS_FIR_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_FIR_RADIUS_MAX = 15, TB_FIR_OUTPUTS_MAX = 4 };

typedef void tb_fir_row_fn(float *restrict dst, const float *restrict src, const float *taps,
                           int radius, size_t n);
typedef void tb_fir_columns_fn(float *const *dst, const float *const *rows, const float *taps,
                               int radius, int outputs, size_t n);

tb_fir_row_fn     TB_KERNEL(tb_fir_row);
tb_fir_columns_fn TB_KERNEL(tb_fir_columns);

#endif
