/**
 * Fitting the model on the sample: registration, radiometry, thresholds. Sees nothing but the
 * sample.
 */
#ifndef TUBAN_MODEL_FIT_H
#define TUBAN_MODEL_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "model/model.h"
#include "raster/engine.h"
#include "raster/pair.h"

typedef enum tb_prior {
    TB_PRIOR_AUTO, /**< rare */
    TB_PRIOR_RARE, /**< radar has its own rule */
    TB_PRIOR_COMMON,
    TB_PRIOR_RATE, /**< flags a fixed share of the sample */
} tb_prior;

/**
 * More than this share of a stratum flagged is implausible, in thousandths: a fifth; three quarters
 * where change is said to be common.
 */
int tb_implausible_permille(tb_prior prior);

/** What a fit may be told. Zero means the default, but for `method` and `is_registered`. */
typedef struct tb_fit_options {
    const tb_method *method;        /**< never NULL */
    bool             is_registered; /**< measure and apply the registration */
    tb_prior         prior;
    double           rate;         /**< with TB_PRIOR_RATE: 0 .. 1 */
    double           sample_share; /**< 0: the default rule */
    double smoothing; /**< pixels; below 0: none, 0: by method and ground sampling distance */
    double threshold_factor; /**< of the value the rule gives; 0 means 1 */
    double alpha;            /**< omnibus: share of unchanged pixels it may reject; 0: 0.01 */
    double looks;            /**< omnibus: equivalent number; 0: estimated */
    bool   is_intensity;     /**< omnibus: the samples are intensities, not amplitudes */
    bool   may_flag_all;     /**< go on where an implausible share of a stratum is flagged */
    const tb_filter *filter; /**< of tb_method_trained; NULL for the others; borrowed */
    bool is_screened; /**< look for clouds where no mask was delivered; optical methods only */
} tb_fit_options;

/**
 * Fits a model and registers the pair by it.
 *
 * A stratum with too few pixels to judge, and one in which nothing exceeds the bound, are no
 * errors: the model says so and why.
 * @return TB_E_INPUT when a file cannot be read or more than a fifth of a stratum would be flagged,
 *         TB_E_MEMORY, TB_E_CANCELLED. On failure *out is NULL.
 * Cost: reads the sample at most three times through one tile cache.
 */
tb_status tb_model_fit(tb_model **out, const tb_pair *pair, const tb_fit_options *options,
                       const tb_engine *engine, tb_error *err);

/** How a fit would smooth: standard deviation of the Gaussian in pixels, and the median before it.
 */
void tb_fit_smoothing(const tb_grid *lattice, const tb_fit_options *options, double *sigma,
                      bool *has_median);

/** Bytes a fit of this pair holds beside the tile cache; `kept` as for
 * tb_scores_bytes. */
size_t tb_model_fit_bytes(const tb_pair *pair, double sample_share, int workers, int kept);

#endif
