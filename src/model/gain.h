/** Robust figures of radar samples: how much brighter one date is, and how far values spread. */
#ifndef TUBAN_MODEL_GAIN_H
#define TUBAN_MODEL_GAIN_H

#include <stdint.h>

/**
 * The factor that brings the later date to the earlier: the median ratio of the samples that are
 * above 0 and at least their date's median on both dates. Darkness tells of noise and of the
 * sensor's steps, not of the gain. 1 where there are none.
 *
 * A factor on a date is found exactly, and the square of all samples squares the gain: medians
 * depend on order alone.
 * @param before, after  n finite samples, n > 0; borrowed.
 * @param scratch        room for n; written.
 */
float tb_gain_of(const float *before, const float *after, int64_t n, float *scratch);

/** The median of |value - median|; 0 where n is. Overwrites the values. */
float tb_median_deviation(float *values, int64_t n);

#endif
