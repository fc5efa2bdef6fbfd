/**
 * Parameters of detection from labels, by spatially blocked cross-validation.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_TUNE_H
#define TUBAN_TUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "tuban/run.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Two dates and what is known to have changed between them. */
typedef struct tb_tune_pair {
    const char *before, *after;
    const char *truth; /**< on the grid of `before`, as tb_eval reads it */
} tb_tune_pair;

typedef enum tb_tune_aim {
    TB_TUNE_F1,
    TB_TUNE_IOU,
    TB_TUNE_KAPPA,
} tb_tune_aim;

/**
 * What is searched. Zero means the default; everything is borrowed.
 *
 * The lists are words between commas. Every combination of them is tried, and the defaults of
 * detect beside them.
 */
typedef struct tb_tune_options {
    const tb_tune_pair *pairs;
    int                 pair_count;
    const char         *methods;    /**< auto or names; NULL: auto */
    const char         *smoothings; /**< auto or pixels, 0 is none; NULL: auto */
    const char         *priors;     /**< auto, rare, common, rate=F; NULL: auto,rare,common */
    const char         *factors;    /**< of the threshold; NULL: .5 to 2 in eleven steps */
    const char         *min_pixels; /**< NULL: 5,10,20 */
    tb_tune_aim         aim;        /**< what is made as great as may be, over pooled pixels */
    int64_t             side;       /**< of a block, pixels; 0: 128 */
    int64_t             guard; /**< pixels; 0: 34, what two scores may share; at most side / 2 */
    int                 folds; /**< 0: 5 */
    tb_sensor           sensor;
    bool                is_not_registered;
    bool                may_flag_all; /**< try also what detect refuses as implausible */
    double              sample;       /**< as tb_detect_options has it */
    tb_runtime          runtime;
} tb_tune_options;

/**
 * Searches the parameters that fit the labels, and tells what they are worth elsewhere.
 *
 * Each combination is fitted and swept as detect does it, pair by pair. The raster of each pair is
 * cut into square blocks, dealt to folds of like amounts of change (by count of changed pixels).
 * For each fold the combination that does best on the other blocks, less what lies within `guard`
 * of the fold, is scored on the fold. The sum over the folds is the *cross-validated* score: no
 * pixel is scored by parameters that were chosen on it or on its neighbours. With several pairs the
 * same is done leaving out one pair at a time, which is what another scene may expect. The score of
 * the finally chosen parameters on the very pixels they were chosen on is *optimistic*, and told
 * beside. Not observed counts as unchanged, as in tb_eval. Of equal scores the default wins, then
 * the first in the order of the lists.
 *
 * @param json  `{"aim", "pairs", "side", "guard", "rows": [{"method", "smoothing", "prior",
 *              "threshold_factor", "min_pixels", "is_default", "implausible", "f1", "iou", "kappa",
 *              "precision", "recall"}], "chosen": {...}, "default": {...}, "cross_validated":
 *              {"f1", ..., "folds": [{"fold", "chosen", "learnt", "scored", "default"}]},
 * "by_pair": the same or null, "detect": "detect: {...}\n", "notes"}`; free with tb_text_release.
 *              On failure NULL.
 * @return TB_OK; TB_E_USAGE for a wrong list or number; TB_E_INPUT when an image cannot be read, a
 *         truth does not lie on its pair's grid, or fewer than two blocks have change; TB_E_OUTPUT
 *         when the temporary folder cannot be written; TB_E_MEMORY; TB_E_CANCELLED.
 *
 * The same bytes for any threads, block, shards and processor. Threads: one call at a time (HDF5).
 * Cost: a fit for each pair, method, smoothing and prior, a sweep more for each factor, an assembly
 * more for each least size; stage files go to a folder under $TMPDIR (/tmp) and are removed.
 */
TB_API tb_status tb_tune(const tb_tune_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
