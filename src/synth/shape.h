/**
 * Points and simple outlines of the made-up ground: metres, x to the right (east), y down (south),
 * from the upper left corner of the images.
 *
 * Angles are turns: 1 is all around. Sines are a polynomial of ours, so that no bit depends on the
 * machine.
 */
#ifndef TUBAN_SYNTH_SHAPE_H
#define TUBAN_SYNTH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "synth/random.h"

typedef struct tb_point {
    double x, y;
} tb_point;

/** Corners of an outline, not repeating the first; room for what is built, not for land. */
enum { TB_SHAPE_CORNERS = 32 };

typedef struct tb_figure {
    tb_point corner[TB_SHAPE_CORNERS];
    int      count;
} tb_figure;

/** sin(2 pi t), to 1e-7. */
double tb_wave(double turns);

/** The unit vector of an angle, x towards y. */
tb_point tb_direction(double turns);

/** The nearest point whose coordinates are whole 1024ths of a metre: sums with eastings are exact.
 */
tb_point tb_point_snap(tb_point p);

/** Draws x, then y. */
tb_point tb_point_between(tb_random *random, tb_point low, tb_point high);

/** Signed area by the shoelace formula; positive when the corners run from x towards y. */
double tb_ring_area(const tb_point *corner, size_t count);

/** Centre of gravity; the mean of the corners where there is no area. */
tb_point tb_ring_centre(const tb_point *corner, size_t count);

/** True if the point lies inside (even-odd rule). */
bool tb_ring_contains(const tb_point *corner, size_t count, tb_point p);

/** A rectangle around `centre`: `length` along `axis` (a unit vector), `width` across. */
tb_figure tb_figure_rectangle(tb_point centre, tb_point axis, double length, double width);

/** A round outline, `rough` of its radius uneven. */
tb_figure tb_figure_blob(tb_point centre, tb_point axis, double length, double width, double rough,
                         int corners, tb_random *random);

/** A band along a line of `count` points (2 .. 16). */
tb_figure tb_figure_band(const tb_point *line, int count, double width);

/** The same outline, grown or shrunk about its centre. */
tb_figure tb_figure_scaled(const tb_figure *figure, double factor);

double tb_figure_area(const tb_figure *figure);

#endif
