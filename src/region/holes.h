/** Small holes of a traced shape, filled. */
#ifndef TUBAN_REGION_HOLES_H
#define TUBAN_REGION_HOLES_H

#include "region/trace.h"

/** A workspace; all zero is an empty one. */
typedef struct tb_holes {
    tb_ring    *rings; /* of the shape that are not filled */
    tb_polygon *polygons;
    size_t      ring_capacity, polygon_capacity;
} tb_holes;

void tb_holes_reset(tb_holes *holes);

/**
 * Leaves out the holes of at most `most` pixels in which no part of this or another component lies.
 * @param nearby  pixels of other components, as tb_outline_simplify takes them.
 * @param result  borrows the workspace until its next use, or the arrays of `shape`.
 * @return TB_OK or TB_E_MEMORY.
 */
tb_status tb_holes_fill(tb_holes *holes, const tb_shape *shape, const tb_span *nearby, size_t count,
                        int64_t most, tb_shape *result, tb_error *err);

#endif
