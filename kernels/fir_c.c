#include "kernels/fir.h"

#include <math.h>

enum { CHUNK = 512 };

static void add_pair(float *restrict sum, float *restrict weight, const float *restrict left,
                     const float *restrict right, float tap, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        int   has_left  = left[x] == left[x];
        int   has_right = right[x] == right[x];
        float l         = has_left ? left[x] : 0.0f;
        float r         = has_right ? right[x] : 0.0f;

        sum[x] += tap * l;
        sum[x] += tap * r;
        weight[x] += has_left ? tap : 0.0f;
        weight[x] += has_right ? tap : 0.0f;
    }
}

static void start(float *restrict sum, float *restrict weight, const float *restrict centre,
                  float tap, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        sum[x]    = tap * centre[x];
        weight[x] = tap;
    }
}

static void finish(float *restrict dst, const float *restrict sum, const float *restrict weight,
                   size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = sum[x] / weight[x];
}

void TB_KERNEL(tb_fir_row)(float *restrict dst, const float *restrict src, const float *taps,
                           int radius, size_t n)
{
    float sum[CHUNK], weight[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        start(sum, weight, src + at, taps[0], length);
        for (int k = 1; k <= radius; k++)
            add_pair(sum, weight, src + at - k, src + at + k, taps[k], length);
        finish(dst + at, sum, weight, length);
    }
}

void TB_KERNEL(tb_fir_column)(float *restrict dst, const float *const *rows, const float *taps,
                              int radius, size_t n)
{
    float sum[CHUNK], weight[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        start(sum, weight, rows[radius] + at, taps[0], length);
        for (int k = 1; k <= radius; k++)
            add_pair(sum, weight, rows[radius - k] + at, rows[radius + k] + at, taps[k], length);
        finish(dst + at, sum, weight, length);
    }
}
