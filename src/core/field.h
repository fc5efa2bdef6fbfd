/** A smooth field of shifts over a lattice: a few nodes, bilinear between them. */
#ifndef TUBAN_CORE_FIELD_H
#define TUBAN_CORE_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rect.h"

/** Nodes along a side, at most. */
enum { TB_FIELD_SIDE_MAX = 9, TB_FIELD_NODES_MAX = TB_FIELD_SIDE_MAX * TB_FIELD_SIDE_MAX };

/** Node (i, j) lies at (x + i step, y + j step), corners of the lattice's pixels. Zero: no field.
 */
typedef struct tb_field {
    int64_t x, y;
    int64_t step;                   /**< pixels of the lattice between nodes */
    int     columns, rows;          /**< 2 .. TB_FIELD_SIDE_MAX; 0: there is no field */
    double  dx[TB_FIELD_NODES_MAX]; /**< [rows][columns], pixels */
    double  dy[TB_FIELD_NODES_MAX];
} tb_field;

/** Four nodes around a place and their weights, which sum to 1. */
typedef struct tb_field_weights {
    int    node[4];
    double weight[4];
} tb_field_weights;

static inline bool tb_field_exists(const tb_field *field)
{
    return field->columns > 0;
}

/** Places the nodes over a rectangle, 1 .. TB_FIELD_SIDE_MAX - 1 meshes along its longer side. */
void tb_field_span(tb_field *field, tb_rect over, int meshes);

/** The weights of a place of the lattice; beyond the nodes, those of the nearest place within. */
tb_field_weights tb_field_weigh(const tb_field *field, double x, double y);

/** The shift at a place. The field exists. */
void tb_field_at(const tb_field *field, double x, double y, double *dx, double *dy);

/** The least and greatest shifts (x, y) at the nodes around a rectangle given by its corners: no
 * place within has less or more. The field exists. */
void tb_field_bounds(const tb_field *field, double x0, double y0, double x1, double y1,
                     double low[2], double high[2]);

#endif
