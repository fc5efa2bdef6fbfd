#include "region/outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum {
    SCALE  = TB_OUTLINE_SCALE,
    BESIDE = 3,  /* pixel sides along a ring: so near, places are one turn of it */
    ROUNDS = 16, /* of cutting finer, before a ring stays as traced */
    AT_CUT = 2,  /* sides to either side of a cut that its vertices may keep to */
    SEARCH = 4,  /* places to either side that a cut may move */
};

/* What places at distance 0, 1, the root of 2, and 2 or more may move: (d - 1/2) / 2. */
enum { ROOM_NONE, ROOM_SIDE, ROOM_DIAGONAL, ROOM_FULL, ROOMS };
static const double room_px[ROOMS] = {0.0, 0.25, 0.457, TB_OUTLINE_TOLERANCE_MOST};

/* Lines keep this much within their room: vertices are rounded to 1/SCALE afterwards. */
static const double MARGIN = 0.012;

static const double AREA_CHANGE_MOST = 0.01, RING_CHANGE_MOST = 0.25;
static const double APART       = 0.5;  /* of pieces near each other on one ring */
static const double CORNER_MOST = 2.0;  /* pixels from a cut to the corner it stands for */
static const double TURN        = 0.25; /* least sine between two pieces that double back */

#define FOREIGN UINT32_MAX

/* A place of the boundary in a row of the lattice. */
typedef struct entry {
    int32_t  x;
    uint32_t place; /* of all rings, or FOREIGN */
} entry;

/* Where a ring is cut into pieces, and the one or two vertices there, in 1/SCALE. */
typedef struct stop {
    uint32_t  at;      /* sides from the ring's start */
    bool      is_hard; /* the vertex is the lattice's */
    tb_corner in, out;
} stop;

/* A side of the new ring and the places it stands for. */
typedef struct side {
    tb_corner a, b;
    uint32_t  from, to; /* equal: it cuts a corner off at a stop */
    size_t    stop;     /* where it begins */
    bool      is_near;  /* to another one that is not its neighbour, or doubling back on that */
} side;

typedef struct line {
    double x, y, ux, uy; /* a point and a unit vector */
} line;

/* The ring being simplified. */
typedef struct loop {
    const tb_corner *places; /* of the ring, a pixel side apart */
    const uint8_t   *room;
    uint32_t         count, start; /* the place that counts as the first */
    const double    *reach;        /* of each kind of room */
    size_t           stops;        /* pieces; the first stop stands again at the end */
} loop;

struct tb_outline {
    tb_corner *places; /* of all rings, every pixel side */
    uint8_t   *room;   /* of each place */
    uint8_t   *least;  /* of it and the places beside it */
    size_t     place_capacity;
    entry     *entries; /* by (y, x) */
    size_t     entry_capacity;
    size_t    *rows; /* the first entry of each row */
    size_t     row_capacity;

    stop     *stops, *others;
    uint32_t *stack;
    uint8_t  *failed; /* of the piece after each stop */
    side     *sides;
    size_t    side_count;
    size_t    stop_capacity;

    tb_ring    *kept; /* rings of the shape that are not filled */
    tb_polygon *polygons;
    size_t     *lengths; /* of each ring, in pixel sides */
    tb_corner  *corners;
    tb_ring    *rings;
    size_t      ring_capacity, polygon_capacity, corner_count, corner_capacity;
};

tb_status tb_outline_new(tb_outline **out, tb_error *err)
{
    return tb_alloc_zero(out, 1, sizeof **out, "outline", err);
}

void tb_outline_free(tb_outline *o)
{
    if (o == NULL)
        return;
    tb_free(o->places);
    tb_free(o->room);
    tb_free(o->least);
    tb_free(o->entries);
    tb_free(o->rows);
    tb_free(o->stops);
    tb_free(o->others);
    tb_free(o->stack);
    tb_free(o->failed);
    tb_free(o->kept);
    tb_free(o->polygons);
    tb_free(o->sides);
    tb_free(o->lengths);
    tb_free(o->corners);
    tb_free(o->rings);
    tb_free(o);
}

static size_t larger(size_t needed)
{
    return needed + needed / 4 + 64;
}

static double twice_area(const tb_corner *c, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];

        sum += (double)a.x * (double)b.y - (double)b.x * (double)a.y;
    }
    return sum;
}

/* ---- holes that are filled ---- */

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

static bool is_before(tb_corner a, tb_corner b)
{
    return a.y != b.y ? a.y < b.y : a.x < b.x;
}

/* The first polygon whose first corner is not before the place. */
static size_t polygon_from(const tb_shape *shape, tb_corner place)
{
    size_t low = 0, high = shape->polygon_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(shape->corners[shape->rings[shape->polygons[middle].first].first], place))
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

    if (hole.count > 4 * (size_t)most || fabs(twice_area(c, hole.count)) > 2.0 * (double)most)
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

/* The shape without the holes that are filled; its arrays are the workspace's. */
static tb_status fill_holes(tb_outline *o, const tb_shape *shape, const tb_span *nearby,
                            size_t count, int64_t most, tb_shape *result, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    kept   = 0;

    *result = *shape;
    if (most <= 0 || shape->ring_count == shape->polygon_count)
        return TB_OK;
    if (shape->polygon_count > o->polygon_capacity) {
        size_t capacity = larger(shape->polygon_count);

        TB_TRY(tb_grow(&o->polygons, capacity, sizeof *o->polygons, "polygons", err));
        o->polygon_capacity = capacity;
    }
    for (size_t p = 0; p < shape->polygon_count; p++) {
        tb_polygon it = shape->polygons[p];

        o->polygons[p] = (tb_polygon){kept, 0};
        for (size_t r = it.first; r < it.first + it.count; r++)
            if (r == it.first || !is_filled(shape, shape->rings[r], nearby, count, most))
                o->kept[kept++] = shape->rings[r];
        o->polygons[p].count = kept - o->polygons[p].first;
    }
    result->rings      = o->kept;
    result->ring_count = kept;
    result->polygons   = o->polygons;
done:
    return status;
}

/* ---- room ---- */

static int64_t side_count(const tb_corner *c, size_t n)
{
    int64_t sides = 0;

    for (size_t i = 0; i < n; i++) {
        tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];

        sides += llabs((int64_t)b.x - a.x) + llabs((int64_t)b.y - a.y);
    }
    return sides;
}

static void list_places(tb_outline *o, const tb_shape *shape)
{
    tb_corner *to = o->places;

    for (size_t r = 0; r < shape->ring_count; r++) {
        const tb_corner *c = shape->corners + shape->rings[r].first;
        size_t           n = shape->rings[r].count;

        for (size_t i = 0; i < n; i++) {
            tb_corner a = c[i], b = c[i + 1 < n ? i + 1 : 0];
            int32_t   dx = (b.x > a.x) - (b.x < a.x), dy = (b.y > a.y) - (b.y < a.y);

            for (; a.x != b.x || a.y != b.y; a.x += dx, a.y += dy)
                *to++ = a;
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    const entry *p = a, *q = b;

    if (p->x != q->x)
        return (p->x > q->x) - (p->x < q->x);
    return (p->place > q->place) - (p->place < q->place);
}

/* Rows -1 to `height` + 1 of the lattice can be beside the shape; they are kept from 0 on. */
static void count_row(tb_outline *o, int64_t y, int64_t height, size_t places)
{
    if (y >= -1 && y <= height + 1)
        o->rows[y + 2] += places;
}

static void put_entry(tb_outline *o, int64_t y, int64_t height, int64_t x, uint32_t place)
{
    if (y >= -1 && y <= height + 1)
        o->entries[o->rows[y + 1]++] = (entry){(int32_t)x, place};
}

/* Sorts all places, and the corners of nearby pixels, by row and column. */
static tb_status sort_places(tb_outline *o, const tb_shape *shape, size_t places, int64_t height,
                             const tb_span *nearby, size_t nearby_count, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    rows = (size_t)height + 3, total = places;

    for (size_t i = 0; i < nearby_count; i++)
        total += 2 * (size_t)(nearby[i].last - nearby[i].first + 2);
    if (total > o->entry_capacity) {
        size_t capacity = larger(total);

        TB_TRY(tb_grow(&o->entries, capacity, sizeof *o->entries, "outline", err));
        o->entry_capacity = capacity;
    }
    if (rows + 1 > o->row_capacity) {
        size_t capacity = larger(rows + 1);

        TB_TRY(tb_grow(&o->rows, capacity, sizeof *o->rows, "outline", err));
        o->row_capacity = capacity;
    }
    memset(o->rows, 0, (rows + 1) * sizeof *o->rows);
    for (size_t i = 0; i < places; i++)
        count_row(o, o->places[i].y, height, 1);
    for (size_t i = 0; i < nearby_count; i++)
        for (int64_t down = 0; down < 2; down++)
            count_row(o, nearby[i].row - shape->origin_y + down, height,
                      (size_t)(nearby[i].last - nearby[i].first + 2));
    for (size_t row = 1; row <= rows; row++)
        o->rows[row] += o->rows[row - 1];
    /* Row y's entries begin at rows[y + 1], which moves to their end as they are put. */
    for (size_t i = 0; i < places; i++)
        put_entry(o, o->places[i].y, height, o->places[i].x, (uint32_t)i);
    for (size_t i = 0; i < nearby_count; i++)
        for (int64_t down = 0; down < 2; down++)
            for (int64_t x = nearby[i].first; x <= nearby[i].last + 1; x++)
                put_entry(o, nearby[i].row - shape->origin_y + down, height, x - shape->origin_x,
                          FOREIGN);
    for (size_t row = rows; row > 0; row--)
        o->rows[row] = o->rows[row - 1];
    o->rows[0] = 0;
    for (size_t row = 0; row < rows; row++)
        qsort(o->entries + o->rows[row], o->rows[row + 1] - o->rows[row], sizeof *o->entries,
              compare_entries);
done:
    return status;
}

/* Whether the place belongs to the same turn of the ring first .. first + count - 1. */
static bool is_beside(uint32_t place, uint32_t other, size_t first, size_t count)
{
    size_t apart;

    if (other < first || other >= first + count)
        return false;
    apart = other > place ? other - place : place - other;
    return apart <= BESIDE || count - apart <= BESIDE;
}

/* The kind of room of a place: by the nearest place that is not of the same turn. */
static uint8_t find_room(const tb_outline *o, uint32_t place, size_t first, size_t count)
{
    tb_corner at   = o->places[place];
    uint8_t   room = ROOM_FULL;

    for (int down = -1; down <= 1; down++) {
        size_t low = o->rows[at.y + down + 1], end = o->rows[at.y + down + 2], high = end;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (o->entries[middle].x < at.x - 1)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < end && o->entries[low].x <= at.x + 1; low++) {
            uint8_t steps = (uint8_t)((down != 0) + (o->entries[low].x != at.x));

            if (o->entries[low].place == place || steps >= room)
                continue;
            if (steps == 0 || !is_beside(place, o->entries[low].place, first, count))
                room = steps;
        }
    }
    return room;
}

static uint8_t least_of(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* The room of every place, and the least of it and its neighbours': what both sides there have. */
static void find_rooms(tb_outline *o, const tb_shape *shape)
{
    size_t first = 0;

    for (size_t r = 0; r < shape->ring_count; r++) {
        size_t n =
            (size_t)side_count(shape->corners + shape->rings[r].first, shape->rings[r].count);

        o->lengths[r] = n;
        for (size_t i = 0; i < n; i++)
            o->room[first + i] = find_room(o, (uint32_t)(first + i), first, n);
        for (size_t i = 0; i < n; i++)
            o->least[first + i] =
                least_of(o->room[first + i], least_of(o->room[first + (i > 0 ? i - 1 : n - 1)],
                                                      o->room[first + (i + 1 < n ? i + 1 : 0)]));
        first += n;
    }
}

/* ---- pieces ---- */

static uint32_t place_of(const loop *l, uint32_t at)
{
    uint64_t place = (uint64_t)l->start + at;

    return (uint32_t)(place % l->count);
}

static tb_corner corner_at(const loop *l, uint32_t at)
{
    return l->places[place_of(l, at)];
}

static double reach_at(const loop *l, uint32_t at)
{
    return l->reach[l->room[place_of(l, at)]];
}

/* The line of total least squares through the middles of the sides from..to. */
static line fit_line(const loop *l, uint32_t from, uint32_t to)
{
    tb_corner origin = corner_at(l, from), a = origin;
    double    n = (double)(to - from), sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    line      it;

    for (uint32_t i = from; i < to; i++) {
        tb_corner b = corner_at(l, i + 1);
        double x = 0.5 * ((double)a.x + b.x) - origin.x, y = 0.5 * ((double)a.y + b.y) - origin.y;

        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
        a = b;
    }
    it.x = sx / n;
    it.y = sy / n;
    sxx -= sx * it.x;
    sxy -= sx * it.y;
    syy -= sy * it.y;
    it.x += origin.x;
    it.y += origin.y;

    double half = 0.5 * (sxx - syy), root = sqrt(half * half + sxy * sxy);

    it.ux = half >= 0.0 ? half + root : sxy;
    it.uy = half >= 0.0 ? sxy : root - half;
    if (it.ux == 0.0 && it.uy == 0.0) { /* one side, or a symmetrical turn: along the chord */
        it.ux = a.x - origin.x;
        it.uy = a.y - origin.y;
    }

    double length = sqrt(it.ux * it.ux + it.uy * it.uy);

    it.ux = length > 0.0 ? it.ux / length : 1.0;
    it.uy = length > 0.0 ? it.uy / length : 0.0;
    return it;
}

static double across(const line *it, double x, double y)
{
    return it->ux * (y - it->y) - it->uy * (x - it->x);
}

/*
 * The line of a piece: that of least squares, moved aside as little as brings every place between
 * its ends within its room. False: it cannot be.
 */
static bool find_line(const loop *l, uint32_t from, uint32_t to, line *it)
{
    double low = -INFINITY, high = INFINITY, aside;

    *it = fit_line(l, from, to);
    if (to - from <= 1)
        return true;
    for (uint32_t i = from + 1; i < to; i++) {
        tb_corner p    = corner_at(l, i);
        double    room = fmax(reach_at(l, i) - MARGIN, 1e-9), off = across(it, p.x, p.y);

        low  = fmax(low, off - room);
        high = fmin(high, off + room);
    }
    aside = low > 0.0 ? low : high < 0.0 ? high : 0.0;
    it->x -= aside * it->uy;
    it->y += aside * it->ux;
    return low <= high;
}

static bool is_straight(const loop *l, uint32_t from, uint32_t to)
{
    line it;

    return find_line(l, from, to, &it);
}

/* The place of the piece furthest from its chord; from its first where that is no chord. */
static uint32_t furthest(const loop *l, uint32_t from, uint32_t to)
{
    tb_corner a = corner_at(l, from), b = corner_at(l, to);
    double    ux = (double)b.x - a.x, uy = (double)b.y - a.y, most = -1.0;
    uint32_t  best = from + (to - from) / 2;

    for (uint32_t i = from + 1; i < to; i++) {
        tb_corner p  = corner_at(l, i);
        double    vx = (double)p.x - a.x, vy = (double)p.y - a.y;
        double    far = ux == 0.0 && uy == 0.0 ? vx * vx + vy * vy : fabs(ux * vy - uy * vx);

        if (far > most) {
            most = far;
            best = i;
        }
    }
    return best;
}

/* Cuts from..to until every piece is straight; appends the stops after `from`. */
static void cut(tb_outline *o, loop *l, uint32_t from, uint32_t to, bool is_hard)
{
    size_t depth = 0;

    o->stack[depth++] = to;
    while (depth > 0) {
        uint32_t top = o->stack[depth - 1];

        if (is_straight(l, from, top)) {
            o->stops[++l->stops] = (stop){.at = top, .is_hard = is_hard && top == to};
            from                 = top;
            depth--;
        } else {
            o->stack[depth++] = furthest(l, from, top);
        }
    }
}

/* Cuts the whole ring: at places without room, else at two that lie far apart. */
static void cut_ring(tb_outline *o, loop *l)
{
    uint32_t hard = UINT32_MAX;

    for (uint32_t i = 0; i < l->count && hard == UINT32_MAX; i++)
        if (l->room[i] == ROOM_NONE)
            hard = i;
    l->stops = 0;
    if (hard == UINT32_MAX) {
        l->start    = furthest(l, 0, l->count);
        o->stops[0] = (stop){.at = 0};

        uint32_t other = furthest(l, 0, l->count);

        cut(o, l, 0, other, false);
        cut(o, l, other, l->count, false);
        return;
    }
    l->start    = hard;
    o->stops[0] = (stop){.at = 0, .is_hard = true};
    for (uint32_t from = 0, i = 1; i <= l->count; i++)
        if (l->room[place_of(l, i)] == ROOM_NONE) {
            cut(o, l, from, i, true);
            from = i;
        }
}

/* Joins pieces that one line does for, until there are none. */
static void join_pieces(tb_outline *o, loop *l)
{
    for (size_t before = l->stops + 1; before > l->stops && l->stops > 3;) {
        size_t kept = 0;

        before = l->stops;
        for (size_t i = 1; i <= l->stops; i++) {
            bool goes = i < before && !o->stops[i].is_hard && before - (i - kept - 1) > 3 &&
                        is_straight(l, o->stops[kept].at, o->stops[i + 1].at);

            if (!goes)
                o->stops[++kept] = o->stops[i];
        }
        l->stops = kept;
    }
}

/* Where two lines cross; false where they are nearly parallel. */
static bool cross(const line *a, const line *b, double *x, double *y)
{
    double sine = a->ux * b->uy - a->uy * b->ux, along;

    if (fabs(sine) < 1e-3)
        return false;
    along = ((b->x - a->x) * b->uy - (b->y - a->y) * b->ux) / sine;
    *x    = a->x + along * a->ux;
    *y    = a->y + along * a->uy;
    return true;
}

/* Moves the cut between two pieces to the place nearest to where their lines cross. */
static uint32_t better_cut(const loop *l, uint32_t from, uint32_t at, uint32_t to)
{
    line     a, b;
    uint32_t best = at;
    double   x, y, least = INFINITY;

    find_line(l, from, at, &a);
    find_line(l, at, to, &b);
    if (!cross(&a, &b, &x, &y))
        return at;
    for (uint32_t i = at > from + SEARCH ? at - SEARCH : from + 1; i < to && i <= at + SEARCH;
         i++) {
        tb_corner p   = corner_at(l, i);
        double    far = (p.x - x) * (p.x - x) + (p.y - y) * (p.y - y);

        if (far < least) {
            least = far;
            best  = i;
        }
    }
    return best != at && is_straight(l, from, best) && is_straight(l, best, to) ? best : at;
}

static void move_cuts(tb_outline *o, loop *l)
{
    for (size_t i = 1; i < l->stops; i++)
        if (!o->stops[i].is_hard)
            o->stops[i].at = better_cut(l, o->stops[i - 1].at, o->stops[i].at, o->stops[i + 1].at);
    if (o->stops[0].is_hard || l->stops < 3)
        return;

    /* The first cut: seen from the last one, which is made the start for that. */
    uint32_t last = o->stops[l->stops - 1].at, old = l->start;

    l->start = place_of(l, last);

    uint32_t moved = better_cut(l, 0, l->count - last, l->count - last + o->stops[1].at);
    int64_t  by    = (int64_t)moved - (int64_t)(l->count - last);

    l->start = (uint32_t)((old + l->count + by) % l->count);
    for (size_t i = 1; i < l->stops; i++)
        o->stops[i].at = (uint32_t)(o->stops[i].at - by);
}

/* ---- vertices ---- */

/* Squared distance of a place from the segment a b. */
static double distance_squared(double x, double y, tb_corner a, tb_corner b)
{
    double ux = (double)b.x - a.x, uy = (double)b.y - a.y, vx = x - a.x, vy = y - a.y;
    double length = ux * ux + uy * uy, along = ux * vx + uy * vy, off = ux * vy - uy * vx;

    if (length <= 0.0 || along <= 0.0)
        return vx * vx + vy * vy;
    if (along >= length)
        return (x - b.x) * (x - b.x) + (y - b.y) * (y - b.y);
    return off * off / length;
}

/* Whether (x, y) lies within the room of the old ring somewhere at a cut. */
static bool is_at_cut(const loop *l, uint32_t at, double x, double y)
{
    double room = INFINITY, least = INFINITY;

    for (uint32_t i = at + l->count - AT_CUT; i < at + l->count + AT_CUT; i++) {
        tb_corner a = corner_at(l, i), b = corner_at(l, i + 1);

        room  = fmin(room, fmin(reach_at(l, i), reach_at(l, i + 1)) - MARGIN);
        least = fmin(least, distance_squared(x, y, a, b));
    }
    return room > 0.0 && least <= room * room;
}

static int32_t rounded(double value)
{
    return (int32_t)floor(value * SCALE + 0.5);
}

/* The place on a line that is nearest to (x, y), as far as `most` around p allows. */
static tb_corner reach_towards(const line *it, tb_corner p, double most, double x, double y)
{
    double off   = across(it, p.x, p.y);
    double aside = off > most ? most : off < -most ? -most : off;
    double far   = sqrt(most * most - aside * aside);
    double along = (x - p.x) * it->ux + (y - p.y) * it->uy;

    along = along > far ? far : along < -far ? -far : along;
    return (tb_corner){rounded(p.x + aside * it->uy + along * it->ux),
                       rounded(p.y - aside * it->ux + along * it->uy)};
}

/*
 * The vertex of a cut is where the lines cross. Where that is further off than there is room, the
 * corner is cut off between the places on the two lines that are nearest to it.
 */
static void make_vertex(const loop *l, stop *it, const line *before, const line *after)
{
    tb_corner p    = corner_at(l, it->at);
    double    most = reach_at(l, it->at) - MARGIN, x = p.x, y = p.y;

    if (it->is_hard || most <= 0.0) {
        it->in = it->out = (tb_corner){p.x * SCALE, p.y * SCALE};
        return;
    }
    if (cross(before, after, &x, &y)) {
        if (is_at_cut(l, it->at, x, y)) {
            it->in = it->out = (tb_corner){rounded(x), rounded(y)};
            return;
        }
        if ((x - p.x) * (x - p.x) + (y - p.y) * (y - p.y) > CORNER_MOST * CORNER_MOST) {
            x = p.x; /* no corner, but lines that are nearly parallel */
            y = p.y;
        }
    }
    it->in  = reach_towards(before, p, most, x, y);
    it->out = reach_towards(after, p, most, x, y);
}

static bool is_same(tb_corner a, tb_corner b)
{
    return a.x == b.x && a.y == b.y;
}

/* Makes the vertices, and the list of sides between them. */
static void make_vertices(tb_outline *o, loop *l)
{
    line before, after;

    find_line(l, o->stops[l->stops - 1].at, l->count, &before);
    for (size_t i = 0; i < l->stops; i++) {
        find_line(l, o->stops[i].at, o->stops[i + 1].at, &after);
        make_vertex(l, &o->stops[i], &before, &after);
        before = after;
    }
    o->stops[l->stops].in      = o->stops[0].in;
    o->stops[l->stops].out     = o->stops[0].out;
    o->stops[l->stops].is_hard = o->stops[0].is_hard;
    o->side_count              = 0;
    for (size_t i = 0; i < l->stops; i++) {
        const stop *it = &o->stops[i];

        if (!is_same(it->in, it->out))
            o->sides[o->side_count++] = (side){it->in, it->out, it->at, it->at, i, false};
        o->sides[o->side_count++] = (side){it->out, it[1].in, it->at, it[1].at, i, false};
    }
}

/* ---- whether it may stay so ---- */

static int side_of(tb_corner a, tb_corner b, tb_corner p)
{
    int64_t turn =
        ((int64_t)b.x - a.x) * ((int64_t)p.y - a.y) - ((int64_t)b.y - a.y) * ((int64_t)p.x - a.x);

    return (turn > 0) - (turn < 0);
}

/* Whether two segments do not cross and keep a distance, given squared. */
static bool are_apart(tb_corner a, tb_corner b, tb_corner c, tb_corner d, double least)
{
    if (side_of(a, b, c) * side_of(a, b, d) < 0 && side_of(c, d, a) * side_of(c, d, b) < 0)
        return false;
    return distance_squared(a.x, a.y, c, d) >= least && distance_squared(b.x, b.y, c, d) >= least &&
           distance_squared(c.x, c.y, a, b) >= least && distance_squared(d.x, d.y, a, b) >= least;
}

/* Whether the way b - a - c is a turn and not a way there and back. */
static bool is_turn(tb_corner b, tb_corner a, tb_corner c)
{
    double px = (double)b.x - a.x, py = (double)b.y - a.y;
    double qx = (double)c.x - a.x, qy = (double)c.y - a.y;
    double dot = px * qx + py * qy, off = px * qy - py * qx;
    double lengths = (px * px + py * py) * (qx * qx + qy * qy);

    return lengths > 0.0 && (dot <= 0.0 || off * off >= TURN * TURN * lengths);
}

/*
 * Whether every place that a side stands for lies within its room of it, or at its ends of one of
 * its neighbours.
 */
static bool is_close(const side *sides, size_t count, const loop *l, size_t i)
{
    const side *it = &sides[i];

    for (uint32_t at = it->from; at <= it->to; at++) {
        tb_corner p    = corner_at(l, at);
        double    most = reach_at(l, at) * SCALE, x = (double)p.x * SCALE, y = (double)p.y * SCALE;
        double    least  = distance_squared(x, y, it->a, it->b);
        bool      is_end = at <= it->from + AT_CUT || at + AT_CUT >= it->to;

        for (size_t k = 1; k <= 2 && is_end && least > most * most + 1e-9; k++) {
            const side *before = &sides[(i + count - k) % count], *after = &sides[(i + k) % count];

            least = fmin(least, distance_squared(x, y, before->a, before->b));
            least = fmin(least, distance_squared(x, y, after->a, after->b));
        }
        if (least > most * most + 1e-9)
            return false;
    }
    return true;
}

/*
 * How far (squared) two sides must keep apart that have one side, `between`, between them: half a
 * pixel, or less where that one is shorter and they do not double back.
 */
static double least_apart(const side *it, const side *between, const side *other)
{
    double ux = (double)it->b.x - it->a.x, uy = (double)it->b.y - it->a.y;
    double vx = (double)other->b.x - other->a.x, vy = (double)other->b.y - other->a.y;
    double wx = (double)between->b.x - between->a.x, wy = (double)between->b.y - between->a.y;
    double most = APART * APART * SCALE * SCALE, less = 0.5 * (wx * wx + wy * wy);

    return ux * vx + uy * vy < 0.0 || less > most ? most : less;
}

static bool is_lattice(const tb_corner a, const tb_corner b)
{
    return (a.x == b.x || a.y == b.y) && a.x % SCALE == 0 && a.y % SCALE == 0 && b.x % SCALE == 0 &&
           b.y % SCALE == 0;
}

/* Of two sides that are too near it is the shorter that has to go back, if it is not there yet. */
static void mark_near(side *a, side *b)
{
    uint32_t m = a->to - a->from, n = b->to - b->from;
    bool     a_gone = is_lattice(a->a, a->b), b_gone = is_lattice(b->a, b->b);

    a->is_near |= !a_gone && (m <= n || b_gone);
    b->is_near |= !b_gone && (n <= m || a_gone);
}

/* Compares the side with those that follow so closely that room does not tell. */
static void check_following(side *sides, size_t count, uint32_t length, size_t i)
{
    side *it = &sides[i], *next = &sides[i + 1 < count ? i + 1 : 0];

    if (!is_turn(it->a, it->b, next->b))
        mark_near(it, next);
    for (size_t k = 2; k + 1 < count; k++) {
        size_t   n     = (i + k) % count;
        side    *other = &sides[n];
        uint32_t gap   = other->from + (n < i ? length : 0) - it->to;
        double   least = k == 2 ? least_apart(it, next, other) : APART * APART * SCALE * SCALE;

        if (gap > BESIDE + 2 * AT_CUT)
            break;
        if (!are_apart(it->a, it->b, other->a, other->b, least))
            mark_near(it, other);
    }
}

enum { FINE, TOO_FAR, TOO_NEAR };

/* Marks the pieces that may not stay so; whether there are any. */
static bool check_pieces(tb_outline *o, const loop *l)
{
    bool has_failed = false;

    memset(o->failed, FINE, l->stops);
    for (size_t i = 0; i < o->side_count; i++)
        check_following(o->sides, o->side_count, l->count, i);
    for (size_t i = 0; i < o->side_count; i++) {
        const side *it = &o->sides[i];

        if (it->is_near)
            o->failed[it->stop] = TOO_NEAR;
        else if (it->from < it->to && !is_close(o->sides, o->side_count, l, i) &&
                 o->failed[it->stop] == FINE)
            o->failed[it->stop] = TOO_FAR;
        has_failed |= o->failed[it->stop] != FINE;
    }
    return has_failed;
}

static bool is_corner(const loop *l, uint32_t at)
{
    tb_corner a = corner_at(l, at - 1), b = corner_at(l, at), c = corner_at(l, at + 1);

    return a.x - b.x != b.x - c.x || a.y - b.y != b.y - c.y;
}

/* The place of the piece furthest beyond its room of the new side; 0: there is none between. */
static uint32_t worst_place(const tb_outline *o, const loop *l, size_t i)
{
    tb_corner a = o->stops[i].out, b = o->stops[i + 1].in;
    double    most = -INFINITY;
    uint32_t  best = 0;

    for (uint32_t at = o->stops[i].at + 1; at < o->stops[i + 1].at; at++) {
        tb_corner p = corner_at(l, at);
        double    far =
            sqrt(distance_squared((double)p.x * SCALE, (double)p.y * SCALE, a, b)) / SCALE -
            reach_at(l, at);

        if (is_corner(l, at) && far > most) {
            most = far;
            best = at;
        }
    }
    return best;
}

/*
 * Cuts the failed pieces where they are worst. Where a piece lies too near to another its ends go
 * back to the lattice first. One that cannot be cut, or fails again and again, goes back whole.
 */
static void cut_failed(tb_outline *o, loop *l, bool is_late)
{
    size_t n = 0;
    stop  *swap;

    for (size_t i = 0; i < l->stops; i++) {
        bool     has_failed = o->failed[i] != FINE;
        bool     has_ends   = o->stops[i].is_hard && o->stops[i + 1].is_hard;
        uint32_t worst      = 0;

        if (has_failed && !is_late && (o->failed[i] == TOO_FAR || has_ends))
            worst = worst_place(o, l, i);
        if (has_failed && worst == 0)
            o->stops[i].is_hard = o->stops[i + 1].is_hard = true;
        o->others[n++] = o->stops[i];
        if (worst != 0)
            o->others[n++] = (stop){.at = worst};
        for (uint32_t at = o->stops[i].at + 1; has_failed && is_late && at < o->stops[i + 1].at;
             at++)
            if (is_corner(l, at))
                o->others[n++] = (stop){.at = at, .is_hard = true};
    }
    o->others[0].is_hard |= o->stops[l->stops].is_hard;
    o->others[n] = (stop){.at = l->count, .is_hard = o->others[0].is_hard};
    l->stops     = n;
    swap         = o->stops;
    o->stops     = o->others;
    o->others    = swap;
}

static void reverse(tb_corner *c, size_t n)
{
    for (size_t i = 0; i + 1 < n - i; i++) {
        tb_corner held = c[i];

        c[i]         = c[n - 1 - i];
        c[n - 1 - i] = held;
    }
}

/* Drops vertices on a line through their neighbours, and turns the ring to its canonical start. */
static size_t tidy_ring(tb_corner *c, size_t n)
{
    size_t kept = 0, start = 0;

    for (size_t i = 0; i < n; i++)
        if (side_of(kept > 0 ? c[kept - 1] : c[n - 1], c[i], i + 1 < n ? c[i + 1] : c[0]) != 0)
            c[kept++] = c[i];
    for (size_t i = 1; i < kept; i++)
        if (is_before(c[i], c[start]))
            start = i;
    reverse(c, start);
    reverse(c + start, kept - start);
    reverse(c, kept);
    return kept;
}

static size_t lattice_ring(tb_corner *out, const tb_corner *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (tb_corner){c[i].x * SCALE, c[i].y * SCALE};
    return n;
}

/* Finds the stops of a ring and their vertices; false: it has to stay as it is. */
static bool find_vertices(tb_outline *o, loop *l)
{
    cut_ring(o, l);
    for (int pass = 0; pass < 2; pass++) {
        join_pieces(o, l);
        move_cuts(o, l);
    }
    for (int round = 0; round < ROUNDS && l->stops >= 3; round++) {
        make_vertices(o, l);
        if (!check_pieces(o, l))
            return true;
        cut_failed(o, l, round >= ROUNDS / 2);
    }
    return false;
}

/* Appends the simplified ring to the corners there are; *count is its vertices. */
static tb_status simplify_ring(tb_outline *o, loop *l, const tb_corner *c, size_t n, size_t *count,
                               tb_error *err)
{
    tb_status  status  = TB_OK;
    bool       is_fine = n > 4 && find_vertices(o, l);
    size_t     needed  = o->corner_count + (is_fine && o->side_count > n ? o->side_count : n);
    double     before  = twice_area(c, n) * SCALE * SCALE, after;
    tb_corner *out;

    if (needed > o->corner_capacity) {
        size_t capacity = larger(needed);

        TB_TRY(tb_grow(&o->corners, capacity, sizeof *o->corners, "outline", err));
        o->corner_capacity = capacity;
    }
    out = o->corners + o->corner_count;
    if (is_fine) {
        for (size_t i = 0; i < o->side_count; i++)
            out[i] = o->sides[i].a;
        *count  = tidy_ring(out, o->side_count);
        after   = twice_area(out, *count);
        is_fine = *count >= 3 && fabs(after - before) <= RING_CHANGE_MOST * fabs(before);
    }
    if (!is_fine)
        *count = lattice_ring(out, c, n);
    o->corner_count += *count;
done:
    return status;
}

/* All rings under one tolerance; *change is the area's, as a share. */
static tb_status simplify_rings(tb_outline *o, const tb_shape *shape, double tolerance,
                                double *change, tb_error *err)
{
    tb_status status = TB_OK;
    double    before = 0.0, after = 0.0;
    double    reach[ROOMS];
    size_t    first = 0;

    for (int i = 0; i < ROOMS; i++)
        reach[i] = tolerance < room_px[i] ? tolerance : room_px[i];
    o->corner_count = 0;
    for (size_t r = 0; r < shape->ring_count; r++) {
        tb_ring          ring = shape->rings[r];
        const tb_corner *c    = shape->corners + ring.first;
        loop             l    = {.places = o->places + first,
                                 .room   = o->least + first,
                                 .count  = (uint32_t)o->lengths[r],
                                 .reach  = reach};

        o->rings[r].first = o->corner_count;
        TB_TRY(simplify_ring(o, &l, c, ring.count, &o->rings[r].count, err));
        before += twice_area(c, ring.count) * SCALE * SCALE;
        after += twice_area(o->corners + o->rings[r].first, o->rings[r].count);
        first += o->lengths[r];
    }
    *change = fabs(after - before) / fabs(before);
done:
    return status;
}

static tb_status reserve_places(tb_outline *o, size_t places, size_t longest, tb_error *err)
{
    tb_status status = TB_OK;

    if (places > o->place_capacity) {
        size_t capacity = larger(places);

        TB_TRY(tb_grow(&o->places, capacity, sizeof *o->places, "outline", err));
        TB_TRY(tb_grow(&o->room, capacity, sizeof *o->room, "outline", err));
        TB_TRY(tb_grow(&o->least, capacity, sizeof *o->least, "outline", err));
        o->place_capacity = capacity;
    }
    if (longest + 2 > o->stop_capacity) {
        size_t capacity = larger(longest + 2);

        TB_TRY(tb_grow(&o->stops, capacity, sizeof *o->stops, "outline", err));
        TB_TRY(tb_grow(&o->others, capacity, sizeof *o->others, "outline", err));
        TB_TRY(tb_grow(&o->stack, capacity, sizeof *o->stack, "outline", err));
        TB_TRY(tb_grow(&o->failed, capacity, sizeof *o->failed, "outline", err));
        TB_TRY(tb_grow(&o->sides, 2 * capacity, sizeof *o->sides, "outline", err));
        o->stop_capacity = capacity;
    }
done:
    return status;
}

static tb_status reserve_rings(tb_outline *o, size_t rings, tb_error *err)
{
    tb_status status = TB_OK;

    if (rings > o->ring_capacity) {
        size_t capacity = larger(rings);

        TB_TRY(tb_grow(&o->rings, capacity, sizeof *o->rings, "rings", err));
        TB_TRY(tb_grow(&o->kept, capacity, sizeof *o->kept, "rings", err));
        TB_TRY(tb_grow(&o->lengths, capacity, sizeof *o->lengths, "rings", err));
        o->ring_capacity = capacity;
    }
done:
    return status;
}

/* Lists the places of a shape and finds the room each has. */
static tb_status prepare(tb_outline *o, const tb_shape *shape, const tb_span *nearby, size_t count,
                         tb_error *err)
{
    static const int64_t SIDES_MOST = INT32_MAX;
    tb_status            status     = TB_OK;
    int64_t              places = 0, longest = 0, width = 0, height = 0;

    for (size_t r = 0; r < shape->ring_count; r++) {
        int64_t sides = side_count(shape->corners + shape->rings[r].first, shape->rings[r].count);

        places += sides;
        longest = sides > longest ? sides : longest;
    }
    for (size_t i = 0; i < shape->corner_count; i++) {
        width  = llabs(shape->corners[i].x) > width ? llabs(shape->corners[i].x) : width;
        height = shape->corners[i].y > height ? shape->corners[i].y : height;
    }
    if (places > SIDES_MOST || width >= INT32_MAX / SCALE / 2 || height >= INT32_MAX / SCALE / 2)
        return tb_error_set(err, TB_E_INPUT,
                            "simplify a shape: expected less than 2^24 rows and columns and 2^31 "
                            "pixel sides, got %lld, %lld and %lld",
                            (long long)height, (long long)width, (long long)places);
    TB_TRY(reserve_places(o, (size_t)places, (size_t)longest, err));
    list_places(o, shape);
    TB_TRY(sort_places(o, shape, (size_t)places, height, nearby, count, err));
    find_rooms(o, shape);
done:
    return status;
}

static bool has_only_rectangles(const tb_shape *shape)
{
    for (size_t r = 0; r < shape->ring_count; r++)
        if (shape->rings[r].count > 4)
            return false;
    return true;
}

tb_status tb_outline_simplify(tb_outline *o, const tb_shape *shape, const tb_span *nearby,
                              size_t nearby_count, const tb_outline_options *options,
                              tb_shape *result, tb_error *err)
{
    static const double less[] = {1.0, 0.45, 0.25}; /* pixels */
    tb_status           status = TB_OK;
    double              change = INFINITY;

    *result = *shape;
    TB_TRY(reserve_rings(o, shape->ring_count, err));
    TB_TRY(fill_holes(o, shape, nearby, nearby_count, options->fill_pixels, result, err));
    if (!(options->tolerance_px > 0.0) || has_only_rectangles(result))
        goto done;
    TB_TRY(prepare(o, result, nearby, nearby_count, err));
    for (size_t i = 0; i < sizeof less / sizeof *less && change > AREA_CHANGE_MOST; i++)
        TB_TRY(simplify_rings(o, result, fmin(options->tolerance_px, less[i]), &change, err));
    if (change > AREA_CHANGE_MOST)
        goto done;
    result->scale        = SCALE;
    result->corners      = o->corners;
    result->rings        = o->rings;
    result->corner_count = o->corner_count;
done:
    return status;
}

bool tb_outline_parse(const char *text, double *tolerance_px)
{
    char *end;

    *tolerance_px = 0.0;
    if (strcmp(text, "off") == 0)
        return true;
    *tolerance_px = strtod(text, &end);
    return end != text && strcmp(end, "px") == 0 && *tolerance_px > 0.0 &&
           *tolerance_px <= TB_OUTLINE_TOLERANCE_MOST;
}

double tb_shape_area(const tb_shape *shape)
{
    double sum = 0.0;

    for (size_t r = 0; r < shape->ring_count; r++)
        sum += twice_area(shape->corners + shape->rings[r].first, shape->rings[r].count);
    return fabs(sum) / 2.0 / (double)(shape->scale * shape->scale);
}
