#include "model/sample.h"

#include <math.h>

#include "core/memory.h"

static const int64_t LEAST = (int64_t)4 << 20, MOST = (int64_t)16 << 20;

static uint64_t reversed(uint64_t value, int bits)
{
    uint64_t result = 0;

    for (int i = 0; i < bits; i++)
        result |= ((value >> i) & 1) << (bits - 1 - i);
    return result;
}

/* Cells from the anchor's, so that column 0 starts at or left of the footprint. */
static int64_t cell_of(int64_t place, int64_t anchor)
{
    int64_t offset = place - anchor;

    return offset >= 0 ? offset / TB_SAMPLE_CELL
                       : -((-offset + TB_SAMPLE_CELL - 1) / TB_SAMPLE_CELL);
}

tb_status tb_sample_list(tb_sample *sample, const tb_grid *lattice, tb_rect footprint,
                         tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   column, row, columns, rows;
    int       bits = 0;

    *sample = (tb_sample){0};
    if (tb_rect_is_empty(footprint))
        return TB_OK;
    column  = cell_of(footprint.x, lattice->anchor_x);
    row     = cell_of(footprint.y, lattice->anchor_y);
    columns = cell_of(footprint.x + footprint.width - 1, lattice->anchor_x) - column + 1;
    rows    = cell_of(footprint.y + footprint.height - 1, lattice->anchor_y) - row + 1;
    TB_TRY(tb_alloc(&sample->cell, (size_t)(columns * rows), sizeof *sample->cell, "sample", err));
    while (((int64_t)1 << bits) < columns * rows)
        bits++;
    for (uint64_t i = 0; i < (uint64_t)1 << bits; i++) {
        int64_t at = (int64_t)reversed(i, bits);
        tb_rect cell;

        if (at >= columns * rows)
            continue;
        cell = tb_rect_intersect(
            (tb_rect){lattice->anchor_x + (column + at % columns) * TB_SAMPLE_CELL,
                      lattice->anchor_y + (row + at / columns) * TB_SAMPLE_CELL, TB_SAMPLE_CELL,
                      TB_SAMPLE_CELL},
            footprint);
        sample->cell[sample->count++] = cell;
        sample->pixels += tb_rect_area(cell);
    }
done:
    return status;
}

void tb_sample_reset(tb_sample *sample)
{
    tb_free(sample->cell);
    *sample = (tb_sample){0};
}

int64_t tb_sample_size_of(int64_t pixels, double share)
{
    int64_t size;

    if (share > 0.0) {
        size = (int64_t)ceil((double)pixels * share);
        return size < 1 ? 1 : size > pixels ? pixels : size;
    }
    if (pixels <= LEAST)
        return pixels;
    size = pixels / 100;
    return size < LEAST ? LEAST : size > MOST ? MOST : size;
}
