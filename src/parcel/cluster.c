#include "parcel/cluster.h"

#include "core/forest.h"
#include "core/memory.h"
#include "parcel/area.h"

typedef struct search {
    const tb_features *features;
    tb_feature        *from;
    double             gap_m, north, east; /* metres of a degree here */
    uint32_t          *parent;
    bool               has_failed;
} search;

static int to_metres(double *x, double *y, void *context)
{
    const search *s = context;

    *x *= s->east;
    *y *= s->north;
    return 1;
}

static bool try_pair(void *context, size_t number)
{
    search             *s      = context;
    tb_feature         *other  = &s->features->feature[number];
    GEOSContextHandle_t handle = s->features->geos->handle;
    const GEOSGeometry *one, *two;
    GEOSGeometry       *a, *b;
    double              distance = 0.0;

    if (other <= s->from)
        return true;
    s->has_failed = tb_feature_geometry(s->features->geos, s->from, &one, NULL) != TB_OK ||
                    tb_feature_geometry(s->features->geos, other, &two, NULL) != TB_OK;
    if (s->has_failed)
        return false;
    a             = GEOSGeom_transformXY_r(handle, one, to_metres, s);
    b             = GEOSGeom_transformXY_r(handle, two, to_metres, s);
    s->has_failed = a == NULL || b == NULL || !GEOSDistance_r(handle, a, b, &distance);
    if (!s->has_failed && distance <= s->gap_m)
        tb_forest_unite(s->parent, (uint32_t)(s->from - s->features->feature),
                        (uint32_t)(other - s->features->feature));
    GEOSGeom_destroy_r(handle, a);
    GEOSGeom_destroy_r(handle, b);
    return !s->has_failed;
}

tb_status tb_clusters_find(const tb_features *features, double gap_m, size_t *cluster,
                           tb_error *err)
{
    tb_status status = TB_OK;
    search    s      = {.features = features, .gap_m = gap_m};

    TB_TRY(tb_alloc(&s.parent, features->count, sizeof *s.parent, "clusters", err));
    for (size_t i = 0; i < features->count; i++)
        s.parent[i] = (uint32_t)i;
    for (size_t i = 0; i < features->count && !s.has_failed; i++) {
        tb_box box = features->feature[i].box;

        s.from = &features->feature[i];
        tb_metres_per_degree((box.low.y + box.high.y) / 2.0, &s.north, &s.east);
        box = (tb_box){{box.low.x - gap_m / s.east, box.low.y - gap_m / s.north},
                       {box.high.x + gap_m / s.east, box.high.y + gap_m / s.north}};
        tb_boxtree_find(features->tree, box, try_pair, &s);
    }
    if (s.has_failed) {
        status = tb_geos_fail(features->geos, err, "distance of two parcels");
        goto done;
    }
    for (size_t i = 0; i < features->count; i++)
        cluster[i] = tb_forest_root(s.parent, (uint32_t)i);
done:
    tb_free(s.parent);
    return status;
}
