#include "parcel/common.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/sort.h"
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

/* Some of these that follow each other, from..until, and the box around them. */
typedef struct tb_near_run {
    tb_box box;
    size_t from, until;
} near_run;

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

void tb_common_reset(tb_common *it)
{
    tb_free(it->near);
    tb_free(it->run);
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
    TB_TRY(tb_rings_make_room(&c->meeting, n + 1, &c->meeting_capacity, sizeof *c->meeting, err));
    for (int i = 0; i < 2; i++)
        TB_TRY(tb_rings_make_room(&c->order[i], n + 1, &c->order_capacity[i], sizeof *c->order[i],
                                  err));
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
    if (p->along != q->along)
        return p->along > q->along ? 1 : -1;
    return (p->meeting > q->meeting) - (p->meeting < q->meeting);
}

/* Adds edges from..until of the first that meet the box of the second, a run of them. */
static void add_run(tb_common *c, const tb_point *points, size_t from, size_t until,
                    const tb_box *second)
{
    near_run run = {.from = c->near_count};

    for (size_t edge = from; edge < until; edge++) {
        tb_box box = tb_box_of_edge(points[edge], points[edge + 1]);

        if (tb_boxes_apart(box, *second))
            continue;
        run.box                  = c->near_count == run.from ? box : tb_box_of_boxes(run.box, box);
        c->near[c->near_count++] = (near_edge){.box = box, .edge = edge};
    }
    run.until = c->near_count;
    if (run.until > run.from)
        c->run[c->run_count++] = run;
}

/* The edges of the first that meet the box of the second, a run a part. */
static tb_status find_near(tb_common *c, const tb_rings *first, const tb_rings *second,
                           tb_error *err)
{
    tb_status status = TB_OK;

    c->near_count = c->run_count = 0;
    TB_TRY(
        tb_rings_make_room(&c->near, first->point_count, &c->near_capacity, sizeof *c->near, err));
    for (size_t r = 0; r < first->count; r++) {
        const tb_contour *ring  = &first->ring[r];
        size_t            parts = tb_part_count(ring->edges);

        TB_TRY(tb_rings_make_room(&c->run, c->run_count + parts, &c->run_capacity, sizeof *c->run,
                                  err));
        for (size_t k = 0; k < parts; k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (!tb_boxes_apart(first->part[ring->part + k], second->box))
                add_run(c, first->points, ring->first + from, ring->first + until, &second->box);
        }
    }
done:
    return status;
}

/* Adds where edges from..until of the second cross those of the first that are near; `met` counts
 * them. */
static tb_status meet_part(tb_common *c, const tb_rings *first, const tb_rings *second, size_t from,
                           size_t until, size_t *met, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t edge = from; edge < until && *is_sure; edge++) {
        tb_box box = tb_box_of_edge(second->points[edge], second->points[edge + 1]);

        if (tb_boxes_apart(box, first->box))
            continue;
        *is_sure = ++*met * c->near_count <= PAIRS_MOST;
        for (size_t r = 0; r < c->run_count && *is_sure; r++) {
            const near_run *run = &c->run[r];

            if (tb_boxes_apart(box, run->box))
                continue;
            for (size_t k = run->from; k < run->until && *is_sure; k++)
                if (!tb_boxes_apart(box, c->near[k].box))
                    TB_TRY(cross(c, first, c->near[k].edge, second, edge, is_sure, err));
        }
    }
done:
    return status;
}

/* Finds where edges cross, in the order of either. */
static tb_status find_meetings(tb_common *c, const tb_rings *first, const tb_rings *second,
                               bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    met    = 0;

    c->meeting_count = 0;
    TB_TRY(find_near(c, first, second, err));
    for (size_t r = 0; c->near_count > 0 && r < second->count; r++) {
        const tb_contour *ring = &second->ring[r];

        for (size_t k = 0; k < tb_part_count(ring->edges) && *is_sure; k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (!tb_boxes_apart(second->part[ring->part + k], first->box))
                TB_TRY(meet_part(c, first, second, ring->first + from, ring->first + until, &met,
                                 is_sure, err));
        }
    }
    for (int i = 0; i < 2; i++)
        tb_sort(c->order[i], c->meeting_count, sizeof *c->order[i], compare_places);
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

    if (c->stretch_count == c->stretch_capacity)
        TB_TRY(tb_rings_make_room(&c->stretch, c->stretch_count + 1, &c->stretch_capacity,
                                  sizeof *c->stretch, err));
    c->stretch[c->stretch_count] =
        (stretch){.from = from, .to = to, .meeting = at, .next = c->stretch_count + 1};
    c->stretch_count++;
done:
    return status;
}

/* Where a walk along rings has come to. */
typedef struct walk {
    place_on    *next, *end; /* of the meetings ahead */
    bool         is_first;   /* along the first of two */
    tb_certainty is_in;      /* the other: TB_SURELY or TB_SURELY_NOT */
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
            *is_sure = put_in_front(c, w->next, w->end, w->is_first, w->is_in == TB_SURELY);
            if (!*is_sure)
                break;
            at    = w->next->meeting;
            until = c->meeting[at].place;
        }
        if (w->is_in == TB_SURELY)
            TB_TRY(add_stretch(c, from, until, at, err));
        if (!is_cut)
            break;
        w->is_in = w->is_in == TB_SURELY ? TB_SURELY_NOT : TB_SURELY;
        if (w->is_in == TB_SURELY)
            c->starts[at] = c->stretch_count;
        from = until;
        w->next++;
    }
done:
    return status;
}

/* The edge from `at` where a walk has something to do, or `end`: what is outside stays so until the
 * next meeting. */
static size_t go_on(const walk *w, size_t at, size_t end)
{
    if (w->is_in == TB_SURELY)
        return at;
    return w->next < w->end && w->next->edge >= at && w->next->edge < end ? w->next->edge : end;
}

/* The same of edges from..until, of which some may lie apart from the other's box. */
static tb_status walk_part(tb_common *c, walk *w, const tb_rings *along, size_t from, size_t until,
                           const tb_box *box, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t edge = go_on(w, from, until); edge < until && *is_sure;
         edge        = go_on(w, edge + 1, until)) {
        tb_point a = along->points[edge], b = along->points[edge + 1];

        if (!tb_boxes_apart(tb_box_of_edge(a, b), *box))
            TB_TRY(walk_edge(c, w, edge, from_origin(c, a), from_origin(c, b), is_sure, err));
        else if (w->is_in == TB_SURELY)
            *is_sure = false;
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
        const tb_contour *ring  = &along->ring[r];
        size_t            first = ring->first, begin = c->stretch_count;
        tb_certainty      at_first = tb_rings_hold(other, along->points[first], !is_first);

        w.is_in  = at_first;
        *is_sure = at_first != TB_IN_DOUBT;
        for (size_t k = 0; k < tb_part_count(ring->edges) && *is_sure; k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (!tb_boxes_apart(along->part[ring->part + k], other->box))
                TB_TRY(walk_part(c, &w, along, first + from, first + until, &other->box, is_sure,
                                 err));
            else if (w.is_in == TB_SURELY)
                *is_sure = false;
        }
        *is_sure = *is_sure && w.is_in == at_first;
        if (!*is_sure)
            return TB_OK;
        if (w.is_in == TB_SURELY)
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
    TB_TRY(tb_rings_make_room(&c->starts, c->meeting_count, &c->starts_capacity, sizeof *c->starts,
                              err));
    if (*is_sure)
        TB_TRY(walk_along(c, second, first, false, is_sure, err));
    is_clear = c->meeting_count == 0 && c->stretch_count == 0;
    if (*is_sure)
        TB_TRY(walk_along(c, first, second, true, is_sure, err));
    c->is_all = is_clear && c->stretch_count == count_edges(first);
done:
    return status;
}

typedef double area_fn(const tb_area_place *near, const double *from, const double *to);

static double sum_areas(const tb_common *c, area_fn *of_edge)
{
    tb_area_place near = tb_area_place_of(c->origin.y);
    double        sum  = 0.0;

    for (size_t i = 0; i < c->stretch_count; i++)
        sum += of_edge(&near, &c->stretch[i].from.x, &c->stretch[i].to.x);
    return sum;
}

double tb_common_area(const tb_common *c)
{
    return sum_areas(c, tb_area_of_edge);
}

double tb_common_area_along(const tb_common *c)
{
    return sum_areas(c, tb_area_along_edge);
}

double tb_rings_area_along(const tb_rings *rings)
{
    tb_point      origin = rings->count > 0 ? rings->points[0] : (tb_point){0.0, 0.0};
    tb_area_place near   = tb_area_place_of(origin.y);
    double        sum    = 0.0;

    for (size_t r = 0; r < rings->count; r++)
        for (size_t i = 0; i < rings->ring[r].edges; i++) {
            const tb_point *p      = rings->points + rings->ring[r].first + i;
            double          from[] = {p[0].x - origin.x, p[0].y - origin.y};
            double          to[]   = {p[1].x - origin.x, p[1].y - origin.y};

            sum += tb_area_along_edge(&near, from, to);
        }
    return sum;
}

tb_status tb_common_outline(tb_common *c, tb_rings *out, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;

    tb_rings_clear(out);
    *is_sure = true;
    TB_TRY(tb_rings_make_room(&out->points, c->stretch_count, &out->point_capacity,
                              sizeof *out->points, err));
    for (size_t i = 0; i < c->stretch_count; i++) {
        size_t first = out->point_count, at = i;

        while (c->stretch[at].next != NONE) {
            stretch *it   = &c->stretch[at];
            size_t   next = it->meeting != NONE ? c->starts[it->meeting] : it->next;

            if (out->point_count == out->point_capacity)
                TB_TRY(tb_rings_make_room(&out->points, out->point_count + 1, &out->point_capacity,
                                          sizeof *out->points, err));
            out->points[out->point_count++] =
                (tb_point){c->origin.x + it->from.x, c->origin.y + it->from.y};
            it->next = NONE;
            at       = next;
        }
        *is_sure = at == i; /* a way round ends where it began */
        if (!*is_sure)
            return TB_OK;
        TB_TRY(tb_rings_close(out, first, err));
    }
done:
    return status;
}

tb_status tb_bench_of(tb_geos *geos, tb_bench **out, tb_error *err)
{
    tb_status status = TB_OK;

    if (geos->bench == NULL)
        status = tb_alloc_zero(&geos->bench, 1, sizeof *geos->bench, "edges", err);
    *out = geos->bench;
    return status;
}

void tb_bench_free(tb_bench *bench)
{
    if (bench == NULL)
        return;
    tb_common_reset(&bench->common);
    tb_rings_reset(&bench->outside);
    tb_rings_reset(&bench->outline);
    tb_free(bench);
}
