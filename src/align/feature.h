/** What the dates are registered on: edge strength, which survives what seasons do to the
 * brightness. */
#ifndef TUBAN_ALIGN_FEATURE_H
#define TUBAN_ALIGN_FEATURE_H

#include "align/registration.h"
#include "kernels/table.h"

/** The features of one cell; NaN where any pixel they rest on was not observed. */
typedef struct tb_feature {
    int64_t x, y; /**< of the first pixel, on the lattice */
    int64_t width, height;
    float  *before, *after; /**< width * height each; owned */
} tb_feature;

/**
 * Makes the features of `count` cells, the bands of both dates weighted as found over all of them:
 *
 *   F = B_1 * sum_b |grad(G_0.7 * X_b)| / s_b,   s_b the standard deviation of band b
 *
 * with B_1 = [1 2 1]/4 along and across, which keeps the kinks of the magnitude from aliasing when
 * F is resampled. A band without variance is left out.
 * @param cells  `count` pointers to cells; borrowed.
 * @param out    `count` features; free with tb_feature_free_all, also after a failure.
 * @return TB_OK or TB_E_MEMORY.
 * Cost: O(bands) a pixel; 8 bytes a pixel held, 8 bytes a pixel of the largest cell for the time.
 */
tb_status tb_feature_make_all(tb_feature *out, const tb_align_cell *const *cells, int count,
                              int bands, const tb_kernels *kernels, tb_error *err);

void tb_feature_free_all(tb_feature *features, int count);

#endif
