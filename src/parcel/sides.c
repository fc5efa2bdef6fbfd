#include "parcel/sides.h"

static int sign_of(double value)
{
    return (value > 0.0) - (value < 0.0);
}

/* a - b; *is_exact is cleared where that is rounded (Knuth's two-sum). */
static double difference(double a, double b, bool *is_exact)
{
    double rest = a - b, was = rest + b;

    *is_exact = *is_exact && (a - was) + ((was - rest) - b) == 0.0;
    return rest;
}

/* The sign of p q - r s, without rounding: products and their errors are doubles. */
static int sign_of_determinant(double p, double q, double r, double s)
{
    double left = p * q, right = r * s, low_left = fma(p, q, -left), low_right = fma(r, s, -right);
    double high = left - right; /* exact where the errors matter: then they differ by little */
    double low = low_left - low_right, back = low + low_right;
    double rest = (low_left - back) + ((back - low) - low_right);

    return high + low != 0.0 ? sign_of(high + low) : sign_of(rest);
}

int tb_side(tb_point a, tb_point b, tb_point c, bool point_moved)
{
    double turn     = tb_turn(a, b, c);
    bool   is_exact = true;
    int    side;

    if (turn != 0.0)
        return turn > 0.0 ? 1 : -1;
    side = sign_of_determinant(difference(a.x, c.x, &is_exact), difference(b.y, c.y, &is_exact),
                               difference(a.y, c.y, &is_exact), difference(b.x, c.x, &is_exact));
    if (!is_exact)
        return 0;
    if (side == 0) { /* c moves by (e, e^2): what that adds to the determinant, e before e^2 */
        side = a.y != b.y ? sign_of(a.y - b.y) : sign_of(b.x - a.x);
        side = point_moved ? side : -side;
    }
    return side;
}

/*
 * Whether a closed ring is sure to run around the mean of its corners once, always to the same
 * side: what is seen whole from within is simple. An angle that only grows passes any line through
 * its corner twice a turn.
 */
static bool is_seen_from_within(const tb_point *p, size_t edges)
{
    tb_point middle  = {0.0, 0.0};
    bool     is_left = true, is_right = true;
    int      passes = 0;

    for (size_t i = 0; i < edges; i++) {
        middle.x += p[i].x;
        middle.y += p[i].y;
    }
    middle.x /= (double)edges;
    middle.y /= (double)edges;
    for (size_t i = 0; i < edges; i++) {
        double turn = tb_turn(p[i], p[i + 1], middle);

        is_left &= turn > 0.0;
        is_right &= turn < 0.0;
        passes += (p[i].y > middle.y) != (p[i + 1].y > middle.y);
    }
    return (is_left || is_right) && passes == 2;
}

/* Points beyond which GEOS, with its indexes, is the better choice. */
enum { POINTS_MOST = 200 };

/* Whether the edge b c, after a b, has no more than b in common with it: no spike, no stop. */
static bool goes_on(tb_point a, tb_point b, tb_point c)
{
    double on = (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y);

    return !tb_points_equal(b, c) && (on > 0.0 || tb_turn(a, b, c) != 0.0);
}

/* The edges of a ring in runs of a few, each with a box around it: most runs lie apart. */
enum { RUN = 6, RUNS_MOST = POINTS_MOST / RUN + 1 };

bool tb_ring_is_surely_simple(const tb_point *p, size_t count)
{
    tb_box box[POINTS_MOST], around[RUNS_MOST];
    size_t edges = count - 1, runs = (edges + RUN - 1) / RUN;

    if (count < 4 || count > POINTS_MOST || !tb_points_equal(p[0], p[edges]))
        return false;
    if (is_seen_from_within(p, edges))
        return true;
    for (size_t i = 0; i < edges; i++) {
        tb_box *run = &around[i / RUN];

        box[i] = tb_box_of_edge(p[i], p[i + 1]);
        *run   = i % RUN == 0 ? box[i] : tb_box_of_boxes(*run, box[i]);
        if (!goes_on(p[i], p[i + 1], p[(i + 1) % edges + 1]))
            return false;
    }
    for (size_t a = 0; a < runs; a++)
        for (size_t b = a; b < runs; b++) {
            size_t end_a = a + 1 < runs ? RUN * (a + 1) : edges;
            size_t end_b = b + 1 < runs ? RUN * (b + 1) : edges;

            if (tb_boxes_apart(around[a], around[b]))
                continue;
            for (size_t i = RUN * a; i < end_a; i++)
                for (size_t k = RUN * b > i + 2 ? RUN * b : i + 2; k < end_b; k++) {
                    double along[2];

                    if (tb_boxes_apart(box[i], box[k]) || (i == 0 && k == edges - 1))
                        continue;
                    if (tb_edges_cross(p[i], p[i + 1], p[k], p[k + 1], &along[0], &along[1]) !=
                        TB_SURELY_NOT)
                        return false;
                }
        }
    return true;
}
