/** Polygons made up for tests, in degrees. */
#ifndef TUBAN_TESTS_GROUNDS_H
#define TUBAN_TESTS_GROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "parcel/features.h"

/** A context; `state` is cmocka's. */
tb_geos *open_geos(void **state);

GEOSGeometry *box_of(tb_geos *geos, double west, double south, double east, double north);

double random_between(uint64_t *seed, double low, double high);

enum { CORNERS_MOST = 24 };

/** A ring of GEOS from points, the first again at the end. */
GEOSGeometry *ring_of(tb_geos *geos, const double *xy, unsigned count);

/** A closed ring round a place: a star, or anything at all. Returns its points, of which `xy` needs
 * room for CORNERS_MOST + 1. */
unsigned make_ring(uint64_t *seed, double x, double y, double radius, bool is_star, double *xy);

/** A polygon of some kind near a place, some 10 to 200 m wide: plain, with a hole, of two parts,
 * repaired, or on a lattice, where corners and edges meet those of others. */
GEOSGeometry *make_polygon(tb_geos *geos, uint64_t *seed, double x, double y);

/** Cuts a polygon in two along a meridian: neighbours with a common border. Takes it. */
void cut_along(tb_geos *geos, GEOSGeometry *whole, double x, GEOSGeometry *half[2]);

/** Adds a feature, numbered as it comes; takes the geometry. */
void add_ground(tb_features *features, GEOSGeometry *geometry);

#endif
