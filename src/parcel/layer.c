#include "parcel/layer.h"

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
#include "raster/capture.h"

static const double EDGE_M = 100.0;

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

/* The geometry in (L, B); *geometry NULL: it has no polygon. */
static tb_status bring(tb_layer *it, tb_features *out, OGRGeometryH own, int64_t fid,
                       GEOSGeometry **geometry, tb_error *err)
{
    tb_status    status = TB_OK;
    OGRGeometryH shape  = OGR_G_GetLinearGeometry(own, 0.0, NULL);
    char         what[400];
    tb_capture   capture;

    *geometry = NULL;
    snprintf(what, sizeof what, "%.250s layer %.60s feature %lld", it->source->path,
             OGR_L_GetName(it->layer), (long long)fid);
    tb_capture_begin(&capture);
    OGR_G_FlattenTo2D(shape);
    if (it->edge > 0.0)
        OGR_G_Segmentize(shape, it->edge);
    if (OGR_G_Transform(shape, it->way) != OGRERR_NONE) {
        status = tb_error_set(err, TB_E_INPUT, "%s: expected a place in CGCS2000, got: %s", what,
                              tb_capture_text(&capture, "none"));
        goto done;
    }
    *geometry = from_ogr(out->geos, shape);
    if (*geometry != NULL && GEOSisValid_r(out->geos->handle, *geometry) != 1) {
        *geometry = repaired(out->geos->handle, *geometry);
        out->repaired++;
    } else if (*geometry != NULL) {
        *geometry = polygons_of(out->geos->handle, *geometry);
    }
    if (*geometry == NULL) {
        status = tb_geos_fail(out->geos, err, what);
        goto done;
    }
    if (GEOSisEmpty_r(out->geos->handle, *geometry)) {
        GEOSGeom_destroy_r(out->geos->handle, *geometry);
        *geometry = NULL;
    }
done:
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
        return TB_OK;
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

tb_status tb_layer_read(tb_layer *it, const tb_features *reach, tb_features *out, tb_error *err)
{
    tb_status   status = TB_OK;
    size_t      first  = out->count;
    OGRFeatureH feature;

    out->field_count = it->role != NULL ? it->role->field_count : 0;
    OGR_L_ResetReading(it->layer);
    for (;;) {
        TB_TRY(next_feature(it, &feature, err));
        if (feature == NULL)
            break;
        status = add_one(it, feature, reach, out, err);
        OGR_F_Destroy(feature);
        if (status != TB_OK)
            goto done;
    }
    if (out->count > first && out->field_count > 0 && strcmp(it->role->fields[0].key, "id") == 0)
        qsort(out->feature + first, out->count - first, sizeof *out->feature, compare_features);
done:
    return status;
}
