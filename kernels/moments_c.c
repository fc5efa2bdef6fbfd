#include "kernels/moments.h"

#include <string.h>

#include "kernels/centred.h"

enum {
    ACROSS = TB_CHUNK_TILE,
    DOWN   = sizeof(tb_vector) == 64 ? 4 : 2 /* rows and columns of sums, as registers allow */
};

static double fold(const double *lane)
{
    double half[4];

    for (int k = 0; k < 4; k++)
        half[k] = lane[k] + lane[k + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

/*
 * Of DOWN weighted channels by ACROSS channels, and of the weighted ones alone. One register of
 * lanes after another, so that the sums stay in registers on every instruction set.
 * `lead`: how far the tile's first row lies below its first column where the triangle's diagonal
 * passes through it, so that only columns from there on are summed; below 0 where it does not.
 */
static inline __attribute__((always_inline)) void
add_tile(tb_lane_sums *sums, const tb_centred *chunk, int channels, const double *weights, int row,
         int column, const int lead, size_t n, tb_ahead *ahead)
{
    const tb_vector *weight = (const tb_vector *)weights;

    for (size_t part = 0; part < TB_PARTS; part++) {
        tb_vector second[DOWN][ACROSS] = {0}, first[DOWN] = {0};

        for (size_t v = part; v < (n + TB_LANES - 1) / TB_LANES * TB_PARTS; v += TB_PARTS) {
            tb_vector weighted[DOWN];

            tb_ahead_fetch(ahead);
#pragma GCC unroll 4
            for (int i = 0; i < DOWN; i++) {
                weighted[i] = weight[v] * ((const tb_vector *)chunk->z[row + i])[v];
                if (lead >= 0)
                    first[i] += weighted[i];
            }
#pragma GCC unroll 4
            for (int j = 0; j < ACROSS; j++) {
                tb_vector right = ((const tb_vector *)chunk->z[column + j])[v];

#pragma GCC unroll 4
                for (int i = 0; i < DOWN; i++)
                    if (j >= lead + i || lead < 0)
                        second[i][j] += weighted[i] * right;
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < DOWN; i++) {
            int at = tb_moments_index(channels, row + i, column);

            if (row + i >= channels)
                continue;
            if (lead >= 0)
                ((tb_vector *)sums->first[row + i])[part] += first[i];
#pragma GCC unroll 4
            for (int j = 0; j < ACROSS; j++)
                if ((j >= lead + i || lead < 0) && column + j < channels)
                    ((tb_vector *)sums->second[at + j])[part] += second[i][j];
        }
    }
}

static void add_weights(tb_lane_sums *sums, const double *weights, size_t n)
{
    for (size_t part = 0; part < TB_PARTS; part++) {
        tb_vector sum = {0};

        for (size_t v = part; v < (n + TB_LANES - 1) / TB_LANES * TB_PARTS; v += TB_PARTS)
            sum += ((const tb_vector *)weights)[v];
        ((tb_vector *)sums->weight)[part] += sum;
    }
}

void TB_KERNEL(tb_centred_moments)(tb_lane_sums *sums, const tb_centred *chunk, int channels,
                                   const double *weights, size_t n, tb_ahead *ahead)
{
    add_weights(sums, weights, n);
    for (int row = 0; row < channels; row += DOWN) {
        int column = row / ACROSS * ACROSS;

        if (column == row)
            add_tile(sums, chunk, channels, weights, row, column, 0, n, ahead);
        else
            add_tile(sums, chunk, channels, weights, row, column, ACROSS - DOWN, n, ahead);
        while ((column += ACROSS) < channels)
            add_tile(sums, chunk, channels, weights, row, column, -1, n, ahead);
    }
}

static int pairs_of(int channels)
{
    return channels * (channels + 1) / 2;
}

void TB_KERNEL(tb_lane_sums_clear)(tb_lane_sums *sums, int channels)
{
    memset(sums->weight, 0, sizeof sums->weight);
    memset(sums->first, 0, (size_t)channels * sizeof sums->first[0]);
    memset(sums->second, 0, (size_t)pairs_of(channels) * sizeof sums->second[0]);
}

void TB_KERNEL(tb_lane_sums_fold)(tb_moments *out, const tb_lane_sums *sums, int channels)
{
    out->weight += fold(sums->weight);
    for (int i = 0; i < channels; i++)
        out->first[i] += fold(sums->first[i]);
    for (int k = 0; k < pairs_of(channels); k++)
        out->second[k] += fold(sums->second[k]);
}

void TB_KERNEL(tb_moments_add)(tb_moments *sums, const float *const *channel, int channels,
                               const double *centre, const double *weights, size_t n)
{
    _Alignas(64) double weight[TB_CHUNK];
    tb_centred          chunk;
    tb_lane_sums        lanes;
    tb_ahead            none = {0};

    tb_centred_init(&chunk, channels);
    TB_KERNEL(tb_lane_sums_clear)(&lanes, channels);
    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t length = n - at < TB_CHUNK ? n - at : TB_CHUNK;

        tb_centred_fill(&chunk, channel, at, channels, centre, length);
        for (size_t x = 0; x < TB_CHUNK; x++)
            weight[x] = x >= length ? 0.0 : weights != NULL ? weights[at + x] : 1.0;
        TB_KERNEL(tb_centred_moments)(&lanes, &chunk, channels, weight, length, &none);
    }
    TB_KERNEL(tb_lane_sums_fold)(sums, &lanes, channels);
}
