#include "grounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "checks.h"

tb_geos *open_geos(void **state)
{
    tb_geos *geos;

    (void)state;
    OK(tb_geos_new(&geos, heard));
    return geos;
}

GEOSGeometry *box_of(tb_geos *geos, double west, double south, double east, double north)
{
    return GEOSGeom_createRectangle_r(geos->handle, west, south, east, north);
}

double random_between(uint64_t *seed, double low, double high)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(*seed >> 11) / 9007199254740992.0;
}

GEOSGeometry *ring_of(tb_geos *geos, const double *xy, unsigned count)
{
    return GEOSGeom_createLinearRing_r(
        geos->handle, GEOSCoordSeq_copyFromBuffer_r(geos->handle, xy, count, 0, 0));
}

unsigned make_ring(uint64_t *seed, double x, double y, double radius, bool is_star, double *xy)
{
    unsigned corners = 3 + (unsigned)random_between(seed, 0, CORNERS_MOST - 4);

    for (unsigned i = 0; i < corners; i++) {
        double turn  = 2 * acos(-1.0) * (i + random_between(seed, 0.1, 0.9)) / corners;
        double reach = radius * random_between(seed, 0.4, 1);

        if (!is_star)
            turn = random_between(seed, 0, 6.28);
        xy[2 * i]     = tb_degree_snapped(x + reach * cos(turn));
        xy[2 * i + 1] = tb_degree_snapped(y + reach * sin(turn));
    }
    memcpy(xy + 2 * corners, xy, 2 * sizeof *xy);
    return corners + 1;
}

GEOSGeometry *make_polygon(tb_geos *geos, uint64_t *seed, double x, double y)
{
    double        xy[2 * CORNERS_MOST + 2], radius = pow(10, random_between(seed, -4.3, -3));
    int           kind = (int)random_between(seed, 0, 6);
    GEOSGeometry *parts[2], *hole, *made, *valid;
    unsigned      count;

    x += random_between(seed, -4e-4, 4e-4);
    y += random_between(seed, -4e-4, 4e-4);
    if (kind == 0) {
        const double step = 1e-4;

        x = floor(x / step) * step;
        y = floor(y / step) * step;
        return box_of(geos, tb_degree_snapped(x), tb_degree_snapped(y),
                      tb_degree_snapped(x + step * floor(random_between(seed, 1, 4))),
                      tb_degree_snapped(y + step * floor(random_between(seed, 1, 4))));
    }
    count = make_ring(seed, x, y, radius, kind != 1, xy);
    made  = GEOSGeom_createPolygon_r(geos->handle, ring_of(geos, xy, count), NULL, 0);
    if (kind == 2) { /* a smaller one of the same shape within */
        double small[2 * CORNERS_MOST + 2];

        for (unsigned i = 0; i < count; i++) {
            small[2 * i]     = tb_degree_snapped(x + 0.6 * (xy[2 * i] - x));
            small[2 * i + 1] = tb_degree_snapped(y + 0.6 * (xy[2 * i + 1] - y));
        }
        GEOSGeom_destroy_r(geos->handle, made);
        hole = ring_of(geos, small, count);
        made = GEOSGeom_createPolygon_r(geos->handle, ring_of(geos, xy, count), &hole, 1);
    } else if (kind == 3) {
        count    = make_ring(seed, x + 2.1 * radius, y, radius, true, xy);
        parts[0] = made;
        parts[1] = GEOSGeom_createPolygon_r(geos->handle, ring_of(geos, xy, count), NULL, 0);
        made     = GEOSGeom_createCollection_r(geos->handle, GEOS_MULTIPOLYGON, parts, 2);
    }
    valid = GEOSMakeValid_r(geos->handle, made);
    GEOSGeom_destroy_r(geos->handle, made);
    return valid;
}

void cut_along(tb_geos *geos, GEOSGeometry *whole, double x, GEOSGeometry *half[2])
{
    for (int i = 0; i < 2; i++) {
        GEOSGeometry *side = i ? box_of(geos, x, -90, 180, 90) : box_of(geos, -180, -90, x, 90);

        half[i] = GEOSIntersection_r(geos->handle, whole, side);
        GEOSGeom_destroy_r(geos->handle, side);
    }
    GEOSGeom_destroy_r(geos->handle, whole);
}

void add_ground(tb_features *features, GEOSGeometry *geometry)
{
    OK(tb_features_add(features, geometry, (int64_t)features->count, heard));
}
