/**
 * A window of the ground in small cells, painted with outlines: each cell holds the label of the
 * outline painted last over its centre.
 *
 * Two outlines with a common edge share no cell and leave none out: an edge gives the same crossing
 * whichever of them it is walked for.
 */
#ifndef TUBAN_SYNTH_CANVAS_H
#define TUBAN_SYNTH_CANVAS_H

#include <stdint.h>

#include "core/error.h"
#include "synth/shape.h"

/** A cell in shade has this bit beside its label. */
#define TB_CANVAS_SHADE UINT32_C(0x80000000)

/** Zero-initialised is empty; free with tb_canvas_reset. One caller per object. */
typedef struct tb_canvas {
    double    left, top; /**< upper left corner, metres */
    double    cell;      /**< side of a cell, metres */
    int64_t   width, height;
    uint32_t *labels; /**< [height][width] */
    struct tb_canvas_edge {
        double  x, slope; /**< at the centre of row `first`, cells; and a row on */
        int32_t first, last;
    } * edges;
    double *crossings;
    size_t  edge_capacity;
} tb_canvas;

/** Room for width x height cells and outlines of so many corners. */
tb_status tb_canvas_init(tb_canvas *canvas, int64_t width, int64_t height, size_t corners,
                         tb_error *err);

void tb_canvas_reset(tb_canvas *canvas);

/** Labels all cells inside the outline moved by `offset`; TB_CANVAS_SHADE alone adds the bit. */
void tb_canvas_paint(tb_canvas *canvas, const tb_point *corner, size_t count, tb_point offset,
                     uint32_t label);

#endif
