/* Simplified outlines: valid, close to the traced ones, apart where those were apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <geos_c.h>

#include "core/memory.h"
#include "region/outline.h"

enum { SIDE = 48, REACH = 2 };

typedef struct scene {
    int     side; /* at most SIDE */
    int     connect;
    uint8_t mask[SIDE][SIDE];
    int     label[SIDE][SIDE];
    int     count;
} scene;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void flood(scene *s, int x, int y, int label)
{
    if (x < 0 || y < 0 || x >= s->side || y >= s->side || !s->mask[y][x] || s->label[y][x])
        return;
    s->label[y][x] = label;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (s->connect == 8 || dx == 0 || dy == 0)
                flood(s, x + dx, y + dy, label);
}

static void label_all(scene *s)
{
    memset(s->label, 0, sizeof s->label);
    s->count = 0;
    for (int y = 0; y < s->side; y++)
        for (int x = 0; x < s->side; x++)
            if (s->mask[y][x] && !s->label[y][x])
                flood(s, x, y, ++s->count);
}

enum { SPECKS, DISCS, LINES };

/* Specks at low densities, lace at high ones; or discs; or half planes, with specks thrown in. */
static void make_scene(scene *s, int side, uint32_t seed, int density, int kind)
{
    uint32_t state = seed * 2654435761u + 1;

    s->side    = side;
    s->connect = seed % 2 ? 4 : 8;
    memset(s->mask, 0, sizeof s->mask);
    for (int d = 0; kind == DISCS && d < density; d++) {
        int cx = (int)(next_random(&state) % (uint32_t)side);
        int cy = (int)(next_random(&state) % (uint32_t)side);
        int r  = 1 + (int)(next_random(&state) % (uint32_t)(side / 3));

        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                s->mask[y][x] ^= (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r * r;
    }
    for (int d = 0; kind == LINES && d < 2; d++) {
        int a = (int)(next_random(&state) % 41) - 20, b = (int)(next_random(&state) % 41) - 20;
        int c = (int)(next_random(&state) % (uint32_t)(20 * side)) - 10 * side;

        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
                s->mask[y][x] ^= a * (x - side / 2) + b * (y - side / 2) > c;
    }
    for (int y = 0; kind != DISCS && y < side; y++)
        for (int x = 0; x < side; x++)
            s->mask[y][x] ^=
                next_random(&state) % 100 < (uint32_t)(kind == LINES ? density / 10 : density);
    label_all(s);
}

static size_t spans_of(const scene *s, int label, tb_span *spans)
{
    size_t count = 0;

    for (int y = 0; y < s->side; y++)
        for (int x = 0; x < s->side; x++) {
            if (s->label[y][x] != label)
                continue;
            if (x > 0 && s->label[y][x - 1] == label)
                spans[count - 1].last = x;
            else
                spans[count++] = (tb_span){y, x, x};
        }
    return count;
}

/* What lies near the component, pixel by pixel. */
static size_t nearby_of(const scene *s, int label, tb_span *spans)
{
    size_t count = 0;

    for (int y = 0; y < s->side; y++)
        for (int x = 0; x < s->side; x++) {
            bool is_near = false;

            for (int v = y - REACH; v <= y + REACH; v++)
                for (int u = x - REACH; u <= x + REACH; u++)
                    is_near |=
                        u >= 0 && v >= 0 && u < s->side && v < s->side && s->label[v][u] == label;
            if (is_near && s->label[y][x] != 0 && s->label[y][x] != label)
                spans[count++] = (tb_span){y, x, x};
        }
    return count;
}

static GEOSGeometry *ring_of(GEOSContextHandle_t geos, const tb_shape *shape, tb_ring ring)
{
    GEOSCoordSequence *points = GEOSCoordSeq_create_r(geos, (unsigned)ring.count + 1, 2);

    for (size_t i = 0; i <= ring.count; i++) {
        tb_corner c = shape->corners[ring.first + i % ring.count];

        GEOSCoordSeq_setXY_r(geos, points, (unsigned)i,
                             (double)shape->origin_x + (double)c.x / shape->scale,
                             (double)shape->origin_y + (double)c.y / shape->scale);
    }
    return GEOSGeom_createLinearRing_r(geos, points);
}

static GEOSGeometry *geometry_of(GEOSContextHandle_t geos, const tb_shape *shape)
{
    GEOSGeometry *polygons[SIDE * SIDE], *holes[SIDE * SIDE];

    for (size_t p = 0; p < shape->polygon_count; p++) {
        const tb_polygon *polygon = &shape->polygons[p];

        for (size_t h = 1; h < polygon->count; h++)
            holes[h - 1] = ring_of(geos, shape, shape->rings[polygon->first + h]);
        polygons[p] =
            GEOSGeom_createPolygon_r(geos, ring_of(geos, shape, shape->rings[polygon->first]),
                                     holes, (unsigned)polygon->count - 1);
    }
    return GEOSGeom_createCollection_r(geos, GEOS_MULTIPOLYGON, polygons,
                                       (unsigned)shape->polygon_count);
}

/* The boxes of the two lie less than a pixel apart. */
static bool is_near(GEOSContextHandle_t geos, const GEOSGeometry *a, const GEOSGeometry *b)
{
    double box[2][4];

    for (int i = 0; i < 2; i++) {
        GEOSGeom_getXMin_r(geos, i == 0 ? a : b, &box[i][0]);
        GEOSGeom_getXMax_r(geos, i == 0 ? a : b, &box[i][1]);
        GEOSGeom_getYMin_r(geos, i == 0 ? a : b, &box[i][2]);
        GEOSGeom_getYMax_r(geos, i == 0 ? a : b, &box[i][3]);
    }
    return box[0][0] <= box[1][1] + 1 && box[1][0] <= box[0][1] + 1 && box[0][2] <= box[1][3] + 1 &&
           box[1][2] <= box[0][3] + 1;
}

static double distance_of(GEOSContextHandle_t geos, const GEOSGeometry *a, const GEOSGeometry *b)
{
    double far = 0.0;

    assert_int_equal(GEOSDistance_r(geos, a, b, &far), 1);
    return far;
}

/* No part of the area is further than a pixel from where it is half a pixel wide or more. */
static void assert_no_sliver(GEOSContextHandle_t geos, const GEOSGeometry *area)
{
    GEOSGeometry *core   = GEOSBuffer_r(geos, area, -0.2499, 8);
    GEOSGeometry *around = GEOSBuffer_r(geos, core, 1.0, 8);
    GEOSGeometry *sliver = GEOSDifference_r(geos, area, around);
    double        left   = 1.0;

    assert_int_equal(GEOSArea_r(geos, sliver, &left), 1);
    assert_true(left < 1e-9);
    GEOSGeom_destroy_r(geos, sliver);
    GEOSGeom_destroy_r(geos, around);
    GEOSGeom_destroy_r(geos, core);
}

/* The ground between the features of the scene. */
static GEOSGeometry *rest_of(GEOSContextHandle_t geos, const scene *s, GEOSGeometry **of)
{
    GEOSGeometry *rest = GEOSGeom_createRectangle_r(geos, -3, -3, s->side + 3, s->side + 3);

    for (int i = 0; i < s->count; i++) {
        GEOSGeometry *less = GEOSDifference_r(geos, rest, of[i]);

        assert_non_null(less);
        GEOSGeom_destroy_r(geos, rest);
        rest = less;
    }
    return rest;
}

/* Everything an outline promises, of every component of the scene. Returns the vertices left. */
static size_t check_scene(const scene *s, double tolerance, bool looks_for_slivers)
{
    static GEOSGeometry *simple[SIDE * SIDE], *traced_as[SIDE * SIDE];
    static tb_span       spans[SIDE * SIDE], nearby[SIDE * SIDE];
    GEOSContextHandle_t  geos    = GEOS_init_r();
    tb_trace            *trace   = NULL;
    tb_outline          *outline = NULL;
    size_t               corners = 0, before = 0;

    assert_int_equal(tb_trace_new(&trace, NULL), TB_OK);
    assert_int_equal(tb_outline_new(&outline, NULL), TB_OK);
    for (int label = 1; label <= s->count; label++) {
        tb_outline_options how = {.tolerance_px = tolerance};
        tb_shape           traced, shape;
        double             far = 0.0, area = 0.0;

        assert_int_equal(tb_trace_spans(trace, spans, spans_of(s, label, spans), &traced, NULL),
                         TB_OK);
        assert_int_equal(tb_outline_simplify(outline, &traced, nearby, nearby_of(s, label, nearby),
                                             &how, &shape, NULL),
                         TB_OK);

        GEOSGeometry *old = geometry_of(geos, &traced), *new = geometry_of(geos, &shape);
        GEOSGeometry *old_lines = GEOSBoundary_r(geos, old), *lines = GEOSBoundary_r(geos, new);

        assert_int_equal(GEOSisValid_r(geos, new), 1);
        assert_int_equal(shape.polygon_count, traced.polygon_count);
        assert_int_equal(shape.ring_count, traced.ring_count);
        if (shape.scale > 1) {
            assert_int_equal(GEOSHausdorffDistanceDensify_r(geos, old_lines, lines, 0.5, &far), 1);
            assert_true(far <= tolerance + 1e-9);
        }
        GEOSArea_r(geos, new, &area);
        assert_true(area >= 0.99 * tb_shape_area(&traced) - 1e-9);
        assert_true(area <= 1.01 * tb_shape_area(&traced) + 1e-9);
        assert_true(area > tb_shape_area(&shape) - 1e-9 && area < tb_shape_area(&shape) + 1e-9);
        for (int p = 0; looks_for_slivers && p < GEOSGetNumGeometries_r(geos, new); p++)
            assert_no_sliver(geos, GEOSGetGeometryN_r(geos, new, p));
        before += traced.corner_count;
        corners += shape.corner_count;
        GEOSGeom_destroy_r(geos, old_lines);
        GEOSGeom_destroy_r(geos, lines);
        simple[label - 1]    = new;
        traced_as[label - 1] = old;
    }
    for (int a = 0; a < s->count; a++)
        for (int b = a + 1; b < s->count; b++) {
            if (!is_near(geos, simple[a], simple[b]))
                continue;
            if (distance_of(geos, traced_as[a], traced_as[b]) > 0.0)
                assert_true(distance_of(geos, simple[a], simple[b]) >= 0.5 - 1e-9);
            else /* corners that meet go on meeting, and nothing else does */
                assert_int_equal(GEOSRelatePattern_r(geos, simple[a], simple[b], "FF*F0****"), 1);
        }
    if (looks_for_slivers) {
        GEOSGeometry *rest = rest_of(geos, s, simple);

        for (int p = 0; p < GEOSGetNumGeometries_r(geos, rest); p++)
            assert_no_sliver(geos, GEOSGetGeometryN_r(geos, rest, p));
        GEOSGeom_destroy_r(geos, rest);
    }
    for (int a = 0; a < s->count; a++) {
        GEOSGeom_destroy_r(geos, simple[a]);
        GEOSGeom_destroy_r(geos, traced_as[a]);
    }
    tb_outline_free(outline);
    tb_trace_free(trace);
    GEOS_finish_r(geos);
    return before > 0 ? 100 * corners / before : 100;
}

/* TUBAN_OUTLINE_CASES=N tries another number of small scenes; 10000 by default. */
static void any_mask_stays_valid_close_and_apart(void **state)
{
    static scene s;
    const char  *asked = getenv("TUBAN_OUTLINE_CASES");
    uint32_t     cases = asked != NULL ? (uint32_t)strtoul(asked, NULL, 10) : 10000;

    (void)state;
    for (uint32_t seed = 0; seed < cases; seed++) {
        int kind = (int)(seed / 2 % 3), side = 5 + (int)(seed / 6 % 9);

        make_scene(&s, side, seed, kind == DISCS ? 1 + (int)(seed % 5) : (int)(seed * 7 % 100),
                   kind);
        check_scene(&s, seed % 4 ? 0.7 : 0.3, seed % 8 == 0);
    }
    for (uint32_t seed = 0; seed < 8; seed++) {
        make_scene(&s, SIDE, seed, 12 * (int)seed + 4, (int)seed % 3);
        check_scene(&s, 0.7, true);
    }
}

static void smooth_shapes_lose_their_stairs(void **state)
{
    static scene s;
    size_t       share = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 12; seed++) {
        make_scene(&s, SIDE, 2 * seed, 2, DISCS);
        share += check_scene(&s, 0.7, false);
    }
    print_message("vertices left: %zu %%\n", share / 12);
    assert_true(share / 12 < 50);
}

/* The vertices in halves of a pixel. */
static size_t simplify_block(const tb_span *spans, size_t count, double tolerance, tb_corner *out)
{
    tb_outline_options how     = {.tolerance_px = tolerance};
    tb_trace          *trace   = NULL;
    tb_outline        *outline = NULL;
    tb_shape           traced, shape;
    size_t             corners;

    assert_int_equal(tb_trace_new(&trace, NULL), TB_OK);
    assert_int_equal(tb_outline_new(&outline, NULL), TB_OK);
    assert_int_equal(tb_trace_spans(trace, spans, count, &traced, NULL), TB_OK);
    assert_int_equal(tb_outline_simplify(outline, &traced, NULL, 0, &how, &shape, NULL), TB_OK);
    corners = shape.corner_count;
    for (size_t i = 0; i < corners; i++)
        out[i] =
            (tb_corner){shape.corners[i].x * 2 / shape.scale, shape.corners[i].y * 2 / shape.scale};
    tb_outline_free(outline);
    tb_trace_free(trace);
    return corners;
}

static void a_rectangle_keeps_its_four_corners(void **state)
{
    tb_span   spans[20];
    tb_corner out[64];

    (void)state;
    for (int y = 0; y < 20; y++)
        spans[y] = (tb_span){y, 5, 40};
    assert_int_equal(simplify_block(spans, 20, 0.7, out), 4);
    for (int i = 0; i < 4; i++)
        assert_true((out[i].x == 0 || out[i].x == 72) && (out[i].y == 0 || out[i].y == 40));
}

static void a_diagonal_becomes_a_line(void **state)
{
    tb_span   spans[60];
    tb_corner out[512];

    (void)state;
    for (int y = 0; y < 60; y++)
        spans[y] = (tb_span){y, 0, 10 + y};
    assert_true(simplify_block(spans, 60, 0.7, out) <= 8);
    assert_int_equal(simplify_block(spans, 60, 0.0, out), 2 + 2 * 60);
}

/* How many rings are left of the drawing (X: this component, o: another) when holes are filled. */
static size_t rings_after_filling(const char *const *drawing, int rows, int64_t most)
{
    tb_outline_options how     = {.fill_pixels = most};
    tb_trace          *trace   = NULL;
    tb_outline        *outline = NULL;
    tb_shape           traced, shape;
    tb_span            spans[64], nearby[64];
    size_t             count = 0, others = 0, rings;

    for (int y = 0; y < rows; y++)
        for (int x = 0; drawing[y][x] != 0; x++) {
            if (drawing[y][x] == 'o')
                nearby[others++] = (tb_span){y, x, x};
            if (drawing[y][x] == 'X' && x > 0 && drawing[y][x - 1] == 'X')
                spans[count - 1].last = x;
            else if (drawing[y][x] == 'X')
                spans[count++] = (tb_span){y, x, x};
        }
    assert_int_equal(tb_trace_new(&trace, NULL), TB_OK);
    assert_int_equal(tb_outline_new(&outline, NULL), TB_OK);
    assert_int_equal(tb_trace_spans(trace, spans, count, &traced, NULL), TB_OK);
    assert_int_equal(tb_outline_simplify(outline, &traced, nearby, others, &how, &shape, NULL),
                     TB_OK);
    rings = shape.ring_count;
    tb_outline_free(outline);
    tb_trace_free(trace);
    return rings;
}

static void holes_are_filled_by_rule(void **state)
{
    static const char *const holes[]  = {"XXXXXXXX", "X.XX..XX", "XXXX..XX", "XXXXXXXX"};
    static const char *const others[] = {"XXXXXXXX", "X...XXXX", "X.o.X.XX", "X...XXXX",
                                         "XXXXXXXX"};
    static const char *const own[]    = {"XXXXXX", "XX..XX", "X.X..X", "X...XX", "XXXXXX"};

    (void)state;
    assert_int_equal(rings_after_filling(holes, 4, 0), 3);
    assert_int_equal(rings_after_filling(holes, 4, 1), 2);
    assert_int_equal(rings_after_filling(holes, 4, 3), 2);
    assert_int_equal(rings_after_filling(holes, 4, 4), 1);
    assert_int_equal(rings_after_filling(others, 5, 24), 2); /* an island stays an island */
    assert_true(rings_after_filling(own, 5, 24) > 1);
}

static void tolerances_are_read_strictly(void **state)
{
    double px = -1.0;

    (void)state;
    assert_true(tb_outline_parse("off", &px) && px == 0.0);
    assert_true(tb_outline_parse("0.7px", &px) && px == 0.7);
    assert_false(tb_outline_parse("0.7", &px));
    assert_false(tb_outline_parse("px", &px));
    assert_false(tb_outline_parse("-1px", &px));
    assert_true(tb_outline_parse("0.75px", &px));
    assert_false(tb_outline_parse("0.76px", &px));
    assert_false(tb_outline_parse("nanpx", &px));
    assert_false(tb_outline_parse("", &px));
}

static void memory_faults_are_told_and_leak_nothing(void **state)
{
    size_t                   held   = tb_memory_in_use();
    const tb_span            nearby = {3, 20, 22};
    const tb_outline_options how    = {.tolerance_px = 0.7, .fill_pixels = 4};
    tb_span                  spans[20];

    (void)state;
    for (int y = 0; y < 20; y++)
        spans[y] = (tb_span){y, y, y + 12};
    for (long n = 1;; n++) {
        tb_trace   *trace   = NULL;
        tb_outline *outline = NULL;
        tb_shape    traced, shape;
        tb_status   status;

        tb_memory_fail_at(n);
        status = tb_trace_new(&trace, NULL);
        if (status == TB_OK)
            status = tb_outline_new(&outline, NULL);
        if (status == TB_OK)
            status = tb_trace_spans(trace, spans, 20, &traced, NULL);
        if (status == TB_OK)
            status = tb_outline_simplify(outline, &traced, &nearby, 1, &how, &shape, NULL);
        tb_outline_free(outline);
        tb_trace_free(trace);
        assert_int_equal(status, tb_memory_has_failed() ? TB_E_MEMORY : TB_OK);
        assert_int_equal(tb_memory_in_use(), held);
        if (!tb_memory_has_failed())
            break;
    }
    tb_memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mask_stays_valid_close_and_apart),
        cmocka_unit_test(smooth_shapes_lose_their_stairs),
        cmocka_unit_test(a_rectangle_keeps_its_four_corners),
        cmocka_unit_test(a_diagonal_becomes_a_line),
        cmocka_unit_test(holes_are_filled_by_rule),
        cmocka_unit_test(tolerances_are_read_strictly),
        cmocka_unit_test(memory_faults_are_told_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
