#include "kernels/mad.h"

#include <string.h>

#include "kernels/centred.h"

enum {
    PIXELS = TB_CHUNK_TILE,                   /* registers of them at a time */
    TILE   = sizeof(tb_vector) == 64 ? 4 : 2, /* components, as registers allow */
};

/*
 * Some components of four registers of pixels at a time: independent sums hide the latency of an
 * addition, and a sample is loaded once for all of them.
 */
static inline __attribute__((always_inline)) void
add_tile(double *statistic, const tb_centred *chunk, const tb_mad_weights *weights, int first,
         const int components, size_t padded, tb_ahead *ahead)
{
    for (size_t v = 0; v < padded / TB_VECTOR; v += PIXELS) {
        tb_vector *sum             = (tb_vector *)statistic + v;
        tb_vector  m[TILE][PIXELS] = {0};

        for (int k = 0; k < weights->channels; k++) {
            const tb_vector *z = (const tb_vector *)chunk->z[k] + v;

            if (k % 2 == 0)
                tb_ahead_fetch(ahead);
#pragma GCC unroll 4
            for (int i = 0; i < components; i++) {
                const double coefficient = weights->coefficient[first + i][k];

#pragma GCC unroll 4
                for (int x = 0; x < PIXELS; x++)
                    m[i][x] += coefficient * z[x];
            }
        }
#pragma GCC unroll 4
        for (int x = 0; x < PIXELS; x++) {
            tb_vector z = {0};

            if (first > 0)
                z = sum[x];
#pragma GCC unroll 4
            for (int i = 0; i < components; i++)
                z += m[i][x] * m[i][x] * weights->by_variance[first + i];
            sum[x] = z;
        }
    }
}

void TB_KERNEL(tb_centred_statistic)(double *statistic, const tb_centred *chunk,
                                     const tb_mad_weights *weights, size_t n, tb_ahead *ahead)
{
    const size_t padded = tb_centred_padded(n);

    if (weights->components == 0)
        memset(statistic, 0, padded * sizeof *statistic);
    for (int i = 0; i < weights->components; i += TILE) {
        int left = weights->components - i;

        /* Constants, so that the sums of each case are in registers. */
        if (left >= TILE)
            add_tile(statistic, chunk, weights, i, TILE, padded, ahead);
        else if (left == 3 && TILE > 3)
            add_tile(statistic, chunk, weights, i, 3, padded, ahead);
        else if (left == 2 && TILE > 2)
            add_tile(statistic, chunk, weights, i, 2, padded, ahead);
        else
            add_tile(statistic, chunk, weights, i, 1, padded, ahead);
    }
}

void TB_KERNEL(tb_mad_statistic)(double *restrict z, const float *const *channel,
                                 const tb_mad_weights *weights, size_t n)
{
    _Alignas(64) double statistic[TB_CHUNK];
    tb_centred          chunk;
    tb_ahead            none = {0};

    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t length = n - at < TB_CHUNK ? n - at : TB_CHUNK;

        tb_centred_fill(&chunk, channel, at, weights->channels, weights->centre, length);
        TB_KERNEL(tb_centred_statistic)(statistic, &chunk, weights, length, &none);
        memcpy(z + at, statistic, length * sizeof *z);
    }
}
