/* What `tuban info` says of vector files: tb_polygons_describe of tuban/overlay.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gdal.h>
#include <jansson.h>
#include <ogr_api.h>

#include "core/memory.h"
#include "job/report.h"
#include "parcel/layer.h"
#include "raster/capture.h"
#include "rules/lookup.h"
#include "tuban/overlay.h"

/* Geometries of larger layers are not looked at one by one. */
static const int64_t CHECKED_MOST = 100000;

static const tb_role *role_of(const tb_roles *roles, const char *layer)
{
    for (size_t r = 0; r < roles->count; r++)
        for (int i = 0; roles->role[r].layers[i] != NULL; i++)
            if (strcasecmp(roles->role[r].layers[i], layer) == 0)
                return &roles->role[r];
    return NULL;
}

static void add_fields(json_t *row, const tb_layer *layer, const tb_role *role)
{
    json_t *fields = json_object();

    for (int f = 0; role != NULL && f < role->field_count; f++) {
        const char *name = tb_layer_field(layer, f);

        json_object_set_new(fields, role->fields[f].key,
                            name != NULL ? json_string(name) : json_null());
    }
    json_object_set_new(row, "fields", fields);
}

static tb_status check_geometries(json_t *row, tb_layer *layer, tb_error *err)
{
    tb_status   status   = TB_OK;
    tb_geos    *geos     = NULL;
    tb_features features = {0};

    TB_TRY(tb_geos_new(&geos, err));
    features.geos = geos;
    TB_TRY(tb_layer_read(layer, NULL, &features, err));
    json_object_set_new(row, "invalid", json_integer((json_int_t)features.repaired));
    json_object_set_new(row, "without_polygon", json_integer((json_int_t)features.without));
done:
    tb_features_reset(&features);
    tb_geos_free(geos);
    return status;
}

/* A layer that is not fit for use is described all the same, with what is wrong. */
static json_t *describe_layer(const char *path, const char *name, const tb_role *role)
{
    tb_layer_source source = {.path = path, .layer = name};
    json_t         *row    = json_object();
    tb_layer       *layer  = NULL;
    tb_error        error  = {0};

    json_object_set_new(row, "layer", json_string(name));
    json_object_set_new(row, "role", role != NULL ? json_string(role->name) : json_null());
    json_object_set_new(row, "problem", json_null());
    if (tb_layer_open(&layer, &source, role, &error) != TB_OK) {
        json_object_set_new(row, "problem", json_string(error.message));
        return row;
    }
    json_object_set_new(row, "features", json_integer((json_int_t)tb_layer_count(layer)));
    json_object_set_new(row, "crs", json_string(tb_layer_crs(layer)));
    add_fields(row, layer, role);
    if (tb_layer_count(layer) <= CHECKED_MOST && check_geometries(row, layer, &error) != TB_OK)
        json_object_set_new(row, "problem", json_string(error.message));
    tb_layer_close(layer);
    return row;
}

static GDALDatasetH open_vector(const char *path)
{
    tb_capture   capture;
    GDALDatasetH dataset;

    tb_gdal_register();
    tb_capture_begin(&capture);
    dataset = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, NULL, NULL);
    tb_capture_end(&capture);
    return dataset;
}

bool tb_polygons_can_open(const char *path)
{
    GDALDatasetH dataset = open_vector(path);
    int          layers  = dataset != NULL ? GDALDatasetGetLayerCount(dataset) : 0;

    if (dataset != NULL)
        GDALClose(dataset);
    return layers > 0;
}

tb_status tb_polygons_describe(const char *path, char **json, tb_error *err)
{
    tb_status    status  = TB_OK;
    GDALDatasetH dataset = open_vector(path);
    tb_roles    *roles   = NULL;
    char        *map     = NULL;
    json_t      *layers  = json_array();

    *json = NULL;
    if (dataset == NULL) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a vector file, got none GDAL knows", path);
        goto done;
    }
    TB_TRY(tb_rules_find(&map, "fieldmap-survey", NULL, err));
    TB_TRY(tb_roles_read(&roles, map, err));
    for (int i = 0; i < GDALDatasetGetLayerCount(dataset); i++) {
        const char *name = OGR_L_GetName(GDALDatasetGetLayer(dataset, i));

        json_array_append_new(layers, describe_layer(path, name, role_of(roles, name)));
    }
    TB_TRY(tb_report_text(json_pack("{s:s, s:s, s:O}", "file", path, "driver",
                                    GDALGetDriverShortName(GDALGetDatasetDriver(dataset)), "layers",
                                    layers),
                          json, err));
done:
    if (dataset != NULL)
        GDALClose(dataset);
    json_decref(layers);
    tb_roles_free(roles);
    tb_free(map);
    return status;
}
