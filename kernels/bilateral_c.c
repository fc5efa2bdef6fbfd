#include "kernels/bilateral.h"

#include <string.h>

enum { SIDE = 2 * TB_BILATERAL_RADIUS + 1, CHUNK = 256 };

typedef struct chunk {
    float sum[CHUNK], weights[CHUNK], centre[CHUNK];
    float source[SIDE][CHUNK + SIDE - 1];
} chunk;

/* One neighbour of every pixel. A NaN's weight is 0, and so is what stands for it. */
static void add(chunk *c, const float *source, float place, float by_range)
{
    for (int x = 0; x < CHUNK; x++) {
        float value    = source[x];
        float distance = (value - c->centre[x]) * by_range;
        float near     = 1.0f - distance * distance;
        float weight;

        near   = near > 0.0f ? near : 0.0f;
        weight = place * (near * near);
        c->sum[x] += weight * (value == value ? value : 0.0f);
        c->weights[x] += weight;
    }
}

void TB_KERNEL(tb_bilateral_row)(float *restrict dst, const float *const *rows, float by_range,
                                 size_t n)
{
    /* e^(-k^2 / 8) */
    static const float place[TB_BILATERAL_RADIUS + 1] = {1.0f, 0x1.c3d6a2p-1f, 0x1.368b30p-1f,
                                                         0x1.4c71b2p-2f};
    chunk              c;

    memset(c.source, 0, sizeof c.source);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        for (int i = 0; i < SIDE; i++)
            memcpy(c.source[i], rows[i] + at, (length + SIDE - 1) * sizeof(float));
        memcpy(c.centre, c.source[TB_BILATERAL_RADIUS] + TB_BILATERAL_RADIUS, sizeof c.centre);
        for (int x = 0; x < CHUNK; x++)
            c.sum[x] = c.weights[x] = 0.0f;
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++)
                add(&c, c.source[i] + j,
                    place[i < TB_BILATERAL_RADIUS ? TB_BILATERAL_RADIUS - i
                                                  : i - TB_BILATERAL_RADIUS] *
                        place[j < TB_BILATERAL_RADIUS ? TB_BILATERAL_RADIUS - j
                                                      : j - TB_BILATERAL_RADIUS],
                    by_range);
        for (size_t x = 0; x < length; x++)
            dst[at + x] = c.sum[x] / c.weights[x]; /* 0 / 0 where the centre is NaN */
    }
}
