/** Normalised cross-correlation of the features of two dates: what every shift is judged by. */
#ifndef TUBAN_ALIGN_CORRELATION_H
#define TUBAN_ALIGN_CORRELATION_H

#include "align/feature.h"
#include "core/field.h"

/** Two correlations over the same pixels. 0 where either date has no variance. */
typedef struct tb_correlation {
    double at_zero, at_shift;
    double pixels;       /**< that took part */
    double tiles;        /**< in which both dates vary; of whole shifts 0, as the next two */
    double error;        /**< standard error of at_shift, over those tiles */
    double significance; /**< of the rise: its mean over tiles / its standard error */
} tb_correlation;

/**
 * At a whole shift: means taken per cell, products summed over all cells and rows in order. The
 * pixels are those observed in BEFORE(p), AFTER(p) and AFTER(p + shift).
 */
void tb_correlation_whole(tb_correlation *out, const tb_feature *features, int count, int64_t dx,
                          int64_t dy, const tb_kernels *kernels);

/**
 * At shifts of any fraction, fairly: of s(p) against another shift z, with h(p) = (s(p) - z) / 2,
 *
 *   at_shift = corr( B(p - z/2 - h), A(p + z/2 + h) )
 *   at_zero  = max( corr( B(p - z/2 + h), A(p + z/2 + h) ), corr( B(p - z/2 - h), A(p + z/2 - h) )
 * )
 *
 * so that both dates are smoothed by the same interpolation on either side of the comparison. Means
 * are taken per tile of 32 x 32 pixels, over which s is one shift, and `significance` is of the
 * mean rise over those tiles.
 * @param dx, dy     s where there is no field.
 * @param field      s by place, or NULL.
 * @param zero       z, usually {0, 0}.
 * @return TB_OK or TB_E_MEMORY.
 */
tb_status tb_correlation_fair(tb_correlation *out, const tb_feature *features, int count, double dx,
                              double dy, const tb_field *field, const double zero[2],
                              const tb_kernels *kernels, tb_error *err);

#endif
