#include "region/trace.h"

#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"

#define NONE UINT32_MAX

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
                         where a ring can start with the inside above it, a vertex to its left that
                         is of the same region; else NONE. Of the right end, once it is walked: the
                         place in the ring of the end that was come to first */
} vertex;

enum { GROUP_COLUMNS = 64 * 64 };

/* An edge of no meaning lies before the others. */
enum { NO_VERTEX = 0, FIRST_VERTEX = 2 };

/*
 * A row of pixels as bits, a column each, 64 to a word and the leftmost the lowest: where vertical
 * edges are, and what is inside. Words that hold nothing are zero; which may hold something stands
 * in `used`, a bit each.
 */
typedef struct line {
    uint64_t *edges, *inside, *used;
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
    uint32_t
          *began; /* by column: the vertex of the vertical edge that goes on there, or NO_VERTEX */
    size_t line_groups; /* of 64 words that lines have room for */

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

static void free_line(line *freed)
{
    tb_free(freed->edges);
    tb_free(freed->inside);
    tb_free(freed->used);
    *freed = (line){0};
}

static void free_lines(tb_trace *trace)
{
    free_line(&trace->above);
    free_line(&trace->below);
    tb_free(trace->began);
    trace->began       = NULL;
    trace->line_groups = 0;
}

void tb_trace_free(tb_trace *trace)
{
    if (trace == NULL)
        return;
    tb_free(trace->vertices);
    free_lines(trace);
    tb_free(trace->spans);
    tb_free(trace->corners);
    tb_free(trace->cut);
    tb_free(trace->walked.rings);
    tb_free(trace->pieces.rings);
    tb_free(trace->rings);
    tb_free(trace->polygons);
    tb_free(trace);
}

static size_t larger(size_t capacity, size_t needed)
{
    size_t grown = capacity + capacity / 2 + 64;

    return grown > needed ? grown : needed;
}

static tb_status make_line(line *made, size_t groups, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_alloc_zero(&made->edges, groups, 64 * sizeof *made->edges, "edges of a line", err));
    TB_TRY(tb_alloc_zero(&made->inside, groups, 64 * sizeof *made->inside, "edges of a line", err));
    TB_TRY(tb_alloc_zero(&made->used, groups, sizeof *made->used, "edges of a line", err));
done:
    return status;
}

/* Room for edges in columns 0 .. width. */
static tb_status reserve_lines(tb_trace *trace, size_t width, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    groups = width / GROUP_COLUMNS + 1;

    if (groups <= trace->line_groups)
        return TB_OK;
    free_lines(trace);
    TB_TRY(make_line(&trace->above, groups, err));
    TB_TRY(make_line(&trace->below, groups, err));
    TB_TRY(tb_alloc_zero(&trace->began, groups, GROUP_COLUMNS * sizeof *trace->began,
                         "edges of a line", err));
    trace->line_groups = groups;
done:
    return status;
}

/*
 * Room for so many vertices more, `taken` of `count` spans being done with theirs: for all there
 * will be, as these let expect, within bounds.
 */
static tb_status reserve_vertices(tb_trace *trace, size_t more, size_t taken, size_t count,
                                  tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = trace->vertex_count + more, capacity, expected;
    double    times  = 1.1 * (double)count / (double)(taken + 1);

    if (needed >= TWIN)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected fewer than 2^31 vertices, got %zu", needed);
    if (needed <= trace->vertex_capacity)
        return TB_OK;
    capacity = larger(trace->vertex_capacity, needed);
    expected = (size_t)((double)needed * (times < 4.0 ? times : 4.0));
    capacity = expected > capacity ? expected : capacity;
    TB_TRY(tb_grow(&trace->vertices, capacity, sizeof *trace->vertices, "vertices", err));
    trace->vertex_capacity = capacity;
done:
    return status;
}

/* Marks words first..last. */
static void use_words(line *of, uint32_t first, uint32_t last)
{
    uint64_t from = -(UINT64_C(1) << first % 64), to = UINT64_MAX >> (63 - last % 64);

    if (first / 64 == last / 64) {
        of->used[first / 64] |= from & to;
        return;
    }
    of->used[first / 64] |= from;
    for (uint32_t group = first / 64 + 1; group < last / 64; group++)
        of->used[group] = UINT64_MAX;
    of->used[last / 64] |= to;
}

/* Takes the spans of `row` that follow as the line below, which holds nothing; columns count from
 * `left`. Returns where the next row begins. */
static const tb_local_span *take_line(line *below, const tb_local_span *span,
                                      const tb_local_span *end_of_spans, int32_t row, int32_t left,
                                      bool is_wide)
{
    const tb_local_span *start = span;
    uint64_t            *edges = below->edges, *inside = below->inside;

    for (; span < end_of_spans && span->row == row; span++) {
        uint32_t first = (uint32_t)(span->first - left), end = (uint32_t)(span->last - left) + 1;
        uint32_t word = first / 64, last = end / 64;
        uint64_t from = UINT64_C(1) << first % 64, to = UINT64_C(1) << end % 64;

        edges[word] |= from;
        edges[last] |= to;
        if (is_wide)
            use_words(below, word, last);
        if (word == last) {
            inside[word] |= to - from;
            continue;
        }
        inside[word] |= -from;
        while (++word < last)
            inside[word] = UINT64_MAX;
        inside[last] |= to - 1;
    }
    if (span > start && !is_wide) /* what lies between as well: it costs less than to ask */
        use_words(below, (uint32_t)(start->first - left) / 64,
                  (uint32_t)(span[-1].last + 1 - left) / 64);
    return span;
}

/* Joins two vertices by a vertical edge; they may be marked as twins already. */
static void join(vertex *v, uint32_t a, uint32_t b)
{
    v[a].across |= b;
    v[b].across |= a;
}

/* 64 columns of the line between two rows. */
typedef struct word {
    uint64_t  up, low;               /* edges above and below */
    uint64_t  up_before, low_before; /* whether the pixel to the left is inside, above and below */
    uint64_t  twins;                 /* of the columns with both */
    uint64_t  below_span;            /* an edge starts there with the inside above it */
    uint32_t *began;                 /* of these columns */
    int32_t   x, y;                  /* corner of the first one */
    uint32_t  last;                  /* what began holds for the last edge before them */
} word;

/*
 * Two pixels meet at a corner, and each keeps its own turn: the vertex to the left ends the
 * horizontal edge there, the other begins the next, and each goes on with the vertical edge of its
 * own pixel.
 */
static uint32_t place_twins(const word *w, vertex *v, uint32_t n, int bit)
{
    bool      is_upper_left = (w->up_before >> bit & 1) != 0;
    tb_corner corner        = {w->x + bit, w->y};

    v[n]     = (vertex){corner, TWIN, NONE};
    v[n + 1] = (vertex){corner, TWIN, NONE};
    join(v, is_upper_left ? n : n + 1, w->began[bit]);
    w->began[bit] = is_upper_left ? n + 1 : n;
    return n + 2;
}

/* Where a span ends below another, a hole may start. The last edge before is of the one or the
 * other; if it ended here, the vertex before is. */
static uint32_t place_below_span(const word *w, vertex *v, uint32_t n, int bit)
{
    uint64_t edges  = (w->up | w->low) & ((UINT64_C(1) << bit) - 1);
    uint32_t beside = edges != 0 ? w->began[63 - __builtin_clzll(edges)] : w->last;

    v[n]          = (vertex){{w->x + bit, w->y}, NO_VERTEX, beside != NO_VERTEX ? beside : n - 1};
    w->began[bit] = n;
    return n + 1;
}

/* Places the vertices of a word; a function of its own, since it is all in registers there. */
static __attribute__((noinline)) uint32_t place_word(const word *w, vertex *v, uint32_t n)
{
    uint64_t  rare  = w->twins | w->below_span;
    uint32_t *began = w->began;
    int32_t   x = w->x, y = w->y;

    for (uint64_t turns = (w->up ^ w->low) | w->twins; turns != 0; turns &= turns - 1) {
        int      bit = __builtin_ctzll(turns);
        uint32_t other, begins;

        if ((rare & turns & -turns) != 0) {
            n = (w->twins & turns & -turns) != 0 ? place_twins(w, v, n, bit)
                                                 : place_below_span(w, v, n, bit);
            continue;
        }
        /* Whether the vertical edge ends or begins here cannot be foreseen, so there is no branch
         * for it; where it begins, the next vertex, which is none yet, is written to. */
        other  = began[bit];
        begins = -((other - 1) >> 31); /* all bits, where there is no other */
        v[n]   = (vertex){{x + bit, y}, other, NONE};
        v[other | ((n + 1) & begins)].across |= n;
        began[bit] = n & begins;
        n++;
    }
    return n;
}

/* What `began` holds for the last edge of a word, if it has any. */
static uint32_t last_began(const word *w)
{
    uint64_t edges = w->up | w->low;

    return edges != 0 ? w->began[63 - __builtin_clzll(edges)] : w->last;
}

/* Places the vertices between two rows of columns 0 .. width, and makes the upper one empty. */
static void place_line(tb_trace *trace, int32_t left, int32_t y, size_t width)
{
    line    *above = &trace->above, *below = &trace->below;
    uint32_t n    = (uint32_t)trace->vertex_count;
    uint32_t last = NO_VERTEX, next = 0; /* word */
    uint64_t in_up = 0, in_low = 0;      /* of the word before */

    for (size_t group = 0; group <= width / GROUP_COLUMNS; group++) {
        uint64_t words = above->used[group] | below->used[group];

        for (; words != 0; words &= words - 1) {
            uint32_t i = (uint32_t)(64 * group) + (uint32_t)__builtin_ctzll(words);
            word     w = {.up    = above->edges[i],
                          .low   = below->edges[i],
                          .began = trace->began + (size_t)64 * i,
                          .x     = left + (int32_t)(64 * i),
                          .y     = y,
                          .last  = last};

            w.up_before     = above->inside[i] << 1 | (i == next ? in_up >> 63 : 0);
            w.low_before    = below->inside[i] << 1 | (i == next ? in_low >> 63 : 0);
            w.twins         = w.up & w.low & (w.up_before ^ w.low_before);
            w.below_span    = w.low & ~w.up & w.up_before & w.low_before;
            n               = place_word(&w, trace->vertices, n);
            in_up           = above->inside[i];
            in_low          = below->inside[i];
            last            = last_began(&w);
            next            = i + 1;
            above->edges[i] = above->inside[i] = 0;
        }
        above->used[group] = 0;
    }
    trace->vertex_count = n;
}

/* Finds the vertices of all rings and what joins them; the origin is the first span's corner. */
static tb_status link_vertices(tb_trace *trace, const tb_local_span *spans, size_t count,
                               int32_t left, size_t width, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_local_span *from = spans, *to = spans; /* spans of the row above the line */
    const tb_local_span *end = spans + count;

    trace->vertex_count = FIRST_VERTEX;
    TB_TRY(reserve_lines(trace, width, err));
    while (from < end) {
        int32_t              row = from == to ? from->row : from->row + 1;
        const tb_local_span *next =
            take_line(&trace->below, to, end, row, left, width >= GROUP_COLUMNS);
        line swap;

        TB_TRY(reserve_vertices(trace, 2 * (size_t)(next - from) + 2, (size_t)(to - spans), count,
                                err)); /* and what is none */
        place_line(trace, left - spans->first, row - spans->row, width);
        swap         = trace->above;
        trace->above = trace->below;
        trace->below = swap;
        from         = to;
        to           = next;
    }
done:
    if (status != TB_OK)
        free_lines(trace); /* they hold what was not placed */
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

    trace->vertex_count = 4;
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

    if (count >= NONE || width >= INT32_MAX)
        return tb_error_set(err, TB_E_INPUT,
                            "trace a shape: expected less than 2^31 columns and 2^32 runs, got %zu "
                            "and %zu",
                            width, count);
    if (count == 1) {
        TB_TRY(make_rectangle(trace, spans[0].last - spans[0].first + 1, err));
    } else {
        TB_TRY(link_vertices(trace, spans, count, left, width, err));
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
