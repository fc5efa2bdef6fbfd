/** Registration of the later date onto the earlier, from sample cells
 * (docs/methods/registration.md). */
#ifndef TUBAN_ALIGN_REGISTRATION_H
#define TUBAN_ALIGN_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/field.h"
#include "core/rect.h"
#include "kernels/table.h"

/**
 * A piece of ground in both dates, both already on the lattice with zero shift.
 * before, after  `bands` planes of width * height floats, row by row; NaN: not observed; borrowed.
 */
typedef struct tb_align_cell {
    int64_t             width, height;
    const float *const *before;
    const float *const *after;
    int64_t             x, y; /**< of the first pixel, on the lattice */
} tb_align_cell;

/**
 * Collects cells, and keeps of each what is registered on: the strength of edges in one plane a
 * date. What the bands weigh in it is found on the first four, which are held till then.
 */
typedef struct tb_align tb_align;

/** @param bands  planes of a date in each cell, >= 1. Borrows the kernels. */
tb_status tb_align_new(tb_align **out, int bands, const tb_kernels *kernels, tb_error *err);
void      tb_align_free(tb_align *align);

/** Whether the next cell may be held, and so must come with its storage. */
bool tb_align_holds(const tb_align *align);

/**
 * Adds a cell. Only 32 of at least 64 x 64 pixels, an eighth of them valid and not constant, are
 * used, the first ones: cells are to come in an order that spreads them over the stratum.
 * @param cell     borrowed for the call; with a storage, its planes as long as they are needed.
 * @param storage  taken: the memory the planes lie in, all of both dates; NULL where tb_align_holds
 *                 says no.
 * @return TB_OK or TB_E_MEMORY.
 */
tb_status tb_align_add(tb_align *align, const tb_align_cell *cell, float *storage, tb_error *err);

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
 * @param align  its cells; nothing may be added afterwards, and nothing fitted again.
 * @param over   the part of the lattice a field is to span.
 * @param out    written on success.
 * @return TB_OK or TB_E_MEMORY.
 * Threads: one caller in the process at a time (FFTW's planner).
 * Cost: some 10 ms a cell of 512 x 512 used, and as much again where windows do not agree at once;
 * 2 MiB each of them and 10 MiB for the time.
 */
tb_status tb_registration_fit(tb_align *align, tb_rect over, tb_registration *out, tb_error *err);

/** Bytes held at most while a registration is collected and fitted: so many cells of so many
 * pixels.
 */
size_t tb_registration_bytes(int bands, int cells, int64_t pixels);

#endif
