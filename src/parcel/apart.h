/** Whether two polygons share no ground, by the edges where their boxes meet. */
#ifndef TUBAN_PARCEL_APART_H
#define TUBAN_PARCEL_APART_H

#include "parcel/rings.h"

/**
 * Whether two valid polygons are sure to share no ground: their edges are common to both, in
 * opposite ways, or clear of each other, and none lies within the other. False where that is in
 * doubt.   Cost: the pairs of edges where their boxes meet; 1 µs for neighbours.
 */
bool tb_rings_are_apart(const tb_rings *a, const tb_rings *b);

#endif
