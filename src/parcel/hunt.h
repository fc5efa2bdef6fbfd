/**
 * Where to look in a layer for what is near given features: boxes in the layer's plane.
 */
#ifndef TUBAN_PARCEL_HUNT_H
#define TUBAN_PARCEL_HUNT_H

#include "parcel/passage.h"

typedef struct tb_look {
    double low[2], high[2]; /**< x and y in the layer's plane */
} tb_look;

/** Boxes around what is wanted, a look each, and the features that were read already. Zero is
 * empty. */
typedef struct tb_hunt {
    tb_look *boxes;
    size_t   count;
    int64_t *seen; /**< open hash of numbers + 1; 0 is free */
    size_t   seen_count, seen_capacity;
} tb_hunt;

/**
 * Finds boxes that hold all of `reach`, joined where they lie so close that one look is cheaper.
 * There are none where a feature has no place in the layer's plane: the layer is to be read whole.
 */
tb_status tb_hunt_plan(tb_hunt *hunt, const tb_passage *passage, const tb_features *reach,
                       tb_error *err);
void      tb_hunt_reset(tb_hunt *hunt);

/** Remembers a feature; *is_new is false where it was read before. */
tb_status tb_hunt_remember(tb_hunt *hunt, int64_t fid, bool *is_new, tb_error *err);

/**
 * Whether the box of a geometry of the layer, brought over by its corners and somewhat more, meets
 * a box of the reach (NULL: all is within).
 */
tb_status tb_hunt_meets(const tb_passage *passage, const tb_features *reach, tb_box box,
                        bool *meets, tb_error *err);

#endif
