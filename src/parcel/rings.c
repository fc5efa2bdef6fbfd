#include "parcel/rings.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "parcel/area.h"

/* Pairs of edges beyond which GEOS, with its indexes, is the better choice. */
enum { PAIRS_MOST = 1 << 22 };

/* Shares of an edge within which crossings may have been put in the wrong order. */
static const double TIED = 1e-9;

static const size_t NONE = SIZE_MAX;

/* An edge of the first that meets the box of the second. */
typedef struct tb_near {
    tb_box box;
    size_t edge;
} near_edge;

/* Where an edge of the first crosses one of the second. */
typedef struct tb_meeting {
    tb_point place;  /* from the origin */
    bool     enters; /* the first goes into the second there, and the second out of the first */
} meeting;

typedef struct tb_place_on {
    size_t edge;
    double along; /* share of the edge */
    size_t meeting;
} place_on;

/* What of an edge lies within the other. */
typedef struct tb_stretch {
    tb_point from, to; /* from the origin */
    size_t   meeting;  /* where it ends, or NONE: at a corner, */
    size_t   next;     /* from which this one goes on */
} stretch;

static tb_status make_room(void *array, size_t needed, size_t *capacity, size_t size, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = *capacity > 0 ? *capacity : 64;

    if (needed <= *capacity)
        return TB_OK;
    while (more < needed)
        more *= 2;
    TB_TRY(tb_grow(array, more, size, "edges", err));
    *capacity = more;
done:
    return status;
}

/* ---- rings ---- */

void tb_rings_reset(tb_rings *rings)
{
    tb_free(rings->points);
    tb_free(rings->ring);
    *rings = (tb_rings){0};
}

static void empty(tb_rings *rings)
{
    rings->point_count = rings->count = 0;
    rings->is_inverse                 = false;
    rings->box                        = (tb_box){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
}

static void stretch_box(tb_box *box, tb_point p)
{
    *box = (tb_box){{p.x < box->low.x ? p.x : box->low.x, p.y < box->low.y ? p.y : box->low.y},
                    {p.x > box->high.x ? p.x : box->high.x, p.y > box->high.y ? p.y : box->high.y}};
}

/* Closes the points since `first` to a ring, corners that repeat left out. */
static tb_status close_ring(tb_rings *to, size_t first, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point *p      = to->points + first;
    size_t    count = to->point_count - first, kept = 0;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !tb_points_equal(p[i], p[kept - 1]))
            p[kept++] = p[i];
    while (kept > 1 && tb_points_equal(p[kept - 1], p[0]))
        kept--;
    to->point_count = first;
    if (kept < 3) /* no ground */
        return TB_OK;
    TB_TRY(make_room(&to->points, first + kept + 1, &to->point_capacity, sizeof *to->points, err));
    TB_TRY(make_room(&to->ring, to->count + 1, &to->capacity, sizeof *to->ring, err));
    to->points[first + kept] = to->points[first];
    to->ring[to->count++]    = (tb_ring){.first = first, .edges = kept};
    to->point_count          = first + kept + 1;
    for (size_t i = first; i < first + kept; i++)
        stretch_box(&to->box, to->points[i]);
done:
    return status;
}

/* Twice the area of a closed ring by the plane; *is_sure is false where its sign is in doubt. */
static double turn_of(const tb_point *p, size_t count, bool *is_sure)
{
    double sum = 0.0, size = 0.0;

    for (size_t i = 1; i < count; i++) {
        double one   = (p[i - 1].x - p[0].x) * (p[i].y - p[0].y);
        double other = (p[i].x - p[0].x) * (p[i - 1].y - p[0].y);

        sum += one - other;
        size += fabs(one) + fabs(other);
    }
    *is_sure = fabs(sum) > 1e-12 * size;
    return sum;
}

/* The same points the other way round. */
static void turn_back(tb_point *p, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        tb_point kept = p[i];

        p[i]             = p[count - 1 - i];
        p[count - 1 - i] = kept;
    }
}

/* Adds a ring with the ground to its left. */
static tb_status add_ring(tb_rings *to, const tb_geos *geos, const GEOSGeometry *from,
                          bool is_shell, bool *is_sure, tb_error *err)
{
    tb_status                status   = TB_OK;
    GEOSContextHandle_t      handle   = geos->handle;
    const GEOSCoordSequence *sequence = GEOSGeom_getCoordSeq_r(handle, from);
    unsigned                 count    = 0;
    size_t                   first    = to->point_count;
    tb_point                *p;

    *is_sure = sequence != NULL && GEOSCoordSeq_getSize_r(handle, sequence, &count) && count > 3;
    if (!*is_sure)
        return TB_OK;
    TB_TRY(make_room(&to->points, first + count, &to->point_capacity, sizeof *to->points, err));
    p        = to->points + first;
    *is_sure = GEOSCoordSeq_copyToBuffer_r(handle, sequence, &p->x, 0, 0);
    if (!*is_sure)
        return TB_OK;
    if ((turn_of(p, count, is_sure) > 0.0) != is_shell)
        turn_back(p, count);
    to->point_count = first + count;
    TB_TRY(close_ring(to, first, err));
done:
    return status;
}

tb_status tb_rings_load(const tb_geos *geos, const GEOSGeometry *geometry, tb_rings *out,
                        bool *is_sure, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = geos->handle;
    int                 type   = GEOSGeomTypeId_r(handle, geometry);

    empty(out);
    *is_sure = type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON;
    for (int g = 0; *is_sure && g < GEOSGetNumGeometries_r(handle, geometry); g++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(handle, geometry, g);

        if (GEOSisEmpty_r(handle, part))
            continue;
        TB_TRY(add_ring(out, geos, GEOSGetExteriorRing_r(handle, part), true, is_sure, err));
        for (int h = 0; *is_sure && h < GEOSGetNumInteriorRings_r(handle, part); h++)
            TB_TRY(
                add_ring(out, geos, GEOSGetInteriorRingN_r(handle, part, h), false, is_sure, err));
    }
done:
    return status;
}

tb_status tb_rings_invert(const tb_rings *of, tb_rings *out, tb_error *err)
{
    tb_status status = TB_OK;

    empty(out);
    TB_TRY(
        make_room(&out->points, of->point_count, &out->point_capacity, sizeof *out->points, err));
    TB_TRY(make_room(&out->ring, of->count, &out->capacity, sizeof *out->ring, err));
    memcpy(out->points, of->points, of->point_count * sizeof *out->points);
    memcpy(out->ring, of->ring, of->count * sizeof *out->ring);
    out->point_count = of->point_count;
    out->count       = of->count;
    for (size_t r = 0; r < out->count; r++)
        turn_back(out->points + out->ring[r].first, out->ring[r].edges + 1);
    out->is_inverse = true;
    out->box        = (tb_box){{-INFINITY, -INFINITY}, {INFINITY, INFINITY}};
done:
    return status;
}

/* Whether a point lies within; the rings or the point are thought moved. */
static tb_verdict holds(const tb_rings *it, tb_point p, bool point_moved)
{
    bool is_in = it->is_inverse;

    if (p.x < it->box.low.x || p.x > it->box.high.x || p.y < it->box.low.y || p.y > it->box.high.y)
        return TB_NO;
    for (size_t r = 0; r < it->count; r++) {
        const tb_point *q = it->points + it->ring[r].first;

        for (size_t i = 0; i < it->ring[r].edges; i++) {
            tb_point a = q[i], b = q[i + 1];
            bool     is_a_above = point_moved ? a.y > p.y : a.y >= p.y;
            bool     is_b_above = point_moved ? b.y > p.y : b.y >= p.y;
            int      side;

            if (is_a_above == is_b_above || (a.x < p.x && b.x < p.x))
                continue;
            if (a.x > p.x && b.x > p.x) {
                is_in = !is_in;
                continue;
            }
            side = tb_side(a, b, p, point_moved);
            if (side == 0)
                return TB_DOUBT;
            is_in ^= (side > 0) == is_b_above;
        }
    }
    return is_in ? TB_YES : TB_NO;
}

/* ---- whether two are apart ---- */

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

/* Whether a point lies in the interior or within `beside` of a border. */
static bool may_hold(const tb_rings *it, tb_point p, double beside)
{
    bool is_in = false;

    if (p.x < it->box.low.x - beside || p.x > it->box.high.x + beside ||
        p.y < it->box.low.y - beside || p.y > it->box.high.y + beside)
        return false;
    for (size_t r = 0; r < it->count; r++) {
        const tb_point *q = it->points + it->ring[r].first;

        for (size_t i = 0; i < it->ring[r].edges; i++) {
            tb_point a = q[i], b = q[i + 1];
            bool     spans = (a.y > p.y) != (b.y > p.y);
            double   side;

            if (!spans && (fmin(a.y, b.y) > p.y + beside || fmax(a.y, b.y) < p.y - beside))
                continue;
            if (a.x < p.x - beside && b.x < p.x - beside)
                continue;
            if (a.x > p.x + beside && b.x > p.x + beside) {
                is_in ^= spans;
                continue;
            }
            side = tb_turn(a, b, p);
            if (fabs(side) <= beside * (fabs(b.x - a.x) + fabs(b.y - a.y)))
                return true; /* also where its sign is in doubt, as `side` is 0 then */
            if (spans)
                is_in ^= (side > 0.0) == (b.y > a.y);
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
        const tb_point *p     = it->points + it->ring[r].first;
        bool            is_on = false;

        for (size_t i = 0; i < it->ring[r].edges; i++) {
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
    return true;
}

/* Marks the edges that both have, in opposite ways; false where both have one in the same way. */
static bool mark_common(loose_edge *a, size_t a_count, loose_edge *b, size_t b_count)
{
    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++) {
            if (tb_points_equal(a[i].from, b[k].to) && tb_points_equal(a[i].to, b[k].from))
                a[i].is_common = b[k].is_common = true;
            else if (tb_points_equal(a[i].from, b[k].from) && tb_points_equal(a[i].to, b[k].to))
                return false;
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
    return tb_edges_cross(p->from, p->to, q->from, q->to, &along[0], &along[1]) == TB_NO;
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
    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++)
            if ((!edges_a[i].is_common || !edges_b[k].is_common) &&
                !tb_boxes_apart(edges_a[i].box, edges_b[k].box) &&
                !are_clear(&edges_a[i], &edges_b[k]))
                return false;
    return are_outside(edges_a, a_count, b) && are_outside(edges_b, b_count, a) &&
           (has_corner || !may_hold(a, middle, BESIDE) || !may_hold(b, middle, BESIDE));
}

/* ---- what two have in common ---- */

void tb_common_reset(tb_common *it)
{
    tb_free(it->near);
    tb_free(it->meeting);
    for (int i = 0; i < 2; i++)
        tb_free(it->order[i]);
    tb_free(it->starts);
    tb_free(it->stretch);
    *it = (tb_common){0};
}

static tb_point from_origin(const tb_common *c, tb_point p)
{
    return (tb_point){p.x - c->origin.x, p.y - c->origin.y};
}

/* Where the sides of two points on a line change, as a share of the way between them. */
static bool share_of(tb_point a, tb_point b, tb_point from, tb_point to, double *share)
{
    double one = fabs(tb_turn(a, b, from)), other = fabs(tb_turn(a, b, to));

    *share = one / (one + other);
    return one + other > 0.0; /* else both lie next to the line: it could be anywhere */
}

/* Adds a meeting where the edge a b of the first, its `edge`, crosses that of the second. */
static tb_status cross(tb_common *c, const tb_rings *first, size_t edge, const tb_rings *second,
                       size_t other, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  a = first->points[edge], b = first->points[edge + 1];
    tb_point  p = second->points[other], q = second->points[other + 1];
    int       of_p = tb_side(a, b, p, true), of_q = tb_side(a, b, q, true), of_a, of_b;
    double    along, along_other;
    size_t    n = c->meeting_count;

    *is_sure = of_p != 0 && of_q != 0;
    if (!*is_sure || of_p == of_q)
        return TB_OK;
    of_a     = tb_side(p, q, a, false);
    of_b     = tb_side(p, q, b, false);
    *is_sure = of_a != 0 && of_b != 0;
    if (!*is_sure || of_a == of_b)
        return TB_OK;
    *is_sure = share_of(p, q, a, b, &along) && share_of(a, b, p, q, &along_other);
    if (!*is_sure)
        return TB_OK;
    TB_TRY(make_room(&c->meeting, n + 1, &c->meeting_capacity, sizeof *c->meeting, err));
    for (int i = 0; i < 2; i++)
        TB_TRY(make_room(&c->order[i], n + 1, &c->order_capacity[i], sizeof *c->order[i], err));
    p = from_origin(c, p);
    q = from_origin(c, q);
    c->meeting[n] =
        (meeting){.place  = {p.x + along_other * (q.x - p.x), p.y + along_other * (q.y - p.y)},
                  .enters = of_p > 0};
    c->order[0][n]   = (place_on){.edge = edge, .along = along, .meeting = n};
    c->order[1][n]   = (place_on){.edge = other, .along = along_other, .meeting = n};
    c->meeting_count = n + 1;
done:
    return status;
}

static int compare_places(const void *a, const void *b)
{
    const place_on *p = a, *q = b;

    if (p->edge != q->edge)
        return (p->edge > q->edge) - (p->edge < q->edge);
    return (p->along > q->along) - (p->along < q->along);
}

/* The edges of the first that meet the box of the second. */
static tb_status find_near(tb_common *c, const tb_rings *first, const tb_rings *second,
                           size_t *count, tb_error *err)
{
    tb_status status = TB_OK;

    *count = 0;
    TB_TRY(make_room(&c->near, first->point_count, &c->near_capacity, sizeof *c->near, err));
    for (size_t r = 0; r < first->count; r++)
        for (size_t i = 0; i < first->ring[r].edges; i++) {
            size_t edge = first->ring[r].first + i;
            tb_box box  = tb_box_of_edge(first->points[edge], first->points[edge + 1]);

            if (!tb_boxes_apart(box, second->box))
                c->near[(*count)++] = (near_edge){.box = box, .edge = edge};
        }
done:
    return status;
}

/* Finds where edges cross, in the order of either. */
static tb_status find_meetings(tb_common *c, const tb_rings *first, const tb_rings *second,
                               bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count, met = 0;

    c->meeting_count = 0;
    TB_TRY(find_near(c, first, second, &count, err));
    for (size_t r = 0; count > 0 && r < second->count; r++)
        for (size_t i = 0; i < second->ring[r].edges && *is_sure; i++) {
            size_t edge = second->ring[r].first + i;
            tb_box box  = tb_box_of_edge(second->points[edge], second->points[edge + 1]);

            if (tb_boxes_apart(box, first->box))
                continue;
            met++;
            *is_sure = met * count <= PAIRS_MOST;
            for (size_t k = 0; k < count && *is_sure; k++)
                if (!tb_boxes_apart(box, c->near[k].box))
                    TB_TRY(cross(c, first, c->near[k].edge, second, edge, is_sure, err));
        }
    for (int i = 0; i < 2 && c->meeting_count > 1; i++)
        qsort(c->order[i], c->meeting_count, sizeof *c->order[i], compare_places);
done:
    return status;
}

/* Puts the next meeting in front that lets what is outside in, or out what is in: where several lie
 * at one place, rounding may have turned their order. False where none does. */
static bool put_in_front(const tb_common *c, place_on *next, const place_on *end, bool is_first,
                         bool is_in)
{
    place_on *it = next, kept;

    while (it < end && it->edge == next->edge && it->along - next->along <= TIED &&
           (c->meeting[it->meeting].enters == is_first) == is_in)
        it++;
    if (it == end || it->edge != next->edge || it->along - next->along > TIED)
        return false;
    kept = *it;
    memmove(next + 1, next, (size_t)(it - next) * sizeof *it);
    *next = kept;
    return true;
}

static tb_status add_stretch(tb_common *c, tb_point from, tb_point to, size_t at, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(make_room(&c->stretch, c->stretch_count + 1, &c->stretch_capacity, sizeof *c->stretch,
                     err));
    c->stretch[c->stretch_count] =
        (stretch){.from = from, .to = to, .meeting = at, .next = c->stretch_count + 1};
    c->stretch_count++;
done:
    return status;
}

/* Where a walk along rings has come to. */
typedef struct walk {
    place_on  *next, *end; /* of the meetings ahead */
    bool       is_first;   /* along the first of two */
    tb_verdict is_in;      /* the other: TB_YES or TB_NO */
} walk;

/* Adds what of an edge lies within the other. */
static tb_status walk_edge(tb_common *c, walk *w, size_t edge, tb_point from, tb_point to,
                           bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;

    for (;;) {
        bool     is_cut = w->next < w->end && w->next->edge == edge;
        size_t   at     = NONE;
        tb_point until  = to;

        if (is_cut) {
            *is_sure = put_in_front(c, w->next, w->end, w->is_first, w->is_in == TB_YES);
            if (!*is_sure)
                break;
            at    = w->next->meeting;
            until = c->meeting[at].place;
        }
        if (w->is_in == TB_YES)
            TB_TRY(add_stretch(c, from, until, at, err));
        if (!is_cut)
            break;
        w->is_in = w->is_in == TB_YES ? TB_NO : TB_YES;
        if (w->is_in == TB_YES)
            c->starts[at] = c->stretch_count;
        from = until;
        w->next++;
    }
done:
    return status;
}

/* Adds what of the edges of one lies within the other. */
static tb_status walk_along(tb_common *c, const tb_rings *along, const tb_rings *other,
                            bool is_first, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    walk      w      = {.next = c->order[!is_first], .is_first = is_first};

    w.end = w.next != NULL ? w.next + c->meeting_count : NULL;
    for (size_t r = 0; r < along->count; r++) {
        size_t     first = along->ring[r].first, begin = c->stretch_count;
        tb_verdict at_first = holds(other, along->points[first], !is_first);

        w.is_in  = at_first;
        *is_sure = at_first != TB_DOUBT;
        for (size_t edge = first; edge < first + along->ring[r].edges && *is_sure; edge++) {
            tb_point a = along->points[edge], b = along->points[edge + 1];

            if (!tb_boxes_apart(tb_box_of_edge(a, b), other->box))
                TB_TRY(walk_edge(c, &w, edge, from_origin(c, a), from_origin(c, b), is_sure, err));
            else if (w.is_in == TB_YES)
                *is_sure = false;
        }
        *is_sure = *is_sure && w.is_in == at_first;
        if (!*is_sure)
            return TB_OK;
        if (w.is_in == TB_YES)
            c->stretch[c->stretch_count - 1].next = begin;
    }
    *is_sure = w.next == w.end;
done:
    return status;
}

static size_t count_edges(const tb_rings *rings)
{
    size_t count = 0;

    for (size_t r = 0; r < rings->count; r++)
        count += rings->ring[r].edges;
    return count;
}

tb_status tb_common_find(tb_common *c, const tb_rings *first, const tb_rings *second, bool *is_sure,
                         tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_clear;

    *is_sure         = true;
    c->stretch_count = 0;
    c->is_all        = false;
    if (first->count == 0 || (second->count == 0 && !second->is_inverse) ||
        tb_boxes_apart(first->box, second->box))
        return TB_OK;
    c->origin = first->points[0];
    TB_TRY(find_meetings(c, first, second, is_sure, err));
    TB_TRY(make_room(&c->starts, c->meeting_count, &c->starts_capacity, sizeof *c->starts, err));
    if (*is_sure)
        TB_TRY(walk_along(c, second, first, false, is_sure, err));
    is_clear = c->meeting_count == 0 && c->stretch_count == 0;
    if (*is_sure)
        TB_TRY(walk_along(c, first, second, true, is_sure, err));
    c->is_all = is_clear && c->stretch_count == count_edges(first);
done:
    return status;
}

double tb_common_area(const tb_common *c)
{
    double sum = 0.0;

    for (size_t i = 0; i < c->stretch_count; i++)
        sum += tb_area_of_edge((double[]){c->origin.x, c->origin.y},
                               (double[]){c->stretch[i].from.x, c->stretch[i].from.y},
                               (double[]){c->stretch[i].to.x, c->stretch[i].to.y});
    return sum;
}

tb_status tb_common_outline(tb_common *c, tb_rings *out, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;

    empty(out);
    *is_sure = true;
    TB_TRY(
        make_room(&out->points, c->stretch_count, &out->point_capacity, sizeof *out->points, err));
    for (size_t i = 0; i < c->stretch_count; i++) {
        size_t first = out->point_count, at = i;

        while (c->stretch[at].next != NONE) {
            stretch *it   = &c->stretch[at];
            size_t   next = it->meeting != NONE ? c->starts[it->meeting] : it->next;

            TB_TRY(make_room(&out->points, out->point_count + 1, &out->point_capacity,
                             sizeof *out->points, err));
            out->points[out->point_count++] =
                (tb_point){c->origin.x + it->from.x, c->origin.y + it->from.y};
            it->next = NONE;
            at       = next;
        }
        *is_sure = at == i; /* a way round ends where it began */
        if (!*is_sure)
            return TB_OK;
        TB_TRY(close_ring(out, first, err));
    }
done:
    return status;
}
