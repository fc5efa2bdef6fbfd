#include "model/gain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Sorts; n > 0. */
static float median_of(float *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, compare_floats);
    return values[n / 2];
}

float tb_gain_of(const float *before, const float *after, int64_t n, float *scratch)
{
    float   middle_before, middle_after;
    int64_t kept = 0;

    memcpy(scratch, before, (size_t)n * sizeof *scratch);
    middle_before = median_of(scratch, n);
    memcpy(scratch, after, (size_t)n * sizeof *scratch);
    middle_after = median_of(scratch, n);
    for (int64_t i = 0; i < n; i++)
        if (before[i] > 0.0f && after[i] > 0.0f && before[i] >= middle_before &&
            after[i] >= middle_after)
            scratch[kept++] = before[i] / after[i];
    return kept > 0 ? median_of(scratch, kept) : 1.0f;
}

float tb_median_deviation(float *values, int64_t n)
{
    float middle;

    if (n == 0)
        return 0.0f;
    middle = median_of(values, n);
    for (int64_t i = 0; i < n; i++)
        values[i] = fabsf(values[i] - middle);
    return median_of(values, n);
}
