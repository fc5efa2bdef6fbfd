/** Registration of the later date onto the earlier, from sample cells
 * (docs/methods/registration.md). */
#ifndef TUBAN_ALIGN_REGISTRATION_H
#define TUBAN_ALIGN_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/field.h"
#include "core/memory.h"
#include "core/rect.h"
#include "kernels/table.h"

/**
 * Collects cells, pieces of ground in both dates, both already on the lattice with zero shift, row
 * by row, and keeps of each what is registered on: the strength of edges in one plane a date. What
 * the bands weigh in it is found beforehand, on the first four that are used.
 *
 * Rows are those of the bands of the earlier date and then of the later one, 2 * bands of a cell's
 * width; NaN: not observed. Only cells of at least 64 x 64 pixels, an eighth of them valid and not
 * constant, are used.
 */
typedef struct tb_align tb_align;

/**
 * @param bands    of a date, >= 1.
 * @param cells    on the lattice, in an order that spreads them over the ground.
 * @param workers  that take rows.
 * @param arena    in which the features lie: it must not begin another step till tb_align_free.
 * Borrows arena and kernels.
 * @return TB_OK or TB_E_MEMORY.
 */
tb_status tb_align_new(tb_align **out, int bands, const tb_rect *cells, int count, int workers,
                       tb_arena *arena, const tb_kernels *kernels, tb_error *err);
void      tb_align_free(tb_align *align);

/** How many more cells that are used are wanted to weigh the bands. */
int tb_align_to_weigh(const tb_align *align);

/** Weighs by row `y` of a cell; cells and rows come in their order, a cell whole. */
void tb_align_weigh_row(tb_align *align, int cell, int64_t y, const float *const *rows);

/** Ends weighing. */
void tb_align_weigh(tb_align *align);

/** Takes row `y` of a cell, after the ones above; once the bands are weighed. Threads: one caller a
 * cell and a worker, numbered from 0. */
void tb_align_take_row(tb_align *align, int worker, int cell, int64_t y, const float *const *rows);

typedef struct tb_registration {
    double dx, dy; /**< AFTER(x + dx, y + dy) shows what BEFORE(x, y) shows; pixels of BEFORE,
                        x right, y down; what was measured, applied or not */
    double   residual_px; /**< robust standard deviation, each axis, of the kept windows' shifts */
    int      windows;     /**< windows tried */
    int      accepted;    /**< windows kept */
    double   correlation_at_zero;  /**< of the features without a shift, and */
    double   correlation_at_shift; /**< with it; same pixels, same smoothing */
    bool     applied;              /**< false: dx, dy must not be applied, nor the field */
    tb_field field;                /**< applied in place of dx, dy where it exists */
    double   field_correlation; /**< with the field, over correlation_of_shift: the same pixels, */
    double   correlation_of_shift; /**< the same smoothing */
    double   held_out[2];          /**< error of windows held out, px: of one shift, of a field */
    bool     is_other_ground; /**< the dates do not show the same ground, and this is certain */
    double   best_dx, best_dy, best_correlation, best_error; /**< then: the best match found */
    const char *reason; /**< static text: why it is applied, or why not */
} tb_registration;

/**
 * Measures one shift for all cells and a smooth field of shifts, and says what may be applied.
 *
 * Coarse: phase correlation (Kuglin & Hines 1975), of which only integer peaks are taken, each then
 * judged by a normalised cross-correlation of our own. Fine: least squares in windows (Lucas &
 * Kanade 1981; Baker & Matthews 2004, inverse compositional) with gain, offset and an outlier cut,
 * forwards and backwards. The mean of the windows that agree is applied only when the correlation
 * rises with it; a field only where it foretells windows it has not seen better than one shift
 * does, and the correlation rises again. Where nothing can be measured, dx = dy = 0, applied is
 * false and reason says why: that is no error. The result does not depend on the instruction set;
 * swapping the dates negates dx and dy, and the field as far as a field can be: its nodes stay
 * where they are, and so it is off by its own slope over the shift.
 *
 * @param align  all of its cells; nothing may be added afterwards, and nothing fitted again.
 * @param over   the part of the lattice a field is to span.
 * @param out    written on success.
 * @return TB_OK or TB_E_MEMORY.
 * Threads: one caller in the process at a time (FFTW's planner).
 * Cost: some 10 ms a cell of 512 x 512 used, and as much again where windows do not agree at once;
 * 2 MiB each of them and 10 MiB for the time.
 */
tb_status tb_registration_fit(tb_align *align, tb_rect over, tb_registration *out, tb_error *err);

/** Bytes held at most while a registration of so many cells is collected and fitted. */
size_t tb_registration_bytes(int bands, int workers, const tb_rect *cells, int count);

#endif
