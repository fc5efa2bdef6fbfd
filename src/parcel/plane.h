/**
 * The plane of a layer, and the way of its points to CGCS2000 geographic coordinates.
 *
 * PROJ says where a point lies. Where the way is a map projection and nothing else, and many points
 * of a square of 8 km are asked for, a polynomial through PROJ's answers gives them instead; what
 * is snapped to 1e-9 degree is the same to the last bit, since PROJ is asked wherever the
 * polynomial comes close to the middle between two multiples.
 */
#ifndef TUBAN_PARCEL_PLANE_H
#define TUBAN_PARCEL_PLANE_H

#include <stdbool.h>
#include <stddef.h>

#include <ogr_srs_api.h>

#include "core/error.h"

typedef struct tb_plane tb_plane;

/**
 * Returns a plane; free with tb_plane_free.
 * @param way     to (L, B), degrees; taken, also on failure.
 * @param unit_m  metres of the plane's unit; 0: it is in degrees.
 * @param is_projection  the way is a map projection, smooth everywhere: no grid, no other datum.
 */
tb_status tb_plane_new(tb_plane **out, OGRCoordinateTransformationH way, double unit_m,
                       bool is_projection, tb_error *err);

/**
 * The plane of a CRS, on the way to a geographic one in degrees; both in the order x, y.
 * @param out  NULL: PROJ knows no way.
 * @return TB_E_MEMORY.
 */
tb_status tb_plane_between(tb_plane **out, OGRSpatialReferenceH from, OGRSpatialReferenceH to,
                           tb_error *err);
void      tb_plane_free(tb_plane *plane);

double tb_plane_unit_m(const tb_plane *plane);

/** The way, borrowed. */
OGRCoordinateTransformationH tb_plane_way(const tb_plane *plane);

/** The way back, to be freed with OCTDestroyCoordinateTransformation; NULL where there is none. */
OGRCoordinateTransformationH tb_plane_way_back(const tb_plane *plane);

/** The share of the points brought over so far that polynomials gave; 0 without any. */
double tb_plane_share(const tb_plane *plane);

/**
 * Brings points over, in place, and snaps them to 1e-9 degree.
 * @param points   x and y in turn; undefined where a point has no place.
 * @param has_all  whether every point has a place in CGCS2000.
 * @return TB_E_MEMORY.   Threads: one caller per object.
 * Cost: some 15 ns a point in a square that was fitted, 400 ns else.
 */
tb_status tb_plane_bring(tb_plane *plane, double *points, size_t count, bool *has_all,
                         tb_error *err);

#endif
