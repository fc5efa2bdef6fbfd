#include "kernels/mad.h"

#include <math.h>
#include <string.h>

#include "kernels/lanes.h"

enum { CHUNK = 256, TILE = 2, STEP = 4 * TB_LANES };

typedef struct chunk {
    _Alignas(64) double z[TB_MAD_CHANNELS_MAX][CHUNK];
    _Alignas(64) double statistic[CHUNK];
} chunk;

/*
 * Two components of four registers of pixels at a time: eight independent sums hide the latency of
 * an addition.
 */
static void add_tile(chunk        *c, double (*coefficient)[TB_MAD_CHANNELS_MAX],
                     const double *by_variance, int channels, size_t padded)
{
    tb_vector *statistic = (tb_vector *)c->statistic;

    for (size_t v = 0; v < padded / TB_VECTOR; v += 4) {
        tb_vector m0 = {0}, m1 = {0}, m2 = {0}, m3 = {0};
        tb_vector n0 = {0}, n1 = {0}, n2 = {0}, n3 = {0};

        for (int k = 0; k < channels; k++) {
            const tb_vector *z = (const tb_vector *)c->z[k] + v;
            double           m = coefficient[0][k], n = coefficient[1][k];

            m0 += m * z[0];
            m1 += m * z[1];
            m2 += m * z[2];
            m3 += m * z[3];
            n0 += n * z[0];
            n1 += n * z[1];
            n2 += n * z[2];
            n3 += n * z[3];
        }
        statistic[v] += m0 * m0 * by_variance[0];
        statistic[v + 1] += m1 * m1 * by_variance[0];
        statistic[v + 2] += m2 * m2 * by_variance[0];
        statistic[v + 3] += m3 * m3 * by_variance[0];
        statistic[v] += n0 * n0 * by_variance[1];
        statistic[v + 1] += n1 * n1 * by_variance[1];
        statistic[v + 2] += n2 * n2 * by_variance[1];
        statistic[v + 3] += n3 * n3 * by_variance[1];
    }
}

void TB_KERNEL(tb_mad_statistic)(double *restrict z, const float *const *channel,
                                 const tb_mad_weights *weights, size_t n)
{
    /* Components that fill up the last tile weigh nothing: they add a true zero. */
    double coefficient[TB_MAD_COMPONENTS_MAX][TB_MAD_CHANNELS_MAX] = {{0.0}};
    double by_variance[TB_MAD_COMPONENTS_MAX]                      = {0.0};
    chunk  c;

    for (int i = 0; i < weights->components; i++) {
        memcpy(coefficient[i], weights->coefficient[i], sizeof coefficient[i]);
        by_variance[i] = weights->by_variance[i];
    }
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        size_t padded = (length + STEP - 1) / STEP * STEP;

        for (int k = 0; k < weights->channels; k++)
            tb_lanes_centre(c.z[k], channel[k] + at, weights->centre[k], length, padded);
        memset(c.statistic, 0, sizeof c.statistic);
        for (int i = 0; i < weights->components; i += TILE)
            add_tile(&c, coefficient + i, by_variance + i, weights->channels, padded);
        memcpy(z + at, c.statistic, length * sizeof *z);
    }
}
