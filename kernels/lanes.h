/**
 * Registers: of doubles, for kernels whose sums have a fixed order by lanes, and of floats, for
 * those that keep what they add up in registers over several passes.
 *
 * The compilers' vector extension at the width of the instruction set. Sums are defined over
 * TB_LANES lanes whatever that width is, so the bits do not depend on it; auto-vectorising would
 * keep such lane sums in memory, and a vector wider than the machine's is lowered badly.
 */
#ifndef TUBAN_KERNELS_LANES_H
#define TUBAN_KERNELS_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#    include <immintrin.h>
#endif

#if defined    __AVX512F__
typedef double tb_vector __attribute__((vector_size(64), may_alias));
typedef float  tb_floats __attribute__((vector_size(64)));
#elif defined  __AVX__
typedef double          tb_vector __attribute__((vector_size(32), may_alias));
typedef float           tb_floats __attribute__((vector_size(32)));
#else
typedef double tb_vector __attribute__((vector_size(16), may_alias));
typedef float  tb_floats __attribute__((vector_size(16)));
#endif

enum {
    TB_LANES  = 8,
    TB_VECTOR = sizeof(tb_vector) / sizeof(double), /* doubles in a register */
    TB_PARTS  = TB_LANES / TB_VECTOR                /* registers that hold the lanes */
};

enum { TB_FLOATS = sizeof(tb_floats) / sizeof(float) };

/** What a comparison of tb_floats gives: all bits of a lane or none. */
typedef int32_t tb_mask __attribute__((vector_size(sizeof(tb_floats))));

static inline tb_floats tb_floats_load(const float *src)
{
    tb_floats value;

    memcpy(&value, src, sizeof value);
    return value;
}

static inline void tb_floats_store(float *dst, tb_floats value)
{
    memcpy(dst, &value, sizeof value);
}

#ifdef __AVX512F__
/** A register of which only the first or the last `count` lanes are read; zeros in the others. */
static inline tb_floats tb_floats_load_first(const float *src, int count)
{
    return (tb_floats)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), src);
}

static inline tb_floats tb_floats_load_last(const float *src, int count)
{
    return (tb_floats)_mm512_maskz_loadu_ps((__mmask16)(0xffffu << (TB_FLOATS - count)), src);
}

/** Of two registers beside each other, as many lanes from lane `shift` on. */
static inline tb_floats tb_floats_between(tb_floats low, tb_floats high, int shift)
{
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);

    return (tb_floats)_mm512_permutex2var_ps(
        (__m512)low, _mm512_add_epi32(lanes, _mm512_set1_epi32(shift)), (__m512)high);
}
#endif

/* The intrinsic of that name for a register of floats, and its type. */
#if defined __AVX512F__
#    define TB_MM(name) _mm512_##name
#    define TB_M        __m512
#elif defined __AVX__
#    define TB_MM(name) _mm256_##name
#    define TB_M        __m256
#elif defined __x86_64__
#    define TB_MM(name) _mm_##name
#    define TB_M        __m128
#endif

#ifdef TB_MM
/** a where it is less than b, else b: so b where a is NaN. */
static inline tb_floats tb_floats_least(tb_floats a, tb_floats b)
{
    return (tb_floats)TB_MM(min_ps)((TB_M)a, (TB_M)b);
}

/** a where it is more than b, else b: so b where a is NaN. */
static inline tb_floats tb_floats_most(tb_floats a, tb_floats b)
{
    return (tb_floats)TB_MM(max_ps)((TB_M)a, (TB_M)b);
}

/** Of each lane the square root. */
static inline tb_floats tb_floats_root(tb_floats value)
{
    return (tb_floats)TB_MM(sqrt_ps)((TB_M)value);
}
#else
static inline tb_floats tb_floats_pick(tb_mask mask, tb_floats a, tb_floats b)
{
    return (tb_floats)(((tb_mask)a & mask) | ((tb_mask)b & ~mask));
}

static inline tb_floats tb_floats_least(tb_floats a, tb_floats b)
{
    return tb_floats_pick(a < b, a, b);
}

static inline tb_floats tb_floats_most(tb_floats a, tb_floats b)
{
    return tb_floats_pick(a > b, a, b);
}

static inline tb_floats tb_floats_root(tb_floats value)
{
    for (int i = 0; i < TB_FLOATS; i++)
        value[i] = sqrtf(value[i]);
    return value;
}
#endif

/** The value where the mask holds, 0 elsewhere. */
static inline tb_floats tb_floats_where(tb_floats value, tb_mask mask)
{
    return (tb_floats)((tb_mask)value & mask);
}

/** dst[x] = src[x] - centre for n samples, then zeros as far as `padded`. */
static inline void tb_lanes_centre(double *restrict dst, const float *restrict src, double centre,
                                   size_t n, size_t padded)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (double)src[x] - centre;
    for (size_t x = n; x < padded; x++)
        dst[x] = 0.0;
}

enum { TB_FLOAT_LANES = 16 };

/** Lane k + h added to lane k, h = 8, 4, 2, 1, in doubles. */
static inline double tb_float_lanes_fold(const float lane[TB_FLOAT_LANES])
{
#ifdef __AVX512F__
    __m512d eight = _mm512_add_pd(_mm512_cvtps_pd(_mm256_loadu_ps(lane)),
                                  _mm512_cvtps_pd(_mm256_loadu_ps(lane + 8)));
    __m256d four  = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    __m128d two   = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));

    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
#else
    double sum[TB_FLOAT_LANES];

    for (int k = 0; k < TB_FLOAT_LANES; k++)
        sum[k] = lane[k];
    for (int h = TB_FLOAT_LANES / 2; h > 0; h /= 2)
        for (int k = 0; k < h; k++)
            sum[k] += sum[k + h];
    return sum[0];
#endif
}

#endif
