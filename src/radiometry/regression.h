/**
 * Relative radiometric normalisation of one stratum (docs/methods/normalisation.md).
 *
 * Canty & Nielsen (2008), Remote Sens. Environ. 112, 1025: orthogonal regression on the pixels that
 * IR-MAD holds unchanged; where those are too few, medians and median deviations of all pixels.
 */
#ifndef TUBAN_RADIOMETRY_REGRESSION_H
#define TUBAN_RADIOMETRY_REGRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "kernels/table.h"
#include "radiometry/pixels.h"

/** How a band's line was found, best first. Append-only: model.yaml holds the texts. */
typedef enum tb_regression_rule {
    TB_REGRESSION_NO_CHANGE, /**< orthogonal regression on no-change pixels */
    TB_REGRESSION_ROBUST,    /**< medians and median absolute deviations made equal, all pixels */
    TB_REGRESSION_IDENTITY   /**< slope 1, intercept 0: a date has no spread to match */
} tb_regression_rule;

/** "no-change", "robust" or "identity". Never NULL. */
const char *tb_regression_rule_text(tb_regression_rule rule);

/** The line before = intercept + slope * after of one band. Units: the band's in `before`. */
typedef struct tb_regression_band {
    tb_regression_rule rule;
    bool   is_used; /**< false: the band is constant in one of the dates; it says nothing */
    double slope;   /**< > 0 */
    double intercept;
    double
        residual;  /**< standard deviation of d = before - (intercept + slope * after) on no-change
                        pixels (divided by their number), or 1.4826 times the median deviation of d
                        over all pixels; at least 1e-3 of the spread, so that it can divide */
    double mean;   /**< of before over all pixels */
    double spread; /**< standard deviation (n - 1) of before over all pixels */
    double mean_after;   /**< of after, likewise, in its own unit */
    double spread_after; /**< likewise */

    /* Of the two thirds' line on the held-out third; 0 where nothing was held out. */
    double correlation; /**< r of before and after */
    double t;           /**< paired t of the means: mean d / (s_d / sqrt n) */
    double f;           /**< variance of before / variance of the line's values */
} tb_regression_band;

typedef struct tb_regression {
    int                bands;
    tb_regression_rule rule; /**< the weakest of the used bands */
    int64_t no_change;       /**< pixels with p > 0.95; the delivered lines are fitted to all */
    int64_t tested;          /**< every third of them, held out from the lines r, t, F are of */
    tb_regression_band band[TB_PIXELS_BANDS_MAX];
} tb_regression;

/**
 * Fits every band.
 *
 * A band whose dates do not go together on no-change pixels (r not above 1e-3) falls back by
 * itself. All fall back with fewer no-change pixels than max(200, 20 * bands), or with p NULL.
 *
 * @param result  overwritten.
 * @param pixels  borrowed.
 * @param p       probability of no change of each pixel (tb_irmad_apply), or NULL where there is
 * none.
 * @param in_spreads  distances to the line are taken with each date in its own spread, and so a
 * gain on one date is a gain of the line; false: in the samples' units, as Canty & Nielsen have it.
 * @return TB_OK; TB_E_INPUT for no pixel or a band count outside 1 .. 16; TB_E_MEMORY.
 * Threads: one caller per result.  Cost: O(count * bands^2), 0.6 MB.
 */
tb_status tb_regression_fit(tb_regression *result, const tb_pixels *pixels, const float *p,
                            bool in_spreads, const tb_kernels *kernels, tb_error *err);

#endif
