/* Features laid straight into the pages of a GeoPackage, against those GDAL adds one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <cpl_error.h>
#include <gdal.h>
#include <ogr_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "publish/vector.h"
#include "scenes.h"

static char bulk_path[200], plain_path[200];

static int make_folder(void **state)
{
    (void)state;
    GDALAllRegister();
    CPLPushErrorHandler(CPLQuietErrorHandler);
    folder_begin();
    in_folder("bulk.gpkg", bulk_path, sizeof bulk_path);
    in_folder("plain.gpkg", plain_path, sizeof plain_path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_end();
    CPLPopErrorHandler();
    return 0;
}

static const tb_vector_field fields[] = {{"id", "编号", TB_VECTOR_INTEGER, 0, 0},
                                         {"amount", NULL, TB_VECTOR_INTEGER, 0, 0},
                                         {"share", NULL, TB_VECTOR_REAL, 0, 0}};

/* Integers of every width SQLite stores, on both sides of its bounds. */
static int64_t some_integer(uint64_t *seed)
{
    int     bits  = (int)(random_next(seed) % 64);
    int64_t power = bits == 63 ? INT64_MAX : INT64_C(1) << bits;
    int64_t step  = (int64_t)(random_next(seed) % 3);
    int64_t size  = power == INT64_MAX ? power - step : power + step - 1;

    return random_next(seed) % 2 == 0 ? size : -size - 1;
}

/* Saw-toothed polygons of 3 to `most` corners; the same for the same seed. */
static tb_status add_features(tb_vector *vector, int layer, int count, int most, uint64_t seed,
                              tb_error *err)
{
    tb_status status = TB_OK;
    double   *points = malloc(2 * ((size_t)most + 1) * sizeof *points);

    for (int i = 0; i < count; i++) {
        size_t            corners   = 3 + random_next(&seed) % (uint64_t)(most - 2);
        double            x         = (double)(random_next(&seed) % 1000000) / 7 - 50000;
        double            y         = (double)(random_next(&seed) % 1000000) / 3;
        tb_ring           ring      = {0, corners};
        tb_polygon        polygon   = {0, 1};
        tb_vector_outline outline   = {points, &ring, &polygon, 1, NULL, NULL};
        tb_vector_value   values[3] = {{.is_set = true, .integer = i * INT64_C(1000)},
                                       {.is_set = true, .integer = some_integer(&seed)},
                                       {.is_set = i % 5 != 0, .real = (double)i / 3}};

        for (size_t c = 0; c < corners; c++) {
            points[2 * c]     = x + (double)c;
            points[2 * c + 1] = y + (c == 0 ? 0.0 : c % 2 == 0 ? 2.0 : 1.0);
        }
        points[2 * (corners - 1)] = x;
        points[2 * corners - 1]   = y + 10;
        TB_TRY(tb_vector_add(vector, layer, &outline, values, err));
    }
done:
    free(points);
    return status;
}

static tb_status write_layer(const char *path, bool is_bulk, int count, int most, uint64_t seed,
                             tb_error *err)
{
    tb_status         status  = TB_OK;
    tb_vector        *vector  = NULL;
    tb_vector_options options = {
        .driver = "GPKG", .date = "2024-03-31T00:00:00.000Z", .is_bulk = is_bulk};
    tb_vector_layer layer = {.name        = "it's",
                             .geometry    = TB_VECTOR_MULTIPOLYGON,
                             .crs         = "EPSG:4528",
                             .fields      = fields,
                             .field_count = 3};
    int             number;

    TB_TRY(tb_vector_create(&vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(vector, &layer, &number, err));
    TB_TRY(add_features(vector, number, count, most, seed, err));
    TB_TRY(tb_vector_finish(vector, err));
done:
    tb_vector_close(vector);
    return status;
}

/* The first value a statement gives, as text. */
static void ask(GDALDatasetH dataset, const char *statement, char answer[200])
{
    OGRLayerH   rows = GDALDatasetExecuteSQL(dataset, statement, NULL, NULL);
    OGRFeatureH row  = rows != NULL ? OGR_L_GetNextFeature(rows) : NULL;

    snprintf(answer, 200, "%s", row != NULL ? OGR_F_GetFieldAsString(row, 0) : "nothing");
    OGR_F_Destroy(row);
    if (rows != NULL)
        GDALDatasetReleaseResultSet(dataset, rows);
}

static void assert_answer(GDALDatasetH dataset, const char *statement, const char *expected)
{
    char answer[200];

    ask(dataset, statement, answer);
    if (strcmp(answer, expected) != 0)
        print_error("%s\n", statement);
    assert_string_equal(answer, expected);
}

/* Nothing in one that is not in the other. */
static void assert_same_rows(GDALDatasetH dataset, const char *what)
{
    char statement[400];

    for (int turn = 0; turn < 2; turn++) {
        snprintf(statement, sizeof statement, "SELECT count(*) FROM (SELECT %s EXCEPT SELECT %s)",
                 what, what);
        /* The first `main.` of `what` names one file in one half, the other in the other. */
        char *from = strstr(statement, "main."), *to = strstr(from + 1, "main.");

        memcpy(turn == 0 ? to : from, "twin.", 5);
        assert_answer(dataset, statement, "0");
    }
}

static void assert_sound(GDALDatasetH dataset)
{
    assert_answer(dataset, "PRAGMA integrity_check", "ok");
    assert_answer(dataset, "SELECT rtreecheck('rtree_it''s_geom')", "ok");
}

/* Blobs, numbers, nulls, types, the index and what GDAL keeps in step: all as GDAL would have it.
 */
static void check_case(int count, int most, uint64_t seed)
{
    GDALDatasetH dataset;
    char         statement[300];

    assert_int_equal(write_layer(bulk_path, true, count, most, seed, NULL), TB_OK);
    assert_int_equal(write_layer(plain_path, false, count, most, seed, NULL), TB_OK);
    dataset = GDALOpenEx(bulk_path, GDAL_OF_VECTOR | GDAL_OF_UPDATE, NULL, NULL, NULL);
    assert_non_null(dataset);
    snprintf(statement, sizeof statement, "ATTACH '%s' AS twin", plain_path);
    GDALDatasetReleaseResultSet(dataset, GDALDatasetExecuteSQL(dataset, statement, NULL, NULL));
    assert_same_rows(dataset, "fid, hex(geom), id, typeof(id), amount, share, typeof(share) FROM "
                              "main.\"it's\"");
    assert_same_rows(dataset, "id, minx, maxx, miny, maxy FROM main.\"rtree_it's_geom\"");
    /* SQLite writes sixteen digits. */
    assert_same_rows(dataset, "table_name, data_type, identifier, last_change, srs_id, "
                              "round(min_x, 6), round(max_x, 6), round(min_y, 6), "
                              "round(max_y, 6) FROM main.gpkg_contents");
    assert_same_rows(dataset, "* FROM main.gpkg_ogr_contents");
    assert_same_rows(dataset, "* FROM main.gpkg_extensions");
    assert_same_rows(dataset, "* FROM main.gpkg_data_columns");
    if (count > 0) /* SQLite notes the last number when the first row is added */
        assert_same_rows(dataset, "* FROM main.sqlite_sequence");
    assert_sound(dataset);
    GDALClose(dataset);
}

static void rows_are_those_that_gdal_adds(void **state)
{
    (void)state;
    check_case(0, 10, 1);
    check_case(1, 10, 2);
    check_case(51, 10, 3);
    check_case(52, 10, 4);
    check_case(6000, 10, 5);
    check_case(3000, 1500, 6); /* features from a part of a page to several pages */
}

/* Behind its first 64 MB a file is written directly. */
static void a_large_file_is_as_sound(void **state)
{
    (void)state;
    check_case(60, 200000, 9);
    assert_true(tb_file_bytes(bulk_path) > 75 << 20);
}

/* Records of every size about those at which SQLite moves the end of a row into other pages. */
static void records_of_every_size_are_whole(void **state)
{
    (void)state;
    check_case(2000, 300, 7);
    for (uint64_t seed = 8; seed < 12; seed++)
        check_case(400, 560, seed);
}

/* Whoever tells SQLite to make larger or smaller pages gets them; deep trees and wide ones. */
static void pages_may_have_any_size(void **state)
{
    static const char *const sizes[] = {"page_size=512", "page_size=1024", "page_size=65536"};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        CPLSetConfigOption("OGR_SQLITE_PRAGMA", sizes[s]);
        check_case(3000, 60, 60 + s);
    }
    CPLSetConfigOption("OGR_SQLITE_PRAGMA", NULL);
}

static void a_spatial_filter_finds_what_is_there(void **state)
{
    GDALDatasetH plain, bulk;
    uint64_t     seed = 99;

    (void)state;
    assert_int_equal(write_layer(bulk_path, true, 5000, 12, 20, NULL), TB_OK);
    assert_int_equal(write_layer(plain_path, false, 5000, 12, 20, NULL), TB_OK);
    bulk  = GDALOpenEx(bulk_path, GDAL_OF_VECTOR, NULL, NULL, NULL);
    plain = GDALOpenEx(plain_path, GDAL_OF_VECTOR, NULL, NULL, NULL);
    for (int trial = 0; trial < 100; trial++) {
        double    x = (double)(random_next(&seed) % 140000) - 50000;
        double    y = (double)(random_next(&seed) % 330000), reach = 1 << trial % 18;
        GIntBig   counts[2];
        OGRLayerH layers[] = {GDALDatasetGetLayer(bulk, 0), GDALDatasetGetLayer(plain, 0)};

        for (int l = 0; l < 2; l++) {
            OGR_L_SetSpatialFilterRect(layers[l], x, y, x + reach, y + reach);
            counts[l] = OGR_L_GetFeatureCount(layers[l], 1);
        }
        assert_int_equal(counts[0], counts[1]);
    }
    GDALClose(bulk);
    GDALClose(plain);
}

/* Whoever edits the file finds a database like any other. */
static void the_file_can_be_edited(void **state)
{
    static const char *const statements[] = {
        "DELETE FROM \"it's\" WHERE fid % 3 = 0",
        "INSERT INTO \"it's\" (geom, id) SELECT geom, id FROM \"it's\" WHERE fid % 2 = 0",
        "UPDATE \"it's\" SET geom = (SELECT geom FROM \"it's\" WHERE fid = 1) WHERE fid % 7 = 0"};
    GDALDatasetH dataset;

    (void)state;
    assert_int_equal(write_layer(bulk_path, true, 4000, 40, 30, NULL), TB_OK);
    dataset = GDALOpenEx(bulk_path, GDAL_OF_VECTOR | GDAL_OF_UPDATE, NULL, NULL, NULL);
    for (size_t s = 0; s < sizeof statements / sizeof *statements; s++) {
        CPLErrorReset();
        GDALDatasetReleaseResultSet(dataset,
                                    GDALDatasetExecuteSQL(dataset, statements[s], NULL, NULL));
        assert_string_equal(CPLGetLastErrorMsg(), "");
        assert_sound(dataset);
    }
    assert_answer(dataset,
                  "SELECT min(fid) > 4000 FROM \"it's\" WHERE fid NOT IN (SELECT value "
                  "FROM (SELECT fid AS value FROM \"it's\" WHERE fid <= 4000))",
                  "1");
    GDALClose(dataset);
}

static void the_bytes_depend_on_the_content_alone(void **state)
{
    FILE *files[2];
    int   byte;

    (void)state;
    assert_int_equal(write_layer(bulk_path, true, 3000, 100, 40, NULL), TB_OK);
    assert_int_equal(write_layer(plain_path, true, 3000, 100, 40, NULL), TB_OK);
    assert_int_equal(tb_file_bytes(bulk_path), tb_file_bytes(plain_path));
    files[0] = fopen(bulk_path, "rb");
    files[1] = fopen(plain_path, "rb");
    do {
        byte = getc(files[0]);
        assert_int_equal(byte, getc(files[1]));
    } while (byte != EOF);
    fclose(files[0]);
    fclose(files[1]);
}

static void every_failed_allocation_is_survived(void **state)
{
    size_t before = tb_memory_in_use();

    (void)state;
    for (long n = 1;; n++) {
        tb_status status;
        int       has_failed;

        tb_file_remove(bulk_path);
        tb_memory_fail_at(n);
        status     = write_layer(bulk_path, true, 300, 20, 50, NULL);
        has_failed = tb_memory_has_failed();
        tb_memory_fail_at(0);
        assert_int_equal(tb_memory_in_use(), before);
        if (!has_failed) {
            assert_int_equal(status, TB_OK);
            assert_true(n > 30);
            break;
        }
        assert_true(status == TB_E_MEMORY || status == TB_OK);
        assert_true(status == TB_OK || !tb_file_exists(bulk_path));
    }
}

static void what_it_cannot_hold_is_refused(void **state)
{
    static const tb_vector_field text[]  = {{"name", NULL, TB_VECTOR_TEXT, 0, 0}};
    tb_vector_options            options = {
                   .driver = "GPKG", .date = "2024-03-31T00:00:00.000Z", .is_bulk = true};
    tb_vector_layer layer = {
        .name = "a", .geometry = TB_VECTOR_MULTIPOLYGON, .fields = text, .field_count = 1};
    const double      points[] = {0, 0, 1, 0, 1, 1};
    const tb_ring     ring     = {0, 3};
    const tb_polygon  polygon  = {0, 1};
    tb_vector_outline outline  = {points, &ring, &polygon, 1, NULL, NULL};
    tb_vector_value   value    = {.is_set = true, .text = "x"};
    tb_vector        *vector   = NULL;
    int               number;

    (void)state;
    assert_int_equal(tb_vector_create(&vector, bulk_path, &options, NULL), TB_OK);
    assert_int_equal(tb_vector_add_layer(vector, &layer, &number, NULL), TB_OK);
    assert_int_equal(tb_vector_add(vector, number, &outline, &value, NULL), TB_E_BUG);
    tb_vector_close(vector);
    assert_false(tb_file_exists(bulk_path));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_those_that_gdal_adds, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(records_of_every_size_are_whole, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_large_file_is_as_sound, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(pages_may_have_any_size, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_spatial_filter_finds_what_is_there, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_file_can_be_edited, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_bytes_depend_on_the_content_alone, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_it_cannot_hold_is_refused, make_folder, remove_folder),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
