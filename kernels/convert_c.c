#include "kernels/convert.h"

void TB_KERNEL(tb_convert_u8)(float *restrict dst, const uint8_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (float)src[x];
}

void TB_KERNEL(tb_convert_u16)(float *restrict dst, const uint16_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (float)src[x];
}

void TB_KERNEL(tb_convert_i16)(float *restrict dst, const int16_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (float)src[x];
}
