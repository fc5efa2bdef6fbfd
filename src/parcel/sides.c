#include "parcel/sides.h"

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
                        TB_NO)
                        return false;
                }
        }
    return true;
}
