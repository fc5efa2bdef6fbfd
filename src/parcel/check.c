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
    tb_box box;
    size_t number;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *p = a, *q = b;

    if (p->box.low.x != q->box.low.x)
        return (p->box.low.x > q->box.low.x) - (p->box.low.x < q->box.low.x);
    if (p->box.low.y != q->box.low.y)
        return (p->box.low.y > q->box.low.y) - (p->box.low.y < q->box.low.y);
    return (p->number > q->number) - (p->number < q->number);
}

/* Logs the later of two features that are the same ground or share some, as GEOS finds it. */
static tb_status compare_two(tb_features *f, const placed *p, const placed *q, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = f->geos->handle;
    tb_feature         *one    = &f->feature[p->number < q->number ? p->number : q->number];
    tb_feature         *other  = &f->feature[p->number < q->number ? q->number : p->number];
    GEOSGeometry       *common = NULL;
    const GEOSGeometry *a, *b;
    double              area, shared;
    char                detail[96];

    TB_TRY(tb_feature_geometry(f->geos, one, &a, err));
    TB_TRY(tb_feature_geometry(f->geos, other, &b, err));
    if (GEOSRelatePattern_r(handle, a, b, "T********") != 1)
        return TB_OK;
    area = tb_feature_area(f->geos, other);
    snprintf(detail, sizeof detail, "feature %lld", (long long)one->fid);
    if (GEOSEquals_r(handle, a, b) == 1)
        return tb_qc_log(f->qc, TB_FINDING_DUPLICATE, other->fid, area, area, detail, err);
    common = GEOSIntersection_r(handle, a, b);
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
    tb_status status = TB_OK;
    size_t    count  = f->count - first;
    placed   *all    = NULL;

    TB_TRY(tb_alloc(&all, count, sizeof *all, "boxes of features", err));
    for (size_t i = 0; i < count; i++)
        all[i] = (placed){f->feature[first + i].box, first + i};
    qsort(all, count, sizeof *all, compare_placed);
done:
    *out = all;
    return status;
}

/* Whether boxes have more in common than a border. */
static bool do_boxes_overlap(const tb_box *a, const tb_box *b)
{
    return a->low.x < b->high.x && b->low.x < a->high.x && a->low.y < b->high.y &&
           b->low.y < a->high.y;
}

/* Whether two features are sure to share no ground. */
static tb_status are_apart(tb_features *f, const placed *p, const placed *q, bool *is_sure,
                           tb_error *err)
{
    tb_status       status = TB_OK;
    const tb_rings *one, *other;

    TB_TRY(tb_feature_rings(f->geos, &f->feature[p->number], &one, err));
    TB_TRY(tb_feature_rings(f->geos, &f->feature[q->number], &other, err));
    *is_sure = one != NULL && other != NULL && tb_rings_are_apart(one, other);
done:
    return status;
}

/* Compares features whose boxes overlap: O(n log n) and the pairs. Most that touch have the same
 * corners where they do, and their edges tell that they are apart. */
static tb_status check_pairs(tb_features *f, size_t first, bool overlaps, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = f->count - first;
    placed   *all    = NULL;

    TB_TRY(place_features(f, first, &all, err));
    for (size_t i = 0; i < f->count; i++)
        f->feature[i].is_apart = overlaps && first == 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count && all[j].box.low.x < all[i].box.high.x; j++) {
            const tb_box *a = &all[i].box, *b = &all[j].box;
            bool is_same = tb_points_equal(a->low, b->low) && tb_points_equal(a->high, b->high);
            bool is_sure;

            if (!do_boxes_overlap(a, b) || !(overlaps || is_same))
                continue;
            TB_TRY(are_apart(f, &all[i], &all[j], &is_sure, err));
            if (is_sure)
                continue;
            TB_TRY(compare_two(f, &all[i], &all[j], err));
            f->feature[all[i].number].is_apart = f->feature[all[j].number].is_apart = false;
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
        tb_feature *it   = &f->feature[i];
        const char *text = it->text != NULL ? it->text[area_field] : NULL;
        double      told = text != NULL ? strtod(text, NULL) : NAN, area;

        if (!isfinite(told))
            continue;
        area = tb_feature_area(f->geos, it);
        if (fabs(told - area) > fmax(AREA_OFF_SHARE * area, AREA_OFF_M2))
            TB_TRY(tb_qc_log(f->qc, TB_FINDING_AREA, it->fid, told, area, NULL, err));
    }
    TB_TRY(check_pairs(f, first, overlaps, err));
done:
    return status;
}
