#include "kernels/composite.h"

#include <math.h>

void TB_KERNEL(tb_composite_score)(float *restrict score, const float *statistic,
                                   const float *contrast, const float *texture, size_t n)
{
    for (size_t x = 0; x < n; x++)
        score[x] = statistic[x] * sqrtf(contrast[x] * sqrtf(texture[x]));
}
