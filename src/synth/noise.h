/** Smooth noise over the ground: the same at a place on every date, and everywhere on earth. */
#ifndef TUBAN_SYNTH_NOISE_H
#define TUBAN_SYNTH_NOISE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "synth/random.h"

/** A value of the lattice, -1 .. 1. */
static inline double tb_noise_node(uint64_t seed, int64_t x, int64_t y)
{
    return 2.0 * tb_random_unit(tb_random_hash(seed, (uint64_t)x, (uint64_t)y)) - 1.0;
}

/** Noise of one wavelength (lattice step 1), bilinear with eased steps; about -1 .. 1. */
static inline double tb_noise_at(uint64_t seed, double x, double y)
{
    double  fx = floor(x), fy = floor(y), u = x - fx, v = y - fy;
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    double  a = tb_noise_node(seed, ix, iy), b = tb_noise_node(seed, ix + 1, iy);
    double  c = tb_noise_node(seed, ix, iy + 1), d = tb_noise_node(seed, ix + 1, iy + 1);

    u = u * u * (3.0 - 2.0 * u);
    v = v * v * (3.0 - 2.0 * v);
    return (1.0 - v) * (a + u * (b - a)) + v * (c + u * (d - c));
}

#endif
