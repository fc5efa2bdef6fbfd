#include "region/line.h"

#include <math.h>

/* The line of total least squares through the middles of the sides from..to. */
static tb_line fit_line(const tb_loop *l, uint32_t from, uint32_t to)
{
    tb_corner origin = tb_loop_corner(l, from), a = origin;
    double    n = (double)(to - from), sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    tb_line   it;

    for (uint32_t i = from; i < to; i++) {
        tb_corner b = tb_loop_corner(l, i + 1);
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

double tb_line_across(const tb_line *it, double x, double y)
{
    return it->ux * (y - it->y) - it->uy * (x - it->x);
}

/* How far a line may be moved aside and leave every place between from and to within its room. */
typedef struct aside {
    double low, high;
} aside;

/* Finds it; all of it where it is needed, else until nothing is left. */
static aside find_aside(const tb_loop *l, uint32_t from, uint32_t to, const tb_line *it,
                        bool needs_all)
{
    aside by = {-INFINITY, INFINITY};

    for (uint32_t i = from + 1; i < to && (needs_all || by.low <= by.high); i++) {
        tb_corner p    = tb_loop_corner(l, i);
        double    most = tb_loop_reach(l, i) - TB_LINE_MARGIN;
        double    room = most > 1e-9 ? most : 1e-9, off = tb_line_across(it, p.x, p.y);

        by.low  = by.low > off - room ? by.low : off - room; /* fmax and fmin are calls */
        by.high = by.high < off + room ? by.high : off + room;
    }
    return by;
}

bool tb_line_find(const tb_loop *l, uint32_t from, uint32_t to, tb_line *it)
{
    aside  may;
    double by;

    *it = fit_line(l, from, to);
    if (to - from <= 1)
        return true;
    may = find_aside(l, from, to, it, true);
    by  = may.low > 0.0 ? may.low : may.high < 0.0 ? may.high : 0.0;
    it->x -= by * it->uy;
    it->y += by * it->ux;
    return may.low <= may.high;
}

bool tb_line_fits(const tb_loop *l, uint32_t from, uint32_t to)
{
    tb_line it;
    aside   may;

    if (to - from <= 1)
        return true;
    it  = fit_line(l, from, to);
    may = find_aside(l, from, to, &it, false);
    return may.low <= may.high;
}

bool tb_line_cross(const tb_line *a, const tb_line *b, double *x, double *y)
{
    double sine = a->ux * b->uy - a->uy * b->ux, along;

    if (fabs(sine) < 1e-3)
        return false;
    along = ((b->x - a->x) * b->uy - (b->y - a->y) * b->ux) / sine;
    *x    = a->x + along * a->ux;
    *y    = a->y + along * a->uy;
    return true;
}
