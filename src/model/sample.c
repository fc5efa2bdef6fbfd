#include "model/sample.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

static const int64_t WHOLE = (int64_t)4 << 20, LEAST = (int64_t)1 << 20, MOST = (int64_t)16 << 20;

/*
 * Read for a sample: pixels of many places tell more than as many of few. Who names a share cares
 * for the fit more than for its time.
 */
static const int64_t READ_LEAST = (int64_t)8 << 20, READ_LEAST_ASKED = (int64_t)64 << 20,
                     READ_PER_PIXEL = 2;

/* Left out around cells where not all are read: a shift would decode the tiles there. */
enum { MARGIN = 32 };

/* Cells from the anchor's, so that column 0 starts at or left of the footprint. */
static int64_t cell_of(int64_t place, int64_t anchor)
{
    int64_t offset = place - anchor;

    return offset >= 0 ? offset / TB_SAMPLE_CELL
                       : -((-offset + TB_SAMPLE_CELL - 1) / TB_SAMPLE_CELL);
}

/* The first `bits` bits of the point `index` of Sobol's sequence in the plane. */
static void sobol(uint64_t index, int bits, int64_t *column, int64_t *row)
{
    uint64_t x = (uint64_t)1 << 63, y = x, column_bits = 0, row_bits = 0;

    for (; index != 0; index >>= 1, x >>= 1, y ^= y >> 1)
        if (index & 1) {
            column_bits ^= x;
            row_bits ^= y;
        }
    *column = bits == 0 ? 0 : (int64_t)(column_bits >> (64 - bits));
    *row    = bits == 0 ? 0 : (int64_t)(row_bits >> (64 - bits));
}

tb_status tb_sample_list(tb_sample *sample, const tb_grid *lattice, tb_rect footprint,
                         tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   left, top, columns, rows;
    int       bits = 0;

    *sample = (tb_sample){0};
    if (tb_rect_is_empty(footprint))
        return TB_OK;
    left    = cell_of(footprint.x, lattice->anchor_x);
    top     = cell_of(footprint.y, lattice->anchor_y);
    columns = cell_of(footprint.x + footprint.width - 1, lattice->anchor_x) - left + 1;
    rows    = cell_of(footprint.y + footprint.height - 1, lattice->anchor_y) - top + 1;
    TB_TRY(tb_alloc(&sample->cell, (size_t)(columns * rows), sizeof *sample->cell, "sample", err));
    while ((int64_t)1 << bits < (columns > rows ? columns : rows))
        bits++;
    for (uint64_t i = 0; i < (uint64_t)1 << (2 * bits); i++) {
        int64_t column, row;

        sobol(i, bits, &column, &row);
        if (column >= columns || row >= rows)
            continue;
        sample->cell[sample->count++] =
            tb_rect_intersect((tb_rect){lattice->anchor_x + (left + column) * TB_SAMPLE_CELL,
                                        lattice->anchor_y + (top + row) * TB_SAMPLE_CELL,
                                        TB_SAMPLE_CELL, TB_SAMPLE_CELL},
                              footprint);
        sample->pixels += tb_rect_area(sample->cell[sample->count - 1]);
    }
    sample->chosen = sample->count;
    sample->share  = 1.0;
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
    if (pixels <= WHOLE)
        return pixels;
    size = pixels / 100;
    return size < LEAST ? LEAST : size > MOST ? MOST : size;
}

static int compare_places(const void *a, const void *b)
{
    const tb_rect *p = a, *q = b;

    return p->y != q->y ? (p->y > q->y) - (p->y < q->y) : (p->x > q->x) - (p->x < q->x);
}

/* Of cells that the image's end cuts, narrow ones are left as they are. */
static bool is_wider(tb_rect cell, int64_t pixels)
{
    return cell.width > pixels && cell.height > pixels;
}

void tb_sample_choose(tb_sample *sample, double share)
{
    int64_t wanted = tb_sample_size_of(sample->pixels, share);
    int64_t least  = share > 0.0 ? READ_LEAST_ASKED : READ_LEAST;
    int64_t read   = wanted * READ_PER_PIXEL > least ? wanted * READ_PER_PIXEL : least;
    int64_t area   = 0;

    sample->chosen = 0;
    while (sample->chosen < sample->count && area < read)
        area += tb_rect_area(sample->cell[sample->chosen++]);
    if (area <= wanted)
        return;

    sample->has_margin = sample->chosen < sample->count;
    area               = 0;
    for (int64_t i = 0; i < sample->chosen; i++) {
        if (sample->has_margin && is_wider(sample->cell[i], 4 * MARGIN))
            sample->cell[i] = tb_rect_grow(sample->cell[i], -MARGIN);
        area += tb_rect_area(sample->cell[i]);
    }
    qsort(sample->cell, (size_t)sample->chosen, sizeof *sample->cell, compare_places);
    sample->share = wanted < area ? (double)wanted / (double)area : 1.0;
}

tb_rect tb_sample_inner(const tb_sample *sample, int64_t i, int halo)
{
    tb_rect cell = sample->cell[i];

    if (!sample->has_margin || !is_wider(cell, 2 * MARGIN) || halo <= 0)
        return cell;
    return tb_rect_grow(cell, -halo);
}

/* Hashes are compared by their upper 53 bits: all that a share has. */
static uint64_t bound_of(const tb_sample *sample)
{
    return (uint64_t)ceil(sample->share * 0x1p53);
}

bool tb_sample_draws(const tb_sample *sample, int64_t x, int64_t y)
{
    return tb_draw_is_drawn(tb_draw_mixed((uint64_t)x), (uint64_t)y, bound_of(sample));
}

int64_t tb_sample_count(const tb_sample *sample, tb_rect rect, const tb_kernels *kernels)
{
    int64_t        count = 0;
    tb_sample_rows rows;

    if (sample->share >= 1.0)
        return tb_rect_area(rect);
    tb_sample_rows_init(&rows, sample, rect.x, rect.width, kernels);
    for (int64_t y = rect.y; y < rect.y + rect.height; y++)
        count += (int64_t)kernels->draw_count(rows.column, (uint64_t)y, rows.bound,
                                              (size_t)rows.columns);
    return count;
}

void tb_sample_rows_init(tb_sample_rows *rows, const tb_sample *sample, int64_t x, int64_t columns,
                         const tb_kernels *kernels)
{
    rows->kernels = kernels;
    rows->bound   = bound_of(sample);
    rows->columns = (int)columns;
    for (int i = 0; i < rows->columns; i++)
        rows->column[i] = tb_draw_mixed((uint64_t)(x + i));
}

int tb_sample_rows_draw(tb_sample_rows *rows, int64_t y)
{
    return (int)rows->kernels->draw_row(rows->drawn, rows->column, (uint64_t)y, rows->bound,
                                        (size_t)rows->columns);
}
