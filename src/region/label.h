/**
 * Runs and parts of one block: the pixel wing's last step.
 */
#ifndef TUBAN_REGION_LABEL_H
#define TUBAN_REGION_LABEL_H

#include "region/runs.h"

/** What labelling a block needs; reused from block to block, growing with the most runs seen. */
typedef struct tb_label tb_label;

/** Returns an empty workspace; free with tb_label_free. */
tb_status tb_label_new(tb_label **out, tb_error *err);

void tb_label_free(tb_label *label);

/**
 * Cuts a block's classes into runs and labels what is connected inside it, weak and strong
 * together.
 *
 * Two-pass run labelling with union-find (He, Chao & Suzuki 2008); of two sets the lower wins, so
 * that parts count up in the order in which they first appear. To gather evidence walk block->runs:
 * every run names its part.
 *
 * @param classes       [rect.height] rows of rect.width bytes, tb_run_kind; borrowed.
 * @param stride        bytes from one row to the next.
 * @param rect          where the block lies; fewer than 2^31 pixels.
 * @param block         runs and part_count borrow `label` until its next use; evidence is NULL: the
 *                      caller has [part_count][columns] to fill.
 * @return TB_OK, TB_E_MEMORY, TB_E_BUG for a block too large.
 * Threads: one caller per workspace.   Cost: O(pixels), 36 bytes a run and no allocation once the
 * workspace has grown to the densest block.
 */
tb_status tb_label_block(tb_label *label, const uint8_t *classes, size_t stride, tb_rect rect,
                         tb_connectivity connectivity, tb_run_block *block, tb_error *err);

#endif
