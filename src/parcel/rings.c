#include "parcel/rings.h"

#include <string.h>

#include "core/memory.h"

tb_status tb_rings_make_room(void *array, size_t needed, size_t *capacity, size_t size,
                             tb_error *err)
{
    tb_status status = TB_OK;
    size_t    more   = *capacity > 0 ? *capacity : 64;

    if (needed <= *capacity)
        return TB_OK;
    while (more < needed)
        more *= 2;
    TB_TRY(tb_grow(array, more, size, "edges", err));
    *capacity = more;
done:
    return status;
}

void tb_rings_reset(tb_rings *rings)
{
    tb_free(rings->points);
    tb_free(rings->ring);
    tb_free(rings->part);
    *rings = (tb_rings){0};
}

void tb_rings_clear(tb_rings *rings)
{
    rings->point_count = rings->count = rings->part_count = 0;
    rings->is_inverse                                     = false;
    rings->box = (tb_box){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
}

/* Finds the boxes around the parts of a ring. */
static void find_parts(const tb_point *points, const tb_contour *ring, tb_box *part)
{
    const tb_point *p = points + ring->first;

    for (size_t k = 0; k < tb_part_count(ring->edges); k++) {
        size_t from, until = tb_part_edges(ring, k, &from);

        part[ring->part + k] = tb_box_of_edge(p[from], p[from + 1]);
        for (size_t i = from + 2; i <= until; i++)
            part[ring->part + k] =
                tb_box_of_boxes(part[ring->part + k], tb_box_of_edge(p[i], p[i]));
    }
}

tb_status tb_rings_close(tb_rings *to, size_t first, tb_error *err)
{
    tb_status status = TB_OK;
    tb_point *p      = to->points + first;
    size_t    count = to->point_count - first, kept = 0, parts;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !tb_points_equal(p[i], p[kept - 1]))
            p[kept++] = p[i];
    while (kept > 1 && tb_points_equal(p[kept - 1], p[0]))
        kept--;
    to->point_count = first;
    if (kept < 3) /* no ground */
        return TB_OK;
    TB_TRY(tb_rings_make_room(&to->points, first + kept + 1, &to->point_capacity,
                              sizeof *to->points, err));
    TB_TRY(tb_rings_make_room(&to->ring, to->count + 1, &to->capacity, sizeof *to->ring, err));
    parts = tb_part_count(kept);
    TB_TRY(tb_rings_make_room(&to->part, to->part_count + parts, &to->part_capacity,
                              sizeof *to->part, err));
    to->points[first + kept] = to->points[first];
    to->ring[to->count]      = (tb_contour){.first = first, .edges = kept, .part = to->part_count};
    to->point_count          = first + kept + 1;
    find_parts(to->points, &to->ring[to->count++], to->part);
    for (; parts > 0; parts--)
        to->box = tb_box_of_boxes(to->box, to->part[to->part_count++]);
done:
    return status;
}

/* Twice the area of a closed ring by the plane; *is_sure is false where its sign is in doubt. */
static double turn_of(const tb_point *p, size_t count, bool *is_sure)
{
    double sum = 0.0, size = 0.0;

    for (size_t i = 1; i < count; i++) {
        double one   = (p[i - 1].x - p[0].x) * (p[i].y - p[0].y);
        double other = (p[i].x - p[0].x) * (p[i - 1].y - p[0].y);

        sum += one - other;
        size += fabs(one) + fabs(other);
    }
    *is_sure = fabs(sum) > 1e-12 * size;
    return sum;
}

void tb_ring_turn_back(tb_point *p, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        tb_point kept = p[i];

        p[i]             = p[count - 1 - i];
        p[count - 1 - i] = kept;
    }
}

bool tb_ring_turn_left(tb_point *p, size_t count, bool *is_turned)
{
    bool is_sure;

    *is_turned = !(turn_of(p, count, &is_sure) > 0.0);
    if (*is_turned)
        tb_ring_turn_back(p, count);
    return is_sure;
}

/* Adds a ring with the ground to its left. */
static tb_status add_ring(tb_rings *to, const tb_geos *geos, const GEOSGeometry *from,
                          bool is_shell, bool *is_sure, tb_error *err)
{
    tb_status                status   = TB_OK;
    GEOSContextHandle_t      handle   = geos->handle;
    const GEOSCoordSequence *sequence = GEOSGeom_getCoordSeq_r(handle, from);
    unsigned                 count    = 0;
    size_t                   first    = to->point_count;
    tb_point                *p;

    *is_sure = sequence != NULL && GEOSCoordSeq_getSize_r(handle, sequence, &count) && count > 3;
    if (!*is_sure)
        return TB_OK;
    TB_TRY(tb_rings_make_room(&to->points, first + count, &to->point_capacity, sizeof *to->points,
                              err));
    p        = to->points + first;
    *is_sure = GEOSCoordSeq_copyToBuffer_r(handle, sequence, &p->x, 0, 0);
    if (!*is_sure)
        return TB_OK;
    if ((turn_of(p, count, is_sure) > 0.0) != is_shell)
        tb_ring_turn_back(p, count);
    to->point_count = first + count;
    TB_TRY(tb_rings_close(to, first, err));
done:
    return status;
}

tb_status tb_rings_load(const tb_geos *geos, const GEOSGeometry *geometry, tb_rings *out,
                        bool *is_sure, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = geos->handle;
    int                 type   = GEOSGeomTypeId_r(handle, geometry);

    tb_rings_clear(out);
    *is_sure = type == GEOS_POLYGON || type == GEOS_MULTIPOLYGON;
    for (int g = 0; *is_sure && g < GEOSGetNumGeometries_r(handle, geometry); g++) {
        const GEOSGeometry *part = GEOSGetGeometryN_r(handle, geometry, g);

        if (GEOSisEmpty_r(handle, part))
            continue;
        TB_TRY(add_ring(out, geos, GEOSGetExteriorRing_r(handle, part), true, is_sure, err));
        for (int h = 0; *is_sure && h < GEOSGetNumInteriorRings_r(handle, part); h++)
            TB_TRY(
                add_ring(out, geos, GEOSGetInteriorRingN_r(handle, part, h), false, is_sure, err));
    }
done:
    return status;
}

static size_t count_parts(const tb_rings *of)
{
    size_t count = 0;

    for (size_t r = 0; r < of->count; r++)
        count += tb_part_count(of->ring[r].edges);
    return count;
}

size_t tb_rings_packed_bytes(const tb_rings *of)
{
    return sizeof *of + of->count * sizeof *of->ring + of->point_count * sizeof *of->points +
           count_parts(of) * sizeof *of->part;
}

tb_rings *tb_rings_pack_into(void *memory, const tb_rings *of)
{
    tb_rings *it    = memory;
    size_t    parts = count_parts(of);

    *it                = *of;
    it->points         = (tb_point *)(it + 1);
    it->part           = (tb_box *)(it->points + of->point_count);
    it->ring           = (tb_contour *)(it->part + parts);
    it->capacity       = of->count;
    it->point_capacity = of->point_count;
    it->part_capacity = it->part_count = parts;
    if (of->count == 0)
        return it;
    memcpy(it->ring, of->ring, of->count * sizeof *of->ring);
    memcpy(it->points, of->points, of->point_count * sizeof *of->points);
    if (of->part_count > 0)
        memcpy(it->part, of->part, parts * sizeof *of->part);
    for (size_t r = 0; r < of->count && of->part_count == 0; r++) {
        it->ring[r].part = r > 0 ? it->ring[r - 1].part + tb_part_count(it->ring[r - 1].edges) : 0;
        find_parts(it->points, &it->ring[r], it->part);
    }
    return it;
}

tb_status tb_rings_pack(const tb_rings *of, tb_rings **out, tb_error *err)
{
    tb_status status = TB_OK;
    void     *memory = NULL;

    TB_TRY(tb_alloc(&memory, 1, tb_rings_packed_bytes(of), "edges", err));
    tb_rings_pack_into(memory, of);
done:
    *out = memory;
    return status;
}

tb_box tb_box_of_geometry(const tb_geos *geos, const GEOSGeometry *geometry)
{
    tb_box box = {{NAN, NAN}, {NAN, NAN}};

    GEOSGeom_getXMin_r(geos->handle, geometry, &box.low.x);
    GEOSGeom_getYMin_r(geos->handle, geometry, &box.low.y);
    GEOSGeom_getXMax_r(geos->handle, geometry, &box.high.x);
    GEOSGeom_getYMax_r(geos->handle, geometry, &box.high.y);
    return box;
}

tb_status tb_rings_invert(const tb_rings *of, tb_rings *out, tb_error *err)
{
    tb_status status = TB_OK;

    tb_rings_clear(out);
    TB_TRY(tb_rings_make_room(&out->points, of->point_count, &out->point_capacity,
                              sizeof *out->points, err));
    TB_TRY(tb_rings_make_room(&out->ring, of->count, &out->capacity, sizeof *out->ring, err));
    TB_TRY(tb_rings_make_room(&out->part, of->part_count, &out->part_capacity, sizeof *out->part,
                              err));
    memcpy(out->points, of->points, of->point_count * sizeof *out->points);
    memcpy(out->ring, of->ring, of->count * sizeof *out->ring);
    out->point_count = of->point_count;
    out->part_count  = of->part_count;
    out->count       = of->count;
    for (size_t r = 0; r < out->count; r++) {
        tb_ring_turn_back(out->points + out->ring[r].first, out->ring[r].edges + 1);
        find_parts(out->points, &out->ring[r], out->part);
    }
    out->is_inverse = true;
    out->box        = (tb_box){{-INFINITY, -INFINITY}, {INFINITY, INFINITY}};
done:
    return status;
}

/* Turns *is_in with every edge, from..until of a ring, that passes a point on its right. */
static tb_certainty pass_edges(const tb_point *q, size_t from, size_t until, tb_point p,
                               bool point_moved, bool *is_in)
{
    for (size_t i = from; i < until; i++) {
        tb_point a = q[i], b = q[i + 1];
        bool     is_a_above = point_moved ? a.y > p.y : a.y >= p.y;
        bool     is_b_above = point_moved ? b.y > p.y : b.y >= p.y;
        int      side;

        if (is_a_above == is_b_above || (a.x < p.x && b.x < p.x))
            continue;
        if (a.x > p.x && b.x > p.x) {
            *is_in = !*is_in;
            continue;
        }
        side = tb_side(a, b, p, point_moved);
        if (side == 0)
            return TB_IN_DOUBT;
        *is_in ^= (side > 0) == is_b_above;
    }
    return TB_SURELY;
}

tb_certainty tb_rings_hold(const tb_rings *it, tb_point p, bool point_moved)
{
    bool is_in = it->is_inverse;

    if (p.x < it->box.low.x || p.x > it->box.high.x || p.y < it->box.low.y || p.y > it->box.high.y)
        return TB_SURELY_NOT;
    for (size_t r = 0; r < it->count; r++) {
        const tb_contour *ring = &it->ring[r];
        const tb_point   *q    = it->points + ring->first;
        const tb_box     *part = it->part + ring->part;

        for (size_t k = 0; k < tb_part_count(ring->edges); k++) {
            size_t from, until = tb_part_edges(ring, k, &from);

            if (part[k].high.y < p.y || part[k].low.y > p.y || part[k].high.x < p.x)
                continue;
            if (pass_edges(q, from, until, p, point_moved, &is_in) == TB_IN_DOUBT)
                return TB_IN_DOUBT;
        }
    }
    return is_in ? TB_SURELY : TB_SURELY_NOT;
}
