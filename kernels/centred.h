/**
 * The steps of IR-MAD over one chunk of centred pixels, which mad, moments and irmad share: what
 * lies between a chunk's channels as doubles, made once, and their sums.
 */
#ifndef TUBAN_KERNELS_CENTRED_H
#define TUBAN_KERNELS_CENTRED_H

#include <string.h>

#include "kernels/lanes.h"
#include "kernels/mad.h"
#include "kernels/moments.h"

enum {
    TB_CHUNK      = 256,
    TB_CHUNK_TILE = 4, /* channels, and registers of pixels, are taken so many at a time */
    TB_CHUNK_STEP = TB_CHUNK_TILE * TB_LANES
};

/** Rows of `z` beyond the channels, up to a whole tile, must hold finite numbers: they are
 * multiplied, and the products left out. */
typedef struct tb_centred {
    _Alignas(64) double z[TB_MOMENTS_CHANNELS_MAX][TB_CHUNK];
} tb_centred;

/** Where so many pixels of a chunk end, padded for the functions below. */
static inline size_t tb_centred_padded(size_t n)
{
    return (n + TB_CHUNK_STEP - 1) / TB_CHUNK_STEP * TB_CHUNK_STEP;
}

/** Zeros in the rows that fill up the last tile; once for any number of chunks. */
static inline void tb_centred_init(tb_centred *chunk, int channels)
{
    for (int i = channels; i % TB_CHUNK_TILE != 0; i++)
        memset(chunk->z[i], 0, sizeof chunk->z[i]);
}

/** z[i][x] = channel[i][at + x] - centre[i] for n <= TB_CHUNK pixels, then zeros to the padded end.
 */
static inline void tb_centred_fill(tb_centred *chunk, const float *const *channel, size_t at,
                                   int channels, const double *centre, size_t n)
{
    for (int i = 0; i < channels; i++)
        tb_lanes_centre(chunk->z[i], channel[i] + at, centre[i], n, tb_centred_padded(n));
}

/** mad.h's z of a chunk; `statistic` has room for TB_CHUNK, aligned to 64 bytes. */
void TB_KERNEL(tb_centred_statistic)(double *statistic, const tb_centred *chunk,
                                     const tb_mad_weights *weights, size_t n);

/** moments.h's sums of a chunk; n weights, zeros to the padded end, aligned to 64 bytes. */
void TB_KERNEL(tb_centred_moments)(tb_moments *sums, const tb_centred *chunk, int channels,
                                   const double *weights, size_t n);

#endif
