#include "model/gain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rank.h"

float tb_gain_of(const float *before, const float *after, int64_t n, float *scratch)
{
    float   middle_before, middle_after;
    int64_t kept = 0;

    middle_before = tb_rank_find(before, n, n / 2, scratch);
    middle_after  = tb_rank_find(after, n, n / 2, scratch);
    for (int64_t i = 0; i < n; i++)
        if (before[i] > 0.0f && after[i] > 0.0f && before[i] >= middle_before &&
            after[i] >= middle_after)
            scratch[kept++] = before[i] / after[i];
    return kept > 0 ? tb_rank_select(scratch, kept, kept / 2) : 1.0f;
}

float tb_median_deviation(float *values, int64_t n)
{
    float middle;

    if (n == 0)
        return 0.0f;
    middle = tb_rank_select(values, n, n / 2);
    for (int64_t i = 0; i < n; i++)
        values[i] = fabsf(values[i] - middle);
    return tb_rank_select(values, n, n / 2);
}
