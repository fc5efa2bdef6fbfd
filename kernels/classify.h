/**
 * What the threshold says of each pixel of a row:
 *
 *   dst[x] = 3 where score[x] is NaN: not observed; else
 *            0 where score[x] <= 0 or score[x] < weak or contrast[x] < least,
 *            2 where score[x] >= strong of the others, 1 of the rest
 *
 * n of any size. A contrast of NaN is less than any.
 * Exactness: all variants equal _c.
 */
#ifndef TUBAN_KERNELS_CLASSIFY_H
#define TUBAN_KERNELS_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef void tb_classify_fn(uint8_t *restrict dst, const float *restrict score,
                            const float *restrict contrast, float weak, float strong, float least,
                            size_t n);

tb_classify_fn TB_KERNEL(tb_classify);

#endif
