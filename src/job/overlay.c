/* The operations of tuban/overlay.h. */
#include "tuban/overlay.h"

#include <math.h>
#include <stdio.h>

#include <jansson.h>

#include "core/memory.h"
#include "job/report.h"
#include "parcel/area.h"
#include "parcel/overlay.h"

/* What a layer of parcels may call its identifier; in the order of the file, whatever that says. */
static const tb_role anything = {
    .field_count = 1,
    .fields      = {{.names = {(char *)"JCBH", (char *)"DRAFT_ID", (char *)"BSM", (char *)"ID"},
                     .key   = (char *)"code"}},
};

/* An open layer and what was read of it. */
typedef struct loaded {
    tb_layer_source source;
    tb_layer       *layer;
    tb_features     features;
} loaded;

static tb_status load(loaded *it, const tb_polygons *polygons, tb_geos *geos,
                      const tb_features *reach, tb_error *err)
{
    tb_status status = TB_OK;

    it->source = (tb_layer_source){.path     = polygons->path,
                                   .layer    = polygons->layer,
                                   .where    = polygons->where,
                                   .crs      = polygons->crs,
                                   .encoding = polygons->encoding};
    TB_TRY(tb_layer_open(&it->layer, &it->source, &anything, err));
    it->features.geos = geos;
    TB_TRY(tb_layer_read(it->layer, reach, &it->features, err));
    TB_TRY(tb_features_index(&it->features, err));
done:
    return status;
}

static void unload(loaded *it)
{
    tb_features_reset(&it->features);
    tb_layer_close(it->layer);
}

static json_t *id_of(const tb_feature *feature)
{
    return feature->text[0] != NULL ? json_string(feature->text[0])
                                    : json_integer((json_int_t)feature->fid);
}

static json_t *rounded(double value, double unit)
{
    return json_real(floor(value / unit + 0.5) * unit);
}

tb_status tb_polygons_area(const tb_polygons *polygons, char **json, tb_error *err)
{
    tb_status status  = TB_OK;
    tb_geos  *geos    = NULL;
    loaded    parcels = {0};
    json_t   *rows    = json_array();

    *json = NULL;
    TB_TRY(tb_geos_new(&geos, err));
    TB_TRY(load(&parcels, polygons, geos, NULL, err));
    for (size_t i = 0; i < parcels.features.count; i++) {
        const tb_feature *feature = &parcels.features.feature[i];
        double            area    = tb_area_of_geometry(geos, feature->geometry);
        int64_t           dm2     = tb_area_dm2(area);

        json_array_append_new(rows, json_pack("{s:o, s:o, s:o}", "id", id_of(feature), "area_m2",
                                              json_real((double)dm2 / 100.0), "area_mu",
                                              rounded((double)dm2 * 0.000015, 0.0001)));
    }
    TB_TRY(tb_report_text(json_pack("{s:O}", "rows", rows), json, err));
done:
    unload(&parcels);
    tb_geos_free(geos);
    json_decref(rows);
    return status;
}

tb_status tb_polygons_overlay(const tb_polygons *parcels, const tb_polygons *masks, int mask_count,
                              char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_geos  *geos   = NULL;
    loaded    own    = {0};
    loaded   *mask   = NULL;
    json_t   *rows   = json_array();

    *json = NULL;
    TB_TRY(tb_geos_new(&geos, err));
    TB_TRY(load(&own, parcels, geos, NULL, err));
    TB_TRY(tb_alloc_zero(&mask, (size_t)mask_count, sizeof *mask, "masks", err));
    for (int m = 0; m < mask_count; m++)
        TB_TRY(load(&mask[m], &masks[m], geos, &own.features, err));
    for (size_t i = 0; i < own.features.count; i++)
        for (int m = 0; m < mask_count; m++) {
            const tb_feature *feature = &own.features.feature[i];
            double            area;

            TB_TRY(tb_overlay_area(geos, feature->geometry, &mask[m].features, &area, err));
            json_array_append_new(rows, json_pack("{s:o, s:s, s:o}", "id", id_of(feature), "mask",
                                                  tb_layer_name(mask[m].layer), "area_m2",
                                                  rounded(area, 0.0001)));
        }
    TB_TRY(tb_report_text(json_pack("{s:O}", "rows", rows), json, err));
done:
    for (int m = 0; mask != NULL && m < mask_count; m++)
        unload(&mask[m]);
    tb_free(mask);
    unload(&own);
    tb_geos_free(geos);
    json_decref(rows);
    return status;
}
