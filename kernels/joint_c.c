#include "kernels/joint.h"

#include <math.h>

#include "kernels/lanes.h"

enum {
    LANES = TB_FLOAT_LANES,
    PARTS = LANES / TB_FLOATS,
    SUMS  = 1 + TB_JOINT_ROWS + TB_JOINT_PRODUCTS,
};

/* One register of pixels. */
static inline void add_pixels(tb_floats sum[SUMS], const float *const *row, size_t x,
                              const tb_joint_cut *cut)
{
    const tb_floats zero = {0};

    tb_floats a = tb_floats_load(row[0] + x) - cut->centre[0];
    tb_floats b = tb_floats_load(row[1] + x) - cut->centre[1];
    tb_floats c = tb_floats_load(row[2] + x) - cut->centre[2];
    tb_floats d = tb_floats_load(row[3] + x) - cut->centre[3];
    tb_floats r = (d - cut->gain * c) - cut->offset;
    tb_floats s = a + b;
    tb_mask   m = ((tb_floats)((tb_mask)r & 0x7fffffff) <= zero + cut->most) & (s == s);

    a = tb_floats_where(a, m);
    b = tb_floats_where(b, m);
    c = tb_floats_where(c, m);
    d = tb_floats_where(d, m);
    sum[0] += tb_floats_where(zero + 1.0f, m);
    sum[1] += a;
    sum[2] += b;
    sum[3] += c;
    sum[4] += d;
    sum[5] += a * a;
    sum[6] += b * a;
    sum[7] += b * b;
    sum[8] += c * a;
    sum[9] += c * b;
    sum[10] += c * c;
    sum[11] += d * a;
    sum[12] += d * b;
    sum[13] += d * c;
    sum[14] += d * d;
}

static void add_chunk(tb_joint *sums, const float *const *row, const tb_joint_cut *cut, size_t n)
{
    size_t       whole = n / LANES * LANES;
    float        rest[TB_JOINT_ROWS][LANES], lane[SUMS][LANES];
    const float *last[TB_JOINT_ROWS];

    for (int i = 0; i < TB_JOINT_ROWS; i++) {
        for (size_t x = 0; x < LANES && whole < n; x++)
            rest[i][x] = whole + x < n ? row[i][whole + x] : NAN;
        last[i] = rest[i];
    }
    for (size_t part = 0; part < PARTS; part++) {
        tb_floats sum[SUMS] = {{0}};

        for (size_t x = part * TB_FLOATS; x < whole; x += LANES)
            add_pixels(sum, row, x, cut);
        if (whole < n)
            add_pixels(sum, last, part * TB_FLOATS, cut);
        for (int k = 0; k < SUMS; k++)
            tb_floats_store(lane[k] + part * TB_FLOATS, sum[k]);
    }
    sums->count += tb_float_lanes_fold(lane[0]);
    for (int i = 0; i < TB_JOINT_ROWS; i++)
        sums->first[i] += tb_float_lanes_fold(lane[1 + i]);
    for (int k = 0; k < TB_JOINT_PRODUCTS; k++)
        sums->second[k] += tb_float_lanes_fold(lane[1 + TB_JOINT_ROWS + k]);
}

void TB_KERNEL(tb_joint_add)(tb_joint *sums, const float *const *row, const tb_joint_cut *cut,
                             size_t n)
{
    for (size_t at = 0; at < n; at += TB_JOINT_CHUNK) {
        const float *from[TB_JOINT_ROWS];

        for (int i = 0; i < TB_JOINT_ROWS; i++)
            from[i] = row[i] + at;
        add_chunk(sums, from, cut, n - at < TB_JOINT_CHUNK ? n - at : TB_JOINT_CHUNK);
    }
}

void TB_KERNEL(tb_joint_bins)(uint16_t *restrict dst, const float *const *row,
                              const tb_joint_cut *cut, int32_t lowest, size_t n)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
    const float  centre_c = cut->centre[2], centre_d = cut->centre[3];
    const float  gain = cut->gain, offset = cut->offset;

    for (size_t x = 0; x < n; x++) {
        float   r = ((d[x] - centre_d) - gain * (c[x] - centre_c)) - offset;
        float   s = (a[x] + b[x]) + r;
        int32_t bits, bin;

        memcpy(&bits, &r, sizeof bits);
        bin    = ((bits & 0x7fffffff) >> TB_JOINT_BIN_SHIFT) - lowest;
        bin    = bin < 0 ? 0 : bin;
        bin    = bin > TB_JOINT_BINS - 1 ? TB_JOINT_BINS - 1 : bin;
        dst[x] = (uint16_t)(s == s ? bin : TB_JOINT_BINS);
    }
}

size_t TB_KERNEL(tb_joint_count)(const uint16_t *bin, int last, size_t n)
{
    const uint16_t most  = (uint16_t)last;
    size_t         count = 0;

    for (size_t at = 0; at < n; at += TB_JOINT_CHUNK) {
        size_t   length = n - at < TB_JOINT_CHUNK ? n - at : TB_JOINT_CHUNK;
        uint16_t some   = 0;

        for (size_t x = 0; x < length; x++)
            some = (uint16_t)(some + (bin[at + x] <= most));
        count += some;
    }
    return count;
}
