/* What belongs to the uses of land: houses, sheds, trees, waters, films. */
#include <math.h>

#include "synth/scene.h"
#include "synth/season.h"

/* One face while it is furnished; the corners are the land's. */
typedef struct lot {
    tb_scene       *scene;
    const tb_plot  *plot;
    const tb_point *ring;
    size_t          count;
    tb_point        low, high; /* of its box along (x) and across (y) the plot's axis */
    tb_random       random;
    uint64_t        seed;
} lot;

static tb_point to_ground(const lot *l, double along, double across)
{
    tb_point a = l->plot->axis;

    return (tb_point){along * a.x - across * a.y, along * a.y + across * a.x};
}

static void find_box(lot *l)
{
    tb_point a = l->plot->axis;

    l->low  = (tb_point){HUGE_VAL, HUGE_VAL};
    l->high = (tb_point){-HUGE_VAL, -HUGE_VAL};
    for (size_t i = 0; i < l->count; i++) {
        double u = l->ring[i].x * a.x + l->ring[i].y * a.y;
        double v = l->ring[i].y * a.x - l->ring[i].x * a.y;

        l->low.x  = u < l->low.x ? u : l->low.x;
        l->low.y  = v < l->low.y ? v : l->low.y;
        l->high.x = u > l->high.x ? u : l->high.x;
        l->high.y = v > l->high.y ? v : l->high.y;
    }
}

static bool fits(const lot *l, const tb_figure *figure)
{
    for (int i = 0; i < figure->count; i++)
        if (!tb_ring_contains(l->ring, l->count, figure->corner[i]))
            return false;
    return true;
}

/* A rectangle in the plot's frame if it fits into the face; *is_placed may be NULL. */
static tb_status place(lot *l, double along, double across, double length, double width,
                       tb_cover cover, double height, bool *is_placed, tb_error *err)
{
    tb_figure f = tb_figure_rectangle(to_ground(l, along, across), l->plot->axis, length, width);
    bool      is_inside = fits(l, &f);

    if (is_placed != NULL)
        *is_placed = is_inside;
    return is_inside ? tb_scene_place(l->scene, &f, cover, height, err) : TB_OK;
}

static tb_status plant_tree(lot *l, tb_point at, double radius, tb_error *err)
{
    tb_figure crown =
        tb_figure_blob(at, (tb_point){1.0, 0.0}, 2 * radius,
                       2 * radius * tb_random_between(&l->random, 0.8, 1.1), 0.3, 6, &l->random);
    tb_cover cover = tb_random_chance(&l->random, 0.12) ? TB_COVER_PINE : TB_COVER_TREE;

    /* A bare crown lets the sun through: its shadow is that of something lower. */
    return tb_scene_place(l->scene, &crown, cover, 1.3 * radius, err);
}

/* Trees of radii from `least` to `most`, one in so many square metres of the lot's box. */
static tb_status scatter_trees(lot *l, double every_m2, double least, double most, tb_error *err)
{
    tb_status status = TB_OK;
    double    area   = (l->high.x - l->low.x) * (l->high.y - l->low.y);

    for (int i = (int)(area / every_m2); i > 0; i--) {
        tb_point within = tb_point_between(&l->random, l->low, l->high);
        tb_point at     = to_ground(l, within.x, within.y);

        if (tb_ring_contains(l->ring, l->count, at))
            TB_TRY(plant_tree(l, at, tb_random_between(&l->random, least, most), err));
    }
done:
    return status;
}

static tb_cover choose_roof(tb_random *random)
{
    double draw = tb_random_between(random, 0, 1);

    return draw < 0.58   ? TB_COVER_RED_ROOF
           : draw < 0.88 ? TB_COVER_GREY_ROOF
           : draw < 0.94 ? TB_COVER_BLUE_ROOF
                         : TB_COVER_WHITE_ROOF;
}

/* A homestead: the house on the north side, a wing, a yard, now and then a tree. */
static tb_status make_homestead(lot *l, double u, double v, double width, double depth,
                                tb_error *err)
{
    tb_status status = TB_OK;
    double    draw   = tb_random_between(&l->random, 0, 1);
    double    height;
    tb_cover  roof;
    bool      is_placed;

    if (draw < 0.05) { /* a gap with trees */
        for (int i = 0; i < 3; i++) {
            tb_point at =
                tb_point_between(&l->random, (tb_point){u - 4, v - 5}, (tb_point){u + 4, v + 5});

            TB_TRY(plant_tree(l, to_ground(l, at.x, at.y), tb_random_between(&l->random, 2, 3.6),
                              err));
        }
        goto done;
    }
    TB_TRY(place(l, u, v, width - 0.8, depth - 0.8, draw < 0.4 ? TB_COVER_CONCRETE : TB_COVER_YARD,
                 1.5, &is_placed, err));
    if (!is_placed)
        goto done;
    roof   = choose_roof(&l->random);
    height = tb_random_chance(&l->random, 0.2) ? 6.0 : 3.6;
    TB_TRY(place(l, u, v - depth / 2 + 4.2, width - 1.6, tb_random_between(&l->random, 5.5, 7.0),
                 roof, height, NULL, err));
    if (draw < 0.75)
        TB_TRY(place(l, u + (draw < 0.35 ? -1 : 1) * (width / 2 - 2.2), v + 1.5, 3.2, depth * 0.42,
                     choose_roof(&l->random), 3.0, NULL, err));
    if (draw > 0.8)
        TB_TRY(plant_tree(l, to_ground(l, u, v + depth / 2 - 3), 2.0, err));
done:
    return status;
}

static tb_status make_village(lot *l, tb_error *err)
{
    tb_status status = TB_OK;
    double    width  = tb_random_between(&l->random, 12.5, 15.5);
    double    depth  = tb_random_between(&l->random, 14.5, 18.0);
    int       row    = 0;

    for (double v = l->low.y + 14.0; v < l->high.y - 10.0; row++) {
        double shift = tb_random_between(&l->random, 0, width);
        int    house = 0;

        TB_TRY(place(l, (l->low.x + l->high.x) / 2, v - depth / 2 - 2.0,
                     (l->high.x - l->low.x) * 0.9, 2.6, TB_COVER_CONCRETE, 0, NULL, err));
        for (double u = l->low.x + 8.0 + shift; u < l->high.x - 6.0; house++) {
            TB_TRY(make_homestead(l, u, v + tb_random_between(&l->random, -.6, .6), width, depth,
                                  err));
            u += width + (house % 7 == 6 ? 5.5 : 0.4);
        }
        v += depth + (row % 2 == 0 ? 4.2 : 6.0);
    }
    TB_TRY(scatter_trees(l, 1800.0, 1.8, 4.0, err));
done:
    return status;
}

static tb_status make_works(lot *l, tb_error *err)
{
    tb_status status = TB_OK;
    double    length, width;

    for (double v = l->low.y + 30.0; v < l->high.y - 12.0; v += width + 13.0) {
        width = tb_random_between(&l->random, 18, 36);
        for (double u = l->low.x + 36.0; u < l->high.x - 20.0; u += length + 16.0) {
            static const tb_cover roofs[] = {TB_COVER_BLUE_ROOF, TB_COVER_BLUE_ROOF,
                                             TB_COVER_WHITE_ROOF, TB_COVER_GREY_ROOF,
                                             TB_COVER_RED_ROOF};
            tb_cover              roof    = roofs[tb_random_below(&l->random, 5)];

            length = tb_random_between(&l->random, 40, 100);
            if (tb_random_chance(&l->random, 0.12))
                continue;
            TB_TRY(place(l, u + length / 2 - 25, v, length, width, roof,
                         tb_random_between(&l->random, 5, 8), NULL, err));
        }
    }
done:
    return status;
}

static tb_status make_greenhouses(lot *l, tb_error *err)
{
    tb_status status = TB_OK;
    double    length = tb_random_between(&l->random, 55, 95);

    for (double v = l->low.y + 7.0; v < l->high.y - 5.0; v += 11.5)
        for (double u = l->low.x + length / 2 + 4.0; u < l->high.x - length / 2; u += length + 5.0)
            if (!tb_random_chance(&l->random, 0.08))
                TB_TRY(place(l, u, v, length, 8.2, TB_COVER_FILM, 2.5, NULL, err));
done:
    return status;
}

/* Water in a basin, a step lower on each date; the rim dries out. */
static tb_status fill_pond(lot *l, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point  centre = tb_ring_centre(l->ring, l->count);
    double    side   = sqrt(fabs(tb_ring_area(l->ring, l->count)));

    for (int k = 0; k < l->scene->dates; k++) {
        double   beach = 3.5 + 7.0 * tb_season_low_water(l->seed, k);
        double   share = 1.0 - 2.0 * beach / (side > 4 * beach ? side : 4 * beach);
        tb_point water[256];
        tb_patch look = {
            .axis_x = 1.0f, .cover = TB_COVER_WATER, .from = (int8_t)k, .until = (int8_t)k};
        size_t count = l->count < 256 ? l->count : 256;

        for (size_t i = 0; i < count; i++)
            water[i] = (tb_point){centre.x + share * (l->ring[i].x - centre.x),
                                  centre.y + share * (l->ring[i].y - centre.y)};
        TB_TRY(tb_scene_add(l->scene, water, count, &look, err));
    }
done:
    return status;
}

/* The identity of all pieces of the river. */
enum { RIVER = INT32_MAX };

static tb_status fill_river(lot *l, tb_land *land, tb_error *err)
{
    tb_status status = TB_OK;
    double    step = 24.0, from = l->ring[0].y, to = from;

    for (size_t i = 1; i < l->count; i++) {
        from = l->ring[i].y < from ? l->ring[i].y : from;
        to   = l->ring[i].y > to ? l->ring[i].y : to;
    }
    /* Quadrilaterals along the river, narrower where the water is lower. */
    for (int k = 0; k < l->scene->dates; k++) {
        double   beach = 1.0 + 8.0 * tb_season_low_water(l->seed, k);
        tb_patch look  = {.axis_x   = 1.0f,
                          .identity = RIVER,
                          .cover    = TB_COVER_WATER,
                          .from     = (int8_t)k,
                          .until    = (int8_t)k};

        for (double y = from; y < to; y += step) {
            double    wide[2], middle[2];
            tb_figure water = {.count = 4};

            for (int end = 0; end < 2; end++) {
                double at   = y + end * step;
                double left = beach * (1.0 + 0.7 * tb_wave(at / 310.0 + l->plot->axis.y));

                middle[end] = tb_land_river_at(land, at, &wide[end]);
                wide[end]   = wide[end] / 2 - left;
                middle[end] += 0.5 * left * tb_wave(at / 530.0);
            }
            water.corner[0] = (tb_point){middle[0] - wide[0], y};
            water.corner[1] = (tb_point){middle[0] + wide[0], y};
            water.corner[2] = (tb_point){middle[1] + wide[1], y + step};
            water.corner[3] = (tb_point){middle[1] - wide[1], y + step};
            TB_TRY(tb_scene_add(l->scene, water.corner, 4, &look, err));
        }
    }
done:
    return status;
}

/* Trees in two rows along a strip, or all over it. */
static tb_status line_with_trees(lot *l, double spacing, double inset, double chance, tb_error *err)
{
    tb_status status = TB_OK;

    for (double u = l->low.x + spacing / 2; u < l->high.x; u += spacing)
        for (int side = 0; side < 2; side++) {
            double   v  = side == 0 ? l->low.y + inset : l->high.y - inset;
            tb_point at = to_ground(l, u + tb_random_between(&l->random, -1.2, 1.2), v);

            if (tb_random_chance(&l->random, chance))
                TB_TRY(plant_tree(l, at, tb_random_between(&l->random, 1.7, 3.2), err));
        }
done:
    return status;
}

static tb_status make_road(lot *l, tb_error *err)
{
    tb_status status = TB_OK;
    double    middle = (l->low.y + l->high.y) / 2, wide = l->high.y - l->low.y;
    tb_figure lane;

    if (wide > 40.0) /* the axis does not run along it */
        return TB_OK;
    lane = tb_figure_rectangle(to_ground(l, (l->low.x + l->high.x) / 2, middle), l->plot->axis,
                               l->high.x - l->low.x, l->plot->use == TB_USE_HIGHWAY ? 15.0 : 6.5);
    TB_TRY(tb_scene_place(l->scene, &lane, TB_COVER_ASPHALT, 0, err));
    if (l->plot->use == TB_USE_HIGHWAY) {
        lane = tb_figure_rectangle(to_ground(l, (l->low.x + l->high.x) / 2, middle), l->plot->axis,
                                   l->high.x - l->low.x, 1.6);
        TB_TRY(tb_scene_place(l->scene, &lane, TB_COVER_GRASS, 0, err));
    }
    TB_TRY(line_with_trees(l, 6.5, 1.2, 0.8, err));
done:
    return status;
}

static tb_cover ground_of(const tb_plot *plot)
{
    switch ((tb_use)plot->use) {
    case TB_USE_ORCHARD:
        return TB_COVER_ORCHARD;
    case TB_USE_FOREST:
    case TB_USE_SHELTER:
        return TB_COVER_FOREST;
    case TB_USE_INDUSTRY:
        return TB_COVER_CONCRETE;
    case TB_USE_VILLAGE:
        return TB_COVER_YARD;
    case TB_USE_TRACK:
        return TB_COVER_TRACK;
    case TB_USE_RIVER:
    case TB_USE_POND:
        return TB_COVER_MUD;
    case TB_USE_HIGHWAY:
    case TB_USE_ROAD:
    case TB_USE_GRASS:
    case TB_USE_BANK:
    case TB_USE_DITCH:
        return TB_COVER_GRASS;
    case TB_USE_FACILITY:
    case TB_USE_BARE:
        return TB_COVER_BARE;
    default:
        return (tb_cover)plot->crop;
    }
}

static tb_status furnish_lot(lot *l, tb_land *land, tb_error *err)
{
    switch ((tb_use)l->plot->use) {
    case TB_USE_VILLAGE:
        return make_village(l, err);
    case TB_USE_INDUSTRY:
        return make_works(l, err);
    case TB_USE_FACILITY:
        return make_greenhouses(l, err);
    case TB_USE_POND:
        return fill_pond(l, err);
    case TB_USE_RIVER:
        return fill_river(l, land, err);
    case TB_USE_HIGHWAY:
    case TB_USE_ROAD:
        return make_road(l, err);
    case TB_USE_SHELTER:
        return line_with_trees(l, 5.0, 2.6, 0.9, err);
    case TB_USE_TRACK:
        return tb_random_chance(&l->random, 0.35) && l->high.y - l->low.y < 30.0
                   ? line_with_trees(l, 8.0, 0.3, 0.75, err)
                   : TB_OK;
    case TB_USE_BANK:
        return TB_OK;
    case TB_USE_FOREST:
        return scatter_trees(l, 260.0, 1.6, 3.8, err);
    case TB_USE_GRASS:
        return scatter_trees(l, 1500.0, 1.6, 3.8, err);
    case TB_USE_BARE:
        return scatter_trees(l, 3000.0, 1.6, 3.8, err);
    default:
        return TB_OK;
    }
}

static bool is_water(const lot *l)
{
    return l->plot->use == TB_USE_RIVER || l->plot->use == TB_USE_POND;
}

static tb_status lay_ground(lot *l, tb_error *err)
{
    tb_patch look = {.axis_x = (float)l->plot->axis.x,
                     .axis_y = (float)l->plot->axis.y,
                     .cover  = (uint8_t)ground_of(l->plot),
                     .until  = (int8_t)(l->scene->dates - 1)};

    return tb_scene_add(l->scene, l->ring, l->count, &look, err);
}

tb_status tb_scene_furnish(tb_scene *scene, tb_land *land, int dates, uint64_t seed, tb_error *err)
{
    enum { WATERS, GROUND, THINGS, PASSES };
    tb_status status = TB_OK;

    scene->dates = dates;
    for (int pass = WATERS; pass < PASSES; pass++) /* waters reach under bridges and banks */
        for (uint32_t face = 0; face < tb_land_count(land); face++) {
            lot l = {.scene  = scene,
                     .plot   = tb_land_plot(land, face),
                     .random = tb_random_begin(seed, 1000 + (uint64_t)face),
                     .seed   = seed};

            TB_TRY(tb_land_ring(land, face, &l.ring, &l.count, err));
            find_box(&l);
            if (pass != THINGS && is_water(&l) == (pass == WATERS))
                TB_TRY(lay_ground(&l, err));
            if (pass == (is_water(&l) ? WATERS : THINGS))
                TB_TRY(furnish_lot(&l, land, err));
        }
done:
    return status;
}
