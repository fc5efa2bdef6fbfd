#include "kernels/pick.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Called with constant strides, so that the loops become shuffles. */
static inline void pick_u8(uint8_t *restrict dst, const uint8_t *restrict src, size_t stride,
                           size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = src[x * stride];
}

static inline void pick_u16(uint16_t *restrict dst, const uint16_t *restrict src, size_t stride,
                            size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = src[x * stride];
}

void TB_KERNEL(tb_pick_u8)(uint8_t *restrict dst, const uint8_t *restrict src, size_t stride,
                           size_t n)
{
    if (stride == 1)
        memcpy(dst, src, n);
    else if (stride == 3)
        pick_u8(dst, src, 3, n);
    else if (stride == 4)
        pick_u8(dst, src, 4, n);
    else
        pick_u8(dst, src, stride, n);
}

void TB_KERNEL(tb_pick_u16)(uint16_t *restrict dst, const uint16_t *restrict src, size_t stride,
                            size_t n)
{
    if (stride == 1)
        memcpy(dst, src, n * sizeof *dst);
    else if (stride == 3)
        pick_u16(dst, src, 3, n);
    else if (stride == 4)
        pick_u16(dst, src, 4, n);
    else
        pick_u16(dst, src, stride, n);
}

#if TB_HAS_PLAIN
void TB_PLAIN(tb_pick_u32)(uint32_t *restrict dst, const uint32_t *restrict src, size_t stride,
                           size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = src[x * stride];
}

void TB_PLAIN(tb_pick_u32_float)(float *restrict dst, const uint32_t *restrict src, size_t stride,
                                 size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (float)src[x * stride];
}

void TB_PLAIN(tb_pick_i32_float)(float *restrict dst, const int32_t *restrict src, size_t stride,
                                 size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (float)src[x * stride];
}
#endif

void TB_KERNEL(tb_pick_f64_float)(float *restrict dst, const double *restrict src, size_t stride,
                                  size_t n)
{
    for (size_t x = 0; x < n; x++) {
        double value = src[x * stride];

        value  = value > (double)FLT_MAX ? (double)INFINITY : value;
        value  = value < -(double)FLT_MAX ? -(double)INFINITY : value;
        dst[x] = (float)value;
    }
}
