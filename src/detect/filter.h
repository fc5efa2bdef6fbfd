/**
 * A trained filter: trees that turn features of a pixel into the probability that it changed.
 * docs/methods/trained.md
 */
#ifndef TUBAN_DETECT_FILTER_H
#define TUBAN_DETECT_FILTER_H

#include <stdbool.h>

#include "detect/method.h"
#include "kernels/forest.h"

/** Planes the features are made of, smoothed: `row` of the method makes the first six. */
enum {
    TB_PLANE_CONTRAST,
    TB_PLANE_STATISTIC,
    TB_PLANE_GREEN_BEFORE,
    TB_PLANE_GREEN_AFTER,
    TB_PLANE_BRIGHT_BEFORE,
    TB_PLANE_BRIGHT_AFTER,
    TB_PLANE_ROUGH_BEFORE,   /**< gradient magnitude of brightness */
    TB_PLANE_ROUGH_AFTER,    /**< likewise */
    TB_PLANE_TEXTURE,        /**< how far those two differ */
    TB_PLANE_WIDE_CONTRAST,  /**< contrast and statistic once more, smoothed widely like the rest */
    TB_PLANE_WIDE_STATISTIC, /**< likewise */
    TB_FILTER_PLANES
};

enum { TB_FILTER_FEATURES = 14, TB_FILTER_TREES_MAX = 1000 };

typedef struct tb_filter {
    int      bands;                    /**< of the images it was trained on */
    double   vegetation[TB_BANDS_MAX]; /**< weight of each band in the vegetation index */
    double   smoothing;                /**< pixels: of the first two planes */
    bool     has_median;               /**< over the contrast, before it */
    double   wide;                     /**< pixels: of the others, 1 .. TB_FILTER_WIDE_MAX */
    double   cut;                      /**< probability from which on a pixel is flagged */
    int      trees;
    tb_tree *tree; /**< NULL with no trees: every probability is 1/2 */
} tb_filter;

/** The widest smoothing, pixels: its halo is within what any scoring needs. */
#define TB_FILTER_WIDE_MAX 4.0

/** Names of the features, in their order; NULL ends. */
const char *const *tb_filter_feature_names(void);

/**
 * The features of n pixels from their smoothed planes.
 * @param features  gets TB_FILTER_FEATURES pointers: into `planes`, or into `scratch`.
 * @param scratch   TB_METHOD_SCRATCH rows of TB_METHOD_SEGMENT floats; n is at most that.
 */
void tb_filter_features(const float **features, const float *const *planes, float *scratch,
                        size_t n);

/**
 * The probabilities of n pixels; NaN where the contrast is. Any n.
 * @param scratch  as above, and it must not be a plane.
 */
void tb_filter_judge(float *probability, const tb_filter *filter, const float *const *planes,
                     float *scratch, size_t n, const tb_kernels *kernels);

/** 1 / (1 + e^-margin). */
float tb_filter_probability(float margin);

/** Scores by a filter (tb_scoring.filter), and by nothing without one. */
extern const tb_method tb_method_trained;

#endif
