/**
 * GEOS with its messages caught: geometries in CGCS2000 geographic coordinates, x = L, y = B,
 * degrees, edges straight in (B, L).
 */
#ifndef TUBAN_PARCEL_GEOS_H
#define TUBAN_PARCEL_GEOS_H

#include <geos_c.h>
#include <math.h>

#include "core/error.h"

/** A GEOS context. Threads: one caller per object. */
typedef struct tb_geos {
    GEOSContextHandle_t handle;
    char                message[300]; /**< what GEOS said last, in one line */
    struct tb_bench    *bench;        /**< what overlays work in, or NULL: see tb_bench_of; owned */
} tb_geos;

/**
 * The nearest multiple of 1e-9 degree, as its decimal digits are read: a coordinate that was
 * snapped, written and read again stays what it is.
 */
static inline double tb_degree_snapped(double degrees)
{
    return floor(degrees * 1e9 + 0.5) / 1e9;
}

/** Returns a context; free with tb_geos_free, after all its geometries. */
tb_status tb_geos_new(tb_geos **out, tb_error *err);
void      tb_geos_free(tb_geos *geos);

/**
 * The polygons of what GEOS made (takes it; NULL: it failed), without the lines and points in which
 * two things only touched: GEOS refuses mixtures as inputs. Free with GEOSGeom_destroy_r.
 */
tb_status tb_geos_polygons(tb_geos *geos, GEOSGeometry *made, const char *what, GEOSGeometry **out,
                           tb_error *err);

/** TB_E_INPUT with what GEOS said last; `what` says what was done with which feature. */
tb_status tb_geos_fail(const tb_geos *geos, tb_error *err, const char *what);

#endif
