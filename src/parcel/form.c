#include "parcel/form.h"

#include "parcel/area.h"

typedef struct plane {
    double west, south, north, east; /* origin, and metres of a degree */
} plane;

static int to_metres(double *x, double *y, void *context)
{
    const plane *p = context;

    *x = (*x - p->west) * p->east;
    *y = (*y - p->south) * p->north;
    return 1;
}

static void measure_sides(const tb_geos *geos, const GEOSGeometry *rectangle, double sides[2])
{
    GEOSContextHandle_t      handle = geos->handle;
    const GEOSGeometry      *ring   = GEOSGetExteriorRing_r(handle, rectangle);
    const GEOSCoordSequence *points = GEOSGeom_getCoordSeq_r(handle, ring);
    double                   x[3], y[3];

    for (unsigned i = 0; i < 3; i++)
        GEOSCoordSeq_getXY_r(handle, points, i, &x[i], &y[i]);
    for (int i = 0; i < 2; i++)
        sides[i] = hypot(x[i + 1] - x[i], y[i + 1] - y[i]);
}

tb_status tb_form_measure(tb_geos *geos, const GEOSGeometry *geometry, tb_form *out, tb_error *err)
{
    GEOSContextHandle_t handle = geos->handle;
    tb_status           status = TB_OK;
    GEOSGeometry       *flat = NULL, *rectangle = NULL;
    plane               p    = {0};
    double              area = 0.0, top = 0.0, sides[2];

    *out = (tb_form){0};
    GEOSGeom_getXMin_r(handle, geometry, &p.west);
    GEOSGeom_getYMin_r(handle, geometry, &p.south);
    GEOSGeom_getYMax_r(handle, geometry, &top);
    tb_metres_per_degree((p.south + top) / 2.0, &p.north, &p.east);
    flat = GEOSGeom_transformXY_r(handle, geometry, to_metres, &p);
    if (flat != NULL)
        rectangle = GEOSMinimumRotatedRectangle_r(handle, flat);
    if (rectangle == NULL || GEOSArea_r(handle, flat, &area) == 0) {
        status = tb_geos_fail(geos, err, "rectangle around a parcel");
        goto done;
    }
    if (GEOSGeomTypeId_r(handle, rectangle) != GEOS_POLYGON) /* a line, a point */
        goto done;
    measure_sides(geos, rectangle, sides);
    if (sides[0] > 0.0 && sides[1] > 0.0) {
        out->rectangularity = fmin(area / (sides[0] * sides[1]), 1.0);
        out->elongation     = fmax(sides[0], sides[1]) / fmin(sides[0], sides[1]);
    }
done:
    GEOSGeom_destroy_r(handle, flat);
    GEOSGeom_destroy_r(handle, rectangle);
    return status;
}
