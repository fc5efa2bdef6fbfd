/**
 * What of a geometry lies on the features of a mask, each ground once: what two features share
 * belongs to the earlier of them.
 */
#ifndef TUBAN_PARCEL_OVERLAY_H
#define TUBAN_PARCEL_OVERLAY_H

#include "parcel/layer.h"
#include "parcel/tract.h"

/** What of some ground lies on a feature, and on no earlier one. */
typedef struct tb_piece {
    tb_feature *feature;
    tb_tract    ground; /**< with its area */
    tb_tract   *cutter; /**< cuts it out of the ground: the feature less earlier ones */
} tb_piece;

/** Zero is empty; free with tb_overlay_reset. */
typedef struct tb_overlay {
    const tb_geos *geos;
    tb_piece      *item; /**< in the order of the features */
    size_t         count;
    double         shared_m2; /**< ground that lay under more than one feature */
    tb_tract     **tract;     /**< cutters, and what they were made of */
    size_t         tract_count;
} tb_overlay;

/** Whether a feature of the mask counts at all. */
typedef bool tb_overlay_filter(void *context, const tb_feature *feature);

/**
 * Finds the pieces of some ground on a mask. They do not overlap; those under a square millimetre
 * are nothing.
 * @param ground  has to outlive the pieces.
 * @param wants   NULL: every feature counts.
 * Cost: of tb_edges_measure, and where features overlap, of a few tracts for each two.
 */
tb_status tb_overlay_find(tb_geos *geos, tb_tract *ground, const tb_features *mask,
                          tb_overlay_filter *wants, void *context, tb_overlay *out, tb_error *err);
void      tb_overlay_reset(tb_overlay *pieces);

/** The piece with the most ground, the first of several; NULL: there is none. */
tb_piece *tb_overlay_largest(const tb_overlay *pieces);

/** The area of a geometry on a mask, m². */
tb_status tb_overlay_area(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          double *area_m2, tb_error *err);

/** Whether a geometry and a mask have a point in common, on their boundaries too. */
tb_status tb_overlay_touches(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                             bool *touches, tb_error *err);

#endif
