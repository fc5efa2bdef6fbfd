/**
 * Boxes of features, and the R-tree of a GeoPackage over them packed at once.
 *
 * SQLite finds a leaf and splits nodes for each box it is given: ten microseconds. Boxes that are
 * all known are sorted along a Hilbert curve and fill the nodes one after the other (Kamel and
 * Faloutsos 1993): a better tree, at the cost of a sort.
 */
#ifndef TUBAN_PUBLISH_BOXES_H
#define TUBAN_PUBLISH_BOXES_H

#include "publish/btree.h"

/** Least and greatest x, then y. */
typedef struct tb_box {
    double min_x, max_x, min_y, max_y;
} tb_box;

typedef struct tb_boxes tb_boxes;

/** Returns none yet; free with tb_boxes_free. */
tb_status tb_boxes_new(tb_boxes **out, tb_error *err);
void      tb_boxes_free(tb_boxes *boxes);

/** Adds the box of the next feature; they count from 1. Cost: 16 bytes. */
tb_status tb_boxes_add(tb_boxes *boxes, tb_box box, tb_error *err);

/** How many there are, and the box around them all. */
int64_t tb_boxes_count(const tb_boxes *boxes);
tb_box  tb_boxes_bounds(const tb_boxes *boxes);

/** The root pages of the three tables of SQLite's R-tree. */
typedef struct tb_boxes_roots {
    uint32_t node, rowid, parent;
} tb_boxes_roots;

/**
 * Writes the R-tree in place of an empty one: coordinates as 32-bit floats, rounded outwards as
 * SQLite does.
 * @return TB_E_OUTPUT, TB_E_MEMORY.
 * Cost: O(n), another 16 bytes a box while it runs.
 */
tb_status tb_boxes_write(tb_boxes *boxes, tb_pages *pages, tb_boxes_roots roots, tb_error *err);

#endif
