#include "parcel/features.h"

#include "core/memory.h"

void tb_features_reset(tb_features *features)
{
    if (features->tree != NULL)
        GEOSSTRtree_destroy_r(features->geos->handle, features->tree);
    for (size_t i = 0; i < features->count && !features->is_view; i++) {
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

tb_status tb_features_view(const tb_features *of, const size_t *which, size_t count,
                           tb_features *out, tb_error *err)
{
    tb_status status = TB_OK;

    *out = (tb_features){.geos = of->geos, .field_count = of->field_count, .is_view = true};
    TB_TRY(tb_alloc(&out->feature, count, sizeof *out->feature, "features", err));
    for (size_t i = 0; i < count; i++)
        out->feature[i] = of->feature[which[i]];
    out->count = out->capacity = count;
    TB_TRY(tb_features_index(out, err));
done:
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
