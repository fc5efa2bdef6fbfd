#include "kernels/rough.h"

void TB_KERNEL(tb_rough_row)(float *restrict dst, const float *a, const float *b, float slope,
                             float scale, size_t n)
{
    const float *left_a = a - 1, *right_a = a + 1, *left_b = b - 1, *right_b = b + 1;

    for (size_t x = 0; x < n; x++)
        dst[x] = (((left_a[x] - 2.0f * a[x]) + right_a[x]) -
                  slope * ((left_b[x] - 2.0f * b[x]) + right_b[x])) *
                 scale;
}
