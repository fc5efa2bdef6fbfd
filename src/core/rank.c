#include "core/rank.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

void tb_rank_sort(float *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
}

static float middle_of_three(float a, float b, float c)
{
    if (a < b)
        return b < c ? b : a < c ? c : a;
    return a < c ? a : b < c ? c : b;
}

float tb_rank_select(float *values, int64_t n, int64_t rank)
{
    int64_t low = 0, high = n - 1;

    while (low < high) {
        int64_t quarter = (high - low) / 4, i = low, j = high;
        float   pivot = middle_of_three(values[low + quarter], values[low + 2 * quarter],
                                        values[high - quarter]);

        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (pivot < values[j])
                j--;
            if (i <= j) {
                float value = values[i];

                values[i++] = values[j];
                values[j--] = value;
            }
        }
        if (rank <= j)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break; /* what lies between is the pivot */
    }
    return values[rank];
}
