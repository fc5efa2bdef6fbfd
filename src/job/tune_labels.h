/** The truth that tb_tune scores on: its blocks, dealt to folds, and the sets of pixels they make.
 */
#ifndef TUBAN_JOB_TUNE_LABELS_H
#define TUBAN_JOB_TUNE_LABELS_H

#include "core/text.h"
#include "eval/blocks.h"
#include "tuban/tune.h"

/** Pixels of one set: flagged ones that are truly changed, and not; or all, truly changed or not.
 */
typedef struct tb_tune_tally {
    int64_t changed, unchanged;
} tb_tune_tally;

/** The truth of a pair: 0, 1, 255, and its blocks. */
typedef struct tb_tune_truth {
    uint8_t  *truth; /**< [height][width] */
    tb_blocks blocks;
} tb_tune_truth;

typedef struct tb_tune_labels {
    tb_tune_truth *pair; /**< [pairs] */
    int            pairs, folds;
    int64_t        side, guard;
    /**
     * A tb_tune_tally for each set: of each fold its own pixels, [folds], those near it, [folds],
     * and those of each pair, [pairs].
     */
    tb_tune_tally *all;
} tb_tune_labels;

/** Takes pairs, side and guard from the options; TB_E_USAGE where they do not fit each other. */
tb_status tb_tune_labels_check(tb_tune_labels *labels, const tb_tune_options *options,
                               tb_error *err);

/**
 * Reads the truths, cuts them into blocks and deals those to folds.
 * @param labels  as checked; free with tb_tune_labels_reset, whatever is returned.
 * @param notes   told where fewer folds are made than were asked for.
 * @return TB_OK; TB_E_INPUT when a truth cannot be read or fewer than two blocks have change;
 * TB_E_MEMORY.
 */
tb_status tb_tune_labels_read(tb_tune_labels *labels, const tb_tune_options *options,
                              tb_text *notes, tb_error *err);

void tb_tune_labels_reset(tb_tune_labels *labels);

/** How many sets there are. */
static inline int tb_tune_labels_sets(const tb_tune_labels *labels)
{
    return 2 * labels->folds + labels->pairs;
}

/** Adds a pixel of a pair to the tallies of the sets it belongs to, by its truth. */
void tb_tune_labels_add(const tb_tune_labels *labels, tb_tune_tally *sets, int pair, int64_t x,
                        int64_t y);

#endif
