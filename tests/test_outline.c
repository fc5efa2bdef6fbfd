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

enum { SIDE = 48 };

typedef struct scene {
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
    if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || !s->mask[y][x] || s->label[y][x])
        return;
    s->label[y][x] = label;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            flood(s, x + dx, y + dy, label);
}

static void label_all(scene *s)
{
    memset(s->label, 0, sizeof s->label);
    s->count = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (s->mask[y][x] && !s->label[y][x])
                flood(s, x, y, ++s->count);
}

/* Specks at low densities, lace at high ones; smooth shapes from a field of discs. */
static void make_scene(scene *s, uint32_t seed, int density, bool is_smooth)
{
    uint32_t state = seed * 2654435761u + 1;

    memset(s->mask, 0, sizeof s->mask);
    if (is_smooth)
        for (int d = 0; d < density; d++) {
            int cx = (int)(next_random(&state) % SIDE), cy = (int)(next_random(&state) % SIDE);
            int r = 1 + (int)(next_random(&state) % 8);

            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    s->mask[y][x] ^= (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r * r;
        }
    else
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                s->mask[y][x] = next_random(&state) % 100 < (uint32_t)density;
    label_all(s);
}

static size_t spans_of(const scene *s, int label, tb_span *spans)
{
    size_t count = 0;

    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            if (s->label[y][x] != label)
                continue;
            if (x > 0 && s->label[y][x - 1] == label)
                spans[count - 1].last = x;
            else
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

/* The boxes of the two meet. */
static bool is_near(GEOSContextHandle_t geos, const GEOSGeometry *a, const GEOSGeometry *b)
{
    double box[2][4];

    for (int i = 0; i < 2; i++) {
        GEOSGeom_getXMin_r(geos, i == 0 ? a : b, &box[i][0]);
        GEOSGeom_getXMax_r(geos, i == 0 ? a : b, &box[i][1]);
        GEOSGeom_getYMin_r(geos, i == 0 ? a : b, &box[i][2]);
        GEOSGeom_getYMax_r(geos, i == 0 ? a : b, &box[i][3]);
    }
    return box[0][0] <= box[1][1] && box[1][0] <= box[0][1] && box[0][2] <= box[1][3] &&
           box[1][2] <= box[0][3];
}

static size_t check_scene(const scene *s, double tolerance)
{
    static GEOSGeometry *simple[SIDE * SIDE];
    GEOSContextHandle_t  geos    = GEOS_init_r();
    tb_trace            *trace   = NULL;
    tb_outline          *outline = NULL;
    size_t               corners = 0, before = 0;
    static tb_span       spans[SIDE * SIDE];

    assert_int_equal(tb_trace_new(&trace, NULL), TB_OK);
    assert_int_equal(tb_outline_new(&outline, NULL), TB_OK);
    for (int label = 1; label <= s->count; label++) {
        tb_shape traced, shape;
        double   far = 0.0, area = 0.0;

        assert_int_equal(tb_trace_spans(trace, spans, spans_of(s, label, spans), &traced, NULL),
                         TB_OK);
        assert_int_equal(tb_outline_simplify(outline, &traced, tolerance, &shape, NULL), TB_OK);

        GEOSGeometry *old = geometry_of(geos, &traced), *new = geometry_of(geos, &shape);

        assert_int_equal(GEOSisValid_r(geos, new), 1);
        assert_int_equal(GEOSHausdorffDistanceDensify_r(geos, old, new, 0.25, &far), 1);
        assert_true(far <= (tolerance < 0.5 ? tolerance : 0.5) + 1e-9);
        GEOSArea_r(geos, new, &area);
        assert_true(area >= 0.99 * tb_shape_area(&traced) - 1e-9);
        assert_true(area <= 1.01 * tb_shape_area(&traced) + 1e-9);
        assert_true(area > tb_shape_area(&shape) - 1e-9 && area < tb_shape_area(&shape) + 1e-9);
        before += traced.corner_count;
        corners += shape.corner_count;
        GEOSGeom_destroy_r(geos, old);
        simple[label - 1] = new;
    }
    for (int a = 0; a < s->count; a++)
        for (int b = a + 1; b < s->count; b++)
            if (is_near(geos, simple[a], simple[b]))
                assert_int_equal(GEOSDisjoint_r(geos, simple[a], simple[b]), 1);
    for (int a = 0; a < s->count; a++)
        GEOSGeom_destroy_r(geos, simple[a]);
    tb_outline_free(outline);
    tb_trace_free(trace);
    GEOS_finish_r(geos);
    return before > 0 ? 100 * corners / before : 100;
}

static void any_mask_stays_valid_close_and_apart(void **state)
{
    static scene s;

    (void)state;
    for (uint32_t seed = 0; seed < 3; seed++)
        for (int density = 2; density <= 98; density += 16) {
            make_scene(&s, seed, density, false);
            check_scene(&s, 0.7);
            check_scene(&s, 0.2);
        }
}

static void smooth_shapes_lose_their_stairs(void **state)
{
    static scene s;
    size_t       share = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 12; seed++) {
        make_scene(&s, seed, 3 + (int)(seed % 9), true);
        share += check_scene(&s, 0.7);
    }
    print_message("vertices left: %zu %%\n", share / 12);
    assert_true(share / 12 < 80);
}

static size_t simplify_block(const tb_span *spans, size_t count, double tolerance, tb_corner *out)
{
    tb_trace   *trace   = NULL;
    tb_outline *outline = NULL;
    tb_shape    traced, shape;
    size_t      corners;

    assert_int_equal(tb_trace_new(&trace, NULL), TB_OK);
    assert_int_equal(tb_outline_new(&outline, NULL), TB_OK);
    assert_int_equal(tb_trace_spans(trace, spans, count, &traced, NULL), TB_OK);
    assert_int_equal(tb_outline_simplify(outline, &traced, tolerance, &shape, NULL), TB_OK);
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

static void tolerances_are_read_strictly(void **state)
{
    double px = -1.0;

    (void)state;
    assert_true(tb_outline_parse("off", &px) && px == 0.0);
    assert_true(tb_outline_parse("0.7px", &px) && px == 0.7);
    assert_false(tb_outline_parse("0.7", &px));
    assert_false(tb_outline_parse("px", &px));
    assert_false(tb_outline_parse("-1px", &px));
    assert_false(tb_outline_parse("11px", &px));
    assert_false(tb_outline_parse("", &px));
}

static void memory_faults_are_told_and_leak_nothing(void **state)
{
    size_t  held = tb_memory_in_use();
    tb_span spans[20];

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
            status = tb_outline_simplify(outline, &traced, 0.7, &shape, NULL);
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
        cmocka_unit_test(tolerances_are_read_strictly),
        cmocka_unit_test(memory_faults_are_told_and_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
