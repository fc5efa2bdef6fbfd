#include "kernels/fir.h"

#include <stdbool.h>

#include "kernels/lanes.h"

enum { CHUNK = 512, WIDE = 8 };

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

/* Some columns where nothing is missing, in registers from the first tap to the last. */
static inline void sum_wide(float *restrict dst, const float *const *rows, const float *taps,
                            int radius, float whole, size_t at, int registers)
{
    tb_floats sum[WIDE];

    for (int i = 0; i < registers; i++)
        sum[i] = taps[0] * tb_floats_load(rows[radius] + at + i * TB_FLOATS);
    for (int k = 1; k <= radius; k++)
        for (int i = 0; i < registers; i++) {
            size_t x = at + (size_t)(i * TB_FLOATS);

            sum[i] += taps[k] * tb_floats_load(rows[radius - k] + x);
            sum[i] += taps[k] * tb_floats_load(rows[radius + k] + x);
        }
    for (int i = 0; i < registers; i++)
        tb_floats_store(dst + at + i * TB_FLOATS, sum[i] / whole);
}

static void sum_plain(float *restrict dst, const float *const *rows, const float *taps, int radius,
                      float whole, size_t n)
{
    size_t x = 0;

    for (; x + WIDE * TB_FLOATS <= n; x += WIDE * TB_FLOATS)
        sum_wide(dst, rows, taps, radius, whole, x, WIDE);
    for (; x + TB_FLOATS <= n; x += TB_FLOATS)
        sum_wide(dst, rows, taps, radius, whole, x, 1);
    for (; x < n; x++) {
        float sum = taps[0] * rows[radius][x];

        for (int k = 1; k <= radius; k++) {
            sum += taps[k] * rows[radius - k][x];
            sum += taps[k] * rows[radius + k][x];
        }
        dst[x] = sum / whole;
    }
}

/* What is missing goes through every sum it is in: where no sum is NaN, all was there. */
static bool is_whole(const float *sum, size_t n)
{
    int holes = 0;

    for (size_t x = 0; x < n; x++)
        holes |= sum[x] != sum[x];
    return holes == 0;
}

/* The sum of all weights, in the order in which add_pair adds them. */
static float weight_of(const float *taps, int radius)
{
    float weight = taps[0];

    for (int k = 1; k <= radius; k++) {
        weight += taps[k];
        weight += taps[k];
    }
    return weight;
}

void TB_KERNEL(tb_fir_column)(float *restrict dst, const float *const *rows, const float *taps,
                              int radius, size_t n)
{
    const float  whole = weight_of(taps, radius);
    const float *from[2 * TB_FIR_RADIUS_MAX + 1];
    float        weight[CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        float *sum    = dst + at;

        for (int k = 0; k <= 2 * radius; k++)
            from[k] = rows[k] + at;
        sum_plain(sum, from, taps, radius, whole, length);
        if (is_whole(sum, length))
            continue;
        start(sum, weight, from[radius], taps[0], length);
        for (int k = 1; k <= radius; k++)
            add_pair(sum, weight, from[radius - k], from[radius + k], taps[k], length);
        for (size_t x = 0; x < length; x++)
            sum[x] /= weight[x];
    }
}

void TB_KERNEL(tb_fir_row)(float *restrict dst, const float *restrict src, const float *taps,
                           int radius, size_t n)
{
    const float *rows[2 * TB_FIR_RADIUS_MAX + 1];

    for (int k = -radius; k <= radius; k++)
        rows[k + radius] = src + k;
    TB_KERNEL(tb_fir_column)(dst, rows, taps, radius, n);
}
