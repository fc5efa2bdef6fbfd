/**
 * Components of a raster that comes in whole rows and in one go.
 *
 * What assembly (region/assemble.h) does for blocks of shards, in any order, on any machine and
 * with evidence, at a fraction of its cost a run: one union over all rows (He, Chao and Suzuki
 * 2008), then the runs once more, from a work file, to tell of components as they end.
 */
#ifndef TUBAN_REGION_SHEET_H
#define TUBAN_REGION_SHEET_H

#include "region/assemble.h"

typedef struct tb_sheet tb_sheet;

/**
 * Begins a raster `width` pixels wide; free with tb_sheet_free.
 * @param expected_rows  how many will be added, for no more than to take memory at once.
 * @param work  path of the work file, removed at once: it has no name while it is in use.
 * @return TB_E_OUTPUT when that cannot be made; TB_E_INPUT for 2^31 columns and more.
 */
tb_status tb_sheet_new(tb_sheet **out, int64_t width, int64_t expected_rows,
                       tb_connectivity connectivity, const char *work, tb_error *err);

/**
 * Adds the rows that follow.
 * @param is_changed  [rows][width]; 0 or 1, nothing else.
 * Cost: O(pixels); a bit a pixel and 4 bytes a run of the work file, 12 bytes a run that none of
 * the row above meets.
 */
tb_status tb_sheet_add(tb_sheet *sheet, const uint8_t *is_changed, int64_t rows, tb_error *err);

/** What is told, of all rows; the totals count no weak and no unobserved pixels. */
typedef struct tb_sheet_options {
    int64_t min_pixels;
    bool    wants_nearby;
    tb_status (*component)(void *context, const tb_component *component, tb_error *err);
    void              *context;
    const tb_progress *progress; /**< "assemble"; may be NULL */
} tb_sheet_options;

/**
 * Tells of every component, once, as tb_assemble_visitor has it; `evidence` is NULL. Small ones are
 * told of, or left out where nothing nearby is wanted. Only freeing may follow.
 * @return TB_E_INPUT when the work file cannot be read; TB_E_MEMORY; TB_E_CANCELLED; or what
 * `component` returned.
 * Cost: O(runs); up to 24 bytes a run of the components that are open at once.
 */
tb_status tb_sheet_tell(tb_sheet *sheet, const tb_sheet_options *options,
                        tb_assemble_totals *totals, tb_error *err);

void tb_sheet_free(tb_sheet *sheet);

#endif
