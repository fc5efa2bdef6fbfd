/* Cutting the land, a plot for every face. */
#include <math.h>

#include "core/memory.h"
#include "synth/land_inside.h"

tb_status tb_land_inherit(tb_land *land, uint32_t face, uint32_t other, tb_error *err)
{
    tb_status status = TB_OK;

    if (land->mesh.face_count > land->plot_capacity) {
        size_t capacity = 2 * land->mesh.face_count + 256;

        TB_TRY(
            tb_grow(&land->plots, capacity, sizeof *land->plots, "plots of a made-up county", err));
        land->plot_capacity = capacity;
    }
    if (other != face)
        land->plots[other] = land->plots[face];
done:
    return status;
}

tb_status tb_land_cut(tb_land *land, uint32_t face, tb_point at, tb_point direction,
                      uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_mesh_cut(&land->mesh, face, at, direction, other, err));
    if (*other != TB_MESH_NONE)
        TB_TRY(tb_land_inherit(land, face, *other, err));
done:
    return status;
}

tb_status tb_land_cut_along(tb_land *land, uint32_t face, const tb_point *line, size_t count,
                            uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_mesh_cut_along(&land->mesh, face, line, count, other, err));
    TB_TRY(tb_land_inherit(land, face, *other, err));
done:
    return status;
}

tb_status tb_land_cut_strip(tb_land *land, uint32_t face, tb_point at, tb_point direction,
                            double width, tb_use use, uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  right  = {at.x - direction.y * width / 2, at.y + direction.x * width / 2};
    tb_point  left   = {at.x + direction.y * width / 2, at.y - direction.x * width / 2};
    uint32_t  strip;

    TB_TRY(tb_land_cut(land, face, right, direction, other, err));
    if (*other == TB_MESH_NONE)
        goto done;
    TB_TRY(tb_land_cut(land, face, left, direction, &strip, err));
    if (strip != TB_MESH_NONE) {
        land->plots[strip].use  = (uint8_t)use;
        land->plots[strip].axis = direction;
    }
done:
    return status;
}

tb_status tb_land_measure(tb_land *land, uint32_t face, tb_measure *m, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_point        axis   = land->plots[face].axis;
    double          low_u = HUGE_VAL, high_u = -HUGE_VAL, low_v = HUGE_VAL, high_v = -HUGE_VAL;
    const tb_point *ring;
    size_t          count;

    TB_TRY(tb_mesh_ring(&land->mesh, face, &ring, &count, err));
    for (size_t i = 0; i < count; i++) {
        double u = ring[i].x * axis.x + ring[i].y * axis.y;
        double v = ring[i].y * axis.x - ring[i].x * axis.y;

        low_u  = u < low_u ? u : low_u;
        high_u = u > high_u ? u : high_u;
        low_v  = v < low_v ? v : low_v;
        high_v = v > high_v ? v : high_v;
    }
    *m = (tb_measure){.area   = fabs(tb_ring_area(ring, count)),
                      .along  = high_u - low_u,
                      .across = high_v - low_v,
                      .centre = tb_ring_centre(ring, count)};
done:
    return status;
}

tb_point tb_axis_turned(tb_point axis, double turns)
{
    tb_point d = tb_direction(turns);

    return (tb_point){axis.x * d.x - axis.y * d.y, axis.x * d.y + axis.y * d.x};
}

tb_point tb_axis_across(tb_point axis)
{
    return (tb_point){-axis.y, axis.x};
}
