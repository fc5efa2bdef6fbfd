#include "parcel/apart.h"

#include <math.h>

/* Degrees by which a point in the middle of an edge may lie beside it, and more. */
static const double BESIDE = 1e-13;

/* Edges where two meet beyond which areas are to be asked. */
enum { EDGES_MOST = 256 };

/* An edge where the boxes of two meet. */
typedef struct loose_edge {
    tb_point from, to;
    tb_box   box;
    bool     follows; /* the one before it in the list, along the ring */
    bool     is_common;
    bool     touches_from, touches_to; /* the border of the other */
    bool     is_outside;               /* of the other, for certain */
} loose_edge;

/* Whether a point lies within `beside` of edges from..until of a ring; those that pass it on its
 * right turn *is_in. */
static bool is_beside(const tb_point *q, size_t from, size_t until, tb_point p, double beside,
                      bool *is_in)
{
    for (size_t i = from; i < until; i++) {
        tb_point a = q[i], b = q[i + 1];
        bool     spans = (a.y > p.y) != (b.y > p.y);
        double   side;

        if (!spans && (fmin(a.y, b.y) > p.y + beside || fmax(a.y, b.y) < p.y - beside))
            continue;
        if (a.x < p.x - beside && b.x < p.x - beside)
            continue;
        if (a.x > p.x + beside && b.x > p.x + beside) {
            *is_in ^= spans;
            continue;
        }
        side = tb_turn(a, b, p);
        if (fabs(side) <= beside * (fabs(b.x - a.x) + fabs(b.y - a.y)))
            return true; /* also where its sign is in doubt, as `side` is 0 then */
        if (spans)
            *is_in ^= (side > 0.0) == (b.y > a.y);
    }
    return false;
}

/* Whether a point lies in the interior or within `beside` of a border. */
static bool may_hold(const tb_rings *it, tb_point p, double beside)
{
    bool is_in = false;

    if (p.x < it->box.low.x - beside || p.x > it->box.high.x + beside ||
        p.y < it->box.low.y - beside || p.y > it->box.high.y + beside)
        return false;
    for (size_t r = 0; r < it->count; r++) {
        const tb_contour *ring = &it->ring[r];
        const tb_point   *q    = it->points + ring->first;
        const tb_box     *part = it->part + ring->part;

        for (size_t k = 0; k < tb_part_count(ring->edges); k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (part[k].low.y > p.y + beside || part[k].high.y < p.y - beside ||
                part[k].high.x < p.x - beside)
                continue;
            if (is_beside(q, from, until, p, beside, &is_in))
                return true;
        }
    }
    return is_in;
}

/* The edges in a window, and whether a corner lies inside; false where they are too many. */
static bool gather(const tb_rings *it, const tb_box *window, loose_edge *edges, size_t *count,
                   bool *has_corner)
{
    *count = 0;
    for (size_t r = 0; r < it->count; r++) {
        const tb_contour *ring  = &it->ring[r];
        const tb_point   *p     = it->points + ring->first;
        const tb_box     *part  = it->part + ring->part;
        bool              is_on = false;

        for (size_t k = 0; k < tb_part_count(ring->edges); k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (tb_boxes_apart(part[k], *window)) {
                is_on = false;
                continue;
            }
            for (size_t i = from; i < until; i++) {
                tb_box box = tb_box_of_edge(p[i], p[i + 1]);

                if (tb_boxes_apart(box, *window)) {
                    is_on = false;
                    continue;
                }
                if (*count == EDGES_MOST)
                    return false;
                edges[(*count)++] =
                    (loose_edge){.from = p[i], .to = p[i + 1], .box = box, .follows = is_on};
                *has_corner |= p[i].x > window->low.x && p[i].x < window->high.x &&
                               p[i].y > window->low.y && p[i].y < window->high.y;
                is_on = true;
            }
        }
    }
    return true;
}

static bool is_opposite(const loose_edge *a, const loose_edge *b)
{
    return tb_points_equal(a->from, b->to) && tb_points_equal(a->to, b->from);
}

/*
 * Marks the edges that both have, in opposite ways; false where both have one in the same way. A
 * border goes on the other way round in the other, where the next edge is looked for first.
 */
static bool mark_common(loose_edge *a, size_t a_count, loose_edge *b, size_t b_count)
{
    size_t next = b_count;

    for (size_t i = 0; i < a_count; i++) {
        size_t k = next;

        if (k == b_count || !is_opposite(&a[i], &b[k]))
            for (k = 0; k < b_count && !is_opposite(&a[i], &b[k]); k++)
                if (tb_points_equal(a[i].from, b[k].from) && tb_points_equal(a[i].to, b[k].to))
                    return false;
        if (k < b_count)
            a[i].is_common = b[k].is_common = true;
        next = k < b_count && k > 0 ? k - 1 : b_count;
    }
    return true;
}

/* Whether the ways from one end to two others are clear of each other. */
static bool are_ways_clear(tb_point from, tb_point one, tb_point other)
{
    return tb_turn(from, one, other) != 0.0 ||
           (one.x - from.x) * (other.x - from.x) + (one.y - from.y) * (other.y - from.y) < 0.0;
}

/* Whether two edges are sure to have no more in common than an end, which is marked. */
static bool are_clear(loose_edge *p, loose_edge *q)
{
    double along[2];
    bool   from_from = tb_points_equal(p->from, q->from), from_to = tb_points_equal(p->from, q->to);
    bool   to_from = tb_points_equal(p->to, q->from), to_to = tb_points_equal(p->to, q->to);

    p->touches_from |= from_from || from_to;
    p->touches_to |= to_from || to_to;
    q->touches_from |= from_from || to_from;
    q->touches_to |= from_to || to_to;
    if (from_from)
        return are_ways_clear(p->from, p->to, q->to);
    if (from_to)
        return are_ways_clear(p->from, p->to, q->from);
    if (to_from)
        return are_ways_clear(p->to, p->from, q->to);
    if (to_to)
        return are_ways_clear(p->to, p->from, q->from);
    return tb_edges_cross(p->from, p->to, q->from, q->to, &along[0], &along[1]) == TB_SURELY_NOT;
}

/* Whether edges of two are clear of each other, but for those that both have. */
static bool are_all_clear(loose_edge *a, size_t a_count, loose_edge *b, size_t b_count)
{
    loose_edge *all[EDGES_MOST], **own; /* of b: those that a has not come last */
    size_t      common = 0, others = b_count;

    for (size_t k = 0; k < b_count; k++)
        all[b[k].is_common ? common++ : --others] = &b[k];
    own = all + common;
    for (size_t i = 0; i < a_count; i++) {
        loose_edge **with  = a[i].is_common ? own : all;
        size_t       count = a[i].is_common ? b_count - common : b_count;

        for (size_t k = 0; k < count; k++)
            if (!tb_boxes_apart(a[i].box, with[k]->box) && !are_clear(&a[i], with[k]))
                return false;
    }
    return true;
}

static bool is_beyond(const tb_box *box, tb_point p)
{
    return p.x < box->low.x || p.x > box->high.x || p.y < box->low.y || p.y > box->high.y;
}

/*
 * Whether no edge lies within the other. An edge whose end is outside of the other's box is not,
 * nor is one that goes on from such an edge where there is no border of the other. For what is
 * left, the middle of the edge is looked for.
 */
static bool are_outside(loose_edge *edges, size_t count, const tb_rings *other)
{
    for (size_t i = 0; i < count; i++) {
        loose_edge *it = &edges[i];

        it->is_outside =
            it->is_common || is_beyond(&other->box, it->from) || is_beyond(&other->box, it->to) ||
            (it->follows && !it->touches_from && !it[-1].is_common && it[-1].is_outside);
    }
    for (size_t i = count; i-- > 0;) {
        loose_edge *it = &edges[i];

        if (!it->is_outside && i + 1 < count && it[1].follows && !it->touches_to &&
            !it[1].is_common)
            it->is_outside = it[1].is_outside;
        if (!it->is_outside)
            it->is_outside = !may_hold(other,
                                       (tb_point){it->from.x + (it->to.x - it->from.x) / 2.0,
                                                  it->from.y + (it->to.y - it->from.y) / 2.0},
                                       BESIDE);
        if (!it->is_outside)
            return false;
    }
    return true;
}

/*
 * Ground of both would be bounded by edges of either that lie within the other, or by nothing but
 * the box that both have. Edges that both have do not bound it: what is left of one is outside of
 * the other. An edge that leaves the other's box is clear of it there too.
 */
bool tb_rings_are_apart(const tb_rings *a, const tb_rings *b)
{
    loose_edge edges_a[EDGES_MOST], edges_b[EDGES_MOST];
    size_t     a_count, b_count;
    bool       has_corner = false;
    tb_box     both       = {{fmax(a->box.low.x, b->box.low.x), fmax(a->box.low.y, b->box.low.y)},
                             {fmin(a->box.high.x, b->box.high.x), fmin(a->box.high.y, b->box.high.y)}};
    tb_point   middle     = {(both.low.x + both.high.x) / 2.0, (both.low.y + both.high.y) / 2.0};

    if (both.low.x >= both.high.x || both.low.y >= both.high.y)
        return true;
    if (!gather(a, &both, edges_a, &a_count, &has_corner) ||
        !gather(b, &both, edges_b, &b_count, &has_corner) ||
        !mark_common(edges_a, a_count, edges_b, b_count))
        return false;
    return are_all_clear(edges_a, a_count, edges_b, b_count) && are_outside(edges_a, a_count, b) &&
           are_outside(edges_b, b_count, a) &&
           (has_corner || !may_hold(a, middle, BESIDE) || !may_hold(b, middle, BESIDE));
}
