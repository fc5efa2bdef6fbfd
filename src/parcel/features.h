/**
 * Polygons in CGCS2000 geographic coordinates with their texts, and an index over their boxes.
 */
#ifndef TUBAN_PARCEL_FEATURES_H
#define TUBAN_PARCEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parcel/boxtree.h"
#include "parcel/chunks.h"
#include "parcel/geos.h"
#include "parcel/qc.h"
#include "parcel/rings.h"

/**
 * Polygons, valid, never empty: a geometry of GEOS's, rings outside it, or both. What is missing is
 * made of the other when it is asked for; most features are never asked for a geometry.
 */
typedef struct tb_feature {
    GEOSGeometry *geometry; /**< NULL: not made yet; see tb_feature_geometry */
    tb_rings     *rings;    /**< likewise */
    tb_box        box;
    int64_t       fid;
    char        **text;      /**< one a field of the role, NULL: none or null; of the chunks */
    bool          has_doubt; /**< its rings cannot be told */
    bool          is_turned; /**< the ring runs the other way in the file; without a geometry */
    bool          is_multi;  /**< it is a multipolygon of one; likewise */
    bool          is_apart;  /**< shares no ground with another of its features, for certain */
    bool          is_geometry_borrowed, is_rings_borrowed; /**< of another feature, of the chunks */
} tb_feature;

/** Features and an index over their boxes. Free with tb_features_reset before the GEOS context. */
typedef struct tb_features {
    tb_geos    *geos; /**< borrowed */
    tb_qc      *qc;   /**< hears what is wrong with what is read; borrowed, may be NULL */
    tb_feature *feature;
    size_t      count, capacity;
    int         field_count;
    tb_chunks   chunks;   /**< texts, and rings that were read */
    tb_boxtree *tree;     /**< of places in `feature`; NULL when there are none */
    int64_t     repaired; /**< invalid polygons among those read */
    int64_t     without;  /**< features read that have no polygon */
} tb_features;

void tb_features_reset(tb_features *features);

/** Makes room for so many more. @return TB_E_MEMORY. */
tb_status tb_features_reserve(tb_features *features, size_t more, tb_error *err);

/** Adds a feature without texts; takes the geometry, also on failure. */
tb_status tb_features_add(tb_features *features, GEOSGeometry *geometry, int64_t fid,
                          tb_error *err);

/**
 * Adds a polygon that is one closed ring without texts.
 * @param ring      `count` points, the first again at the end: sure to be simple. May be turned.
 * @param is_multi  it is a multipolygon of one.
 */
tb_status tb_features_add_ring(tb_features *features, tb_point *ring, size_t count, bool is_multi,
                               int64_t fid, tb_error *err);

/** What it is in GEOS's hands, as the file has it; borrowed from the feature. */
tb_status tb_feature_geometry(const tb_geos *geos, tb_feature *feature, const GEOSGeometry **out,
                              tb_error *err);

/** Its rings, borrowed from the feature; NULL: there is a doubt. */
tb_status tb_feature_rings(const tb_geos *geos, tb_feature *feature, const tb_rings **out,
                           tb_error *err);

/** Its area, m², as tb_area_of_geometry has it; below 0 when GEOS fails. */
double tb_feature_area(const tb_geos *geos, tb_feature *feature);

/** Frees what a feature owns, but for its texts. */
void tb_feature_reset(const tb_geos *geos, tb_feature *feature);

/**
 * Looks for what is wrong between features or with their area fields, and logs it to their `qc`
 * under its latest layer: the same ground twice, ground shared with an earlier feature (over 1 m²),
 * and a text of `area_field` (below 0: none) more than 1 % and 10 m² off the ellipsoidal area.
 * Features that share no ground with another are told to be apart, if they are of one layer.
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
