#include "kernels/resample.h"

#include <stdbool.h>

/* One phase for the whole row, taps of neighbouring outputs side by side: a plain shift. */
static bool is_shift(const int32_t *index, const uint8_t *phase, size_t n)
{
    bool same = true;

    for (size_t x = 1; x < n; x++)
        same &= phase[x] == phase[0] && index[x] == index[0] + (int32_t)x;
    return same;
}

static void add_tap(float *restrict dst, const float *restrict src, float weight, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] += weight * src[x];
}

void TB_KERNEL(tb_resample_across)(float *restrict dst, const float *restrict src,
                                   const int32_t *restrict index, const uint8_t *restrict phase,
                                   const float *restrict weights, int taps, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = 0.0f;
    if (n > 0 && is_shift(index, phase, n)) {
        for (int k = 0; k < taps; k++)
            add_tap(dst, src + index[0] + k, weights[phase[0] * taps + k], n);
        return;
    }
    for (size_t x = 0; x < n; x++) {
        const float *w = weights + (size_t)phase[x] * (size_t)taps;
        const float *s = src + index[x];

        for (int k = 0; k < taps; k++)
            dst[x] += w[k] * s[k];
    }
}

void TB_KERNEL(tb_resample_down)(float *restrict dst, const float *const *rows,
                                 const float *weights, int taps, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = 0.0f;
    for (int k = 0; k < taps; k++)
        add_tap(dst, rows[k], weights[k], n);
}
