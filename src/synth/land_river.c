/* The river: where it runs, and the faces of its water and banks. */
#include "core/memory.h"
#include "synth/land_inside.h"

enum { BENDS = 4096 };

double tb_land_river_at(const tb_land *land, double y, double *width)
{
    *width = land->has_river
                 ? land->river_width * (1.0 + 0.22 * tb_wave(y / 1900.0 + 2 * land->river_phase))
                 : 0.0;
    return land->river_at + 150.0 * tb_wave(y / 2700.0 + land->river_phase) +
           46.0 * tb_wave(y / 870.0 + 3 * land->river_phase);
}

static tb_status cut_river_bank(tb_land *land, uint32_t face, double side, double beyond,
                                uint32_t *other, tb_error *err)
{
    tb_status status = TB_OK;
    double    height = land->high.y - land->low.y;
    size_t    count  = (size_t)(height / 45.0) + 2;
    tb_point *line   = NULL;

    if (count > BENDS)
        count = BENDS;
    TB_TRY(tb_alloc(&line, count, sizeof *line, "river", err));
    for (size_t i = 0; i < count; i++) { /* from below upwards: the right is the east */
        double y = land->high.y - height * (double)i / (double)(count - 1);
        double width, middle = tb_land_river_at(land, y, &width);
        double uneven = 5.0 * tb_wave(y / 210.0 + side) + 2.0 * tb_wave(y / 77.0);

        line[i] = tb_point_snap((tb_point){middle + side * (width / 2 + beyond) + uneven, y});
    }
    TB_TRY(tb_land_cut_along(land, face, line, count, other, err));
done:
    tb_free(line);
    return status;
}

tb_status tb_land_make_river(tb_land *land, uint32_t *east, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  strip;

    /* Four lines from east to west, each cutting what is to its right. */
    TB_TRY(cut_river_bank(land, 0, 1.0, 14.0, east, err));
    TB_TRY(cut_river_bank(land, 0, 1.0, 0.0, &strip, err));
    land->plots[strip].use = TB_USE_BANK;
    TB_TRY(cut_river_bank(land, 0, -1.0, 0.0, &strip, err));
    land->plots[strip].use = TB_USE_RIVER;
    TB_TRY(cut_river_bank(land, 0, -1.0, 14.0, &strip, err));
    land->plots[strip].use = TB_USE_BANK;
done:
    return status;
}
