#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_string.h>
#include <gdal.h>
#include <gdal_utils.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/boxtree.h"
#include "parcel/cluster.h"
#include "parcel/common.h"
#include "parcel/form.h"
#include "parcel/gpkg.h"
#include "parcel/overlay.h"
#include "parcel/plane.h"
#include "parcel/role.h"
#include "parcel/rtree.h"
#include "raster/capture.h"

#include "grounds.h"

static tb_error        last;
static tb_error *const heard = &last;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != TB_OK)                                                                       \
            fail_msg("%s", last.message);                                                          \
    } while (0)

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

/* Pieces of an edge add up to it, and many short ones are what the formula makes of them. */
static void pieces_of_an_edge_add_up(void **state)
{
    enum { CASES = 20000, PIECES = 256 };
    uint64_t seed = 11;

    (void)state;
    for (int n = 0; n < CASES; n++) {
        double        latitude = random_between(&seed, -60, 60);
        double        far      = n % 4 == 0 ? 3.0 : n % 4 == 1 ? 0.03 : 1e-3; /* degrees */
        tb_area_place near     = tb_area_place_of(latitude);
        double        a[] = {random_between(&seed, -far, far), random_between(&seed, -far, far)};
        double        b[] = {random_between(&seed, -far, far), random_between(&seed, -far, far)};
        double        at  = random_between(&seed, 0, 1);
        double        c[] = {a[0] + at * (b[0] - a[0]), a[1] + at * (b[1] - a[1])};
        double        all = tb_area_along_edge(&near, a, b), sum = 0.0;
        double        size = 1.2e10 * far * far;

        sum = tb_area_along_edge(&near, a, c) + tb_area_along_edge(&near, c, b);
        if (!(fabs(all - sum) <= 4e-15 * size + 1e-9))
            fail_msg("case %d: %.12g of an edge, its pieces differ by %g", n, all, sum - all);
        if (n % 16 != 2)
            continue;
        sum = 0.0;
        for (int i = 0; i < PIECES; i++) {
            double from[] = {a[0] + (b[0] - a[0]) * i / PIECES, a[1] + (b[1] - a[1]) * i / PIECES};
            double to[]   = {a[0] + (b[0] - a[0]) * (i + 1) / PIECES,
                             a[1] + (b[1] - a[1]) * (i + 1) / PIECES};

            sum += tb_area_of_edge(&near, from, to);
        }
        if (!(fabs(all - sum) <= 1e-6))
            fail_msg("case %d: %.9f of an edge, %.9f by the formula", n, all, sum);
    }
}

static void areas_round_half_up(void **state)
{
    (void)state;
    assert_int_equal(tb_area_dm2(3333.325), 333333);
    assert_int_equal(tb_area_dm2(3333.3249), 333332);
    assert_int_equal(tb_area_dm2(0.0), 0);
    assert_int_equal(tb_area_dm2(0.005), 1);
}

static OGRCoordinateTransformationH way_from(int epsg)
{
    OGRSpatialReferenceH from = OSRNewSpatialReference(NULL), to = OSRNewSpatialReference(NULL);
    OGRCoordinateTransformationH way;

    OSRImportFromEPSG(from, epsg);
    OSRImportFromEPSG(to, 4490);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    way = OCTNewCoordinateTransformation(from, to);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    return way;
}

/* Every snapped coordinate is PROJ's, to the last bit: at the middle and the edges of zones. */
static void a_plane_is_where_proj_says(void **state)
{
    static const int    zones[]      = {4513, 4528, 4533, 4538, 4549, 4507};
    static const double eastings[]   = {25.5e6, 40.5e6, 45.5e6, 5e5, 5e5, 5e5};
    const int           per_place    = 4000;
    uint64_t            seed         = 77;
    int64_t             points_count = 0;

    (void)state;
    for (int z = 0; z < 6; z++) {
        OGRCoordinateTransformationH way = way_from(zones[z]);
        tb_plane                    *plane;

        OK(tb_plane_new(&plane, way_from(zones[z]), 1.0, true, heard));
        for (int place = 0; place < 12; place++) {
            double east  = eastings[z] + random_between(&seed, -3e5, 3e5);
            double north = random_between(&seed, 2e6, 5.9e6);

            for (int n = 0; n < per_place; n += 4) {
                double p[8], x[4], y[4];
                bool   has_all;

                for (int i = 0; i < 4; i++) {
                    p[2 * i]     = east + random_between(&seed, 0, 9000);
                    p[2 * i + 1] = north + random_between(&seed, 0, 9000);
                    x[i]         = p[2 * i];
                    y[i]         = p[2 * i + 1];
                }
                OK(tb_plane_bring(plane, p, 4, &has_all, heard));
                assert_true(has_all && OCTTransform(way, 4, x, y, NULL));
                for (int i = 0; i < 4; i++) {
                    assert_true(p[2 * i] == tb_degree_snapped(x[i]));
                    assert_true(p[2 * i + 1] == tb_degree_snapped(y[i]));
                }
                points_count += 4;
            }
        }
        print_message("zone %d: %.1f %% of the points by polynomials\n", zones[z],
                      100.0 * tb_plane_share(plane));
        assert_true(tb_plane_share(plane) > 0.8);
        tb_plane_free(plane);
        OCTDestroyCoordinateTransformation(way);
    }
    assert_int_equal(points_count, 6 * 12 * per_place);
}

static void neighbours_make_a_cluster(void **state)
{
    tb_geos    *geos     = open_geos(state);
    tb_features features = {.geos = geos};
    size_t      cluster[5];
    double      north, east;

    tb_metres_per_degree(36.0, &north, &east);
    /* Gaps of 19 m east, 19 m north, then 21 m and far away. */
    add_ground(&features, box_of(geos, 117.0, 36.0, 117.001, 36.001));
    add_ground(&features, box_of(geos, 117.001 + 19 / east, 36.0, 117.002, 36.001));
    add_ground(&features, box_of(geos, 117.0, 36.001 + 19 / north, 117.001, 36.002));
    add_ground(&features, box_of(geos, 117.002 + 21 / east, 36.0, 117.003, 36.001));
    add_ground(&features, box_of(geos, 118.0, 36.0, 118.001, 36.001));
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

/* A rectangle of 40 x 10 m turned by 30 degrees, and an L of three of its squares. */
static void forms_are_those_of_the_least_rectangle(void **state)
{
    tb_geos *geos = open_geos(state);
    double   north, east;
    tb_form  form;

    tb_metres_per_degree(36.0, &north, &east);
    for (int k = 0; k < 2; k++) {
        static const double corners[2][7][2] = {
            {{0, 0}, {40, 0}, {40, 10}, {0, 10}, {0, 0}},
            {{0, 0}, {20, 0}, {20, 10}, {10, 10}, {10, 20}, {0, 20}, {0, 0}}};
        unsigned           count  = k == 0 ? 5 : 7;
        GEOSCoordSequence *points = GEOSCoordSeq_create_r(geos->handle, count, 2);
        GEOSGeometry      *polygon;

        for (unsigned i = 0; i < count; i++) {
            double x = corners[k][i][0], y = corners[k][i][1], c = sqrt(0.75), s = 0.5;

            GEOSCoordSeq_setXY_r(geos->handle, points, i, 117.0 + (c * x - s * y) / east,
                                 36.0 + (s * x + c * y) / north);
        }
        polygon = GEOSGeom_createPolygon_r(
            geos->handle, GEOSGeom_createLinearRing_r(geos->handle, points), NULL, 0);
        OK(tb_form_measure(geos, polygon, &form, heard));
        assert_true(fabs(form.rectangularity - (k == 0 ? 1.0 : 0.75)) < 1e-4);
        assert_true(fabs(form.elongation - (k == 0 ? 4.0 : 1.0)) < 1e-3);
        GEOSGeom_destroy_r(geos->handle, polygon);
    }
    tb_geos_free(geos);
}

/* ---- layers ---- */

enum { GRID_SIDE = 40 };

/* A GeoPackage of squares of a thousandth of a degree, GRID_SIDE a side, and what is wrong after.
 */
static void make_survey(const char *path)
{
    static const char *const wrong[] = {
        "POLYGON((110 30,110.001 30.001,110.001 30,110 30.001,110 30))",      /* a bow tie */
        "POLYGON((110.01 30,110.02 30,110.01 30))",                           /* no area */
        "POLYGON Z((110.03 30 1,110.031 30 2,110.031 30.001 3,110.03 30 1))", /* heights */
        "CURVEPOLYGON(CIRCULARSTRING(110.05 30,110.051 30.001,110.05 30))",   /* arcs */
        ("POLYGON((110.07 30,110.08 30,110.08 30.01,110.07 30.01,110.07 30),"
         "(110.072 30.002,110.074 30.002,110.074 30.004,110.072 30.002))"),          /* winding */
        "POLYGON((110.0735 30.0001,110.08 30.0001,110.08 30.001,110.0735 30.0001))", /* overlap */
        "POLYGON((110.031 30,110.031 30.001,110.03 30,110.031 30))", /* a duplicate */
    };
    GDALDriverH          driver = GDALGetDriverByName("GPKG");
    GDALDatasetH         file   = GDALCreate(driver, path, 0, 0, 0, GDT_Unknown, NULL);
    OGRSpatialReferenceH crs    = OSRNewSpatialReference(NULL);
    OGRLayerH            layer;
    OGRFieldDefnH        field = OGR_Fld_Create("TBMJ", OFTReal);

    OSRImportFromEPSG(crs, 4490);
    OSRSetAxisMappingStrategy(crs, OAMS_TRADITIONAL_GIS_ORDER);
    layer = GDALDatasetCreateLayer(file, "DLTB", crs, wkbUnknown, NULL);
    OGR_L_CreateField(layer, field, 1);
    OGR_Fld_Destroy(field);
    assert_int_equal(OGR_L_StartTransaction(layer), OGRERR_NONE);
    for (int i = 0; i < GRID_SIDE * GRID_SIDE + (int)(sizeof wrong / sizeof *wrong) + 1; i++) {
        OGRFeatureH  feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH shape   = NULL;
        int          other   = i - GRID_SIDE * GRID_SIDE;
        char         text[300];
        double       x = 110.1 + 0.001 * (i % GRID_SIDE), y = 30.0 + 0.001 * (i / GRID_SIDE);

        snprintf(text, sizeof text, "POLYGON((%.3f %.3f,%.3f %.3f,%.3f %.3f,%.3f %.3f,%.3f %.3f))",
                 x, y, x + 0.001, y, x + 0.001, y + 0.001, x, y + 0.001, x, y);
        if (other < (int)(sizeof wrong / sizeof *wrong)) { /* the last has no geometry at all */
            char *wkt = other < 0 ? text : (char *)wrong[other];

            assert_int_equal(OGR_G_CreateFromWkt(&wkt, NULL, &shape), OGRERR_NONE);
            OGR_F_SetGeometryDirectly(feature, shape);
        }
        if (i == 5)
            OGR_F_SetFieldDouble(feature, 0, 12345.0);
        assert_int_equal(OGR_L_CreateFeature(layer, feature), OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    assert_int_equal(OGR_L_CommitTransaction(layer), OGRERR_NONE);
    GDALClose(file);
    OSRDestroySpatialReference(crs);
}

static const tb_role survey_role = {.name        = (char *)"landuse",
                                    .field_count = 1,
                                    .fields = {{.names = {(char *)"TBMJ"}, .key = (char *)"area"}}};

static void read_survey(const char *path, tb_features *to, const tb_features *reach,
                        const char *where)
{
    const tb_layer_source source = {.path = path, .where = where};
    tb_layer             *layer;

    OK(tb_layer_open(&layer, &source, &survey_role, heard));
    OK(tb_layer_read(layer, reach, to, heard));
    tb_layer_close(layer);
}

static void what_is_wrong_with_a_layer_is_logged(void **state)
{
    static const int expected[TB_FINDINGS] = {
        [TB_FINDING_NO_GEOMETRY] = 1, [TB_FINDING_INVALID] = 1, [TB_FINDING_LOST] = 1,
        [TB_FINDING_CURVE] = 1,       [TB_FINDING_HEIGHT] = 1,  [TB_FINDING_WINDING] = 1,
        [TB_FINDING_DUPLICATE] = 1,   [TB_FINDING_OVERLAP] = 1, [TB_FINDING_AREA] = 1,
    };
    char        path[64];
    tb_geos    *geos = open_geos(state);
    tb_qc       qc   = {0};
    tb_features all  = {.geos = geos, .qc = &qc};

    snprintf(path, sizeof path, "/tmp/tuban-qc-%ld.gpkg", (long)getpid());
    remove(path);
    GDALAllRegister();
    make_survey(path);
    OK(tb_qc_begin(&qc, path, "DLTB", "landuse", heard));
    read_survey(path, &all, NULL, NULL);
    OK(tb_features_check(&all, 0, 0, true, heard));
    for (int f = 0; f < TB_FINDINGS; f++)
        if (qc.layer[0].found[f] != expected[f])
            fail_msg("%s: expected %d, got %d", tb_finding_name((tb_finding)f), expected[f],
                     (int)qc.layer[0].found[f]);
    assert_true(qc.layer[0].is_whole);
    assert_int_equal(qc.row_count, TB_FINDINGS);
    for (size_t i = 0; i < qc.row_count; i++)
        if (qc.row[i].finding == TB_FINDING_INVALID) {
            assert_int_equal(qc.row[i].fid, GRID_SIDE * GRID_SIDE + 1);
            assert_non_null(strstr(qc.row[i].detail, "Self-intersection"));
            assert_true(qc.row[i].after_m2 > 5000.0); /* two triangles of a quarter each */
        }
    tb_features_reset(&all);
    tb_qc_reset(&qc);
    remove(path);
    tb_geos_free(geos);
}

static const GEOSGeometry *geometry_of(tb_geos *geos, tb_feature *feature)
{
    const GEOSGeometry *geometry;

    OK(tb_feature_geometry(geos, feature, &geometry, heard));
    return geometry;
}

/* Through the index and without it the same features are found, in the same order. */
static void looking_around_finds_what_reading_all_finds(void **state)
{
    char        path[64];
    tb_geos    *geos  = open_geos(state);
    tb_qc       qc    = {0};
    tb_features reach = {.geos = geos}, few = {.geos = geos, .qc = &qc}, all = {.geos = geos};
    tb_features filtered = {.geos = geos};
    size_t      wanted   = 0;

    snprintf(path, sizeof path, "/tmp/tuban-qc-%ld.gpkg", (long)getpid());
    remove(path);
    GDALAllRegister();
    make_survey(path);
    for (int i = 0; i < 12; i++) {
        double x = 110.1 + 0.003 * i + 0.0005, y = 30.0 + 0.0027 * (i * 5 % 12);

        OK(tb_features_add(&reach,
                           GEOSGeom_createRectangle_r(geos->handle, x, y, x + 0.0009, y + 0.0004),
                           i, heard));
    }
    OK(tb_features_index(&reach, heard));
    OK(tb_qc_begin(&qc, path, "DLTB", "landuse", heard));
    read_survey(path, &few, &reach, NULL);
    read_survey(path, &all, NULL, NULL);
    assert_false(qc.layer[0].is_whole);
    read_survey(path, &filtered, &reach, "fid > 0"); /* GDAL's filter, look by look */
    assert_int_equal(filtered.count, few.count);
    for (size_t i = 0; i < few.count; i++)
        assert_true(filtered.feature[i].fid == few.feature[i].fid);
    tb_features_reset(&filtered);
    assert_true(few.count > 12 && few.count < all.count / 5);
    for (size_t i = 1; i < few.count; i++)
        assert_true(few.feature[i - 1].fid < few.feature[i].fid);
    for (size_t i = 0; i < all.count; i++) {
        bool touches = false;
        bool is_read = wanted < few.count && few.feature[wanted].fid == all.feature[i].fid;

        for (size_t k = 0; k < reach.count; k++)
            touches |= GEOSIntersects_r(geos->handle, reach.feature[k].geometry,
                                        geometry_of(geos, &all.feature[i])) == 1;
        assert_true(is_read || !touches);
        wanted += is_read;
    }
    assert_int_equal(wanted, few.count);
    tb_features_reset(&few);
    tb_features_reset(&all);
    tb_features_reset(&reach);
    tb_qc_reset(&qc);
    remove(path);
    tb_geos_free(geos);
}

/* ---- tables ---- */

enum { ROWS = 4000, COLUMNS = 7 };

/* A text in WKT with every place moved. */
static void move_wkt(const char *wkt, double x, double y, char *out, size_t size)
{
    int    axis = 0;
    size_t used = 0;

    while (*wkt != '\0') {
        char *end;

        if (*wkt >= '0' && *wkt <= '9') {
            double value = strtod(wkt, &end);

            used += (size_t)snprintf(out + used, size - used, "%.1f",
                                     value + (axis == 0   ? x
                                              : axis == 1 ? y
                                                          : 0.0));
            axis++;
            wkt = end;
        } else {
            axis        = *wkt == '(' || *wkt == ',' ? 0 : axis;
            out[used++] = *wkt++;
        }
        assert_true(used + 1 < size);
    }
    out[used] = '\0';
}

/* Of all kinds that a table may have, near a place of a plane; NULL: none. */
static OGRGeometryH shape_of(int row)
{
    static const char *const kinds[] = {
        "POLYGON((0 0,50 0,50 40,20 60,0 50,0 0))",
        "POLYGON((0 0,0 50,20 60,50 40,50 0,0 0))",
        "MULTIPOLYGON(((0 0,50 0,50 40,20 60,0 50,0 0)))",
        "POLYGON((0 0,60 0,60 60,0 60,0 0),(10 10,10 20,20 20,20 10,10 10))",
        "MULTIPOLYGON(((0 0,20 0,20 20,0 0)),((30 0,50 0,50 20,30 0)))",
        "POLYGON Z((0 0 1,50 0 2,50 40 3,0 0 1))",
        "POLYGON((0 0,250 0,250 40,0 40,0 0))", /* an edge to be cut */
        "POLYGON((0 0,50 50,50 0,0 50,0 0))",
        "POLYGON((0 0,50 0,50 0,50 50,0 0))",
        "GEOMETRYCOLLECTION(POLYGON((0 0,50 0,50 50,0 0)),POINT(1 1))",
        "LINESTRING(0 0,50 50)",
        "CURVEPOLYGON(CIRCULARSTRING(0 0,50 50,0 0))",
        "POLYGON EMPTY",
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    char         moved[400], *wkt = moved;
    OGRGeometryH shape = NULL;

    if (row % 17 == 16)
        return NULL;
    move_wkt(kinds[row % KINDS], 500000.0 + 97.0 * (row % 64), 4000000.0 + 83.0 * (row / 64), moved,
             sizeof moved);
    assert_int_equal(OGR_G_CreateFromWkt(&wkt, NULL, &shape), OGRERR_NONE);
    return shape;
}

/* A GeoPackage whose names want quotes and whose columns are of many types. */
static void make_table(const char *path)
{
    static const struct {
        const char     *name;
        OGRFieldType    type;
        OGRFieldSubType subtype;
    } columns[COLUMNS] = {{"BSM", OFTString, OFSTNone},         {"whole", OFTInteger, OFSTNone},
                          {"long one", OFTInteger64, OFSTNone}, {"share", OFTReal, OFSTNone},
                          {"flag", OFTInteger, OFSTBoolean},    {"day", OFTDate, OFSTNone},
                          {"select", OFTString, OFSTNone}};
    GDALDatasetH file  = GDALCreate(GDALGetDriverByName("GPKG"), path, 0, 0, 0, GDT_Unknown, NULL);
    OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);
    OGRLayerH            layer;

    OSRImportFromEPSG(crs, 4549); /* central meridian 120, no zone */
    layer = GDALDatasetCreateLayer(file, "DL-TB of 'a'", crs, wkbUnknown, NULL);
    for (int f = 0; f < COLUMNS; f++) {
        OGRFieldDefnH field = OGR_Fld_Create(columns[f].name, columns[f].type);

        OGR_Fld_SetSubType(field, columns[f].subtype);
        OGR_L_CreateField(layer, field, 1);
        OGR_Fld_Destroy(field);
    }
    assert_int_equal(OGR_L_StartTransaction(layer), OGRERR_NONE);
    for (int i = 0; i < ROWS; i++) {
        OGRFeatureH  feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH shape   = shape_of(i);
        char         text[32];

        if (shape != NULL)
            OGR_F_SetGeometryDirectly(feature, shape);
        snprintf(text, sizeof text, "%s%.0d", i % 7 ? "地类 " : "", i % 7 ? ROWS - i : 0);
        if (i % 5)
            OGR_F_SetFieldString(feature, 0, text);
        OGR_F_SetFieldInteger(feature, 1, i - 7);
        OGR_F_SetFieldInteger64(feature, 2, (GIntBig)1 << (i % 60));
        OGR_F_SetFieldDouble(feature, 3, i % 3 ? i / 7.0 : i * 1e17);
        if (i % 2)
            OGR_F_SetFieldInteger(feature, 4, i % 4 == 1);
        if (i % 11 == 0)
            OGR_F_SetFieldDateTime(feature, 5, 2024, 1 + i % 12, 3, 0, 0, 0, 0);
        OGR_F_SetFieldString(feature, 6, "where");
        assert_int_equal(OGR_L_CreateFeature(layer, feature), OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    assert_int_equal(OGR_L_CommitTransaction(layer), OGRERR_NONE);
    GDALClose(file);
    OSRDestroySpatialReference(crs);
}

static tb_role table_role(bool has_days)
{
    static const char *const names[COLUMNS] = {"BSM",  "whole",  "long one", "share",
                                               "flag", "select", "day"};
    tb_role role = {.name = (char *)"landuse", .field_count = has_days ? COLUMNS : COLUMNS - 1};

    for (int f = 0; f < role.field_count; f++)
        role.fields[f] = (tb_role_field){.names = {(char *)names[f]}, .key = (char *)names[f]};
    return role;
}

/* Looks for what is near 15 places. */
static void reach_places(tb_geos *geos, tb_features *reach)
{
    for (int i = 0; i < 15; i++) {
        double x = 120.0005 + 0.0045 * i, y = 36.125 + 0.003 * (i * 7 % 15);

        OK(tb_features_add(reach,
                           GEOSGeom_createRectangle_r(geos->handle, x, y, x + 0.002, y + 0.0015), i,
                           heard));
    }
    OK(tb_features_index(reach, heard));
}

static void same_features(tb_geos *geos, const tb_features *a, const tb_features *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->repaired, b->repaired);
    for (size_t i = 0; i < a->count; i++) {
        tb_feature         *p = &a->feature[i], *q = &b->feature[i];
        const GEOSGeometry *one, *other;
        const tb_rings     *rings, *others;

        assert_true(p->fid == q->fid);
        assert_true(tb_feature_area(geos, p) == tb_feature_area(geos, q));
        OK(tb_feature_rings(geos, p, &rings, heard));
        OK(tb_feature_rings(geos, q, &others, heard));
        one   = geometry_of(geos, p);
        other = geometry_of(geos, q);
        assert_int_equal(GEOSGeomTypeId_r(geos->handle, one),
                         GEOSGeomTypeId_r(geos->handle, other));
        assert_int_equal(GEOSEqualsExact_r(geos->handle, one, other, 0.0), 1);
        assert_true(tb_feature_area(geos, p) == tb_area_of_geometry(geos, other));
        assert_int_equal(rings->point_count, others->point_count);
        assert_memory_equal(rings->points, others->points,
                            rings->point_count * sizeof *rings->points);
        for (int f = 0; f < a->field_count; f++) {
            assert_int_equal(p->text[f] == NULL, q->text[f] == NULL);
            if (p->text[f] != NULL)
                assert_string_equal(p->text[f], q->text[f]);
        }
    }
}

/* What SQLite gives of a table and what GDAL does are the same, whatever rows and columns are; and
 * what is kept as a ring is the polygon of the file. */
static void rows_are_those_of_gdal(void **state)
{
    char        path[64];
    tb_geos    *geos  = open_geos(state);
    tb_features reach = {.geos = geos};

    snprintf(path, sizeof path, "/tmp/tuban-rows-%ld.gpkg", (long)getpid());
    remove(path);
    GDALAllRegister();
    make_table(path);
    reach_places(geos, &reach);
    for (int has_days = 0; has_days < 2; has_days++) {
        tb_role     role    = table_role(has_days);
        tb_qc       qc[2]   = {{0}};
        tb_features read[2] = {{.geos = geos, .qc = &qc[0]}, {.geos = geos, .qc = &qc[1]}};
        int         rings   = 0;

        for (int k = 0; k < 2; k++) { /* with a filter GDAL is asked */
            tb_layer_source source = {.path = path, .where = k == 1 ? "1 = 1" : NULL};
            tb_layer       *layer;

            OK(tb_qc_begin(&qc[k], path, "DLTB", "landuse", heard));
            OK(tb_layer_open(&layer, &source, &role, heard));
            assert_true(tb_layer_has_few(layer, reach.count));
            OK(tb_layer_read(layer, &reach, &read[k], heard));
            tb_layer_close(layer);
        }
        for (size_t i = 0; i < read[0].count; i++)
            rings += read[0].feature[i].geometry == NULL;
        print_message("rows: %zu features, %d of one ring, %d repaired\n", read[0].count, rings,
                      (int)read[0].repaired);
        assert_true(read[0].count > 60 && rings > 20 && rings < (int)read[0].count);
        assert_true(read[0].repaired > 5);
        same_features(geos, &read[0], &read[1]);
        assert_memory_equal(qc[0].layer[0].found, qc[1].layer[0].found,
                            sizeof qc[0].layer[0].found);
        for (int k = 0; k < 2; k++) {
            tb_features_reset(&read[k]);
            tb_qc_reset(&qc[k]);
        }
    }
    tb_features_reset(&reach);
    remove(path);
    tb_geos_free(geos);
}

static void change_root(const char *path, const char *bytes)
{
    GDALDatasetH file = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_UPDATE, NULL, NULL, NULL);
    char         sql[300];
    OGRLayerH    answer;

    snprintf(sql, sizeof sql, "UPDATE \"rtree_DLTB_geom_node\" SET data = x'%s' WHERE nodeno = 1",
             bytes);
    answer = GDALDatasetExecuteSQL(file, sql, NULL, NULL);
    if (answer != NULL)
        GDALDatasetReleaseResultSet(file, answer);
    GDALClose(file);
}

/* An index that is no tree: it leads in a circle, is cut off, or says it is endlessly deep. */
static void a_damaged_index_is_not_walked(void **state)
{
    static const char *const roots[] = {
        "00280003"
        "0000000000000001c333000043340000c2b4000042b40000"
        "0000000000000001c333000043340000c2b4000042b40000"
        "0000000000000001c333000043340000c2b4000042b40000",
        "000000020000000000000001c3340000",
        "7fff0000",
        "00",
    };
    char            path[64];
    tb_look         look   = {{110.1, 30.0}, {110.102, 30.002}};
    tb_hunt         hunt   = {.boxes = &look, .count = 1};
    tb_layer_source source = {.path = path};
    const int       none   = -1;

    (void)state;
    snprintf(path, sizeof path, "/tmp/tuban-index-%ld.gpkg", (long)getpid());
    GDALAllRegister();
    for (int i = -1; i < (int)(sizeof roots / sizeof *roots); i++) {
        tb_gpkg_want want  = {.path = path, .field = &none, .field_count = 1, .has_shape = true};
        tb_gpkg     *table = NULL;
        GDALDatasetH file;
        int64_t     *numbers;
        size_t       count;

        remove(path);
        make_survey(path);
        if (i >= 0)
            change_root(path, roots[i]);
        file = GDALOpenEx(source.path, GDAL_OF_VECTOR, NULL, NULL, NULL);
        OK(tb_gpkg_open(&table, file, GDALDatasetGetLayer(file, 0), &want, heard));
        assert_non_null(table);
        OK(tb_rtree_find(table, &hunt, 4000, &numbers, &count, heard));
        assert_int_equal(numbers != NULL, i < 0);
        assert_int_equal(count, i < 0 ? 9 : 0);
        tb_free(numbers);
        tb_gpkg_close(table);
        GDALClose(file);
    }
    remove(path);
}

/* ---- boxes ---- */

static bool mark(void *context, size_t number)
{
    int *seen = context;

    seen[number]++;
    return true;
}

static bool stop_at_once(void *context, size_t number)
{
    (void)number;
    ++*(int *)context;
    return false;
}

/* A tree finds each box that meets another, once, borders too, and no others. */
static void a_tree_finds_what_looking_at_all_finds(void **state)
{
    enum { MOST = 700, TIMES = 400 };
    static tb_box boxes[MOST];
    static int    seen[MOST];
    uint64_t      seed = 5;

    (void)state;
    for (int n = 0; n < TIMES; n++) {
        size_t      count = (size_t)random_between(&seed, 0, n % 4 ? 20 : MOST);
        tb_boxtree *tree;
        tb_box      asked;
        int         found = 0, told = 0;

        for (size_t i = 0; i <= count; i++) {
            tb_box *to   = i < count ? &boxes[i] : &asked;
            double  wide = random_between(&seed, 0, n % 3 ? 3 : 60);

            to->low  = (tb_point){floor(random_between(&seed, 0, 100)),
                                  floor(random_between(&seed, 0, 100))};
            to->high = (tb_point){to->low.x + floor(wide), to->low.y + floor(wide / 2)};
        }
        memset(seen, 0, sizeof seen);
        OK(tb_boxtree_new(&tree, boxes, count, heard));
        tb_boxtree_find(tree, asked, mark, seen);
        tb_boxtree_find(tree, asked, stop_at_once, &told);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(seen[i], !tb_boxes_apart(boxes[i], asked));
            found += seen[i];
        }
        assert_int_equal(told, found > 0);
        tb_boxtree_free(tree);
    }
    tb_boxtree_find(NULL, boxes[0], mark, seen);
    tb_boxtree_free(NULL);
}

/* ---- texts ---- */

static void count_text(void *context, const char *text)
{
    *(int64_t *)context += text == NULL || strcmp(text, "12345") != 0;
}

static void count_all(void *context, const char *text)
{
    (void)text;
    ++*(int64_t *)context;
}

/* Spread over all numbers as many are heard as there are, each once, of a file that finds them. */
static void texts_are_heard_here_and_there(void **state)
{
    static const char *const drivers[] = {"GPKG", "FlatGeobuf", "ESRI Shapefile"};
    static const char *const endings[] = {"gpkg", "fgb", "shp"};
    char                     path[64], other[64];

    (void)state;
    snprintf(path, sizeof path, "/tmp/tuban-spread-%ld.gpkg", (long)getpid());
    remove(path);
    GDALAllRegister();
    make_survey(path);
    for (int i = 0; i < 3; i++) {
        tb_layer_source source = {.path = i == 0 ? path : other};
        tb_layer       *layer;
        int64_t         told = 0, spread = 0, few = 0, none = 0;

        if (i > 0) {
            char       **options            = CSLAddString(CSLAddString(NULL, "-f"), drivers[i]);
            GDALDatasetH from               = GDALOpenEx(path, GDAL_OF_VECTOR, NULL, NULL, NULL);
            GDALVectorTranslateOptions *how = GDALVectorTranslateOptionsNew(options, NULL);

            snprintf(other, sizeof other, "/tmp/tuban-spread-%ld.%s", (long)getpid(), endings[i]);
            GDALClose(GDALVectorTranslate(other, NULL, 1, &from, how, NULL));
            GDALVectorTranslateOptionsFree(how);
            CSLDestroy(options);
            GDALClose(from);
        }
        OK(tb_layer_open(&layer, &source, &survey_role, heard));
        OK(tb_layer_texts(layer, 0, -1, count_text, &told, heard));
        OK(tb_layer_texts_spread(layer, 0, 1 << 20, count_text, &spread, heard));
        OK(tb_layer_texts_spread(layer, 0, 2, count_all, &few, heard));
        assert_int_equal(spread, told);
        assert_int_equal(few, 2);
        tb_layer_close(layer);
        source.where = "1 = 1";
        OK(tb_layer_open(&layer, &source, &survey_role, heard));
        OK(tb_layer_texts_spread(layer, 0, 1000, count_all, &none, heard));
        assert_int_equal(none, 0);
        tb_layer_close(layer);
        if (i > 0)
            GDALDeleteDataset(GDALGetDriverByName(drivers[i]), other);
    }
    remove(path);
}

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

/* Reading around a reach and measuring it, with the Nth allocation failing: an error if and only if
 * it was hit, nothing left behind, and the same areas when none is. */
static void reading_and_measuring_survive_faults(void **state)
{
    char        path[64];
    tb_geos    *geos  = open_geos(state);
    tb_features reach = {.geos = geos};
    double      right = -1.0;
    long        n     = 0;

    snprintf(path, sizeof path, "/tmp/tuban-faults-%ld.gpkg", (long)getpid());
    remove(path);
    GDALAllRegister();
    make_survey(path);
    for (int i = 0; i < 3; i++) {
        double x = 110.1 + 0.003 * i, y = 30.0 + 0.0027 * i;

        OK(tb_features_add(&reach,
                           GEOSGeom_createRectangle_r(geos->handle, x, y, x + 0.0017, y + 0.0014),
                           i, heard));
    }
    OK(tb_features_index(&reach, heard));
    do {
        tb_layer_source source = {.path = path, .layer = "DLTB"};
        tb_layer       *layer  = NULL;
        tb_features     mask   = {.geos = geos};
        size_t          before = tb_memory_in_use();
        double          sum    = 0.0, area;
        tb_status       status;

        tb_memory_fail_at(++n);
        status = tb_layer_open(&layer, &source, NULL, heard);
        if (status == TB_OK)
            status = tb_layer_read(layer, &reach, &mask, heard);
        if (status == TB_OK)
            status = tb_features_index(&mask, heard);
        for (size_t i = 0; i < reach.count && status == TB_OK; i++) {
            status = tb_overlay_area(geos, reach.feature[i].geometry, &mask, &area, heard);
            sum += area;
        }
        assert_int_equal(status == TB_OK, !tb_memory_has_failed());
        tb_bench_free(geos->bench); /* the context would keep it */
        geos->bench = NULL;
        right       = status == TB_OK ? sum : right;
        tb_features_reset(&mask);
        tb_layer_close(layer);
        assert_int_equal(tb_memory_in_use(), before);
    } while (tb_memory_has_failed());
    tb_memory_fail_at(0);
    print_message("faults: %ld allocations, %.3f m2\n", n, right);
    assert_true(n > 30 && right > 1000.0);
    tb_features_reset(&reach);
    remove(path);
    tb_geos_free(geos);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_agree_with_the_national_formula),
        cmocka_unit_test(a_planar_square_off_the_meridian),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(pieces_of_an_edge_add_up),
        cmocka_unit_test(areas_round_half_up),
        cmocka_unit_test(a_plane_is_where_proj_says),
        cmocka_unit_test(neighbours_make_a_cluster),
        cmocka_unit_test(forms_are_those_of_the_least_rectangle),
        cmocka_unit_test(what_is_wrong_with_a_layer_is_logged),
        cmocka_unit_test(looking_around_finds_what_reading_all_finds),
        cmocka_unit_test(rows_are_those_of_gdal),
        cmocka_unit_test(a_damaged_index_is_not_walked),
        cmocka_unit_test(a_tree_finds_what_looking_at_all_finds),
        cmocka_unit_test(texts_are_heard_here_and_there),
        cmocka_unit_test(the_field_map_is_read),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(reading_and_measuring_survive_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
