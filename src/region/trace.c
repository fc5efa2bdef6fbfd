#include "region/trace.h"

#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"
#include "region/turns.h"

typedef struct found_ring {
    tb_ring  ring;
    uint32_t polygon;
} found_ring;

typedef struct found_rings {
    found_ring *rings;
    size_t      count, capacity;
} found_rings;

struct tb_trace {
    tb_turns turns;

    tb_local_span *spans; /* of who has others */
    size_t         span_capacity;

    tb_corner *corners;
    size_t     corner_count, corner_capacity;
    tb_corner *cut; /* off the ring that is walked */
    size_t     cut_count, cut_capacity;

    found_rings walked, pieces; /* pieces were cut off */
    tb_ring    *rings;
    size_t      ring_capacity;
    tb_polygon *polygons;
    size_t      polygon_count, polygon_capacity;
};

tb_status tb_trace_new(tb_trace **out, tb_error *err)
{
    return tb_alloc_zero(out, 1, sizeof **out, "tracing", err);
}

void tb_trace_free(tb_trace *trace)
{
    if (trace == NULL)
        return;
    tb_turns_reset(&trace->turns);
    tb_free(trace->spans);
    tb_free(trace->corners);
    tb_free(trace->cut);
    tb_free(trace->walked.rings);
    tb_free(trace->pieces.rings);
    tb_free(trace->rings);
    tb_free(trace->polygons);
    tb_free(trace);
}

/* ---------------------------------------------------------------- rings */

static tb_status append_ring(found_rings *to, found_ring ring, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve_next(&to->rings, &to->capacity, to->count, sizeof *to->rings, "rings",
                                 err));
    to->rings[to->count++] = ring;
done:
    return status;
}

/* Sets a piece of the ring that is walked aside, from its uppermost, then leftmost corner on. */
static tb_status cut_off(tb_trace *trace, const tb_corner *piece, size_t count, uint32_t polygon,
                         tb_error *err)
{
    tb_status  status = TB_OK;
    size_t     needed = trace->cut_count + count, start = 0;
    tb_corner *out;

    TB_TRY(tb_array_reserve(&trace->cut, &trace->cut_capacity, needed, sizeof *trace->cut,
                            "corners", err));
    for (size_t i = 1; i < count; i++)
        if (tb_corner_is_before(piece[i], piece[start]))
            start = i;
    out = trace->cut + trace->cut_count;
    memcpy(out, piece + start, (count - start) * sizeof *out);
    memcpy(out + count - start, piece, start * sizeof *out);
    TB_TRY(append_ring(&trace->pieces, (found_ring){{trace->cut_count, count}, polygon}, err));
    trace->cut_count = needed;
done:
    return status;
}

/* The left end of the edge at the other side of the corner where an end of this edge has a twin. */
static uint32_t edge_of_twin(uint32_t i)
{
    return i % 2 != 0 ? i + 1 : i - 2;
}

/*
 * Goes on to a vertex: cuts a ring off where the walk comes back to its corner. Its twin was met in
 * this walk, and not cut off since, when one of the places of its edge holds the corner.
 */
static tb_status meet(tb_trace *trace, tb_corner *ring, size_t *length, uint32_t i,
                      uint32_t polygon, uint32_t note, tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_turn *v      = trace->turns.turn;
    tb_corner      corner = v[i].at;
    uint32_t       twin   = edge_of_twin(i);
    size_t         place  = SIZE_MAX;

    if ((v[i].across & TB_TURN_TWIN) != 0 && v[twin].note == note)
        for (size_t p = v[twin + 1].note; p < (size_t)v[twin + 1].note + 2 && p < *length; p++)
            if (ring[p].x == corner.x && ring[p].y == corner.y)
                place = p;
    if (place != SIZE_MAX) {
        /* Both pieces turn at this corner: the one cut off and the one that goes on. */
        TB_TRY(cut_off(trace, ring + place, *length - place, polygon, err));
        *length = place + 1;
    } else {
        ring[(*length)++] = corner;
    }
done:
    return status;
}

/* Whether an end of the edge that begins at `left` may have a twin in the ring. */
static inline bool may_meet(const tb_turn *v, uint32_t left, uint32_t ring)
{
    uint32_t before = (v[left].across >> 31) & (v[left - 2].note == ring);
    uint32_t after  = (v[left + 1].across >> 31) & (v[left + 2].note == ring);

    return (before | after) != 0;
}

/* Walks the ring that starts at `start`, down a left edge where the inside is below, along a lower
 * edge where it is above. */
static tb_status walk_ring(tb_trace *trace, uint32_t start, bool is_below, uint32_t polygon,
                           tb_error *err)
{
    tb_status  status = TB_OK;
    tb_corner *ring   = trace->corners + trace->corner_count;
    tb_turn   *v      = trace->turns.turn;
    size_t     length = 0, first_piece = trace->pieces.count;
    uint32_t   note = TB_TURN_WALKED | (uint32_t)trace->walked.count;
    uint32_t   next = v[is_below ? start : start + 1].across & ~TB_TURN_TWIN;

    trace->cut_count  = 0;
    v[start].note     = note;
    v[start + 1].note = 0;
    ring[length++]    = v[start].at; /* has no twin in this ring: none starts lower */
    if (!is_below)
        ring[length++] = v[start + 1].at;
    while ((next & ~UINT32_C(1)) != start) {
        uint32_t left = next & ~UINT32_C(1);

        v[left].note = note;
        if (!may_meet(v, left, note)) {
            v[left + 1].note = (uint32_t)length;
            ring[length]     = v[next].at;
            ring[length + 1] = v[next ^ 1].at;
            length += 2;
        } else {
            TB_TRY(meet(trace, ring, &length, next, polygon, note, err));
            v[left + 1].note = (uint32_t)length - 1;
            TB_TRY(meet(trace, ring, &length, next ^ 1, polygon, note, err));
        }
        next = v[next ^ 1].across & ~TB_TURN_TWIN;
    }
    if (is_below && !may_meet(v, start, note))
        ring[length++] = v[start + 1].at;
    else if (is_below)
        TB_TRY(meet(trace, ring, &length, start + 1, polygon, note, err));
    TB_TRY(append_ring(&trace->walked, (found_ring){{trace->corner_count, length}, polygon}, err));
    if (trace->cut_count > 0)
        memcpy(ring + length, trace->cut, trace->cut_count * sizeof *ring);
    for (size_t p = first_piece; p < trace->pieces.count; p++)
        trace->pieces.rings[p].ring.first += trace->corner_count + length;
    trace->corner_count += length + trace->cut_count;
done:
    return status;
}

static tb_status reserve_corners(tb_trace *trace, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    capacity;

    if (trace->turns.count <= trace->corner_capacity)
        return TB_OK;
    capacity = tb_array_larger(trace->turns.count);
    tb_free(trace->corners); /* nothing in them is needed: growing would hold both */
    trace->corners         = NULL;
    trace->corner_capacity = 0;
    TB_TRY(tb_alloc(&trace->corners, capacity, sizeof *trace->corners, "corners", err));
    trace->corner_capacity = capacity;
done:
    return status;
}

/* The polygon of the walked edge that a vertex lies on. */
static uint32_t polygon_of(const tb_trace *trace, uint32_t i)
{
    uint32_t ring = trace->turns.turn[i & ~UINT32_C(1)].note & ~TB_TURN_WALKED;

    return trace->walked.rings[ring].polygon;
}

/*
 * Makes rings of the vertices, each from its first one. A region's exterior ring has its first
 * corner, so a ring that starts with the inside below is a new polygon. One that starts with the
 * inside above is a hole, and the vertex beside it lies in a ring that was walked before.
 */
static tb_status find_rings(tb_trace *trace, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(reserve_corners(trace, err));
    trace->corner_count  = 0;
    trace->walked.count  = 0;
    trace->pieces.count  = 0;
    trace->polygon_count = 0;
    for (uint32_t i = TB_TURN_FIRST; i < trace->turns.count; i += 2) {
        uint32_t note = trace->turns.turn[i].note;

        if (note == TB_TURN_NONE)
            TB_TRY(walk_ring(trace, i, true, (uint32_t)trace->polygon_count++, err));
        else if ((note & TB_TURN_WALKED) == 0)
            TB_TRY(walk_ring(trace, i, false, polygon_of(trace, note), err));
    }
done:
    return status;
}

/* ---------------------------------------------------------------- polygons */

static const tb_corner *first_corner(const tb_trace *trace, const found_ring *ring)
{
    return &trace->corners[ring->ring.first];
}

/* By first corners. Heap sort: in place, and a ring that meets itself often has many pieces. */
static void sort_pieces(tb_trace *trace)
{
    found_ring *rings = trace->pieces.rings;
    size_t      count = trace->pieces.count;

    for (size_t start = count / 2, end = count; end > 1;) {
        found_ring moved;
        size_t     hole, child;

        if (start > 0) {
            moved = rings[--start];
        } else {
            moved      = rings[--end];
            rings[end] = rings[0];
        }
        for (hole = start; (child = 2 * hole + 1) < end; hole = child) {
            if (child + 1 < end && tb_corner_is_before(*first_corner(trace, &rings[child]),
                                                       *first_corner(trace, &rings[child + 1])))
                child++;
            if (!tb_corner_is_before(*first_corner(trace, &moved),
                                     *first_corner(trace, &rings[child])))
                break;
            rings[hole] = rings[child];
        }
        rings[hole] = moved;
    }
}

static void place_ring(tb_trace *trace, const found_ring *found)
{
    tb_polygon *polygon = &trace->polygons[found->polygon];

    trace->rings[polygon->first + polygon->count++] = found->ring;
}

static tb_status reserve_rings(tb_trace *trace, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve(&trace->rings, &trace->ring_capacity,
                            trace->walked.count + trace->pieces.count, sizeof *trace->rings,
                            "rings", err));
    TB_TRY(tb_array_reserve(&trace->polygons, &trace->polygon_capacity, trace->polygon_count,
                            sizeof *trace->polygons, "polygons", err));
done:
    return status;
}

/* Puts the rings in the order of their polygons and first corners: those walked are in the order
 * of their first corners, pieces are merged with them. */
static tb_status order_rings(tb_trace *trace, tb_error *err)
{
    tb_status          status = TB_OK;
    const found_rings *walked = &trace->walked, *pieces = &trace->pieces;
    size_t             first = 0, p = 0;

    TB_TRY(reserve_rings(trace, err));
    if (pieces->count == 0 && walked->count == trace->polygon_count) { /* no holes: they are */
        for (size_t r = 0; r < walked->count; r++) {
            trace->rings[r]    = walked->rings[r].ring;
            trace->polygons[r] = (tb_polygon){r, 1};
        }
        return TB_OK;
    }
    memset(trace->polygons, 0, trace->polygon_count * sizeof *trace->polygons);
    for (size_t r = 0; r < walked->count; r++)
        trace->polygons[walked->rings[r].polygon].count++;
    for (size_t r = 0; r < pieces->count; r++)
        trace->polygons[pieces->rings[r].polygon].count++;
    for (size_t i = 0; i < trace->polygon_count; i++) {
        trace->polygons[i].first = first;
        first += trace->polygons[i].count;
        trace->polygons[i].count = 0;
    }
    sort_pieces(trace);
    for (size_t r = 0; r < walked->count; r++) {
        while (p < pieces->count && tb_corner_is_before(*first_corner(trace, &pieces->rings[p]),
                                                        *first_corner(trace, &walked->rings[r])))
            place_ring(trace, &pieces->rings[p++]);
        place_ring(trace, &walked->rings[r]);
    }
    while (p < pieces->count)
        place_ring(trace, &pieces->rings[p++]);
done:
    return status;
}

/* What tracing a single span comes to: many components have no more. */
static tb_status make_rectangle(tb_trace *trace, int32_t width, tb_error *err)
{
    tb_status status = TB_OK;

    trace->turns.count = 4;
    TB_TRY(reserve_corners(trace, err));
    trace->corners[0]    = (tb_corner){0, 0};
    trace->corners[1]    = (tb_corner){0, 1};
    trace->corners[2]    = (tb_corner){width, 1};
    trace->corners[3]    = (tb_corner){width, 0};
    trace->corner_count  = 4;
    trace->pieces.count  = 0;
    trace->walked.count  = 1;
    trace->polygon_count = 1;
    TB_TRY(reserve_rings(trace, err));
    trace->rings[0]    = (tb_ring){0, 4};
    trace->polygons[0] = (tb_polygon){0, 1};
done:
    return status;
}

/* Spans that count from (x, y), in columns left .. left + width - 1 from there. */
static tb_status trace_spans(tb_trace *trace, const tb_local_span *spans, size_t count, int64_t x,
                             int64_t y, int32_t left, size_t width, tb_shape *shape, tb_error *err)
{
    tb_status status = TB_OK;

    if (count >= TB_TURN_NONE || width >= INT32_MAX)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected less than 2^31 columns and 2^32 runs, got %zu "
                            "and %zu",
                            width, count);
    if (count == 1) {
        TB_TRY(make_rectangle(trace, spans[0].last - spans[0].first + 1, err));
    } else {
        TB_TRY(tb_turns_find(&trace->turns, spans, count, left, width, err));
        TB_TRY(find_rings(trace, err));
        TB_TRY(order_rings(trace, err));
    }
    *shape = (tb_shape){.origin_x      = count > 0 ? x + spans[0].first : 0,
                        .origin_y      = count > 0 ? y + spans[0].row : 0,
                        .scale         = 1,
                        .corners       = trace->corners,
                        .rings         = trace->rings,
                        .polygons      = trace->polygons,
                        .corner_count  = trace->corner_count,
                        .ring_count    = trace->walked.count + trace->pieces.count,
                        .polygon_count = trace->polygon_count};
done:
    return status;
}

tb_status tb_trace_component(tb_trace *trace, const tb_component *component, tb_shape *shape,
                             tb_error *err)
{
    return trace_spans(trace, component->spans, component->span_count, component->origin_x,
                       component->origin_y, (int32_t)(component->bounds.x - component->origin_x),
                       (size_t)component->bounds.width, shape, err);
}

tb_status tb_trace_spans(tb_trace *trace, const tb_span *spans, size_t count, tb_shape *shape,
                         tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   left = INT64_MAX, right = INT64_MIN, y = count > 0 ? spans[0].row : 0;

    for (size_t i = 0; i < count; i++) {
        left  = spans[i].first < left ? spans[i].first : left;
        right = spans[i].last > right ? spans[i].last : right;
    }
    if (count == 0)
        left = right = 0;
    if (right - left >= INT32_MAX - 1 || (count > 0 && spans[count - 1].row - y >= INT32_MAX))
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected less than 2^31 columns and rows, got columns "
                            "%lld to %lld, rows %lld to %lld",
                            (long long)left, (long long)right, (long long)y,
                            (long long)spans[count - 1].row);
    TB_TRY(tb_array_reserve(&trace->spans, &trace->span_capacity, count, sizeof *trace->spans,
                            "runs of a shape", err));
    for (size_t i = 0; i < count; i++)
        trace->spans[i] =
            (tb_local_span){(int32_t)(spans[i].row - y), (int32_t)(spans[i].first - left),
                            (int32_t)(spans[i].last - left)};
    TB_TRY(trace_spans(trace, trace->spans, count, left, y, 0, (size_t)(right - left) + 1, shape,
                       err));
done:
    return status;
}
