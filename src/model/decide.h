/** The threshold of a stratum, from the scores of its sample. docs/methods/threshold.md */
#ifndef TUBAN_MODEL_DECIDE_H
#define TUBAN_MODEL_DECIDE_H

#include <stdint.h>

#include "core/error.h"
#include "detect/method.h"
#include "model/fit.h"
#include "model/model.h"

/** Scores of a sample, counted: a joint histogram of score and whether the contrast bound holds. */
typedef struct tb_tally {
    double   contrast; /**< the bound */
    int64_t *all;      /**< by tb_tally_bin of the score */
    int64_t *bound;    /**< of those, the ones whose contrast is at least the bound */
} tb_tally;

tb_status tb_tally_init(tb_tally *tally, double contrast, tb_error *err);
void      tb_tally_reset(tb_tally *tally);

/** Counts a pixel; NaN is not counted. */
void tb_tally_add(tb_tally *tally, float score, float contrast);

/**
 * Chooses rule and value (see options->prior), the hysteresis around it, and says why nothing is
 * flagged where nothing is.
 */
tb_status tb_threshold_decide(tb_model_threshold *threshold, const tb_tally *tally,
                              const tb_method *method, const tb_fit_options *options, tb_error *err);

#endif
