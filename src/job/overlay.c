/* The operations of tuban/overlay.h. */
#include "tuban/overlay.h"

#include <math.h>
#include <stdlib.h>

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

static tb_status open_polygons(loaded *it, const tb_polygons *polygons, tb_geos *geos,
                               const tb_role *role, tb_error *err)
{
    it->source        = (tb_layer_source){.path     = polygons->path,
                                          .layer    = polygons->layer,
                                          .where    = polygons->where,
                                          .crs      = polygons->crs,
                                          .encoding = polygons->encoding};
    it->features.geos = geos;
    return tb_layer_open(&it->layer, &it->source, role, err);
}

static tb_status load(loaded *it, const tb_polygons *polygons, tb_geos *geos, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(open_polygons(it, polygons, geos, &anything, err));
    TB_TRY(tb_layer_read(it->layer, NULL, &it->features, err));
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
    TB_TRY(load(&parcels, polygons, geos, err));
    for (size_t i = 0; i < parcels.features.count; i++) {
        tb_feature *feature = &parcels.features.feature[i];
        int64_t     dm2     = tb_area_dm2(tb_feature_area(geos, feature));

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

/* ---- overlay ---- */

/* Parcels that are measured on a mask before the next ones are, with what they touch of it. */
enum { PARCELS_AT_ONCE = 4096 };

/* A parcel and where it lies on a curve that keeps neighbours together. */
typedef struct placed {
    uint32_t curve;
    size_t   which;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *p = a, *q = b;

    if (p->curve != q->curve)
        return (p->curve > q->curve) - (p->curve < q->curve);
    return (p->which > q->which) - (p->which < q->which);
}

/* The bits of two numbers of 16 in turn: Morton's curve. */
static uint32_t woven(uint32_t x, uint32_t y)
{
    uint32_t sum = 0;

    for (int i = 0; i < 16; i++)
        sum |= (x >> i & 1) << 2 * i | (y >> i & 1) << (2 * i + 1);
    return sum;
}

/* The places of parcels, neighbours close to each other. */
static tb_status order_parcels(const tb_features *parcels, size_t *order, tb_error *err)
{
    static const double west = 70.0, south = 15.0, cells = 65536.0 / 70.0; /* of a degree */
    tb_status           status = TB_OK;
    placed             *all    = NULL;

    TB_TRY(tb_alloc(&all, parcels->count, sizeof *all, "order of parcels", err));
    for (size_t i = 0; i < parcels->count; i++) {
        tb_point low = parcels->feature[i].box.low;
        double   x   = fmin(fmax((low.x - west) * cells, 0.0), 65535.0);
        double   y   = fmin(fmax((low.y - south) * cells, 0.0), 65535.0);

        all[i] = (placed){woven((uint32_t)x, (uint32_t)y), i};
    }
    qsort(all, parcels->count, sizeof *all, compare_placed);
    for (size_t i = 0; i < parcels->count; i++)
        order[i] = all[i].which;
done:
    tb_free(all);
    return status;
}

/* Measures some parcels on what of a mask they touch; m², at their places in `area_m2`. */
static tb_status measure_some(const tb_features *parcels, const size_t *which, size_t count,
                              loaded *mask, double *area_m2, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_features some   = {0};

    mask->features.geos = parcels->geos;
    TB_TRY(tb_features_view(parcels, which, count, &some, err));
    TB_TRY(tb_layer_read(mask->layer, &some, &mask->features, err));
    TB_TRY(tb_features_index(&mask->features, err));
    for (size_t i = 0; i < count; i++) {
        const GEOSGeometry *geometry;

        TB_TRY(tb_feature_geometry(parcels->geos, &some.feature[i], &geometry, err));
        TB_TRY(tb_overlay_area(parcels->geos, geometry, &mask->features, &area_m2[which[i]], err));
    }
done:
    tb_features_reset(&some);
    tb_features_reset(&mask->features);
    return status;
}

/* Measures all parcels on a mask: some at a time where that reads little twice. */
static tb_status measure(const tb_features *parcels, const size_t *order, loaded *mask,
                         double *area_m2, tb_error *err)
{
    enum { FEATURES_EACH = 5 }; /* of the mask: beyond, nearly all of it is read anyway */

    tb_status status    = TB_OK;
    bool      is_sparse = tb_layer_has_few(mask->layer, PARCELS_AT_ONCE) &&
                     (int64_t)parcels->count < tb_layer_count(mask->layer) / FEATURES_EACH;
    size_t step = is_sparse ? PARCELS_AT_ONCE : parcels->count;

    for (size_t i = 0; i < parcels->count; i += step)
        TB_TRY(measure_some(parcels, order + i,
                            parcels->count - i < step ? parcels->count - i : step, mask, area_m2,
                            err));
done:
    return status;
}

tb_status tb_polygons_overlay(const tb_polygons *parcels, const tb_polygons *masks, int mask_count,
                              char **json, tb_error *err)
{
    tb_status status = TB_OK;
    tb_geos  *geos   = NULL;
    loaded    own    = {0};
    loaded   *mask   = NULL;
    size_t   *order  = NULL;
    double   *area   = NULL; /* by masks, then parcels */
    json_t   *rows   = json_array();

    *json = NULL;
    TB_TRY(tb_geos_new(&geos, err));
    TB_TRY(load(&own, parcels, geos, err));
    TB_TRY(tb_alloc_zero(&mask, (size_t)mask_count, sizeof *mask, "masks", err));
    TB_TRY(tb_alloc(&order, own.features.count, sizeof *order, "order of parcels", err));
    TB_TRY(tb_alloc(&area, own.features.count * (size_t)mask_count, sizeof *area, "areas", err));
    TB_TRY(order_parcels(&own.features, order, err));
    for (int m = 0; m < mask_count; m++)
        TB_TRY(open_polygons(&mask[m], &masks[m], geos, NULL, err));
    for (int m = 0; m < mask_count; m++)
        TB_TRY(measure(&own.features, order, &mask[m], area + own.features.count * (size_t)m, err));
    for (size_t i = 0; i < own.features.count; i++)
        for (int m = 0; m < mask_count; m++)
            json_array_append_new(
                rows, json_pack("{s:o, s:s, s:o}", "id", id_of(&own.features.feature[i]), "mask",
                                tb_layer_name(mask[m].layer), "area_m2",
                                rounded(area[own.features.count * (size_t)m + i], 0.0001)));
    TB_TRY(tb_report_text(json_pack("{s:O}", "rows", rows), json, err));
done:
    for (int m = 0; mask != NULL && m < mask_count; m++)
        unload(&mask[m]);
    tb_free(mask);
    tb_free(order);
    tb_free(area);
    unload(&own);
    tb_geos_free(geos);
    json_decref(rows);
    return status;
}
