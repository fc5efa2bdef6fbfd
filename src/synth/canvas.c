#include "synth/canvas.h"

#include <math.h>

#include "core/memory.h"

tb_status tb_canvas_init(tb_canvas *canvas, int64_t width, int64_t height, size_t corners,
                         tb_error *err)
{
    tb_status status = TB_OK;

    *canvas = (tb_canvas){.width = width, .height = height, .edge_capacity = corners};
    TB_TRY(tb_alloc_zero(&canvas->labels, (size_t)width * (size_t)height, sizeof *canvas->labels,
                         "cells of a picture", err));
    TB_TRY(tb_alloc(&canvas->edges, corners, sizeof *canvas->edges, "edges of a picture", err));
    TB_TRY(tb_alloc(&canvas->crossings, corners, sizeof *canvas->crossings, "edges of a picture",
                    err));
done:
    if (status != TB_OK)
        tb_canvas_reset(canvas);
    return status;
}

void tb_canvas_reset(tb_canvas *canvas)
{
    tb_free(canvas->labels);
    tb_free(canvas->edges);
    tb_free(canvas->crossings);
    *canvas = (tb_canvas){0};
}

/* Edges that reach into the canvas, from their upper to their lower end. */
static size_t collect_edges(tb_canvas *canvas, const tb_point *corner, size_t count,
                            tb_point offset, int32_t *first, int32_t *last)
{
    size_t edges = 0;

    *first = INT32_MAX;
    *last  = -1;
    for (size_t i = 0, j = count - 1; i < count; j = i++) {
        tb_point a  = corner[j].y <= corner[i].y ? corner[j] : corner[i];
        tb_point b  = corner[j].y <= corner[i].y ? corner[i] : corner[j];
        double   ya = (a.y + offset.y - canvas->top) / canvas->cell;
        double   yb = (b.y + offset.y - canvas->top) / canvas->cell;

        if (yb <= 0.5 || ya > (double)canvas->height - 0.5 || ya == yb)
            continue;

        double  xa    = (a.x + offset.x - canvas->left) / canvas->cell;
        double  xb    = (b.x + offset.x - canvas->left) / canvas->cell;
        double  slope = (xb - xa) / (yb - ya);
        double  from = ceil(ya - 0.5), to = ceil(yb - 0.5) - 1.0;
        int32_t row_from = from < 0.0 ? 0 : (int32_t)from;
        int32_t row_to =
            to > (double)canvas->height - 1.0 ? (int32_t)canvas->height - 1 : (int32_t)to;

        if (row_from > row_to)
            continue;
        canvas->edges[edges++] = (struct tb_canvas_edge){xa + ((double)row_from + 0.5 - ya) * slope,
                                                         slope, row_from, row_to};
        *first                 = row_from < *first ? row_from : *first;
        *last                  = row_to > *last ? row_to : *last;
    }
    return edges;
}

static void fill(uint32_t *row, int64_t from, int64_t to, uint32_t label)
{
    if (label == TB_CANVAS_SHADE)
        for (int64_t x = from; x < to; x++)
            row[x] |= TB_CANVAS_SHADE;
    else
        for (int64_t x = from; x < to; x++)
            row[x] = label;
}

static int64_t cell_at(const tb_canvas *canvas, double x)
{
    double cell = ceil(x - 0.5);

    return cell < 0.0 ? 0 : cell > (double)canvas->width ? canvas->width : (int64_t)cell;
}

void tb_canvas_paint(tb_canvas *canvas, const tb_point *corner, size_t count, tb_point offset,
                     uint32_t label)
{
    int32_t first, last;
    size_t  edges = collect_edges(canvas, corner, count, offset, &first, &last);

    for (int32_t y = first; y <= last; y++) {
        size_t    crossings = 0;
        double   *x         = canvas->crossings;
        uint32_t *row       = canvas->labels + (size_t)y * (size_t)canvas->width;

        for (size_t e = 0; e < edges; e++) {
            const struct tb_canvas_edge *edge = &canvas->edges[e];
            double                       at   = edge->x + (double)(y - edge->first) * edge->slope;
            size_t                       k    = crossings;

            if (y < edge->first || y > edge->last)
                continue;
            while (k > 0 && x[k - 1] > at) {
                x[k] = x[k - 1];
                k--;
            }
            x[k] = at;
            crossings++;
        }
        for (size_t k = 0; k + 1 < crossings; k += 2)
            fill(row, cell_at(canvas, x[k]), cell_at(canvas, x[k + 1]), label);
    }
}
