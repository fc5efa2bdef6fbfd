/**
 * What of a geometry lies on the features of a mask, each ground once: what two features share
 * belongs to the earlier of them.
 */
#ifndef TUBAN_PARCEL_OVERLAY_H
#define TUBAN_PARCEL_OVERLAY_H

#include "parcel/layer.h"

/**
 * Hears of one piece; borrows it for the length of the call.
 * @param area_m2  of the piece, ellipsoidal.
 */
typedef tb_status tb_overlay_fn(void *context, const GEOSGeometry *piece, double area_m2,
                                const tb_feature *feature, tb_error *err);

/** Whether a feature of the mask counts at all. */
typedef bool tb_overlay_filter(void *context, const tb_feature *feature);

/**
 * Tells `take` of the pieces of `geometry` on the mask, in the order of its features. Pieces do not
 * overlap; those under a square millimetre are nothing.
 * @param wants      NULL: every feature counts.
 * @param shared_m2  ground that lay under more than one feature; may be NULL.
 * Cost: an intersection a feature whose box meets the geometry's, and one a pair of pieces that
 * touch.
 */
tb_status tb_overlay_visit(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                           tb_overlay_filter *wants, tb_overlay_fn *take, void *context,
                           double *shared_m2, tb_error *err);

/** The area of a geometry on a mask, m². */
tb_status tb_overlay_area(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          double *area_m2, tb_error *err);

/** Whether a geometry and a mask have a point in common, on their boundaries too. */
tb_status tb_overlay_touches(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                             bool *touches, tb_error *err);

/** What of a geometry lies on a mask (free with GEOSGeom_destroy_r); empty where nothing does. */
tb_status tb_overlay_clip(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          GEOSGeometry **out, tb_error *err);

/** What of a geometry lies outside another (free with GEOSGeom_destroy_r). */
tb_status tb_overlay_without(tb_geos *geos, const GEOSGeometry *geometry, const GEOSGeometry *other,
                             GEOSGeometry **out, tb_error *err);

#endif
