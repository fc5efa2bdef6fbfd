#include "parcel/layer.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "parcel/area.h"
#include "raster/capture.h"

static const double EDGE_M = 100.0;

/* What is worth a line in the quality log. */
static const double SHARED_LEAST_M2 = 1.0, AREA_OFF_M2 = 10.0, AREA_OFF_SHARE = 0.01;

struct tb_layer {
    const tb_layer_source       *source;
    const tb_role               *role;
    GDALDatasetH                 dataset;
    OGRLayerH                    layer;
    int                          field[TB_ROLE_FIELDS_MAX]; /* of the file, or -1 */
    OGRCoordinateTransformationH way;                       /* to (L, B) */
    double                       edge;   /* longest, in the layer's unit; 0: any */
    bool                         is_raw; /* texts come as the file has them, UTF-8 or GBK */
    char                        *crs;
};

/* ---- opening ---- */

static tb_status list_names(tb_layer *it, tb_text *out, bool is_fields, tb_error *err)
{
    tb_status       status     = TB_OK;
    OGRFeatureDefnH definition = is_fields ? OGR_L_GetLayerDefn(it->layer) : NULL;
    int             count =
        is_fields ? OGR_FD_GetFieldCount(definition) : GDALDatasetGetLayerCount(it->dataset);

    for (int i = 0; i < count && i < 30; i++)
        TB_TRY(tb_text_append(out, err, "%s%s", i > 0 ? ", " : "",
                              is_fields ? OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, i))
                                        : OGR_L_GetName(GDALDatasetGetLayer(it->dataset, i))));
    if (count == 0)
        TB_TRY(tb_text_append(out, err, "none"));
done:
    return status;
}

static OGRLayerH layer_named(const tb_layer *it, const char *name)
{
    for (int i = 0; i < GDALDatasetGetLayerCount(it->dataset); i++) {
        OGRLayerH layer = GDALDatasetGetLayer(it->dataset, i);

        if (strcasecmp(OGR_L_GetName(layer), name) == 0)
            return layer;
    }
    return NULL;
}

static tb_status find_layer(tb_layer *it, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *wanted = it->source->layer;
    tb_text     names  = {0};

    if (wanted != NULL)
        it->layer = layer_named(it, wanted);
    else {
        for (int i = 0; it->role != NULL && it->role->layers[i] != NULL && it->layer == NULL; i++)
            it->layer = layer_named(it, it->role->layers[i]);
        if (it->layer == NULL && (it->role == NULL || it->role->layers[0] == NULL ||
                                  GDALDatasetGetLayerCount(it->dataset) == 1))
            it->layer = GDALDatasetGetLayer(it->dataset, 0);
    }
    if (it->layer != NULL)
        goto done;
    TB_TRY(list_names(it, &names, false, err));
    status =
        tb_error_set(err, TB_E_INPUT, "%s: expected layer %s%s, got %s", it->source->path,
                     wanted != NULL     ? wanted
                     : it->role != NULL ? it->role->layers[0]
                                        : "one with polygons",
                     wanted == NULL && it->role != NULL ? " or an alias of it" : "", names.data);
    tb_error_hint(err, "name the layer with the key layer:");
done:
    tb_text_reset(&names);
    return status;
}

static tb_status find_fields(tb_layer *it, tb_error *err)
{
    tb_status       status     = TB_OK;
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(it->layer);
    tb_text         names      = {0};

    for (int f = 0; it->role != NULL && f < it->role->field_count; f++) {
        const tb_role_field *field = &it->role->fields[f];

        it->field[f] = -1;
        for (int i = 0; field->names[i] != NULL && it->field[f] < 0; i++)
            it->field[f] = OGR_FD_GetFieldIndex(definition, field->names[i]);
        if (it->field[f] >= 0 || !field->is_needed)
            continue;
        TB_TRY(list_names(it, &names, true, err));
        status =
            tb_error_set(err, TB_E_INPUT, "%s layer %s: expected field %s, got %s",
                         it->source->path, OGR_L_GetName(it->layer), field->names[0], names.data);
        goto done;
    }
done:
    tb_text_reset(&names);
    return status;
}

/* Gauss-Kruger eastings may carry the zone before six digits; both ways may not be mixed. */
static tb_status check_zone(tb_layer *it, OGRSpatialReferenceH crs, tb_error *err)
{
    double      easting = OSRGetProjParm(crs, SRS_PP_FALSE_EASTING, 0.0, NULL);
    const char *name    = OSRGetAttrValue(crs, "PROJECTION", 0);
    OGREnvelope box;
    int         declared, first, last;

    if (name == NULL || strcasecmp(name, SRS_PT_TRANSVERSE_MERCATOR) != 0 ||
        OGR_L_GetFeatureCount(it->layer, 1) == 0 ||
        OGR_L_GetExtent(it->layer, &box, 1) != OGRERR_NONE)
        return TB_OK;
    declared = (int)floor(easting / 1e6);
    first    = (int)floor(box.MinX / 1e6);
    last     = (int)floor(box.MaxX / 1e6);
    if (first == declared && last == declared)
        return TB_OK;
    if (declared == 0 && first >= 13 && first <= 45)
        tb_error_set(err, TB_E_INPUT,
                     "%s layer %s: expected eastings without zone, as %s has them, got %.0f to "
                     "%.0f, of zone %d",
                     it->source->path, OGR_L_GetName(it->layer), it->crs, box.MinX, box.MaxX,
                     first);
    else if (declared > 0 && first == 0 && last == 0)
        tb_error_set(err, TB_E_INPUT,
                     "%s layer %s: expected eastings of zone %d, as %s has them, got %.0f to "
                     "%.0f, without zone",
                     it->source->path, OGR_L_GetName(it->layer), declared, it->crs, box.MinX,
                     box.MaxX);
    else if (declared > 0)
        tb_error_set(err, TB_E_INPUT,
                     "%s layer %s: expected eastings of zone %d, as %s has them, got %.0f to "
                     "%.0f, of zone %d",
                     it->source->path, OGR_L_GetName(it->layer), declared, it->crs, box.MinX,
                     box.MaxX, first == declared ? last : first);
    else
        return TB_OK;
    tb_error_hint(err, "give the layer's true CRS with the key crs:");
    return TB_E_INPUT;
}

static tb_status find_way(tb_layer *it, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH from = NULL, to = OSRNewSpatialReference(NULL);
    OGRSpatialReferenceH own = OGR_L_GetSpatialRef(it->layer);
    tb_capture           capture;

    tb_capture_begin(&capture);
    OSRImportFromEPSG(to, 4490);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    if (it->source->crs != NULL) {
        from = OSRNewSpatialReference(NULL);
        if (OSRSetFromUserInput(from, it->source->crs) != OGRERR_NONE) {
            status = tb_error_set(err, TB_E_INPUT, "%s: expected a CRS such as EPSG:4528, got %s",
                                  it->source->path, it->source->crs);
            goto done;
        }
    } else if (own != NULL) {
        from = OSRClone(own);
    }
    if (from == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "%s layer %s: expected a CRS, got none",
                              it->source->path, OGR_L_GetName(it->layer));
        tb_error_hint(err, "give it with the key crs:, such as crs: EPSG:4528");
        goto done;
    }
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    TB_TRY(tb_copy_text(&it->crs, OSRGetName(from) != NULL ? OSRGetName(from) : "", err));
    TB_TRY(check_zone(it, from, err));
    if (OSRIsProjected(from))
        it->edge = EDGE_M / OSRGetLinearUnits(from, NULL);
    it->way = OCTNewCoordinateTransformation(from, to);
    if (it->way == NULL)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a CRS that can be brought to CGCS2000, got %s (%s)",
                              it->source->path, it->crs, tb_capture_text(&capture, "no way"));
done:
    tb_capture_end(&capture);
    if (from != NULL)
        OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    return status;
}

/* A Shapefile without .cpg says nothing of its texts: they are taken as they are. */
static bool says_encoding(const char *path)
{
    static const char *const endings[] = {"cpg", "CPG"};
    bool                     says      = strcasecmp(CPLGetExtension(path), "shp") != 0;

    for (int i = 0; i < 2 && !says; i++)
        says = tb_file_exists(CPLResetExtension(path, endings[i]));
    return says;
}

static tb_status open_dataset(tb_layer *it, tb_error *err)
{
    tb_status  status  = TB_OK;
    char     **options = NULL;
    tb_capture capture;

    tb_gdal_register();
    if (it->source->encoding != NULL)
        options = CSLSetNameValue(options, "ENCODING", it->source->encoding);
    else if (!says_encoding(it->source->path)) {
        options    = CSLSetNameValue(options, "ENCODING", "");
        it->is_raw = true;
    }
    tb_capture_begin(&capture);
    it->dataset = GDALOpenEx(it->source->path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL,
                             (const char *const *)options, NULL);
    tb_capture_end(&capture);
    CSLDestroy(options);
    if (it->dataset == NULL)
        status = tb_error_set(err, TB_E_INPUT, "open %s: expected a vector file, got: %s",
                              it->source->path, tb_capture_text(&capture, "no format GDAL knows"));
    return status;
}

static tb_status check_polygons(tb_layer *it, tb_error *err)
{
    OGRwkbGeometryType type = wkbFlatten(OGR_GT_GetLinear(OGR_L_GetGeomType(it->layer)));

    if (type == wkbPolygon || type == wkbMultiPolygon || type == wkbUnknown ||
        type == wkbGeometryCollection)
        return TB_OK;
    return tb_error_set(err, TB_E_INPUT, "%s layer %s: expected polygons, got %s", it->source->path,
                        OGR_L_GetName(it->layer),
                        OGRGeometryTypeToName(OGR_L_GetGeomType(it->layer)));
}

tb_status tb_layer_open(tb_layer **out, const tb_layer_source *source, const tb_role *role,
                        tb_error *err)
{
    tb_status status = TB_OK;
    tb_layer *it     = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&it, 1, sizeof *it, "layer", err));
    it->source = source;
    it->role   = role;
    TB_TRY(open_dataset(it, err));
    TB_TRY(find_layer(it, err));
    TB_TRY(check_polygons(it, err));
    TB_TRY(find_fields(it, err));
    TB_TRY(find_way(it, err));
    if (source->where != NULL) {
        tb_capture capture;
        OGRErr     code;

        tb_capture_begin(&capture);
        code = OGR_L_SetAttributeFilter(it->layer, source->where);
        tb_capture_end(&capture);
        if (code != OGRERR_NONE) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "%s layer %s: expected an attribute filter, got \"%s\": %s",
                                  source->path, OGR_L_GetName(it->layer), source->where,
                                  tb_capture_text(&capture, "not understood"));
            goto done;
        }
    }
    if (role != NULL && role->refuses_empty && tb_layer_count(it) == 0) {
        status = tb_error_set(err, TB_E_INPUT, "%s layer %s: expected polygons, got an empty layer",
                              source->path, OGR_L_GetName(it->layer));
        goto done;
    }
    *out = it;
    it   = NULL;
done:
    tb_layer_close(it);
    return status;
}

void tb_layer_close(tb_layer *it)
{
    if (it == NULL)
        return;
    if (it->way != NULL)
        OCTDestroyCoordinateTransformation(it->way);
    if (it->dataset != NULL)
        GDALClose(it->dataset);
    tb_free(it->crs);
    tb_free(it);
}

const char *tb_layer_name(const tb_layer *it)
{
    return OGR_L_GetName(it->layer);
}

const char *tb_layer_crs(const tb_layer *it)
{
    return it->crs;
}

int64_t tb_layer_count(const tb_layer *it)
{
    return OGR_L_GetFeatureCount(it->layer, 1);
}

const char *tb_layer_field(const tb_layer *it, int field)
{
    if (field < 0 || it->field[field] < 0)
        return NULL;
    return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(OGR_L_GetLayerDefn(it->layer), it->field[field]));
}

/* ---- features ---- */

void tb_features_reset(tb_features *features)
{
    if (features->tree != NULL)
        GEOSSTRtree_destroy_r(features->geos->handle, features->tree);
    for (size_t i = 0; i < features->count; i++) {
        GEOSGeom_destroy_r(features->geos->handle, features->feature[i].geometry);
        for (int f = 0; features->feature[i].text != NULL && f < features->field_count; f++)
            tb_free(features->feature[i].text[f]);
        tb_free(features->feature[i].text);
    }
    tb_free(features->feature);
    *features = (tb_features){0};
}

tb_status tb_features_add(tb_features *features, GEOSGeometry *geometry, int64_t fid, tb_error *err)
{
    tb_status status = TB_OK;

    if (features->count == features->capacity) {
        size_t more = features->capacity > 0 ? 2 * features->capacity : 64;

        status = tb_grow(&features->feature, more, sizeof *features->feature, "features", err);
        if (status != TB_OK) {
            GEOSGeom_destroy_r(features->geos->handle, geometry);
            return status;
        }
        features->capacity = more;
    }
    features->feature[features->count++] = (tb_feature){.geometry = geometry, .fid = fid};
    return status;
}

tb_status tb_features_index(tb_features *features, tb_error *err)
{
    enum { NODE = 10 };
    tb_status status = TB_OK;

    if (features->count == 0)
        return TB_OK;
    features->tree = GEOSSTRtree_create_r(features->geos->handle, NODE);
    if (features->tree == NULL)
        return tb_error_set(err, TB_E_MEMORY, "index of features: expected a tree, got none");
    for (size_t i = 0; i < features->count; i++)
        GEOSSTRtree_insert_r(features->geos->handle, features->tree, features->feature[i].geometry,
                             &features->feature[i]);
    return status;
}

/* ---- reading ---- */

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

/* The geometry in (L, B); *geometry NULL: it has no polygon. */
static tb_status bring(tb_layer *it, tb_features *out, OGRGeometryH own, int64_t fid,
                       GEOSGeometry **geometry, tb_error *err)
{
    tb_status    status     = TB_OK;
    bool         has_curves = OGR_G_HasCurveGeometry(own, 1);
    bool         has_height = OGR_G_Is3D(own) || OGR_G_IsMeasured(own);
    OGRGeometryH shape      = OGR_G_GetLinearGeometry(own, 0.0, NULL);
    char         what[400];
    tb_capture   capture;

    *geometry = NULL;
    snprintf(what, sizeof what, "%.250s layer %.60s feature %lld", it->source->path,
             OGR_L_GetName(it->layer), (long long)fid);
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
    if (it->edge > 0.0)
        OGR_G_Segmentize(shape, it->edge);
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

static void find_one(void *item, void *context)
{
    (void)item;
    *(bool *)context = true;
}

/* Whether the box of a feature, brought over by its corners and somewhat more, meets the reach. */
static bool is_within(tb_layer *it, const tb_features *reach, OGRGeometryH shape)
{
    OGREnvelope   e;
    double        x[4], y[4], low[2], high[2];
    GEOSGeometry *box;
    bool          is_found = false;

    if (reach == NULL)
        return true;
    if (reach->tree == NULL)
        return false;
    OGR_G_GetEnvelope(shape, &e);
    for (int i = 0; i < 4; i++) {
        x[i] = i % 2 ? e.MaxX : e.MinX;
        y[i] = i / 2 ? e.MaxY : e.MinY;
    }
    if (!OCTTransform(it->way, 4, x, y, NULL))
        return true;
    low[0] = high[0] = x[0];
    low[1] = high[1] = y[0];
    for (int i = 1; i < 4; i++) {
        low[0]  = fmin(low[0], x[i]);
        high[0] = fmax(high[0], x[i]);
        low[1]  = fmin(low[1], y[i]);
        high[1] = fmax(high[1], y[i]);
    }
    double more = 1e-6 + 0.01 * fmax(high[0] - low[0], high[1] - low[1]);

    box = GEOSGeom_createRectangle_r(reach->geos->handle, low[0] - more, low[1] - more,
                                     high[0] + more, high[1] + more);
    GEOSSTRtree_query_r(reach->geos->handle, reach->tree, box, find_one, &is_found);
    GEOSGeom_destroy_r(reach->geos->handle, box);
    return is_found;
}

static tb_status copy_field(tb_layer *it, OGRFeatureH feature, int field, char **out, tb_error *err)
{
    const char *text;
    char       *decoded = NULL;
    tb_status   status;

    if (it->field[field] < 0 || !OGR_F_IsFieldSetAndNotNull(feature, it->field[field]))
        return TB_OK;
    text = OGR_F_GetFieldAsString(feature, it->field[field]);
    if (it->is_raw && !CPLIsUTF8(text, -1)) {
        decoded = CPLRecode(text, "CP936", CPL_ENC_UTF8);
        text    = decoded;
    }
    status = tb_copy_text(out, text, err);
    CPLFree(decoded);
    return status;
}

static tb_status add_one(tb_layer *it, OGRFeatureH feature, const tb_features *reach,
                         tb_features *out, tb_error *err)
{
    tb_status     status   = TB_OK;
    OGRGeometryH  shape    = OGR_F_GetGeometryRef(feature);
    GEOSGeometry *geometry = NULL;
    tb_feature   *added;

    if (shape == NULL || OGR_G_IsEmpty(shape)) {
        out->without++;
        return tb_qc_log(out->qc, TB_FINDING_NO_GEOMETRY, OGR_F_GetFID(feature), -1.0, -1.0, NULL,
                         err);
    }
    if (!is_within(it, reach, shape))
        return TB_OK;
    TB_TRY(bring(it, out, shape, OGR_F_GetFID(feature), &geometry, err));
    if (geometry == NULL) {
        out->without++;
        return TB_OK;
    }
    TB_TRY(tb_features_add(out, geometry, OGR_F_GetFID(feature), err));
    added = &out->feature[out->count - 1];
    if (out->field_count == 0)
        goto done;
    TB_TRY(
        tb_alloc_zero(&added->text, (size_t)out->field_count, sizeof *added->text, "fields", err));
    for (int f = 0; f < out->field_count; f++)
        TB_TRY(copy_field(it, feature, f, &added->text[f], err));
done:
    return status;
}

/* By identifier: shorter numbers first, as numbers are; then as the file has them. */
static int compare_features(const void *a, const void *b)
{
    const tb_feature *p = a, *q = b;
    const char       *x     = p->text != NULL ? p->text[0] : NULL;
    const char       *y     = q->text != NULL ? q->text[0] : NULL;
    int               order = 0;

    if (x != NULL && y != NULL) {
        size_t m = strlen(x), n = strlen(y);

        order = m != n ? (m > n) - (m < n) : strcmp(x, y);
    } else {
        order = (x == NULL) - (y == NULL);
    }
    return order != 0 ? order : (p->fid > q->fid) - (p->fid < q->fid);
}

static int compare_numbers(const void *a, const void *b)
{
    const tb_feature *p = a, *q = b;

    return (p->fid > q->fid) - (p->fid < q->fid);
}

/* The next feature, or NULL at the end. */
static tb_status next_feature(tb_layer *it, OGRFeatureH *out, tb_error *err)
{
    tb_capture capture;

    tb_capture_begin(&capture);
    *out = OGR_L_GetNextFeature(it->layer);
    if (!tb_capture_end(&capture))
        return TB_OK;
    if (*out != NULL)
        OGR_F_Destroy(*out);
    *out = NULL;
    return tb_error_set(err, TB_E_INPUT, "read %s layer %s: expected features, got: %s",
                        it->source->path, OGR_L_GetName(it->layer),
                        tb_capture_text(&capture, "an error"));
}

tb_status tb_layer_texts(tb_layer *it, int field, void (*hear)(void *context, const char *text),
                         void *context, tb_error *err)
{
    const char *ignored[] = {"OGR_GEOMETRY", NULL};
    tb_status   status    = TB_OK;
    OGRFeatureH feature;
    char       *text = NULL;

    OGR_L_SetIgnoredFields(it->layer, ignored);
    OGR_L_ResetReading(it->layer);
    for (;;) {
        TB_TRY(next_feature(it, &feature, err));
        if (feature == NULL)
            break;
        status = copy_field(it, feature, field, &text, err);
        OGR_F_Destroy(feature);
        if (status != TB_OK)
            goto done;
        hear(context, text);
        tb_free(text);
        text = NULL;
    }
done:
    OGR_L_SetIgnoredFields(it->layer, NULL);
    return status;
}

/* ---- reading what is near ---- */

typedef struct box {
    double low[2], high[2]; /* x and y in the layer's plane */
} box;

/* Boxes around what is wanted, and the features that were read already. */
typedef struct hunt {
    box     *boxes;
    size_t   count;
    int64_t *seen; /* open hash of numbers + 1; 0 is free */
    size_t   seen_count, seen_capacity;
} hunt;

enum { CELLS = 256, JOINED_MOST = 64 };

static void stretch(box *it, const box *by)
{
    for (int i = 0; i < 2; i++) {
        it->low[i]  = fmin(it->low[i], by->low[i]);
        it->high[i] = fmax(it->high[i], by->high[i]);
    }
}

static int compare_boxes(const void *a, const void *b)
{
    const box *p = a, *q = b;

    for (int i = 1; i >= 0; i--)
        if (p->low[i] != q->low[i])
            return (p->low[i] > q->low[i]) - (p->low[i] < q->low[i]);
    return 0;
}

/* Eight places of the border of a box: its corners and the middles of its sides. */
static void put_border(const tb_features *reach, const GEOSGeometry *of, double *x, double *y)
{
    static const double along[8][2] = {{0, 0},   {0.5, 0}, {1, 0},   {0, 0.5},
                                       {1, 0.5}, {0, 1},   {0.5, 1}, {1, 1}};
    double              low[2], high[2];

    GEOSGeom_getXMin_r(reach->geos->handle, of, &low[0]);
    GEOSGeom_getXMax_r(reach->geos->handle, of, &high[0]);
    GEOSGeom_getYMin_r(reach->geos->handle, of, &low[1]);
    GEOSGeom_getYMax_r(reach->geos->handle, of, &high[1]);
    for (int k = 0; k < 8; k++) {
        x[k] = low[0] + (high[0] - low[0]) * along[k][0];
        y[k] = low[1] + (high[1] - low[1]) * along[k][1];
    }
}

/*
 * The boxes of all features within reach, in the layer's plane, a metre and a hundredth wider: more
 * than their sides bend between the places that are brought over. None where one has no place
 * there.
 */
static tb_status find_boxes(tb_layer *it, const tb_features *reach, hunt *h, tb_error *err)
{
    enum { BORDER = 8 };
    tb_status                    status = TB_OK;
    OGRCoordinateTransformationH back   = OCTGetInverse(it->way);
    double                       more   = it->edge > 0.0 ? it->edge / EDGE_M : 1e-5;
    double                      *x = NULL, *y = NULL;

    if (back == NULL || reach->count > INT_MAX / BORDER)
        goto done; /* the layer is read whole */
    TB_TRY(tb_alloc(&h->boxes, reach->count, sizeof *h->boxes, "boxes of parcels", err));
    TB_TRY(tb_alloc(&x, reach->count * BORDER, sizeof *x, "boxes of parcels", err));
    TB_TRY(tb_alloc(&y, reach->count * BORDER, sizeof *y, "boxes of parcels", err));
    for (size_t i = 0; i < reach->count; i++)
        put_border(reach, reach->feature[i].geometry, x + BORDER * i, y + BORDER * i);
    if (!OCTTransform(back, (int)(reach->count * BORDER), x, y, NULL))
        goto done;
    for (size_t i = 0; i < reach->count; i++) {
        box *to = &h->boxes[i];

        *to = (box){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
        for (size_t k = BORDER * i; k < BORDER * (i + 1); k++)
            stretch(to, &(box){{x[k], y[k]}, {x[k], y[k]}});
        for (int k = 0; k < 2; k++) {
            double wider = more + 0.01 * (to->high[k] - to->low[k]);

            to->low[k] -= wider;
            to->high[k] += wider;
        }
    }
    h->count = reach->count;
done:
    if (back != NULL)
        OCTDestroyCoordinateTransformation(back);
    tb_free(x);
    tb_free(y);
    return status;
}

/* Joins boxes that lie so close that one look is cheaper: in cells of a fixed grid, row by row. */
static void join_boxes(hunt *h)
{
    box    all = h->boxes[0];
    double cell[2];
    size_t kept = 0, joined = 1;

    for (size_t i = 1; i < h->count; i++)
        stretch(&all, &h->boxes[i]);
    for (int k = 0; k < 2; k++)
        cell[k] = fmax((all.high[k] - all.low[k]) / CELLS, 1e-12);
    for (size_t i = 0; i < h->count; i++) /* by the row of cells, then by x: kept in `low` order */
        h->boxes[i].low[1] -= fmod(h->boxes[i].low[1] - all.low[1], cell[1]);
    qsort(h->boxes, h->count, sizeof *h->boxes, compare_boxes);
    for (size_t i = 1; i < h->count; i++) {
        box both = h->boxes[kept];

        stretch(&both, &h->boxes[i]);
        if (joined < JOINED_MOST && both.high[0] - both.low[0] <= cell[0] &&
            both.high[1] - both.low[1] <= 2.0 * cell[1]) {
            h->boxes[kept] = both;
            joined++;
        } else {
            h->boxes[++kept] = h->boxes[i];
            joined           = 1;
        }
    }
    h->count = kept + 1;
}

static size_t slot_of(const hunt *h, int64_t fid)
{
    size_t slot =
        (size_t)((uint64_t)fid * UINT64_C(11400714819323198485) >> 20) & (h->seen_capacity - 1);

    while (h->seen[slot] != 0 && h->seen[slot] != fid + 1)
        slot = (slot + 1) & (h->seen_capacity - 1);
    return slot;
}

/* Remembers a feature; *is_new is false where it was read before. */
static tb_status remember(hunt *h, int64_t fid, bool *is_new, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    slot;

    if (2 * h->seen_count >= h->seen_capacity) {
        hunt grown = {.seen_capacity = h->seen_capacity > 0 ? 2 * h->seen_capacity : 1024};

        TB_TRY(tb_alloc_zero(&grown.seen, grown.seen_capacity, sizeof *grown.seen, "features read",
                             err));
        for (size_t i = 0; i < h->seen_capacity; i++)
            if (h->seen[i] != 0)
                grown.seen[slot_of(&grown, h->seen[i] - 1)] = h->seen[i];
        tb_free(h->seen);
        h->seen          = grown.seen;
        h->seen_capacity = grown.seen_capacity;
    }
    slot    = slot_of(h, fid);
    *is_new = h->seen[slot] == 0;
    h->seen_count += *is_new;
    h->seen[slot] = fid + 1;
done:
    return status;
}

/* Reads the features that pass the layer's filters. */
static tb_status read_passing(tb_layer *it, const tb_features *reach, tb_features *out, hunt *h,
                              tb_error *err)
{
    tb_status   status = TB_OK;
    OGRFeatureH feature;
    bool        is_new = true;

    OGR_L_ResetReading(it->layer);
    for (;;) {
        TB_TRY(next_feature(it, &feature, err));
        if (feature == NULL)
            break;
        if (h != NULL)
            status = remember(h, OGR_F_GetFID(feature), &is_new, err);
        if (status == TB_OK && is_new)
            status = add_one(it, feature, reach, out, err);
        OGR_F_Destroy(feature);
        if (status != TB_OK)
            goto done;
    }
done:
    return status;
}

/* Whether looking around the parcels beats reading all: there is an index, and they are few. */
static bool is_worth_hunting(const tb_layer *it, const hunt *h)
{
    return h->count > 0 && OGR_L_TestCapability(it->layer, OLCFastSpatialFilter) &&
           (double)h->count * 20.0 < (double)OGR_L_GetFeatureCount(it->layer, 1);
}

tb_status tb_layer_read(tb_layer *it, const tb_features *reach, tb_features *out, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    first  = out->count;
    hunt      h      = {0};
    bool      is_id;

    out->field_count = it->role != NULL ? it->role->field_count : 0;
    if (reach != NULL && reach->count > 0) {
        TB_TRY(find_boxes(it, reach, &h, err));
        if (h.count > 0)
            join_boxes(&h);
    }
    if (is_worth_hunting(it, &h)) {
        for (size_t i = 0; i < h.count; i++) {
            OGR_L_SetSpatialFilterRect(it->layer, h.boxes[i].low[0], h.boxes[i].low[1],
                                       h.boxes[i].high[0], h.boxes[i].high[1]);
            TB_TRY(read_passing(it, reach, out, &h, err));
        }
    } else {
        TB_TRY(read_passing(it, reach, out, NULL, err));
        if (out->qc != NULL && out->qc->layer_count > 0)
            out->qc->layer[out->qc->layer_count - 1].is_whole = true;
    }
    is_id = out->field_count > 0 && strcmp(it->role->fields[0].key, "id") == 0;
    if (out->count > first && (is_id || h.seen_count > 0))
        qsort(out->feature + first, out->count - first, sizeof *out->feature,
              is_id ? compare_features : compare_numbers);
    if (out->qc != NULL && out->qc->layer_count > 0)
        out->qc->layer[out->qc->layer_count - 1].read += (int64_t)(out->count - first);
done:
    OGR_L_SetSpatialFilter(it->layer, NULL);
    tb_free(h.boxes);
    tb_free(h.seen);
    return status;
}

/* ---- what is wrong between features ---- */

/* The box of a feature, and which it is. */
typedef struct placed {
    double low[2], high[2];
    size_t number;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *p = a, *q = b;

    for (int i = 0; i < 2; i++)
        if (p->low[i] != q->low[i])
            return (p->low[i] > q->low[i]) - (p->low[i] < q->low[i]);
    return (p->number > q->number) - (p->number < q->number);
}

/* Logs the later of two features that are the same ground or share some. */
static tb_status compare_two(tb_features *f, size_t a, size_t b, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = f->geos->handle;
    const tb_feature   *one = &f->feature[a < b ? a : b], *other = &f->feature[a < b ? b : a];
    GEOSGeometry       *common;
    double              area = tb_area_of_geometry(f->geos, other->geometry), shared;
    char                detail[96];

    if (GEOSRelatePattern_r(handle, one->geometry, other->geometry, "T********") != 1)
        return TB_OK;
    snprintf(detail, sizeof detail, "feature %lld", (long long)one->fid);
    if (GEOSEquals_r(handle, one->geometry, other->geometry) == 1)
        return tb_qc_log(f->qc, TB_FINDING_DUPLICATE, other->fid, area, area, detail, err);
    common = GEOSIntersection_r(handle, one->geometry, other->geometry);
    if (common == NULL)
        return tb_geos_fail(f->geos, err, "intersection of two features");
    shared = tb_area_of_geometry(f->geos, common);
    if (shared > SHARED_LEAST_M2)
        TB_TRY(tb_qc_log(f->qc, TB_FINDING_OVERLAP, other->fid, area, shared, detail, err));
done:
    GEOSGeom_destroy_r(handle, common);
    return status;
}

/* Compares features whose boxes overlap, along x: O(n log n) and the pairs. */
static tb_status check_pairs(tb_features *f, size_t first, bool overlaps, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = f->geos->handle;
    size_t              count  = f->count - first;
    placed             *all    = NULL;

    TB_TRY(tb_alloc(&all, count, sizeof *all, "boxes of features", err));
    for (size_t i = 0; i < count; i++) {
        const GEOSGeometry *of = f->feature[first + i].geometry;

        all[i].number = first + i;
        GEOSGeom_getXMin_r(handle, of, &all[i].low[0]);
        GEOSGeom_getYMin_r(handle, of, &all[i].low[1]);
        GEOSGeom_getXMax_r(handle, of, &all[i].high[0]);
        GEOSGeom_getYMax_r(handle, of, &all[i].high[1]);
    }
    qsort(all, count, sizeof *all, compare_placed);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count && all[j].low[0] < all[i].high[0]; j++) {
            bool is_same = all[i].low[0] == all[j].low[0] && all[i].low[1] == all[j].low[1] &&
                           all[i].high[0] == all[j].high[0] && all[i].high[1] == all[j].high[1];

            if (all[j].low[1] < all[i].high[1] && all[i].low[1] < all[j].high[1] &&
                (overlaps || is_same))
                TB_TRY(compare_two(f, all[i].number, all[j].number, err));
        }
done:
    tb_free(all);
    return status;
}

tb_status tb_features_check(tb_features *f, size_t first, int area_field, bool overlaps,
                            tb_error *err)
{
    tb_status status = TB_OK;

    if (f->qc == NULL || f->count == first)
        return TB_OK;
    for (size_t i = first; area_field >= 0 && i < f->count; i++) {
        const tb_feature *it   = &f->feature[i];
        const char       *text = it->text != NULL ? it->text[area_field] : NULL;
        double            told = text != NULL ? strtod(text, NULL) : NAN, area;

        if (!isfinite(told))
            continue;
        area = tb_area_of_geometry(f->geos, it->geometry);
        if (fabs(told - area) > fmax(AREA_OFF_SHARE * area, AREA_OFF_M2))
            TB_TRY(tb_qc_log(f->qc, TB_FINDING_AREA, it->fid, told, area, NULL, err));
    }
    TB_TRY(check_pairs(f, first, overlaps, err));
done:
    return status;
}
