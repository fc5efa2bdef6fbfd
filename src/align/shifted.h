/** A plane resampled under a shift. */
#ifndef TUBAN_ALIGN_SHIFTED_H
#define TUBAN_ALIGN_SHIFTED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rect.h"
#include "kernels/table.h"

enum { TB_SHIFTED_TAPS = 6 };

/** Floats of scratch that tb_shifted_fill needs for a window of that width. */
static inline int64_t tb_shifted_scratch(int64_t width)
{
    return width * TB_SHIFTED_TAPS;
}

/**
 * dst(x, y) = src(window.x + x + dx, window.y + y + dy) by Lagrange's polynomial of degree 5
 * through the six nearest samples, along first, then across. Its phase errs less than cubic
 * convolution's, which pulls what is fitted towards half pixels by .015 px. NaN where any of the 36
 * pixels is NaN or lies outside, also at whole shifts: so the pixels that take part do not depend
 * on the fraction.
 * @param dst      window.width * window.height floats.
 * @param src      width * height floats.
 * @param scratch  tb_shifted_scratch(window.width) floats.
 */
void tb_shifted_fill(float *restrict dst, const float *restrict src, int64_t width, int64_t height,
                     tb_rect window, double dx, double dy, float *restrict scratch,
                     const tb_kernels *kernels);

#endif
