#include "kernels/gradient.h"

#include <math.h>

static float magnitude(const float *above, const float *src, const float *below, size_t x)
{
    float across = src[x + 1] - src[(ptrdiff_t)x - 1];
    float down   = below[x] - above[x];

    return sqrtf(across * across + down * down) * 0.5f;
}

void TB_KERNEL(tb_gradient)(float *restrict dst, const float *above, const float *src,
                            const float *below, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = magnitude(above, src, below, x);
}

void TB_KERNEL(tb_gradient_add)(float *restrict dst, const float *above, const float *src,
                                const float *below, float weight, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] += weight * magnitude(above, src, below, x);
}

void TB_KERNEL(tb_gradient_told)(float *restrict dst, const float *above, const float *src,
                                 const float *below, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        float across    = src[x + 1] - src[(ptrdiff_t)x - 1];
        float down      = below[x] - above[x];
        float magnitude = sqrtf(across * across + down * down) * 0.5f;

        magnitude = magnitude == magnitude ? magnitude : 0.0f;
        dst[x]    = src[x] == src[x] ? magnitude : src[x];
    }
}

void TB_KERNEL(tb_difference)(float *restrict dst, const float *restrict a, const float *restrict b,
                              size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = fabsf(a[x] - b[x]);
}

void TB_KERNEL(tb_slopes)(float *restrict across, float *restrict down, const float *p,
                          ptrdiff_t stride, size_t n)
{
    const float *left = p - 1, *right = p + 1, *above = p - stride, *below = p + stride;

    for (size_t x = 0; x < n; x++)
        across[x] = (right[x] - left[x]) * 0.5f;
    for (size_t x = 0; x < n; x++)
        down[x] = (below[x] - above[x]) * 0.5f;
}
