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

/*
 * The least rectangle has a side along one of the hull's (Freeman and Shapira 1975). GEOS's own is
 * the one of the least width.
 */
static void find_rectangle(const tb_geos *geos, const GEOSCoordSequence *hull, unsigned count,
                           double sides[2])
{
    GEOSContextHandle_t handle = geos->handle;
    double              least  = INFINITY;

    for (unsigned i = 0; i + 1 < count; i++) {
        double ax, ay, bx, by, length, low[2] = {INFINITY, INFINITY},
                                       high[2] = {-INFINITY, -INFINITY};

        GEOSCoordSeq_getXY_r(handle, hull, i, &ax, &ay);
        GEOSCoordSeq_getXY_r(handle, hull, i + 1, &bx, &by);
        length = hypot(bx - ax, by - ay);
        if (!(length > 0.0))
            continue;
        for (unsigned k = 0; k + 1 < count; k++) {
            double x, y, along[2];

            GEOSCoordSeq_getXY_r(handle, hull, k, &x, &y);
            along[0] = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length;
            along[1] = ((y - ay) * (bx - ax) - (x - ax) * (by - ay)) / length;
            for (int d = 0; d < 2; d++) {
                low[d]  = fmin(low[d], along[d]);
                high[d] = fmax(high[d], along[d]);
            }
        }
        if ((high[0] - low[0]) * (high[1] - low[1]) < least) {
            least    = (high[0] - low[0]) * (high[1] - low[1]);
            sides[0] = high[0] - low[0];
            sides[1] = high[1] - low[1];
        }
    }
}

tb_status tb_form_measure(tb_geos *geos, const GEOSGeometry *geometry, tb_form *out, tb_error *err)
{
    GEOSContextHandle_t      handle = geos->handle;
    tb_status                status = TB_OK;
    GEOSGeometry            *flat = NULL, *hull = NULL;
    const GEOSCoordSequence *points;
    plane                    p    = {0};
    double                   area = 0.0, top = 0.0, sides[2] = {0.0, 0.0};
    unsigned                 count = 0;

    *out = (tb_form){0};
    GEOSGeom_getXMin_r(handle, geometry, &p.west);
    GEOSGeom_getYMin_r(handle, geometry, &p.south);
    GEOSGeom_getYMax_r(handle, geometry, &top);
    tb_metres_per_degree((p.south + top) / 2.0, &p.north, &p.east);
    flat = GEOSGeom_transformXY_r(handle, geometry, to_metres, &p);
    if (flat != NULL)
        hull = GEOSConvexHull_r(handle, flat);
    if (hull == NULL || GEOSArea_r(handle, flat, &area) == 0) {
        status = tb_geos_fail(geos, err, "rectangle around a parcel");
        goto done;
    }
    if (GEOSGeomTypeId_r(handle, hull) != GEOS_POLYGON) /* a line, a point */
        goto done;
    points = GEOSGeom_getCoordSeq_r(handle, GEOSGetExteriorRing_r(handle, hull));
    GEOSCoordSeq_getSize_r(handle, points, &count);
    find_rectangle(geos, points, count, sides);
    if (sides[0] > 0.0 && sides[1] > 0.0) {
        out->rectangularity = fmin(area / (sides[0] * sides[1]), 1.0);
        out->elongation     = fmax(sides[0], sides[1]) / fmin(sides[0], sides[1]);
    }
done:
    GEOSGeom_destroy_r(handle, flat);
    GEOSGeom_destroy_r(handle, hull);
    return status;
}
