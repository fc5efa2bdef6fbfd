/** A rectangle on a lattice: 64-bit pixel coordinates, x right, y down. */
#ifndef TUBAN_CORE_RECT_H
#define TUBAN_CORE_RECT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tb_rect {
    int64_t x, y, width, height;
} tb_rect;

static inline bool tb_rect_is_empty(tb_rect r)
{
    return r.width <= 0 || r.height <= 0;
}

static inline tb_rect tb_rect_intersect(tb_rect a, tb_rect b)
{
    int64_t x0 = a.x > b.x ? a.x : b.x;
    int64_t y0 = a.y > b.y ? a.y : b.y;
    int64_t x1 = a.x + a.width < b.x + b.width ? a.x + a.width : b.x + b.width;
    int64_t y1 = a.y + a.height < b.y + b.height ? a.y + a.height : b.y + b.height;

    if (x1 < x0)
        x1 = x0;
    if (y1 < y0)
        y1 = y0;
    return (tb_rect){x0, y0, x1 - x0, y1 - y0};
}

/** The rectangle with `halo` pixels more on every side. */
static inline tb_rect tb_rect_grow(tb_rect r, int64_t halo)
{
    return (tb_rect){r.x - halo, r.y - halo, r.width + 2 * halo, r.height + 2 * halo};
}

static inline int64_t tb_rect_area(tb_rect r)
{
    return tb_rect_is_empty(r) ? 0 : r.width * r.height;
}

#endif
