/** One block: read, scored, decided, cut into runs, with the evidence of its parts. */
#ifndef TUBAN_SWEEP_BLOCK_H
#define TUBAN_SWEEP_BLOCK_H

#include <stdint.h>

#include "core/error.h"
#include "detect/score.h"
#include "model/model.h"
#include "raster/pair.h"
#include "region/label.h"
#include "region/runs.h"

/**
 * The evidence of a pair of `bands` bands: the fixed columns, then for each band the sum and the
 * sum of squares of its quantised samples in the earlier and in the later date.
 */
typedef struct tb_evidence {
    tb_evidence_layout layout;
    char (*names)[24];
    const char **name;
    bool        *is_maximum;
    double       by_quantum[TB_BANDS_MAX]; /**< a sample counts floor(sample * by_quantum + 1/2) */
} tb_evidence;

tb_status tb_evidence_new(tb_evidence *evidence, const tb_model *model, tb_error *err);
void      tb_evidence_reset(tb_evidence *evidence);

/** Scores in evidence are multiples of the stratum's threshold / TB_SCORE_UNIT. */
enum { TB_SCORE_UNIT = 1024 };

/** A worker's buffers. Zero-initialised is empty; free with tb_block_reset. */
typedef struct tb_block {
    tb_pair_block pixels; /**< the rows that are looked at still */
    tb_scores     scores;

    tb_screen_buffers screen;

    uint8_t  *classes; /**< tb_run_kind of the block's pixels */
    float    *score;   /**< likewise, where they are kept */
    tb_label *label;
    int64_t  *of_runs;  /**< evidence of each changed run, of which there are: */
    size_t    changed;  /**< in the order of the runs */
    int64_t  *evidence; /**< of the parts */
    size_t    class_capacity, score_capacity, run_capacity, evidence_capacity;

    tb_run_block runs; /**< the result; borrows the buffers above */
} tb_block;

void tb_block_reset(tb_block *block);

/** Bytes it takes at most for blocks of so many pixels' side, but for some as ragged as noise. A
 * halo of more than TB_SCORING_HALO_MAX is a screen's. */
size_t tb_block_bytes(int bands, int64_t side, int halo);

/**
 * Makes the block at `rect` of the lattice. `model` has been applied to the reader's pair.
 * @param keeps_scores  block->score is wanted.
 */
tb_status tb_block_make(tb_block *block, tb_rect rect, const tb_model *model,
                        const tb_evidence *evidence, bool keeps_scores, tb_pair_reader *reader,
                        const tb_kernels *kernels, tb_error *err);

#endif
