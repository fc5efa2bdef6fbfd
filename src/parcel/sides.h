/**
 * Which side of an edge a point lies on, and whether edges cross: said only where rounding cannot
 * have turned the answer.
 */
#ifndef TUBAN_PARCEL_SIDES_H
#define TUBAN_PARCEL_SIDES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct tb_point {
    double x, y;
} tb_point;

typedef struct tb_box {
    tb_point low, high;
} tb_box;

typedef enum tb_certainty { TB_SURELY_NOT, TB_SURELY, TB_IN_DOUBT } tb_certainty;

/**
 * Twice the area of a triangle, above 0 where c lies to the left of the way from a to b; 0 where
 * its sign is in doubt (Shewchuk 1997: the error of orient2d is below (3 + 16 ε) ε of the sum).
 */
static inline double tb_turn(tb_point a, tb_point b, tb_point c)
{
    double left = (a.x - c.x) * (b.y - c.y), right = (a.y - c.y) * (b.x - c.x);
    double bound = 3.3306690738754716e-16 * (fabs(left) + fabs(right));

    return fabs(left - right) > bound ? left - right : 0.0;
}

/**
 * The side of the line from a to b on which c lies, 1 left and -1 right, when one of two shapes is
 * moved by next to nothing, so that it has no corner on an edge of the other and no edge along one
 * (Edelsbrunner and Mücke, Simulation of Simplicity, 1990, with one shift for all of a shape).
 * Areas are as if it were not moved.
 * @param point_moved  c is of the moved shape, a and b of the other; or the other way round.
 * @return 0 when the coordinates differ too much in size for an exact answer, or a is b.
 */
int tb_side(tb_point a, tb_point b, tb_point c, bool point_moved);

static inline bool tb_points_equal(tb_point a, tb_point b)
{
    return a.x == b.x && a.y == b.y;
}

static inline bool tb_boxes_apart(tb_box a, tb_box b)
{
    /* Which of the four it is cannot be foretold, so they are not asked one by one. */
    return (a.low.x > b.high.x) | (b.low.x > a.high.x) | (a.low.y > b.high.y) |
           (b.low.y > a.high.y);
}

/** Four questions, not two: as least and largest they need no branch, which nobody could foretell.
 */
static inline tb_box tb_box_of_edge(tb_point a, tb_point b)
{
    return (tb_box){{a.x < b.x ? a.x : b.x, a.y < b.y ? a.y : b.y},
                    {a.x > b.x ? a.x : b.x, a.y > b.y ? a.y : b.y}};
}

/** The box around two boxes. */
static inline tb_box tb_box_of_boxes(tb_box a, tb_box b)
{
    return (tb_box){
        {a.low.x < b.low.x ? a.low.x : b.low.x, a.low.y < b.low.y ? a.low.y : b.low.y},
        {a.high.x > b.high.x ? a.high.x : b.high.x, a.high.y > b.high.y ? a.high.y : b.high.y}};
}

/**
 * Whether the edges a b and c d cross in one point within both; TB_SURELY_NOT: they have none in
 * common.
 * @param along_first, along_second  where, as shares of either edge; set with TB_SURELY.
 */
static inline tb_certainty tb_edges_cross(tb_point a, tb_point b, tb_point c, tb_point d,
                                          double *along_first, double *along_second)
{
    double of_c = tb_turn(a, b, c), of_d = tb_turn(a, b, d), of_a, of_b;

    if (of_c * of_d > 0.0)
        return TB_SURELY_NOT;
    of_a = tb_turn(c, d, a);
    of_b = tb_turn(c, d, b);
    if (of_a * of_b > 0.0)
        return TB_SURELY_NOT;
    if (of_c == 0.0 || of_d == 0.0 || of_a == 0.0 || of_b == 0.0)
        return TB_IN_DOUBT;
    *along_first  = of_a / (of_a - of_b);
    *along_second = of_c / (of_c - of_d);
    return TB_SURELY;
}

/**
 * Whether a closed ring is sure to be simple: no corner twice, no edges that meet but for
 * neighbours, at their ends. False where that is in doubt, or the ring is long.
 * Cost: O(count²), some 1 µs for 40 points.
 */
bool tb_ring_is_surely_simple(const tb_point *points, size_t count);

#endif
