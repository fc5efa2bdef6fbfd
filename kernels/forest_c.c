#include "kernels/forest.h"

enum { CHUNK = 256 };

/* All seven questions are asked of every pixel: selects vectorise, branches would not. */
static void add_tree(float *restrict margin, const float *const *features, size_t at,
                     const tb_tree *tree, size_t n)
{
    const float *f0 = features[tree->feature[0]] + at, *f1 = features[tree->feature[1]] + at;
    const float *f2 = features[tree->feature[2]] + at, *f3 = features[tree->feature[3]] + at;
    const float *f4 = features[tree->feature[4]] + at, *f5 = features[tree->feature[5]] + at;
    const float *f6 = features[tree->feature[6]] + at;
    const float *t = tree->threshold, *leaf = tree->leaf;
    const float  t0 = t[0], t1 = t[1], t2 = t[2], t3 = t[3], t4 = t[4], t5 = t[5], t6 = t[6];
    const float  l0 = leaf[0], l1 = leaf[1], l2 = leaf[2], l3 = leaf[3];
    const float  l4 = leaf[4], l5 = leaf[5], l6 = leaf[6], l7 = leaf[7];

    for (size_t x = 0; x < n; x++) {
        float a = f3[x] < t3 ? l0 : l1, b = f4[x] < t4 ? l2 : l3;
        float c = f5[x] < t5 ? l4 : l5, d = f6[x] < t6 ? l6 : l7;
        float left = f1[x] < t1 ? a : b, right = f2[x] < t2 ? c : d;

        margin[x] += f0[x] < t0 ? left : right;
    }
}

void TB_KERNEL(tb_forest_row)(float *restrict margin, const float *const *features,
                              const tb_tree *trees, int count, size_t n)
{
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        for (size_t x = 0; x < length; x++)
            margin[at + x] = 0.0f;
        for (int t = 0; t < count; t++)
            add_tree(margin + at, features, at, trees + t, length);
    }
}
