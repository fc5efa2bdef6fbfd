/**
 * The way of a layer's geometries to CGCS2000 geographic coordinates.
 */
#ifndef TUBAN_PARCEL_PASSAGE_H
#define TUBAN_PARCEL_PASSAGE_H

#include <ogr_api.h>

#include "parcel/features.h"
#include "parcel/plane.h"
#include "parcel/sides.h"

typedef struct tb_passage {
    tb_plane   *plane;        /**< owned */
    const char *path, *layer; /**< for messages; borrowed */
    tb_point   *points;       /**< of one ring; owned */
    size_t      capacity;
} tb_passage;

/** What comes over of a geometry; nothing: it has no polygon. */
typedef struct tb_brought {
    GEOSGeometry *geometry;    /**< to be freed with GEOSGeom_destroy_r, or NULL */
    size_t        ring_points; /**< else so many of the passage: a polygon that is one closed ring,
                                    sure to be simple; or 0 */
    bool is_multi;             /**< the polygon is a multipolygon of one */
} tb_brought;

void tb_passage_reset(tb_passage *passage);

/** Makes room for the points of a ring. @return TB_E_MEMORY. */
tb_status tb_passage_make_room(tb_passage *passage, size_t points, tb_error *err);

/**
 * Brings over a polygon that is one ring, its points those of the passage.
 * @param is_brought  they are those of a ring that is sure to be simple; false: they are undefined,
 *                    and the polygon is to be brought by tb_passage_bring.
 * @return TB_E_MEMORY. GDAL may say something: to be captured.
 */
tb_status tb_passage_bring_ring(tb_passage *passage, size_t points, bool *is_brought,
                                tb_error *err);

/**
 * A geometry of the layer as the parcel room wants it: lines for arcs, no Z or M, edges cut,
 * brought over, snapped, valid. What was odd is counted in `out` and told to its log.
 * @return TB_E_INPUT, with the feature's number, when it has no place in CGCS2000 or GEOS fails.
 */
tb_status tb_passage_bring(tb_passage *passage, tb_features *out, OGRGeometryH own, int64_t fid,
                           tb_brought *brought, tb_error *err);

#endif
