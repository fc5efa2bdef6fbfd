/**
 * Natural logarithm of one row:  dst[x] = ln(src[x] + offset)
 *
 * dst     n floats, not overlapping src.
 * src     n floats in any unit; offset in the same one. A sum that is not above 0, or NaN, gives
 * NaN; infinity gives infinity. The sum and the logarithm are computed in double (kernels/real.h):
 * within one unit in the last place of float. Exactness: all variants equal _c bit for bit.
 */
#ifndef TUBAN_KERNELS_LOG_H
#define TUBAN_KERNELS_LOG_H

#include <stddef.h>

#include "kernels/isa.h"

typedef void tb_log_row_fn(float *restrict dst, const float *restrict src, float offset, size_t n);

tb_log_row_fn TB_KERNEL(tb_log_row);

#endif
