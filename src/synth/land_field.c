/* What a block between roads is for, and the fields it is cut into. */
#include <math.h>

#include "synth/cover.h"
#include "synth/land_inside.h"

typedef struct purpose {
    tb_use use;
    double share, hill_share; /* of the blocks, outside and inside of the hills */
} purpose;

static const purpose purposes[] = {
    {TB_USE_ORCHARD, 0.06, 0.30}, {TB_USE_FOREST, 0.035, 0.45}, {TB_USE_GRASS, 0.025, 0.10},
    {TB_USE_INDUSTRY, 0.02, 0.0}, {TB_USE_POND, 0.03, 0.0},     {TB_USE_FACILITY, 0.03, 0.0},
    {TB_USE_BARE, 0.015, 0.06},   {TB_USE_PADDY, 0.05, 0.0},    {TB_USE_DRY, 0.12, 0.09},
    {TB_USE_IRRIGATED, 1.0, 1.0},
};

static tb_use choose_use(tb_land *land, tb_point centre)
{
    bool   is_hill  = tb_land_is_in_zone(land, TB_ZONE_HILL, centre);
    bool   is_urban = tb_land_is_in_zone(land, TB_ZONE_URBAN, centre);
    double draw     = tb_random_between(&land->random, 0, 1);
    double river, wide = 0.0;

    if (is_urban && draw < 0.55)
        return TB_USE_INDUSTRY;
    river = tb_land_river_at(land, centre.y, &wide);
    if (wide > 0.0 && fabs(centre.x - river) < 350.0 && draw > 0.6)
        return TB_USE_PADDY;
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        draw -= is_hill ? purposes[i].hill_share : purposes[i].share;
        if (draw < 0.0)
            return purposes[i].use;
    }
    return TB_USE_IRRIGATED;
}

static uint8_t choose_crop(tb_land *land, tb_use use, tb_cover usual)
{
    double draw = tb_random_between(&land->random, 0, 1);

    if (use == TB_USE_PADDY)
        return draw < 0.92 ? TB_COVER_PADDY : TB_COVER_WHEAT;
    if (draw < 0.62)
        return (uint8_t)usual;
    if (use == TB_USE_DRY)
        return draw < 0.80 ? TB_COVER_PEANUT : draw < 0.92 ? TB_COVER_MAIZE : TB_COVER_FALLOW;
    return draw < 0.80   ? TB_COVER_WHEAT
           : draw < 0.89 ? TB_COVER_MAIZE
           : draw < 0.96 ? TB_COVER_VEGETABLE
                         : TB_COVER_FALLOW;
}

/* Strips of land of one holding: cut until they are as narrow as the block's usual field. */
static tb_status make_fields(tb_land *land, uint32_t face, double field_width, double field_length,
                             tb_cover usual, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_plot   *plot   = &land->plots[face];
    tb_measure m;
    uint32_t   other = TB_MESH_NONE;

    TB_TRY(tb_land_measure(land, face, &m, err));
    if (m.along > field_length * 1.5 || m.across > field_width * 1.6) {
        bool     is_long   = m.along / field_length > m.across / field_width;
        double   extent    = is_long ? m.along : m.across;
        double   usual_one = is_long ? field_length : field_width;
        double   parts     = floor(extent / usual_one + 0.5);
        double   share     = floor(parts / 2) / parts - 0.5; /* where whole fields meet */
        double   jitter    = usual_one * tb_random_between(&land->random, -0.3, 0.3);
        tb_point forward   = is_long ? plot->axis : tb_axis_across(plot->axis);
        double   aside     = parts >= 2 ? share * extent + jitter : jitter;
        tb_point at        = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};
        tb_point line =
            tb_axis_turned(tb_axis_across(forward), tb_random_between(&land->random, -.002, .002));

        TB_TRY(tb_land_cut(land, face, at, line, &other, err));
    }
    if (other == TB_MESH_NONE) {
        plot       = &land->plots[face];
        plot->crop = choose_crop(land, (tb_use)plot->use, usual);
        goto done;
    }
    TB_TRY(make_fields(land, face, field_width, field_length, usual, err));
    TB_TRY(make_fields(land, other, field_width, field_length, usual, err));
done:
    return status;
}

static tb_status make_farm_block(tb_land *land, uint32_t face, tb_use use, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_random *random = &land->random;
    double width = tb_random_between(random, 18, 62), length = tb_random_between(random, 130, 320);
    tb_cover usual = use == TB_USE_DRY               ? TB_COVER_PEANUT
                     : use == TB_USE_PADDY           ? TB_COVER_PADDY
                     : tb_random_chance(random, 0.8) ? TB_COVER_WHEAT
                                                     : TB_COVER_MAIZE;
    double   draw  = tb_random_between(random, 0, 1);
    bool     is_pbf =
        use != TB_USE_DRY ? !tb_random_chance(random, 0.12) : tb_random_chance(random, 0.4);
    uint32_t   other = TB_MESH_NONE;
    tb_measure m;

    land->plots[face].use               = (uint8_t)use;
    land->plots[face].is_basic_farmland = is_pbf;
    TB_TRY(tb_land_measure(land, face, &m, err));
    if (m.area > 45e3 && draw < 0.75) {
        tb_use   between = draw < 0.4 ? TB_USE_TRACK : draw < 0.6 ? TB_USE_DITCH : TB_USE_SHELTER;
        double   wide    = draw < 0.4 ? 3.5 : draw < 0.6 ? 4.0 : 9.0;
        tb_point axis    = land->plots[face].axis;
        tb_point along   = m.along > m.across ? tb_axis_across(axis) : axis;

        TB_TRY(tb_land_cut_strip(land, face, m.centre, along, wide, between, &other, err));
    }
    if (tb_random_chance(random, 0.5) || use == TB_USE_PADDY)
        land->plots[face].axis = tb_axis_across(land->plots[face].axis);
    if (other != TB_MESH_NONE) {
        land->plots[other].axis = land->plots[face].axis;
        TB_TRY(make_fields(land, other, width, length, usual, err));
    }
    TB_TRY(make_fields(land, face, width, length, usual, err));
done:
    return status;
}

/* A part of a block becomes a village, or a yard, without a road between it and the fields. */
static tb_status set_apart(tb_land *land, uint32_t *face, double share, tb_use use, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_point   axis   = land->plots[*face].axis;
    uint32_t   other;
    tb_measure m;

    TB_TRY(tb_land_measure(land, *face, &m, err));
    tb_point forward = m.along > m.across ? axis : tb_axis_across(axis);
    double   extent  = m.along > m.across ? m.along : m.across;
    double   aside   = (0.5 - share) * extent;
    tb_point at      = {m.centre.x + aside * forward.x, m.centre.y + aside * forward.y};

    TB_TRY(tb_land_cut(land, *face, at, (tb_point){forward.y, -forward.x}, &other, err));
    if (other == TB_MESH_NONE)
        other = *face;
    else if (tb_random_chance(&land->random, 0.5)) {
        land->plots[other].use = (uint8_t)use;
        goto done;
    }
    land->plots[*face].use = (uint8_t)use;
    *face                  = other;
done:
    return status;
}

tb_status tb_land_make_block(tb_land *land, uint32_t face, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_measure m;
    tb_use     use;

    TB_TRY(tb_land_measure(land, face, &m, err));
    use = choose_use(land, m.centre);
    if (m.area < 4e3) {
        land->plots[face].use = TB_USE_GRASS;
        goto done;
    }
    if (m.area > 35e3 && tb_random_chance(&land->random, 0.16) &&
        !tb_land_is_in_zone(land, TB_ZONE_HILL, m.centre)) {
        TB_TRY(set_apart(land, &face, tb_random_between(&land->random, 0.4, 0.75), TB_USE_VILLAGE,
                         err));
        if (land->plots[face].use == TB_USE_VILLAGE)
            goto done;
    }
    if (tb_use_describe(use)->is_farmland) {
        TB_TRY(make_farm_block(land, face, use, err));
        goto done;
    }
    if (use == TB_USE_POND || use == TB_USE_FACILITY || use == TB_USE_BARE || use == TB_USE_GRASS) {
        /* These take a part of their block, fields the rest. */
        TB_TRY(set_apart(land, &face, tb_random_between(&land->random, 0.25, 0.6), use, err));
        if (land->plots[face].use != use)
            TB_TRY(make_farm_block(land, face, TB_USE_IRRIGATED, err));
        goto done;
    }
    land->plots[face].use = (uint8_t)use;
done:
    return status;
}
