/**
 * A division of a rectangle into faces that tile it exactly: half-edges over shared vertices.
 *
 * A face is only ever cut in two along a chord, and a chord's ends become vertices of the
 * neighbours too. So whatever is cut, however its ends are rounded, there are no gaps and no
 * overlaps.
 */
#ifndef TUBAN_SYNTH_MESH_H
#define TUBAN_SYNTH_MESH_H

#include "core/error.h"
#include "synth/shape.h"

/** No face, no half-edge. */
#define TB_MESH_NONE UINT32_MAX

/** From its origin to the next one's, the face to the same side all along; twin is number ^ 1. */
typedef struct tb_half {
    uint32_t origin, next, before, face; /**< face TB_MESH_NONE: outside */
} tb_half;

/** Zero-initialised is empty; free with tb_mesh_reset. */
typedef struct tb_mesh {
    tb_point *vertices;
    tb_half  *halves;
    uint32_t *faces; /**< a half-edge of each */
    size_t    vertex_count, half_count, face_count;
    size_t    vertex_capacity, half_capacity, face_capacity;
    tb_point *ring; /**< corners of the face last asked for */
    size_t    ring_capacity;
} tb_mesh;

/** Starts with one face: the rectangle. */
tb_status tb_mesh_begin(tb_mesh *mesh, tb_point low, tb_point high, tb_error *err);

void tb_mesh_reset(tb_mesh *mesh);

/** Corners of a face, from x towards y; borrows the mesh until it is next asked or cut. */
tb_status tb_mesh_ring(tb_mesh *mesh, uint32_t face, const tb_point **corners, size_t *count,
                       tb_error *err);

/** Appends the origin of a half-edge to mesh->ring, which has *count corners: for rings around more
 * than a face. */
tb_status tb_mesh_ring_append(tb_mesh *mesh, uint32_t half, size_t *count, tb_error *err);

/** True if the point lies in the face (even-odd rule). */
bool tb_mesh_contains(const tb_mesh *mesh, uint32_t face, tb_point p);

/**
 * Cuts a face along the line through `at` in `direction` (a unit vector), by the chord nearest to
 * `at`. *other is the new face, to the right of the direction as seen with y down (towards
 * (-direction.y, direction.x)), or TB_MESH_NONE where the line gives no chord of some length; the
 * rest keeps its number.
 */
tb_status tb_mesh_cut(tb_mesh *mesh, uint32_t face, tb_point at, tb_point direction,
                      uint32_t *other, tb_error *err);

/**
 * Cuts a face along a line of points, the first and the last of which lie on its border (to a
 * centimetre). *other is the new face, to the right as above.
 */
tb_status tb_mesh_cut_along(tb_mesh *mesh, uint32_t face, const tb_point *line, size_t count,
                            uint32_t *other, tb_error *err);

#endif
