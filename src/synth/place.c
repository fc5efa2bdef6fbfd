#include "synth/place.h"

#include "core/memory.h"

const tb_vector_options tb_place_options = {.driver = "GPKG", .date = "2024-01-01T00:00:00.000Z"};

tb_status tb_place_add_layer(const tb_place *place, tb_vector *vector, const char *name,
                             const char *description, const tb_vector_field *fields,
                             int field_count, int *layer, tb_error *err)
{
    tb_vector_layer added = {.name        = name,
                             .description = description,
                             .geometry    = TB_VECTOR_POLYGON,
                             .crs         = place->crs,
                             .fields      = fields,
                             .field_count = field_count};

    return tb_vector_add_layer(vector, &added, layer, err);
}

tb_status tb_place_add(const tb_place *place, tb_vector *vector, int layer, const tb_point *corner,
                       size_t count, const tb_vector_value *values, tb_error *err)
{
    const tb_ring     ring    = {0, count};
    const tb_polygon  polygon = {0, 1};
    tb_vector_outline outline = {.rings = &ring, .polygons = &polygon, .polygon_count = 1};
    tb_status         status  = TB_OK;
    double           *points  = NULL;

    TB_TRY(tb_alloc(&points, 2 * count, sizeof *points, "corners of a polygon", err));
    bool is_clockwise = tb_ring_area(corner, count) > 0; /* with y up */

    for (size_t i = 0; i < count; i++) {
        tb_point p = corner[is_clockwise ? count - 1 - i : i];

        tb_transform_apply(place->transform, p.x, p.y, &points[2 * i], &points[2 * i + 1]);
    }
    outline.points = points;
    TB_TRY(tb_vector_add(vector, layer, &outline, values, err));
done:
    tb_free(points);
    return status;
}
