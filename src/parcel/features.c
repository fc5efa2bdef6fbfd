#include "parcel/features.h"

#include "core/memory.h"
#include "parcel/area.h"

void tb_feature_reset(const tb_geos *geos, tb_feature *feature)
{
    if (!feature->is_geometry_borrowed)
        GEOSGeom_destroy_r(geos->handle, feature->geometry);
    if (!feature->is_rings_borrowed)
        tb_free(feature->rings);
    feature->geometry = NULL;
    feature->rings    = NULL;
}

void tb_features_reset(tb_features *features)
{
    tb_boxtree_free(features->tree);
    for (size_t i = 0; i < features->count; i++)
        tb_feature_reset(features->geos, &features->feature[i]);
    tb_chunks_reset(&features->chunks);
    tb_free(features->feature);
    *features = (tb_features){0};
}

tb_status tb_features_reserve(tb_features *features, size_t more, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = features->count + more;

    if (needed <= features->capacity)
        return TB_OK;
    TB_TRY(tb_grow(&features->feature, needed, sizeof *features->feature, "features", err));
    features->capacity = needed;
done:
    return status;
}

static tb_status append(tb_features *features, tb_feature it, tb_error *err)
{
    tb_status status = TB_OK;

    if (features->count == features->capacity)
        TB_TRY(tb_features_reserve(features, features->count > 0 ? features->count : 64, err));
    features->feature[features->count++] = it;
done:
    return status;
}

tb_status tb_features_add(tb_features *features, GEOSGeometry *geometry, int64_t fid, tb_error *err)
{
    tb_status status = append(features,
                              (tb_feature){.geometry = geometry,
                                           .box      = tb_box_of_geometry(features->geos, geometry),
                                           .fid      = fid},
                              err);

    if (status != TB_OK)
        GEOSGeom_destroy_r(features->geos->handle, geometry);
    return status;
}

static tb_status fail(const tb_geos *geos, tb_error *err)
{
    return tb_geos_fail(geos, err, "polygon of a feature");
}

/* A polygon of one ring in GEOS's hands; NULL: it failed. */
static GEOSGeometry *polygon_of(const tb_geos *geos, const tb_point *ring, size_t count,
                                bool is_multi)
{
    GEOSContextHandle_t handle = geos->handle;
    GEOSCoordSequence  *sequence =
        GEOSCoordSeq_copyFromBuffer_r(handle, &ring->x, (unsigned)count, 0, 0);
    GEOSGeometry *it = sequence != NULL ? GEOSGeom_createLinearRing_r(handle, sequence) : NULL;

    if (it != NULL)
        it = GEOSGeom_createPolygon_r(handle, it, NULL, 0);
    if (it != NULL && is_multi)
        it = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, &it, 1);
    return it;
}

tb_status tb_features_add_ring(tb_features *features, tb_point *ring, size_t count, bool is_multi,
                               int64_t fid, tb_error *err)
{
    tb_status  status  = TB_OK;
    tb_contour contour = {.edges = count - 1};
    tb_rings   rings   = {.points = ring, .ring = &contour, .point_count = count, .count = 1};
    tb_feature it      = {.fid = fid, .is_multi = is_multi};
    void      *memory;

    if (!tb_ring_turn_left(ring, count, &it.is_turned)) {
        GEOSGeometry *geometry;

        if (it.is_turned)
            tb_ring_turn_back(ring, count);
        geometry = polygon_of(features->geos, ring, count, is_multi);
        return geometry != NULL ? tb_features_add(features, geometry, fid, err)
                                : fail(features->geos, err);
    }
    rings.box = tb_box_of_edge(ring[0], ring[0]);
    for (size_t i = 1; i + 1 < count; i++)
        rings.box = tb_box_of_boxes(rings.box, tb_box_of_edge(ring[i], ring[i]));
    it.box = rings.box;
    TB_TRY(tb_chunks_take(&features->chunks, tb_rings_packed_bytes(&rings), &memory, err));
    it.rings             = tb_rings_pack_into(memory, &rings);
    it.is_rings_borrowed = true;
    TB_TRY(append(features, it, err));
done:
    return status;
}

tb_status tb_feature_geometry(const tb_geos *geos, tb_feature *it, const GEOSGeometry **out,
                              tb_error *err)
{
    if (it->geometry == NULL) {
        if (it->is_turned)
            tb_ring_turn_back(it->rings->points, it->rings->point_count);
        it->geometry = polygon_of(geos, it->rings->points, it->rings->point_count, it->is_multi);
        if (it->is_turned)
            tb_ring_turn_back(it->rings->points, it->rings->point_count);
    }
    *out = it->geometry;
    return it->geometry != NULL ? TB_OK : fail(geos, err);
}

tb_status tb_feature_rings(const tb_geos *geos, tb_feature *it, const tb_rings **out, tb_error *err)
{
    tb_status status  = TB_OK;
    tb_rings  rings   = {0};
    bool      is_sure = true;

    if (it->rings == NULL && !it->has_doubt) {
        TB_TRY(tb_rings_load(geos, it->geometry, &rings, &is_sure, err));
        it->has_doubt = !is_sure;
        if (is_sure)
            TB_TRY(tb_rings_pack(&rings, &it->rings, err));
    }
    *out = it->rings;
done:
    tb_rings_reset(&rings);
    return status;
}

double tb_feature_area(const tb_geos *geos, tb_feature *it)
{
    tb_rings *rings = it->rings;
    double    area;

    if (it->geometry != NULL)
        return tb_area_of_geometry(geos, it->geometry);
    if (it->is_turned) /* sums are in the order of the file */
        tb_ring_turn_back(rings->points, rings->point_count);
    area = fabs(tb_area_of_ring(&rings->points->x, 2, rings->point_count - 1));
    if (it->is_turned)
        tb_ring_turn_back(rings->points, rings->point_count);
    return area;
}

tb_status tb_features_view(const tb_features *of, const size_t *which, size_t count,
                           tb_features *out, tb_error *err)
{
    tb_status status = TB_OK;

    *out = (tb_features){.geos = of->geos, .field_count = of->field_count};
    TB_TRY(tb_alloc(&out->feature, count, sizeof *out->feature, "features", err));
    for (size_t i = 0; i < count; i++) {
        tb_feature *it = &out->feature[i];

        *it                      = of->feature[which[i]];
        it->is_geometry_borrowed = it->geometry != NULL;
        it->is_rings_borrowed    = it->rings != NULL;
    }
    out->count = out->capacity = count;
    TB_TRY(tb_features_index(out, err));
done:
    return status;
}

tb_status tb_features_index(tb_features *features, tb_error *err)
{
    tb_status status = TB_OK;
    tb_box   *boxes  = NULL;

    if (features->count == 0)
        return TB_OK;
    TB_TRY(tb_alloc(&boxes, features->count, sizeof *boxes, "index of features", err));
    for (size_t i = 0; i < features->count; i++)
        boxes[i] = features->feature[i].box;
    TB_TRY(tb_boxtree_new(&features->tree, boxes, features->count, err));
done:
    tb_free(boxes);
    return status;
}
