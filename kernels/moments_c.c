#include "kernels/moments.h"

#include "kernels/centred.h"

enum {
    ACROSS = TB_CHUNK_TILE,
    DOWN   = sizeof(tb_vector) == 64 ? 4 : 2 /* rows and columns of sums, as registers allow */
};

/* Sums of lanes: of DOWN weighted channels by ACROSS channels, and of the weighted ones alone. */
typedef struct tile {
    _Alignas(64) double second[DOWN][ACROSS][TB_LANES];
    _Alignas(64) double first[DOWN][TB_LANES];
} tile;

static double fold(const double *lane)
{
    double half[4];

    for (int k = 0; k < 4; k++)
        half[k] = lane[k] + lane[k + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

/*
 * One register of lanes after another, so that the sums stay in registers on every instruction set.
 * `lead`: how far the tile's first row lies below its first column where the triangle's diagonal
 * passes through it, so that only columns from there on are summed; below 0 where it does not.
 */
static inline __attribute__((always_inline)) void sum_tile(tile *out, const tb_centred *chunk,
                                                           const double *weights, int row,
                                                           int column, const int lead, size_t n)
{
    const tb_vector *weight = (const tb_vector *)weights;

    for (size_t part = 0; part < TB_PARTS; part++) {
        tb_vector second[DOWN][ACROSS] = {0}, first[DOWN] = {0};

        for (size_t v = part; v < (n + TB_LANES - 1) / TB_LANES * TB_PARTS; v += TB_PARTS) {
            tb_vector weighted[DOWN];

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
            ((tb_vector *)out->first[i])[part] = first[i];
#pragma GCC unroll 4
            for (int j = 0; j < ACROSS; j++)
                ((tb_vector *)out->second[i][j])[part] = second[i][j];
        }
    }
}

static double sum_weights(const double *weights, size_t n)
{
    _Alignas(64) double lane[TB_LANES];

    for (size_t part = 0; part < TB_PARTS; part++) {
        tb_vector sum = {0};

        for (size_t v = part; v < (n + TB_LANES - 1) / TB_LANES * TB_PARTS; v += TB_PARTS)
            sum += ((const tb_vector *)weights)[v];
        ((tb_vector *)lane)[part] = sum;
    }
    return fold(lane);
}

static void add_tile(tb_moments *sums, const tile *from, int channels, int row, int column)
{
    for (int i = 0; i < DOWN && row + i < channels; i++)
        for (int j = 0; j < ACROSS && column + j < channels; j++)
            if (row + i <= column + j)
                sums->second[tb_moments_index(channels, row + i, column + j)] +=
                    fold(from->second[i][j]);
}

void TB_KERNEL(tb_centred_moments)(tb_moments *sums, const tb_centred *chunk, int channels,
                                   const double *weights, size_t n)
{
    tile t;

    sums->weight += sum_weights(weights, n);
    for (int row = 0; row < channels; row += DOWN) {
        int column = row / ACROSS * ACROSS;

        if (column == row)
            sum_tile(&t, chunk, weights, row, column, 0, n);
        else
            sum_tile(&t, chunk, weights, row, column, ACROSS - DOWN, n);
        add_tile(sums, &t, channels, row, column);
        for (int i = 0; i < DOWN && row + i < channels; i++)
            sums->first[row + i] += fold(t.first[i]);
        while ((column += ACROSS) < channels) {
            sum_tile(&t, chunk, weights, row, column, -1, n);
            add_tile(sums, &t, channels, row, column);
        }
    }
}

void TB_KERNEL(tb_moments_add)(tb_moments *sums, const float *const *channel, int channels,
                               const double *centre, const double *weights, size_t n)
{
    _Alignas(64) double weight[TB_CHUNK];
    tb_centred          chunk;

    tb_centred_init(&chunk, channels);
    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t length = n - at < TB_CHUNK ? n - at : TB_CHUNK;

        tb_centred_fill(&chunk, channel, at, channels, centre, length);
        for (size_t x = 0; x < TB_CHUNK; x++)
            weight[x] = x >= length ? 0.0 : weights != NULL ? weights[at + x] : 1.0;
        TB_KERNEL(tb_centred_moments)(sums, &chunk, channels, weight, length);
    }
}
