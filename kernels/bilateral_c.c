#include "kernels/bilateral.h"

enum { SIDE = 2 * TB_BILATERAL_RADIUS + 1, CHUNK = 256 };

static void add(float *restrict sum, float *restrict weights, const float *restrict centre,
                const float *restrict source, float place, float by_range, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        float value    = source[x];
        float distance = (value - centre[x]) * by_range;
        float near     = 1.0f - distance * distance;
        float weight   = near > 0.0f ? place * (near * near) : 0.0f; /* NaN is not above 0 */

        sum[x] += weight * (value == value ? value : 0.0f);
        weights[x] += weight;
    }
}

void TB_KERNEL(tb_bilateral_row)(float *restrict dst, const float *const *rows, float by_range,
                                 size_t n)
{
    /* e^(-k^2 / 8) */
    static const float place[TB_BILATERAL_RADIUS + 1] = {1.0f, 0x1.c3d6a2p-1f, 0x1.368b30p-1f,
                                                         0x1.4c71b2p-2f};
    float              sum[CHUNK], weights[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t       length = n - at < CHUNK ? n - at : CHUNK;
        const float *centre = rows[TB_BILATERAL_RADIUS] + at + TB_BILATERAL_RADIUS;

        for (size_t x = 0; x < length; x++)
            sum[x] = weights[x] = 0.0f;
        for (int k = 0; k < SIDE * SIDE; k++) {
            int i = k / SIDE - TB_BILATERAL_RADIUS, j = k % SIDE - TB_BILATERAL_RADIUS;

            add(sum, weights, centre, rows[k / SIDE] + at + k % SIDE,
                place[i < 0 ? -i : i] * place[j < 0 ? -j : j], by_range, length);
        }
        for (size_t x = 0; x < length; x++)
            dst[at + x] = sum[x] / weights[x]; /* 0 / 0 where the centre is NaN */
    }
}
