/** A grid of cells over a mesh, each with the faces that reach into it: which face a point is in.
 */
#ifndef TUBAN_SYNTH_FACE_GRID_H
#define TUBAN_SYNTH_FACE_GRID_H

#include "synth/mesh.h"

/** All zero is an empty one; free with tb_face_grid_reset. */
typedef struct tb_face_grid {
    uint32_t *first, *faces; /* faces of cell i: first[i] .. first[i + 1] - 1 */
    int64_t   columns, rows;
    tb_point  low, high;
} tb_face_grid;

/** Enters all faces of a mesh that covers the rectangle from `low` to `high`. */
tb_status tb_face_grid_make(tb_face_grid *grid, tb_mesh *mesh, tb_point low, tb_point high,
                            tb_error *err);

void tb_face_grid_reset(tb_face_grid *grid);

/** The face a point lies in; TB_MESH_NONE outside. */
uint32_t tb_face_grid_find(const tb_face_grid *grid, const tb_mesh *mesh, tb_point p);

#endif
