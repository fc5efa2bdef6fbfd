#include "align/shifted.h"

#include <math.h>

enum { TAPS = TB_SHIFTED_TAPS, FIRST = -(TAPS / 2 - 1) };

static void taps_of(float taps[TAPS], double t)
{
    for (int k = 0; k < TAPS; k++) {
        double product = 1.0;

        for (int j = 0; j < TAPS; j++)
            if (j != k)
                product *= (t - (double)(j + FIRST)) / (double)(k - j);
        taps[k] = (float)product;
    }
}

static void fill_missing(float *dst, int64_t from, int64_t to)
{
    for (int64_t x = from; x < to; x++)
        dst[x] = NAN;
}

static int64_t clamped(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void tb_shifted_fill(float *restrict dst, const float *restrict src, int64_t width, int64_t height,
                     tb_rect window, double dx, double dy, float *restrict scratch,
                     const tb_kernels *kernels)
{
    double  whole_x = floor(dx), whole_y = floor(dy);
    int64_t left = window.x + (int64_t)whole_x + FIRST;
    int64_t top  = window.y + (int64_t)whole_y + FIRST;
    int64_t n    = window.width;
    int64_t from = clamped(-left, 0, n); /* outputs all of whose taps lie inside */
    int64_t to   = clamped(width - (TAPS - 1) - left, from, n);
    float   along[TAPS], across[TAPS];

    taps_of(along, dx - whole_x);
    taps_of(across, dy - whole_y);
    for (int64_t y = 0; y < window.height + TAPS - 1; y++) {
        const float *row[TAPS];
        float       *r    = scratch + y % TAPS * n;
        int64_t      line = top + y;

        if (line < 0 || line >= height || from == to) {
            fill_missing(r, 0, n);
        } else {
            for (int k = 0; k < TAPS; k++)
                row[k] = src + line * width + left + from + k;
            fill_missing(r, 0, from);
            kernels->stencil_six(r + from, row, along, (size_t)(to - from));
            fill_missing(r, to, n);
        }
        if (y < TAPS - 1)
            continue;
        for (int k = 0; k < TAPS; k++)
            row[k] = scratch + (y + 1 + k) % TAPS * n;
        kernels->stencil_six(dst + (y - (TAPS - 1)) * n, row, across, (size_t)n);
    }
}
