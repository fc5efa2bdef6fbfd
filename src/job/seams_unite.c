/* One outline of pieces that meet. */
#include <math.h>

#include "core/memory.h"
#include "job/seams_inside.h"

/* Of a pixel's area: holes that only come from uniting two outlines of one thing. */
static const double PINHOLE = 0.25;

enum { QUADRANT = 8 };

/*
 * A piece in metres with a rim of what its pair saw beyond the cut, a pixel wide: two outlines of
 * one thing differ a little, and would leave notches where the cut crosses their edges.
 */
static tb_status widen(tb_seams *s, size_t p, GEOSGeometry **out)
{
    tb_status            status = TB_OK;
    tb_error            *err    = s->err;
    GEOSContextHandle_t  handle = s->geos->handle;
    const tb_seam_piece *it     = &s->piece[p];
    GEOSGeometry        *whole = NULL, *plane = NULL, *near = NULL, *rim = NULL;

    *out = GEOSGeom_transformXY_r(handle, it->geometry, tb_seam_to_metres, s);
    if (*out == NULL || !s->is_cut[it->candidate]) {
        status = *out != NULL ? TB_OK : tb_geos_fail(s->geos, s->err, "a parcel at a cut");
        goto done;
    }
    TB_TRY(tb_outline_geometry(s->geos, &s->candidates->item[it->candidate].outline, &whole, err));
    plane = GEOSGeom_transformXY_r(handle, whole, tb_seam_to_metres, s);
    near  = GEOSBuffer_r(handle, *out, tb_seam_gsd_m(s, p), QUADRANT);
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
static tb_status bridge(tb_seams *s, const tb_seam_meeting *m, const GEOSGeometry *a,
                        const GEOSGeometry *b, GEOSGeometry **out)
{
    GEOSContextHandle_t handle  = s->geos->handle;
    double              reach_m = m->distance_m > TB_SEAM_TOUCHING_M
                                      ? fmax(tb_seam_gsd_m(s, m->a), tb_seam_gsd_m(s, m->b)) / 2.0
                                      : TB_SEAM_TOUCHING_M;
    GEOSGeometry       *x, *y, *both = NULL;

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

static tb_status fill_pinholes(tb_seams *s, GEOSGeometry **it, double least_m2)
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
        status = tb_geos_fail(s->geos, s->err, "a parcel at a cut");
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
static tb_status unite_all(tb_seams *s, GEOSGeometry **list, size_t count, double least_m2,
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
    degrees = GEOSGeom_transformXY_r(handle, sum, tb_seam_to_degrees, s);
    if (degrees != NULL)
        *out = GEOSGeom_setPrecision_r(handle, degrees, TB_SEAM_GRID, 0);
    TB_TRY(tb_geos_polygons(s->geos, *out, "union of parcels at a cut", out, s->err));
done:
    GEOSGeom_destroy_r(handle, all);
    GEOSGeom_destroy_r(handle, sum);
    GEOSGeom_destroy_r(handle, degrees);
    return status;
}

static size_t count_group(const tb_seams *s, size_t root, size_t *meetings)
{
    size_t pieces = 0;

    for (int64_t p = (int64_t)root; p != TB_SEAM_NONE; p = s->piece[p].next)
        pieces++;
    *meetings = 0;
    for (int64_t m = s->first_meeting[root]; m != TB_SEAM_NONE; m = s->meeting[m].next)
        (*meetings)++;
    return pieces;
}

/* Where in the list of a group's geometries a piece stands. */
static size_t place_in(const tb_seams *s, size_t root, size_t which)
{
    size_t at = 0;

    for (size_t p = root; p != which; p = (size_t)s->piece[p].next)
        at++;
    return at;
}

tb_status tb_seams_unite(tb_seams *s, size_t root, GEOSGeometry **out)
{
    tb_status      status = TB_OK;
    tb_error      *err    = s->err;
    size_t         meetings, pieces = count_group(s, root, &meetings), count = 0, given;
    GEOSGeometry **list     = NULL;
    double         least_m2 = 0.0;

    *out = NULL;
    tb_seams_set_place(s, s->piece[root].geometry);
    TB_TRY(tb_alloc_zero(&list, pieces + meetings, sizeof *list, "parcel at a cut", err));
    for (int64_t p = (int64_t)root; p != TB_SEAM_NONE; p = s->piece[p].next) {
        least_m2 =
            fmax(least_m2, PINHOLE * tb_seam_gsd_m(s, (size_t)p) * tb_seam_gsd_m(s, (size_t)p));
        TB_TRY(widen(s, (size_t)p, &list[count++]));
    }
    for (int64_t m = s->first_meeting[root]; m != TB_SEAM_NONE; m = s->meeting[m].next) {
        const tb_seam_meeting *it = &s->meeting[m];

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

tb_status tb_seams_gather(tb_seams *s, size_t root, GEOSGeometry **out)
{
    tb_status           status = TB_OK;
    tb_error           *err    = s->err;
    GEOSContextHandle_t handle = s->geos->handle;
    size_t              meetings, pieces = count_group(s, root, &meetings), count = 0;
    GEOSGeometry      **list = NULL;

    TB_TRY(tb_alloc(&list, pieces, sizeof *list, "parcel at a cut", err));
    for (int64_t p = (int64_t)root; p != TB_SEAM_NONE; p = s->piece[p].next)
        list[count++] = GEOSGeom_clone_r(handle, s->piece[p].geometry);
    *out = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, list, (unsigned)count);
    if (*out == NULL)
        status = tb_geos_fail(s->geos, s->err, "a parcel at a cut");
done:
    tb_free(list);
    return status;
}
