#include "region/holes.h"

#include <math.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"

void tb_holes_reset(tb_holes *holes)
{
    tb_free(holes->rings);
    tb_free(holes->polygons);
    *holes = (tb_holes){0};
}

static bool is_in_ring(const tb_corner *c, size_t n, int64_t x, int64_t y)
{
    bool is_inside = false;

    for (size_t i = 0; i < n; i++) { /* vertical sides to the left of the middle of the pixel */
        tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];

        if (a.x == b.x && a.x <= x && (a.y <= y) != (b.y <= y))
            is_inside = !is_inside;
    }
    return is_inside;
}

/* The first polygon whose first corner is not before the place. */
static size_t polygon_from(const tb_shape *shape, tb_corner place)
{
    size_t low = 0, high = shape->polygon_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tb_corner_is_before(shape->corners[shape->rings[shape->polygons[middle].first].first],
                                place))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds_polygon(const tb_shape *shape, tb_ring hole, tb_corner low, tb_corner high)
{
    const tb_corner *c = shape->corners + hole.first;

    for (int32_t y = low.y; y < high.y; y++)
        for (size_t p = polygon_from(shape, (tb_corner){low.x, y}); p < shape->polygon_count; p++) {
            tb_corner at = shape->corners[shape->rings[shape->polygons[p].first].first];

            if (at.y != y || at.x >= high.x)
                break;
            if (is_in_ring(c, hole.count, at.x, at.y))
                return true;
        }
    return false;
}

static bool holds_foreign(const tb_shape *shape, tb_ring hole, tb_corner low, tb_corner high,
                          const tb_span *nearby, size_t count)
{
    const tb_corner *c    = shape->corners + hole.first;
    size_t           from = 0, to = count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (nearby[middle].row - shape->origin_y < low.y)
            from = middle + 1;
        else
            to = middle;
    }
    for (; from < count && nearby[from].row - shape->origin_y < high.y; from++) {
        int64_t first = nearby[from].first - shape->origin_x;
        int64_t last  = nearby[from].last - shape->origin_x;

        for (int64_t x = first < low.x ? low.x : first; x <= last && x < high.x; x++)
            if (is_in_ring(c, hole.count, x, nearby[from].row - shape->origin_y))
                return true;
    }
    return false;
}

static bool is_filled(const tb_shape *shape, tb_ring hole, const tb_span *nearby, size_t count,
                      int64_t most)
{
    const tb_corner *c   = shape->corners + hole.first;
    tb_corner        low = c[0], high = c[0];

    if (hole.count > 4 * (size_t)most ||
        fabs(tb_corner_twice_area(c, hole.count)) > 2.0 * (double)most)
        return false;
    for (size_t i = 1; i < hole.count; i++) {
        low.x  = c[i].x < low.x ? c[i].x : low.x;
        low.y  = c[i].y < low.y ? c[i].y : low.y;
        high.x = c[i].x > high.x ? c[i].x : high.x;
        high.y = c[i].y > high.y ? c[i].y : high.y;
    }
    return !holds_polygon(shape, hole, low, high) &&
           !holds_foreign(shape, hole, low, high, nearby, count);
}

static tb_status reserve(tb_holes *holes, const tb_shape *shape, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve(&holes->rings, &holes->ring_capacity, shape->ring_count,
                            sizeof *holes->rings, "rings", err));
    TB_TRY(tb_array_reserve(&holes->polygons, &holes->polygon_capacity, shape->polygon_count,
                            sizeof *holes->polygons, "polygons", err));
done:
    return status;
}

tb_status tb_holes_fill(tb_holes *holes, const tb_shape *shape, const tb_span *nearby, size_t count,
                        int64_t most, tb_shape *result, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    kept   = 0;

    *result = *shape;
    if (most <= 0 || shape->ring_count == shape->polygon_count)
        return TB_OK;
    TB_TRY(reserve(holes, shape, err));
    for (size_t p = 0; p < shape->polygon_count; p++) {
        tb_polygon it = shape->polygons[p];

        holes->polygons[p] = (tb_polygon){kept, 0};
        for (size_t r = it.first; r < it.first + it.count; r++)
            if (r == it.first || !is_filled(shape, shape->rings[r], nearby, count, most))
                holes->rings[kept++] = shape->rings[r];
        holes->polygons[p].count = kept - holes->polygons[p].first;
    }
    result->rings      = holes->rings;
    result->ring_count = kept;
    result->polygons   = holes->polygons;
done:
    return status;
}
