/**
 * The composite score of one row from its smoothed planes (docs/methods/composite.md):
 *   score[x] = statistic[x] * sqrt( contrast[x] * sqrt( texture[x] ) )
 *
 * All n floats; NaN in any of them gives NaN. Exactness: all variants equal _c bit for bit.
 */
#ifndef TUBAN_KERNELS_COMPOSITE_H
#define TUBAN_KERNELS_COMPOSITE_H

#include <stddef.h>

#include "kernels/isa.h"

typedef void tb_composite_score_fn(float *restrict score, const float *statistic,
                                   const float *contrast, const float *texture, size_t n);

tb_composite_score_fn TB_KERNEL(tb_composite_score);

#endif
