#include "synth/shape.h"

#include <math.h>

#include "synth/random.h"

double tb_wave(double turns)
{
    double t = turns - floor(turns + 0.5); /* -1/2 .. 1/2, then folded to -1/4 .. 1/4 */

    if (t > 0.25)
        t = 0.5 - t;
    else if (t < -0.25)
        t = -0.5 - t;

    double x = t * 6.283185307179586, q = x * x;
    double p = -1.0 / 39916800.0;

    p = p * q + 1.0 / 362880.0;
    p = p * q - 1.0 / 5040.0;
    p = p * q + 1.0 / 120.0;
    p = p * q - 1.0 / 6.0;
    p = p * q + 1.0;
    return p * x;
}

tb_point tb_direction(double turns)
{
    return (tb_point){tb_wave(turns + 0.25), tb_wave(turns)};
}

tb_point tb_point_snap(tb_point p)
{
    return (tb_point){floor(p.x * 1024.0 + 0.5) / 1024.0, floor(p.y * 1024.0 + 0.5) / 1024.0};
}

tb_point tb_point_between(tb_random *random, tb_point low, tb_point high)
{
    tb_point p;

    p.x = tb_random_between(random, low.x, high.x);
    p.y = tb_random_between(random, low.y, high.y);
    return p;
}

double tb_ring_area(const tb_point *corner, size_t count)
{
    double twice = 0.0;

    for (size_t i = 0, j = count - 1; i < count; j = i++)
        twice += (corner[j].x - corner[0].x) * (corner[i].y - corner[0].y) -
                 (corner[i].x - corner[0].x) * (corner[j].y - corner[0].y);
    return twice / 2.0;
}

tb_point tb_ring_centre(const tb_point *corner, size_t count)
{
    double   twice = 0.0;
    tb_point sum = {0.0, 0.0}, mean = {0.0, 0.0};

    for (size_t i = 0, j = count - 1; i < count; j = i++) {
        double ax = corner[j].x - corner[0].x, ay = corner[j].y - corner[0].y;
        double bx = corner[i].x - corner[0].x, by = corner[i].y - corner[0].y;
        double cross = ax * by - bx * ay;

        twice += cross;
        sum.x += (ax + bx) * cross;
        sum.y += (ay + by) * cross;
        mean.x += bx / (double)count;
        mean.y += by / (double)count;
    }
    if (fabs(twice) < 1e-6)
        return (tb_point){corner[0].x + mean.x, corner[0].y + mean.y};
    return (tb_point){corner[0].x + sum.x / (3.0 * twice), corner[0].y + sum.y / (3.0 * twice)};
}

bool tb_ring_contains(const tb_point *corner, size_t count, tb_point p)
{
    bool is_inside = false;

    for (size_t i = 0, j = count - 1; i < count; j = i++) {
        tb_point a = corner[i], b = corner[j];

        if ((a.y <= p.y) != (b.y <= p.y) && p.x < a.x + (p.y - a.y) * (b.x - a.x) / (b.y - a.y))
            is_inside = !is_inside;
    }
    return is_inside;
}

static void add(tb_figure *figure, tb_point centre, tb_point axis, double along, double across)
{
    figure->corner[figure->count++] = tb_point_snap((tb_point){
        centre.x + along * axis.x - across * axis.y, centre.y + along * axis.y + across * axis.x});
}

tb_figure tb_figure_rectangle(tb_point centre, tb_point axis, double length, double width)
{
    tb_figure figure = {.count = 0};

    add(&figure, centre, axis, -length / 2, -width / 2);
    add(&figure, centre, axis, length / 2, -width / 2);
    add(&figure, centre, axis, length / 2, width / 2);
    add(&figure, centre, axis, -length / 2, width / 2);
    return figure;
}

tb_figure tb_figure_blob(tb_point centre, tb_point axis, double length, double width, double rough,
                         int corners, tb_random *random)
{
    tb_figure figure = {.count = 0};
    double    phase2 = tb_random_between(random, 0, 1), phase3 = tb_random_between(random, 0, 1);
    double    phase5 = tb_random_between(random, 0, 1);

    for (int i = 0; i < corners; i++) {
        double at = (double)i / corners;
        double radius =
            1.0 + rough * (0.5 * tb_wave(2 * at + phase2) + 0.33 * tb_wave(3 * at + phase3) +
                           0.2 * tb_wave(5 * at + phase5));
        tb_point d = tb_direction(at);

        add(&figure, centre, axis, length / 2 * radius * d.x, width / 2 * radius * d.y);
    }
    return figure;
}

tb_figure tb_figure_band(const tb_point *line, int count, double width)
{
    tb_figure figure = {.count = 2 * count};

    for (int i = 0; i < count; i++) {
        tb_point before = line[i > 0 ? i - 1 : i], after = line[i < count - 1 ? i + 1 : i];
        double   dx = after.x - before.x, dy = after.y - before.y;
        double   length = sqrt(dx * dx + dy * dy);
        double   nx = -dy / length * width / 2, ny = dx / length * width / 2;

        figure.corner[i] = tb_point_snap((tb_point){line[i].x - nx, line[i].y - ny});
        figure.corner[2 * count - 1 - i] =
            tb_point_snap((tb_point){line[i].x + nx, line[i].y + ny});
    }
    return figure;
}

tb_figure tb_figure_scaled(const tb_figure *figure, double factor)
{
    tb_figure scaled = {.count = figure->count};
    tb_point  centre = tb_ring_centre(figure->corner, (size_t)figure->count);

    for (int i = 0; i < figure->count; i++)
        scaled.corner[i] =
            tb_point_snap((tb_point){centre.x + factor * (figure->corner[i].x - centre.x),
                                     centre.y + factor * (figure->corner[i].y - centre.y)});
    return scaled;
}

double tb_figure_area(const tb_figure *figure)
{
    return fabs(tb_ring_area(figure->corner, (size_t)figure->count));
}
