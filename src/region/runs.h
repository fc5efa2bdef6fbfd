/**
 * Runs and their evidence: what crosses from the pixel wing to the parcel wing, and the files of
 * it.
 *
 * A *run* is a stretch of equal pixels in one row. A *part* is what is connected inside one block;
 * its *evidence* is a row of integers that add up (or whose maximum is taken) when parts are
 * joined, so that neither the order of joining nor the cutting into blocks can be seen in it. A
 * *shard file* holds the blocks that tile one rectangle of the lattice, in any order.
 */
#ifndef TUBAN_REGION_RUNS_H
#define TUBAN_REGION_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"

/** Classes of a pixel; 0 is unchanged and makes no run. */
typedef enum tb_run_kind {
    TB_RUN_NONE       = 0,
    TB_RUN_WEAK       = 1, /**< changed if it is connected to a strong one */
    TB_RUN_STRONG     = 2, /**< changed */
    TB_RUN_UNOBSERVED = 3, /**< no answer: cloud, no image */
} tb_run_kind;

/** Which neighbours are connected: those sharing an edge, or a corner too. */
typedef enum tb_connectivity { TB_CONNECT_4 = 4, TB_CONNECT_8 = 8 } tb_connectivity;

/** Pixels first..last (both included) of a row of the lattice. */
typedef struct tb_run {
    int64_t row, first, last;
    int32_t part; /**< from 0 in order of first appearance in the block; -1 when unobserved */
    uint8_t kind; /**< tb_run_kind */
} tb_run;

/** The evidence columns every layout starts with. */
enum {
    TB_EVIDENCE_PIXELS,            /**< weak and strong */
    TB_EVIDENCE_STRONG,            /**< strong pixels */
    TB_EVIDENCE_SCORE_SUM,         /**< of the quantised score */
    TB_EVIDENCE_SCORE_MAX,         /**< the only maximum among these */
    TB_EVIDENCE_UNOBSERVED_BESIDE, /**< pixels with a neighbour that is not observed */
    TB_EVIDENCE_FIXED,
};

enum { TB_EVIDENCE_COLUMNS_MAX = 256 };

/** What the columns of evidence mean. */
typedef struct tb_evidence_layout {
    int                columns;    /**< TB_EVIDENCE_FIXED .. TB_EVIDENCE_COLUMNS_MAX */
    const char *const *names;      /**< one a column; no commas */
    const bool        *is_maximum; /**< one a column; false: summed */
} tb_evidence_layout;

/** The layout of the fixed columns alone; never NULL, lives as long as the program. */
const tb_evidence_layout *tb_evidence_fixed(void);

/** Sets `rows` rows of evidence to nothing seen: 0 in sums, INT64_MIN in maxima. */
void tb_evidence_clear(const tb_evidence_layout *layout, int64_t *evidence, size_t rows);

/**
 * The sum of two amounts, or the end of the range it is beyond: squares of absurd samples end there
 * in whatever order they are added, since they have one sign.
 */
static inline int64_t tb_evidence_sum(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/** Joins one row of evidence into another. */
void tb_evidence_join(const tb_evidence_layout *layout, int64_t *into, const int64_t *from);

/** The result of one block; borrows everything. */
typedef struct tb_run_block {
    tb_rect        rect; /**< of the lattice, less than 2^31 pixels wide and high */
    const tb_run  *runs; /**< sorted by row, then first; inside rect, not overlapping */
    size_t         run_count;
    const int64_t *evidence; /**< [part_count][layout.columns] */
    size_t         part_count;
} tb_run_block;

typedef struct tb_run_writer tb_run_writer;

/**
 * Starts a shard file for the rectangle; close with tb_run_writer_close. Nothing is seen at `path`
 * before tb_run_writer_finish. `layout` is borrowed for as long as the writer lives.
 * @return TB_E_OUTPUT with the path when it cannot be written.
 * Threads: HDF5 takes one at a time, whatever the object.   Cost: about 0.3 MB.
 */
tb_status tb_run_writer_create(tb_run_writer **out, const char *path, tb_rect rect,
                               const tb_evidence_layout *layout, tb_error *err);

/** Appends a block. Cost: 20 bytes a run, 8 bytes a part and column. */
tb_status tb_run_writer_append(tb_run_writer *writer, const tb_run_block *block, tb_error *err);

/**
 * Completes the file and renames it to its path. Only closing may follow.
 * @return TB_E_BUG when the blocks do not cover the rectangle, TB_E_OUTPUT as above.
 */
tb_status tb_run_writer_finish(tb_run_writer *writer, tb_error *err);

/** Frees; a file that is not finished is removed. NULL is legal. */
void tb_run_writer_close(tb_run_writer *writer);

/** Where a block lies and how much is in it. */
typedef struct tb_run_entry {
    tb_rect rect;
    int64_t first_run, run_count;
    int64_t first_part, part_count;
} tb_run_entry;

typedef struct tb_run_reader tb_run_reader;

/**
 * Opens a shard file; close with tb_run_reader_close.
 * @return TB_E_INPUT with the path when it is missing, no run file, or damaged.
 * Cost: 64 bytes a block.
 */
tb_status tb_run_reader_open(tb_run_reader **out, const char *path, tb_error *err);

void tb_run_reader_close(tb_run_reader *reader);

/** What the file says of itself; all borrow the reader. */
const char               *tb_run_reader_path(const tb_run_reader *reader);
tb_rect                   tb_run_reader_rect(const tb_run_reader *reader);
const tb_evidence_layout *tb_run_reader_layout(const tb_run_reader *reader);
size_t                    tb_run_reader_block_count(const tb_run_reader *reader);
const tb_run_entry       *tb_run_reader_entry(const tb_run_reader *reader, size_t block);

/**
 * Reads runs first .. first + count - 1 of a block, in order.
 * @return TB_E_INPUT when they cannot be read, or lie outside the block.
 */
tb_status tb_run_reader_read(tb_run_reader *reader, size_t block, int64_t first, size_t count,
                             tb_run *runs, tb_error *err);

/** Reads the evidence of parts first .. first + count - 1 of a block; [count][columns]. */
tb_status tb_run_reader_read_evidence(tb_run_reader *reader, size_t block, int64_t first,
                                      size_t count, int64_t *evidence, tb_error *err);

#endif
