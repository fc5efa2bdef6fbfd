#include "parcel/cluster.h"

#include "core/forest.h"
#include "core/memory.h"
#include "parcel/area.h"

typedef struct search {
    const tb_features *features;
    const tb_feature  *from;
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

static void try_pair(void *item, void *context)
{
    search             *s      = context;
    const tb_feature   *other  = item;
    GEOSContextHandle_t handle = s->features->geos->handle;
    GEOSGeometry       *a, *b;
    double              distance = 0.0;

    if (other <= s->from || s->has_failed)
        return;
    a             = GEOSGeom_transformXY_r(handle, s->from->geometry, to_metres, s);
    b             = GEOSGeom_transformXY_r(handle, other->geometry, to_metres, s);
    s->has_failed = a == NULL || b == NULL || !GEOSDistance_r(handle, a, b, &distance);
    if (!s->has_failed && distance <= s->gap_m)
        tb_forest_unite(s->parent, (uint32_t)(s->from - s->features->feature),
                        (uint32_t)(other - s->features->feature));
    GEOSGeom_destroy_r(handle, a);
    GEOSGeom_destroy_r(handle, b);
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
        GEOSContextHandle_t handle = features->geos->handle;
        GEOSGeometry       *box;
        double              low[2], high[2];

        s.from = &features->feature[i];
        GEOSGeom_getXMin_r(handle, s.from->geometry, &low[0]);
        GEOSGeom_getYMin_r(handle, s.from->geometry, &low[1]);
        GEOSGeom_getXMax_r(handle, s.from->geometry, &high[0]);
        GEOSGeom_getYMax_r(handle, s.from->geometry, &high[1]);
        tb_metres_per_degree((low[1] + high[1]) / 2.0, &s.north, &s.east);
        box = GEOSGeom_createRectangle_r(handle, low[0] - gap_m / s.east, low[1] - gap_m / s.north,
                                         high[0] + gap_m / s.east, high[1] + gap_m / s.north);
        GEOSSTRtree_query_r(handle, features->tree, box, try_pair, &s);
        GEOSGeom_destroy_r(handle, box);
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
