#include "job/seams.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/forest.h"
#include "core/memory.h"
#include "parcel/area.h"

/* Of a pixel's area: less than that is what rounding leaves along a cut. */
static const double SLIVER = 0.01;

/* Of a pixel's area: holes that only come from uniting two outlines of one thing. */
static const double PINHOLE = 0.25;

/* Two that are nearer than this touch: coordinates are multiples of 1e-9 degree. */
static const double TOUCHING_M = 0.001;

/* Of a pixel: a whole one between two is a gap, and projections stretch pixels by less than this.
 */
static const double NEARER = 0.999;

/* Coordinates of outlines, degrees. */
static const double GRID = 1e-9;

enum { NONE = -1, QUADRANT = 8 };

/* A candidate, or a part of one that was cut, on its pair's own ground. */
typedef struct piece {
    size_t        candidate;
    GEOSGeometry *geometry;       /* (L, B) */
    double        area_m2, share; /* of the candidate */
    int64_t       next;           /* of the same group; NONE ends */
} piece;

/* Two pieces within a pixel of each other. */
typedef struct meeting {
    size_t  a, b; /* a < b */
    double  distance_m;
    int64_t next; /* of the same group */
} meeting;

typedef struct seams {
    tb_pairs      *pairs;
    tb_geos       *geos;
    tb_candidates *candidates;
    int64_t        min_pixels;
    tb_seam_totals totals;
    tb_candidates  out;
    bool          *is_cut; /* one a candidate */
    piece         *piece;
    size_t         piece_count, piece_capacity;
    meeting       *meeting;
    size_t         meeting_count, meeting_capacity;
    uint32_t      *parent;                              /* of pieces */
    int64_t       *last, *first_meeting, *last_meeting; /* of groups, by their first piece */
    size_t         from; /* the piece whose neighbours are looked for */
    tb_status      heard;
    tb_error      *err;
    double         north, east; /* metres of a degree where work is being done */
} seams;

static tb_status fail(const seams *s, const char *what)
{
    return tb_geos_fail(s->geos, s->err, what);
}

/* ---- planes ---- */

static int to_metres(double *x, double *y, void *context)
{
    const seams *s = context;

    *x *= s->east;
    *y *= s->north;
    return 1;
}

static int to_degrees(double *x, double *y, void *context)
{
    const seams *s = context;

    *x /= s->east;
    *y /= s->north;
    return 1;
}

static void set_place(seams *s, const GEOSGeometry *geometry)
{
    double low = 0.0, high = 0.0;

    GEOSGeom_getYMin_r(s->geos->handle, geometry, &low);
    GEOSGeom_getYMax_r(s->geos->handle, geometry, &high);
    tb_metres_per_degree((low + high) / 2.0, &s->north, &s->east);
}

static double gsd_of(const seams *s, size_t p)
{
    return tb_pairs_gsd_m(s->pairs, s->candidates->item[s->piece[p].candidate].pair);
}

/* ---- cutting ---- */

static tb_status add_piece(seams *s, size_t candidate, GEOSGeometry *geometry, double area_m2,
                           double share)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;

    if (s->piece_count == s->piece_capacity) {
        size_t more = s->piece_capacity > 0 ? 2 * s->piece_capacity : 256;

        TB_TRY(tb_grow(&s->piece, more, sizeof *s->piece, "pieces of parcels", err));
        s->piece_capacity = more;
    }
    s->piece[s->piece_count++] = (piece){candidate, geometry, area_m2, share, NONE};
    geometry                   = NULL;
done:
    GEOSGeom_destroy_r(s->geos->handle, geometry);
    return status;
}

/* Each polygon of what was cut is a piece. */
static tb_status add_polygons(seams *s, size_t candidate, const GEOSGeometry *from, double whole_m2)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = s->geos->handle;
    double              gsd_m  = tb_pairs_gsd_m(s->pairs, s->candidates->item[candidate].pair);

    for (int i = 0; i < GEOSGetNumGeometries_r(handle, from); i++) {
        const GEOSGeometry *part    = GEOSGetGeometryN_r(handle, from, i);
        double              area_m2 = tb_area_of_geometry(s->geos, part);

        if (area_m2 > SLIVER * gsd_m * gsd_m)
            TB_TRY(add_piece(s, candidate, GEOSGeom_clone_r(handle, part), area_m2,
                             area_m2 / whole_m2));
    }
done:
    return status;
}

/* What of a geometry is on the ground, snapped. */
static tb_status clip(const seams *s, const GEOSGeometry *geometry, const GEOSGeometry *ground,
                      GEOSGeometry **out)
{
    GEOSContextHandle_t handle = s->geos->handle;
    GEOSGeometry       *common = GEOSIntersection_r(handle, geometry, ground), *snapped;

    snapped = common != NULL ? GEOSGeom_setPrecision_r(handle, common, GRID, 0) : NULL;
    GEOSGeom_destroy_r(handle, common);
    return tb_geos_polygons(s->geos, snapped, "a parcel on the ground of its pair", out, s->err);
}

static tb_status cut_one(seams *s, size_t i, const GEOSGeometry *ground,
                         const GEOSPreparedGeometry *prepared)
{
    tb_status           status   = TB_OK;
    tb_error           *err      = s->err;
    GEOSContextHandle_t handle   = s->geos->handle;
    GEOSGeometry       *geometry = NULL, *own = NULL;
    double              area_m2;

    TB_TRY(tb_outline_geometry(s->geos, &s->candidates->item[i].outline, &geometry, err));
    area_m2 = tb_area_of_geometry(s->geos, geometry);
    if (ground == NULL || GEOSPreparedCovers_r(handle, prepared, geometry) == 1) {
        TB_TRY(add_piece(s, i, geometry, area_m2, 1.0));
        geometry = NULL;
        goto done;
    }
    s->is_cut[i] = true;
    s->totals.cut++;
    TB_TRY(clip(s, geometry, ground, &own));
    TB_TRY(add_polygons(s, i, own, area_m2));
done:
    GEOSGeom_destroy_r(handle, geometry);
    GEOSGeom_destroy_r(handle, own);
    return status;
}

/* Candidates stand together by their pairs. */
static tb_status cut_all(seams *s)
{
    tb_status                   status   = TB_OK;
    const GEOSPreparedGeometry *prepared = NULL;
    int                         pair     = NONE;

    for (size_t i = 0; i < s->candidates->count; i++) {
        const tb_candidate *it     = &s->candidates->item[i];
        const GEOSGeometry *ground = tb_pairs_ground(s->pairs, it->pair);

        if (!tb_pairs_has_neighbour(s->pairs, it->pair))
            continue;
        if (it->pair != pair) {
            GEOSPreparedGeom_destroy_r(s->geos->handle, prepared);
            prepared = ground != NULL ? GEOSPrepare_r(s->geos->handle, ground) : NULL;
            pair     = it->pair;
        }
        TB_TRY(cut_one(s, i, ground, prepared));
    }
done:
    GEOSPreparedGeom_destroy_r(s->geos->handle, prepared);
    return status;
}

static tb_status cut_observed(seams *s)
{
    tb_status      status = TB_OK;
    tb_error      *err    = s->err;
    tb_candidates *all    = s->candidates;
    GEOSGeometry  *whole = NULL, *own = NULL;
    size_t         kept = 0;

    for (size_t i = 0; i < all->observed_count; i++) {
        tb_observed        *it     = &all->observed[i];
        const GEOSGeometry *ground = tb_pairs_ground(s->pairs, it->pair);
        double              share  = 1.0;

        if (ground != NULL) {
            TB_TRY(tb_outline_geometry(s->geos, &it->outline, &whole, err));
            TB_TRY(clip(s, whole, ground, &own));
            share = tb_area_of_geometry(s->geos, own) / tb_area_of_geometry(s->geos, whole);
            tb_outline_reset(&it->outline);
            if (share > 0.0)
                TB_TRY(tb_outline_of_geometry(s->geos, own, &it->outline, err));
            it->pixels = (int64_t)floor((double)it->pixels * share + 0.5);
            GEOSGeom_destroy_r(s->geos->handle, whole);
            GEOSGeom_destroy_r(s->geos->handle, own);
            whole = own = NULL;
        }
        if (share > 0.0) {
            tb_observed moved = *it;

            *it                   = (tb_observed){0};
            all->observed[kept++] = moved;
        }
    }
    all->observed_count = kept;
done:
    GEOSGeom_destroy_r(s->geos->handle, whole);
    GEOSGeom_destroy_r(s->geos->handle, own);
    return status;
}

/* ---- meeting ---- */

static tb_status add_meeting(seams *s, size_t b, double distance_m)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;

    if (s->meeting_count == s->meeting_capacity) {
        size_t more = s->meeting_capacity > 0 ? 2 * s->meeting_capacity : 64;

        TB_TRY(tb_grow(&s->meeting, more, sizeof *s->meeting, "pieces of parcels", err));
        s->meeting_capacity = more;
    }
    s->meeting[s->meeting_count++] = (meeting){s->from, b, distance_m, NONE};
    tb_forest_unite(s->parent, (uint32_t)s->from, (uint32_t)b);
done:
    return status;
}

/*
 * Parts of one candidate belong together where they touch, in a corner too; those of two pairs
 * where less than a pixel, the coarser of the two, is between them.
 */
static tb_status try_two(seams *s, size_t b)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = s->geos->handle;
    const piece        *p = &s->piece[s->from], *q = &s->piece[b];
    double              within_m = fmax(gsd_of(s, s->from), gsd_of(s, b)), distance_m = 0.0;
    GEOSGeometry       *x = NULL, *y = NULL;

    if (p->candidate == q->candidate)
        within_m = TOUCHING_M;
    else if (s->candidates->item[p->candidate].pair == s->candidates->item[q->candidate].pair)
        return TB_OK;
    x = GEOSGeom_transformXY_r(handle, p->geometry, to_metres, s);
    y = GEOSGeom_transformXY_r(handle, q->geometry, to_metres, s);
    if (x == NULL || y == NULL || !GEOSDistance_r(handle, x, y, &distance_m))
        status = fail(s, "distance of two parcels");
    else if (distance_m < within_m * NEARER)
        TB_TRY(add_meeting(s, b, distance_m));
done:
    GEOSGeom_destroy_r(handle, x);
    GEOSGeom_destroy_r(handle, y);
    return status;
}

static void hear(void *item, void *context)
{
    seams *s = context;
    size_t b = (size_t)((piece *)item - s->piece);

    if (s->heard == TB_OK && b > s->from)
        s->heard = try_two(s, b);
}

static GEOSGeometry *wide_box(seams *s, size_t p, double wider_m)
{
    GEOSContextHandle_t handle = s->geos->handle;
    const GEOSGeometry *it     = s->piece[p].geometry;
    double              low[2], high[2];

    set_place(s, it);
    GEOSGeom_getXMin_r(handle, it, &low[0]);
    GEOSGeom_getYMin_r(handle, it, &low[1]);
    GEOSGeom_getXMax_r(handle, it, &high[0]);
    GEOSGeom_getYMax_r(handle, it, &high[1]);
    return GEOSGeom_createRectangle_r(handle, low[0] - wider_m / s->east,
                                      low[1] - wider_m / s->north, high[0] + wider_m / s->east,
                                      high[1] + wider_m / s->north);
}

static tb_status find_meetings(seams *s)
{
    tb_status           status     = TB_OK;
    tb_error           *err        = s->err;
    GEOSContextHandle_t handle     = s->geos->handle;
    GEOSSTRtree        *tree       = GEOSSTRtree_create_r(handle, 10);
    double              coarsest_m = 0.0;

    TB_TRY(tb_alloc(&s->parent, s->piece_count, sizeof *s->parent, "pieces of parcels", err));
    for (size_t p = 0; p < s->piece_count; p++) {
        s->parent[p] = (uint32_t)p;
        coarsest_m   = fmax(coarsest_m, gsd_of(s, p));
        GEOSSTRtree_insert_r(handle, tree, s->piece[p].geometry, &s->piece[p]);
    }
    for (s->from = 0; s->from < s->piece_count && s->heard == TB_OK; s->from++) {
        GEOSGeometry *box = wide_box(s, s->from, coarsest_m);

        GEOSSTRtree_query_r(handle, tree, box, hear, s);
        GEOSGeom_destroy_r(handle, box);
    }
    status = s->heard;
done:
    GEOSSTRtree_destroy_r(handle, tree);
    return status;
}

/* Chains pieces and meetings by their groups, in order. */
static tb_status chain_groups(seams *s)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;
    size_t    n      = s->piece_count;

    TB_TRY(tb_alloc(&s->last, n, sizeof *s->last, "pieces of parcels", err));
    TB_TRY(tb_alloc(&s->first_meeting, n, sizeof *s->last, "pieces of parcels", err));
    TB_TRY(tb_alloc(&s->last_meeting, n, sizeof *s->last, "pieces of parcels", err));
    for (size_t p = 0; p < n; p++) {
        size_t root = tb_forest_root(s->parent, (uint32_t)p);

        if (root != p)
            s->piece[s->last[root]].next = (int64_t)p;
        s->last[root]       = (int64_t)p;
        s->first_meeting[p] = s->last_meeting[p] = NONE;
    }
    for (size_t m = 0; m < s->meeting_count; m++) {
        size_t root = tb_forest_root(s->parent, (uint32_t)s->meeting[m].a);

        if (s->first_meeting[root] == NONE)
            s->first_meeting[root] = (int64_t)m;
        else
            s->meeting[s->last_meeting[root]].next = (int64_t)m;
        s->last_meeting[root] = (int64_t)m;
    }
done:
    return status;
}

/* ---- uniting ---- */

/*
 * A piece in metres with a rim of what its pair saw beyond the cut, a pixel wide: two outlines of
 * one thing differ a little, and would leave notches where the cut crosses their edges.
 */
static tb_status widen(seams *s, size_t p, GEOSGeometry **out)
{
    tb_status           status = TB_OK;
    tb_error           *err    = s->err;
    GEOSContextHandle_t handle = s->geos->handle;
    const piece        *it     = &s->piece[p];
    GEOSGeometry       *whole = NULL, *plane = NULL, *near = NULL, *rim = NULL;

    *out = GEOSGeom_transformXY_r(handle, it->geometry, to_metres, s);
    if (*out == NULL || !s->is_cut[it->candidate]) {
        status = *out != NULL ? TB_OK : fail(s, "a parcel at a cut");
        goto done;
    }
    TB_TRY(tb_outline_geometry(s->geos, &s->candidates->item[it->candidate].outline, &whole, err));
    plane = GEOSGeom_transformXY_r(handle, whole, to_metres, s);
    near  = GEOSBuffer_r(handle, *out, gsd_of(s, p), QUADRANT);
    if (plane != NULL && near != NULL)
        rim = GEOSIntersection_r(handle, plane, near);
    TB_TRY(tb_geos_polygons(s->geos, rim, "a parcel at a cut", &rim, s->err));
    GEOSGeom_destroy_r(handle, *out);
    *out = rim;
done:
    GEOSGeom_destroy_r(handle, whole);
    GEOSGeom_destroy_r(handle, plane);
    GEOSGeom_destroy_r(handle, near);
    return status;
}

/* What lies between two that do not share ground: within half their distance, or so, of both. */
static tb_status bridge(seams *s, const meeting *m, const GEOSGeometry *a, const GEOSGeometry *b,
                        GEOSGeometry **out)
{
    GEOSContextHandle_t handle = s->geos->handle;
    double              reach_m =
        m->distance_m > TOUCHING_M ? fmax(gsd_of(s, m->a), gsd_of(s, m->b)) / 2.0 : TOUCHING_M;
    GEOSGeometry *x, *y, *both = NULL;

    *out = NULL;
    if (GEOSRelatePattern_r(handle, a, b, "T********") == 1)
        return TB_OK;
    x = GEOSBuffer_r(handle, a, reach_m, QUADRANT);
    y = GEOSBuffer_r(handle, b, reach_m, QUADRANT);
    if (x != NULL && y != NULL)
        both = GEOSIntersection_r(handle, x, y);
    GEOSGeom_destroy_r(handle, x);
    GEOSGeom_destroy_r(handle, y);
    return tb_geos_polygons(s->geos, both, "ground between two parcels", out, s->err);
}

/* A polygon without its pinholes (takes it); NULL when GEOS fails. */
static GEOSGeometry *without_pinholes(GEOSContextHandle_t handle, GEOSGeometry *polygon,
                                      GEOSGeometry **holes, double least_m2)
{
    int           count = GEOSGetNumInteriorRings_r(handle, polygon), kept = 0;
    GEOSGeometry *shell, *out;

    for (int h = 0; h < count; h++) {
        const GEOSGeometry *ring = GEOSGetInteriorRingN_r(handle, polygon, h);
        GEOSGeometry       *hole =
            GEOSGeom_createPolygon_r(handle, GEOSGeom_clone_r(handle, ring), NULL, 0);
        double area = 0.0;

        GEOSArea_r(handle, hole, &area);
        GEOSGeom_destroy_r(handle, hole);
        if (area >= least_m2)
            holes[kept++] = GEOSGeom_clone_r(handle, ring);
    }
    shell = GEOSGeom_clone_r(handle, GEOSGetExteriorRing_r(handle, polygon));
    out   = GEOSGeom_createPolygon_r(handle, shell, holes, (unsigned)kept);
    GEOSGeom_destroy_r(handle, polygon);
    return out;
}

static tb_status fill_pinholes(seams *s, GEOSGeometry **it, double least_m2)
{
    tb_status           status = TB_OK;
    tb_error           *err    = s->err;
    GEOSContextHandle_t handle = s->geos->handle;
    int                 parts = GEOSGetNumGeometries_r(handle, *it), most = 0;
    GEOSGeometry      **part = NULL, **holes = NULL, *out;

    TB_TRY(tb_alloc_zero(&part, (size_t)parts, sizeof *part, "parcel at a cut", err));
    for (int i = 0; i < parts; i++) {
        int count = GEOSGetNumInteriorRings_r(handle, GEOSGetGeometryN_r(handle, *it, i));

        most = count > most ? count : most;
    }
    TB_TRY(tb_alloc(&holes, (size_t)most, sizeof *holes, "parcel at a cut", err));
    for (int i = 0; i < parts; i++)
        part[i] = without_pinholes(
            handle, GEOSGeom_clone_r(handle, GEOSGetGeometryN_r(handle, *it, i)), holes, least_m2);
    out = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, part, (unsigned)parts);
    if (out == NULL) {
        status = fail(s, "a parcel at a cut");
        goto done;
    }
    GEOSGeom_destroy_r(handle, *it);
    *it = out;
done:
    tb_free(part);
    tb_free(holes);
    return status;
}

/* Union of geometries in metres (takes them), back in degrees. */
static tb_status unite_all(seams *s, GEOSGeometry **list, size_t count, double least_m2,
                           GEOSGeometry **out)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = s->geos->handle;
    GEOSGeometry       *all, *sum = NULL, *degrees = NULL;

    *out = NULL;
    all  = GEOSGeom_createCollection_r(handle, GEOS_GEOMETRYCOLLECTION, list, (unsigned)count);
    if (all != NULL)
        sum = GEOSUnaryUnion_r(handle, all);
    TB_TRY(tb_geos_polygons(s->geos, sum, "union of parcels at a cut", &sum, s->err));
    TB_TRY(fill_pinholes(s, &sum, least_m2));
    degrees = GEOSGeom_transformXY_r(handle, sum, to_degrees, s);
    if (degrees != NULL)
        *out = GEOSGeom_setPrecision_r(handle, degrees, GRID, 0);
    TB_TRY(tb_geos_polygons(s->geos, *out, "union of parcels at a cut", out, s->err));
done:
    GEOSGeom_destroy_r(handle, all);
    GEOSGeom_destroy_r(handle, sum);
    GEOSGeom_destroy_r(handle, degrees);
    return status;
}

static size_t count_group(const seams *s, size_t root, size_t *meetings)
{
    size_t pieces = 0;

    for (int64_t p = (int64_t)root; p != NONE; p = s->piece[p].next)
        pieces++;
    *meetings = 0;
    for (int64_t m = s->first_meeting[root]; m != NONE; m = s->meeting[m].next)
        (*meetings)++;
    return pieces;
}

/* Where in the list of a group's geometries a piece stands. */
static size_t place_in(const seams *s, size_t root, size_t which)
{
    size_t at = 0;

    for (size_t p = root; p != which; p = (size_t)s->piece[p].next)
        at++;
    return at;
}

/* The outline of a group in which pairs meet. */
static tb_status unite(seams *s, size_t root, GEOSGeometry **out)
{
    tb_status      status = TB_OK;
    tb_error      *err    = s->err;
    size_t         meetings, pieces = count_group(s, root, &meetings), count = 0, given;
    GEOSGeometry **list     = NULL;
    double         least_m2 = 0.0;

    *out = NULL;
    set_place(s, s->piece[root].geometry);
    TB_TRY(tb_alloc_zero(&list, pieces + meetings, sizeof *list, "parcel at a cut", err));
    for (int64_t p = (int64_t)root; p != NONE; p = s->piece[p].next) {
        least_m2 = fmax(least_m2, PINHOLE * gsd_of(s, (size_t)p) * gsd_of(s, (size_t)p));
        TB_TRY(widen(s, (size_t)p, &list[count++]));
    }
    for (int64_t m = s->first_meeting[root]; m != NONE; m = s->meeting[m].next) {
        const meeting *it = &s->meeting[m];

        if (s->piece[it->a].candidate == s->piece[it->b].candidate)
            continue;
        TB_TRY(bridge(s, it, list[place_in(s, root, it->a)], list[place_in(s, root, it->b)],
                      &list[count]));
        count += list[count] != NULL;
    }
    given = count;
    count = 0;
    TB_TRY(unite_all(s, list, given, least_m2, out));
done:
    for (size_t i = 0; list != NULL && i < count; i++)
        GEOSGeom_destroy_r(s->geos->handle, list[i]);
    tb_free(list);
    return status;
}

/* The pieces of one candidate as they are. */
static tb_status gather(seams *s, size_t root, GEOSGeometry **out)
{
    tb_status           status = TB_OK;
    tb_error           *err    = s->err;
    GEOSContextHandle_t handle = s->geos->handle;
    size_t              meetings, pieces = count_group(s, root, &meetings), count = 0;
    GEOSGeometry      **list = NULL;

    TB_TRY(tb_alloc(&list, pieces, sizeof *list, "parcel at a cut", err));
    for (int64_t p = (int64_t)root; p != NONE; p = s->piece[p].next)
        list[count++] = GEOSGeom_clone_r(handle, s->piece[p].geometry);
    *out = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, list, (unsigned)count);
    if (*out == NULL)
        status = fail(s, "a parcel at a cut");
done:
    tb_free(list);
    return status;
}

/* ---- the united candidate ---- */

static tb_status add_part(tb_candidate *to, int pair, double area_m2, tb_error *err)
{
    tb_status status = TB_OK;

    for (int i = 0; i < to->part_count; i++)
        if (to->part[i].pair == pair) {
            to->part[i].area_m2 += area_m2;
            return TB_OK;
        }
    TB_TRY(tb_grow(&to->part, (size_t)to->part_count + 1, sizeof *to->part, "parts", err));
    to->part[to->part_count++] = (tb_part){pair, area_m2};
done:
    return status;
}

/* Pixels are counted in those of the pair with most of it, by the area on each pair's ground. */
static tb_status add_up(seams *s, size_t root, tb_candidate *to)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;
    double    area = 0.0, score = 0.0, pixels = 0.0, edge = 0.0, most = 0.0, own_m2;

    to->score_max = 0.0;
    for (int64_t p = (int64_t)root; p != NONE; p = s->piece[p].next) {
        const piece        *it   = &s->piece[p];
        const tb_candidate *from = &s->candidates->item[it->candidate];
        double              m2   = gsd_of(s, (size_t)p) * gsd_of(s, (size_t)p);

        area += it->area_m2;
        score += from->score * it->area_m2;
        to->score_max = fmax(to->score_max, from->score_max);
        pixels += (double)from->pixels * it->share * m2;
        edge += (double)from->edge_pixels * it->share * m2;
        TB_TRY(add_part(to, from->pair, it->area_m2, err));
    }
    for (int i = 0; i < to->part_count; i++)
        if (to->part[i].area_m2 > most) {
            most     = to->part[i].area_m2;
            to->pair = to->part[i].pair;
        }
    own_m2          = tb_pairs_gsd_m(s->pairs, to->pair) * tb_pairs_gsd_m(s->pairs, to->pair);
    to->pixels      = (int64_t)floor(pixels / own_m2 + 0.5);
    to->edge_pixels = (int64_t)ceil(edge / own_m2 - 1e-9); /* it may be the part that is left */
    to->score       = floor(score / area * 1e4 + 0.5) / 1e4;
    to->is_small    = to->pixels < s->min_pixels;
done:
    return status;
}

/* How many groups of this candidate stand before it: the first has its name, others a number. */
static void name_group(const seams *s, size_t root, tb_candidate *to)
{
    const tb_candidate *from   = &s->candidates->item[s->piece[root].candidate];
    int                 before = 0;

    for (size_t p = root; p-- > 0 && s->piece[p].candidate == s->piece[root].candidate;)
        before += tb_forest_root(s->parent, (uint32_t)p) == p;
    snprintf(to->id, sizeof to->id, "%s", from->id);
    if (before > 0) {
        char   number[16];
        size_t room;

        snprintf(number, sizeof number, "-%d", before + 1);
        room = sizeof to->id - 1 - strlen(number);
        snprintf(to->id + (strlen(to->id) < room ? strlen(to->id) : room), sizeof number, "%s",
                 number);
    }
}

static tb_status emit_group(seams *s, size_t root)
{
    tb_status     status   = TB_OK;
    tb_error     *err      = s->err;
    GEOSGeometry *geometry = NULL;
    tb_candidate *to;

    TB_TRY(tb_candidates_append(&s->out, &to, err));
    to->source = "auto";
    name_group(s, root, to);
    TB_TRY(add_up(s, root, to));
    if (to->part_count > 1) {
        s->totals.joined++;
        TB_TRY(unite(s, root, &geometry));
    } else {
        TB_TRY(gather(s, root, &geometry));
    }
    TB_TRY(tb_outline_of_geometry(s->geos, geometry, &to->outline, err));
done:
    GEOSGeom_destroy_r(s->geos->handle, geometry);
    return status;
}

static tb_status keep(seams *s, size_t i)
{
    tb_status     status = TB_OK;
    tb_error     *err    = s->err;
    tb_candidate *to;

    TB_TRY(tb_candidates_append(&s->out, &to, err));
    *to                    = s->candidates->item[i];
    s->candidates->item[i] = (tb_candidate){0};
done:
    return status;
}

static tb_status emit_all(seams *s)
{
    tb_status status = TB_OK;
    size_t    p      = 0;

    for (size_t i = 0; i < s->candidates->count; i++) {
        bool is_plain = !s->is_cut[i];

        for (; p < s->piece_count && s->piece[p].candidate == i; p++) {
            if (is_plain && s->parent[p] == p && s->piece[p].next == NONE)
                break;
            if (tb_forest_root(s->parent, (uint32_t)p) == p)
                TB_TRY(emit_group(s, p));
            is_plain = false;
        }
        if (is_plain)
            TB_TRY(keep(s, i));
        while (p < s->piece_count && s->piece[p].candidate == i)
            p++;
    }
done:
    return status;
}

tb_status tb_seams_apply(tb_pairs *pairs, tb_candidates *candidates, int64_t min_pixels,
                         tb_seam_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;
    seams     s      = {.pairs      = pairs,
                        .geos       = tb_pairs_geos(pairs),
                        .candidates = candidates,
                        .min_pixels = min_pixels,
                        .err        = err};

    TB_TRY(tb_alloc_zero(&s.is_cut, candidates->count, sizeof *s.is_cut, "candidates", err));
    TB_TRY(cut_all(&s));
    TB_TRY(cut_observed(&s));
    TB_TRY(find_meetings(&s));
    TB_TRY(chain_groups(&s));
    TB_TRY(emit_all(&s));
    s.out.observed             = candidates->observed;
    s.out.observed_count       = candidates->observed_count;
    candidates->observed       = NULL;
    candidates->observed_count = 0;
    tb_candidates_reset(candidates);
    *candidates = s.out;
    s.out       = (tb_candidates){0};
    *totals     = s.totals;
done:
    tb_candidates_reset(&s.out);
    for (size_t p = 0; p < s.piece_count; p++)
        GEOSGeom_destroy_r(s.geos->handle, s.piece[p].geometry);
    tb_free(s.piece);
    tb_free(s.meeting);
    tb_free(s.parent);
    tb_free(s.last);
    tb_free(s.first_meeting);
    tb_free(s.last_meeting);
    tb_free(s.is_cut);
    return status;
}
