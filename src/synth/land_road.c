/* The highway, and roads and tracks by rank between the blocks. */
#include "synth/land_inside.h"

/* Ground a block between roads may cover, square metres, by what bounds it. */
static const double ROAD_BLOCK = 900e3, TRACK_BLOCK = 170e3;

tb_status tb_land_make_blocks(tb_land *land, uint32_t face, tb_error *err)
{
    tb_status  status = TB_OK;
    uint32_t   other  = TB_MESH_NONE;
    tb_measure m;
    double     limit;

    if (land->plots[face].use == TB_USE_RIVER || land->plots[face].use == TB_USE_BANK ||
        land->plots[face].use == TB_USE_HIGHWAY)
        return TB_OK;
    TB_TRY(tb_land_measure(land, face, &m, err));
    limit = TRACK_BLOCK * tb_random_between(&land->random, 0.55, 1.3);
    if (m.area > limit) {
        tb_point *axis    = &land->plots[face].axis;
        bool      is_road = m.area > ROAD_BLOCK;
        bool      is_long = m.along > m.across;
        double    extent  = is_long ? m.along : m.across;
        double    aside   = extent * tb_random_between(&land->random, -0.1, 0.1);

        *axis = tb_axis_turned(*axis, tb_random_between(&land->random, -0.008, 0.008));

        tb_point forward = is_long ? *axis : tb_axis_across(*axis);
        tb_point at      = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};

        TB_TRY(tb_land_cut_strip(land, face, at, tb_axis_across(forward),
                                 is_road ? 11.0 : tb_random_between(&land->random, 4.5, 6.0),
                                 is_road ? TB_USE_ROAD : TB_USE_TRACK, &other, err));
    }
    if (other == TB_MESH_NONE) {
        TB_TRY(tb_land_make_block(land, face, err));
        goto done;
    }
    TB_TRY(tb_land_make_blocks(land, face, err));
    TB_TRY(tb_land_make_blocks(land, other, err));
done:
    return status;
}

tb_status tb_land_make_highway(tb_land *land, tb_point at, tb_point direction, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = land->mesh.face_count;

    for (size_t face = 0; face < count; face++) {
        uint32_t   other;
        tb_measure m;

        TB_TRY(tb_land_measure(land, (uint32_t)face, &m, err));
        /* The chord is looked for where the line passes the face. */
        double   along = (m.centre.x - at.x) * direction.x + (m.centre.y - at.y) * direction.y;
        tb_point foot  = {at.x + along * direction.x, at.y + along * direction.y};

        if (land->plots[face].use == TB_USE_RIVER || land->plots[face].use == TB_USE_BANK) {
            double width;

            foot.x = tb_land_river_at(land, foot.y, &width);
            if (land->plots[face].use == TB_USE_BANK)
                foot.x += (m.centre.x > tb_land_river_at(land, m.centre.y, &width) ? 0.5 : -0.5) *
                          (width + 14.0);
            along  = (foot.x - at.x) / direction.x;
            foot.y = at.y + along * direction.y;
        }
        TB_TRY(tb_land_cut_strip(land, (uint32_t)face, foot, direction, 22.0, TB_USE_HIGHWAY,
                                 &other, err));
    }
done:
    return status;
}
