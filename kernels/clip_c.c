#include "kernels/clip.h"

#include <float.h>
#include <math.h>

#include "kernels/lanes.h"

void TB_KERNEL(tb_clip_row)(float *restrict dst, const float *restrict src, float most, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        float value = src[x] < most ? src[x] : most;

        dst[x] = src[x] <= FLT_MAX ? value : NAN;
    }
}

static inline void add_pixels(tb_floats *sum, tb_floats *count, const float *src, tb_floats most)
{
    tb_floats value = tb_floats_load(src), zero = {0};
    tb_mask   is_there = value <= zero + FLT_MAX, is_less = value < most;

    *sum += tb_floats_where((tb_floats)(((tb_mask)value & is_less) | ((tb_mask)most & ~is_less)),
                            is_there);
    *count += tb_floats_where(zero + 1.0f, is_there);
}

static void add_chunk(double sums[2], const float *src, tb_floats most, size_t n)
{
    enum { PARTS = TB_FLOAT_LANES / TB_FLOATS };
    size_t whole = n / TB_FLOAT_LANES * TB_FLOAT_LANES;
    float  rest[TB_FLOAT_LANES], lane[2][TB_FLOAT_LANES];

    for (size_t x = 0; x < TB_FLOAT_LANES && whole < n; x++)
        rest[x] = whole + x < n ? src[whole + x] : NAN;
    for (size_t part = 0; part < PARTS; part++) {
        tb_floats sum = {0}, count = {0};

        for (size_t x = part * TB_FLOATS; x < whole; x += TB_FLOAT_LANES)
            add_pixels(&sum, &count, src + x, most);
        if (whole < n)
            add_pixels(&sum, &count, rest + part * TB_FLOATS, most);
        tb_floats_store(lane[0] + part * TB_FLOATS, sum);
        tb_floats_store(lane[1] + part * TB_FLOATS, count);
    }
    for (int i = 0; i < 2; i++)
        sums[i] += tb_float_lanes_fold(lane[i]);
}

void TB_KERNEL(tb_clip_add)(double sums[2], const float *src, float most, size_t n)
{
    const tb_floats zero = {0};

    for (size_t at = 0; at < n; at += TB_CLIP_CHUNK)
        add_chunk(sums, src + at, zero + most, n - at < TB_CLIP_CHUNK ? n - at : TB_CLIP_CHUNK);
}

size_t TB_KERNEL(tb_finite_count)(const float *a, const float *b, size_t n)
{
    size_t count = 0;

    for (size_t at = 0; at < n; at += TB_CLIP_CHUNK) {
        size_t   length = n - at < TB_CLIP_CHUNK ? n - at : TB_CLIP_CHUNK;
        uint32_t some   = 0;

        for (size_t x = 0; x < length; x++)
            some += fabsf(a[at + x]) <= FLT_MAX && fabsf(b[at + x]) <= FLT_MAX;
        count += some;
    }
    return count;
}
