#include "publish/wkb.h"

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

static uint8_t *put_polygon(uint8_t *at, const tb_vector_outline *outline, tb_polygon polygon)
{
    at = put_header(at, POLYGON, polygon.count);
    for (size_t r = 0; r < polygon.count; r++) {
        tb_ring       ring   = outline->rings[polygon.first + r];
        const double *points = outline->points + 2 * ring.first;

        at = put_u32(at, ring.count + 1);
        memcpy(at, points, ring.count * POINT_BYTES);
        at += ring.count * POINT_BYTES;
        memcpy(at, points, POINT_BYTES);
        at += POINT_BYTES;
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

void tb_wkb_put(uint8_t *at, const tb_vector_outline *outline, bool is_multi)
{
    if (is_multi)
        at = put_header(at, MULTIPOLYGON, outline->polygon_count);
    for (size_t p = 0; p < outline->polygon_count; p++)
        at = put_polygon(at, outline, outline->polygons[p]);
}
