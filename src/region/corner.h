/** What corners of the lattice, and rings of them, have to do with each other. */
#ifndef TUBAN_REGION_CORNER_H
#define TUBAN_REGION_CORNER_H

#include <stdbool.h>

#include "region/trace.h"

/** By row, then column: the order of first corners. */
static inline bool tb_corner_is_before(tb_corner a, tb_corner b)
{
    return a.y != b.y ? a.y < b.y : a.x < b.x;
}

/** 1 where p lies to the right of the way from a to b as seen on the screen, -1 to the left, 0 on
 * its line. */
static inline int tb_corner_turn(tb_corner a, tb_corner b, tb_corner p)
{
    int64_t turn =
        ((int64_t)b.x - a.x) * ((int64_t)p.y - a.y) - ((int64_t)b.y - a.y) * ((int64_t)p.x - a.x);

    return (turn > 0) - (turn < 0);
}

/** Squared distance of a place from the segment a b. */
static inline double tb_corner_distance_squared(double x, double y, tb_corner a, tb_corner b)
{
    double ux = (double)b.x - a.x, uy = (double)b.y - a.y, vx = x - a.x, vy = y - a.y;
    double length = ux * ux + uy * uy, along = ux * vx + uy * vy, off = ux * vy - uy * vx;

    if (length <= 0.0 || along <= 0.0)
        return vx * vx + vy * vy;
    if (along >= length)
        return (x - b.x) * (x - b.x) + (y - b.y) * (y - b.y);
    return off * off / length;
}

/** Twice the area of a ring, with the sign of its turn. */
static inline double tb_corner_twice_area(const tb_corner *c, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];

        sum += (double)a.x * (double)b.y - (double)b.x * (double)a.y;
    }
    return sum;
}

#endif
