#include "parcel/overlay.h"

#include <stdlib.h>

#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/edges.h"

/* A square millimetre: what is left of edges that coincide but for rounding. */
static const double NOTHING_M2 = 1e-6;

/* The features whose boxes meet a geometry's, in their order, and what their edges tell. */
typedef struct hits {
    const tb_feature **feature;
    double            *area_m2;
    size_t             count, capacity;
    tb_edges_answer    answer;
    tb_status          status;
    tb_error          *err;
} hits;

static void hear(void *item, void *context)
{
    hits *h = context;

    if (h->status == TB_OK && h->count == h->capacity) {
        size_t more = h->capacity > 0 ? 2 * h->capacity : 32;

        h->status = tb_grow(&h->feature, more, sizeof(*h->feature), "overlay", h->err);
        if (h->status == TB_OK)
            h->capacity = more;
    }
    if (h->status == TB_OK)
        h->feature[h->count++] = item;
}

/* Features lie in one array in their order. */
static int compare_places(const void *a, const void *b)
{
    const tb_feature *p = *(const tb_feature *const *)a, *q = *(const tb_feature *const *)b;

    return (p > q) - (p < q);
}

static tb_status find_hits(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                           hits *out, tb_error *err)
{
    *out = (hits){.err = err};
    if (mask->tree == NULL)
        return TB_OK;
    GEOSSTRtree_query_r(geos->handle, mask->tree, geometry, hear, out);
    if (out->count > 1)
        qsort(out->feature, out->count, sizeof(*out->feature), compare_places);
    return out->status;
}

/* Leaves the features that are wanted (NULL: all), and asks their edges. */
static tb_status measure_hits(tb_geos *geos, const GEOSGeometry *geometry, tb_overlay_filter *wants,
                              void *context, hits *found, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    kept   = 0;

    for (size_t i = 0; i < found->count; i++)
        if (wants == NULL || wants(context, found->feature[i]))
            found->feature[kept++] = found->feature[i];
    found->count = kept;
    TB_TRY(tb_alloc(&found->area_m2, kept, sizeof *found->area_m2, "overlay", err));
    TB_TRY(tb_edges_measure(geos, geometry, found->feature, kept, found->area_m2, &found->answer,
                            err));
done:
    return status;
}

static void reset_hits(hits *found)
{
    tb_free(found->feature);
    tb_free(found->area_m2);
}

tb_status tb_overlay_without(tb_geos *geos, const GEOSGeometry *geometry, const GEOSGeometry *other,
                             GEOSGeometry **out, tb_error *err)
{
    return tb_geos_polygons(geos, GEOSDifference_r(geos->handle, geometry, other),
                            "difference of two geometries", out, err);
}

/* Takes from *piece what an earlier one has. */
static tb_status take_shared(tb_geos *geos, const GEOSGeometry *earlier, GEOSGeometry **piece,
                             double *shared_m2, tb_error *err)
{
    tb_status     status = TB_OK;
    GEOSGeometry *common = NULL, *rest;
    double        area;

    /* Neighbours share an edge as a rule, and ground hardly ever. */
    if (GEOSRelatePattern_r(geos->handle, earlier, *piece, "T********") != 1)
        return TB_OK;
    common = GEOSIntersection_r(geos->handle, earlier, *piece);
    if (common == NULL)
        return tb_geos_fail(geos, err, "intersection of two pieces");
    area = tb_area_of_geometry(geos, common);
    if (area > NOTHING_M2) {
        TB_TRY(tb_overlay_without(geos, *piece, earlier, &rest, err));
        GEOSGeom_destroy_r(geos->handle, *piece);
        *piece = rest;
        *shared_m2 += area;
    }
done:
    GEOSGeom_destroy_r(geos->handle, common);
    return status;
}

/* The common ground of a geometry and a feature: a copy where one lies within the other; NULL when
 * GEOS fails. */
static GEOSGeometry *clip_to(tb_geos *geos, const GEOSGeometry *geometry,
                             const GEOSPreparedGeometry *prepared, const GEOSGeometry *feature)
{
    GEOSContextHandle_t handle = geos->handle;

    if (GEOSPreparedIntersects_r(handle, prepared, feature) == 0)
        return GEOSGeom_createEmptyPolygon_r(handle);
    if (GEOSPreparedContainsProperly_r(handle, prepared, feature) == 1)
        return GEOSGeom_clone_r(handle, feature);
    if (GEOSPreparedCoveredBy_r(handle, prepared, feature) == 1)
        return GEOSGeom_clone_r(handle, geometry);
    return GEOSIntersection_r(handle, geometry, feature);
}

/* Tells of the pieces of a geometry on features whose edges were asked. */
static tb_status visit_hits(tb_geos *geos, const GEOSGeometry *geometry, const hits *found,
                            tb_overlay_fn *take, void *context, double *shared_m2, tb_error *err)
{
    tb_status                   status   = TB_OK;
    const GEOSPreparedGeometry *prepared = NULL;
    GEOSGeometry              **pieces   = NULL;
    size_t                      count    = 0;

    TB_TRY(tb_alloc(&pieces, found->count, sizeof(GEOSGeometry *), "overlay", err));
    if (found->count > 0) {
        prepared = GEOSPrepare_r(geos->handle, geometry);
        if (prepared == NULL) {
            status = tb_geos_fail(geos, err, "a parcel");
            goto done;
        }
    }
    for (size_t i = 0; i < found->count; i++) {
        GEOSGeometry *piece;
        double        area;

        if (found->answer.has_areas && found->area_m2[i] == 0.0)
            continue;
        piece = clip_to(geos, geometry, prepared, found->feature[i]->geometry);
        TB_TRY(tb_geos_polygons(geos, piece, "intersection of a parcel and a mask", &piece, err));
        pieces[count++] = piece;
        for (size_t j = 0; j + 1 < count && !found->answer.is_apart; j++)
            TB_TRY(take_shared(geos, pieces[j], &pieces[count - 1], shared_m2, err));
        area = tb_area_of_geometry(geos, pieces[count - 1]);
        if (area <= NOTHING_M2) {
            GEOSGeom_destroy_r(geos->handle, pieces[--count]);
            continue;
        }
        TB_TRY(take(context, pieces[count - 1], area, found->feature[i], err));
    }
done:
    if (prepared != NULL)
        GEOSPreparedGeom_destroy_r(geos->handle, prepared);
    for (size_t i = 0; i < count; i++)
        GEOSGeom_destroy_r(geos->handle, pieces[i]);
    tb_free(pieces);
    return status;
}

tb_status tb_overlay_visit(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                           tb_overlay_filter *wants, tb_overlay_fn *take, void *context,
                           double *shared_m2, tb_error *err)
{
    tb_status status = TB_OK;
    double    shared = 0.0;
    hits      found;

    TB_TRY(find_hits(geos, geometry, mask, &found, err));
    TB_TRY(measure_hits(geos, geometry, wants, context, &found, err));
    TB_TRY(visit_hits(geos, geometry, &found, take, context, &shared, err));
    if (shared_m2 != NULL)
        *shared_m2 = shared;
done:
    reset_hits(&found);
    return status;
}

tb_status tb_overlay_touches(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                             bool *touches, tb_error *err)
{
    tb_status status = TB_OK;
    char      answer = 0;
    hits      found;

    TB_TRY(find_hits(geos, geometry, mask, &found, err));
    for (size_t i = 0; i < found.count && answer == 0; i++)
        answer = GEOSIntersects_r(geos->handle, geometry, found.feature[i]->geometry);
    if (answer != 0 && answer != 1) /* GEOS says 2 of a failure */
        status = tb_geos_fail(geos, err, "intersection of a parcel and a mask");
    *touches = answer == 1;
done:
    reset_hits(&found);
    return status;
}

static tb_status add_area(void *context, const GEOSGeometry *piece, double area_m2,
                          const tb_feature *feature, tb_error *err)
{
    (void)piece;
    (void)feature;
    (void)err;
    *(double *)context += area_m2;
    return TB_OK;
}

tb_status tb_overlay_area(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          double *area_m2, tb_error *err)
{
    tb_status status = TB_OK;
    double    shared = 0.0;
    hits      found;

    *area_m2 = 0.0;
    TB_TRY(find_hits(geos, geometry, mask, &found, err));
    TB_TRY(measure_hits(geos, geometry, NULL, NULL, &found, err));
    if (!found.answer.is_apart) {
        TB_TRY(visit_hits(geos, geometry, &found, add_area, area_m2, &shared, err));
        goto done;
    }
    for (size_t i = 0; i < found.count; i++)
        if (found.area_m2[i] > NOTHING_M2)
            *area_m2 += found.area_m2[i];
done:
    reset_hits(&found);
    return status;
}

typedef struct clip {
    tb_geos      *geos;
    GEOSGeometry *sum;
} clip;

static tb_status add_piece(void *context, const GEOSGeometry *piece, double area_m2,
                           const tb_feature *feature, tb_error *err)
{
    clip         *c = context;
    GEOSGeometry *sum;

    (void)area_m2;
    (void)feature;
    sum = GEOSUnion_r(c->geos->handle, c->sum, piece);
    if (sum == NULL)
        return tb_geos_fail(c->geos, err, "union of two pieces");
    GEOSGeom_destroy_r(c->geos->handle, c->sum);
    c->sum = sum;
    return TB_OK;
}

tb_status tb_overlay_clip(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          GEOSGeometry **out, tb_error *err)
{
    clip      c      = {.geos = geos, .sum = GEOSGeom_createEmptyPolygon_r(geos->handle)};
    tb_status status = tb_overlay_visit(geos, geometry, mask, NULL, add_piece, &c, NULL, err);

    *out = NULL;
    if (status == TB_OK)
        *out = c.sum;
    else
        GEOSGeom_destroy_r(geos->handle, c.sum);
    return status;
}
