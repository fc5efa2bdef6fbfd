#include "region/trace.h"

#include <string.h>

#include "core/memory.h"
#include "region/corner.h"

#define NONE    UINT32_MAX
#define NO_EDGE INT32_MAX

/* Marks a vertex at a corner where two pixels meet: there are two, one after the other. */
#define TWIN (UINT32_C(1) << 31)

/* Marks the note of an edge that was walked. */
#define WALKED (UINT32_C(1) << 31)

/*
 * A turn of a ring. Vertices are numbered by (y, x) from FIRST_VERTEX on. Those of a line between
 * two rows come in pairs, the ends of a horizontal edge: 2 k and 2 k + 1, side by side in memory.
 * So only vertical edges need to be kept.
 */
typedef struct vertex {
    tb_corner at;
    uint32_t  across; /* the vertex at the other end of the vertical edge, and TWIN */
    uint32_t  note;   /* of the left end of an edge, once it is walked: WALKED and the ring; before,
                         where the inside is above it, a vertex at the left end of the span above,
                         so of the same region; where it is below, NONE. Of the right end, once it
                         is walked: the place in the ring of the end that was come to first */
} vertex;

/* An edge of no meaning lies before the others: what there is not is written to it. */
enum { NO_VERTEX = 0, FIRST_VERTEX = 2 };

/* The vertical edges of a row, from left to right, x from the origin: left ends of spans have even
 * numbers, right ends odd ones. Behind the last one NO_EDGE. */
typedef struct line {
    int32_t  *x;
    uint32_t *began; /* from 1 on: the vertex each began with */
    size_t    capacity;
} line;

typedef struct found_ring {
    tb_ring  ring;
    uint32_t polygon;
} found_ring;

typedef struct found_rings {
    found_ring *rings;
    size_t      count, capacity;
} found_rings;

struct tb_trace {
    vertex *vertices;
    size_t  vertex_count, vertex_capacity;

    line above, below;

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
    tb_free(trace->vertices);
    tb_free(trace->above.x);
    tb_free(trace->above.began);
    tb_free(trace->below.x);
    tb_free(trace->below.began);
    tb_free(trace->corners);
    tb_free(trace->cut);
    tb_free(trace->walked.rings);
    tb_free(trace->pieces.rings);
    tb_free(trace->rings);
    tb_free(trace->polygons);
    tb_free(trace);
}

static tb_status check_extent(const tb_span *spans, size_t count, tb_error *err)
{
    if (count >= NONE || (count > 0 && spans[count - 1].row - spans[0].row >= INT32_MAX))
        return tb_error_set(
            err, TB_E_INPUT,
            "trace a shape: expected fewer than 2^31 rows and 2^32 runs, got %zu runs", count);
    for (size_t i = 0; i < count; i++)
        if (spans[i].first - spans[0].first < -INT32_MAX ||
            spans[i].last - spans[0].first >= INT32_MAX - 1)
            return tb_error_set(err, TB_E_INPUT,
                                "trace a shape: expected less than 2^31 columns, got "
                                "%lld to %lld",
                                (long long)spans[0].first, (long long)spans[i].last);
    return TB_OK;
}

static size_t larger(size_t capacity, size_t needed)
{
    size_t grown = capacity + capacity / 2 + 64;

    return grown > needed ? grown : needed;
}

static tb_status reserve_edges(line *of, size_t edges, tb_error *err)
{
    tb_status status = TB_OK;

    if (edges < of->capacity)
        return TB_OK;
    edges = larger(of->capacity, edges + 1);
    TB_TRY(tb_grow(&of->x, edges, sizeof *of->x, "edges of a line", err));
    TB_TRY(tb_grow(&of->began, edges + 1, sizeof *of->began, "edges of a line", err));
    of->began[0] = NO_VERTEX;
    of->capacity = edges;
done:
    return status;
}

/* Room for so many vertices more. */
static tb_status reserve_vertices(tb_trace *trace, size_t more, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = trace->vertex_count + more, capacity;

    if (needed >= TWIN)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected fewer than 2^31 vertices, got %zu", needed);
    if (needed <= trace->vertex_capacity)
        return TB_OK;
    capacity = larger(trace->vertex_capacity, needed);
    TB_TRY(tb_grow(&trace->vertices, capacity, sizeof *trace->vertices, "vertices", err));
    trace->vertex_capacity = capacity;
done:
    return status;
}

/* Takes the edges of spans from..to-1 as the line below; returns how many. */
static tb_status take_line(tb_trace *trace, const tb_span *spans, size_t from, size_t to,
                           tb_error *err)
{
    tb_status status = TB_OK;
    line     *below  = &trace->below;
    int64_t   origin = spans[0].first;
    int32_t  *x;

    TB_TRY(reserve_edges(below, 2 * (to - from), err));
    x = below->x;
    for (size_t i = from; i < to; i++) {
        *x++ = (int32_t)(spans[i].first - origin);
        *x++ = (int32_t)(spans[i].last + 1 - origin);
    }
    *x = NO_EDGE;
done:
    return status;
}

/*
 * Places the vertices on the line between two rows. Where two pixels meet at a corner each keeps
 * its own turn: the vertex to the left ends the horizontal edge there, the other begins the next,
 * and each goes on with the vertical edge of its own pixel.
 *
 * What a step finds cannot be foreseen, so it has no branch: it writes two vertices, of which the
 * next step writes over those that are none (straight on: two; a turn of one pixel: one).
 */
static void trace_line(tb_trace *trace, int32_t y)
{
    const int32_t  *up = trace->above.x, *low = trace->below.x;
    const uint32_t *began_up  = trace->above.began + 1;
    uint32_t       *began_low = trace->below.began + 1;
    vertex         *v         = trace->vertices;
    uint32_t        n         = (uint32_t)trace->vertex_count;
    uint32_t        in_up = 0, in_low = 0; /* just left of x: 1 where inside */
    size_t          u = 0, l = 0;

    for (;;) {
        int32_t   x_up = up[u], x_low = low[l];
        tb_corner corner = {x_up < x_low ? x_up : x_low, y};
        uint32_t  at_up = x_up <= x_low, at_low = x_low <= x_up;
        uint32_t  both = at_up & at_low, is_twin = both & (in_up ^ in_low), flag = is_twin * TWIN;
        uint32_t  has_turn = is_twin | (both ^ 1);
        uint32_t  end      = n + (is_twin & (in_up ^ 1)); /* of the vertical edge above */
        uint32_t  start    = n + (is_twin & in_up);       /* of the one below */
        uint32_t  other    = (at_up & has_turn) != 0 ? began_up[u] : NO_VERTEX;
        uint32_t  note; /* began_up[u - 1] is the left end of the span that x lies below */

        if (corner.x == NO_EDGE)
            break;
        note     = (in_up ^ at_up) != 0 ? began_up[(ptrdiff_t)u + at_up - 1] : NONE;
        v[n]     = (vertex){corner, flag | (end == n ? other : 0), note};
        v[n + 1] = (vertex){corner, flag | (end == n ? 0 : other), note};
        v[other].across |= end;
        began_low[l] = has_turn != 0 ? start : began_up[u];
        n += has_turn + is_twin;
        u += at_up;
        l += at_low;
        in_up ^= at_up;
        in_low ^= at_low;
    }
    trace->vertex_count = n;
}

/* Finds the vertices of all rings and what joins them. */
static tb_status link_vertices(tb_trace *trace, const tb_span *spans, size_t count, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    from = 0, to = 0; /* spans of the row above the line */

    trace->vertex_count = FIRST_VERTEX;
    TB_TRY(reserve_edges(&trace->above, 0, err));
    trace->above.x[0] = NO_EDGE;
    while (from < count) {
        int64_t row   = from == to ? spans[from].row : spans[from].row + 1;
        size_t  below = to;
        line    swap;

        while (below < count && spans[below].row == row)
            below++;
        TB_TRY(take_line(trace, spans, to, below, err));
        TB_TRY(reserve_vertices(trace, 2 * (below - from) + 2, err)); /* and what is none */
        trace_line(trace, (int32_t)(row - spans[0].row));
        swap         = trace->above;
        trace->above = trace->below;
        trace->below = swap;
        from         = to;
        to           = below;
    }
done:
    return status;
}

/* ---------------------------------------------------------------- rings */

static tb_status append_ring(found_rings *to, found_ring ring, tb_error *err)
{
    tb_status status = TB_OK;

    if (to->count == to->capacity) {
        size_t capacity = larger(to->capacity, 0);

        TB_TRY(tb_grow(&to->rings, capacity, sizeof *to->rings, "rings", err));
        to->capacity = capacity;
    }
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

    if (needed > trace->cut_capacity) {
        size_t capacity = larger(trace->cut_capacity, needed);

        TB_TRY(tb_grow(&trace->cut, capacity, sizeof *trace->cut, "corners", err));
        trace->cut_capacity = capacity;
    }
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
    tb_status     status = TB_OK;
    const vertex *v      = trace->vertices;
    tb_corner     corner = v[i].at;
    uint32_t      twin   = edge_of_twin(i);
    size_t        place  = SIZE_MAX;

    if ((v[i].across & TWIN) != 0 && v[twin].note == note)
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
static inline bool may_meet(const vertex *v, uint32_t left, uint32_t ring)
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
    vertex    *v      = trace->vertices;
    size_t     length = 0, first_piece = trace->pieces.count;
    uint32_t   note = WALKED | (uint32_t)trace->walked.count;
    uint32_t   next = v[is_below ? start : start + 1].across & ~TWIN;

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
        next = v[next ^ 1].across & ~TWIN;
    }
    if (is_below)
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

    if (trace->vertex_count <= trace->corner_capacity)
        return TB_OK;
    capacity = larger(trace->corner_capacity, trace->vertex_count);
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
    uint32_t ring = trace->vertices[i & ~UINT32_C(1)].note & ~WALKED;

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
    for (uint32_t i = FIRST_VERTEX; i < trace->vertex_count; i += 2) {
        uint32_t note = trace->vertices[i].note;

        if (note == NONE)
            TB_TRY(walk_ring(trace, i, true, (uint32_t)trace->polygon_count++, err));
        else if ((note & WALKED) == 0)
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
    size_t    rings  = trace->walked.count + trace->pieces.count;

    if (rings > trace->ring_capacity) {
        size_t capacity = larger(trace->ring_capacity, rings);

        TB_TRY(tb_grow(&trace->rings, capacity, sizeof *trace->rings, "rings", err));
        trace->ring_capacity = capacity;
    }
    if (trace->polygon_count > trace->polygon_capacity) {
        size_t capacity = larger(trace->polygon_capacity, trace->polygon_count);

        TB_TRY(tb_grow(&trace->polygons, capacity, sizeof *trace->polygons, "polygons", err));
        trace->polygon_capacity = capacity;
    }
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

tb_status tb_trace_spans(tb_trace *trace, const tb_span *spans, size_t count, tb_shape *shape,
                         tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(check_extent(spans, count, err));
    TB_TRY(link_vertices(trace, spans, count, err));
    TB_TRY(find_rings(trace, err));
    TB_TRY(order_rings(trace, err));
    *shape = (tb_shape){.origin_x      = count > 0 ? spans[0].first : 0,
                        .origin_y      = count > 0 ? spans[0].row : 0,
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
