#include "region/pieces.h"

#include <math.h>

#include "core/memory.h"
#include "region/array.h"
#include "region/corner.h"
#include "region/line.h"
#include "region/outline.h"
#include "region/room.h"

enum {
    SCALE  = TB_OUTLINE_SCALE,
    SEARCH = 4, /* places to either side that a cut may move */
};

void tb_pieces_reset(tb_pieces *pieces)
{
    tb_free(pieces->stops);
    tb_free(pieces->others);
    tb_free(pieces->stack);
    tb_free(pieces->failed);
    *pieces = (tb_pieces){0};
}

tb_status tb_pieces_reserve(tb_pieces *pieces, size_t longest, tb_error *err)
{
    tb_status status = TB_OK;

    if (longest + 2 > pieces->capacity) {
        size_t capacity = tb_array_larger(longest + 2);

        TB_TRY(tb_grow(&pieces->stops, capacity, sizeof *pieces->stops, "outline", err));
        TB_TRY(tb_grow(&pieces->others, capacity, sizeof *pieces->others, "outline", err));
        TB_TRY(tb_grow(&pieces->stack, capacity, sizeof *pieces->stack, "outline", err));
        TB_TRY(tb_grow(&pieces->failed, capacity, sizeof *pieces->failed, "outline", err));
        pieces->capacity = capacity;
    }
done:
    return status;
}

/* The place of the piece furthest from its chord; from its first where that is no chord. */
static uint32_t furthest(const tb_loop *l, uint32_t from, uint32_t to)
{
    tb_corner a = tb_loop_corner(l, from), b = tb_loop_corner(l, to);
    double    ux = (double)b.x - a.x, uy = (double)b.y - a.y, most = -1.0;
    uint32_t  best = from + (to - from) / 2;

    for (uint32_t i = from + 1; i < to; i++) {
        tb_corner p  = tb_loop_corner(l, i);
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
static void cut(tb_pieces *pieces, const tb_loop *l, uint32_t from, uint32_t to, bool is_hard)
{
    size_t depth = 0;

    pieces->stack[depth++] = to;
    while (depth > 0) {
        uint32_t top = pieces->stack[depth - 1];

        if (tb_line_fits(l, from, top)) {
            pieces->stops[++pieces->count] = (tb_stop){.at = top, .is_hard = is_hard && top == to};
            from                           = top;
            depth--;
        } else {
            pieces->stack[depth++] = furthest(l, from, top);
        }
    }
}

/* Cuts the whole ring: at places without room, else at two that lie far apart. */
static void cut_ring(tb_pieces *pieces, tb_loop *l)
{
    uint32_t hard = UINT32_MAX;

    for (uint32_t i = 0; i < l->count && hard == UINT32_MAX; i++)
        if (l->room[i] == TB_ROOM_NONE)
            hard = i;
    pieces->count = 0;
    if (hard == UINT32_MAX) {
        l->start         = furthest(l, 0, l->count);
        pieces->stops[0] = (tb_stop){.at = 0};

        uint32_t other = furthest(l, 0, l->count);

        cut(pieces, l, 0, other, false);
        cut(pieces, l, other, l->count, false);
        return;
    }
    l->start         = hard;
    pieces->stops[0] = (tb_stop){.at = 0, .is_hard = true};
    for (uint32_t from = 0, i = 1; i <= l->count; i++)
        if (l->room[tb_loop_place(l, i)] == TB_ROOM_NONE) {
            cut(pieces, l, from, i, true);
            from = i;
        }
}

/* Joins pieces that one line does for, until there are none. */
static void join_pieces(tb_pieces *pieces, tb_loop *l)
{
    for (size_t before = pieces->count + 1; before > pieces->count && pieces->count > 3;) {
        size_t kept = 0;

        before = pieces->count;
        for (size_t i = 1; i <= pieces->count; i++) {
            bool goes = i < before && !pieces->stops[i].is_hard && before - (i - kept - 1) > 3 &&
                        tb_line_fits(l, pieces->stops[kept].at, pieces->stops[i + 1].at);

            if (!goes)
                pieces->stops[++kept] = pieces->stops[i];
        }
        pieces->count = kept;
    }
}

/* Moves the cut between two pieces to the place nearest to where their lines cross. `before` is the
 * line of the first, and that of the second afterwards, if the cut stays. */
static uint32_t better_cut(const tb_loop *l, uint32_t from, uint32_t at, uint32_t to,
                           tb_line *before)
{
    tb_line  a    = *before;
    uint32_t best = at;
    double   x, y, least = INFINITY;

    tb_line_find(l, at, to, before);
    if (!tb_line_cross(&a, before, &x, &y))
        return at;
    for (uint32_t i = at > from + SEARCH ? at - SEARCH : from + 1; i < to && i <= at + SEARCH;
         i++) {
        tb_corner p   = tb_loop_corner(l, i);
        double    far = (p.x - x) * (p.x - x) + (p.y - y) * (p.y - y);

        if (far < least) {
            least = far;
            best  = i;
        }
    }
    return best != at && tb_line_fits(l, from, best) && tb_line_fits(l, best, to) ? best : at;
}

/* Whether a cut was moved. */
static bool move_cuts(tb_pieces *pieces, tb_loop *l)
{
    bool    has_moved = false, has_line = false;
    tb_line before;

    for (size_t i = 1; i < pieces->count; i++) {
        tb_stop *it = &pieces->stops[i];
        uint32_t moved;

        if (it->is_hard) {
            has_line = false;
            continue;
        }
        if (!has_line)
            tb_line_find(l, it[-1].at, it->at, &before);
        moved    = better_cut(l, it[-1].at, it->at, it[1].at, &before);
        has_line = moved == it->at;
        has_moved |= !has_line;
        it->at = moved;
    }
    if (pieces->stops[0].is_hard || pieces->count < 3)
        return has_moved;

    /* The first cut: seen from the last one, which is made the start for that. */
    uint32_t last = pieces->stops[pieces->count - 1].at, old = l->start;

    l->start = tb_loop_place(l, last);
    tb_line_find(l, 0, l->count - last, &before);

    uint32_t moved =
        better_cut(l, 0, l->count - last, l->count - last + pieces->stops[1].at, &before);
    int64_t by = (int64_t)moved - (int64_t)(l->count - last);

    l->start = (uint32_t)((old + l->count + by) % l->count);
    for (size_t i = 1; i < pieces->count; i++)
        pieces->stops[i].at = (uint32_t)(pieces->stops[i].at - by);
    return has_moved || by != 0;
}

void tb_pieces_cut(tb_pieces *pieces, tb_loop *loop)
{
    bool has_moved = true;

    cut_ring(pieces, loop);
    for (int pass = 0; pass < 2 && has_moved; pass++) {
        join_pieces(pieces, loop);
        has_moved = move_cuts(pieces, loop);
    }
}

static bool is_corner(const tb_loop *l, uint32_t at)
{
    tb_corner a = tb_loop_corner(l, at - 1), b = tb_loop_corner(l, at),
              c = tb_loop_corner(l, at + 1);

    return a.x - b.x != b.x - c.x || a.y - b.y != b.y - c.y;
}

/* The place of the piece furthest beyond its room of the new side; 0: there is none between. */
static uint32_t worst_place(const tb_pieces *pieces, const tb_loop *l, size_t i)
{
    tb_corner a = pieces->stops[i].out, b = pieces->stops[i + 1].in;
    double    most = -INFINITY;
    uint32_t  best = 0;

    for (uint32_t at = pieces->stops[i].at + 1; at < pieces->stops[i + 1].at; at++) {
        tb_corner p = tb_loop_corner(l, at);
        double    far =
            sqrt(tb_corner_distance_squared((double)p.x * SCALE, (double)p.y * SCALE, a, b)) /
                SCALE -
            tb_loop_reach(l, at);

        if (is_corner(l, at) && far > most) {
            most = far;
            best = at;
        }
    }
    return best;
}

void tb_pieces_cut_failed(tb_pieces *pieces, const tb_loop *l, bool is_late)
{
    size_t   n = 0;
    tb_stop *swap;

    for (size_t i = 0; i < pieces->count; i++) {
        bool     has_failed = pieces->failed[i] != TB_PIECE_FINE;
        bool     has_ends   = pieces->stops[i].is_hard && pieces->stops[i + 1].is_hard;
        uint32_t worst      = 0;

        if (has_failed && !is_late && (pieces->failed[i] == TB_PIECE_TOO_FAR || has_ends))
            worst = worst_place(pieces, l, i);
        if (has_failed && worst == 0)
            pieces->stops[i].is_hard = pieces->stops[i + 1].is_hard = true;
        pieces->others[n++] = pieces->stops[i];
        if (worst != 0)
            pieces->others[n++] = (tb_stop){.at = worst};
        for (uint32_t at = pieces->stops[i].at + 1;
             has_failed && is_late && at < pieces->stops[i + 1].at; at++)
            if (is_corner(l, at))
                pieces->others[n++] = (tb_stop){.at = at, .is_hard = true};
    }
    pieces->others[0].is_hard |= pieces->stops[pieces->count].is_hard;
    pieces->others[n] = (tb_stop){.at = l->count, .is_hard = pieces->others[0].is_hard};
    pieces->count     = n;
    swap              = pieces->stops;
    pieces->stops     = pieces->others;
    pieces->others    = swap;
}
