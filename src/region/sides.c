#include "region/sides.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"
#include "region/outline.h"
#include "region/room.h"

enum { SCALE = TB_OUTLINE_SCALE };

static const double APART = 0.5; /* of pieces near each other on one ring */

static const double TURN = 0.25; /* least sine between two pieces that double back */

void tb_sides_reset(tb_sides *sides)
{
    tb_free(sides->sides);
    *sides = (tb_sides){0};
}

tb_status tb_sides_reserve(tb_sides *sides, size_t longest, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    needed = 2 * (longest + 2);

    TB_TRY(tb_array_reserve(&sides->sides, &sides->capacity, needed, sizeof *sides->sides,
                            "outline", err));
done:
    return status;
}

/* Whether two segments do not cross and keep a distance, given squared. */
static bool are_apart(tb_corner a, tb_corner b, tb_corner c, tb_corner d, double least)
{
    if (tb_corner_turn(a, b, c) * tb_corner_turn(a, b, d) < 0 &&
        tb_corner_turn(c, d, a) * tb_corner_turn(c, d, b) < 0)
        return false;
    return tb_corner_distance_squared(a.x, a.y, c, d) >= least &&
           tb_corner_distance_squared(b.x, b.y, c, d) >= least &&
           tb_corner_distance_squared(c.x, c.y, a, b) >= least &&
           tb_corner_distance_squared(d.x, d.y, a, b) >= least;
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
static bool is_close(const tb_side *sides, size_t count, const tb_loop *l, size_t i)
{
    const tb_side *it = &sides[i];

    for (uint32_t at = it->from; at <= it->to; at++) {
        tb_corner p    = tb_loop_corner(l, at);
        double    most = tb_loop_reach(l, at) * SCALE, x = (double)p.x * SCALE,
               y      = (double)p.y * SCALE;
        double least  = tb_corner_distance_squared(x, y, it->a, it->b);
        bool   is_end = at <= it->from + TB_SIDES_AT_CUT || at + TB_SIDES_AT_CUT >= it->to;

        for (size_t k = 1; k <= 2 && is_end && least > most * most + 1e-9; k++) {
            const tb_side *before = &sides[(i + count - k) % count],
                          *after  = &sides[(i + k) % count];

            least = fmin(least, tb_corner_distance_squared(x, y, before->a, before->b));
            least = fmin(least, tb_corner_distance_squared(x, y, after->a, after->b));
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
static double least_apart(const tb_side *it, const tb_side *between, const tb_side *other)
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
static void mark_near(tb_side *a, tb_side *b)
{
    uint32_t m = a->to - a->from, n = b->to - b->from;
    bool     a_gone = is_lattice(a->a, a->b), b_gone = is_lattice(b->a, b->b);

    a->is_near |= !a_gone && (m <= n || b_gone);
    b->is_near |= !b_gone && (n <= m || a_gone);
}

/* Compares the side with those that follow so closely that room does not tell. */
static void check_following(tb_side *sides, size_t count, uint32_t length, size_t i)
{
    tb_side *it = &sides[i], *next = &sides[i + 1 < count ? i + 1 : 0];

    if (!is_turn(it->a, it->b, next->b))
        mark_near(it, next);
    for (size_t k = 2; k + 1 < count; k++) {
        size_t   n     = (i + k) % count;
        tb_side *other = &sides[n];
        uint32_t gap   = other->from + (n < i ? length : 0) - it->to;
        double   least = k == 2 ? least_apart(it, next, other) : APART * APART * SCALE * SCALE;

        if (gap > TB_ROOM_BESIDE + 2 * TB_SIDES_AT_CUT)
            break;
        if (!are_apart(it->a, it->b, other->a, other->b, least))
            mark_near(it, other);
    }
}

bool tb_sides_check(tb_sides *sides, const tb_loop *loop, tb_pieces *pieces)
{
    bool is_fine = true;

    memset(pieces->failed, TB_PIECE_FINE, pieces->count);
    for (size_t i = 0; i < sides->count; i++)
        check_following(sides->sides, sides->count, loop->count, i);
    for (size_t i = 0; i < sides->count; i++) {
        const tb_side *it = &sides->sides[i];

        if (it->is_near)
            pieces->failed[it->stop] = TB_PIECE_TOO_NEAR;
        else if (it->from < it->to && !is_close(sides->sides, sides->count, loop, i) &&
                 pieces->failed[it->stop] == TB_PIECE_FINE)
            pieces->failed[it->stop] = TB_PIECE_TOO_FAR;
        is_fine &= pieces->failed[it->stop] == TB_PIECE_FINE;
    }
    return is_fine;
}
