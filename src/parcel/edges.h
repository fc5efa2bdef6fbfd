/**
 * What of a geometry lies on features, told from their edges alone: areas without pieces.
 *
 * The boundary of what two polygons share is what of either boundary lies within the other, and an
 * area is a sum over a boundary: edges are cut where they cross and added up, no geometry is made.
 * Sides are told by signs that rounding cannot have turned (the filter of orient2d: Shewchuk,
 * Adaptive Precision Floating-Point Arithmetic, 1997). Where one is in doubt (a corner on an edge,
 * edges along each other) nothing is said, and GEOS is to be asked.
 */
#ifndef TUBAN_PARCEL_EDGES_H
#define TUBAN_PARCEL_EDGES_H

#include "parcel/features.h"

/** What is sure of a geometry on features. */
typedef struct tb_edges_answer {
    bool has_areas; /**< the areas are there */
    bool is_apart;  /**< and no ground of the geometry lies under two features */
} tb_edges_answer;

/**
 * The area of a geometry on each of some features, m², as of the pieces that GEOS would make, and
 * whether they are apart there: each border between two of them must be the same vertices in both,
 * or lie clear of the other.
 * @param geometry  valid polygons.
 * @param feature   `count` pointers; borrowed.
 * @param area_m2   one a feature; undefined where the answer is not sure.
 * @return TB_E_MEMORY.   Threads: safe, with a context each.
 * Cost: O(edges) and the pairs of edges whose boxes may meet; some 3 µs for two outlines of 40
 * edges.
 */
tb_status tb_edges_measure(const tb_geos *geos, const GEOSGeometry *geometry,
                           const tb_feature *const *feature, size_t count, double *area_m2,
                           tb_edges_answer *answer, tb_error *err);

#endif
