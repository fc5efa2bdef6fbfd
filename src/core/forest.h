/**
 * Disjoint sets (Tarjan 1975) in an array of parents: an element that is its own parent is a root.
 *
 * Of two sets the lower root wins, so that a root is the first element of its set whatever order
 * they were united in. Paths are halved as they are walked. The sets of one block or shape have
 * elements of 32 bits, those of all blocks of 64.
 */
#ifndef TUBAN_CORE_FOREST_H
#define TUBAN_CORE_FOREST_H

#include <stdint.h>

static inline uint32_t tb_forest_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i         = parent[i];
    }
    return i;
}

static inline void tb_forest_unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = tb_forest_root(parent, a);
    b = tb_forest_root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static inline int64_t tb_forest64_root(int64_t *parent, int64_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i         = parent[i];
    }
    return i;
}

static inline void tb_forest64_unite(int64_t *parent, int64_t a, int64_t b)
{
    a = tb_forest64_root(parent, a);
    b = tb_forest64_root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

#endif
