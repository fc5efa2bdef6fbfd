/**
 * The omnibus statistic of one row of a radar time series (Conradsen, Nielsen & Skriver 2016, IEEE
 * Trans. Geosci. Remote Sens. 54, 3007; diagonal covariance matrices):
 *
 *   ln Q[x] = looks (p k ln k + sum_b (sum_i ln c_ib[x] - k ln sum_i c_ib[x]))
 *   z[x]    = -2 rho ln Q[x],   rho = 1 - (k / looks - 1 / (looks k)) / (6 (k - 1))
 *
 * k dates i of p channels b. z is chi-squared with (k - 1) p degrees, but for a term in omega_2
 * (src/detect/omnibus.h), where the expected intensity was the same on all dates.
 *
 * z          n doubles, >= 0. NaN where any intensity is NaN or not above 0.
 * intensity  k p pointers to n floats each, any alignment: the channels of the first date, then of
 *            the second. Any unit, the same on all dates: a factor for all changes rounding only.
 * Exactness: all variants equal _c bit for bit (dates in order, then channels; no fused
 * multiply-add; ln of kernels/real.h).
 */
#ifndef TUBAN_KERNELS_OMNIBUS_H
#define TUBAN_KERNELS_OMNIBUS_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_OMNIBUS_DATES_MAX = 64, TB_OMNIBUS_CHANNELS_MAX = 2 };

typedef struct tb_omnibus {
    int    dates;    /**< 2 .. TB_OMNIBUS_DATES_MAX */
    int    channels; /**< 1 .. TB_OMNIBUS_CHANNELS_MAX */
    double looks;    /**< the equivalent number of looks, >= 0.5 */
} tb_omnibus;

typedef void tb_omnibus_row_fn(double *restrict z, const float *const *intensity,
                               const tb_omnibus *test, size_t n);

tb_omnibus_row_fn TB_KERNEL(tb_omnibus_row);

#endif
