/**
 * From the runs of a component to valid polygons on the corners of the lattice.
 *
 * Corner (x, y) is the upper left one of pixel (x, y); x runs right, y down. Exterior rings run
 * anticlockwise as seen on the screen, holes clockwise: the inside is to the left. Rings start at
 * their uppermost, then leftmost corner, list a vertex at every turn and nowhere else, and do not
 * repeat the first one at the end.
 */
#ifndef TUBAN_REGION_TRACE_H
#define TUBAN_REGION_TRACE_H

#include "region/assemble.h"

/** A vertex, from the origin of its shape, in pixels / scale of the shape. */
typedef struct tb_corner {
    int32_t x, y;
} tb_corner;

/** Vertices first .. first + count - 1 of the shape. */
typedef struct tb_ring {
    size_t first, count;
} tb_ring;

/** Rings first .. first + count - 1 of the shape; the first is the exterior one, holes follow. */
typedef struct tb_polygon {
    size_t first, count;
} tb_polygon;

/** One or more polygons with holes; borrows its arrays from whoever made it. */
typedef struct tb_shape {
    int64_t           origin_x, origin_y; /**< origin + corner / scale is a place of the lattice */
    int               scale;              /**< 1 as traced, 2 when simplified to half pixels */
    const tb_corner  *corners;
    const tb_ring    *rings;
    const tb_polygon *polygons;
    size_t            corner_count, ring_count, polygon_count;
} tb_shape;

/** What tracing needs; reused from component to component. */
typedef struct tb_trace tb_trace;

/** Returns an empty workspace; free with tb_trace_free. */
tb_status tb_trace_new(tb_trace **out, tb_error *err);

void tb_trace_free(tb_trace *trace);

/**
 * Traces any set of pixels. Where pixels meet at a corner only, the polygons are split there; a
 * ring that comes back to a corner is split into two rings; the result is valid as OGC 06-103r4 has
 * it. Polygons, and the holes of each, are in the order of their rings' first corners (y, then x).
 *
 * Rings are followed with the inside 4-connected, and cut where they meet themselves. A ring
 * follows one 4-connected region, so the pieces of an exterior ring are one exterior ring and
 * holes, and holes find their polygon by their region: no test of points in polygons is made.
 *
 * @param spans  sorted by (row, first), with a gap between two of one row, extending over less than
 *               2^31 pixels in x and y.
 * @param shape  borrows `trace` until its next use.
 * @return TB_OK; TB_E_MEMORY; TB_E_INPUT when the shape is too large: 2^31 pixels wide or high,
 * 2^31 vertices. Threads: one caller per workspace. Cost: O(spans + vertices + pixels / 64 + rows x
 * columns / 4096); 5 bytes a column, 12 a span and 32 a vertex.
 */
tb_status tb_trace_spans(tb_trace *trace, const tb_span *spans, size_t count, tb_shape *shape,
                         tb_error *err);

/** Traces the pixels of a component; 12 bytes a span less. */
tb_status tb_trace_component(tb_trace *trace, const tb_component *component, tb_shape *shape,
                             tb_error *err);

#endif
