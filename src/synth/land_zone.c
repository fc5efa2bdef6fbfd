/* Areas with rules of their own: two red lines, and the urban development boundary. */
#include "synth/land_inside.h"

void tb_land_make_zones(tb_land *land)
{
    enum { SIDE = TB_SHAPE_CORNERS / 2 };
    double     width = land->high.x - land->low.x, height = land->high.y - land->low.y;
    tb_figure *river = &land->zones[TB_ZONE_RIVER];
    tb_point   east  = {1.0, 0.0};

    if (land->has_river)
        for (int i = 0; i < SIDE; i++) {
            double y = land->low.y + height * (0.05 + 0.6 * i / (SIDE - 1));
            double wide, middle = tb_land_river_at(land, y, &wide);
            double beyond = wide / 2 + 130.0;

            river->corner[i]                        = tb_point_snap((tb_point){middle + beyond, y});
            river->corner[TB_SHAPE_CORNERS - 1 - i] = tb_point_snap((tb_point){middle - beyond, y});
            river->count                            = TB_SHAPE_CORNERS;
        }
    land->zones[TB_ZONE_HILL] =
        tb_figure_blob((tb_point){land->low.x + 0.80 * width, land->low.y + 0.22 * height}, east,
                       0.24 * width, 0.22 * height, 0.3, 28, &land->random);
    land->zones[TB_ZONE_URBAN] =
        tb_figure_blob((tb_point){land->low.x + 0.80 * width, land->low.y + 0.84 * height}, east,
                       0.18 * width, 0.17 * height, 0.15, 14, &land->random);
}

bool tb_land_is_in_zone(const tb_land *land, int zone, tb_point p)
{
    const tb_figure *f = &land->zones[zone];

    return f->count > 0 && tb_ring_contains(f->corner, (size_t)f->count, p);
}

const tb_figure *tb_land_zone(const tb_land *land, int zone)
{
    return &land->zones[zone];
}
