#include "kernels/moments.h"

#include "kernels/lanes.h"

enum { CHUNK = 256, TILE = 6, ROWS = TB_MOMENTS_CHANNELS_MAX + 1 };

/* The chunk's channels, centred, and a row of ones below them: its products are the first moments.
 */
typedef struct chunk {
    _Alignas(64) double z[ROWS][CHUNK];
    _Alignas(64) double weight[CHUNK];
    _Alignas(64) double weighted[CHUNK];
} chunk;

static void copy_weights(double *restrict dst, const double *restrict src, size_t n, size_t padded)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = src != NULL ? src[x] : 1.0;
    for (size_t x = n; x < padded; x++)
        dst[x] = 0.0;
}

static void multiply(double *restrict dst, const double *restrict a, const double *restrict b,
                     size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = a[x] * b[x];
}

static double fold(const double *lane)
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/*
 * Sums of `a` times each of six rows. Six at a time hide the latency of an addition; one register
 * of lanes after another, so that the sums stay in registers on every instruction set.
 */
static void multiply_tile(double sum[TILE], const double *a, const double *const row[TILE],
                          size_t padded)
{
    const tb_vector *left = (const tb_vector *)a;
    const tb_vector *r0 = (const tb_vector *)row[0], *r1 = (const tb_vector *)row[1];
    const tb_vector *r2 = (const tb_vector *)row[2], *r3 = (const tb_vector *)row[3];
    const tb_vector *r4 = (const tb_vector *)row[4], *r5 = (const tb_vector *)row[5];
    tb_vector        lanes[TILE][TB_PARTS];

    for (size_t part = 0; part < TB_PARTS; part++) {
        tb_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0};

        for (size_t v = part; v < padded / TB_VECTOR; v += TB_PARTS) {
            tb_vector l = left[v];

            s0 += l * r0[v];
            s1 += l * r1[v];
            s2 += l * r2[v];
            s3 += l * r3[v];
            s4 += l * r4[v];
            s5 += l * r5[v];
        }
        lanes[0][part] = s0;
        lanes[1][part] = s1;
        lanes[2][part] = s2;
        lanes[3][part] = s3;
        lanes[4][part] = s4;
        lanes[5][part] = s5;
    }
    for (int k = 0; k < TILE; k++)
        sum[k] = fold((const double *)lanes[k]);
}

static void add_chunk(tb_moments *sums, chunk *c, int channels, size_t padded)
{
    for (int i = 0; i <= channels; i++) {
        multiply(c->weighted, c->weight, c->z[i], padded);
        for (int j = i; j <= channels; j += TILE) {
            const double *row[TILE];
            double        sum[TILE];

            for (int k = 0; k < TILE; k++)
                row[k] = c->z[j + k <= channels ? j + k : channels];
            multiply_tile(sum, c->weighted, row, padded);
            for (int k = 0; k < TILE && j + k <= channels; k++) {
                if (j + k < channels)
                    sums->second[tb_moments_index(channels, i, j + k)] += sum[k];
                else if (i < channels)
                    sums->first[i] += sum[k];
                else
                    sums->weight += sum[k];
            }
        }
    }
}

void TB_KERNEL(tb_moments_add)(tb_moments *sums, const float *const *channel, int channels,
                               const double *centre, const double *weights, size_t n)
{
    chunk c;

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        size_t padded = (length + TB_LANES - 1) / TB_LANES * TB_LANES;

        for (int i = 0; i < channels; i++)
            tb_lanes_centre(c.z[i], channel[i] + at, centre[i], length, padded);
        for (size_t x = 0; x < padded; x++)
            c.z[channels][x] = 1.0;
        copy_weights(c.weight, weights != NULL ? weights + at : NULL, length, padded);
        add_chunk(sums, &c, channels, padded);
    }
}
