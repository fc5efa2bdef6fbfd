/** Figures of a ranking of changed and unchanged pixels by score. */
#ifndef TUBAN_EVAL_RANKING_H
#define TUBAN_EVAL_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "tuban/eval.h"

/** Scores of pixels by what they truly are; pixels without one rank together at the end. */
typedef struct tb_ranking {
    double *changed;   /**< scores in rising order, no NaN; borrowed */
    double *unchanged; /**< scores in rising order, no NaN; borrowed */
    size_t  changed_count;
    size_t  unchanged_count;
    size_t  changed_unranked;
    size_t  unchanged_unranked;
} tb_ranking;

/**
 * Sorts scores into rising order; -0 becomes 0, so that equal scores are equal in their bits.
 *
 * Radix sort on the bits of the numbers, 16 at a time; digits all scores share cost nothing, so
 * that scores that were 32-bit floats take three passes or fewer.
 * @param scores   no NaN.
 * @param scratch  as many as scores; its contents are lost.
 */
tb_status tb_ranking_sort(double *scores, double *scratch, size_t count, tb_error *err);

/**
 * Area under the ROC curve: the share of (changed, unchanged) pairs in the right order, ties half.
 * NaN without pixels of both kinds. Exact up to the last division.
 */
double tb_ranking_auc(const tb_ranking *ranking);

/**
 * Average precision, the sum over distinct thresholds of (R_n - R_{n-1}) P_n, and the greatest F1
 * over them with the highest threshold that gives it (NaN: to flag all). NaN without a changed
 * pixel.
 */
void tb_ranking_precision(const tb_ranking *ranking, double *ap, double *best_f1,
                          double *best_threshold);

/**
 * Points of the precision-recall curve: the first threshold, the last, and between them the first
 * one at which recall has reached a further multiple of 1 / (room - 2).
 * @return how many; at most `room`, 0 without a changed pixel.
 */
int tb_ranking_curve(const tb_ranking *ranking, tb_eval_point *points, int room);

#endif
