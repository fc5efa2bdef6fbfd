/** A smooth field fitted to the shifts of windows, where that foretells windows it has not seen. */
#ifndef TUBAN_ALIGN_BEND_H
#define TUBAN_ALIGN_BEND_H

#include <stdbool.h>

#include "core/error.h"
#include "core/field.h"

/** What a window says: a shift at a place of the lattice. */
typedef struct tb_vote {
    double x, y;           /**< middle of the window */
    double dx, dy, weight; /**< 1 / variance, pixels */
    bool   is_kept;
} tb_vote;

/**
 * Fits fields of 1, 2, 4 and 8 meshes along the longer side, and takes the one that errs least on
 * windows held out: a fourth of the ground at a time, in squares of 256 pixels.
 *
 * A field minimises  sum_i w_i |s(p_i) - d_i|^2 + sum |second differences of nodes|^2 / 0.1^2,
 * w_i redescending (Geman & McClure 1987) in the distance over its robust deviation: what a plane
 * says costs nothing, and where there are no windows the field goes on as it came.
 * @param votes       n of them; is_kept becomes true for those within three robust deviations.
 * @param over        the part of the lattice the field is to span.
 * @param overlap     windows that see one pixel, >= 1: as many tell no more than one.
 * @param held_out    root of the mean squared error on windows held out, outliers clipped: of one
 *                    shift for all, and of the field taken. Zeros where there are too few windows.
 * @param residual    robust standard deviation on each axis of the kept votes around the field.
 * @return TB_OK or TB_E_MEMORY. *out does not exist unless the field errs by a tenth less than one
 * shift does, with certainty.
 * Cost: O(n + nodes^3) some 80 times: under 50 ms.
 */
tb_status tb_bend_fit(tb_field *out, tb_vote *votes, int n, tb_rect over, double overlap,
                      double held_out[2], double *residual, tb_error *err);

#endif
