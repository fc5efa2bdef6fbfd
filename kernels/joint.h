/**
 * Sums over the pixels at which four rows are all there, and how far they lie off a line.
 *
 *   z_i[x] = row[i][x] - cut->centre[i]
 *   r[x]   = (z_3[x] - gain * z_2[x]) - offset
 *
 * joint_add, over the x where no row is NaN and |r[x]| <= cut->most:
 *   sums->count     += 1
 *   sums->first[i]  += z_i[x]
 *   sums->second[k] += z_i[x] z_j[x],  j <= i,  k = tb_joint_index(i, j)
 * joint_bins, for every x: the bin of |r[x]|, or TB_JOINT_BINS where a row is NaN. Bin k is of
 *   [tb_joint_edge(lowest, k), tb_joint_edge(lowest, k + 1)); the first and the last one are of all
 *   that lies below and beyond. 32 bins are an octave.
 * joint_count: how many bins are not above `last`.
 *
 * row     n floats each, any alignment, finite or NaN.
 * centre  near the rows' means. Products are floats: what lies far from its centre loses the digits
 *         that carry the covariance.
 * most    >= 0; INFINITY with gain and offset 0 for all pixels.
 * dst     n bins.
 * Exactness: all variants equal _c bit for bit. The order of the sums is fixed: chunks of
 * TB_JOINT_CHUNK pixels from the start of the rows; in a chunk 16 lanes of floats (x mod 16) summed
 * from the left, and lane k + h added to lane k, h = 8, 4, 2, 1, in doubles; then added to what the
 * sums hold.
 */
#ifndef TUBAN_KERNELS_JOINT_H
#define TUBAN_KERNELS_JOINT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/isa.h"

enum { TB_JOINT_ROWS = 4, TB_JOINT_PRODUCTS = 10, TB_JOINT_CHUNK = 1024, TB_JOINT_BINS = 512 };

/** Zero-initialised is empty. */
typedef struct tb_joint {
    double count;
    double first[TB_JOINT_ROWS];
    double second[TB_JOINT_PRODUCTS];
} tb_joint;

typedef struct tb_joint_cut {
    float centre[TB_JOINT_ROWS];
    float gain, offset, most;
} tb_joint_cut;

/** Where the product of rows j <= i stands in `second`. */
static inline int tb_joint_index(int i, int j)
{
    return i * (i + 1) / 2 + j;
}

enum { TB_JOINT_BIN_SHIFT = 18 }; /* five bits of a float's mantissa are left */

/** The `lowest` of bins that begin 12 octaves below `scale` >= 0, and end 4 above. */
static inline int32_t tb_joint_lowest(float scale)
{
    int32_t bits;

    memcpy(&bits, &scale, sizeof bits);
    bits = (bits >> TB_JOINT_BIN_SHIFT) - 12 * 32;
    return bits > 0 ? bits : 0;
}

/** The lower edge of a bin. */
static inline float tb_joint_edge(int32_t lowest, int bin)
{
    int32_t bits = (lowest + bin) << TB_JOINT_BIN_SHIFT;
    float   edge;

    memcpy(&edge, &bits, sizeof edge);
    return edge;
}

typedef void   tb_joint_add_fn(tb_joint *sums, const float *const *row, const tb_joint_cut *cut,
                               size_t n);
typedef void   tb_joint_bins_fn(uint16_t *restrict dst, const float *const *row,
                                const tb_joint_cut *cut, int32_t lowest, size_t n);
typedef size_t tb_joint_count_fn(const uint16_t *bin, int last, size_t n);

tb_joint_add_fn   TB_KERNEL(tb_joint_add);
tb_joint_bins_fn  TB_KERNEL(tb_joint_bins);
tb_joint_count_fn TB_KERNEL(tb_joint_count);

#endif
