/** Where the made-up scene lies on earth, and how its outlines are written. */
#ifndef TUBAN_SYNTH_PLACE_H
#define TUBAN_SYNTH_PLACE_H

#include "core/error.h"
#include "publish/vector.h"
#include "raster/grid.h"
#include "synth/shape.h"

/**
 * A frame for outlines: scene metres to the coordinates of a CRS. Plain pixels where `crs` is NULL:
 * then y runs down.
 */
typedef struct tb_place {
    double      transform[6]; /**< scene metres to coordinates */
    double      area_scale;   /**< square metres on the ellipsoid for one on the map */
    const char *crs;          /**< for tb_vector_layer, or NULL; borrowed */
} tb_place;

/** The date written into all vector files: they hold no present. */
extern const tb_vector_options tb_place_options;

/** Values of fields: no text where it is NULL. */
static inline tb_vector_value tb_place_text(const char *value)
{
    return (tb_vector_value){.is_set = value != NULL, .text = value};
}

static inline tb_vector_value tb_place_real(double value)
{
    return (tb_vector_value){.is_set = true, .real = value};
}

/** Adds a layer of polygons in the place's CRS; *layer is its number. */
tb_status tb_place_add_layer(const tb_place *place, tb_vector *vector, const char *name,
                             const char *description, const tb_vector_field *fields,
                             int field_count, int *layer, tb_error *err);

/**
 * Adds one polygon, corners as they run in the scene.
 * Threads: one caller per vector.
 */
tb_status tb_place_add(const tb_place *place, tb_vector *vector, int layer, const tb_point *corner,
                       size_t count, const tb_vector_value *values, tb_error *err);

#endif
