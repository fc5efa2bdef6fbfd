/**
 * Weighted first and second moments of a run of pixels, added to what the outputs hold.
 *
 *   z_i[x]             = channel[i][x] - centre[i]
 *   sums->weight      += sum_x w[x]
 *   sums->first[i]    += sum_x w[x] z_i[x]
 *   sums->second[k]   += sum_x w[x] z_i[x] z_j[x],   i <= j,  k = tb_moments_index(channels, i, j)
 *
 * channel  `channels` (1 .. TB_MOMENTS_CHANNELS_MAX) pointers to n floats each, any alignment, any
 *          unit. Values must be finite: a NaN makes its sums NaN.
 * centre   `channels` numbers near the means. Without them the sums of a bright, flat scene lose
 * the digits that carry the covariance. weights  n doubles >= 0, or NULL for 1. Exactness: all
 * variants equal _c bit for bit. The order is fixed: chunks of 256 pixels from the start of the
 * run, in each eight lanes (x mod 8) summed from the left; the chunks' lanes added up in order;
 * then ((0+4) + (2+6)) + ((1+5) + (3+7)), added to the output. So cells must be cut at fixed
 * places.
 */
#ifndef TUBAN_KERNELS_MOMENTS_H
#define TUBAN_KERNELS_MOMENTS_H

#include <stddef.h>

#include "kernels/isa.h"

enum {
    TB_MOMENTS_CHANNELS_MAX = 32,
    TB_MOMENTS_SECOND_MAX   = TB_MOMENTS_CHANNELS_MAX * (TB_MOMENTS_CHANNELS_MAX + 1) / 2
};

/** Zero-initialised is empty. */
typedef struct tb_moments {
    double weight;
    double first[TB_MOMENTS_CHANNELS_MAX];
    double second[TB_MOMENTS_SECOND_MAX]; /**< upper triangle, row after row */
} tb_moments;

/** Where the product of channels i <= j stands in `second`. */
static inline int tb_moments_index(int channels, int i, int j)
{
    return i * channels - i * (i - 1) / 2 + j - i;
}

typedef void tb_moments_add_fn(tb_moments *sums, const float *const *channel, int channels,
                               const double *centre, const double *weights, size_t n);

tb_moments_add_fn TB_KERNEL(tb_moments_add);

#endif
