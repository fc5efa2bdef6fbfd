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

static void part_u8_three(float *restrict a, float *restrict b, float *restrict c,
                          const uint8_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        a[x] = (float)src[3 * x];
        b[x] = (float)src[3 * x + 1];
        c[x] = (float)src[3 * x + 2];
    }
}

static void part_u8_four(float *restrict a, float *restrict b, float *restrict c, float *restrict d,
                         const uint8_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        a[x] = (float)src[4 * x];
        b[x] = (float)src[4 * x + 1];
        c[x] = (float)src[4 * x + 2];
        d[x] = (float)src[4 * x + 3];
    }
}

void TB_KERNEL(tb_part_u8)(float *const *dst, const uint8_t *src, int bands, size_t n)
{
    if (bands == 3)
        part_u8_three(dst[0], dst[1], dst[2], src, n);
    else if (bands == 4)
        part_u8_four(dst[0], dst[1], dst[2], dst[3], src, n);
    else
        for (int b = 0; b < bands; b++)
            for (size_t x = 0; x < n; x++)
                dst[b][x] = (float)src[x * (size_t)bands + (size_t)b];
}

static void part_u16_three(float *restrict a, float *restrict b, float *restrict c,
                           const uint16_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        a[x] = (float)src[3 * x];
        b[x] = (float)src[3 * x + 1];
        c[x] = (float)src[3 * x + 2];
    }
}

static void part_u16_four(float *restrict a, float *restrict b, float *restrict c,
                          float *restrict d, const uint16_t *restrict src, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        a[x] = (float)src[4 * x];
        b[x] = (float)src[4 * x + 1];
        c[x] = (float)src[4 * x + 2];
        d[x] = (float)src[4 * x + 3];
    }
}

void TB_KERNEL(tb_part_u16)(float *const *dst, const uint16_t *src, int bands, size_t n)
{
    if (bands == 3)
        part_u16_three(dst[0], dst[1], dst[2], src, n);
    else if (bands == 4)
        part_u16_four(dst[0], dst[1], dst[2], dst[3], src, n);
    else
        for (int b = 0; b < bands; b++)
            for (size_t x = 0; x < n; x++)
                dst[b][x] = (float)src[x * (size_t)bands + (size_t)b];
}
