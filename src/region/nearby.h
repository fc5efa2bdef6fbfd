/**
 * What lies near components while they are told of row by row: pixels of others at most
 * TB_NEARBY_REACH rows and columns from one of theirs.
 */
#ifndef TUBAN_REGION_NEARBY_H
#define TUBAN_REGION_NEARBY_H

#include "region/assemble.h"

/** How near: rows and columns. */
enum { TB_NEARBY_REACH = 2 };

/** A run of a row, and the number its component is known by here. */
typedef struct tb_nearby_run {
    int64_t  first, last;
    uint32_t slot;
} tb_nearby_run;

typedef struct tb_nearby_row {
    tb_nearby_run *runs;
    size_t         count, capacity;
    int64_t        row;
} tb_nearby_row;

/** The rows that are compared with those to come. */
typedef struct tb_nearby {
    tb_nearby_row recent[TB_NEARBY_REACH + 1]; /* the latest first */
} tb_nearby;

/** Hears that a span lies near the component `slot`; a failure ends the row with its status. */
typedef tb_status tb_nearby_add_fn(void *context, uint32_t slot, tb_span span, tb_error *err);

/** All rows are empty and far away; free with tb_nearby_reset. */
void tb_nearby_init(tb_nearby *nearby);
void tb_nearby_reset(tb_nearby *nearby);

/** Appends a run to the latest row. */
tb_status tb_nearby_append(tb_nearby *nearby, int64_t first, int64_t last, uint32_t slot,
                           tb_error *err);

/** Tells what lies near each other in the latest row and those before; `next_row` is the latest
 * from then on. */
tb_status tb_nearby_end_row(tb_nearby *nearby, int64_t next_row, tb_nearby_add_fn *add,
                            void *context, tb_error *err);

#endif
