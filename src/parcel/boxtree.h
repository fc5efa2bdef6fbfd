/**
 * An index over boxes that never change: which of them meet another one.
 *
 * GEOS's tree wants a geometry for each box and for each question, which costs more than the
 * search.
 */
#ifndef TUBAN_PARCEL_BOXTREE_H
#define TUBAN_PARCEL_BOXTREE_H

#include "core/error.h"
#include "parcel/sides.h"

typedef struct tb_boxtree tb_boxtree;

/**
 * Returns an index of `count` boxes; free with tb_boxtree_free. Boxes are copied.
 * Cost: O(n log n); 48 bytes a box and a little more.
 */
tb_status tb_boxtree_new(tb_boxtree **out, const tb_box *boxes, size_t count, tb_error *err);
void      tb_boxtree_free(tb_boxtree *tree);

/** Tells of the numbers of all boxes that meet one, borders count; in no order that means anything.
 * NULL is a tree without boxes. `hear` returns false to stop.   Threads: safe. */
void tb_boxtree_find(const tb_boxtree *tree, tb_box box, bool (*hear)(void *context, size_t number),
                     void *context);

#endif
