/**
 * The deterministic sample: pixels drawn by a hash of their place from whole 512-pixel cells of the
 * lattice, which are read in the order of Sobol's sequence.
 *
 * Cells are anchored at the first earlier file's origin, so that they fall on its tiles. Which
 * pixels are taken depends on the lattice and the stratum alone, never on blocks, threads, shards
 * or memory. Several cells of which a part is drawn stand for the whole better than one of which
 * all is: pixels beside each other tell the same (docs/methods/sample.md).
 */
#ifndef TUBAN_MODEL_SAMPLE_H
#define TUBAN_MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/grid.h"

enum { TB_SAMPLE_CELL = 512 };

/** The cells of a rectangle of the lattice, in the order they are read. */
typedef struct tb_sample {
    tb_rect *cell; /**< clipped to the rectangle; none is empty */
    int64_t  count;
    int64_t  pixels;     /**< of all cells: those of the rectangle */
    int64_t  chosen;     /**< the first so many cells are read */
    double   share;      /**< of their pixels that are drawn, 0 to 1 */
    bool     has_margin; /**< whole cells have lost theirs */
} tb_sample;

/** Lists the cells that meet `footprint` and chooses all of them; free with tb_sample_reset. */
tb_status tb_sample_list(tb_sample *sample, const tb_grid *lattice, tb_rect footprint,
                         tb_error *err);
void      tb_sample_reset(tb_sample *sample);

/**
 * Pixels to take of a stratum of so many: everything up to 4 Mpx, else max(1 Mpx, 1 %), at most
 * 16 Mpx; or `share` of it where that is above 0.
 */
int64_t tb_sample_size_of(int64_t pixels, double share);

/**
 * Chooses the cells, and the share of their pixels that is drawn: cells of twice the pixels to
 * take, and of at least 8 Mpx, or 64 Mpx where a share is asked for.
 *
 * Where not all are read, whole cells lose a margin of 32 pixels, so that a shift does not decode
 * the tiles around them. Where not all pixels are drawn, cells are in the order of rows, in
 * which the tiles that neighbours share are decoded once.
 */
void tb_sample_choose(tb_sample *sample, double share);

/**
 * The part of cell i that is read with a halo of so many pixels without decoding the tiles around
 * it; the cell where its margin was not left out.
 */
tb_rect tb_sample_inner(const tb_sample *sample, int64_t i, int halo);

/** Whether the sample takes the lattice's pixel (x, y), if it lies in a chosen cell. */
bool tb_sample_draws(const tb_sample *sample, int64_t x, int64_t y);

/** How many pixels of a rectangle, at most TB_SAMPLE_CELL wide, the sample takes, as the above
 * tells. */
int64_t tb_sample_count(const tb_sample *sample, tb_rect rect, const tb_kernels *kernels);

/** The same, row after row of a cell: what a column gives to its pixels' hashes is made once. */
typedef struct tb_sample_rows {
    const tb_kernels *kernels;
    uint64_t          bound;
    int               columns;
    uint64_t          column[TB_SAMPLE_CELL];
    int32_t           drawn[TB_SAMPLE_CELL]; /**< columns from x on, ascending */
} tb_sample_rows;

/** Rows of `columns` pixels from column x of the lattice on, at most TB_SAMPLE_CELL. Borrows the
 * kernels. */
void tb_sample_rows_init(tb_sample_rows *rows, const tb_sample *sample, int64_t x, int64_t columns,
                         const tb_kernels *kernels);

/** Fills `drawn` for row y of the lattice and returns how many there are. */
int tb_sample_rows_draw(tb_sample_rows *rows, int64_t y);

#endif
