/**
 * Upper tail of the chi-squared distribution of one row:  p[x] = 1 - F_chi2(z[x]; degrees)
 *
 * Closed forms (Abramowitz & Stegun 26.4.4 and 26.4.5), t = z / 2:
 *   even: p = e^-t sum_{j < degrees/2} t^j / j!
 *   odd:  p = erfc(sqrt t) + e^-t sum_{j=1}^{(degrees-1)/2} t^(j-1/2) / Gamma(j+1/2)
 *
 * p        n doubles, 0 .. 1, not overlapping z: the probability that unchanged ground shows such a
 * z. z        n doubles, >= 0 (below 0 counts as 0). NaN gives NaN. Above 1416 p is 0. degrees  1
 * .. TB_CHI2_DEGREES_MAX. Relative error below 1e-14 where p > 1e-300. Exactness: all variants
 * equal _c bit for bit.
 */
#ifndef TUBAN_KERNELS_CHI2_H
#define TUBAN_KERNELS_CHI2_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_CHI2_DEGREES_MAX = 130 };

typedef void tb_chi2_upper_fn(double *restrict p, const double *restrict z, int degrees, size_t n);

tb_chi2_upper_fn TB_KERNEL(tb_chi2_upper);

#endif
