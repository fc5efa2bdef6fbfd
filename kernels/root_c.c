#include <math.h>
#include <string.h>

#include "kernels/lanes.h"
#include "kernels/mad.h"

/* Pixels that stay in the inner cache, and those that are worked on at once. */
enum { CHUNK = 256, STEP = 64 };

_Static_assert(STEP % (4 * TB_FLOATS) == 0, "four registers at a time");

typedef struct chunk {
    _Alignas(64) float centred[TB_MAD_CHANNELS_MAX][CHUNK];
    _Alignas(64) float statistic[CHUNK];
} chunk;

/* Two components of four registers of pixels: eight independent sums hide the latency of an
 * addition. */
static void add_two(chunk *c, const float *one, const float *other, int channels, size_t padded)
{
    for (size_t x = 0; x < padded; x += 4 * TB_FLOATS) {
        tb_floats m[4] = {0}, n[4] = {0};

        for (int k = 0; k < channels; k++)
            for (int v = 0; v < 4; v++) {
                tb_floats d = tb_floats_load(c->centred[k] + x + v * TB_FLOATS);

                m[v] += one[k] * d;
                n[v] += other[k] * d;
            }
        for (int v = 0; v < 4; v++) {
            float    *at  = c->statistic + x + v * TB_FLOATS;
            tb_floats sum = tb_floats_load(at) + m[v] * m[v];

            tb_floats_store(at, sum + n[v] * n[v]);
        }
    }
}

void TB_KERNEL(tb_mad_root)(float *restrict root, const float *const *channel,
                            const tb_mad_weights *weights, size_t n)
{
    /* A component that fills up the last two weighs nothing: it adds a true zero. */
    float by_deviation[TB_MAD_COMPONENTS_MAX][TB_MAD_CHANNELS_MAX];
    float none[TB_MAD_CHANNELS_MAX] = {0.0f};
    chunk c;

    for (int i = 0; i < weights->components; i++)
        for (int k = 0; k < weights->channels; k++)
            by_deviation[i][k] =
                (float)(weights->coefficient[i][k] * sqrt(weights->by_variance[i]));
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        size_t padded = (length + STEP - 1) / STEP * STEP;

        for (int k = 0; k < weights->channels; k++) {
            float centre = (float)weights->centre[k];

            for (size_t x = 0; x < length; x++)
                c.centred[k][x] = channel[k][at + x] - centre;
            memset(c.centred[k] + length, 0, (padded - length) * sizeof(float));
        }
        memset(c.statistic, 0, padded * sizeof(float));
        for (int i = 0; i < weights->components; i += 2)
            add_two(&c, by_deviation[i], i + 1 < weights->components ? by_deviation[i + 1] : none,
                    weights->channels, padded);
        for (size_t x = 0; x < length; x++)
            root[at + x] = sqrtf(sqrtf(c.statistic[x]));
    }
}
