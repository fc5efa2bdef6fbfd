/**
 * The model: all that is global about a pair, fitted on the sample, small and readable
 * (model.yaml).
 *
 * Its numbers are rounded to what the file says, so that a model that was read again is the same
 * model. docs/model.md describes the file.
 */
#ifndef TUBAN_MODEL_MODEL_H
#define TUBAN_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/field.h"
#include "core/text.h"
#include "detect/method.h"
#include "detect/score.h"
#include "detect/screen.h"
#include "raster/pair.h"

/** Registration of one file of the later date. */
typedef struct tb_model_file {
    double dx, dy; /**< the file at (x + dx, y + dy) shows what the lattice has at (x, y); pixels */
    double residual_px;
    double correlation_before, correlation_after;
    int    windows, accepted;
    bool   applied;
    char   reason[160];
    tb_field field;                /**< applied in place of dx, dy where it exists */
    double   field_correlation[2]; /**< over its pixels: without it and with it */
    double   field_held_out[2];    /**< error of windows held out, pixels: one shift, field */
} tb_model_file;

typedef struct tb_model_irmad {
    int    count; /**< of rho; 0: not used */
    double rho[TB_BANDS_MAX];
    int    iterations;
    double ridge;
} tb_model_irmad;

/** The MAD transform that scores: of a fit that still rests on much of the ground. */
typedef struct tb_model_mad {
    int    count;                  /**< of variances; 0: there is none */
    double mean[2 * TB_BANDS_MAX]; /**< of the samples: before, then after */
    double variance[TB_BANDS_MAX]; /**< of each variate where nothing changed */
    double coefficient[TB_BANDS_MAX][2 * TB_BANDS_MAX]; /**< of each variate: before, then after */
} tb_model_mad;

typedef struct tb_model_threshold {
    char   rule[96]; /**< which rule chose the value */
    double value;    /**< of the smoothed score */
    double weak;     /**< hysteresis: a part needs `strong` somewhere and `weak` everywhere */
    double strong;
    double contrast;    /**< and to differ by this many standard deviations of the earlier date */
    double flagged;     /**< share of the sample at or above `weak` and `contrast` */
    char   reason[160]; /**< why nothing is flagged, or empty */
} tb_model_threshold;

typedef enum tb_model_state {
    TB_STRATUM_EMPTY,    /**< nothing of it was seen by both dates in the sample */
    TB_STRATUM_UNFIT,    /**< too few pixels, and no neighbour to take from: not judged */
    TB_STRATUM_BORROWED, /**< takes the fit of stratum `from` */
    TB_STRATUM_FITTED,
} tb_model_state;

typedef struct tb_model_stratum {
    tb_model_state state;
    int            from;
    int64_t        sampled; /**< pixels of the sample valid in both dates */
    tb_model_irmad irmad;
    tb_model_mad   mad;
    char           normalisation[48]; /**< the rule that gave slopes and intercepts */
    int64_t        unchanged;         /**< pixels it was fitted on */
    double         slope[TB_BANDS_MAX], intercept[TB_BANDS_MAX];
    double         noise[TB_BANDS_MAX];  /**< of the difference on unchanged ground */
    double         spread[TB_BANDS_MAX]; /**< of the features of both dates, as earlier ones */
    double         mean[TB_BANDS_MAX];   /**< of the earlier date's samples */
    double mean_after[TB_BANDS_MAX]; /**< of the later date's own; these are for trained filters */
    double deviation[2][TB_BANDS_MAX]; /**< standard deviations of each date's own samples */
    double offset[TB_BANDS_MAX];       /**< added to radar samples before their logarithm */
    double looks;                      /**< equivalent number, of the omnibus method */
    tb_model_threshold threshold;
    tb_screen          screen;
    tb_radiometry      radiometry; /**< derived: see tb_model_derive */
} tb_model_stratum;

typedef struct tb_model {
    const tb_method *method;
    int              bands;
    double           smoothing;    /**< standard deviation of the Gaussian, pixels */
    bool             has_median;   /**< of five by five, before it, over the contrast */
    bool             is_intensity; /**< of the samples of the omnibus method; false: amplitudes */
    int              before_sources, after_sources; /**< see tb_epoch_sources */
    int              after_files;
    double           sample_share; /**< of the lattice's pixels */
    double low[2], high[2];    /**< ends of the sample ranges, earlier and later; infinite: none */
    tb_model_file    *file;    /**< after_files of them */
    tb_model_stratum *stratum; /**< before_sources * after_sources of them */
    tb_filter        *filter;  /**< of tb_method_trained: owned; NULL for the others */

    /* Derived: see tb_model_derive. */
    tb_scoring scoring;
    const tb_model_stratum                  *
        *judge; /**< by stratum: whose fit it uses, NULL where it is not judged */
    const tb_radiometry **radiometry;  /**< of the judge, or NULL */
    const tb_screen     **screen;      /**< likewise */
    int                   screen_halo; /**< TB_SCREEN_HALO where anything is screened, else 0 */
} tb_model;

/** An empty model for the pair; free with tb_model_free. */
tb_status tb_model_new(tb_model **out, const tb_method *method, int bands, int before_sources,
                       int after_sources, int after_files, tb_error *err);
void      tb_model_free(tb_model *model);

/** A number as model.yaml holds it. */
double tb_model_rounded(double value);

/** How many strata there are. */
int tb_model_strata(const tb_model *model);

/** Rounds all numbers to what model.yaml holds and sets the derived members. Call when they
 * changed. */
void tb_model_derive(tb_model *model);

/** Registers the pair's later files as the model says. TB_E_INPUT when the model does not fit the
 * pair. */
tb_status tb_model_apply(const tb_model *model, const tb_pair *pair, tb_error *err);

/**
 * Appends a name as YAML's double-quoted scalar: names of files hold quotes, and bytes of other
 * encodings.
 */
tb_status tb_model_write_name(tb_text *out, const char *name, tb_error *err);

/** Appends model.yaml; `pair` names the files (base names only). */
tb_status tb_model_write(const tb_model *model, const tb_pair *pair, tb_text *out, tb_error *err);

/** Reads model.yaml; TB_E_INPUT names file, line and key of what is wrong. */
tb_status tb_model_read(tb_model **out, const char *path, tb_error *err);

#endif
