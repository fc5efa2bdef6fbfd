#include "core/rank.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

void tb_rank_sort(float *values, int64_t n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
}

enum { FEW = 64, LOOKED_AT_MOST = 128 };

static void sort_few(float *values, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        float   value = values[i];
        int64_t k     = i;

        for (; k > 0 && values[k - 1] > value; k--)
            values[k] = values[k - 1];
        values[k] = value;
    }
}

/*
 * Brings the values below the bound before the others, or those with it; returns how many there
 * are. Each is moved, if to its own place: which of them are below is not to be foretold.
 */
static int64_t part(float *values, int64_t n, float bound, bool is_with)
{
    int64_t end = 0;

    for (int64_t i = 0; i < n; i++) {
        float value = values[i];

        values[i]   = values[end];
        values[end] = value;
        end += (value < bound) | (is_with & (value == bound));
    }
    return end;
}

/* Bounds between which the value of that rank probably lies, and a value near the middle: of a few
 * that are sorted, those as far from its place as a place among so few is uncertain. */
static void bracket(float *low, float *high, float *middle, const float *values, int64_t n,
                    int64_t rank)
{
    float   few[LOOKED_AT_MOST];
    int64_t count = n / 8 < LOOKED_AT_MOST ? n / 8 : LOOKED_AT_MOST, error = 1;
    int64_t place = rank * count / n;

    for (int64_t i = 0; i < count; i++)
        few[i] = values[i * n / count];
    sort_few(few, count);
    while (error * error < count)
        error++;
    *low    = place >= error ? few[place - error] : -INFINITY;
    *high   = place + error < count ? few[place + error] : INFINITY;
    *middle = few[count / 2];
}

float tb_rank_select(float *values, int64_t n, int64_t rank)
{
    while (n > FEW) {
        float   low, high, middle;
        int64_t below, end;

        bracket(&low, &high, &middle, values, n, rank);
        below = low > -INFINITY ? part(values, n, low, false) : 0;
        end = high < INFINITY && rank >= below ? below + part(values + below, n - below, high, true)
                                               : n;
        if (below == 0 && end == n) { /* of a few values, many times each */
            below = part(values, n, middle, false);
            end   = below + part(values + below, n - below, middle, true);
            if (below <= rank && rank < end)
                return middle;
        }
        if (rank < below) {
            n = below;
            continue;
        }

        int64_t begin = rank < end ? below : end;

        n = (rank < end ? end : n) - begin;
        values += begin;
        rank -= begin;
    }
    sort_few(values, n);
    return values[rank];
}

float tb_rank_find(const float *values, int64_t n, int64_t rank, float *scratch)
{
    float   low = -INFINITY, high = INFINITY, middle;
    int64_t below = 0, kept = 0;

    if (n > FEW)
        bracket(&low, &high, &middle, values, n, rank);
    for (int64_t i = 0; i < n; i++) {
        scratch[kept] = values[i];
        kept += (values[i] >= low) & (values[i] <= high);
        below += values[i] < low;
    }
    if (rank >= below && rank < below + kept)
        return tb_rank_select(scratch, kept, rank - below);
    memcpy(scratch, values, (size_t)n * sizeof *scratch);
    return tb_rank_select(scratch, n, rank);
}
