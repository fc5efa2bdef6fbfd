/**
 * Multivariate alteration detection, plain and iteratively reweighted (docs/methods/irmad.md).
 *
 * Nielsen, Conradsen & Simpson (1998), Remote Sens. Environ. 64, 1; Nielsen (2007), IEEE Trans.
 * Image Process. 16, 463.
 */
#ifndef TUBAN_RADIOMETRY_IRMAD_H
#define TUBAN_RADIOMETRY_IRMAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "kernels/table.h"
#include "radiometry/pixels.h"
#include "tuban/progress.h"

/** Zero means the default in brackets. */
typedef struct tb_irmad_options {
    double           delta;          /**< stop when no rho moves this much [1e-3] */
    int              iterations_max; /**< passes over the pixels; 1 is plain MAD [50] */
    struct tb_irmad *early;          /**< the same fit, but stopped before the weights average
                                          less than weight_least; may be NULL */
    double             weight_least; /**< [none] */
    int                workers;      /**< [1]; never changes a bit of the result */
    const tb_progress *progress;     /**< only is_cancelled is asked; may be NULL */
} tb_irmad_options;

/** What a fit found: a plain value. Rows beyond `components`, bands beyond `bands` are zero. */
typedef struct tb_irmad {
    bool        usable;     /**< false: nothing below may be used but `reason` */
    const char *reason;     /**< why it is not usable or stopped early; "" otherwise; static text */
    int         bands;      /**< of the pixels */
    int         components; /**< bands that vary in both dates; the degrees of freedom of Z */
    bool   is_used[TB_PIXELS_BANDS_MAX]; /**< false: the band is constant in one of the dates */
    double rho[TB_PIXELS_BANDS_MAX];     /**< canonical correlations, largest first */
    double a[TB_PIXELS_BANDS_MAX]
            [TB_PIXELS_BANDS_MAX]; /**< [component][band], per unit of before */
    double b[TB_PIXELS_BANDS_MAX][TB_PIXELS_BANDS_MAX]; /**< [component][band], per unit of after */
    double mean_before[TB_PIXELS_BANDS_MAX];            /**< weighted, of the last pass */
    double mean_after[TB_PIXELS_BANDS_MAX];
    double variance[TB_PIXELS_BANDS_MAX]; /**< of each component: 2 (1 - rho), at least 1e-8 */
    double ridge;                         /**< lambda that was needed; 0 where none was */
    int    iterations;                    /**< passes, the first (plain MAD) counted */
    bool   converged;
    double last_change; /**< max |delta rho| of the last pass */
    double weight;      /**< sum of no-change weights the last pass was computed with */
} tb_irmad;

/**
 * Fits MAD and reweights it to convergence.
 *
 * Data that cannot carry a fit (too few pixels, no band that varies, values that are not finite) is
 * no error: result->usable is then false and result->reason says why. Where the dates are equal or
 * perfectly correlated, Z is 0 and the probability of no change 1 everywhere.
 *
 * @param result   overwritten.
 * @param pixels   borrowed.
 * @param options  NULL for the defaults.
 * @param kernels  borrowed; every table gives the same bits.
 * @return TB_OK; TB_E_INPUT for a band count outside 1 .. 16; TB_E_MEMORY; TB_E_CANCELLED.
 * Threads: one caller per result.  Cost: O(iterations * count * bands^2), 5 KB for each 65536
 * pixels.
 */
tb_status tb_irmad_fit(tb_irmad *result, const tb_pixels *pixels, const tb_irmad_options *options,
                       const tb_kernels *kernels, tb_error *err);

/**
 * The fit as the row function mad_statistic takes it: 2 * bands channels, before then after. Its Z
 * has chi-squared with `components` degrees. An unusable fit gives 0 components, so that Z is 0.
 */
void tb_irmad_weights(tb_mad_weights *weights, const tb_irmad *fit);

/**
 * Probability of no change and Z of every pixel.
 *
 * @param p      count floats, 0 .. 1; may be NULL. All 1 where the fit is not usable.
 * @param z      count floats, >= 0; may be NULL. All 0 where the fit is not usable.
 * @param z_sum  sum of Z in double, in cells of fixed order; may be NULL.
 * @return TB_OK, TB_E_MEMORY or TB_E_CANCELLED.
 */
tb_status tb_irmad_apply(float *p, float *z, double *z_sum, const tb_irmad *fit,
                         const tb_pixels *pixels, const tb_irmad_options *options,
                         const tb_kernels *kernels, tb_error *err);

#endif
