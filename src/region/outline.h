/**
 * Simplified outlines: staircases of pixels made into lines.
 *
 * Vertices are chosen among the corners of a ring and the middles of the pixel sides beside them,
 * so that every point of the old ring lies within the tolerance of the new one and the other way
 * round. The tolerance is held under half a pixel whatever is asked for: components lie a pixel
 * apart, and so do the walls of one, hence nothing that was apart can meet, and what was valid
 * stays so. Corners at which two rings touch stay where they are.
 */
#ifndef TUBAN_REGION_OUTLINE_H
#define TUBAN_REGION_OUTLINE_H

#include "region/trace.h"

typedef struct tb_outline tb_outline;

/** Returns an empty workspace; free with tb_outline_free. */
tb_status tb_outline_new(tb_outline **out, tb_error *err);
void      tb_outline_free(tb_outline *outline);

/**
 * Simplifies a traced shape.
 *
 * Of all ways to keep within the tolerance it takes the one with the least sum of half a squared
 * pixel a vertex and the squared distances of the corners left out (dynamic programming along each
 * ring, over at most 32 edges at once). A shape whose area would change by more than 1 % is
 * returned as it was.
 *
 * @param tolerance_px  0 leaves the shape as it is.
 * @param result        borrows `outline` until its next use, or the arrays of `shape`; its scale
 * is 2.
 * @return TB_OK; TB_E_MEMORY.
 * Threads: one caller per workspace.   Cost: O(vertices), some 3000 steps each; 60 bytes a vertex.
 */
tb_status tb_outline_simplify(tb_outline *outline, const tb_shape *shape, double tolerance_px,
                              tb_shape *result, tb_error *err);

/** Reads "off" (0) or a tolerance such as "0.7px", above 0 and at most 10; false for anything else.
 */
bool tb_outline_parse(const char *text, double *tolerance_px);

/** The area of a shape in pixels. */
double tb_shape_area(const tb_shape *shape);

#endif
