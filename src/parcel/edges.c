#include "parcel/edges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/sides.h"

/* Pairs of edges beyond which GEOS, with its indexes, is the better choice. */
enum { PAIRS_MOST = 1 << 22, LOOSE_MOST = 1 << 11 };

/* Degrees by which a point in the middle of an edge may lie beside it, and more. */
static const double BESIDE = 1e-13;

/* A closed ring of `points`, the ground to its left. */
typedef struct ring {
    size_t first, edges;
    bool   is_shell;
} ring;

typedef struct shape {
    size_t first, end; /* rings */
    tb_box box;
} shape;

/* Where an edge of one shape crosses one of the other. */
typedef struct crossing {
    size_t   edge;
    double   along; /* share of the edge */
    tb_point place; /* from the origin */
} crossing;

/* A stretch within the geometry of an edge of a feature. */
typedef struct stretch {
    tb_point low, high; /* the ends of the whole edge, in a fixed order */
    int      way;       /* 1: from low to high; -1 */
    size_t   feature;
    tb_point middle; /* of the stretch */
} stretch;

/* All of one call. The first shape is the geometry, the others are the features. */
typedef struct work {
    const tb_geos *geos;
    tb_point      *points;
    ring          *rings;
    shape         *shapes;
    size_t        *near; /* edges of the geometry that meet a feature's box */
    crossing      *own, *others;
    stretch       *stretches;
    int           *covers; /* one a ring of the geometry: features its first corner is in */
    size_t         point_count, point_capacity, ring_count, ring_capacity, shape_count;
    size_t         crossing_count, own_capacity, others_capacity, stretch_count, stretch_capacity;
    tb_point       origin;
} work;

static tb_status make_room(void *array, size_t needed, size_t *capacity, size_t size, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = *capacity > 0 ? *capacity : 512;

    if (needed <= *capacity)
        return TB_OK;
    while (more < needed)
        more *= 2;
    TB_TRY(tb_grow(array, more, size, "edges", err));
    *capacity = more;
done:
    return status;
}

/* ---- sides ---- */

/* Whether a tb_point lies within a shape, and farther than `beside` from its edges. */
static tb_verdict lies_within(const work *w, const shape *it, tb_point p, double beside)
{
    bool is_in = false;

    if (p.x < it->box.low.x - beside || p.x > it->box.high.x + beside ||
        p.y < it->box.low.y - beside || p.y > it->box.high.y + beside)
        return TB_NO;
    for (size_t r = it->first; r < it->end; r++) {
        const tb_point *q = w->points + w->rings[r].first;

        for (size_t i = 0; i < w->rings[r].edges; i++) {
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
                return TB_DOUBT; /* also where its sign is, as `side` is 0 then */
            if (spans)
                is_in ^= (side > 0.0) == (b.y > a.y);
        }
    }
    return is_in ? TB_YES : TB_NO;
}

/* ---- shapes ---- */

/* Adds a ring with the ground to its left; *is_sure is false where its turn is in doubt. */
static tb_status add_ring(work *w, const GEOSGeometry *from, bool is_shell, tb_box *around,
                          bool *is_sure, tb_error *err)
{
    tb_status                status   = TB_OK;
    GEOSContextHandle_t      handle   = w->geos->handle;
    const GEOSCoordSequence *sequence = GEOSGeom_getCoordSeq_r(handle, from);
    unsigned                 count    = 0;
    double                   sum = 0.0, size = 0.0;
    tb_point                *p;

    *is_sure = sequence != NULL && GEOSCoordSeq_getSize_r(handle, sequence, &count) && count > 3;
    if (!*is_sure)
        return TB_OK;
    TB_TRY(
        make_room(&w->points, w->point_count + count, &w->point_capacity, sizeof *w->points, err));
    TB_TRY(make_room(&w->rings, w->ring_count + 1, &w->ring_capacity, sizeof *w->rings, err));
    p        = w->points + w->point_count;
    *is_sure = GEOSCoordSeq_copyToBuffer_r(handle, sequence, &p->x, 0, 0);
    for (unsigned i = 0; i < count && *is_sure; i++) {
        around->low.x  = fmin(around->low.x, p[i].x);
        around->low.y  = fmin(around->low.y, p[i].y);
        around->high.x = fmax(around->high.x, p[i].x);
        around->high.y = fmax(around->high.y, p[i].y);
        if (i > 0) {
            double one   = (p[i - 1].x - p[0].x) * (p[i].y - p[0].y);
            double other = (p[i].x - p[0].x) * (p[i - 1].y - p[0].y);

            sum += one - other;
            size += fabs(one) + fabs(other);
        }
    }
    *is_sure = *is_sure && fabs(sum) > 1e-12 * size;
    if ((sum > 0.0) != is_shell)
        for (unsigned i = 0; i < count / 2; i++) {
            tb_point kept = p[i];

            p[i]             = p[count - 1 - i];
            p[count - 1 - i] = kept;
        }
    w->rings[w->ring_count++] =
        (ring){.first = w->point_count, .edges = count - 1, .is_shell = is_shell};
    w->point_count += count;
done:
    return status;
}

static tb_status add_shape(work *w, const GEOSGeometry *from, bool *is_sure, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = w->geos->handle;
    int                 type   = GEOSGeomTypeId_r(handle, from);
    shape              *it     = &w->shapes[w->shape_count++];

    *it = (shape){.first = w->ring_count, .box = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}}};
    *is_sure = type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON;
    for (int g = 0; *is_sure && g < GEOSGetNumGeometries_r(handle, from); g++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(handle, from, g);

        TB_TRY(add_ring(w, GEOSGetExteriorRing_r(handle, part), true, &it->box, is_sure, err));
        for (int h = 0; *is_sure && h < GEOSGetNumInteriorRings_r(handle, part); h++)
            TB_TRY(add_ring(w, GEOSGetInteriorRingN_r(handle, part, h), false, &it->box, is_sure,
                            err));
    }
    it->end = w->ring_count;
done:
    return status;
}

/* ---- crossings ---- */

static tb_point from_origin(const work *w, tb_point p)
{
    return (tb_point){p.x - w->origin.x, p.y - w->origin.y};
}

static tb_status add_crossing(work *w, size_t edge, size_t other, double along, double along_other,
                              tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  a = from_origin(w, w->points[edge]), b = from_origin(w, w->points[edge + 1]);
    tb_point  at = {a.x + along * (b.x - a.x), a.y + along * (b.y - a.y)};

    TB_TRY(make_room(&w->own, w->crossing_count + 1, &w->own_capacity, sizeof *w->own, err));
    TB_TRY(
        make_room(&w->others, w->crossing_count + 1, &w->others_capacity, sizeof *w->others, err));
    w->others[w->crossing_count] = (crossing){.edge = edge, .along = along, .place = at};
    w->own[w->crossing_count++]  = (crossing){.edge = other, .along = along_other, .place = at};
done:
    return status;
}

static int compare_crossings(const void *a, const void *b)
{
    const crossing *p = a, *q = b;

    if (p->edge != q->edge)
        return (p->edge > q->edge) - (p->edge < q->edge);
    return (p->along > q->along) - (p->along < q->along);
}

/* Finds where the edges of a feature cross those of the geometry, in the order of either. */
static tb_status find_crossings(work *w, const shape *feature, bool *is_sure, tb_error *err)
{
    tb_status    status   = TB_OK;
    const shape *geometry = w->shapes;
    size_t       count = 0, met = 0;

    w->crossing_count = 0;
    for (size_t r = geometry->first; r < geometry->end; r++)
        for (size_t i = 0; i < w->rings[r].edges; i++) {
            size_t edge = w->rings[r].first + i;

            if (!tb_boxes_apart(tb_box_of_edge(w->points[edge], w->points[edge + 1]), feature->box))
                w->near[count++] = edge;
        }
    for (size_t r = feature->first; count > 0 && r < feature->end; r++)
        for (size_t i = 0; i < w->rings[r].edges; i++) {
            size_t   edge = w->rings[r].first + i;
            tb_point a = w->points[edge], b = w->points[edge + 1];
            tb_box   around = tb_box_of_edge(a, b);

            if (tb_boxes_apart(around, geometry->box))
                continue;
            met++;
            *is_sure = *is_sure && met * count <= PAIRS_MOST;
            for (size_t k = 0; k < count && *is_sure; k++) {
                tb_point   c = w->points[w->near[k]], d = w->points[w->near[k] + 1];
                double     along, along_other;
                tb_verdict crosses;

                if (tb_boxes_apart(around, tb_box_of_edge(c, d)))
                    continue;
                crosses  = tb_edges_cross(a, b, c, d, &along, &along_other);
                *is_sure = crosses != TB_DOUBT;
                if (crosses == TB_YES)
                    TB_TRY(add_crossing(w, edge, w->near[k], along, along_other, err));
            }
        }
    if (w->crossing_count > 1) {
        qsort(w->own, w->crossing_count, sizeof *w->own, compare_crossings);
        qsort(w->others, w->crossing_count, sizeof *w->others, compare_crossings);
    }
done:
    return status;
}

/* ---- areas ---- */

static double area_under(const work *w, tb_point from, tb_point to)
{
    return tb_area_of_edge((double[]){w->origin.x, w->origin.y}, (double[]){from.x, from.y},
                           (double[]){to.x, to.y});
}

static tb_status add_stretch(work *w, size_t feature, size_t edge, tb_point from, tb_point to,
                             tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  a = w->points[edge], b = w->points[edge + 1];
    bool      is_up = a.x < b.x || (a.x == b.x && a.y < b.y);

    TB_TRY(make_room(&w->stretches, w->stretch_count + 1, &w->stretch_capacity,
                     sizeof *w->stretches, err));
    w->stretches[w->stretch_count++] = (stretch){
        .low     = is_up ? a : b,
        .high    = is_up ? b : a,
        .way     = is_up ? 1 : -1,
        .feature = feature,
        .middle  = {w->origin.x + (from.x + to.x) / 2.0, w->origin.y + (from.y + to.y) / 2.0}};
done:
    return status;
}

/*
 * Adds to *sum what lies under the edges of one shape within another. `feature` is the one walked
 * along, whose stretches are kept, or 0: the geometry is.
 */
static tb_status walk(work *w, const shape *along, const shape *other, size_t feature, double *sum,
                      bool *is_sure, tb_error *err)
{
    tb_status       status = TB_OK;
    const crossing *next   = feature > 0 ? w->others : w->own;
    const crossing *end    = next != NULL ? next + w->crossing_count : NULL; /* none at first */

    for (size_t r = along->first; r < along->end; r++) {
        tb_verdict is_in = TB_DOUBT; /* not yet known */

        for (size_t i = 0; i < w->rings[r].edges; i++) {
            size_t   edge = w->rings[r].first + i;
            tb_point a = w->points[edge], b = w->points[edge + 1], from = from_origin(w, a);

            if (tb_boxes_apart(tb_box_of_edge(a, b), other->box)) {
                is_in = TB_NO;
                continue;
            }
            if (is_in == TB_DOUBT) {
                is_in    = lies_within(w, other, a, 0.0);
                *is_sure = is_in != TB_DOUBT;
                if (!*is_sure)
                    return TB_OK;
                if (feature == 0)
                    w->covers[r] += is_in == TB_YES;
            }
            for (;;) {
                bool     is_cut = next < end && next->edge == edge;
                tb_point to     = is_cut ? next->place : from_origin(w, b);

                if (is_in == TB_YES) {
                    *sum += area_under(w, from, to);
                    if (feature > 0)
                        TB_TRY(add_stretch(w, feature, edge, from, to, err));
                }
                if (!is_cut)
                    break;
                is_in = is_in == TB_YES ? TB_NO : TB_YES;
                from  = to;
                next++;
            }
        }
    }
done:
    return status;
}

/* ---- whether the features are apart ---- */

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_edges(const void *a, const void *b)
{
    const stretch *p = a, *q = b;
    const double   x[]   = {p->low.x, p->low.y, p->high.x, p->high.y};
    const double   y[]   = {q->low.x, q->low.y, q->high.x, q->high.y};
    int            order = 0;

    for (int i = 0; i < 4 && order == 0; i++)
        order = compare_numbers(x[i], y[i]);
    return order;
}

/* Drops the edges that as many features have to their left as to their right. */
static void drop_common_edges(work *w)
{
    size_t kept = 0, end;

    if (w->stretch_count == 0)
        return;
    qsort(w->stretches, w->stretch_count, sizeof *w->stretches, compare_edges);
    for (size_t i = 0; i < w->stretch_count; i = end) {
        int balance = 0;

        for (end = i;
             end < w->stretch_count && compare_edges(&w->stretches[i], &w->stretches[end]) == 0;
             end++)
            balance += w->stretches[end].way;
        if (balance != 0)
            for (size_t k = i; k < end; k++)
                w->stretches[kept++] = w->stretches[k];
    }
    w->stretch_count = kept;
}

/* Whether two edges are sure to have no more in common than an end. */
static bool are_clear(const stretch *p, const stretch *q)
{
    double along[2];

    if (tb_boxes_apart(tb_box_of_edge(p->low, p->high), tb_box_of_edge(q->low, q->high)))
        return true;
    if (tb_points_equal(p->low, q->low) || tb_points_equal(p->high, q->low))
        return tb_turn(p->low, p->high, q->high) != 0.0;
    if (tb_points_equal(p->low, q->high) || tb_points_equal(p->high, q->high))
        return tb_turn(p->low, p->high, q->low) != 0.0;
    return tb_edges_cross(p->low, p->high, q->low, q->high, &along[0], &along[1]) == TB_NO;
}

/*
 * Whether no ground of the geometry lies under two features.
 *
 * How many features lie over a place changes only across edges that are not common to neighbours.
 * So it is enough to know it at one corner of each part of the geometry, and along the other edges:
 * these do not cross, and no other feature lies over any of them.
 */
static bool are_apart(work *w)
{
    for (size_t r = w->shapes->first; r < w->shapes->end; r++)
        if (w->rings[r].is_shell && w->covers[r] > 1)
            return false;
    drop_common_edges(w);
    if (w->stretch_count > LOOSE_MOST)
        return false;
    for (size_t i = 0; i < w->stretch_count; i++) {
        const stretch *it = &w->stretches[i];

        for (size_t k = i + 1; k < w->stretch_count; k++)
            if (w->stretches[k].feature != it->feature && !are_clear(it, &w->stretches[k]))
                return false;
        for (size_t f = 1; f < w->shape_count; f++)
            if (f != it->feature && lies_within(w, &w->shapes[f], it->middle, BESIDE) != TB_NO)
                return false;
    }
    return true;
}

static tb_status measure(work *w, const GEOSGeometry *geometry, const tb_feature *const *feature,
                         size_t count, double *area_m2, tb_edges_answer *answer, tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_sure;

    TB_TRY(tb_alloc(&w->shapes, count + 1, sizeof *w->shapes, "edges", err));
    TB_TRY(add_shape(w, geometry, &is_sure, err));
    if (!is_sure || w->ring_count == 0)
        goto done;
    w->origin = w->points[0];
    TB_TRY(tb_alloc(&w->near, w->point_count, sizeof *w->near, "edges", err));
    TB_TRY(tb_alloc_zero(&w->covers, w->ring_count, sizeof *w->covers, "edges", err));
    for (size_t i = 0; i < count; i++) {
        shape *it;

        TB_TRY(add_shape(w, feature[i]->geometry, &is_sure, err));
        it = &w->shapes[i + 1];
        if (is_sure)
            TB_TRY(find_crossings(w, it, &is_sure, err));
        area_m2[i] = 0.0;
        if (is_sure)
            TB_TRY(walk(w, it, w->shapes, i + 1, &area_m2[i], &is_sure, err));
        if (is_sure)
            TB_TRY(walk(w, w->shapes, it, 0, &area_m2[i], &is_sure, err));
        if (!is_sure)
            goto done;
    }
    answer->has_areas = true;
    answer->is_apart  = are_apart(w);
done:
    return status;
}

tb_status tb_edges_measure(const tb_geos *geos, const GEOSGeometry *geometry,
                           const tb_feature *const *feature, size_t count, double *area_m2,
                           tb_edges_answer *answer, tb_error *err)
{
    work      w = {.geos = geos};
    tb_status status;

    *answer = (tb_edges_answer){0};
    status  = measure(&w, geometry, feature, count, area_m2, answer, err);
    tb_free(w.points);
    tb_free(w.rings);
    tb_free(w.shapes);
    tb_free(w.near);
    tb_free(w.own);
    tb_free(w.others);
    tb_free(w.stretches);
    tb_free(w.covers);
    return status;
}
