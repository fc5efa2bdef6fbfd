/** Lines fitted to a stretch of a ring. */
#ifndef TUBAN_REGION_LINE_H
#define TUBAN_REGION_LINE_H

#include <stdbool.h>

#include "region/loop.h"

/** Pixels that lines keep within the room there is: vertices are rounded afterwards. */
#define TB_LINE_MARGIN 0.012

typedef struct tb_line {
    double x, y, ux, uy; /**< a point and a unit vector, in pixels */
} tb_line;

/**
 * The line for the places from..to of a ring: that of total least squares through the middles of
 * the sides, moved aside as little as brings every place between its ends within its room. False:
 * it cannot be, and the line is one that leaves some out of theirs.
 */
bool tb_line_find(const tb_loop *loop, uint32_t from, uint32_t to, tb_line *line);

/** Whether there is such a line. */
bool tb_line_fits(const tb_loop *loop, uint32_t from, uint32_t to);

/** How far (x, y) lies to the side of the line, with its sign. */
double tb_line_across(const tb_line *line, double x, double y);

/** Where two lines cross; false where they are nearly parallel. */
bool tb_line_cross(const tb_line *a, const tb_line *b, double *x, double *y);

#endif
