/**
 * Numbers that look random and are the same everywhere: a generator, and a hash of places.
 *
 * SplitMix64 (Steele, Lea & Flood 2014). Integer arithmetic, and reals of 53 bits: no libm.
 *
 * Never draw twice in the arguments of one call or in one initialiser: compilers take them in
 * either order.
 */
#ifndef TUBAN_SYNTH_RANDOM_H
#define TUBAN_SYNTH_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/** A sequence; copying it copies the rest of the sequence. */
typedef struct tb_random {
    uint64_t state;
} tb_random;

/** Scrambles 64 bits: neighbouring numbers give unrelated ones. */
static inline uint64_t tb_random_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/** The hash of two numbers under a seed. */
static inline uint64_t tb_random_hash(uint64_t seed, uint64_t a, uint64_t b)
{
    return tb_random_mix(seed + tb_random_mix(a * 0x9e3779b97f4a7c15u + tb_random_mix(b)));
}

/** A hash as a real in [0, 1). */
static inline double tb_random_unit(uint64_t hash)
{
    return (double)(hash >> 11) * 0x1p-53;
}

/** The sequence of a seed for one purpose: purposes do not disturb each other. */
static inline tb_random tb_random_begin(uint64_t seed, uint64_t purpose)
{
    return (tb_random){tb_random_hash(seed, purpose, 0x7475626167u)};
}

static inline uint64_t tb_random_next(tb_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return tb_random_mix(random->state);
}

/** A real in [low, high). */
static inline double tb_random_between(tb_random *random, double low, double high)
{
    return low + (high - low) * tb_random_unit(tb_random_next(random));
}

/** An integer in 0 .. count-1; count is at least 1. */
static inline uint32_t tb_random_below(tb_random *random, uint32_t count)
{
    return (uint32_t)(((tb_random_next(random) >> 32) * count) >> 32);
}

static inline bool tb_random_chance(tb_random *random, double probability)
{
    return tb_random_unit(tb_random_next(random)) < probability;
}

#endif
