#include "publish/wkb.h"

#include <math.h>
#include <string.h>

enum { HEADER_BYTES = 9, POINT_BYTES = 16, POLYGON = 3, MULTIPOLYGON = 6 };

static size_t polygon_bytes(const tb_vector_outline *outline, tb_polygon polygon)
{
    size_t bytes = HEADER_BYTES;

    for (size_t r = 0; r < polygon.count; r++)
        bytes += 4 + (outline->rings[polygon.first + r].count + 1) * POINT_BYTES;
    return bytes;
}

static uint8_t *put_u32(uint8_t *at, size_t value)
{
    uint32_t number = (uint32_t)value;

    memcpy(at, &number, sizeof number);
    return at + sizeof number;
}

static uint8_t *put_header(uint8_t *at, uint32_t type, size_t count)
{
    const uint16_t probe = 1;

    *at = *(const uint8_t *)&probe; /* 1 where the least byte comes first, as the format has it */
    return put_u32(put_u32(at + 1, type), count);
}

static void widen(tb_box *box, double x, double y)
{
    box->min_x = x < box->min_x ? x : box->min_x;
    box->max_x = x > box->max_x ? x : box->max_x;
    box->min_y = y < box->min_y ? y : box->min_y;
    box->max_y = y > box->max_y ? y : box->max_y;
}

static void widen_by(tb_box *box, const uint8_t *points, size_t count)
{
    for (double point[2]; count > 0; count--, points += POINT_BYTES) {
        memcpy(point, points, POINT_BYTES);
        widen(box, point[0], point[1]);
    }
}

/* A place, or what is to be done with its x and its y at once. */
typedef double pair __attribute__((vector_size(POINT_BYTES)));

/* A lattice as pairs. */
typedef struct placing {
    pair start, right, down, origin, unit;
    bool is_turned;
    bool is_upright; /* its axes are the map's: places are in the order of their corners */
} placing;

static placing placing_of(const tb_vector_lattice *lattice)
{
    const double *t = lattice->transform;

    return (placing){.start      = {t[0], t[3]},
                     .right      = {t[1], t[4]},
                     .down       = {t[2], t[5]},
                     .origin     = {lattice->origin_x, lattice->origin_y},
                     .unit       = {lattice->unit, lattice->unit},
                     .is_turned  = lattice->is_turned,
                     .is_upright = t[2] == 0.0 && t[4] == 0.0};
}

static inline pair place_of(const placing *how, tb_corner corner)
{
    pair at = {(double)corner.x, (double)corner.y};

    at = how->origin + at * how->unit;
    return how->start + (pair){at[0], at[0]} * how->right + (pair){at[1], at[1]} * how->down;
}

static uint8_t *put_corners(uint8_t *at, const tb_corner *corners, size_t count, placing how)
{
    const tb_corner *next  = how.is_turned ? corners + count - 1 : corners + 1;
    ptrdiff_t        step  = how.is_turned ? -1 : 1;
    pair             point = place_of(&how, corners[0]);

    memcpy(at, &point, POINT_BYTES);
    for (uint8_t *end = at + count * POINT_BYTES; (at += POINT_BYTES) < end; next += step) {
        point = place_of(&how, *next);
        memcpy(at, &point, POINT_BYTES);
    }
    return at;
}

/* Puts a polygon whose corners lie on a lattice. The first point of a ring stands at its end once
 * more. */
static uint8_t *put_on_lattice(uint8_t *at, const tb_vector_outline *outline, tb_polygon polygon,
                               const placing *how, tb_box *box)
{
    at = put_header(at, POLYGON, polygon.count);
    for (size_t r = 0; r < polygon.count; r++) {
        tb_ring  ring  = outline->rings[polygon.first + r];
        uint8_t *first = put_u32(at, ring.count + 1);

        at = put_corners(first, outline->corners + ring.first, ring.count, *how);
        memcpy(at, first, POINT_BYTES);
        at += POINT_BYTES;
        if (r == 0 && !how->is_upright)
            widen_by(box, first, ring.count);
    }
    return at;
}

static uint8_t *put_polygon(uint8_t *at, const tb_vector_outline *outline, tb_polygon polygon,
                            tb_box *box)
{
    at = put_header(at, POLYGON, polygon.count);
    for (size_t r = 0; r < polygon.count; r++) {
        tb_ring  ring  = outline->rings[polygon.first + r];
        uint8_t *first = put_u32(at, ring.count + 1);

        memcpy(first, outline->points + 2 * ring.first, ring.count * POINT_BYTES);
        at = first + ring.count * POINT_BYTES;
        memcpy(at, first, POINT_BYTES);
        at += POINT_BYTES;
        if (r == 0)
            widen_by(box, first, ring.count);
    }
    return at;
}

size_t tb_wkb_bytes(const tb_vector_outline *outline, bool is_multi)
{
    size_t bytes = is_multi ? HEADER_BYTES : 0;

    for (size_t p = 0; p < outline->polygon_count; p++)
        bytes += polygon_bytes(outline, outline->polygons[p]);
    return bytes;
}

static void put_polygons(uint8_t *at, const tb_vector_outline *outline, tb_box *box)
{
    placing how;
    pair    least, greatest;

    if (outline->points != NULL) {
        for (size_t p = 0; p < outline->polygon_count; p++)
            at = put_polygon(at, outline, outline->polygons[p], box);
        return;
    }
    how = placing_of(outline->lattice);
    for (size_t p = 0; p < outline->polygon_count; p++)
        at = put_on_lattice(at, outline, outline->polygons[p], &how, box);
    if (how.is_upright && outline->polygon_count > 0) {
        least    = place_of(&how, outline->lattice->least);
        greatest = place_of(&how, outline->lattice->greatest);
        widen(box, least[0], least[1]);
        widen(box, greatest[0], greatest[1]);
    }
}

void tb_wkb_put(uint8_t *at, const tb_vector_outline *outline, bool is_multi, tb_box *box)
{
    *box = (tb_box){INFINITY, -INFINITY, INFINITY, -INFINITY};
    if (is_multi)
        at = put_header(at, MULTIPOLYGON, outline->polygon_count);
    put_polygons(at, outline, box);
}
