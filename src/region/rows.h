/**
 * The runs of all blocks of all shards of one pair as one stream, ordered by row and column.
 *
 * Blocks may be cut in any way as long as they do not overlap; those that a row crosses are read in
 * turn, each through a small buffer.
 */
#ifndef TUBAN_REGION_ROWS_H
#define TUBAN_REGION_ROWS_H

#include "region/runs.h"

/** One run of the stream. */
typedef struct tb_rows_item {
    int64_t row, first, last;
    int64_t part; /**< unique over all blocks; -1 when unobserved */
    const int64_t
           *evidence; /**< of the part where it first appears, else NULL; until the next call */
    uint8_t kind;
    bool    is_at_side;    /**< it touches the left or right border of its block */
    bool    is_border_row; /**< some block begins or ends with this row */
} tb_rows_item;

typedef struct tb_rows tb_rows;

/**
 * Returns a stream over the shards, which it borrows; free with tb_rows_close. All must have the
 * same columns of evidence.
 * @return TB_OK, TB_E_INPUT when they do not fit each other, TB_E_MEMORY.
 * Cost: 100 bytes a block, and 100 kB for each block that one row crosses.
 */
tb_status tb_rows_open(tb_rows **out, tb_run_reader *const *shards, size_t count, tb_error *err);

void tb_rows_close(tb_rows *rows);

/** Parts in all blocks together. */
int64_t tb_rows_part_count(const tb_rows *rows);

/** The smallest rectangle around all blocks. */
tb_rect tb_rows_bounds(const tb_rows *rows);

/** Pixels of the blocks that lie wholly above the row of the last item. */
int64_t tb_rows_pixels_passed(const tb_rows *rows);

/** Goes back to the first row. */
void tb_rows_restart(tb_rows *rows);

/**
 * Takes the next run; *has is false when there is none left.
 * @return TB_E_INPUT when a shard cannot be read, is out of order, or blocks overlap.
 */
tb_status tb_rows_next(tb_rows *rows, tb_rows_item *item, bool *has, tb_error *err);

#endif
