/** Normalised cross-correlation of the features of two dates: what every shift is judged by. */
#ifndef TUBAN_ALIGN_CORRELATION_H
#define TUBAN_ALIGN_CORRELATION_H

#include "align/feature.h"

/** Two correlations over the same pixels. 0 where either date has no variance. */
typedef struct tb_correlation {
    double at_zero, at_shift;
    double pixels;       /**< that took part */
    double significance; /**< of the rise: its mean over tiles / its standard error; of whole shifts
                            0 */
} tb_correlation;

/**
 * At a whole shift: means taken per cell, products summed over all cells, rows and columns in
 * order. The pixels are those observed in BEFORE(p), AFTER(p) and AFTER(p + shift).
 */
void tb_correlation_whole(tb_correlation *out, const tb_feature *features, int count, int64_t dx,
                          int64_t dy);

/**
 * At a shift of any fraction, fairly: with h = (dx, dy) / 2,
 *
 *   at_shift = corr( B(p - h), A(p + h) )
 *   at_zero  = max( corr( B(p + h), A(p + h) ), corr( B(p - h), A(p - h) ) )
 *
 * so that both dates are smoothed by the same interpolation on either side of the comparison. Means
 * are taken per tile of 32 x 32 pixels, and `significance` is of the mean rise over those tiles.
 * @return TB_OK or TB_E_MEMORY.
 */
tb_status tb_correlation_fair(tb_correlation *out, const tb_feature *features, int count, double dx,
                              double dy, tb_error *err);

#endif
