/**
 * The sum of a forest of small decision trees over one row of features (Friedman 2001, as XGBoost
 * grows them):
 *
 *   margin[x] = sum_t leaf_t(features[.][x]),  t in order, in float from 0
 *
 * A tree is full and three levels deep: node i goes on to 2 i + 1 where its feature is below its
 * threshold, else to 2 i + 2; nodes 7 .. 14 are the leaves 0 .. 7. A shallower tree repeats its
 * leaves.
 *
 * features  TB_FOREST_FEATURES_MAX pointers at most, to n floats each, any alignment. Comparing
 *           NaN is false: it goes to 2 i + 2. Whoever wants NaN out looks for it.
 * Exactness: all variants equal _c bit for bit (comparisons, and one float addition a tree).
 */
#ifndef TUBAN_KERNELS_FOREST_H
#define TUBAN_KERNELS_FOREST_H

#include <stddef.h>

#include "kernels/isa.h"

enum { TB_TREE_NODES = 7, TB_TREE_LEAVES = 8, TB_FOREST_FEATURES_MAX = 16 };

typedef struct tb_tree {
    int   feature[TB_TREE_NODES]; /**< 0 .. TB_FOREST_FEATURES_MAX - 1 */
    float threshold[TB_TREE_NODES];
    float leaf[TB_TREE_LEAVES];
} tb_tree;

typedef void tb_forest_row_fn(float *restrict margin, const float *const *features,
                              const tb_tree *trees, int count, size_t n);

tb_forest_row_fn TB_KERNEL(tb_forest_row);

#endif
