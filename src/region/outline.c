#include "region/outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* Half a pixel less a little: see the header. */
static const double TOLERANCE_MOST = 0.499;

/* Half a squared pixel for a vertex; coordinates are in half pixels, so four times that. */
static const double VERTEX_COST = 2.0;

static const double AREA_CHANGE_MOST = 0.01;

enum { SCALE = 2, WINDOW = 96 };

/* A place on the ring where a vertex may stand. */
typedef struct place {
    tb_corner at; /* in half pixels */
    bool      is_corner;
    bool      is_fixed; /* another ring comes here too */
} place;

struct tb_outline {
    place     *places;
    double    *cost;
    size_t    *from;
    size_t     place_capacity;
    uint32_t  *order; /* corners of the shape by position */
    bool      *is_shared;
    size_t     order_capacity;
    tb_corner *corners;
    tb_ring   *rings;
    size_t     corner_count, corner_capacity, ring_capacity;
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
    tb_free(o->cost);
    tb_free(o->from);
    tb_free(o->order);
    tb_free(o->is_shared);
    tb_free(o->corners);
    tb_free(o->rings);
    tb_free(o);
}

static tb_status reserve(tb_outline *o, const tb_shape *shape, tb_error *err)
{
    tb_status status  = TB_OK;
    size_t    longest = 0;

    for (size_t r = 0; r < shape->ring_count; r++)
        longest = shape->rings[r].count > longest ? shape->rings[r].count : longest;
    longest = 3 * longest + 2;
    if (longest > o->place_capacity) {
        TB_TRY(tb_grow(&o->places, longest, sizeof *o->places, "outline", err));
        TB_TRY(tb_grow(&o->cost, longest, sizeof *o->cost, "outline", err));
        TB_TRY(tb_grow(&o->from, longest, sizeof *o->from, "outline", err));
        o->place_capacity = longest;
    }
    if (shape->corner_count > o->order_capacity) {
        TB_TRY(tb_grow(&o->order, shape->corner_count, sizeof *o->order, "outline", err));
        TB_TRY(tb_grow(&o->is_shared, shape->corner_count, sizeof *o->is_shared, "outline", err));
        o->order_capacity = shape->corner_count;
    }
    if (3 * shape->corner_count > o->corner_capacity) {
        TB_TRY(tb_grow(&o->corners, 3 * shape->corner_count, sizeof *o->corners, "outline", err));
        o->corner_capacity = 3 * shape->corner_count;
    }
    if (shape->ring_count > o->ring_capacity) {
        TB_TRY(tb_grow(&o->rings, shape->ring_count, sizeof *o->rings, "outline", err));
        o->ring_capacity = shape->ring_count;
    }
done:
    return status;
}

static bool is_before(tb_corner a, tb_corner b)
{
    return a.y != b.y ? a.y < b.y : a.x < b.x;
}

/* Heap sort of the corner numbers by position: qsort has no context to pass. */
static void sift(uint32_t *order, size_t root, size_t count, const tb_corner *corners)
{
    for (;;) {
        size_t child = 2 * root + 1;

        if (child >= count)
            return;
        if (child + 1 < count && is_before(corners[order[child]], corners[order[child + 1]]))
            child++;
        if (!is_before(corners[order[root]], corners[order[child]]))
            return;

        uint32_t held = order[root];

        order[root]  = order[child];
        order[child] = held;
        root         = child;
    }
}

static void find_shared(tb_outline *o, const tb_shape *shape)
{
    size_t n = shape->corner_count;

    for (size_t i = 0; i < n; i++) {
        o->order[i]     = (uint32_t)i;
        o->is_shared[i] = false;
    }
    for (size_t i = n / 2; i-- > 0;)
        sift(o->order, i, n, shape->corners);
    for (size_t end = n; end > 1; end--) {
        uint32_t held = o->order[0];

        o->order[0]       = o->order[end - 1];
        o->order[end - 1] = held;
        sift(o->order, 0, end - 1, shape->corners);
    }
    for (size_t i = 1; i < n; i++) {
        uint32_t a = o->order[i - 1], b = o->order[i];

        if (shape->corners[a].x == shape->corners[b].x &&
            shape->corners[a].y == shape->corners[b].y)
            o->is_shared[a] = o->is_shared[b] = true;
    }
}

static int64_t edge_length(tb_corner a, tb_corner b)
{
    return llabs((int64_t)b.x - a.x) + llabs((int64_t)b.y - a.y);
}

/* Where to begin a ring: a shared corner, or the first of its longest edges, beside its middle. */
static size_t first_edge(const tb_outline *o, const tb_shape *shape, tb_ring ring)
{
    const tb_corner *c    = shape->corners + ring.first;
    size_t           best = 0;
    int64_t          most = 0;

    for (size_t i = 0; i < ring.count; i++) {
        int64_t length = edge_length(c[i], c[(i + 1) % ring.count]);

        if (o->is_shared[ring.first + i])
            return i;
        if (length > most) {
            most = length;
            best = i;
        }
    }
    return best;
}

static void put(tb_outline *o, size_t *n, tb_corner at, bool is_corner, bool is_fixed)
{
    o->places[(*n)++] = (place){at, is_corner, is_fixed};
}

/* Lists the places of a ring, the first again at the end. */
static size_t list_places(tb_outline *o, const tb_shape *shape, tb_ring ring)
{
    const tb_corner *c     = shape->corners + ring.first;
    size_t           start = first_edge(o, shape, ring), n = 0;
    bool             is_at_corner = o->is_shared[ring.first + start];

    for (size_t k = 0; k < ring.count; k++) {
        size_t    i = (start + k) % ring.count;
        tb_corner a = c[i], b = c[(i + 1) % ring.count];
        int32_t   dx = (b.x > a.x) - (b.x < a.x), dy = (b.y > a.y) - (b.y < a.y);
        tb_corner corner = {a.x * SCALE, a.y * SCALE}, next = {b.x * SCALE, b.y * SCALE};

        if (k > 0 || is_at_corner)
            put(o, &n, corner, true, o->is_shared[ring.first + i]);
        put(o, &n, (tb_corner){corner.x + dx, corner.y + dy}, false, false);
        if (edge_length(a, b) > 1)
            put(o, &n, (tb_corner){next.x - dx, next.y - dy}, false, false);
    }
    if (!is_at_corner) { /* begun beside the corner: the corner itself comes last */
        tb_corner a = c[start];

        put(o, &n, (tb_corner){a.x * SCALE, a.y * SCALE}, true, false);
    }
    o->places[n] = o->places[0];
    return n + 1;
}

/* Squared distance of a point from the segment a b, in half pixels. */
static double distance_squared(tb_corner p, tb_corner a, tb_corner b)
{
    double ux = (double)b.x - a.x, uy = (double)b.y - a.y;
    double vx = (double)p.x - a.x, vy = (double)p.y - a.y;
    double length = ux * ux + uy * uy, along = ux * vx + uy * vy, across = ux * vy - uy * vx;

    if (length <= 0.0 || along <= 0.0)
        return vx * vx + vy * vy;
    if (along >= length) {
        double wx = (double)p.x - b.x, wy = (double)p.y - b.y;

        return wx * wx + wy * wy;
    }
    return across * across / length;
}

/* Sum of squared distances of the corners between two places, or a negative number where one is too
 * far. */
static double deviation(const tb_outline *o, size_t from, size_t to, double tolerance)
{
    double sum = 0.0;

    for (size_t i = from + 1; i < to; i++) {
        double d;

        if (!o->places[i].is_corner)
            continue;
        d = distance_squared(o->places[i].at, o->places[from].at, o->places[to].at);
        if (d > tolerance * tolerance)
            return -1.0;
        sum += d;
    }
    return sum;
}

static void find_cheapest(tb_outline *o, size_t n, double tolerance)
{
    o->cost[0] = 0.0;
    for (size_t to = 1; to < n; to++) {
        o->cost[to] = INFINITY;
        for (size_t from = to; from-- > 0 && to - from <= WINDOW;) {
            double d = deviation(o, from, to, tolerance);

            if (d >= 0.0 && o->cost[from] + VERTEX_COST + d < o->cost[to]) {
                o->cost[to] = o->cost[from] + VERTEX_COST + d;
                o->from[to] = from;
            }
            if (o->places[from].is_fixed)
                break;
        }
    }
}

static bool is_straight(tb_corner a, tb_corner b, tb_corner c)
{
    return ((double)b.x - a.x) * ((double)c.y - b.y) == ((double)b.y - a.y) * ((double)c.x - b.x);
}

/* Drops vertices on a line through their neighbours, and turns the ring to its canonical start. */
static size_t tidy_ring(tb_corner *c, size_t n)
{
    size_t kept = 0, start = 0;

    for (size_t i = 0; i < n; i++) {
        tb_corner before = kept > 0 ? c[kept - 1] : c[n - 1], after = i + 1 < n ? c[i + 1] : c[0];

        if (!is_straight(before, c[i], after))
            c[kept++] = c[i];
    }
    for (size_t i = 1; i < kept; i++)
        if (is_before(c[i], c[start]))
            start = i;
    for (size_t turn = 0; turn < start; turn++) {
        tb_corner first = c[0];

        for (size_t i = 1; i < kept; i++)
            c[i - 1] = c[i];
        c[kept - 1] = first;
    }
    return kept;
}

static double twice_area(const tb_corner *c, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        tb_corner a = c[i], b = c[(i + 1) % n];

        sum += (double)a.x * (double)b.y - (double)b.x * (double)a.y;
    }
    return sum;
}

static size_t simplify_ring(tb_outline *o, const tb_shape *shape, tb_ring ring, double tolerance)
{
    tb_corner *out = o->corners + o->corner_count;
    size_t     n = list_places(o, shape, ring), count = 0;

    find_cheapest(o, n, tolerance);
    for (size_t at = n - 1; at > 0; at = o->from[at])
        count++;

    size_t slot = count;

    for (size_t at = n - 1; at > 0; at = o->from[at])
        out[--slot] = o->places[o->from[at]].at;
    count = tidy_ring(out, count);
    if (count >= 3)
        return count;
    for (size_t i = 0; i < ring.count; i++) {
        tb_corner c = shape->corners[ring.first + i];

        out[i] = (tb_corner){c.x * SCALE, c.y * SCALE};
    }
    return ring.count;
}

tb_status tb_outline_simplify(tb_outline *o, const tb_shape *shape, double tolerance_px,
                              tb_shape *result, tb_error *err)
{
    tb_status status    = TB_OK;
    double    tolerance = tolerance_px < TOLERANCE_MOST ? tolerance_px : TOLERANCE_MOST;
    double    area = 0.0, new_area = 0.0;

    *result = *shape;
    if (!(tolerance_px > 0.0))
        return TB_OK;
    TB_TRY(reserve(o, shape, err));
    find_shared(o, shape);
    o->corner_count = 0;
    for (size_t r = 0; r < shape->ring_count; r++) {
        tb_ring ring  = shape->rings[r];
        size_t  count = simplify_ring(o, shape, ring, tolerance * SCALE);

        area += twice_area(shape->corners + ring.first, ring.count) * SCALE * SCALE;
        new_area += twice_area(o->corners + o->corner_count, count);
        o->rings[r] = (tb_ring){o->corner_count, count};
        o->corner_count += count;
    }
    if (fabs(new_area - area) > AREA_CHANGE_MOST * fabs(area))
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
    return end != text && strcmp(end, "px") == 0 && *tolerance_px > 0.0 && *tolerance_px <= 10.0;
}

double tb_shape_area(const tb_shape *shape)
{
    double sum = 0.0;

    for (size_t r = 0; r < shape->ring_count; r++)
        sum += twice_area(shape->corners + shape->rings[r].first, shape->rings[r].count);
    return fabs(sum) / 2.0 / (double)(shape->scale * shape->scale);
}
