/** Order statistics of floats. No value may be NaN. */
#ifndef TUBAN_CORE_RANK_H
#define TUBAN_CORE_RANK_H

#include <stdint.h>

/** Sorts ascending. */
void tb_rank_sort(float *values, int64_t n);

/**
 * The value with `rank` others before it in ascending order, 0 <= rank < n. Reorders the values:
 * those before place `rank` are not greater then, those behind it not less. O(n) but for orders
 * made to be bad. After Floyd & Rivest (1975), Commun. ACM 18, 173: SELECT.
 */
float tb_rank_select(float *values, int64_t n, int64_t rank);

/** The same of values that stay as they are. scratch: room for n; as a rule a fifth is used. */
float tb_rank_find(const float *values, int64_t n, int64_t rank, float *scratch);

#endif
