#include "region/vertices.h"

#include <math.h>

#include "region/corner.h"
#include "region/line.h"
#include "region/outline.h"

enum { SCALE = TB_OUTLINE_SCALE };

static const double CORNER_MOST = 2.0; /* pixels from a cut to the corner it stands for */

/* Whether (x, y) lies within the room of the old ring somewhere at a cut. */
static bool is_at_cut(const tb_loop *l, uint32_t at, double x, double y)
{
    double room = INFINITY, least = INFINITY;

    for (uint32_t i = at + l->count - TB_SIDES_AT_CUT; i < at + l->count + TB_SIDES_AT_CUT; i++) {
        tb_corner a = tb_loop_corner(l, i), b = tb_loop_corner(l, i + 1);

        room  = fmin(room, fmin(tb_loop_reach(l, i), tb_loop_reach(l, i + 1)) - TB_LINE_MARGIN);
        least = fmin(least, tb_corner_distance_squared(x, y, a, b));
    }
    return room > 0.0 && least <= room * room;
}

static int32_t rounded(double value)
{
    return (int32_t)floor(value * SCALE + 0.5);
}

/* The place on a line that is nearest to (x, y), as far as `most` around p allows. */
static tb_corner reach_towards(const tb_line *it, tb_corner p, double most, double x, double y)
{
    double off   = tb_line_across(it, p.x, p.y);
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
static void make_vertex(const tb_loop *l, tb_stop *it, const tb_line *before, const tb_line *after)
{
    tb_corner p    = tb_loop_corner(l, it->at);
    double    most = tb_loop_reach(l, it->at) - TB_LINE_MARGIN, x = p.x, y = p.y;

    if (it->is_hard || most <= 0.0) {
        it->in = it->out = (tb_corner){p.x * SCALE, p.y * SCALE};
        return;
    }
    if (tb_line_cross(before, after, &x, &y)) {
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

void tb_vertices_make(tb_pieces *pieces, const tb_loop *loop, tb_sides *sides)
{
    tb_line before, after;

    tb_line_find(loop, pieces->stops[pieces->count - 1].at, loop->count, &before);
    for (size_t i = 0; i < pieces->count; i++) {
        tb_line_find(loop, pieces->stops[i].at, pieces->stops[i + 1].at, &after);
        make_vertex(loop, &pieces->stops[i], &before, &after);
        before = after;
    }
    pieces->stops[pieces->count].in      = pieces->stops[0].in;
    pieces->stops[pieces->count].out     = pieces->stops[0].out;
    pieces->stops[pieces->count].is_hard = pieces->stops[0].is_hard;
    sides->count                         = 0;
    for (size_t i = 0; i < pieces->count; i++) {
        const tb_stop *it = &pieces->stops[i];

        if (!is_same(it->in, it->out))
            sides->sides[sides->count++] = (tb_side){it->in, it->out, it->at, it->at, i, false};
        sides->sides[sides->count++] = (tb_side){it->out, it[1].in, it->at, it[1].at, i, false};
    }
}
