/**
 * How right a change map is, measured against labels.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_EVAL_H
#define TUBAN_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is compared: paths of any rasters GDAL reads, all of one size. Of several bands the first.
 */
typedef struct tb_eval_options {
    /** 0 unchanged; 255, NaN, nodata and what a mask hides are left out; any other is changed. */
    const char *truth;
    /** 0 unchanged; 255, NaN, nodata and what a mask hides not observed; any other is flagged. */
    const char *change;
    /** The greater, the more likely changed; NaN, nodata and masked have none. May be NULL. */
    const char *score;
    /** Least pixels of an object; 0 means 10. */
    int64_t min_pixels;
} tb_eval_options;

/** Figures over one set of labelled pixels. One that is not defined (0/0) is NaN, never 0. */
typedef struct tb_eval_figures {
    int64_t tp, fp, fn, tn; /**< pixels: changed and flagged, flagged only, changed only, neither */
    double  precision;      /**< tp / (tp + fp) */
    double  recall;         /**< tp / (tp + fn) */
    double  f1;             /**< 2 tp / (2 tp + fp + fn) */
    double  iou;            /**< tp / (tp + fp + fn) */
    double  kappa;          /**< Cohen's */
    double  auc;            /**< area under the ROC curve, ties count half; NaN without a score */
    double  ap;             /**< average precision; NaN without a score */
    double  best_f1;        /**< of all thresholds of the score; NaN without a score */
    double  flagged;        /**< share of the pixels that is flagged */
    int64_t truth_objects;  /**< changed objects of enough pixels */
    int64_t recalled_objects; /**< of them, those with a flagged pixel */
    int64_t found_objects;    /**< flagged objects of enough pixels */
    int64_t right_objects;    /**< of them, those with a changed pixel */
    double  object_recall;    /**< recalled_objects / truth_objects */
    double  object_precision; /**< right_objects / found_objects */
} tb_eval_figures;

typedef struct tb_eval_result {
    int64_t         width, height;
    int64_t         labelled; /**< pixels the truth knows */
    int64_t         left_out; /**< pixels it does not; labelled + left_out = width * height */
    int64_t         unobserved_pixels; /**< labelled pixels that were not observed */
    int64_t         unscored;   /**< observed labelled pixels that have no score; 0 without one */
    double          unobserved; /**< unobserved_pixels / labelled */
    bool            has_score;
    tb_eval_figures overall;     /**< all labelled pixels; not observed is unchanged, ranks last */
    tb_eval_figures observed;    /**< labelled pixels that were observed */
    char            notes[1024]; /**< what a person should know, a line each; empty if nothing */
} tb_eval_result;

/**
 * Compares a change map, and its score if there is one, with the truth.
 *
 * A pixel is not observed where the change map says so, or where it says unchanged and the score
 * says nothing. 0 is always unchanged and 1 always changed, even where a file declares it as its
 * nodata.
 *
 * `auc`, `ap` and `best_f1` are figures of the ranking: pixels by falling score, equal scores
 * together, pixels without rank (not observed, or without a score) together at the end. `ap` is the
 * sum over distinct thresholds of (R_n - R_{n-1}) P_n, not interpolated; `best_f1` the greatest F1
 * of flagging the ranking down to some threshold. They need labelled pixels: both kinds for `auc`,
 * changed ones for `ap` and `best_f1`.
 *
 * Objects are 8-connected sets of at least `min_pixels` labelled pixels: what the truth leaves out
 * belongs to none, neither counts to one's size nor connects two. An object is recalled, or right,
 * when at least one of its pixels is also changed in the other map; there an object may be of any
 * size.
 *
 * @param options  borrowed.
 * @param result   written on success only.
 * @return TB_OK; TB_E_USAGE when a path is missing or min_pixels is negative; TB_E_INPUT when a
 *         raster cannot be read or sizes differ; TB_E_MEMORY.
 *
 * Threads: safe, with results of the caller's own.
 *
 * Cost: O(pixels). One byte a pixel, with a score 8 more; besides them first some 72 bytes a part
 * of an object (at worst 18 bytes a pixel, for nothing but specks), then 8 bytes a labelled pixel
 * to sort the scores. Files are read in strips.
 */
TB_API tb_status tb_eval(const tb_eval_options *options, tb_eval_result *result, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
