/**
 * Simplified outlines: staircases of pixels made into the lines they stand for.
 *
 * The boundary of a shape falls into *arcs* between *junctions*: corners of the lattice where rings
 * meet, of this shape or another. Junctions stay where they are, and so do the pixel sides that end
 * there, so whatever meets there goes on meeting there and nowhere else.
 *
 * Each place of the boundary has *room*: with d the distance to the nearest piece of boundary that
 * does not belong to the same turn of the same ring, it may move (d - 1/2) / 2 and no more than the
 * tolerance. Two pieces that both keep to that stay half a pixel apart without knowing of each
 * other, so outlines can be made one component at a time and no sliver arises between or inside
 * them. On the lattice d is 0, 1, the root of 2, or at least 2, hence four kinds of room. What
 * room cannot tell, pieces that follow one another closely on one ring, is compared outright.
 */
#ifndef TUBAN_REGION_OUTLINE_H
#define TUBAN_REGION_OUTLINE_H

#include "region/trace.h"

enum {
    TB_OUTLINE_SCALE     = 64, /**< simplified vertices stand on such parts of a pixel */
    TB_OUTLINE_FILL_MOST = 24, /**< pixels; in a larger hole an island may lie out of sight */
};

/** The greatest tolerance: where two boundaries lie two pixels apart each has room for that. */
#define TB_OUTLINE_TOLERANCE_MOST 0.75

typedef struct tb_outline_options {
    double  tolerance_px; /**< 0 leaves the shape as traced; at most TB_OUTLINE_TOLERANCE_MOST */
    int64_t fill_pixels;  /**< holes up to that are filled; 0..TB_OUTLINE_FILL_MOST, 0 none */
} tb_outline_options;

typedef struct tb_outline tb_outline;

/** Returns an empty workspace; free with tb_outline_free. */
tb_status tb_outline_new(tb_outline **out, tb_error *err);
void      tb_outline_free(tb_outline *outline);

/**
 * Fills small holes of a traced shape and simplifies what is left.
 *
 * A hole is filled when it has at most fill_pixels pixels and no part of this or another component
 * lies in it; ring_count of the result tells how many were.
 *
 * Each arc is cut where it is furthest from its chord until every piece keeps to a line of least
 * squares through the middles of its pixel sides (total least squares; the recursion is that of
 * Douglas and Peucker 1973); pieces that one line does for are joined again; vertices are where
 * neighbouring lines cross. Every vertex lies within the tolerance of the old ring, every corner
 * of that within the tolerance of the new one; pieces that fail are cut finer, at worst to the
 * lattice. Where the area would change by more than 1 % the shape is done again with less
 * tolerance, at worst with none.
 *
 * @param nearby  pixels of other components at most two columns and rows from the shape's, sorted
 *                by (row, first); they may overlap. Others need not be there.
 * @param result  borrows `outline` until its next use, or the arrays of `shape`; its scale is 1 or
 *                TB_OUTLINE_SCALE.
 * @return TB_OK; TB_E_MEMORY; TB_E_INPUT when the shape is too large: 2^24 pixels wide or high,
 *         2^31 pixel sides.
 * Threads: one caller per workspace.
 * Cost: O(n log n) for n pixel sides of boundary; 40 bytes a side.
 */
tb_status tb_outline_simplify(tb_outline *outline, const tb_shape *shape, const tb_span *nearby,
                              size_t nearby_count, const tb_outline_options *options,
                              tb_shape *result, tb_error *err);

/** Reads "off" (0) or a tolerance such as "0.7px", above 0 and at most TB_OUTLINE_TOLERANCE_MOST;
 *  false for anything else. */
bool tb_outline_parse(const char *text, double *tolerance_px);

/** The area of a shape in pixels. */
double tb_shape_area(const tb_shape *shape);

#endif
