#include "parcel/boxtree.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

enum { FAN = 8, LEVELS_MOST = 24 }; /* 8^24 boxes are more than memory has */

/*
 * Leaves in the order of tiles (Leutenegger et al., STR, 1997), then what is around each eight of
 * the level below.
 */
struct tb_boxtree {
    tb_box *box;    /* of all levels, the leaves first */
    size_t *number; /* of the leaves */
    size_t  first[LEVELS_MOST], count[LEVELS_MOST];
    int     levels;
};

/* A box on its way to its place: its strip of the middles along x, and its middle along y. */
typedef struct placed {
    double key;
    size_t number;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *p = a, *q = b;

    if (p->key != q->key)
        return (p->key > q->key) - (p->key < q->key);
    return (p->number > q->number) - (p->number < q->number);
}

/* The numbers of boxes by strips of some √n of them, along y within a strip. */
static void order(placed *all, const tb_box *boxes, size_t count)
{
    size_t leaves = (count + FAN - 1) / FAN;
    size_t strip  = FAN * (size_t)ceil(sqrt((double)leaves));

    for (size_t i = 0; i < count; i++)
        all[i] = (placed){boxes[i].low.x + boxes[i].high.x, i};
    qsort(all, count, sizeof *all, compare_placed);
    for (size_t i = 0; i < count; i++)
        all[i].key = boxes[all[i].number].low.y + boxes[all[i].number].high.y;
    for (size_t i = 0; i < count; i += strip)
        qsort(all + i, count - i < strip ? count - i : strip, sizeof *all, compare_placed);
}

static void make_level(tb_boxtree *tree, int level)
{
    const tb_box *below = tree->box + tree->first[level - 1];
    tb_box       *to    = tree->box + tree->first[level];

    for (size_t i = 0; i < tree->count[level - 1]; i++)
        to[i / FAN] = i % FAN == 0 ? below[i] : tb_box_of_boxes(to[i / FAN], below[i]);
}

tb_status tb_boxtree_new(tb_boxtree **out, const tb_box *boxes, size_t count, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_boxtree *tree   = NULL;
    placed     *all    = NULL;
    size_t      total  = 0;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&tree, 1, sizeof *tree, "index of boxes", err));
    for (size_t n = count; tree->levels == 0 || n > 1; tree->levels++) {
        n                         = tree->levels == 0 ? count : (n + FAN - 1) / FAN;
        tree->first[tree->levels] = total;
        tree->count[tree->levels] = n;
        total += n;
    }
    TB_TRY(tb_alloc(&tree->box, total, sizeof *tree->box, "index of boxes", err));
    TB_TRY(tb_alloc(&tree->number, count, sizeof *tree->number, "index of boxes", err));
    TB_TRY(tb_alloc(&all, count, sizeof *all, "index of boxes", err));
    order(all, boxes, count);
    for (size_t i = 0; i < count; i++) {
        tree->box[i]    = boxes[all[i].number];
        tree->number[i] = all[i].number;
    }
    for (int level = 1; level < tree->levels; level++)
        make_level(tree, level);
    *out = tree;
    tree = NULL;
done:
    tb_free(all);
    tb_boxtree_free(tree);
    return status;
}

void tb_boxtree_free(tb_boxtree *tree)
{
    if (tree == NULL)
        return;
    tb_free(tree->box);
    tb_free(tree->number);
    tb_free(tree);
}

/* Looks at some boxes of a level, and at what they are around; false: it is to stop. */
static bool find(const tb_boxtree *tree, int level, size_t from, size_t until, const tb_box *box,
                 bool (*hear)(void *context, size_t number), void *context)
{
    const tb_box *of = tree->box + tree->first[level];

    for (size_t i = from; i < until && i < tree->count[level]; i++) {
        if (tb_boxes_apart(of[i], *box))
            continue;
        if (level == 0 ? !hear(context, tree->number[i])
                       : !find(tree, level - 1, FAN * i, FAN * (i + 1), box, hear, context))
            return false;
    }
    return true;
}

void tb_boxtree_find(const tb_boxtree *tree, tb_box box, bool (*hear)(void *context, size_t number),
                     void *context)
{
    if (tree != NULL)
        find(tree, tree->levels - 1, 0, tree->count[tree->levels - 1], &box, hear, context);
}
