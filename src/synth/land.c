#include "synth/land.h"

#include "core/memory.h"
#include "synth/land_inside.h"

size_t tb_land_count(const tb_land *land)
{
    return land->mesh.face_count;
}

const tb_plot *tb_land_plot(const tb_land *land, uint32_t face)
{
    return &land->plots[face];
}

tb_status tb_land_ring(tb_land *land, uint32_t face, const tb_point **corners, size_t *count,
                       tb_error *err)
{
    return tb_mesh_ring(&land->mesh, face, corners, count, err);
}

void tb_land_extent(const tb_land *land, tb_point *low, tb_point *high)
{
    *low  = land->low;
    *high = land->high;
}

uint32_t tb_land_at(const tb_land *land, tb_point p)
{
    return tb_face_grid_find(&land->grid, &land->mesh, p);
}

tb_status tb_land_new(tb_land **out, double width, double height, double margin, uint64_t seed,
                      tb_error *err)
{
    tb_status status = TB_OK;
    tb_land  *land   = NULL;
    uint32_t  east   = 0;
    size_t    count;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&land, 1, sizeof *land, "made-up county", err));
    land->random = tb_random_begin(seed, 1);
    land->low    = tb_point_snap((tb_point){-margin, -margin});
    land->high   = tb_point_snap((tb_point){width + margin, height + margin});
    TB_TRY(tb_mesh_begin(&land->mesh, land->low, land->high, err));
    TB_TRY(tb_land_inherit(land, 0, 0, err));
    land->plots[0]    = (tb_plot){.use  = TB_USE_IRRIGATED,
                                  .axis = tb_direction(tb_random_between(&land->random, -.02, .02))};
    land->has_river   = width > 900.0;
    land->river_at    = land->low.x + 0.27 * (land->high.x - land->low.x);
    land->river_width = tb_random_between(&land->random, 38.0, 60.0);
    land->river_phase = tb_random_between(&land->random, 0, 1);
    tb_land_make_zones(land);
    if (land->has_river)
        TB_TRY(tb_land_make_river(land, &east, err));
    TB_TRY(tb_land_make_units(land, east, err));
    if (width > 900.0)
        TB_TRY(tb_land_make_highway(land, (tb_point){width / 2, height * 0.43},
                                    tb_direction(tb_random_between(&land->random, 0.01, 0.03)),
                                    err));
    count = land->mesh.face_count;
    for (size_t face = 0; face < count; face++)
        TB_TRY(tb_land_make_blocks(land, (uint32_t)face, err));
    TB_TRY(tb_face_grid_make(&land->grid, &land->mesh, land->low, land->high, err));
done:
    if (status == TB_OK)
        *out = land;
    else
        tb_land_free(land);
    return status;
}

void tb_land_free(tb_land *land)
{
    if (land == NULL)
        return;
    tb_mesh_reset(&land->mesh);
    tb_free(land->plots);
    tb_face_grid_reset(&land->grid);
    tb_free(land);
}
