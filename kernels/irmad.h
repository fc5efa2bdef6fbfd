/**
 * One pass of IR-MAD over a run of pixels: moments weighted by the probability that a pixel did not
 * change, added to what `sums` holds.
 *
 *   w[x] = chi2_upper(mad_statistic(channel; weights)[x]; weights->components)
 *   sums as of moments_add with `centre` the weights' and the weights w
 *
 * channel  weights->channels pointers to n floats each: the bands before, then the bands after; any
 *          alignment. Values must be finite: a NaN makes its sums NaN.
 * weights  1 .. TB_MAD_COMPONENTS_MAX components.
 * Exactness: all variants equal _c bit for bit; w is chi2_upper's to 1e-13 of itself (what a weight
 * is worth beyond that is lost in the sums). Samples are converted and centred once, and nothing
 * but the sums leaves the inner cache.
 */
#ifndef TUBAN_KERNELS_IRMAD_H
#define TUBAN_KERNELS_IRMAD_H

#include <stddef.h>

#include "kernels/isa.h"
#include "kernels/mad.h"
#include "kernels/moments.h"

typedef void tb_irmad_add_fn(tb_moments *sums, const float *const *channel,
                             const tb_mad_weights *weights, size_t n);

tb_irmad_add_fn TB_KERNEL(tb_irmad_add);

#endif
