#include "kernels/irmad.h"

#include <stdbool.h>

#include "kernels/centred.h"

void TB_KERNEL(tb_irmad_add)(tb_moments *sums, const float *const *channel,
                             const tb_mad_weights *weights, size_t n)
{
    const int           channels            = weights->channels;
    _Alignas(64) double statistic[TB_CHUNK] = {0}, weight[TB_CHUNK];
    tb_centred          chunk;
    tb_lane_sums        lanes;

    tb_centred_init(&chunk, channels);
    TB_KERNEL(tb_lane_sums_clear)(&lanes, channels);
    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t   left = n - at, length = left < TB_CHUNK ? left : TB_CHUNK;
        bool     is_followed = left >= 2 * TB_CHUNK; /* by a whole chunk */
        tb_ahead ahead       = tb_ahead_of(channel, at + TB_CHUNK, is_followed ? channels : 0);

        tb_centred_fill(&chunk, channel, at, channels, weights->centre, length);
        TB_KERNEL(tb_centred_statistic)(statistic, &chunk, weights, length, &ahead);
        TB_KERNEL(tb_centred_weights)(weight, statistic, weights->components, length);
        for (size_t x = length; x < TB_CHUNK; x++)
            weight[x] = 0.0;
        TB_KERNEL(tb_centred_moments)(&lanes, &chunk, channels, weight, length, &ahead);
    }
    TB_KERNEL(tb_lane_sums_fold)(sums, &lanes, channels);
}
