/** The land as the files see it that make it: one division into faces, one draw of chances. */
#ifndef TUBAN_SYNTH_LAND_INSIDE_H
#define TUBAN_SYNTH_LAND_INSIDE_H

#include "synth/face_grid.h"
#include "synth/land.h"

struct tb_land {
    tb_mesh      mesh;
    tb_plot     *plots; /* one a face */
    size_t       plot_capacity;
    tb_point     low, high;
    bool         has_river;
    tb_figure    zones[TB_ZONES];
    tb_face_grid grid;
    tb_random    random;
    double       river_at, river_width, river_phase;
};

/* ---- cutting: land_cut.c ---- */

/** Makes the plot of a face that was just cut off `face`: the same to begin with. */
tb_status tb_land_inherit(tb_land *land, uint32_t face, uint32_t other, tb_error *err);

/** tb_mesh_cut and tb_mesh_cut_along, with a plot for the new face. */
tb_status tb_land_cut(tb_land *land, uint32_t face, tb_point at, tb_point direction,
                      uint32_t *other, tb_error *err);
tb_status tb_land_cut_along(tb_land *land, uint32_t face, const tb_point *line, size_t count,
                            uint32_t *other, tb_error *err);

/**
 * Cuts a face in two with a strip of some use between. *other is the part to the right of the
 * direction, TB_MESH_NONE where the line does not cut it.
 */
tb_status tb_land_cut_strip(tb_land *land, uint32_t face, tb_point at, tb_point direction,
                            double width, tb_use use, uint32_t *other, tb_error *err);

/** A face's size: area, centre, and extent along and across its plot's axis. */
typedef struct tb_measure {
    double   area, along, across;
    tb_point centre;
} tb_measure;

tb_status tb_land_measure(tb_land *land, uint32_t face, tb_measure *m, tb_error *err);

/** An axis turned by so many turns; and the one across it. */
tb_point tb_axis_turned(tb_point axis, double turns);
tb_point tb_axis_across(tb_point axis);

/* ---- in this order ---- */

/** Lays down the zones: land_zone.c. */
void tb_land_make_zones(tb_land *land);

bool tb_land_is_in_zone(const tb_land *land, int zone, tb_point p);

/** Cuts the river and its banks out of face 0, which is what lies west; *east lies beyond:
 * land_river.c. */
tb_status tb_land_make_river(tb_land *land, uint32_t *east, tb_error *err);

/** Cuts a face along the borders of the units: land_unit.c. */
tb_status tb_land_make_units(tb_land *land, uint32_t face, tb_error *err);

/** Cuts a highway across everything there is: land_road.c. */
tb_status tb_land_make_highway(tb_land *land, tb_point at, tb_point direction, tb_error *err);

/** Cuts a face into blocks between roads by rank, and each of those as it is used. */
tb_status tb_land_make_blocks(tb_land *land, uint32_t face, tb_error *err);

/** Gives a block between roads its purpose, and cuts it into fields: land_field.c. */
tb_status tb_land_make_block(tb_land *land, uint32_t face, tb_error *err);

#endif
