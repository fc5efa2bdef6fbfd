#include "kernels/stencil.h"

void TB_KERNEL(tb_stencil_three)(float *restrict dst, const float *const *row, const float *taps,
                                 size_t n)
{
    const float *a = row[0], *b = row[1], *c = row[2];
    const float  t0 = taps[0], t1 = taps[1];

    for (size_t x = 0; x < n; x++)
        dst[x] = t0 * b[x] + t1 * (a[x] + c[x]);
}

void TB_KERNEL(tb_stencil_five)(float *restrict dst, const float *const *row, const float *taps,
                                size_t n)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3], *e = row[4];
    const float  t0 = taps[0], t1 = taps[1], t2 = taps[2];

    for (size_t x = 0; x < n; x++)
        dst[x] = (t0 * c[x] + t1 * (b[x] + d[x])) + t2 * (a[x] + e[x]);
}

void TB_KERNEL(tb_stencil_six)(float *restrict dst, const float *const *row, const float *taps,
                               size_t n)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3], *e = row[4], *f = row[5];
    const float  t0 = taps[0], t1 = taps[1], t2 = taps[2], t3 = taps[3], t4 = taps[4], t5 = taps[5];

    for (size_t x = 0; x < n; x++)
        dst[x] = ((t0 * a[x] + t5 * f[x]) + (t1 * b[x] + t4 * e[x])) + (t2 * c[x] + t3 * d[x]);
}
