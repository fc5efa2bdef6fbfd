#include "synth/face_grid.h"

#include <math.h>

#include "core/memory.h"

/* Side of a cell in which faces are looked up, metres. */
static const double CELL = 128.0;

static int64_t cell_of(double at, double low, int64_t count)
{
    int64_t cell = (int64_t)floor((at - low) / CELL);

    return cell < 0 ? 0 : cell >= count ? count - 1 : cell;
}

/* Visits the cells of a face's box; counts them, or enters the face where `faces` are. */
static tb_status enter_face(tb_face_grid *grid, tb_mesh *mesh, uint32_t face, bool is_counting,
                            tb_error *err)
{
    tb_status       status = TB_OK;
    tb_point        low = {HUGE_VAL, HUGE_VAL}, high = {-HUGE_VAL, -HUGE_VAL};
    const tb_point *ring;
    size_t          count;

    TB_TRY(tb_mesh_ring(mesh, face, &ring, &count, err));
    for (size_t i = 0; i < count; i++) {
        low.x  = ring[i].x < low.x ? ring[i].x : low.x;
        low.y  = ring[i].y < low.y ? ring[i].y : low.y;
        high.x = ring[i].x > high.x ? ring[i].x : high.x;
        high.y = ring[i].y > high.y ? ring[i].y : high.y;
    }
    for (int64_t y = cell_of(low.y, grid->low.y, grid->rows);
         y <= cell_of(high.y, grid->low.y, grid->rows); y++)
        for (int64_t x = cell_of(low.x, grid->low.x, grid->columns);
             x <= cell_of(high.x, grid->low.x, grid->columns); x++) {
            uint32_t *first = &grid->first[y * grid->columns + x];

            if (is_counting)
                first[1]++;
            else
                grid->faces[(*first)++] = face;
        }
done:
    return status;
}

tb_status tb_face_grid_make(tb_face_grid *grid, tb_mesh *mesh, tb_point low, tb_point high,
                            tb_error *err)
{
    tb_status status = TB_OK;
    size_t    cells;

    *grid         = (tb_face_grid){.low = low, .high = high};
    grid->columns = (int64_t)ceil((high.x - low.x) / CELL);
    grid->rows    = (int64_t)ceil((high.y - low.y) / CELL);
    cells         = (size_t)(grid->columns * grid->rows);
    TB_TRY(tb_alloc_zero(&grid->first, cells + 1, sizeof *grid->first, "places of the land", err));
    for (size_t f = 0; f < mesh->face_count; f++)
        TB_TRY(enter_face(grid, mesh, (uint32_t)f, true, err));
    for (size_t i = 0; i < cells; i++)
        grid->first[i + 1] += grid->first[i];
    TB_TRY(
        tb_alloc(&grid->faces, grid->first[cells], sizeof *grid->faces, "places of the land", err));
    for (size_t f = 0; f < mesh->face_count; f++)
        TB_TRY(enter_face(grid, mesh, (uint32_t)f, false, err));
    for (size_t i = cells; i > 0; i--) /* entering has moved each to its end */
        grid->first[i] = grid->first[i - 1];
    grid->first[0] = 0;
done:
    return status;
}

void tb_face_grid_reset(tb_face_grid *grid)
{
    tb_free(grid->first);
    tb_free(grid->faces);
    *grid = (tb_face_grid){0};
}

uint32_t tb_face_grid_find(const tb_face_grid *grid, const tb_mesh *mesh, tb_point p)
{
    int64_t cell;

    if (p.x < grid->low.x || p.y < grid->low.y || p.x >= grid->high.x || p.y >= grid->high.y)
        return TB_MESH_NONE;
    cell = cell_of(p.y, grid->low.y, grid->rows) * grid->columns +
           cell_of(p.x, grid->low.x, grid->columns);
    for (uint32_t i = grid->first[cell]; i < grid->first[cell + 1]; i++)
        if (tb_mesh_contains(mesh, grid->faces[i], p))
            return grid->faces[i];
    return TB_MESH_NONE;
}
