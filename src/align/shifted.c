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

void tb_shifted_fill(float *restrict dst, const float *restrict src, int64_t width, int64_t height,
                     tb_rect window, double dx, double dy, float *restrict scratch)
{
    double  whole_x = floor(dx), whole_y = floor(dy);
    int64_t left = window.x + (int64_t)whole_x + FIRST;
    int64_t top  = window.y + (int64_t)whole_y + FIRST;
    int64_t n    = window.width;
    int64_t from = left < 0 ? -left : 0;
    int64_t to   = n < width - (TAPS - 1) - left ? n : width - (TAPS - 1) - left;
    float   h[TAPS], v[TAPS];

    taps_of(h, dx - whole_x);
    taps_of(v, dy - whole_y);
    if (from > n)
        from = n;
    if (to < from)
        to = from;
    for (int64_t y = 0; y < window.height + TAPS - 1; y++) {
        float  *row       = scratch + y * n;
        int64_t line      = top + y;
        bool    is_inside = line >= 0 && line < height;

        for (int64_t x = 0; x < (is_inside ? from : n); x++)
            row[x] = NAN;
        if (!is_inside)
            continue;

        const float *s = src + line * width;

        for (int64_t x = from; x < to; x++) {
            int64_t i = left + x;

            row[x] = ((h[0] * s[i] + h[5] * s[i + 5]) + (h[1] * s[i + 1] + h[4] * s[i + 4])) +
                     (h[2] * s[i + 2] + h[3] * s[i + 3]);
        }
        for (int64_t x = to; x < n; x++)
            row[x] = NAN;
    }
    for (int64_t y = 0; y < window.height; y++) {
        const float *r = scratch + y * n;
        float       *d = dst + y * n;

        for (int64_t x = 0; x < n; x++)
            d[x] = ((v[0] * r[x] + v[5] * r[x + 5 * n]) + (v[1] * r[x + n] + v[4] * r[x + 4 * n])) +
                   (v[2] * r[x + 2 * n] + v[3] * r[x + 3 * n]);
    }
}
