#include "parcel/layer.h"

#include <math.h>
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
#include "parcel/opened.h"
#include "raster/capture.h"

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
    TB_TRY(tb_plane_between(&it->passage.plane, from, to, err));
    if (it->passage.plane == NULL)
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

/*
 * Opens a file. GDAL seeks and reads a page for every feature of a FlatGeobuf; through its own
 * cache neighbours come out of one read. Somebody's own setting of it stands.
 */
static GDALDatasetH open_file(const char *path, char **options)
{
    bool is_cached = strcasecmp(CPLGetExtension(path), "fgb") == 0 &&
                     CPLGetConfigOption("VSI_CACHE", NULL) == NULL;
    GDALDatasetH dataset;

    if (is_cached) {
        CPLSetThreadLocalConfigOption("VSI_CACHE", "TRUE");
        CPLSetThreadLocalConfigOption("VSI_CACHE_SIZE", "4000000");
    }
    dataset = tb_gdal_open(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, (const char *const *)options);
    if (is_cached) {
        CPLSetThreadLocalConfigOption("VSI_CACHE", NULL);
        CPLSetThreadLocalConfigOption("VSI_CACHE_SIZE", NULL);
    }
    return dataset;
}

static tb_status open_dataset(tb_layer *it, tb_error *err)
{
    tb_status  status  = TB_OK;
    char     **options = NULL;
    tb_capture capture;

    if (it->source->encoding != NULL)
        options = CSLSetNameValue(options, "ENCODING", it->source->encoding);
    else if (!says_encoding(it->source->path)) {
        options    = CSLSetNameValue(options, "ENCODING", "");
        it->is_raw = true;
    }
    tb_capture_begin(&capture);
    it->dataset = open_file(it->source->path, options);
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
    it->passage.path  = source->path;
    it->passage.layer = OGR_L_GetName(it->layer);
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
    tb_passage_reset(&it->passage);
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

int64_t tb_layer_count(tb_layer *it)
{
    if (!it->is_counted)
        it->count = OGR_L_GetFeatureCount(it->layer, 1);
    it->is_counted = true;
    return it->count;
}

bool tb_layer_has_few(tb_layer *it, size_t looks)
{
    return looks > 0 && OGR_L_TestCapability(it->layer, OLCFastSpatialFilter) &&
           (double)looks * 20.0 < (double)tb_layer_count(it);
}

const char *tb_layer_field(const tb_layer *it, int field)
{
    if (field < 0 || it->field[field] < 0)
        return NULL;
    return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(OGR_L_GetLayerDefn(it->layer), it->field[field]));
}
