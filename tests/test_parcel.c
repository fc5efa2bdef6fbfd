#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/cluster.h"
#include "parcel/holdings.h"
#include "parcel/overlay.h"
#include "parcel/role.h"
#include "raster/capture.h"

static tb_error        last;
static tb_error *const heard = &last;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != TB_OK)                                                                       \
            fail_msg("%s", last.message);                                                          \
    } while (0)

static tb_geos *open_geos(void **state)
{
    tb_geos *geos;

    (void)state;
    OK(tb_geos_new(&geos, heard));
    return geos;
}

static GEOSGeometry *box_of(tb_geos *geos, double west, double south, double east, double north)
{
    return GEOSGeom_createRectangle_r(geos->handle, west, south, east, north);
}

static double random_between(uint64_t *seed, double low, double high)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(*seed >> 11) / 9007199254740992.0;
}

/* ---- area ---- */

/* The national formula: the area between a ring's edges and a meridian, by its series to e^8. */
static double trapezoid(const double *p, size_t count)
{
    const double f = 1 / 298.257222101, e2 = f * (2 - f), e4 = e2 * e2, e6 = e4 * e2, e8 = e4 * e4;
    const double k[5]   = {1 + 3. / 6 * e2 + 30. / 80 * e4 + 35. / 112 * e6 + 630. / 2304 * e8,
                           1. / 6 * e2 + 15. / 80 * e4 + 21. / 112 * e6 + 420. / 2304 * e8,
                           3. / 80 * e4 + 7. / 112 * e6 + 180. / 2304 * e8,
                           1. / 112 * e6 + 45. / 2304 * e8, 5. / 2304 * e8};
    const double radian = acos(-1.0) / 180, b = 6378137.0 * (1 - f);
    double       sum = 0;

    for (size_t i = 0; i < count; i++) {
        const double *q = p + 2 * i, *r = p + 2 * ((i + 1) % count);
        double        dl = ((q[0] + r[0]) / 2 - p[0]) * radian, db = (r[1] - q[1]) * radian;
        double        bm = (q[1] + r[1]) / 2 * radian, series = 0;

        for (int n = 0; n < 5; n++)
            series += (n % 2 ? -1 : 1) * k[n] * sin((2 * n + 1) * db / 2) * cos((2 * n + 1) * bm);
        sum += 2 * b * b * dl * series;
    }
    return fabs(sum);
}

static void areas_agree_with_the_national_formula(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        enum { CORNERS = 9 };
        double ring[2 * CORNERS];
        double l = random_between(&seed, 75, 134), b = random_between(&seed, 18, 53);
        double size = exp(random_between(&seed, log(1e-4), log(0.05)));

        for (int c = 0; c < CORNERS; c++) {
            double turn = 2 * acos(-1.0) * c / CORNERS, r = size * random_between(&seed, 0.4, 1.0);

            ring[2 * c]     = l + r * cos(turn);
            ring[2 * c + 1] = b + r * sin(turn);
        }

        double expected = trapezoid(ring, CORNERS), got = tb_area_of_ring(ring, 2, CORNERS);

        assert_true(got > 0.0); /* anticlockwise */
        assert_true(fabs(got - expected) <= 1e-9 * expected);
    }
}

/* What a domain expert checks by hand: planar squares are not the area. */
static void a_planar_square_off_the_meridian(void **state)
{
    double               side = sqrt(6666.67), ring[8];
    OGRSpatialReferenceH from = OSRNewSpatialReference(NULL), to = OSRNewSpatialReference(NULL);
    OGRCoordinateTransformationH there, back;
    double                       x = 121.5, y = 37.06;

    (void)state;
    tb_gdal_register();
    OSRImportFromEPSG(from, 4549); /* central meridian 120 */
    OSRImportFromEPSG(to, 4490);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    there = OCTNewCoordinateTransformation(to, from);
    back  = OCTNewCoordinateTransformation(from, to);
    assert_true(OCTTransform(there, 1, &x, &y, NULL));
    for (int c = 0; c < 4; c++) {
        ring[2 * c]     = x + (c == 1 || c == 2 ? side / 2 : -side / 2);
        ring[2 * c + 1] = y + (c >= 2 ? side / 2 : -side / 2);
        assert_true(OCTTransform(back, 1, &ring[2 * c], &ring[2 * c + 1], NULL));
    }
    /* 6663.748: under 10 mu, which the planar area is not. */
    assert_int_equal(tb_area_dm2(tb_area_of_ring(ring, 2, 4)), 666375);
    OCTDestroyCoordinateTransformation(there);
    OCTDestroyCoordinateTransformation(back);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
}

static void parts_add_up(void **state)
{
    tb_geos      *geos  = open_geos(state);
    GEOSGeometry *whole = box_of(geos, 117.0, 36.0, 117.02, 36.03);
    double        sum = 0.0, all = tb_area_of_geometry(geos, whole);

    for (int column = 0; column < 20; column++)
        for (int row = 0; row < 30; row++) {
            GEOSGeometry *part = box_of(geos, 117.0 + column * 0.001, 36.0 + row * 0.001,
                                        117.0 + (column + 1) * 0.001, 36.0 + (row + 1) * 0.001);

            sum += tb_area_of_geometry(geos, part);
            GEOSGeom_destroy_r(geos->handle, part);
        }
    assert_true(fabs(sum - all) < 1e-9 * all);
    GEOSGeom_destroy_r(geos->handle, whole);
    tb_geos_free(geos);
}

static void areas_round_half_up(void **state)
{
    (void)state;
    assert_int_equal(tb_area_dm2(3333.325), 333333);
    assert_int_equal(tb_area_dm2(3333.3249), 333332);
    assert_int_equal(tb_area_dm2(0.0), 0);
    assert_int_equal(tb_area_dm2(0.005), 1);
}

/* ---- overlay ---- */

static void add(tb_features *features, GEOSGeometry *geometry)
{
    OK(tb_features_add(features, geometry, (int64_t)features->count, heard));
}

typedef struct pieces {
    double area[8];
    int    feature[8], count;
} pieces;

static tb_status collect(void *context, const GEOSGeometry *piece, double area_m2,
                         const tb_feature *feature, tb_error *err)
{
    pieces *p = context;

    (void)piece;
    (void)err;
    p->area[p->count]      = area_m2;
    p->feature[p->count++] = (int)feature->fid;
    return TB_OK;
}

static void shared_ground_counts_once(void **state)
{
    tb_geos      *geos   = open_geos(state);
    tb_features   mask   = {.geos = geos};
    GEOSGeometry *parcel = box_of(geos, 117.000, 36.000, 117.004, 36.001);
    pieces        p      = {.count = 0};
    double        shared, unit, area;

    add(&mask, box_of(geos, 117.001, 35.999, 117.003, 36.002));
    add(&mask, box_of(geos, 117.002, 35.999, 117.005, 36.002)); /* half of it under the first */
    add(&mask, box_of(geos, 117.010, 35.999, 117.012, 36.002)); /* elsewhere */
    add(&mask, box_of(geos, 117.001, 35.999, 117.002, 36.002)); /* wholly under the first */
    OK(tb_features_index(&mask, heard));
    unit = tb_area_of_geometry(geos, parcel) / 4;
    OK(tb_overlay_visit(geos, parcel, &mask, NULL, collect, &p, &shared, heard));
    assert_int_equal(p.count, 2);
    assert_int_equal(p.feature[0], 0);
    assert_int_equal(p.feature[1], 1);
    assert_true(fabs(p.area[0] - 2 * unit) < 1e-4);
    assert_true(fabs(p.area[1] - unit) < 1e-4);
    assert_true(fabs(shared - 2 * unit) < 1e-4);
    OK(tb_overlay_area(geos, parcel, &mask, &area, heard));
    assert_true(fabs(area - 3 * unit) < 1e-4);
    tb_features_reset(&mask);
    GEOSGeom_destroy_r(geos->handle, parcel);
    tb_geos_free(geos);
}

/* One parcel of four equal parts: farmland with a ridge, orchard, construction, nothing. */
static void holdings_of_a_parcel(void **state)
{
    tb_geos  *geos = open_geos(state);
    tb_mask   land = {.features = {.geos = geos}}, pbf = {.features = {.geos = geos}};
    tb_mask   approved = {.features = {.geos = geos}};
    tb_ground ground[] = {TB_GROUND_FARMLAND, TB_GROUND_OTHER_AGRICULTURAL, TB_GROUND_CONSTRUCTION};
    double    ridge[] = {0.1, 0, 0}, none[] = {0.05};
    tb_approval_state states[] = {TB_APPROVAL_NONE, TB_APPROVAL_HOLDS, TB_APPROVAL_LATE};
    tb_masks          masks    = {.landuse = &land, .pbf = &pbf, .approvals = &approved};
    GEOSGeometry     *parcel   = box_of(geos, 117.000, 36.000, 117.004, 36.001);
    tb_holdings       h;
    double            unit = tb_area_of_geometry(geos, parcel) / 4;

    for (int i = 0; i < 3; i++)
        add(&land.features, box_of(geos, 117.0 + i * 0.001, 35.9, 117.0 + (i + 1) * 0.001, 36.1));
    add(&pbf.features,
        box_of(geos, 117.0005, 35.9, 117.0035, 36.1)); /* over the construction too */
    for (int i = 0; i < 3; i++) /* that which reduces nothing lies first, over all */
        add(&approved.features, box_of(geos,
                                       i == 0   ? 116.0
                                       : i == 1 ? 117.0
                                                : 117.0,
                                       35.9,
                                       i == 0   ? 118.0
                                       : i == 1 ? 117.0005
                                                : 117.001,
                                       36.1));
    land.ground       = ground;
    land.ridge        = ridge;
    pbf.ridge         = none;
    approved.approval = states;
    OK(tb_features_index(&land.features, heard));
    OK(tb_features_index(&pbf.features, heard));
    OK(tb_features_index(&approved.features, heard));
    OK(tb_holdings_measure(geos, parcel, &masks, &h, heard));
    assert_true(fabs(h.farmland_gross - unit) < 1e-3);
    assert_true(fabs(h.farmland_net - 0.9 * unit) < 1e-3);
    assert_true(fabs(h.other_agricultural - 1.1 * unit) < 1e-3);
    assert_true(fabs(h.construction - unit) < 1e-3);
    assert_true(fabs(h.unsurveyed - unit) < 1e-3);
    assert_true(fabs(h.pbf_gross - 2 * unit) < 1e-3); /* not on construction land */
    assert_true(fabs(h.pbf_net - 1.9 * unit) < 1e-3);
    assert_true(fabs(h.pbf_on_farmland - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.farmland_beyond_pbf - 0.45 * unit) < 1e-3);
    assert_true(fabs(h.approved - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.late - 0.5 * unit) < 1e-3);
    assert_true(fabs(h.farmland_unapproved - 0.45 * unit) < 1e-3);
    assert_true(fabs(h.pbf_unapproved - 1.9 * unit) < 1e-3);
    tb_features_reset(&land.features);
    tb_features_reset(&pbf.features);
    tb_features_reset(&approved.features);
    GEOSGeom_destroy_r(geos->handle, parcel);
    tb_geos_free(geos);
}

static void neighbours_make_a_cluster(void **state)
{
    tb_geos    *geos     = open_geos(state);
    tb_features features = {.geos = geos};
    size_t      cluster[5];
    double      north, east;

    tb_metres_per_degree(36.0, &north, &east);
    /* Gaps of 19 m east, 19 m north, then 21 m and far away. */
    add(&features, box_of(geos, 117.0, 36.0, 117.001, 36.001));
    add(&features, box_of(geos, 117.001 + 19 / east, 36.0, 117.002, 36.001));
    add(&features, box_of(geos, 117.0, 36.001 + 19 / north, 117.001, 36.002));
    add(&features, box_of(geos, 117.002 + 21 / east, 36.0, 117.003, 36.001));
    add(&features, box_of(geos, 118.0, 36.0, 118.001, 36.001));
    OK(tb_features_index(&features, heard));
    OK(tb_clusters_find(&features, 20.0, cluster, heard));
    assert_int_equal(cluster[0], 0);
    assert_int_equal(cluster[1], 0);
    assert_int_equal(cluster[2], 0);
    assert_int_equal(cluster[3], 3);
    assert_int_equal(cluster[4], 4);
    tb_features_reset(&features);
    tb_geos_free(geos);
}

/* ---- roles ---- */

static void the_field_map_is_read(void **state)
{
    tb_roles *roles;

    (void)state;
    OK(tb_roles_read(&roles, TUBAN_SOURCE_DIR "/profiles/fieldmap-survey.yaml", heard));
    assert_true(tb_roles_find(roles, "landuse")->refuses_empty);
    assert_true(tb_role_field_of(tb_roles_find(roles, "landuse"), "class") > 0);
    assert_int_equal(tb_role_field_of(tb_roles_find(roles, "pbf"), "class"), -1);
    assert_null(tb_roles_find(roles, "no such role"));
    tb_roles_free(roles);
}

static void every_allocation_may_fail(void **state)
{
    tb_roles *roles;
    long      n = 0;

    (void)state;
    do {
        size_t before = tb_memory_in_use();

        tb_memory_fail_at(++n);

        tb_status status =
            tb_roles_read(&roles, TUBAN_SOURCE_DIR "/profiles/fieldmap-survey.yaml", heard);

        assert_int_equal(status == TB_OK, !tb_memory_has_failed());
        if (status == TB_OK)
            tb_roles_free(roles);
        assert_int_equal(tb_memory_in_use(), before);
    } while (tb_memory_has_failed());
    tb_memory_fail_at(0);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_agree_with_the_national_formula),
        cmocka_unit_test(a_planar_square_off_the_meridian),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(areas_round_half_up),
        cmocka_unit_test(shared_ground_counts_once),
        cmocka_unit_test(holdings_of_a_parcel),
        cmocka_unit_test(neighbours_make_a_cluster),
        cmocka_unit_test(the_field_map_is_read),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
