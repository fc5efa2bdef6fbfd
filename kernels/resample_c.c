#include "kernels/resample.h"

static void add_tap(float *restrict dst, const float *restrict src, float weight, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] += weight * src[x];
}

#if TB_HAS_PLAIN
static float weighted(const float *s, const float *w, int taps)
{
    float sum = 0.0f;

    for (int k = 0; k < taps; k++)
        sum += w[k] * s[k];
    return sum;
}

void TB_PLAIN(tb_resample_across)(float *restrict dst, const float *restrict src,
                                  const int32_t *restrict index, const uint8_t *restrict phase,
                                  const float *restrict weights, int taps, size_t n)
{
    if (taps == 4)
        for (size_t x = 0; x < n; x++)
            dst[x] = weighted(src + index[x], weights + (size_t)phase[x] * 4, 4);
    else
        for (size_t x = 0; x < n; x++)
            dst[x] = weighted(src + index[x], weights + (size_t)phase[x] * (size_t)taps, taps);
}
#endif

/* Four taps in one pass, in the order of add_tap. */
static void add_four(float *restrict dst, const float *const *rows, const float *weights, size_t n)
{
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    const float  wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];

    for (size_t x = 0; x < n; x++) {
        float sum = 0.0f;

        sum += wa * a[x];
        sum += wb * b[x];
        sum += wc * c[x];
        sum += wd * d[x];
        dst[x] = sum;
    }
}

void TB_KERNEL(tb_resample_down)(float *restrict dst, const float *const *rows,
                                 const float *weights, int taps, size_t n)
{
    if (taps == 4) {
        add_four(dst, rows, weights, n);
        return;
    }
    for (size_t x = 0; x < n; x++)
        dst[x] = 0.0f;
    for (int k = 0; k < taps; k++)
        add_tap(dst, rows[k], weights[k], n);
}
