#include "parcel/sides.h"

/* Points beyond which GEOS, with its indexes, is the better choice. */
enum { POINTS_MOST = 200 };

/* Whether the edge b c, after a b, has no more than b in common with it: no spike, no stop. */
static bool goes_on(tb_point a, tb_point b, tb_point c)
{
    double on = (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y);

    return !tb_points_equal(b, c) && (on > 0.0 || tb_turn(a, b, c) != 0.0);
}

bool tb_ring_is_surely_simple(const tb_point *p, size_t count)
{
    tb_box box[POINTS_MOST];
    size_t edges = count - 1;

    if (count < 4 || count > POINTS_MOST || !tb_points_equal(p[0], p[edges]))
        return false;
    for (size_t i = 0; i < edges; i++) {
        box[i] = tb_box_of_edge(p[i], p[i + 1]);
        if (!goes_on(p[i], p[i + 1], p[(i + 1) % edges + 1]))
            return false;
    }
    for (size_t i = 0; i < edges; i++)
        for (size_t k = i + 2; k < edges; k++) {
            double along[2];

            if (tb_boxes_apart(box[i], box[k]) || (i == 0 && k == edges - 1))
                continue;
            if (tb_edges_cross(p[i], p[i + 1], p[k], p[k + 1], &along[0], &along[1]) != TB_NO)
                return false;
        }
    return true;
}
