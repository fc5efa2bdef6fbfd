#include "kernels/joint.h"

#include <math.h>

#include "kernels/lanes.h"

enum {
    LANES = 16,
    PARTS = LANES / TB_FLOATS,
    SUMS  = 1 + TB_JOINT_ROWS + TB_JOINT_PRODUCTS,
};

typedef int32_t ints __attribute__((vector_size(sizeof(tb_floats))));

static inline tb_floats kept(tb_floats value, ints mask)
{
    return (tb_floats)((ints)value & mask);
}

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
    ints      m = ((tb_floats)((ints)r & 0x7fffffff) <= zero + cut->most) & (s == s);

    a = kept(a, m);
    b = kept(b, m);
    c = kept(c, m);
    d = kept(d, m);
    sum[0] += kept(zero + 1.0f, m);
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

static double fold(const float lane[LANES])
{
    double sum[LANES];

    for (int k = 0; k < LANES; k++)
        sum[k] = lane[k];
    for (int h = LANES / 2; h > 0; h /= 2)
        for (int k = 0; k < h; k++)
            sum[k] += sum[k + h];
    return sum[0];
}

static void add_chunk(tb_joint *sums, const float *const *row, const tb_joint_cut *cut, size_t n)
{
    size_t       whole = n / LANES * LANES;
    float        rest[TB_JOINT_ROWS][LANES], lane[SUMS][LANES];
    const float *last[TB_JOINT_ROWS];

    for (int i = 0; i < TB_JOINT_ROWS; i++) {
        for (size_t x = 0; x < LANES; x++)
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
    sums->count += fold(lane[0]);
    for (int i = 0; i < TB_JOINT_ROWS; i++)
        sums->first[i] += fold(lane[1 + i]);
    for (int k = 0; k < TB_JOINT_PRODUCTS; k++)
        sums->second[k] += fold(lane[1 + TB_JOINT_ROWS + k]);
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

void TB_KERNEL(tb_joint_bins)(int32_t *restrict dst, const float *const *row,
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
        dst[x] = s == s ? bin : TB_JOINT_BINS;
    }
}
