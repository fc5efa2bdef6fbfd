#include "parcel/area.h"

#include <math.h>
#include <stdbool.h>

#include "core/memory.h"

static const double PI = 3.14159265358979323846;
static const double A = 6378137.0, F = 1.0 / 298.257222101;

static double squared_eccentricity(void)
{
    return F * (2.0 - F);
}

/* M N cos B = a² (1 - e²) cos B / (1 - e² sin² B)², per square radian. */
static double area_density(double b)
{
    double e2 = squared_eccentricity(), s = sin(b), w2 = 1.0 - e2 * s * s;

    return A * A * (1.0 - e2) * cos(b) / (w2 * w2);
}

/* The integral of the density about a latitude: five points of Gauss-Legendre. */
static double zone(double middle, double half)
{
    static const double node[]   = {0.0, 0.5384693101056831, 0.9061798459386640};
    static const double weight[] = {0.5688888888888889, 0.4786286704993665, 0.2369268850561891};
    double              sum      = weight[0] * area_density(middle);

    for (int i = 1; i < 3; i++)
        sum += weight[i] *
               (area_density(middle - half * node[i]) + area_density(middle + half * node[i]));
    return sum * half;
}

/* Degrees. */
static const double NEAR = 0.05;

/* The density less than that from a place: sine and cosine of what lies between by their series, of
 * which the next terms are below 1e-20. */
static double density_near(const tb_area_place *near, double off)
{
    double e2 = squared_eccentricity(), square = off * off;
    double sine   = off * (1.0 - square / 6.0 * (1.0 - square / 20.0));
    double cosine = 1.0 - square / 2.0 * (1.0 - square / 12.0);
    double s      = near->sine * cosine + near->cosine * sine;
    double c      = near->cosine * cosine - near->sine * sine;
    double w2     = 1.0 - e2 * s * s;

    return A * A * (1.0 - e2) * c / (w2 * w2);
}

/* An integral over less than 1e-4 radian: two points, whose error is below 1e-18 of it. */
static const double THIN = 1e-4, GAUSS = 0.5773502691896257;

static double thin_zone(double middle, double half)
{
    double at = half * GAUSS;

    return half * (area_density(middle - at) + area_density(middle + at));
}

/* The same, `off` radians from a place on the globe. */
static double thin_zone_near(const tb_area_place *near, double off, double half)
{
    double at = half * GAUSS;

    return half * (density_near(near, off - at) + density_near(near, off + at));
}

tb_area_place tb_area_place_of(double latitude)
{
    double b = latitude * PI / 180.0;

    return (tb_area_place){.latitude = latitude, .sine = sin(b), .cosine = cos(b)};
}

double tb_area_of_edge(const tb_area_place *near, const double *from, const double *to)
{
    double off    = (from[1] + to[1]) / 2.0;
    double middle = (near->latitude + off) * PI / 180.0;
    double half   = (to[1] - from[1]) / 2.0 * PI / 180.0, sum;

    if (!(fabs(half) < THIN))
        sum = zone(middle, half);
    else if (fabs(off) < NEAR && fabs(near->latitude) <= 90.0)
        sum = thin_zone_near(near, off * PI / 180.0, half);
    else
        sum = thin_zone(middle, half);
    return (from[0] + to[0]) / 2.0 * PI / 180.0 * sum;
}

double tb_area_along_edge(const tb_area_place *near, const double *from, const double *to)
{
    double off = (from[1] + to[1]) / 2.0 * PI / 180.0, half = (to[1] - from[1]) / 2.0 * PI / 180.0;
    double at = half * GAUSS, aside = (to[0] - from[0]) / 2.0 * GAUSS, middle, first, second;

    middle = (from[0] + to[0]) / 2.0;
    if (!(fabs(half) < THIN)) { /* in two: the error falls with the fifth power */
        double centre[] = {middle, (from[1] + to[1]) / 2.0};

        return isfinite(half)
                   ? tb_area_along_edge(near, from, centre) + tb_area_along_edge(near, centre, to)
                   : NAN;
    }
    if (fabs(off) < NEAR * PI / 180.0 && fabs(near->latitude) <= 90.0) {
        first  = density_near(near, off - at);
        second = density_near(near, off + at);
    } else {
        first  = area_density(near->latitude * PI / 180.0 + off - at);
        second = area_density(near->latitude * PI / 180.0 + off + at);
    }
    return half * PI / 180.0 * ((middle - aside) * first + (middle + aside) * second);
}

double tb_area_of_ring(const double *points, size_t stride, size_t count)
{
    tb_area_place near;
    double        sum = 0.0;

    if (count < 3)
        return 0.0;
    near = tb_area_place_of(points[1]);
    for (size_t i = 0; i < count; i++) {
        const double *p = points + i * stride, *q = points + (i + 1) % count * stride;
        double        from[] = {p[0] - points[0], p[1] - points[1]};
        double        to[]   = {q[0] - points[0], q[1] - points[1]};

        sum += tb_area_of_edge(&near, from, to);
    }
    return sum;
}

void tb_metres_per_degree(double latitude, double *north, double *east)
{
    double e2 = squared_eccentricity(), b = latitude * PI / 180.0;
    double w2 = 1.0 - e2 * sin(b) * sin(b);

    *north = A * (1.0 - e2) / (w2 * sqrt(w2)) * PI / 180.0;
    *east  = A / sqrt(w2) * cos(b) * PI / 180.0;
}

static double length_of(const double *points, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i + 1 < count; i++) {
        const double *p = points + 2 * i, *q = p + 2;
        double        north, east;

        tb_metres_per_degree((p[1] + q[1]) / 2.0, &north, &east);
        sum += hypot((q[0] - p[0]) * east, (q[1] - p[1]) * north);
    }
    return sum;
}

typedef struct figures {
    double area, perimeter;
} figures;

static bool add_ring(const tb_geos *geos, const GEOSGeometry *ring, bool is_hole, figures *sum)
{
    enum { FEW = 256 };
    const GEOSCoordSequence *points = GEOSGeom_getCoordSeq_r(geos->handle, ring);
    double                   few[2 * FEW], *all = few, area;
    unsigned                 count;

    if (points == NULL || !GEOSCoordSeq_getSize_r(geos->handle, points, &count))
        return false;
    if (count > FEW && tb_alloc(&all, 2 * (size_t)count, sizeof *all, "ring", NULL) != TB_OK)
        return false;
    if (!GEOSCoordSeq_copyToBuffer_r(geos->handle, points, all, 0, 0)) {
        if (all != few)
            tb_free(all);
        return false;
    }
    area = fabs(tb_area_of_ring(all, 2, count > 0 ? count - 1 : 0));
    sum->area += is_hole ? -area : area;
    sum->perimeter += length_of(all, count);
    if (all != few)
        tb_free(all);
    return true;
}

static bool add_geometry(const tb_geos *geos, const GEOSGeometry *geometry, figures *sum)
{
    GEOSContextHandle_t handle = geos->handle;
    int                 type   = GEOSGeomTypeId_r(handle, geometry);

    if (type == GEOS_POLYGON) {
        if (GEOSisEmpty_r(handle, geometry))
            return true;
        if (!add_ring(geos, GEOSGetExteriorRing_r(handle, geometry), false, sum))
            return false;
        for (int i = 0; i < GEOSGetNumInteriorRings_r(handle, geometry); i++)
            if (!add_ring(geos, GEOSGetInteriorRingN_r(handle, geometry, i), true, sum))
                return false;
    } else if (type == GEOS_MULTIPOLYGON || type == GEOS_GEOMETRYCOLLECTION) {
        for (int i = 0; i < GEOSGetNumGeometries_r(handle, geometry); i++)
            if (!add_geometry(geos, GEOSGetGeometryN_r(handle, geometry, i), sum))
                return false;
    }
    return true;
}

double tb_area_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry)
{
    figures sum = {0};

    return add_geometry(geos, geometry, &sum) ? sum.area : -1.0;
}

double tb_perimeter_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry)
{
    figures sum = {0};

    return add_geometry(geos, geometry, &sum) ? sum.perimeter : -1.0;
}

int64_t tb_area_dm2(double area_m2)
{
    return (int64_t)floor(area_m2 * 100.0 + 0.5);
}
