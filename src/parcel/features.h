/**
 * Polygons in CGCS2000 geographic coordinates with their texts, and an index over their boxes.
 */
#ifndef TUBAN_PARCEL_FEATURES_H
#define TUBAN_PARCEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parcel/geos.h"
#include "parcel/qc.h"

typedef struct tb_feature {
    GEOSGeometry *geometry; /**< polygons, valid, never empty */
    int64_t       fid;
    char        **text; /**< one a field of the role; NULL: none or null */
} tb_feature;

/** Features and an index over their boxes. Free with tb_features_reset before the GEOS context. */
typedef struct tb_features {
    tb_geos     *geos; /**< borrowed */
    tb_qc       *qc;   /**< hears what is wrong with what is read; borrowed, may be NULL */
    tb_feature  *feature;
    size_t       count, capacity;
    int          field_count;
    bool         is_view;  /**< geometries and texts are another's */
    GEOSSTRtree *tree;     /**< of pointers into `feature`; NULL when there are none */
    int64_t      repaired; /**< invalid polygons among those read */
    int64_t      without;  /**< features read that have no polygon */
} tb_features;

void tb_features_reset(tb_features *features);

/** Adds a feature without texts; takes the geometry, also on failure. */
tb_status tb_features_add(tb_features *features, GEOSGeometry *geometry, int64_t fid,
                          tb_error *err);

/**
 * Looks for what is wrong between features or with their area fields, and logs it to their `qc`
 * under its latest layer: the same ground twice, ground shared with an earlier feature (over 1 m²),
 * and a text of `area_field` (below 0: none) more than 1 % and 10 m² off the ellipsoidal area.
 * @param first     features before it are of other layers.
 * @param overlaps  look for shared ground: a relate for each pair whose boxes meet.
 */
tb_status tb_features_check(tb_features *features, size_t first, int area_field, bool overlaps,
                            tb_error *err);

/**
 * Makes an indexed view of some features of another, which has to outlive it.
 * @param which  their places there; `count` of them.
 */
tb_status tb_features_view(const tb_features *of, const size_t *which, size_t count,
                           tb_features *out, tb_error *err);

/** Builds the index; call once, when all are added. */
tb_status tb_features_index(tb_features *features, tb_error *err);

#endif
