/**
 * Ground that was cut out of a parcel, with as little of it made as is asked for: an area needs
 * edges alone, a further cut an outline, and GEOS is asked where edges leave a doubt.
 */
#ifndef TUBAN_PARCEL_TRACT_H
#define TUBAN_PARCEL_TRACT_H

#include <stdbool.h>

#include "parcel/geos.h"

/**
 * Some ground: that of a geometry, or what two others, which have to outlive it, have in common, or
 * one has and the other has not.
 * Free with tb_tract_reset. Threads: one caller per context.
 */
typedef struct tb_tract {
    const GEOSGeometry *geometry;    /**< valid polygons; NULL: not made yet */
    GEOSGeometry       *owned;       /**< NULL: it is another's */
    struct tb_feature  *feature;     /**< NULL: it is none */
    struct tb_tract    *one, *other; /**< NULL: the geometry or the feature is given */
    bool                is_without;  /**< what of the one is not of the other */
    struct tb_rings    *rings;       /**< in one allocation, no feature's; NULL: not made yet, or
                                          there is a doubt */
    bool   is_doubtful;              /**< they cannot be told */
    bool   is_all;                   /**< of the one, for certain: the other takes nothing off */
    double area_m2;
} tb_tract;

/** The ground of a geometry, which is borrowed; without its area. */
tb_tract tb_tract_of(const GEOSGeometry *geometry);
/** That of a feature, likewise. */
tb_tract tb_tract_of_feature(struct tb_feature *feature);
void     tb_tract_reset(const tb_geos *geos, tb_tract *tract);

/** Its polygons; borrowed from the tract. */
tb_status tb_tract_geometry(tb_geos *geos, tb_tract *tract, const GEOSGeometry **out,
                            tb_error *err);

/** Its rings, borrowed from the tract; NULL: there is a doubt. */
tb_status tb_tract_rings(tb_geos *geos, tb_tract *tract, const struct tb_rings **out,
                         tb_error *err);

/** What two tracts have in common, with its area. On failure it is to be reset, too. */
tb_status tb_tract_common(tb_geos *geos, tb_tract *one, tb_tract *other, tb_tract *out,
                          tb_error *err);

/** What one has and the other has not, likewise. */
tb_status tb_tract_without(tb_geos *geos, tb_tract *one, tb_tract *other, tb_tract *out,
                           tb_error *err);

/** The areas of one and of what it has in common with another, m² that add up (common.h); *is_sure
 * false: edges leave a doubt. */
tb_status tb_tract_area_along(tb_geos *geos, tb_tract *one, double *area_m2, bool *is_sure,
                              tb_error *err);
tb_status tb_tract_common_along(tb_geos *geos, tb_tract *one, tb_tract *other, double *area_m2,
                                bool *is_sure, tb_error *err);

#endif
