/**
 * Outlines in (L, B): polygons of their own, made of places of a lattice or of geometries of GEOS.
 *
 * Edges are straight in (B, L); coordinates are snapped to 1e-9 degree.
 */
#ifndef TUBAN_JOB_OUTLINE_H
#define TUBAN_JOB_OUTLINE_H

#include "core/error.h"
#include "parcel/geos.h"
#include "raster/grid.h"
#include "region/trace.h"

/** Zero-initialised is empty; free with tb_outline_reset. */
typedef struct tb_outline_copy {
    double     *points; /**< L and B in turn, degrees */
    tb_ring    *rings;
    tb_polygon *polygons;
    size_t      point_count, ring_count, polygon_count;
} tb_outline_copy;

void tb_outline_reset(tb_outline_copy *outline);

/** The way from a grid to (L, B). Threads: one caller per object. */
typedef struct tb_geographic tb_geographic;

/**
 * Returns it; free with tb_geographic_free. Borrows nothing.
 * @param path  of an image of the grid, for complaints.
 * @return TB_E_INPUT when PROJ knows no way.
 */
tb_status tb_geographic_new(tb_geographic **out, const tb_grid *grid, const char *path,
                            tb_error *err);
void      tb_geographic_free(tb_geographic *way);

/**
 * The corners of a shape in (L, B). Edges longer than 100 m get vertices between, so that straight
 * in the grid's plane is straight in (B, L).
 * @param cell  lattice pixels along a side of the shape's pixel; where it is more than 1 the shape
 *              ends with the lattice.
 */
tb_status tb_geographic_outline(const tb_geographic *way, const tb_shape *shape, int cell,
                                tb_outline_copy *outline, tb_error *err);

/** The whole grid, cut as tb_geographic_outline cuts shapes of such cells. */
tb_status tb_geographic_extent(const tb_geographic *way, int cell, tb_outline_copy *outline,
                               tb_error *err);

/** The outline as a geometry of GEOS (free with GEOSGeom_destroy_r). */
tb_status tb_outline_geometry(tb_geos *geos, const tb_outline_copy *outline, GEOSGeometry **out,
                              tb_error *err);

/** The outline of a geometry of polygons. */
tb_status tb_outline_of_geometry(tb_geos *geos, const GEOSGeometry *geometry, tb_outline_copy *out,
                                 tb_error *err);

#endif
