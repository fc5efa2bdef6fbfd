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
    TB_CHUNK       = 256,
    TB_CHUNK_TILE  = 4, /* channels, and registers of pixels, are taken so many at a time */
    TB_CHUNK_STEP  = TB_CHUNK_TILE * TB_LANES,
    TB_LINE        = 64 / sizeof(float), /* samples in a line of the cache */
    TB_CHUNK_LINES = TB_CHUNK / TB_LINE
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

/**
 * The samples of a chunk to come, of which the functions below fetch a line now and then: as many
 * at once as a chunk has would wait for the memory. Zero-initialised there is nothing to fetch.
 */
typedef struct tb_ahead {
    const float *const *channel;
    size_t              at; /**< the chunk's first pixel */
    int                 lines, fetched;
} tb_ahead;

static inline tb_ahead tb_ahead_of(const float *const *channel, size_t at, int channels)
{
    return (tb_ahead){channel, at, channels * TB_CHUNK_LINES, 0};
}

static inline void tb_ahead_fetch(tb_ahead *it)
{
    if (it->fetched < it->lines) {
        int line = it->fetched++;

        __builtin_prefetch(it->channel[line / TB_CHUNK_LINES] + it->at +
                           line % TB_CHUNK_LINES * TB_LINE);
    }
}

/** mad.h's z of a chunk; `statistic` has room for TB_CHUNK, aligned to 64 bytes. */
void TB_KERNEL(tb_centred_statistic)(double *statistic, const tb_centred *chunk,
                                     const tb_mad_weights *weights, size_t n, tb_ahead *ahead);

/** moments.h's weights: the upper tail of a chunk's z as chi2.h has it, to 1e-13 of itself. Both
 * have room for TB_CHUNK, aligned to 64 bytes. */
void TB_KERNEL(tb_centred_weights)(double *restrict weights, const double *restrict statistic,
                                   int degrees, size_t n);

/** moments.h's sums, each in the lanes it is summed in. */
typedef struct tb_lane_sums {
    _Alignas(64) double weight[TB_LANES];
    double first[TB_MOMENTS_CHANNELS_MAX][TB_LANES];
    double second[TB_MOMENTS_SECOND_MAX][TB_LANES];
} tb_lane_sums;

void TB_KERNEL(tb_lane_sums_clear)(tb_lane_sums *sums, int channels);

/** Adds a chunk: n weights, zeros to the padded end, aligned to 64 bytes. */
void TB_KERNEL(tb_centred_moments)(tb_lane_sums *sums, const tb_centred *chunk, int channels,
                                   const double *weights, size_t n, tb_ahead *ahead);

/** Adds the sums over the lanes to what `out` holds. */
void TB_KERNEL(tb_lane_sums_fold)(tb_moments *out, const tb_lane_sums *sums, int channels);

#endif
