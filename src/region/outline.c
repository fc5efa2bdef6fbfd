#include "region/outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"
#include "region/holes.h"
#include "region/room.h"
#include "region/vertices.h"

enum {
    SCALE  = TB_OUTLINE_SCALE,
    ROUNDS = 16, /* of cutting finer, before a ring stays as traced */
};

static const double AREA_CHANGE_MOST = 0.01, RING_CHANGE_MOST = 0.25;

struct tb_outline {
    tb_holes  holes;
    tb_room   room;
    tb_pieces pieces; /* of the ring that is being simplified */
    tb_sides  sides;

    tb_corner *corners;
    tb_ring   *rings;
    size_t     ring_capacity, corner_count, corner_capacity;
};

tb_status tb_outline_new(tb_outline **out, tb_error *err)
{
    return tb_alloc_zero(out, 1, sizeof **out, "outline", err);
}

void tb_outline_free(tb_outline *o)
{
    if (o == NULL)
        return;
    tb_holes_reset(&o->holes);
    tb_room_reset(&o->room);
    tb_pieces_reset(&o->pieces);
    tb_sides_reset(&o->sides);
    tb_free(o->corners);
    tb_free(o->rings);
    tb_free(o);
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
        if (tb_corner_turn(kept > 0 ? c[kept - 1] : c[n - 1], c[i], i + 1 < n ? c[i + 1] : c[0]) !=
            0)
            c[kept++] = c[i];
    for (size_t i = 1; i < kept; i++)
        if (tb_corner_is_before(c[i], c[start]))
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

/* Finds the sides of the new ring; false: it has to stay as it is. */
static bool find_sides(tb_outline *o, tb_loop *l)
{
    tb_pieces_cut(&o->pieces, l);
    for (int round = 0; round < ROUNDS && o->pieces.count >= 3; round++) {
        tb_vertices_make(&o->pieces, l, &o->sides);
        if (tb_sides_check(&o->sides, l, &o->pieces))
            return true;
        tb_pieces_cut_failed(&o->pieces, l, round >= ROUNDS / 2);
    }
    return false;
}

/* Appends the simplified ring to the corners there are; *count is its vertices. */
static tb_status simplify_ring(tb_outline *o, tb_loop *l, const tb_corner *c, size_t n,
                               size_t *count, tb_error *err)
{
    tb_status  status  = TB_OK;
    bool       is_fine = n > 4 && find_sides(o, l);
    size_t     sides   = is_fine ? o->sides.count : 0;
    size_t     needed  = o->corner_count + (sides > n ? sides : n);
    double     before  = tb_corner_twice_area(c, n) * SCALE * SCALE, after;
    tb_corner *out;

    TB_TRY(tb_array_reserve(&o->corners, &o->corner_capacity, needed, sizeof *o->corners, "outline",
                            err));
    out = o->corners + o->corner_count;
    if (is_fine) {
        for (size_t i = 0; i < sides; i++)
            out[i] = o->sides.sides[i].a;
        *count  = tidy_ring(out, sides);
        after   = tb_corner_twice_area(out, *count);
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
    double    reach[TB_ROOMS];
    size_t    first = 0;

    tb_room_reach(tolerance, reach);
    o->corner_count = 0;
    for (size_t r = 0; r < shape->ring_count; r++) {
        tb_ring          ring = shape->rings[r];
        const tb_corner *c    = shape->corners + ring.first;
        tb_loop          l    = {.places = o->room.places + first,
                                 .room   = o->room.least + first,
                                 .count  = (uint32_t)o->room.lengths[r],
                                 .reach  = reach};

        o->rings[r].first = o->corner_count;
        TB_TRY(simplify_ring(o, &l, c, ring.count, &o->rings[r].count, err));
        before += tb_corner_twice_area(c, ring.count) * SCALE * SCALE;
        after += tb_corner_twice_area(o->corners + o->rings[r].first, o->rings[r].count);
        first += o->room.lengths[r];
    }
    *change = fabs(after - before) / fabs(before);
done:
    return status;
}

static tb_status reserve_rings(tb_outline *o, size_t rings, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_array_reserve(&o->rings, &o->ring_capacity, rings, sizeof *o->rings, "rings", err));
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
    TB_TRY(
        tb_holes_fill(&o->holes, shape, nearby, nearby_count, options->fill_pixels, result, err));
    if (!(options->tolerance_px > 0.0) || has_only_rectangles(result))
        goto done;
    TB_TRY(tb_room_find(&o->room, result, nearby, nearby_count, err));
    TB_TRY(tb_pieces_reserve(&o->pieces, o->room.longest, err));
    TB_TRY(tb_sides_reserve(&o->sides, o->room.longest, err));
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
        sum += tb_corner_twice_area(shape->corners + shape->rings[r].first, shape->rings[r].count);
    return fabs(sum) / 2.0 / (double)(shape->scale * shape->scale);
}
