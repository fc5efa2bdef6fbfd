/* The units that answer for the ground, and their borders. */
#include "synth/land_inside.h"

tb_status tb_land_make_units(tb_land *land, uint32_t face, tb_error *err)
{
    enum { POINTS = 9 };
    tb_status status = TB_OK;
    double    width = land->high.x - land->low.x, height = land->high.y - land->low.y;
    tb_point  line[POINTS];
    uint32_t  second, zone;
    double    phase = tb_random_between(&land->random, 0, 1);

    for (int i = 0; i < POINTS; i++) {
        double at = (double)i / (POINTS - 1);

        line[i] = tb_point_snap(
            (tb_point){land->low.x + width * (0.62 + 0.035 * tb_wave(1.3 * at + phase) +
                                              0.015 * tb_wave(3.1 * at)),
                       land->high.y - height * at});
    }
    TB_TRY(tb_land_cut_along(land, face, line, POINTS, &second, err));
    land->plots[second].unit = 1;
    TB_TRY(tb_land_cut(land, second,
                       (tb_point){land->low.x + width * 0.85, land->low.y + height * 0.66},
                       tb_direction(0.006), &zone, err));
    if (zone != TB_MESH_NONE)
        land->plots[zone].unit = 2;
done:
    return status;
}

static int unit_of(const tb_land *land, uint32_t half)
{
    uint32_t face = land->mesh.halves[half].face;

    return face == TB_MESH_NONE ? -1 : land->plots[face].unit;
}

tb_status tb_land_unit_ring(tb_land *land, int unit, const tb_point **corners, size_t *count,
                            tb_error *err)
{
    tb_status status = TB_OK;
    tb_mesh  *mesh   = &land->mesh;
    uint32_t  first  = 0, h;

    *count = 0;
    while (first < mesh->half_count &&
           (unit_of(land, first) != unit || unit_of(land, first ^ 1) == unit))
        first++;
    if (first == mesh->half_count)
        goto done;
    h = first;
    do {
        TB_TRY(tb_mesh_ring_append(mesh, h, count, err));
        h = mesh->halves[h].next;
        while (unit_of(land, h ^ 1) == unit) /* inside: on to the next face around the vertex */
            h = mesh->halves[h ^ 1].next;
    } while (h != first);
    *corners = mesh->ring;
done:
    return status;
}

bool tb_land_border_place(const tb_land *land, tb_random *random, tb_point *place)
{
    const tb_mesh *mesh    = &land->mesh;
    size_t         borders = 0, chosen;

    for (size_t h = 0; h < mesh->half_count; h += 2)
        borders += unit_of(land, (uint32_t)h) >= 0 && unit_of(land, (uint32_t)h ^ 1) >= 0 &&
                   unit_of(land, (uint32_t)h) != unit_of(land, (uint32_t)h ^ 1);
    if (borders == 0)
        return false;
    chosen = tb_random_below(random, (uint32_t)borders);
    for (size_t h = 0; h < mesh->half_count; h += 2)
        if (unit_of(land, (uint32_t)h) >= 0 && unit_of(land, (uint32_t)h ^ 1) >= 0 &&
            unit_of(land, (uint32_t)h) != unit_of(land, (uint32_t)h ^ 1) && chosen-- == 0) {
            *place = mesh->vertices[mesh->halves[h].origin];
            break;
        }
    return true;
}
