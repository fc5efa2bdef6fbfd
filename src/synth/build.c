/* How a site of each kind looks from above. */
#include <math.h>

#include "synth/site.h"

typedef struct yard {
    tb_scene      *scene;
    const tb_site *site;
    tb_random      random;
    double         length, width; /* of the outline's box along and across its axis */
    tb_point       middle;
} yard;

static tb_point to_ground(const yard *y, double along, double across)
{
    tb_point a = y->site->axis;

    return (tb_point){y->middle.x + along * a.x - across * a.y,
                      y->middle.y + along * a.y + across * a.x};
}

static tb_status add(yard *y, const tb_figure *figure, tb_cover cover, double height, tb_error *err)
{
    tb_patch look = {.height = (float)height,
                     .axis_x = (float)y->site->axis.x,
                     .axis_y = (float)y->site->axis.y,
                     .cover  = (uint8_t)cover,
                     .from   = (int8_t)y->site->date,
                     .until  = (int8_t)(y->scene->dates - 1)};

    return tb_scene_add(y->scene, figure->corner, (size_t)figure->count, &look, err);
}

/* Lays a thing on the site; left out where it would reach beyond. */
static tb_status lay(yard *y, const tb_figure *figure, tb_cover cover, double height, tb_error *err)
{
    const tb_figure *whole = &y->site->outline;

    for (int i = 0; i < figure->count; i++)
        if (!tb_ring_contains(whole->corner, (size_t)whole->count, figure->corner[i]))
            return TB_OK;
    return add(y, figure, cover, height, err);
}

static tb_status lay_all(yard *y, tb_cover cover, tb_error *err)
{
    return add(y, &y->site->outline, cover, 0, err);
}

static tb_status lay_rectangle(yard *y, double along, double across, double length, double width,
                               tb_cover cover, double height, tb_error *err)
{
    tb_figure f = tb_figure_rectangle(to_ground(y, along, across), y->site->axis, length, width);

    return lay(y, &f, cover, height, err);
}

/* A size between two. */
static tb_point draw_size(yard *y, double low, double high, double low_width, double high_width)
{
    return tb_point_between(&y->random, (tb_point){low, low_width}, (tb_point){high, high_width});
}

/* A place within a part of the site's box, about its middle. */
static tb_point draw_place(yard *y, double part)
{
    return tb_point_between(&y->random, (tb_point){-part * y->length, -part * y->width},
                            (tb_point){part * y->length, part * y->width});
}

/* Something round, anywhere on the site. */
static tb_status lay_blob(yard *y, tb_point size, tb_cover cover, double height, tb_error *err)
{
    tb_point  at = draw_place(y, 0.42);
    tb_figure f  = tb_figure_blob(to_ground(y, at.x, at.y), y->site->axis, size.x, size.y, 0.4, 12,
                                  &y->random);

    return lay(y, &f, cover, height, err);
}

static void find_box(yard *y)
{
    const tb_figure *f = &y->site->outline;
    tb_point         a = y->site->axis, low = {HUGE_VAL, HUGE_VAL}, high = {-HUGE_VAL, -HUGE_VAL};
    tb_point         middle;

    for (int i = 0; i < f->count; i++) {
        double u = f->corner[i].x * a.x + f->corner[i].y * a.y;
        double v = f->corner[i].y * a.x - f->corner[i].x * a.y;

        low.x  = u < low.x ? u : low.x;
        high.x = u > high.x ? u : high.x;
        low.y  = v < low.y ? v : low.y;
        high.y = v > high.y ? v : high.y;
    }
    y->length = high.x - low.x;
    y->width  = high.y - low.y;
    middle    = (tb_point){(low.x + high.x) / 2, (low.y + high.y) / 2};
    y->middle = (tb_point){middle.x * a.x - middle.y * a.y, middle.x * a.y + middle.y * a.x};
}

/* Homes on a small plot, sheds on a paved one. */
static tb_status build_sheds(yard *y, tb_error *err)
{
    static const tb_cover roofs[] = {TB_COVER_BLUE_ROOF, TB_COVER_WHITE_ROOF, TB_COVER_BLUE_ROOF,
                                     TB_COVER_GREY_ROOF};
    tb_status             status  = TB_OK;

    TB_TRY(lay_all(y, TB_COVER_CONCRETE, err));
    if (y->site->area_m2 < 800.0) {
        TB_TRY(lay_rectangle(y, 0, -y->width * 0.14, y->length * 0.86, y->width * 0.5,
                             TB_COVER_RED_ROOF, 5.0, err));
        goto done;
    }
    int    rows = y->width < 50.0 ? 1 : (int)(y->width / 42.0) + 1;
    double deep = y->width / rows;

    for (int r = 0; r < rows; r++) {
        int    sheds = (int)(y->length / 75.0) + 1;
        double wide  = y->length / sheds;

        for (int s = 0; s < sheds; s++) {
            tb_point size = draw_size(y, 0.62 * wide, 0.86 * wide, 0.5 * deep, 0.72 * deep);

            TB_TRY(lay_rectangle(y, -y->length / 2 + (s + 0.5) * wide,
                                 -y->width / 2 + (r + 0.5) * deep, size.x, size.y,
                                 roofs[tb_random_below(&y->random, 4)], 8.0, err));
        }
    }
done:
    return status;
}

static tb_status build_digging(yard *y, tb_error *err)
{
    tb_status status = TB_OK;
    int       spots  = 4 + (int)(y->site->area_m2 / 900.0);

    TB_TRY(lay_all(y, TB_COVER_EARTH, err));
    for (int i = 0; i < spots; i++) {
        tb_point size  = draw_size(y, 8, 34, 7, 20);
        double   draw  = tb_random_between(&y->random, 0, 1);
        tb_cover cover = draw < 0.25 ? TB_COVER_BARE : draw < 0.4 ? TB_COVER_MUD : TB_COVER_EARTH;

        TB_TRY(lay_blob(y, size, cover, draw > 0.8 ? 2.5 : 0.0, err));
    }
    for (int i = 0; y->site->area_m2 > 8000.0 && i < (int)(y->site->area_m2 / 5000.0); i++) {
        tb_point at = draw_place(y, 0.35); /* of a foundation */

        TB_TRY(lay_rectangle(y, at.x, at.y, tb_random_between(&y->random, 20, 50), 14.0,
                             TB_COVER_CONCRETE, 0.5, err));
    }
done:
    return status;
}

static tb_status build_heap(yard *y, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(lay_all(y, TB_COVER_EARTH, err));
    for (int i = 0; i < 3 + (int)(y->site->area_m2 / 500.0); i++) {
        tb_point size  = draw_size(y, 8, 18, 7, 14);
        tb_cover cover = tb_random_chance(&y->random, 0.5) ? TB_COVER_EARTH : TB_COVER_SAND;

        TB_TRY(lay_blob(y, size, cover, tb_random_between(&y->random, 2.5, 5.0), err));
    }
done:
    return status;
}

static tb_status build_paving(yard *y, tb_error *err)
{
    return lay_all(y,
                   y->site->area_m2 > 2500.0 && tb_random_chance(&y->random, 0.4)
                       ? TB_COVER_ASPHALT
                       : TB_COVER_CONCRETE,
                   err);
}

static tb_status build_panels(yard *y, tb_error *err)
{
    tb_status status = TB_OK;
    double    row = 6.4, table = 46.0;

    TB_TRY(lay_all(y, TB_COVER_GRAVEL, err));
    for (double v = -y->width / 2 + 4.0; v < y->width / 2 - 3.0; v += row)
        for (double u = -y->length / 2 + 3.0 + table / 2; u < y->length / 2 - table / 2;
             u += table + 3.0)
            TB_TRY(lay_rectangle(y, u, v, table, 4.3, TB_COVER_PANEL, 1.2, err));
    if (y->site->area_m2 > 20000.0)
        TB_TRY(lay_rectangle(y, 0, 0, y->length * 0.98, 4.5, TB_COVER_TRACK, 0, err));
done:
    return status;
}

static tb_status build_pond(yard *y, tb_error *err)
{
    tb_status status = TB_OK;
    double    share  = 1.0 - 9.0 / (sqrt(y->site->area_m2) > 24.0 ? sqrt(y->site->area_m2) : 24.0);
    tb_figure water  = tb_figure_scaled(&y->site->outline, share);

    TB_TRY(lay_all(y, TB_COVER_EARTH, err));
    TB_TRY(lay(y, &water, TB_COVER_WATER, 0, err));
    if (y->site->kind == TB_SITE_LAKE) { /* an island */
        tb_figure island = tb_figure_blob(y->site->centre, y->site->axis, y->length * 0.16,
                                          y->width * 0.13, 0.3, 14, &y->random);

        TB_TRY(lay(y, &island, TB_COVER_TURF, 0, err));
    }
done:
    return status;
}

static tb_status build_greenhouses(yard *y, tb_error *err)
{
    tb_status status = TB_OK;
    double    length = y->length < 110.0 ? y->length - 4.0 : y->length / 2 - 4.0;

    TB_TRY(lay_all(y, TB_COVER_BARE, err));
    for (double v = -y->width / 2 + 5.5; v < y->width / 2 - 4.0; v += 10.5) {
        if (y->length < 110.0)
            TB_TRY(lay_rectangle(y, 0, v, length, 8.0, TB_COVER_FILM, 2.5, err));
        else
            for (int side = -1; side <= 1; side += 2)
                TB_TRY(lay_rectangle(y, side * y->length / 4, v, length, 8.0, TB_COVER_FILM, 2.5,
                                     err));
    }
done:
    return status;
}

static tb_status build_golf(yard *y, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(lay_all(y, TB_COVER_TURF, err));
    for (int i = 0; i < 9; i++)
        TB_TRY(lay_blob(y, (tb_point){90, 34}, TB_COVER_TURF, 0, err));
    for (int i = 0; i < 26; i++)
        TB_TRY(lay_blob(y, draw_size(y, 9, 20, 7, 12), TB_COVER_SAND, 0, err));
    for (int i = 0; i < 3; i++)
        TB_TRY(lay_blob(y, (tb_point){55, 30}, TB_COVER_WATER, 0, err));
    TB_TRY(lay_rectangle(y, y->length * 0.2, y->width * 0.2, 40, 22, TB_COVER_GREY_ROOF, 7, err));
done:
    return status;
}

tb_status tb_site_build(const tb_site *site, tb_scene *scene, uint64_t seed, tb_error *err)
{
    yard y = {.scene = scene, .site = site};

    y.random = tb_random_begin(seed, (uint64_t)(site->centre.x * 1024.0) * 4099 +
                                         (uint64_t)(site->centre.y * 1024.0));
    find_box(&y);
    switch (site->kind) {
    case TB_SITE_BUILDING:
        return build_sheds(&y, err);
    case TB_SITE_DIGGING:
        return build_digging(&y, err);
    case TB_SITE_HEAP:
        return build_heap(&y, err);
    case TB_SITE_LEVELLING:
        return lay_all(&y, TB_COVER_LEVELLED, err);
    case TB_SITE_PAVING:
        return build_paving(&y, err);
    case TB_SITE_ROAD:
        return lay_all(&y, TB_COVER_ASPHALT, err);
    case TB_SITE_TRACK:
        return lay_all(&y, TB_COVER_CONCRETE, err);
    case TB_SITE_PANELS:
        return build_panels(&y, err);
    case TB_SITE_LAKE:
    case TB_SITE_POND:
        return build_pond(&y, err);
    case TB_SITE_GREENHOUSE:
        return build_greenhouses(&y, err);
    case TB_SITE_GOLF:
        return build_golf(&y, err);
    case TB_SITE_KINDS:
        break;
    }
    return TB_OK;
}
