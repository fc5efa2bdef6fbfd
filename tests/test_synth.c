/* The made-up county: what tiles what, what is the same twice, areas against pixels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include <cmocka.h>
#include <geos_c.h>

#include "checks.h"
#include "core/memory.h"
#include "synth/canvas.h"
#include "synth/land.h"
#include "synth/noise.h"
#include "synth/scene.h"
#include "synth/season.h"
#include "synth/site.h"
#include "synth/weather.h"

static tb_land *land_of(double side, uint64_t seed)
{
    tb_land *land = NULL;

    OK(tb_land_new(&land, side, side, 30.0, seed, heard));
    return land;
}

/* ---------------------------------------------------------------- land */

static void the_faces_sum_to_the_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        double   side = seed % 4 == 0 ? 130.0 : 700.0 * (double)seed, sum = 0.0;
        tb_land *land = land_of(side, seed);
        tb_point low, high;

        tb_land_extent(land, &low, &high);
        for (uint32_t f = 0; f < tb_land_count(land); f++) {
            const tb_point *ring;
            size_t          count;
            double          area;

            OK(tb_land_ring(land, f, &ring, &count, heard));
            assert_true(count >= 3);
            area = tb_ring_area(ring, count);
            assert_true(area > 0.0);
            sum += area;
        }
        assert_true(fabs(sum - (high.x - low.x) * (high.y - low.y)) < 1e-3);
        tb_land_free(land);
    }
}

static GEOSGeometry *polygon_of(GEOSContextHandle_t geos, const tb_point *ring, size_t count)
{
    GEOSCoordSequence *s = GEOSCoordSeq_create_r(geos, (unsigned)count + 1, 2);

    for (size_t i = 0; i <= count; i++) {
        GEOSCoordSeq_setX_r(geos, s, (unsigned)i, ring[i % count].x);
        GEOSCoordSeq_setY_r(geos, s, (unsigned)i, ring[i % count].y);
    }
    return GEOSGeom_createPolygon_r(geos, GEOSGeom_createLinearRing_r(geos, s), NULL, 0);
}

static void geos_finds_no_overlap_and_no_gap(void **state)
{
    GEOSContextHandle_t geos  = GEOS_init_r();
    tb_land            *land  = land_of(1500.0, 3);
    size_t              count = tb_land_count(land);
    GEOSGeometry      **faces = calloc(count, sizeof *faces), *all, *whole;
    double              sum = 0.0, area = 0.0;

    (void)state;
    for (uint32_t f = 0; f < count; f++) {
        const tb_point *ring;
        size_t          corners;
        double          one = 0.0;

        OK(tb_land_ring(land, f, &ring, &corners, heard));
        faces[f] = polygon_of(geos, ring, corners);
        assert_int_equal(GEOSisValid_r(geos, faces[f]), 1);
        GEOSArea_r(geos, faces[f], &one);
        sum += one;
    }
    all   = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, faces, (unsigned)count);
    whole = GEOSUnaryUnion_r(geos, all);
    GEOSArea_r(geos, whole, &area);
    assert_true(fabs(area - sum) < 1e-3);
    assert_true(fabs(area - 1560.0 * 1560.0) < 1e-3);
    assert_int_equal(GEOSGetNumInteriorRings_r(geos, whole), 0);
    GEOSGeom_destroy_r(geos, whole);
    GEOSGeom_destroy_r(geos, all);
    free(faces);
    GEOS_finish_r(geos);
    tb_land_free(land);
}

static void units_share_the_whole_and_every_place_has_a_face(void **state)
{
    tb_land  *land   = land_of(3000.0, 5);
    tb_random random = tb_random_begin(9, 9);
    double    sum    = 0.0;

    (void)state;
    for (int u = 0; u < TB_UNITS; u++) {
        const tb_point *ring;
        size_t          count;

        OK(tb_land_unit_ring(land, u, &ring, &count, heard));
        assert_true(count > 3);
        sum += tb_ring_area(ring, count);
    }
    assert_true(fabs(sum - 3060.0 * 3060.0) < 1e-3);
    for (int i = 0; i < 2000; i++)
        assert_true(tb_land_at(land, (tb_point){tb_random_between(&random, -30, 3030),
                                                tb_random_between(&random, -30, 3030)}) !=
                    TB_MESH_NONE);
    assert_true(tb_land_at(land, (tb_point){-31, 5}) == TB_MESH_NONE);
    tb_land_free(land);
}

static void the_same_seed_makes_the_same_land(void **state)
{
    tb_land *one = land_of(2000.0, 7), *two = land_of(2000.0, 7), *other = land_of(2000.0, 8);

    (void)state;
    assert_int_equal(tb_land_count(one), tb_land_count(two));
    assert_int_not_equal(tb_land_count(one), tb_land_count(other));
    for (uint32_t f = 0; f < tb_land_count(one); f++) {
        const tb_point *a, *b;
        size_t          n, m;

        OK(tb_land_ring(one, f, &a, &n, heard));
        OK(tb_land_ring(two, f, &b, &m, heard));
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n * sizeof *a);
    }
    tb_land_free(one);
    tb_land_free(two);
    tb_land_free(other);
}

/* ---------------------------------------------------------------- sites */

static void sites_are_of_their_size_and_apart(void **state)
{
    tb_land *land   = land_of(4096.0, 1);
    tb_sites sites  = {0};
    int      across = 0, grown = 0;

    (void)state;
    OK(tb_sites_choose(&sites, land, 4096.0, 4096.0, 3, 1, heard));
    assert_true(sites.count > 40);
    for (size_t i = 0; i < sites.count; i++) {
        const tb_site *a = &sites.items[i];

        assert_true(a->area_m2 > 200.0 && a->area_m2 < 90000.0);
        assert_true(a->date == 1 || a->date == 2);
        across += strcmp(a->note, "across two units") == 0;
        grown += strcmp(a->note, "grows an earlier site") == 0;
        for (size_t j = 0; j < i && strcmp(a->note, "grows an earlier site") != 0; j++) {
            const tb_site *b  = &sites.items[j];
            double         dx = a->centre.x - b->centre.x, dy = a->centre.y - b->centre.y;

            if (strcmp(b->note, "grows an earlier site") != 0)
                assert_true(sqrt(dx * dx + dy * dy) > a->radius + b->radius);
        }
    }
    assert_true(across > 0);
    assert_true(grown > 0);
    tb_sites_reset(&sites);
    tb_land_free(land);
}

static void areas_agree_with_counted_cells(void **state)
{
    tb_random random = tb_random_begin(3, 3);
    tb_canvas canvas;

    (void)state;
    OK(tb_canvas_init(&canvas, 600, 600, TB_SHAPE_CORNERS, heard));
    canvas.cell = 0.5;
    for (int i = 0; i < 20; i++) {
        tb_figure f =
            tb_figure_blob((tb_point){150, 150}, tb_direction(tb_random_between(&random, 0, 1)),
                           200, 120, 0.3, 28, &random);
        int64_t cells = 0;

        memset(canvas.labels, 0, 600 * 600 * sizeof *canvas.labels);
        tb_canvas_paint(&canvas, f.corner, (size_t)f.count, (tb_point){0, 0}, 1);
        for (int64_t c = 0; c < 600 * 600; c++)
            cells += canvas.labels[c];
        assert_true(fabs((double)cells * 0.25 / tb_figure_area(&f) - 1.0) < 0.004);
    }
    tb_canvas_reset(&canvas);
}

static void a_painted_land_leaves_no_cell_out(void **state)
{
    tb_land  *land = land_of(1000.0, 2);
    tb_canvas canvas;

    (void)state;
    OK(tb_canvas_init(&canvas, 700, 700, 4096, heard));
    canvas.cell = 1.37;
    for (uint32_t f = 0; f < tb_land_count(land); f++) {
        const tb_point *ring;
        size_t          count;

        OK(tb_land_ring(land, f, &ring, &count, heard));
        tb_canvas_paint(&canvas, ring, count, (tb_point){0, 0}, f + 1);
    }
    for (int64_t i = 0; i < 700 * 700; i++)
        assert_true(canvas.labels[i] != 0);
    for (int64_t i = 0; i < 700 * 700; i += 331) {
        tb_point p = {((double)(i % 700) + 0.5) * 1.37, ((double)(i / 700) + 0.5) * 1.37};

        assert_int_equal(canvas.labels[i] - 1, tb_land_at(land, p));
    }
    tb_canvas_reset(&canvas);
    tb_land_free(land);
}

/* ---------------------------------------------------------------- seasons, weather */

static double greenness(tb_cover cover, int k)
{
    double red = 0.0, infrared = 0.0;

    for (uint64_t field = 0; field < 200; field++) {
        tb_look look = tb_season_look(cover, field * 77, k);

        red += (double)look.base[2];
        infrared += (double)look.base[3];
    }
    return (infrared - red) / (infrared + red);
}

static void crops_follow_their_calendars(void **state)
{
    (void)state;
    assert_true(greenness(TB_COVER_WHEAT, 2) > greenness(TB_COVER_WHEAT, 0) + 0.2); /* April */
    assert_true(greenness(TB_COVER_WHEAT, 4) < greenness(TB_COVER_WHEAT, 3) - 0.2); /* June */
    assert_true(greenness(TB_COVER_WHEAT, 6) > 0.6);                                /* maize */
    assert_true(greenness(TB_COVER_MAIZE, 1) < 0.25);
    assert_true(greenness(TB_COVER_MAIZE, 6) > 0.6);
    assert_true(greenness(TB_COVER_WATER, 0) < 0.0);
    for (int cover = 0; cover < TB_COVERS; cover++)
        for (int k = 0; k < TB_SEASON_DATES_MAX; k++) {
            tb_look look = tb_season_look((tb_cover)cover, (uint64_t)k * 991, k);

            for (int b = 0; b < TB_SEASON_BANDS; b++)
                assert_true(look.base[b] > 0.005f && look.base[b] < 0.8f);
        }
}

static void clouds_cover_what_was_asked(void **state)
{
    static const double shares[] = {0.02, 0.05, 0.3};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        tb_weather weather;
        int        covered = 0;

        tb_weather_init(&weather, shares[i], 4000, 4000, 2, 4);
        for (int y = 0; y < 200; y++)
            for (int x = 0; x < 200; x++)
                covered += tb_weather_at(&weather, 1, (tb_point){x * 20.0, y * 20.0}).cloud > 0.0;
        assert_true(fabs(covered / 40000.0 - shares[i]) < 0.2 * shares[i] + 0.002);
    }
}

static void waves_are_sines(void **state)
{
    (void)state;
    for (int i = -4000; i < 4000; i++)
        assert_true(fabs(tb_wave(i / 1000.0) - sin(i / 1000.0 * 6.283185307179586)) < 2e-7);
}

static void every_failed_allocation_is_survived(void **state)
{
    size_t before = tb_memory_in_use();

    (void)state;
    for (long n = 1;; n++) {
        tb_land  *land  = NULL;
        tb_scene  scene = {0};
        tb_sites  sites = {0};
        tb_status status;
        int       has_failed;

        tb_memory_fail_at(n);
        status = tb_land_new(&land, 600.0, 600.0, 20.0, 1, NULL);
        if (status == TB_OK)
            status = tb_scene_furnish(&scene, land, 2, 1, NULL);
        if (status == TB_OK)
            status = tb_sites_choose(&sites, land, 600.0, 600.0, 2, 1, NULL);
        has_failed = tb_memory_has_failed();
        tb_memory_fail_at(0);
        tb_land_free(land);
        tb_scene_reset(&scene);
        tb_sites_reset(&sites);
        assert_int_equal(tb_memory_in_use(), before);
        assert_int_equal(status, has_failed ? TB_E_MEMORY : TB_OK);
        if (!has_failed) {
            assert_true(n > 10);
            break;
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_faces_sum_to_the_whole),
        cmocka_unit_test(geos_finds_no_overlap_and_no_gap),
        cmocka_unit_test(units_share_the_whole_and_every_place_has_a_face),
        cmocka_unit_test(the_same_seed_makes_the_same_land),
        cmocka_unit_test(sites_are_of_their_size_and_apart),
        cmocka_unit_test(areas_agree_with_counted_cells),
        cmocka_unit_test(a_painted_land_leaves_no_cell_out),
        cmocka_unit_test(crops_follow_their_calendars),
        cmocka_unit_test(clouds_cover_what_was_asked),
        cmocka_unit_test(waves_are_sines),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
