#include "core/field.h"

#include <math.h>

void tb_field_span(tb_field *field, tb_rect over, int meshes)
{
    int64_t longer = over.width > over.height ? over.width : over.height;
    int64_t step   = (longer + meshes - 1) / meshes;

    field->x       = over.x;
    field->y       = over.y;
    field->step    = step > 0 ? step : 1;
    field->columns = (int)((over.width + field->step - 1) / field->step) + 1;
    field->rows    = (int)((over.height + field->step - 1) / field->step) + 1;
    field->columns = field->columns < 2 ? 2 : field->columns;
    field->rows    = field->rows < 2 ? 2 : field->rows;
}

/* The mesh a place falls into along one axis, and how far into it, 0 .. 1. */
static int locate(double place, int64_t first, int64_t step, int nodes, double *part)
{
    double position = (place - (double)first) / (double)step;
    double within   = position > 0.0 ? position : 0.0; /* NaN: 0 */
    int    mesh;

    within = within < (double)(nodes - 1) ? within : (double)(nodes - 1);
    mesh   = (int)within;
    mesh   = mesh < nodes - 2 ? mesh : nodes - 2;
    *part  = within - (double)mesh;
    return mesh;
}

tb_field_weights tb_field_weigh(const tb_field *field, double x, double y)
{
    double u, v;
    int    column = locate(x, field->x, field->step, field->columns, &u);
    int    row    = locate(y, field->y, field->step, field->rows, &v);
    int    first  = row * field->columns + column;

    return (tb_field_weights){
        {first, first + 1, first + field->columns, first + field->columns + 1},
        {(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v}};
}

void tb_field_at(const tb_field *field, double x, double y, double *dx, double *dy)
{
    tb_field_weights w = tb_field_weigh(field, x, y);

    *dx = (w.weight[0] * field->dx[w.node[0]] + w.weight[1] * field->dx[w.node[1]]) +
          (w.weight[2] * field->dx[w.node[2]] + w.weight[3] * field->dx[w.node[3]]);
    *dy = (w.weight[0] * field->dy[w.node[0]] + w.weight[1] * field->dy[w.node[1]]) +
          (w.weight[2] * field->dy[w.node[2]] + w.weight[3] * field->dy[w.node[3]]);
}

void tb_field_bounds(const tb_field *field, double x0, double y0, double x1, double y1,
                     double low[2], double high[2])
{
    double part;
    int    left   = locate(x0, field->x, field->step, field->columns, &part);
    int    right  = locate(x1, field->x, field->step, field->columns, &part) + 1;
    int    top    = locate(y0, field->y, field->step, field->rows, &part);
    int    bottom = locate(y1, field->y, field->step, field->rows, &part) + 1;

    low[0] = low[1] = INFINITY;
    high[0] = high[1] = -INFINITY;
    for (int row = top; row <= bottom; row++)
        for (int column = left; column <= right; column++) {
            int node = row * field->columns + column;

            low[0]  = field->dx[node] < low[0] ? field->dx[node] : low[0];
            high[0] = field->dx[node] > high[0] ? field->dx[node] : high[0];
            low[1]  = field->dy[node] < low[1] ? field->dy[node] : low[1];
            high[1] = field->dy[node] > high[1] ? field->dy[node] : high[1];
        }
}
