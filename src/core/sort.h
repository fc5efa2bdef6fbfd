/** Sorting of lists that are mostly short. */
#ifndef TUBAN_CORE_SORT_H
#define TUBAN_CORE_SORT_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { TB_SORT_FEW = 32, TB_SORT_SIZE_MOST = 64 };

/**
 * qsort of items of at most TB_SORT_SIZE_MOST bytes; a few are put in order one by one, which takes
 * less than to ask for it where size and comparison are known.
 */
static inline void tb_sort(void *items, size_t count, size_t size,
                           int (*compare)(const void *, const void *))
{
    unsigned char *all = items, it[TB_SORT_SIZE_MOST];

    if (count > TB_SORT_FEW) {
        qsort(items, count, size, compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        size_t at = i;

        memcpy(it, all + i * size, size);
        for (; at > 0 && compare(all + (at - 1) * size, it) > 0; at--)
            memcpy(all + at * size, all + (at - 1) * size, size);
        memcpy(all + at * size, it, size);
    }
}

#endif
