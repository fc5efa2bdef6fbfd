/**
 * A register of doubles, for kernels whose sums have a fixed order by lanes.
 *
 * The compilers' vector extension at the width of the instruction set. Sums are defined over
 * TB_LANES lanes whatever that width is, so the bits do not depend on it; auto-vectorising would
 * keep such lane sums in memory, and a vector wider than the machine's is lowered badly.
 */
#ifndef TUBAN_KERNELS_LANES_H
#define TUBAN_KERNELS_LANES_H

#include <stddef.h>

#if defined    __AVX512F__
typedef double tb_vector __attribute__((vector_size(64), may_alias));
#elif defined  __AVX__
typedef double tb_vector __attribute__((vector_size(32), may_alias));
#else
typedef double tb_vector __attribute__((vector_size(16), may_alias));
#endif

enum {
    TB_LANES  = 8,
    TB_VECTOR = sizeof(tb_vector) / sizeof(double), /* doubles in a register */
    TB_PARTS  = TB_LANES / TB_VECTOR                /* registers that hold the lanes */
};

/** dst[x] = src[x] - centre for n samples, then zeros as far as `padded`. */
static inline void tb_lanes_centre(double *restrict dst, const float *restrict src, double centre,
                                   size_t n, size_t padded)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (double)src[x] - centre;
    for (size_t x = n; x < padded; x++)
        dst[x] = 0.0;
}

#endif
