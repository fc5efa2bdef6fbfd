#include "parcel/passage.h"

#include <math.h>
#include <stdio.h>

#include <cpl_conv.h>

#include "core/memory.h"
#include "parcel/area.h"
#include "raster/capture.h"

static const double EDGE_M = 100.0;

void tb_passage_reset(tb_passage *it)
{
    tb_plane_free(it->plane);
    tb_free(it->points);
    *it = (tb_passage){0};
}

/* A feature on its way: what messages and the log say of it. */
typedef struct traveller {
    tb_features *out;
    int64_t      fid;
    double       longest; /* squared, of an edge that needs no cut; INFINITY: any */
    bool         has_long_edge;
    bool         is_one_ring, is_multi; /* so far; of a multipolygon */
    size_t       ring_points; /* of the passage, which are all there is: one simple ring */
    tb_capture   capture;
} traveller;

static tb_status fail(const tb_passage *it, const traveller *of, const char *wanted,
                      const char *got, tb_error *err)
{
    return tb_error_set(err, TB_E_INPUT, "%.250s layer %.60s feature %lld: expected a %s, got: %s",
                        it->path, it->layer, (long long)of->fid, wanted, got);
}

static tb_status fail_in_geos(const tb_passage *it, const traveller *of, tb_error *err)
{
    char what[400];

    snprintf(what, sizeof what, "%.250s layer %.60s feature %lld", it->path, it->layer,
             (long long)of->fid);
    return tb_geos_fail(of->out->geos, err, what);
}

/* ---- repair ---- */

/* Drops lines and points that a repair may leave; takes the geometry. */
static GEOSGeometry *polygons_of(GEOSContextHandle_t handle, GEOSGeometry *geometry)
{
    GEOSGeometry *result;
    int           type = GEOSGeomTypeId_r(handle, geometry);

    if (type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON)
        return geometry;
    result = GEOSGeom_createEmptyPolygon_r(handle);
    for (int i = 0; type == GEOS_GEOMETRYCOLLECTION && result != NULL &&
                    i < GEOSGetNumGeometries_r(handle, geometry);
         i++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(handle, geometry, i);
        int                 kind = GEOSGeomTypeId_r(handle, part);
        GEOSGeometry       *more;

        if (kind != GEOS_POLYGON && kind != GEOS_MULTIPOLYGON)
            continue;
        more = GEOSUnion_r(handle, result, part);
        GEOSGeom_destroy_r(handle, result);
        result = more;
    }
    GEOSGeom_destroy_r(handle, geometry);
    return result;
}

static GEOSGeometry *repaired(GEOSContextHandle_t handle, GEOSGeometry *geometry)
{
    GEOSMakeValidParams *how = GEOSMakeValidParams_create_r(handle);
    GEOSGeometry        *valid;

    GEOSMakeValidParams_setMethod_r(handle, how, GEOS_MAKE_VALID_STRUCTURE);
    GEOSMakeValidParams_setKeepCollapsed_r(handle, how, 0);
    valid = GEOSMakeValidWithParams_r(handle, geometry, how);
    GEOSMakeValidParams_destroy_r(handle, how);
    GEOSGeom_destroy_r(handle, geometry);
    return valid != NULL ? polygons_of(handle, valid) : NULL;
}

/* Whether a hole of a polygon runs the way of its exterior ring. */
static bool has_wrong_winding(GEOSContextHandle_t handle, const GEOSGeometry *geometry)
{
    for (int p = 0; p < GEOSGetNumGeometries_r(handle, geometry); p++) {
        const GEOSGeometry *polygon = GEOSGetGeometryN_r(handle, geometry, p);
        char                outer = 0, inner = 0;

        if (GEOSGeomTypeId_r(handle, polygon) != GEOS_POLYGON || GEOSisEmpty_r(handle, polygon))
            continue;
        for (int h = 0; h < GEOSGetNumInteriorRings_r(handle, polygon); h++) {
            const GEOSGeometry *shell = GEOSGetExteriorRing_r(handle, polygon);
            const GEOSGeometry *hole  = GEOSGetInteriorRingN_r(handle, polygon, h);

            if (GEOSCoordSeq_isCCW_r(handle, GEOSGeom_getCoordSeq_r(handle, shell), &outer) == 1 &&
                GEOSCoordSeq_isCCW_r(handle, GEOSGeom_getCoordSeq_r(handle, hole), &inner) == 1 &&
                outer == inner)
                return true;
        }
    }
    return false;
}

/* Repairs an invalid geometry; *geometry NULL: no area is left of it. */
static tb_status repair(const tb_passage *it, const traveller *of, GEOSGeometry **geometry,
                        tb_error *err)
{
    tb_features        *out    = of->out;
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = out->geos->handle;
    double              before = tb_area_of_geometry(out->geos, *geometry), after;
    char               *reason = GEOSisValidReason_r(handle, *geometry);

    *geometry = repaired(handle, *geometry);
    if (*geometry == NULL) {
        status = fail_in_geos(it, of, err);
        goto done;
    }
    out->repaired++;
    after = tb_area_of_geometry(out->geos, *geometry);
    TB_TRY(tb_qc_log(out->qc,
                     GEOSisEmpty_r(handle, *geometry) ? TB_FINDING_LOST : TB_FINDING_INVALID,
                     of->fid, before, after, reason, err));
done:
    if (reason != NULL)
        GEOSFree_r(handle, reason);
    return status;
}

/* ---- geometries ---- */

tb_status tb_passage_make_room(tb_passage *it, size_t points, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = points + points / 2;

    if (points <= it->capacity)
        return TB_OK;
    TB_TRY(tb_grow(&it->points, more, sizeof *it->points, "points", err));
    it->capacity = more;
done:
    return status;
}

/* Whether an edge of points is to be cut: it is not shorter than `longest`, squared. */
static bool has_long_edge(const tb_point *p, size_t count, double longest)
{
    bool has = false;

    for (size_t i = 1; i < count; i++) {
        double x = p[i].x - p[i - 1].x, y = p[i].y - p[i - 1].y;

        has |= !(x * x + y * y < longest);
    }
    return has;
}

/* The points of a ring, brought over unless an edge is to be cut before. */
static tb_status bring_points(tb_passage *it, traveller *of, OGRGeometryH ring, size_t *count,
                              tb_error *err)
{
    tb_status status = TB_OK;
    bool      has_all;

    *count = (size_t)OGR_G_GetPointCount(ring);
    TB_TRY(tb_passage_make_room(it, *count, err));
    if (*count == 0)
        goto done;
    OGR_G_GetPoints(ring, &it->points->x, sizeof *it->points, &it->points->y, sizeof *it->points,
                    NULL, 0);
    of->has_long_edge |= has_long_edge(it->points, *count, of->longest);
    if (of->has_long_edge)
        goto done;
    TB_TRY(tb_plane_bring(it->plane, &it->points->x, *count, &has_all, err));
    if (!has_all)
        status = fail(it, of, "place in CGCS2000", tb_capture_text(&of->capture, "none"), err);
done:
    return status;
}

/* A ring; NULL when GEOS fails, it has a long edge, or it is all there is and simple: then GEOS is
 * not needed. */
static tb_status bring_ring(tb_passage *it, traveller *of, OGRGeometryH ring, GEOSGeometry **out,
                            tb_error *err)
{
    tb_status           status   = TB_OK;
    GEOSContextHandle_t handle   = of->out->geos->handle;
    GEOSCoordSequence  *sequence = NULL;
    size_t              count;

    *out = NULL;
    TB_TRY(bring_points(it, of, ring, &count, err));
    if (of->has_long_edge)
        goto done;
    if (of->is_one_ring && tb_ring_is_surely_simple(it->points, count)) {
        of->ring_points = count;
        goto done;
    }
    sequence = GEOSCoordSeq_copyFromBuffer_r(handle, &it->points->x, (unsigned)count, 0, 0);
    if (sequence != NULL)
        *out = GEOSGeom_createLinearRing_r(handle, sequence);
done:
    return status;
}

typedef tb_status bring_fn(tb_passage *it, traveller *of, OGRGeometryH part, GEOSGeometry **out,
                           tb_error *err);

/* Makes one geometry of parts, which GEOS takes, also when it fails. */
typedef GEOSGeometry *make_fn(GEOSContextHandle_t handle, GEOSGeometry **parts, unsigned count);

static GEOSGeometry *make_polygon(GEOSContextHandle_t handle, GEOSGeometry **rings, unsigned count)
{
    if (count == 0)
        return GEOSGeom_createEmptyPolygon_r(handle);
    return GEOSGeom_createPolygon_r(handle, rings[0], rings + 1, count - 1);
}

static GEOSGeometry *make_polygons(GEOSContextHandle_t handle, GEOSGeometry **parts, unsigned count)
{
    return GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, parts, count);
}

/* A geometry of parts; NULL likewise. Most have one. */
static tb_status bring_whole(tb_passage *it, traveller *of, OGRGeometryH whole, bring_fn *bring,
                             make_fn *make, GEOSGeometry **out, tb_error *err)
{
    enum { FEW = 4 };
    tb_status     status = TB_OK;
    int           count = OGR_G_GetGeometryCount(whole), made = 0;
    GEOSGeometry *few[FEW], **all                             = few;

    *out            = NULL;
    of->is_one_ring = of->is_one_ring && count == 1;
    if (count > FEW)
        TB_TRY(tb_alloc(&all, (size_t)count, sizeof(GEOSGeometry *), "parts of a geometry", err));
    for (; made < count; made++) {
        TB_TRY(bring(it, of, OGR_G_GetGeometryRef(whole, made), &all[made], err));
        if (all[made] == NULL)
            goto done;
    }
    *out = make(of->out->geos->handle, all, (unsigned)count);
    made = 0;
done:
    for (int i = 0; i < made; i++)
        GEOSGeom_destroy_r(of->out->geos->handle, all[i]);
    if (all != few)
        tb_free(all);
    return status;
}

static tb_status bring_polygon(tb_passage *it, traveller *of, OGRGeometryH polygon,
                               GEOSGeometry **out, tb_error *err)
{
    return bring_whole(it, of, polygon, bring_ring, make_polygon, out, err);
}

static int snap(double *x, double *y, void *context)
{
    (void)context;
    *x = tb_degree_snapped(*x);
    *y = tb_degree_snapped(*y);
    return 1;
}

/* Whatever has no polygons for a type, collections above all; NULL when GEOS fails. */
static tb_status bring_other(const tb_passage *it, const traveller *of, OGRGeometryH shape,
                             GEOSGeometry **out, tb_error *err)
{
    GEOSContextHandle_t handle = of->out->geos->handle;
    size_t              bytes  = (size_t)OGR_G_WkbSize(shape);
    unsigned char      *wkb;
    GEOSGeometry       *raw;

    *out = NULL;
    if (OGR_G_Transform(shape, tb_plane_way(it->plane)) != OGRERR_NONE)
        return fail(it, of, "place in CGCS2000", tb_capture_text(&of->capture, "none"), err);
    wkb = CPLMalloc(bytes);
    OGR_G_ExportToWkb(shape, wkbNDR, wkb);
    raw = GEOSGeomFromWKB_buf_r(handle, wkb, bytes);
    CPLFree(wkb);
    if (raw != NULL) {
        *out = GEOSGeom_transformXY_r(handle, raw, snap, NULL);
        GEOSGeom_destroy_r(handle, raw);
    }
    return TB_OK;
}

static tb_status bring_shape(tb_passage *it, traveller *of, OGRGeometryH shape, GEOSGeometry **out,
                             tb_error *err)
{
    switch (wkbFlatten(OGR_G_GetGeometryType(shape))) {
    case wkbPolygon:
        return bring_polygon(it, of, shape, out, err);
    case wkbMultiPolygon:
        of->is_multi = true;
        return bring_whole(it, of, shape, bring_polygon, make_polygons, out, err);
    default:
        return bring_other(it, of, shape, out, err);
    }
}

/* The length of an edge that is to be cut, in the plane's unit. */
static double edge_most(const tb_passage *it)
{
    double unit_m = tb_plane_unit_m(it->plane);

    return unit_m > 0.0 ? EDGE_M / unit_m : INFINITY;
}

/* An edge that surely need not be cut is shorter, squared. */
static double longest_of(double edge)
{
    return 0.999 * edge * edge;
}

/* The geometry brought over as it is, in GEOS's hands; NULL when GEOS fails or has nothing to do.
 */
static tb_status bring_raw(tb_passage *it, traveller *of, OGRGeometryH own, GEOSGeometry **out,
                           tb_error *err)
{
    tb_status          status = TB_OK;
    double             edge   = edge_most(it);
    OGRwkbGeometryType type   = wkbFlatten(OGR_G_GetGeometryType(own));
    OGRGeometryH       shape;

    if (type == wkbPolygon || type == wkbMultiPolygon) {
        of->longest     = longest_of(edge);
        of->is_one_ring = true;
        status          = bring_shape(it, of, own, out, err);
        if (status != TB_OK || !of->has_long_edge)
            return status;
    }
    *of   = (traveller){.out = of->out, .fid = of->fid, .longest = INFINITY, .is_one_ring = true};
    shape = OGR_G_GetLinearGeometry(own, 0.0, NULL);
    if (shape == NULL)
        return fail(it, of, "geometry", "none", err);
    OGR_G_FlattenTo2D(shape);
    if (isfinite(edge))
        OGR_G_Segmentize(shape, edge);
    status = bring_shape(it, of, shape, out, err);
    OGR_G_DestroyGeometry(shape);
    return status;
}

/* Makes what GEOS has valid polygons; *geometry NULL: none are left. */
static tb_status mend(const tb_passage *it, const traveller *of, GEOSGeometry **geometry,
                      tb_error *err)
{
    tb_status           status = TB_OK;
    tb_features        *out    = of->out;
    GEOSContextHandle_t handle = out->geos->handle;

    if (out->qc != NULL && has_wrong_winding(handle, *geometry))
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_WINDING, of->fid, -1.0, -1.0, NULL, err));
    if (GEOSisValid_r(handle, *geometry) != 1) {
        TB_TRY(repair(it, of, geometry, err));
        goto done;
    }
    *geometry = polygons_of(handle, *geometry);
    if (*geometry == NULL) {
        status = fail_in_geos(it, of, err);
        goto done;
    }
    if (GEOSisEmpty_r(handle, *geometry))
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_NO_GEOMETRY, of->fid, -1.0, -1.0, NULL, err));
done:
    if (*geometry != NULL && (status != TB_OK || GEOSisEmpty_r(handle, *geometry))) {
        GEOSGeom_destroy_r(handle, *geometry);
        *geometry = NULL;
    }
    return status;
}

tb_status tb_passage_bring(tb_passage *it, tb_features *out, OGRGeometryH own, int64_t fid,
                           tb_brought *brought, tb_error *err)
{
    tb_status status = TB_OK;
    traveller of     = {.out = out, .fid = fid};

    *brought = (tb_brought){0};
    tb_capture_begin(&of.capture);
    if (OGR_G_HasCurveGeometry(own, 1))
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_CURVE, fid, -1.0, -1.0, NULL, err));
    if (OGR_G_Is3D(own) || OGR_G_IsMeasured(own))
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_HEIGHT, fid, -1.0, -1.0, NULL, err));
    TB_TRY(bring_raw(it, &of, own, &brought->geometry, err));
    brought->ring_points = of.ring_points;
    brought->is_multi    = of.is_multi;
    if (brought->geometry != NULL)
        TB_TRY(mend(it, &of, &brought->geometry, err));
    else if (of.ring_points == 0)
        status = fail_in_geos(it, &of, err);
done:
    tb_capture_end(&of.capture);
    return status;
}

tb_status tb_passage_bring_ring(tb_passage *it, size_t points, bool *is_brought, tb_error *err)
{
    tb_status status = TB_OK;
    bool      has_all;

    *is_brought = false;
    if (has_long_edge(it->points, points, longest_of(edge_most(it))))
        return TB_OK;
    TB_TRY(tb_plane_bring(it->plane, &it->points->x, points, &has_all, err));
    *is_brought = has_all && tb_ring_is_surely_simple(it->points, points);
done:
    return status;
}
