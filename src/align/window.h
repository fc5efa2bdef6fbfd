/** The shift between two planes in one window, by least squares. */
#ifndef TUBAN_ALIGN_WINDOW_H
#define TUBAN_ALIGN_WINDOW_H

#include "align/feature.h"
#include "core/rect.h"

/** What a window says: AFTER(p + d) = BEFORE(p), d good to error_px (one standard error) at worst.
 */
typedef struct tb_window_fit {
    double dx, dy, error_px;
} tb_window_fit;

typedef struct tb_window tb_window;

/** Returns buffers for windows up to size * size; free with tb_window_free. Borrows the
 * kernels. */
tb_status tb_window_new(tb_window **out, int64_t size, const tb_kernels *kernels, tb_error *err);

void tb_window_free(tb_window *window);

/**
 * Fits AFTER(p + d) = g BEFORE(p) + o over a window, from the start (dx, dy), and the same
 * backwards; d is half the difference of both.
 *
 * Lucas & Kanade (1981) in its inverse form (Baker & Matthews 2004): AFTER, resampled at d, is
 * regressed on BEFORE, its gradient and 1; the gradient's coefficients over the gain are how far d
 * went too far. From the fourth iteration on, pixels beyond three robust deviations are left out.
 * @param rect  on a lattice half way between the dates: BEFORE's window lies at rect - (dx, dy) /
 * 2, AFTER's at rect + (dx, dy) / 2 (towards zero), both inside the planes. So swapping the dates
 * negates d exactly.
 * @return false when the window is of no use: too few pixels, texture of one direction or none,
 * dates that do not resemble, an error over a quarter of a pixel, or forwards and backwards
 * differing by over 0.2 pixels; then *out is untouched.
 */
bool tb_window_measure(tb_window_fit *out, tb_window *window, const tb_feature *feature,
                       tb_rect rect, int64_t dx, int64_t dy);

#endif
