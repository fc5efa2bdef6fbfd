/**
 * The deterministic sample: whole 512-pixel cells of the lattice in bit-reversed order.
 *
 * Cells are anchored at the first earlier file's origin, so that they fall on its tiles. Which
 * cells are read depends on the lattice and the stratum alone, never on blocks, threads, shards or
 * memory.
 */
#ifndef TUBAN_MODEL_SAMPLE_H
#define TUBAN_MODEL_SAMPLE_H

#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "raster/grid.h"

enum { TB_SAMPLE_CELL = 512 };

/** The cells of a rectangle of the lattice, in the order they are sampled. */
typedef struct tb_sample {
    tb_rect *cell; /**< clipped to the rectangle; none is empty */
    int64_t  count;
    int64_t  pixels; /**< of all cells: those of the rectangle */
} tb_sample;

/** Lists the cells that meet `footprint`; free with tb_sample_reset. */
tb_status tb_sample_list(tb_sample *sample, const tb_grid *lattice, tb_rect footprint,
                         tb_error *err);
void      tb_sample_reset(tb_sample *sample);

/**
 * Pixels to take of a stratum of so many: everything up to 4 Mpx, else max(4 Mpx, 1 %), at most
 * 16 Mpx; or `share` of it where that is above 0.
 */
int64_t tb_sample_size_of(int64_t pixels, double share);

#endif
