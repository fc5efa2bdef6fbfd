#include "parcel/passage.h"

#include <stdio.h>

#include <cpl_conv.h>

#include "parcel/area.h"
#include "raster/capture.h"

static const double EDGE_M = 100.0;

static int snap(double *x, double *y, void *context)
{
    (void)context;
    *x = tb_degree_snapped(*x);
    *y = tb_degree_snapped(*y);
    return 1;
}

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

static GEOSGeometry *from_ogr(tb_geos *geos, OGRGeometryH shape)
{
    size_t         bytes = (size_t)OGR_G_WkbSize(shape);
    unsigned char *wkb   = CPLMalloc(bytes);
    GEOSGeometry  *raw, *result = NULL;

    OGR_G_ExportToWkb(shape, wkbNDR, wkb);
    raw = GEOSGeomFromWKB_buf_r(geos->handle, wkb, bytes);
    CPLFree(wkb);
    if (raw != NULL) {
        result = GEOSGeom_transformXY_r(geos->handle, raw, snap, NULL);
        GEOSGeom_destroy_r(geos->handle, raw);
    }
    return result;
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
static tb_status repair(tb_features *out, GEOSGeometry **geometry, int64_t fid, const char *what,
                        tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = out->geos->handle;
    double              before = tb_area_of_geometry(out->geos, *geometry), after;
    char               *reason = GEOSisValidReason_r(handle, *geometry);

    *geometry = repaired(handle, *geometry);
    if (*geometry == NULL) {
        status = tb_geos_fail(out->geos, err, what);
        goto done;
    }
    out->repaired++;
    after = tb_area_of_geometry(out->geos, *geometry);
    TB_TRY(tb_qc_log(out->qc,
                     GEOSisEmpty_r(handle, *geometry) ? TB_FINDING_LOST : TB_FINDING_INVALID, fid,
                     before, after, reason, err));
done:
    if (reason != NULL)
        GEOSFree_r(handle, reason);
    return status;
}

tb_status tb_passage_bring(const tb_passage *it, tb_features *out, OGRGeometryH own, int64_t fid,
                           GEOSGeometry **geometry, tb_error *err)
{
    tb_status    status     = TB_OK;
    bool         has_curves = OGR_G_HasCurveGeometry(own, 1);
    bool         has_height = OGR_G_Is3D(own) || OGR_G_IsMeasured(own);
    OGRGeometryH shape      = OGR_G_GetLinearGeometry(own, 0.0, NULL);
    char         what[400];
    tb_capture   capture;

    *geometry = NULL;
    snprintf(what, sizeof what, "%.250s layer %.60s feature %lld", it->path, it->layer,
             (long long)fid);
    tb_capture_begin(&capture);
    if (shape == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "%s: expected a geometry, got: %s", what,
                              tb_capture_text(&capture, "none"));
        goto done;
    }
    if (has_curves)
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_CURVE, fid, -1.0, -1.0, NULL, err));
    if (has_height)
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_HEIGHT, fid, -1.0, -1.0, NULL, err));
    OGR_G_FlattenTo2D(shape);
    if (it->unit_m > 0.0)
        OGR_G_Segmentize(shape, EDGE_M / it->unit_m);
    if (OGR_G_Transform(shape, it->way) != OGRERR_NONE) {
        status = tb_error_set(err, TB_E_INPUT, "%s: expected a place in CGCS2000, got: %s", what,
                              tb_capture_text(&capture, "none"));
        goto done;
    }
    *geometry = from_ogr(out->geos, shape);
    if (*geometry == NULL) {
        status = tb_geos_fail(out->geos, err, what);
        goto done;
    }
    if (out->qc != NULL && has_wrong_winding(out->geos->handle, *geometry))
        TB_TRY(tb_qc_log(out->qc, TB_FINDING_WINDING, fid, -1.0, -1.0, NULL, err));
    if (GEOSisValid_r(out->geos->handle, *geometry) != 1) {
        TB_TRY(repair(out, geometry, fid, what, err));
    } else {
        *geometry = polygons_of(out->geos->handle, *geometry);
        if (*geometry == NULL) {
            status = tb_geos_fail(out->geos, err, what);
            goto done;
        }
        if (GEOSisEmpty_r(out->geos->handle, *geometry))
            TB_TRY(tb_qc_log(out->qc, TB_FINDING_NO_GEOMETRY, fid, -1.0, -1.0, NULL, err));
    }
done:
    if (*geometry != NULL && (status != TB_OK || GEOSisEmpty_r(out->geos->handle, *geometry))) {
        GEOSGeom_destroy_r(out->geos->handle, *geometry);
        *geometry = NULL;
    }
    tb_capture_end(&capture);
    OGR_G_DestroyGeometry(shape);
    return status;
}
