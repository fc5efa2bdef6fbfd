#include "synth/scene.h"

#include "core/memory.h"

void tb_scene_reset(tb_scene *scene)
{
    tb_free(scene->patches);
    tb_free(scene->corners);
    *scene = (tb_scene){0};
}

static tb_status reserve(void *array, size_t *capacity, size_t count, size_t size, tb_error *err)
{
    size_t    wanted = *capacity + *capacity / 2 + 1024;
    tb_status status;

    if (count <= *capacity)
        return TB_OK;
    wanted = wanted < count ? count : wanted;
    status = tb_grow(array, wanted, size, "things of a made-up county", err);
    if (status == TB_OK)
        *capacity = wanted;
    return status;
}

tb_status tb_scene_add(tb_scene *scene, const tb_point *corner, size_t count, const tb_patch *look,
                       tb_error *err)
{
    tb_status status = TB_OK;
    tb_patch *patch;

    TB_TRY(reserve(&scene->patches, &scene->patch_capacity, scene->patch_count + 1,
                   sizeof *scene->patches, err));
    TB_TRY(reserve(&scene->corners, &scene->corner_capacity, scene->corner_count + count,
                   sizeof *scene->corners, err));
    patch        = &scene->patches[scene->patch_count];
    *patch       = *look;
    patch->first = scene->corner_count;
    patch->count = (uint32_t)count;
    if (patch->identity == 0)
        patch->identity = (uint32_t)scene->patch_count;
    for (size_t i = 0; i < count; i++)
        scene->corners[scene->corner_count++] = corner[i];
    scene->patch_count++;
    if (count > scene->most_corners)
        scene->most_corners = count;
done:
    return status;
}

tb_status tb_scene_place(tb_scene *scene, const tb_figure *figure, tb_cover cover, double height,
                         tb_error *err)
{
    tb_patch look = {.height = (float)height,
                     .axis_x = 1.0f,
                     .cover  = (uint8_t)cover,
                     .until  = (int8_t)(scene->dates - 1)};

    return tb_scene_add(scene, figure->corner, (size_t)figure->count, &look, err);
}
