/**
 * How right a change map is, measured against labels; and what a sample says of it.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_EVAL_H
#define TUBAN_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tuban/overlay.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TB_EVAL_SIZES_MAX = 16, TB_EVAL_CLASSES_MAX = 32, TB_EVAL_NAME_SIZE = 64 };

/** Sizes from which on truth is told of separately: rising areas, each with what it stands for. */
typedef struct tb_eval_sizes {
    int    count; /**< 0 .. TB_EVAL_SIZES_MAX */
    double from_m2[TB_EVAL_SIZES_MAX];
    char   name[TB_EVAL_SIZES_MAX][TB_EVAL_NAME_SIZE];
} tb_eval_sizes;

/**
 * The areas a profile's tiers begin at: what reaches such an area *may* be of the tier, where all
 * of it lies on the land the threshold is about. The first is where T1 begins.
 *
 * @param profile  a name such as "shandong-2024", or a path.
 * @return TB_OK; TB_E_JOB when there is no such profile or no stream of it has tiers; TB_E_MEMORY.
 */
TB_API tb_status tb_eval_sizes_of_profile(const char *profile, tb_eval_sizes *sizes, tb_error *err);

/** One threshold of a score: what flagging all at or above it would give. */
typedef struct tb_eval_point {
    double threshold; /**< NaN: all, pixels without a score too */
    double recall, precision;
} tb_eval_point;

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
    /** Sizes of truth objects to tell of; NULL: none. Needs a CRS. Borrowed. */
    const tb_eval_sizes *sizes;
    /** Room for the precision-recall curve, at least 3 points; NULL: none wanted. Borrowed. */
    tb_eval_point *curve;
    int            curve_room;
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
    double  best_threshold; /**< the threshold of best_f1; NaN also when it is to flag all */
    double  flagged;        /**< share of the pixels that is flagged */
    int64_t truth_objects;  /**< changed objects of enough pixels */
    int64_t recalled_objects;       /**< of them, those with a flagged pixel */
    int64_t found_objects;          /**< flagged objects of enough pixels */
    int64_t right_objects;          /**< of them, those with a changed pixel */
    double  object_recall;          /**< recalled_objects / truth_objects */
    double  object_precision;       /**< right_objects / found_objects */
    double  false_per_1000_km2;     /**< found objects that are not right, by the pixels' area */
    double  false_per_1000_flagged; /**< of 1000 found objects so many are not right */
} tb_eval_figures;

/** Truth of at least a size. */
typedef struct tb_eval_size {
    int64_t truth, found; /**< objects or polygons, and those of them that are found */
    double  truth_m2, found_m2;
} tb_eval_size;

typedef struct tb_eval_result {
    int64_t         width, height;
    int64_t         labelled; /**< pixels the truth knows */
    int64_t         left_out; /**< pixels it does not; labelled + left_out = width * height */
    int64_t         unobserved_pixels; /**< labelled pixels that were not observed */
    int64_t         unscored;   /**< observed labelled pixels that have no score; 0 without one */
    double          unobserved; /**< unobserved_pixels / labelled */
    double          pixel_m2;   /**< ground of a pixel near the centre; NaN without a CRS */
    bool            has_score;
    tb_eval_figures overall;  /**< all labelled pixels; not observed is unchanged, ranks last */
    tb_eval_figures observed; /**< labelled pixels that were observed */
    tb_eval_size    size[TB_EVAL_SIZES_MAX]; /**< of the truth objects of `overall` */
    int64_t         mapped[2];   /**< pixels of the whole map: observed and unchanged, flagged */
    int             curve_count; /**< points of options->curve that are set, of `overall` */
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
 * The curve has the first threshold, the last, and between them the first one at which recall has
 * risen by 1 / (curve_room - 2) since the point before: exact points, fewer than there are.
 *
 * Objects are 8-connected sets of at least `min_pixels` labelled pixels: what the truth leaves out
 * belongs to none, neither counts to one's size nor connects two. An object is recalled, or right,
 * when at least one of its pixels is also changed in the other map; there an object may be of any
 * size. Areas of objects are pixels times `pixel_m2`, planar.
 *
 * @param options  borrowed.
 * @param result   written on success only.
 * @return TB_OK; TB_E_USAGE when a path is missing, min_pixels is negative or there is no room for
 *         a curve; TB_E_INPUT when a raster cannot be read or sizes differ; TB_E_MEMORY.
 *
 * Threads: safe, with results of the caller's own.
 *
 * Cost: O(pixels). One byte a pixel, with a score 8 more; besides them first some 72 bytes a part
 * of an object (at worst 18 bytes a pixel, for nothing but specks), then 8 bytes a labelled pixel
 * to sort the scores. Files are read in strips.
 */
TB_API tb_status tb_eval(const tb_eval_options *options, tb_eval_result *result, tb_error *err);

/**
 * Draws a precision-recall curve.
 *
 * @param points   [count] as tb_eval gives them; borrowed.
 * @param figures  of the same map: its own point, F1, AP and best F1 are shown. Borrowed.
 * @param path     .svg or .png, written whole or not at all.
 * @return TB_OK; TB_E_USAGE for another ending or fewer than 1 point; TB_E_OUTPUT; TB_E_MEMORY.
 */
TB_API tb_status tb_eval_plot(const tb_eval_point *points, int count,
                              const tb_eval_figures *figures, const char *path, tb_error *err);

/**
 * Compares polygons with polygons: `truth`, `change`, and the area that is labelled.
 *
 * A truth polygon is found when any candidate shares ground or border with it, a candidate right
 * when any truth polygon does. A polygon counts where at least half of its area lies in `area`;
 * those that do not count still find and prove others right.
 *
 * @param area   NULL: everything is labelled, and figures by km² are null.
 * @param sizes  of truth polygons, by their area; where the truth has a whole-number field TIER the
 *               figures of T1 and above, T2 and above, T3 are by that too. May be NULL.
 * @param json   `{"truth", "found", "object_recall", "candidates", "right", "object_precision",
 *               "false", "f1", "truth_m2", "found_m2", "found_share", "covered_m2",
 *               "covered_share", "candidates_m2", "false_m2", "labelled_m2", "false_per_1000_km2",
 *               "false_per_1000_flagged", "outside", "sizes": [...], "tiers": [...], "notes"}`;
 *               areas ellipsoidal; free with tb_text_release. On failure NULL.
 * @return TB_OK; TB_E_INPUT when a layer cannot be read; TB_E_MEMORY.
 * Threads: safe.   Cost: all polygons in memory; an intersection for each two whose boxes meet.
 */
TB_API tb_status tb_eval_polygons(const tb_polygons *truth, const tb_polygons *change,
                                  const tb_polygons *area, const tb_eval_sizes *sizes, char **json,
                                  tb_error *err);

/** A figure with its standard error and 95 % interval; all NaN where it is not defined. */
typedef struct tb_estimate {
    double value, error, low, high;
} tb_estimate;

/** A sample of places, drawn at random within each class of a map. */
typedef struct tb_estimate_sample {
    int     classes;                   /**< 2 .. TB_EVAL_CLASSES_MAX */
    double  area[TB_EVAL_CLASSES_MAX]; /**< of each class of the map, of any unit */
    int64_t count[TB_EVAL_CLASSES_MAX][TB_EVAL_CLASSES_MAX]; /**< of [map class][true class] */
} tb_estimate_sample;

typedef struct tb_estimates {
    tb_estimate overall;                       /**< share of the area that is mapped right */
    tb_estimate user[TB_EVAL_CLASSES_MAX];     /**< of what is mapped as the class */
    tb_estimate producer[TB_EVAL_CLASSES_MAX]; /**< of what truly is of the class */
    tb_estimate area[TB_EVAL_CLASSES_MAX];     /**< of the class, in the unit of the sample */
} tb_estimates;

/**
 * Stratified estimates of accuracy and area from a sample: Olofsson et al. (2014), *Remote Sens.
 * Environ.* 148, 42-57, equations 4 to 11. The strata are the classes of the map.
 *
 * Intervals are the value -/+ 1.96 standard errors, as there; shares are not cut off at 0 and 1.
 * With W_i the share of map class i, n_i its places and p_ij = n_ij / n_i:
 * overall sum W_i p_ii, user p_ii, producer W_j p_jj / sum_i W_i p_ij, area A sum_i W_i p_ij.
 *
 * @return TB_OK; TB_E_USAGE for a wrong number of classes, negative counts or areas, or no area;
 *         TB_E_INPUT when a class of the map with an area has fewer than 2 places.
 * Threads: safe.   Cost: O(classes^2).
 */
TB_API tb_status tb_eval_estimate(const tb_estimate_sample *sample, tb_estimates *estimates,
                                  tb_error *err);

/** Where a sample comes from: a table, a map with places, or labels. Everything is borrowed. */
typedef struct tb_sample_options {
    /**
     * A CSV file: a heading `class,area,NAME...` with the true classes, then a line for each class
     * of the map, in the same order: name, mapped area, counts.
     */
    const char *matrix;
    /** A map of whole numbers 0 .. 254 (255, nodata: not observed), with `points`. */
    const char *change;
    /**
     * Places: any point layer, or a CSV with columns x and y in the map's coordinates. Without a
     * transform they are pixels, x right and y down.
     */
    const char *points;
    const char *label; /**< field with the true class, a whole number; NULL: "label" */
    /** What tb_eval found: its labelled and observed pixels, of the whole map. */
    const tb_eval_result *labels;
} tb_sample_options;

/**
 * Estimates from files.
 *
 * The classes are those the map or a place has. Places outside the map, not observed there or
 * without label are left out and counted: the estimates are of what was observed.
 * @param json  `{"classes": [{"class", "mapped", "users_accuracy": {"value", "error", "low",
 *              "high"}, "producers_accuracy": {...}, "area": {...}, "places"}], "overall_accuracy":
 *              {...}, "unit", "matrix": [[...]], "places", "left_out", "notes"}`; free with
 *              tb_text_release. On failure NULL.
 * @return TB_OK; TB_E_USAGE unless one of a matrix, a map with points and labels is given;
 *         TB_E_INPUT when a file cannot be read, with line or feature; as tb_eval_estimate.
 */
TB_API tb_status tb_eval_sample(const tb_sample_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
