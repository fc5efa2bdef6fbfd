/** The first pass of an assembly: which parts are one component, and what becomes of it. */
#ifndef TUBAN_REGION_JOINING_H
#define TUBAN_REGION_JOINING_H

#include "region/assemble.h"
#include "region/rows.h"

/** What the pass finds out; both arrays have one element a part. */
typedef struct tb_joining {
    int64_t           *parent; /**< the first part of the component */
    int64_t           *state;  /**< of first parts, as below; what comes after may write over it */
    tb_assemble_totals totals;
} tb_joining;

/** State of a component: 0 without a strong pixel, else twice the pixels, and one more where it is
 * kept. */
static inline tb_verdict tb_joining_verdict(int64_t state)
{
    return state == 0 ? TB_VERDICT_NONE : (state & 1) != 0 ? TB_VERDICT_KEPT : TB_VERDICT_SMALL;
}

static inline int64_t tb_joining_pixels(int64_t state)
{
    return state / 2;
}

/** Hears of each row; a failure ends the pass with its status. */
typedef tb_status tb_joining_row_fn(void *context, tb_error *err);

/**
 * Joins the parts that touch across borders of blocks (inside one they are joined already) and
 * decides each component.
 * @param joining  all zero; free with tb_joining_reset, whatever is returned.
 * @param rows     read to the end.
 * @param on_row   called with `context` as each row but the last ends.
 * @return TB_OK; TB_E_MEMORY; what reading or `on_row` returned.
 * Cost: O(runs); 16 bytes a part.
 */
tb_status tb_joining_make(tb_joining *joining, tb_rows *rows, const tb_assemble_options *options,
                          tb_joining_row_fn *on_row, void *context, tb_error *err);

void tb_joining_reset(tb_joining *joining);

#endif
