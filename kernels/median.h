/**
 * Median of the five by five samples around each pixel of one row.
 *
 * A sample that was not observed (NaN) stands in the centre's place, so it lends nothing; where the
 * centre is NaN the median is NaN.
 *
 * rows  five pointers to n + 4 floats each, any alignment, not overlapping dst; dst[x] is of the
 *       samples x .. x + 4 of each, its centre rows[2][x + 2].
 * Exactness: all variants equal _c bit for bit (a median is one of its samples).
 */
#ifndef TUBAN_KERNELS_MEDIAN_H
#define TUBAN_KERNELS_MEDIAN_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_MEDIAN_RADIUS = 2 };

typedef void tb_median_row_fn(float *restrict dst, const float *const *rows, size_t n);

tb_median_row_fn TB_KERNEL(tb_median_row);

#endif
