#include "kernels/median.h"

enum { SIDE = 2 * TB_MEDIAN_RADIUS + 1, SAMPLES = SIDE * SIDE, HELD = SAMPLES / 2 + 2, CHUNK = 64 };

static void order(float *restrict low, float *restrict high)
{
    for (int x = 0; x < CHUNK; x++) {
        float a = low[x], b = high[x];

        low[x]  = a < b ? a : b;
        high[x] = a < b ? b : a;
    }
}

/* The least of the first n to held[0], the greatest to held[n - 1]. */
static void part(float (*held)[CHUNK], int n)
{
    for (int i = 0; i < n / 2; i++)
        order(held[i], held[n - 1 - i]);
    for (int i = 1; i < (n + 1) / 2; i++)
        order(held[0], held[i]);
    for (int i = n / 2; i < n - 1; i++)
        order(held[i], held[n - 1]);
}

/*
 * Neither the least nor the greatest of 14 samples can be the median of 25: both go, one of the
 * others comes in, until three are left.
 */
static void select_median(float *restrict dst, const float *restrict centre, float (*sample)[CHUNK],
                          size_t n)
{
    float(*held)[CHUNK] = sample;
    int left            = HELD;

    for (int next = HELD; next < SAMPLES; next++) {
        part(held, left);
        left--;
        for (int x = 0; x < CHUNK; x++)
            held[0][x] = sample[next][x];
    }
    part(held, left);
    for (size_t x = 0; x < n; x++)
        dst[x] = centre[x] == centre[x] ? held[1][x] : centre[x];
}

void TB_KERNEL(tb_median_row)(float *restrict dst, const float *const *rows, size_t n)
{
    _Alignas(64) float sample[SAMPLES][CHUNK];

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t       length = n - at < CHUNK ? n - at : CHUNK;
        const float *centre = rows[TB_MEDIAN_RADIUS] + at + TB_MEDIAN_RADIUS;

        for (int k = 0; k < SAMPLES; k++) {
            const float *source = rows[k / SIDE] + at + k % SIDE;

            for (size_t x = 0; x < length; x++)
                sample[k][x] = source[x] == source[x] ? source[x] : centre[x];
            for (size_t x = length; x < CHUNK; x++)
                sample[k][x] = 0.0f;
        }
        select_median(dst + at, centre, sample, length);
    }
}
