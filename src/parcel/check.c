/* What is wrong between features. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "parcel/apart.h"
#include "parcel/area.h"
#include "parcel/features.h"

/* What is worth a line in the quality log. */
static const double SHARED_LEAST_M2 = 1.0, AREA_OFF_M2 = 10.0, AREA_OFF_SHARE = 0.01;

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

/* Logs the later of two features that are the same ground or share some, as GEOS finds it. */
static tb_status compare_two(tb_features *f, const placed *p, const placed *q, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = f->geos->handle;
    const tb_feature   *one    = &f->feature[p->number < q->number ? p->number : q->number];
    const tb_feature   *other  = &f->feature[p->number < q->number ? q->number : p->number];
    GEOSGeometry       *common = NULL;
    double              area, shared;
    char                detail[96];

    if (GEOSRelatePattern_r(handle, one->geometry, other->geometry, "T********") != 1)
        return TB_OK;
    area = tb_area_of_geometry(f->geos, other->geometry);
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

/* The boxes of the features since `first`, along x. To be freed with tb_free. */
static tb_status place_features(const tb_features *f, size_t first, placed **out, tb_error *err)
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
done:
    *out = all;
    return status;
}

/* Compares features whose boxes overlap: O(n log n) and the pairs. Most that touch have the same
 * corners where they do, and their edges tell that they are apart. */
static tb_status check_pairs(tb_features *f, size_t first, bool overlaps, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = f->count - first;
    placed   *all    = NULL;
    tb_rings  one = {0}, other = {0};

    TB_TRY(place_features(f, first, &all, err));
    for (size_t i = 0; i < count; i++) {
        bool has_one = false, is_sure = false;

        for (size_t j = i + 1; j < count && all[j].low[0] < all[i].high[0]; j++) {
            bool is_same = all[i].low[0] == all[j].low[0] && all[i].low[1] == all[j].low[1] &&
                           all[i].high[0] == all[j].high[0] && all[i].high[1] == all[j].high[1];
            bool is_other_sure = false;

            if (all[j].low[1] >= all[i].high[1] || all[i].low[1] >= all[j].high[1] ||
                !(overlaps || is_same))
                continue;
            if (!has_one)
                TB_TRY(tb_rings_load(f->geos, f->feature[all[i].number].geometry, &one, &is_sure,
                                     err));
            has_one = true;
            if (is_sure)
                TB_TRY(tb_rings_load(f->geos, f->feature[all[j].number].geometry, &other,
                                     &is_other_sure, err));
            if (!is_other_sure || !tb_rings_are_apart(&one, &other))
                TB_TRY(compare_two(f, &all[i], &all[j], err));
        }
    }
done:
    tb_rings_reset(&one);
    tb_rings_reset(&other);
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
