/**
 * The made-up county's land: faces of one use each, which tile the ground exactly.
 *
 * A river and the units' borders come first, then roads by rank, then blocks between roads, each
 * with a purpose (village, orchard, fields …), last the single fields. Picture and survey are both
 * drawn from it, so they agree.
 */
#ifndef TUBAN_SYNTH_LAND_H
#define TUBAN_SYNTH_LAND_H

#include "core/error.h"
#include "synth/mesh.h"
#include "synth/use.h"

/** One face of the mesh. */
typedef struct tb_plot {
    uint8_t  use, unit;
    uint8_t  crop; /**< what grows on a field, as a cover of season.h */
    bool     is_basic_farmland;
    tb_point axis; /**< unit vector along which it is tilled or built */
} tb_plot;

typedef struct tb_land tb_land;

/**
 * Makes the land of a rectangle from (-margin, -margin) to (width + margin, height + margin).
 * Free with tb_land_free.   Cost: some 200 bytes a corner; a county of 1600 km² has a million.
 */
tb_status tb_land_new(tb_land **out, double width, double height, double margin, uint64_t seed,
                      tb_error *err);

void tb_land_free(tb_land *land);

size_t         tb_land_count(const tb_land *land);
const tb_plot *tb_land_plot(const tb_land *land, uint32_t face);

/** Corners of a face; borrows the land until it is next asked. */
tb_status tb_land_ring(tb_land *land, uint32_t face, const tb_point **corners, size_t *count,
                       tb_error *err);

/** The rectangle it covers. */
void tb_land_extent(const tb_land *land, tb_point *low, tb_point *high);

/** The face a point lies in; TB_MESH_NONE outside. */
uint32_t tb_land_at(const tb_land *land, tb_point p);

/** Corners of a unit's whole area, as the faces' borders run; borrows the land likewise. */
tb_status tb_land_unit_ring(tb_land *land, int unit, const tb_point **corners, size_t *count,
                            tb_error *err);

/** A place on the border between two units; false where there is none. */
bool tb_land_border_place(const tb_land *land, tb_random *random, tb_point *place);

/** Middle of the river and its width at a height of the scene; width 0 where there is no river. */
double tb_land_river_at(const tb_land *land, double y, double *width);

/** Areas with rules of their own: two red lines, and the urban development boundary. */
enum { TB_ZONES = 3, TB_ZONE_RIVER = 0, TB_ZONE_HILL = 1, TB_ZONE_URBAN = 2 };

/** The outline of such an area; count 0 where the scene is too small for one. */
const tb_figure *tb_land_zone(const tb_land *land, int zone);

#endif
