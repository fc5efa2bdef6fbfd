#include "parcel/tract.h"

#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/common.h"
#include "parcel/features.h"

tb_tract tb_tract_of(const GEOSGeometry *geometry)
{
    return (tb_tract){.geometry = geometry};
}

tb_tract tb_tract_of_feature(tb_feature *feature)
{
    return (tb_tract){.feature = feature};
}

void tb_tract_reset(const tb_geos *geos, tb_tract *it)
{
    GEOSGeom_destroy_r(geos->handle, it->owned);
    tb_free(it->rings);
    *it = (tb_tract){0};
}

tb_status tb_tract_geometry(tb_geos *geos, tb_tract *it, const GEOSGeometry **out, tb_error *err)
{
    tb_status           status = TB_OK;
    const GEOSGeometry *one, *other;

    if (it->geometry == NULL && it->feature != NULL) {
        TB_TRY(tb_feature_geometry(geos, it->feature, &it->geometry, err));
    } else if (it->geometry == NULL) {
        TB_TRY(tb_tract_geometry(geos, it->one, &one, err));
        TB_TRY(tb_tract_geometry(geos, it->other, &other, err));
        TB_TRY(tb_geos_polygons(geos,
                                it->is_without ? GEOSDifference_r(geos->handle, one, other)
                                               : GEOSIntersection_r(geos->handle, one, other),
                                "overlay of a parcel and a mask", &it->owned, err));
        it->geometry = it->owned;
    }
    *out = it->geometry;
done:
    return status;
}

/* Finds a tract in its two by their edges; *is_sure is false where they leave a doubt. */
static tb_status find(tb_geos *geos, const tb_tract *it, tb_bench **bench, bool *is_sure,
                      tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_rings *first, *second = NULL;

    *is_sure = false;
    TB_TRY(tb_tract_rings(geos, it->one, &first, err));
    if (first != NULL)
        TB_TRY(tb_tract_rings(geos, it->other, &second, err));
    if (second == NULL)
        goto done;
    TB_TRY(tb_bench_of(geos, bench, err));
    if (it->is_without) {
        TB_TRY(tb_rings_invert(second, &(*bench)->outside, err));
        second = &(*bench)->outside;
    }
    TB_TRY(tb_common_find(&(*bench)->common, first, second, is_sure, err));
done:
    return status;
}

/* Keeps the outline of what was found. */
static tb_status keep_rings(tb_tract *it, tb_bench *bench, tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_sure;

    TB_TRY(tb_common_outline(&bench->common, &bench->outline, &is_sure, err));
    it->is_doubtful = !is_sure;
    if (is_sure)
        TB_TRY(tb_rings_pack(&bench->outline, &it->rings, err));
done:
    return status;
}

static tb_status make_rings(tb_geos *geos, tb_tract *it, tb_error *err)
{
    tb_status status = TB_OK;
    tb_bench *bench;
    bool      is_sure;

    if (it->geometry != NULL) {
        TB_TRY(tb_bench_of(geos, &bench, err));
        TB_TRY(tb_rings_load(geos, it->geometry, &bench->outline, &is_sure, err));
        if (is_sure)
            TB_TRY(tb_rings_pack(&bench->outline, &it->rings, err));
        it->is_doubtful = !is_sure;
    } else {
        TB_TRY(find(geos, it, &bench, &is_sure, err));
        it->is_doubtful = !is_sure;
        if (is_sure)
            TB_TRY(keep_rings(it, bench, err));
    }
done:
    return status;
}

tb_status tb_tract_rings(tb_geos *geos, tb_tract *it, const tb_rings **out, tb_error *err)
{
    tb_status status = TB_OK;

    if (it->feature != NULL)
        return tb_feature_rings(geos, it->feature, out, err);
    if (it->rings == NULL && !it->is_doubtful)
        TB_TRY(make_rings(geos, it, err));
    *out = it->rings;
done:
    return status;
}

/* Measures a tract that is made of two. */
static tb_status measure(tb_geos *geos, tb_tract *it, tb_error *err)
{
    tb_status           status = TB_OK;
    tb_bench           *bench;
    const GEOSGeometry *geometry;
    bool                is_sure;

    TB_TRY(find(geos, it, &bench, &is_sure, err));
    if (is_sure) {
        it->area_m2 = tb_common_area(&bench->common);
        it->is_all  = bench->common.is_all;
        if (it->is_without && !it->is_all) /* more will be taken off it */
            TB_TRY(keep_rings(it, bench, err));
    } else {
        TB_TRY(tb_tract_geometry(geos, it, &geometry, err));
        it->area_m2 = tb_area_of_geometry(geos, geometry);
    }
done:
    return status;
}

tb_status tb_tract_common(tb_geos *geos, tb_tract *one, tb_tract *other, tb_tract *out,
                          tb_error *err)
{
    *out = (tb_tract){.one = one, .other = other};
    return measure(geos, out, err);
}

tb_status tb_tract_without(tb_geos *geos, tb_tract *one, tb_tract *other, tb_tract *out,
                           tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_rings *first, *second;

    *out = (tb_tract){.one = one, .other = other, .is_without = true};
    TB_TRY(tb_tract_rings(geos, one, &first, err));
    TB_TRY(tb_tract_rings(geos, other, &second, err));
    out->is_all  = first != NULL && second != NULL && tb_boxes_apart(first->box, second->box);
    out->area_m2 = one->area_m2;
    if (!out->is_all)
        TB_TRY(measure(geos, out, err));
done:
    return status;
}

tb_status tb_tract_area_along(tb_geos *geos, tb_tract *one, double *area_m2, bool *is_sure,
                              tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_rings *rings;

    TB_TRY(tb_tract_rings(geos, one, &rings, err));
    *is_sure = rings != NULL;
    *area_m2 = *is_sure ? tb_rings_area_along(rings) : 0.0;
done:
    return status;
}

tb_status tb_tract_common_along(tb_geos *geos, tb_tract *one, tb_tract *other, double *area_m2,
                                bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    tb_tract  both   = {.one = one, .other = other};
    tb_bench *bench;

    TB_TRY(find(geos, &both, &bench, is_sure, err));
    *area_m2 = *is_sure ? tb_common_area_along(&bench->common) : 0.0;
done:
    return status;
}
