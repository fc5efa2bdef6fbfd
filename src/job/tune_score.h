/** What each combination is worth on each fold, and which is best. */
#ifndef TUBAN_JOB_TUNE_SCORE_H
#define TUBAN_JOB_TUNE_SCORE_H

#include "eval/figures.h"
#include "job/tune_grid.h"
#include "job/tune_labels.h"

/** What there is to choose from; all borrowed. */
typedef struct tb_tune_scores {
    const tb_tune_grid   *grid;
    const tb_tune_labels *labels;
    const tb_tune_tally  *flagged; /**< [grid->count][sets of the labels] */
    tb_tune_aim           aim;
    bool                  may_flag_all; /**< implausible ones may be chosen */
} tb_tune_scores;

tb_eval_figures tb_tune_figures(tb_tune_tally flagged, tb_tune_tally all);

/** The tallies of a combination, one a set. */
const tb_tune_tally *tb_tune_scores_of(const tb_tune_scores *scores, int combination);

/** Figures of a combination on all folds but those near `but` (by set), or on all where that is -1.
 */
tb_eval_figures tb_tune_scores_without(const tb_tune_scores *scores, int combination, int but);

/** The combination with the best figure without a set; the first of equal ones. */
int tb_tune_scores_best(const tb_tune_scores *scores, int but);

#endif
