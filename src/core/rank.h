/** Order statistics of floats. No value may be NaN. */
#ifndef TUBAN_CORE_RANK_H
#define TUBAN_CORE_RANK_H

#include <stdint.h>

/** Sorts ascending. */
void tb_rank_sort(float *values, int64_t n);

/**
 * The value with `rank` others before it in ascending order, 0 <= rank < n. Reorders the values;
 * O(n) but for orders made to be bad. Hoare (1961), Commun. ACM 4, 321: FIND.
 */
float tb_rank_select(float *values, int64_t n, int64_t rank);

#endif
