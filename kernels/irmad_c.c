#include "kernels/irmad.h"

#include "kernels/centred.h"
#include "kernels/chi2.h"

/* A part of the next chunk's samples, fetched while this one is computed. */
static void fetch(const float *const *channel, int first, int end, size_t at, size_t n)
{
    enum { LINE = 64 / sizeof(float) };

    for (int i = first; i < end; i++)
        for (size_t x = 0; x < n; x += LINE)
            __builtin_prefetch(channel[i] + at + x);
}

void TB_KERNEL(tb_irmad_add)(tb_moments *sums, const float *const *channel,
                             const tb_mad_weights *weights, size_t n)
{
    const int           channels = weights->channels;
    _Alignas(64) double statistic[TB_CHUNK], weight[TB_CHUNK];
    tb_centred          chunk;

    tb_centred_init(&chunk, channels);
    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t left = n - at, length = left < TB_CHUNK ? left : TB_CHUNK;

        size_t further = left - length < TB_CHUNK ? left - length : TB_CHUNK;

        tb_centred_fill(&chunk, channel, at, channels, weights->centre, length);
        fetch(channel, 0, channels / 3, at + length, further);
        TB_KERNEL(tb_centred_statistic)(statistic, &chunk, weights, length);
        fetch(channel, channels / 3, 2 * channels / 3, at + length, further);
        TB_KERNEL(tb_chi2_upper)(weight, statistic, weights->components, length);
        for (size_t x = length; x < TB_CHUNK; x++)
            weight[x] = 0.0;
        fetch(channel, 2 * channels / 3, channels, at + length, further);
        TB_KERNEL(tb_centred_moments)(sums, &chunk, channels, weight, length);
    }
}
