/**
 * Areas on the ellipsoid of CGCS2000 (a = 6378137 m, 1/f = 298.257222101), edges straight in
 * (B, L): docs/methods/area.md.
 */
#ifndef TUBAN_PARCEL_AREA_H
#define TUBAN_PARCEL_AREA_H

#include <stddef.h>
#include <stdint.h>

#include "parcel/geos.h"

/** A square millimetre: what is left of edges that coincide but for rounding. */
#define TB_AREA_NOTHING_M2 1e-6

/**
 * The signed area of a ring, m²; positive when it runs anticlockwise with L to the right.
 *
 * The sum over the edges of the trapezoids between them and the first point's meridian: the mean
 * longitude times the integral of M N cos B over the latitudes (国土调查办发〔2008〕32号, with the
 * integral by Gauss-Legendre quadrature, not by its series).
 * @param points  L and B in turn, degrees; `stride` doubles from one point to the next.
 * @param count   of the points; the first may be repeated at the end.
 */
double tb_area_of_ring(const double *points, size_t stride, size_t count);

/** A place that edges lie near: what their areas have in common. */
typedef struct tb_area_place {
    double latitude, sine, cosine; /**< degrees */
} tb_area_place;

tb_area_place tb_area_place_of(double latitude);

/**
 * What one edge adds to the area of a ring, m²: the trapezoid between it and the meridian of a
 * place near it.
 * @param from, to  the ends of the edge, degrees from the place, L and B.
 * Cost: some 10 ns within 5 km of the place, 50 ns beyond.
 */
double tb_area_of_edge(const tb_area_place *near, const double *from, const double *to);

/**
 * The same with the edge's own longitudes, not their mean: the ground between an edge straight in
 * (B, L) and the meridian. Pieces of an edge add up to what it is, to some 1e-9 m², which those of
 * tb_area_of_edge do not.
 */
double tb_area_along_edge(const tb_area_place *near, const double *from, const double *to);

/**
 * The area of the polygons of any geometry, m²; lines and points have none.
 * @return below 0 when GEOS fails.   Cost: O(vertices), some 0.3 µs each.
 */
double tb_area_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry);

/** The length of the boundaries of its polygons, m: chords between their vertices. */
double tb_perimeter_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry);

/** Hundredths of a square metre, rounded half up; what is compared with thresholds. */
int64_t tb_area_dm2(double area_m2);

/** Metres of a degree of latitude and of longitude at a latitude, degrees. */
void tb_metres_per_degree(double latitude, double *north, double *east);

#endif
