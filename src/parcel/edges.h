/**
 * The areas of a geometry on features from their edges alone, and whether the features are apart.
 */
#ifndef TUBAN_PARCEL_EDGES_H
#define TUBAN_PARCEL_EDGES_H

#include "parcel/features.h"
#include "parcel/rings.h"

/** What is sure of a geometry on features. */
typedef struct tb_edges_answer {
    bool has_areas; /**< the areas are there */
    bool is_apart;  /**< and no ground of the geometry lies under two features */
} tb_edges_answer;

/**
 * The area of a geometry on each of some features, m², as of the pieces that GEOS would make, and
 * whether they are apart there.
 * @param geometry  of valid polygons.
 * @param feature   `count` pointers; borrowed.
 * @param area_m2   one a feature; undefined where the answer is not sure.
 * @param piece     one a feature: the outline of its share, where that is some ground and its edges
 *                  tell, else NULL; to be freed with tb_free, also on failure. NULL: not wanted.
 * @return TB_E_MEMORY.   Threads: safe, with a context each.
 * Cost: of tb_common_find for each feature, and of tb_rings_are_apart for each pair.
 */
tb_status tb_edges_measure(tb_geos *geos, const tb_rings *geometry, tb_feature *const *feature,
                           size_t count, double *area_m2, tb_rings **piece, tb_edges_answer *answer,
                           tb_error *err);

#endif
