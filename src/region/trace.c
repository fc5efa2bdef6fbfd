#include "region/trace.h"

#include <string.h>

#include "core/forest.h"
#include "core/memory.h"

#define NONE    UINT32_MAX
#define VISITED (UINT32_C(1) << 31)

/* A turn of a ring. At a corner where two pixels meet diagonally there are two, one after the
 * other. */
typedef struct vertex {
    int32_t  x, y;
    uint32_t next; /* vertex of the same ring; once visited VISITED + the ring that starts here, or
                      NONE */
    uint32_t
        owner; /* span of the edge that leads down from it; once visited, its place on the stack */
} vertex;

/* The two vertical edges at the ends of a span of the current line: the vertices they began with.
 */
typedef struct edge_pair {
    uint32_t left, right;
} edge_pair;

typedef struct found_ring {
    tb_ring  ring;
    uint32_t polygon;
} found_ring;

struct tb_trace {
    vertex   *vertices;
    size_t    vertex_count, vertex_capacity;
    uint32_t *parent;  /* one a span: an earlier span of its 4-connected region, or itself */
    uint32_t *polygon; /* one a span, of roots: the polygon of the region, or NONE */
    size_t    span_capacity;

    edge_pair *above, *below; /* of the spans of the two lines */
    size_t     edge_capacity;

    uint32_t  *stack;
    tb_corner *corners;
    size_t     corner_count, corner_capacity; /* of the stack too */

    found_ring *found;
    size_t      found_count, found_capacity;
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
    tb_free(trace->parent);
    tb_free(trace->polygon);
    tb_free(trace->above);
    tb_free(trace->below);
    tb_free(trace->stack);
    tb_free(trace->corners);
    tb_free(trace->found);
    tb_free(trace->rings);
    tb_free(trace->polygons);
    tb_free(trace);
}

static size_t larger(size_t capacity, size_t needed)
{
    size_t grown = capacity + capacity / 2 + 64;

    return grown > needed ? grown : needed;
}

static tb_status reserve_spans(tb_trace *trace, const tb_span *spans, size_t count, tb_error *err)
{
    tb_status status = TB_OK;

    if (count >= NONE || (count > 0 && spans[count - 1].row - spans[0].row >= INT32_MAX))
        return tb_error_set(
            err, TB_E_INPUT,
            "trace a shape: expected fewer than 2^31 rows and 2^32 runs, got %zu runs", count);
    if (count > trace->span_capacity) {
        size_t capacity = larger(trace->span_capacity, count);

        TB_TRY(tb_grow(&trace->parent, capacity, sizeof *trace->parent, "regions of a shape", err));
        TB_TRY(
            tb_grow(&trace->polygon, capacity, sizeof *trace->polygon, "regions of a shape", err));
        trace->span_capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        if (spans[i].first - spans[0].first < -INT32_MAX ||
            spans[i].last - spans[0].first >= INT32_MAX)
            return tb_error_set(err, TB_E_INPUT,
                                "trace a shape: expected less than 2^31 columns, got "
                                "%lld to %lld",
                                (long long)spans[0].first, (long long)spans[i].last);
        trace->parent[i]  = (uint32_t)i;
        trace->polygon[i] = NONE;
    }
done:
    return status;
}

/* Room for the edges of `spans` spans of the line below, and for the vertices between the two
 * lines. */
static tb_status reserve_line(tb_trace *trace, size_t spans_above, size_t spans, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = trace->vertex_count + 2 * (spans_above + spans);

    if (needed >= VISITED)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected fewer than 2^31 vertices, got %zu", needed);
    if (needed > trace->vertex_capacity) {
        size_t capacity = larger(trace->vertex_capacity, needed);

        TB_TRY(tb_grow(&trace->vertices, capacity, sizeof *trace->vertices, "vertices", err));
        trace->vertex_capacity = capacity;
    }
    if (spans > trace->edge_capacity) {
        size_t capacity = larger(trace->edge_capacity, spans);

        TB_TRY(tb_grow(&trace->above, capacity, sizeof *trace->above, "edges of a line", err));
        TB_TRY(tb_grow(&trace->below, capacity, sizeof *trace->below, "edges of a line", err));
        trace->edge_capacity = capacity;
    }
done:
    return status;
}

/* The spans of one row, walked edge by edge. */
typedef struct walk {
    const tb_span *span, *end;
    edge_pair     *edges;     /* of `span` */
    uint32_t       index;     /* of `span` among all */
    bool           is_inside; /* between its two edges */
    int64_t        x;         /* of the next edge; INT64_MAX after the last */
} walk;

static walk walk_begin(const tb_span *spans, size_t from, size_t to, edge_pair *edges)
{
    return (walk){.span  = spans + from,
                  .end   = spans + to,
                  .edges = edges,
                  .index = (uint32_t)from,
                  .x     = from < to ? spans[from].first : INT64_MAX};
}

static void walk_step(walk *w)
{
    w->is_inside = !w->is_inside;
    if (w->is_inside) {
        w->x = w->span->last + 1;
    } else {
        w->span++;
        w->edges++;
        w->index++;
        w->x = w->span < w->end ? w->span->first : INT64_MAX;
    }
}

/* Where the vertex is kept that the vertical edge at walk->x began with. */
static uint32_t *walk_edge(const walk *w)
{
    return w->is_inside ? &w->edges->right : &w->edges->left;
}

static uint32_t add_vertex(tb_trace *trace, int64_t x, int32_t y, uint32_t owner)
{
    trace->vertices[trace->vertex_count] =
        (vertex){.x = (int32_t)x, .y = y, .next = NONE, .owner = owner};
    return (uint32_t)trace->vertex_count++;
}

/*
 * Places the vertices on the line between two rows and links what ends there. Left edges lead down,
 * lower edges right, right edges up, upper edges left: the inside is to the left.
 */
static void trace_line(tb_trace *trace, walk up, walk low, int64_t origin_x, int32_t y)
{
    vertex  *v       = trace->vertices;
    uint32_t pending = NONE; /* vertex that a horizontal edge began with, while in one */

    while (up.x != INT64_MAX || low.x != INT64_MAX) {
        int64_t  x      = up.x < low.x ? up.x : low.x;
        bool     at_up  = up.x == x;
        bool     at_low = low.x == x;
        uint32_t left,
            right; /* the vertices that end the edge to the left, begin the one to the right */

        if (at_up && at_low && up.is_inside == low.is_inside) {
            *walk_edge(&low) = *walk_edge(&up); /* straight on */
        } else {
            left = right = add_vertex(trace, x - origin_x, y, low.index);
            if (at_up && at_low) /* two pixels meet at this corner, each keeps its own turn */
                right = add_vertex(trace, x - origin_x, y, low.index);
            if (at_up && up.is_inside)
                v[left].next = *walk_edge(&up);
            else if (at_up)
                v[*walk_edge(&up)].next = right;
            if (pending != NONE && up.is_inside)
                v[pending].next = left;
            else if (pending != NONE)
                v[left].next = pending;
            if (at_low)
                *walk_edge(&low) = low.is_inside ? left : right;
            pending = pending == NONE || (at_up && at_low) ? right : NONE;
        }
        if (at_up)
            walk_step(&up);
        if (at_low)
            walk_step(&low);
        if (up.is_inside && low.is_inside)
            tb_forest_unite(trace->parent, up.index, low.index);
    }
}

/* Finds the vertices of all rings and links each to its next. */
static tb_status link_vertices(tb_trace *trace, const tb_span *spans, size_t count, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    from = 0, to = 0; /* spans of the row above the line */

    trace->vertex_count = 0;
    while (from < count) {
        int64_t row   = from == to ? spans[from].row : spans[from].row + 1;
        size_t  below = to;

        while (below < count && spans[below].row == row)
            below++;
        TB_TRY(reserve_line(trace, to - from, below - to, err));
        trace_line(trace, walk_begin(spans, from, to, trace->above),
                   walk_begin(spans, to, below, trace->below), spans[0].first,
                   (int32_t)(row - spans[0].row));

        edge_pair *swap = trace->above;

        trace->above = trace->below;
        trace->below = swap;
        from         = to;
        to           = below;
    }
done:
    return status;
}

/* Takes the vertices stack[from .. to-1] as a ring of the polygon. */
static tb_status add_ring(tb_trace *trace, size_t from, size_t to, uint32_t polygon, tb_error *err)
{
    tb_status       status = TB_OK;
    const uint32_t *stack  = trace->stack;
    tb_corner      *out    = trace->corners + trace->corner_count;
    size_t          start  = from;

    if (trace->found_count == trace->found_capacity) {
        size_t capacity = larger(trace->found_capacity, 0);

        TB_TRY(tb_grow(&trace->found, capacity, sizeof *trace->found, "rings", err));
        trace->found_capacity = capacity;
    }
    for (size_t i = from + 1; i < to; i++) /* numbers go by (y, x) */
        if (stack[i] < stack[start])
            start = i;
    for (size_t i = start; i < to; i++, out++)
        *out = (tb_corner){trace->vertices[stack[i]].x, trace->vertices[stack[i]].y};
    for (size_t i = from; i < start; i++, out++)
        *out = (tb_corner){trace->vertices[stack[i]].x, trace->vertices[stack[i]].y};
    trace->vertices[stack[start]].next = VISITED | (uint32_t)trace->found_count;
    trace->found[trace->found_count++] =
        (found_ring){.ring = {trace->corner_count, to - from}, .polygon = polygon};
    trace->corner_count += to - from;
done:
    return status;
}

/* The other vertex at the same corner if there is one, else NONE. */
static uint32_t twin_of(const tb_trace *trace, uint32_t i)
{
    const vertex *v = trace->vertices;

    if (i > 0 && v[i - 1].x == v[i].x && v[i - 1].y == v[i].y)
        return i - 1;
    if (i + 1 < trace->vertex_count && v[i + 1].x == v[i].x && v[i + 1].y == v[i].y)
        return i + 1;
    return NONE;
}

/*
 * Walks the ring that starts at `start`, and cuts a ring off each time it comes back to a corner:
 * the twin was met in this walk, and not cut off since, when its place on the stack holds it.
 */
static tb_status walk_ring(tb_trace *trace, uint32_t start, uint32_t polygon, tb_error *err)
{
    tb_status status = TB_OK;
    vertex   *v      = trace->vertices;
    size_t    depth  = 0;
    uint32_t  i      = start;

    do {
        uint32_t next = v[i].next;
        uint32_t twin = twin_of(trace, i);

        v[i].next = NONE;
        if (twin != NONE && v[twin].next >= VISITED && v[twin].owner < depth &&
            trace->stack[v[twin].owner] == twin) {
            /* Both pieces turn at this corner: the one cut off and the one that goes on. */
            TB_TRY(add_ring(trace, v[twin].owner, depth, polygon, err));
            depth      = (size_t)v[twin].owner + 1;
            v[i].owner = NONE;
        } else {
            v[i].owner            = (uint32_t)depth;
            trace->stack[depth++] = i;
        }
        i = next;
    } while (i != start);
    TB_TRY(add_ring(trace, 0, depth, polygon, err));
done:
    return status;
}

/* The polygon of the region that the unvisited vertex borders; a new one for a new region. */
static tb_status find_polygon(tb_trace *trace, uint32_t i, uint32_t *polygon, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  root   = tb_forest_root(trace->parent, trace->vertices[i].owner);

    if (trace->polygon[root] == NONE) {
        if (trace->polygon_count == trace->polygon_capacity) {
            size_t capacity = larger(trace->polygon_capacity, 0);

            TB_TRY(tb_grow(&trace->polygons, capacity, sizeof *trace->polygons, "polygons", err));
            trace->polygon_capacity = capacity;
        }
        trace->polygons[trace->polygon_count] = (tb_polygon){0, 0};
        trace->polygon[root]                  = (uint32_t)trace->polygon_count++;
    }
    *polygon = trace->polygon[root];
done:
    return status;
}

/* Makes rings of the linked vertices. Vertices are numbered by (y, x), so rings start with their
 * first. */
static tb_status find_rings(tb_trace *trace, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  polygon;

    if (trace->vertex_count > trace->corner_capacity) {
        size_t capacity = larger(trace->corner_capacity, trace->vertex_count);

        tb_free(trace->corners); /* nothing in them is needed: growing would hold both */
        tb_free(trace->stack);
        trace->corners         = NULL;
        trace->stack           = NULL;
        trace->corner_capacity = 0;
        TB_TRY(tb_alloc(&trace->corners, capacity, sizeof *trace->corners, "corners", err));
        TB_TRY(tb_alloc(&trace->stack, capacity, sizeof *trace->stack, "corners", err));
        trace->corner_capacity = capacity;
    }
    trace->corner_count  = 0;
    trace->found_count   = 0;
    trace->polygon_count = 0;
    for (uint32_t i = 0; i < trace->vertex_count; i++)
        if (trace->vertices[i].next < VISITED) {
            TB_TRY(find_polygon(trace, i, &polygon, err));
            TB_TRY(walk_ring(trace, i, polygon, err));
        }
done:
    return status;
}

/*
 * Puts the rings in the order of their polygons and first corners. A region's exterior ring has its
 * first corner, so it comes before its holes.
 */
static tb_status order_rings(tb_trace *trace, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    first  = 0;

    if (trace->found_count > trace->ring_capacity) {
        size_t capacity = larger(trace->ring_capacity, trace->found_count);

        TB_TRY(tb_grow(&trace->rings, capacity, sizeof *trace->rings, "rings", err));
        trace->ring_capacity = capacity;
    }
    for (size_t r = 0; r < trace->found_count; r++)
        trace->polygons[trace->found[r].polygon].count++;
    for (size_t p = 0; p < trace->polygon_count; p++) {
        trace->polygons[p].first = first;
        first += trace->polygons[p].count;
        trace->polygons[p].count = 0;
    }
    for (size_t i = 0; i < trace->vertex_count; i++)
        if (trace->vertices[i].next != NONE) {
            const found_ring *found   = &trace->found[trace->vertices[i].next - VISITED];
            tb_polygon       *polygon = &trace->polygons[found->polygon];

            trace->rings[polygon->first + polygon->count++] = found->ring;
        }
done:
    return status;
}

tb_status tb_trace_spans(tb_trace *trace, const tb_span *spans, size_t count, tb_shape *shape,
                         tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(reserve_spans(trace, spans, count, err));
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
                        .ring_count    = trace->found_count,
                        .polygon_count = trace->polygon_count};
done:
    return status;
}
