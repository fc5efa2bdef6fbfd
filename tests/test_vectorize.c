/* tuban vectorize, and the vector writer under it: files in, files out, read back with GDAL. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <geos_c.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "checks.h"
#include "core/file.h"
#include "core/memory.h"
#include "publish/vector.h"
#include "tuban/vectorize.h"

static char folder[64], change_path[100], out_path[100], other_path[100];

static int make_folder(void **state)
{
    (void)state;
    GDALAllRegister();
    CPLPushErrorHandler(CPLQuietErrorHandler);
    snprintf(folder, sizeof folder, "/tmp/tuban-vectorize-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(change_path, sizeof change_path, "%s/change.tif", folder);
    snprintf(out_path, sizeof out_path, "%s/parcels.gpkg", folder);
    snprintf(other_path, sizeof other_path, "%s/other.gpkg", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    tb_folder_remove(folder);
    CPLPopErrorHandler();
    return 0;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

typedef struct raster {
    int           width, height;
    GDALDataType  type;
    const double *transform; /* NULL: none */
    bool          has_crs;
    bool          has_nodata;
    double        nodata;
    int           bands;
    int           block; /* tile side; 0: strips of one row */
} raster;

static void write_raster(const raster *r, const double *values)
{
    GDALDriverH  driver  = GDALGetDriverByName("GTiff");
    char       **options = NULL;
    char         side[16];
    GDALDatasetH dataset;

    if (r->block > 0) {
        snprintf(side, sizeof side, "%d", r->block);
        options = CSLSetNameValue(options, "TILED", "YES");
        options = CSLSetNameValue(options, "BLOCKXSIZE", side);
        options = CSLSetNameValue(options, "BLOCKYSIZE", side);
    } else {
        options = CSLSetNameValue(options, "BLOCKYSIZE", "1");
    }
    dataset = GDALCreate(driver, change_path, r->width, r->height, r->bands > 0 ? r->bands : 1,
                         r->type, options);
    CSLDestroy(options);
    assert_non_null(dataset);
    if (r->transform != NULL)
        GDALSetGeoTransform(dataset, (double *)r->transform);
    if (r->has_crs) {
        OGRSpatialReferenceH crs = OSRNewSpatialReference(NULL);

        OSRImportFromEPSG(crs, 4527);
        GDALSetSpatialRef(dataset, crs);
        OSRRelease(crs);
    }
    if (r->has_nodata)
        GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), r->nodata);
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(dataset, 1), GF_Write, 0, 0, r->width,
                                  r->height, (void *)values, r->width, r->height, GDT_Float64, 0,
                                  0),
                     CE_None);
    GDALClose(dataset);
}

static double *random_values(int count, double density, uint64_t seed)
{
    double *values = malloc((size_t)count * sizeof *values);

    seed = seed * 2654435761u + 88172645463325252u;
    for (int i = 0; i < count; i++)
        values[i] = (double)(next_random(&seed) % 100000) < density * 100000 ? 1 : 0;
    return values;
}

static GDALDatasetH open_vector(const char *path)
{
    GDALDatasetH dataset = GDALOpenEx(path, GDAL_OF_VECTOR, NULL, NULL, NULL);

    assert_non_null(dataset);
    return dataset;
}

static tb_status count_entry(void *context, const char *name, tb_error *err)
{
    (void)name;
    (void)err;
    ++*(int *)context;
    return TB_OK;
}

static int files_in_folder(void)
{
    int files = 0;

    assert_int_equal(tb_folder_each(folder, count_entry, &files, NULL), TB_OK);
    return files;
}

/* Twice the area; from the first point, where coordinates of millions would eat the digits. */
static double double_area(OGRGeometryH ring)
{
    double sum = 0, x = OGR_G_GetX(ring, 0), y = OGR_G_GetY(ring, 0);

    for (int i = 0; i + 1 < OGR_G_GetPointCount(ring); i++)
        sum += (OGR_G_GetX(ring, i) - x) * (OGR_G_GetY(ring, i + 1) - y) -
               (OGR_G_GetX(ring, i + 1) - x) * (OGR_G_GetY(ring, i) - y);
    return sum;
}

/* Reads the features back: every one valid by GEOS, areas exact, and the mask drawn again from
 * them. */
static void check_features(const raster *r, const double *values, const tb_vectorize_result *result)
{
    static const double unit[6] = {0, 1, 0, 0, 0, 1};
    const double       *t       = r->transform != NULL ? r->transform : unit;
    GDALDatasetH        dataset = open_vector(out_path);
    OGRLayerH           layer   = GDALDatasetGetLayerByName(dataset, "parcels");
    GDALDatasetH        drawn =
        GDALCreate(GDALGetDriverByName("MEM"), "", r->width, r->height, 1, GDT_Byte, NULL);
    GEOSContextHandle_t geos      = GEOS_init_r();
    double              area      = 0, said, traced;
    double              unit_area = fabs(t[1] * t[5] - t[2] * t[4]);
    int64_t             pixels = 0, features = 0, last_id = 0, greatest = 0;
    uint8_t            *back = malloc((size_t)(r->width * r->height));
    OGRGeometryH        all  = OGR_G_CreateGeometry(wkbMultiPolygon);
    OGRFeatureH         feature;

    assert_non_null(layer);
    assert_int_equal(OGR_L_GetGeomType(layer), wkbMultiPolygon);
    GDALSetGeoTransform(drawn, (double *)t);
    while ((feature = OGR_L_GetNextFeature(layer)) != NULL) {
        OGRGeometryH   shape = OGR_F_GetGeometryRef(feature);
        size_t         size  = (size_t)OGR_G_WkbSize(shape);
        unsigned char *wkb   = malloc(size);
        GEOSGeometry  *geometry;

        OGR_G_ExportToWkb(shape, wkbNDR, wkb);
        geometry = GEOSGeomFromWKB_buf_r(geos, wkb, size);
        assert_int_equal(GEOSisValid_r(geos, geometry), 1);
        GEOSGeom_destroy_r(geos, geometry);
        free(wkb);
        last_id  = OGR_F_GetFieldAsInteger64(feature, OGR_F_GetFieldIndex(feature, "id"));
        greatest = last_id > greatest ? last_id : greatest;
        pixels += OGR_F_GetFieldAsInteger64(feature, OGR_F_GetFieldIndex(feature, "pixels"));
        area += OGR_F_GetFieldAsDouble(feature, OGR_F_GetFieldIndex(feature, "area"));
        said   = OGR_F_GetFieldAsDouble(feature, OGR_F_GetFieldIndex(feature, "area"));
        traced = 0;
        for (int p = 0; p < OGR_G_GetGeometryCount(shape); p++) {
            OGRGeometryH polygon = OGR_G_GetGeometryRef(shape, p);

            assert_true(double_area(OGR_G_GetGeometryRef(polygon, 0)) > 0);
            for (int h = 1; h < OGR_G_GetGeometryCount(polygon); h++)
                assert_true(double_area(OGR_G_GetGeometryRef(polygon, h)) < 0);
            for (int h = 0; h < OGR_G_GetGeometryCount(polygon); h++)
                traced += double_area(OGR_G_GetGeometryRef(polygon, h)) / 2;
            OGR_G_AddGeometry(all, polygon);
        }
        /* On a rotated grid the corners themselves are rounded, to 1e-8 of a metre. */
        assert_true(fabs(traced - said) <= (t[2] == 0 ? 1e-9 : 1e-7) * said);
        features++;
        OGR_F_Destroy(feature);
    }
    assert_int_equal(features, result->features);
    assert_int_equal(pixels, result->pixels);
    assert_true(greatest <= result->features + result->dropped);
    assert_true(fabs(area - (double)pixels * unit_area) <= 1e-9 * area);
    if (features > 0) {
        int    band = 1;
        double burn = 1;

        assert_int_equal(
            GDALRasterizeGeometries(drawn, 1, &band, 1, &all, NULL, NULL, &burn, NULL, NULL, NULL),
            CE_None);
    }
    assert_int_equal(GDALRasterIO(GDALGetRasterBand(drawn, 1), GF_Read, 0, 0, r->width, r->height,
                                  back, r->width, r->height, GDT_Byte, 0, 0),
                     CE_None);
    if (result->dropped == 0)
        for (int i = 0; i < r->width * r->height; i++)
            assert_int_equal(back[i], values[i] != 0 && values[i] != 255);
    free(back);
    OGR_G_DestroyGeometry(all);
    GEOS_finish_r(geos);
    GDALClose(drawn);
    GDALClose(dataset);
}

/* ---------------------------------------------------------------- the operation */

static void masks_of_every_kind_come_back_exactly(void **state)
{
    static const double north_up[6] = {40500000, 2, 0, 4100000, 0, -2};
    static const double rotated[6]  = {40500000, 1.6, 1.2, 4100000, 1.2, -1.6};
    static const double south_up[6] = {100, 0.5, 0, 200, 0, 0.5};
    static const struct {
        raster raster;
        double density;
    } cases[] = {
        {{1, 1, GDT_Byte, north_up, true, false, 0, 1, 0}, 1},
        {{1, 1, GDT_Byte, NULL, false, false, 0, 1, 0}, 0},
        {{1, 97, GDT_Byte, north_up, true, false, 0, 1, 0}, 0.5},
        {{97, 1, GDT_UInt16, south_up, false, false, 0, 1, 0}, 0.5},
        {{101, 103, GDT_Byte, north_up, true, false, 0, 1, 16}, 0.4},
        {{101, 103, GDT_Int16, rotated, true, true, -1, 1, 0}, 0.4},
        {{101, 103, GDT_Float32, NULL, false, true, NAN, 1, 32}, 0.6},
        {{101, 103, GDT_UInt32, south_up, true, false, 0, 1, 32}, 0.05},
        {{64, 64, GDT_Byte, north_up, true, true, 0, 1, 64}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int connect = 4; connect <= 8; connect += 4) {
            const raster *r      = &cases[i].raster;
            double       *values = random_values(r->width * r->height, cases[i].density, i + 1);
            tb_vectorize_options options = {
                .change = change_path, .out = out_path, .connect = connect};
            tb_vectorize_result result;
            tb_error            error   = {0};
            int64_t             changed = 0;

            for (int p = 0; p < r->width * r->height; p++)
                changed += values[p] != 0;
            write_raster(r, values);
            if (tb_vectorize(&options, &result, &error) != TB_OK)
                fail_msg("%s", error.message);
            assert_int_equal(result.pixels, changed);
            assert_int_equal(result.unobserved_pixels, 0);
            assert_int_equal(files_in_folder(), 2);
            check_features(r, values, &result);
            options.out = other_path;
            assert_int_equal(tb_vectorize(&options, &result, &error), TB_OK);
            assert_true(have_same_bytes(out_path, other_path));
            tb_file_remove(other_path);
            free(values);
        }
}

static void corners_make_one_feature_or_two(void **state)
{
    const raster        r        = {2, 2, GDT_Byte, NULL, false, false, 0, 1, 0};
    const double        values[] = {1, 0, 0, 1};
    tb_vectorize_result result;

    (void)state;
    write_raster(&r, values);
    tb_vectorize_options options = {.change = change_path, .out = out_path};

    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_int_equal(result.features, 1);
    assert_int_equal(result.polygons, 2);
    options.connect = 4;
    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_int_equal(result.features, 2);
}

static void what_is_not_observed_or_too_small_is_counted(void **state)
{
    const raster         r        = {6, 2, GDT_Byte, NULL, false, true, 9, 1, 0};
    const double         values[] = {1, 1, 0, 2, 255, 9, 1, 1, 0, 0, 0, 255};
    tb_vectorize_result  result;
    tb_vectorize_options options = {.change = change_path, .out = out_path, .min_pixels = 2};

    (void)state;
    write_raster(&r, values);
    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_int_equal(result.features, 1);
    assert_int_equal(result.pixels, 4);
    assert_int_equal(result.dropped, 1);
    assert_int_equal(result.dropped_pixels, 1);
    assert_int_equal(result.unobserved_pixels, 3);
    assert_string_equal(result.note, "");
    options.min_pixels = 5;
    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_int_equal(result.features, 0);
    assert_non_null(strstr(result.note, "smaller than 5 pixels"));
}

static void a_mask_of_0_and_255_is_told(void **state)
{
    const raster         r        = {3, 1, GDT_Byte, NULL, false, false, 0, 1, 0};
    const double         values[] = {0, 255, 255}, zeros[3] = {0};
    tb_vectorize_result  result;
    tb_vectorize_options options = {.change = change_path, .out = out_path};

    (void)state;
    write_raster(&r, values);
    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_int_equal(result.features, 0);
    assert_int_equal(result.unobserved_pixels, 2);
    assert_non_null(strstr(result.note, "write 1"));
    write_raster(&r, zeros);
    assert_int_equal(tb_vectorize(&options, &result, NULL), TB_OK);
    assert_string_equal(result.note, "no pixel is changed: all are 0");
}

static void wrong_calls_are_refused_and_leave_nothing(void **state)
{
    const raster two      = {3, 1, GDT_Byte, NULL, false, false, 0, 2, 0};
    const double values[] = {0, 1, 1};
    const struct {
        tb_vectorize_options options;
        tb_status            status;
        const char          *part;
    } cases[] = {
        {{.change = change_path, .out = out_path, .connect = 6},
         TB_E_USAGE,
         "expected 4 or 8, got 6"},
        {{.change = change_path, .out = out_path, .min_pixels = -1}, TB_E_USAGE, "got -1"},
        {{.change = change_path, .out = out_path, .simplify = "much"}, TB_E_USAGE, "expected off"},
        {{.change = change_path, .out = "parcels.doc"}, TB_E_USAGE, ".gpkg"},
        {{.change = "/nowhere.tif", .out = out_path}, TB_E_INPUT, "/nowhere.tif"},
        {{.change = change_path, .out = out_path}, TB_E_INPUT, "expected 1 band, got 2"},
    };

    (void)state;
    tb_file_remove(out_path);
    write_raster(&two, values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_error error = {0};

        assert_int_equal(tb_vectorize(&cases[i].options, NULL, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].part));
        assert_int_equal(files_in_folder(), 1);
    }
    const raster         one     = {3, 1, GDT_Byte, NULL, false, false, 0, 1, 0};
    tb_vectorize_options options = {.change = change_path, .out = "/nowhere/at/all.gpkg"};
    tb_error             error   = {0};

    write_raster(&one, values);
    assert_int_equal(tb_vectorize(&options, NULL, &error), TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "/nowhere/at"));
}

static bool always(void *context)
{
    (void)context;
    return true;
}

static void a_stopped_call_keeps_the_earlier_file(void **state)
{
    const raster         r        = {3, 1, GDT_Byte, NULL, false, false, 0, 1, 0};
    const double         values[] = {0, 1, 1};
    tb_progress          progress = {.is_cancelled = always};
    tb_vectorize_options options  = {.change = change_path, .out = out_path};

    (void)state;
    write_raster(&r, values);
    assert_int_equal(tb_vectorize(&options, NULL, NULL), TB_OK);
    options.out = other_path;
    assert_int_equal(tb_vectorize(&options, NULL, NULL), TB_OK);
    options.progress = &progress;
    assert_int_equal(tb_vectorize(&options, NULL, NULL), TB_E_CANCELLED);
    assert_true(have_same_bytes(out_path, other_path));
    assert_int_equal(files_in_folder(), 3);
    tb_file_remove(other_path);
}

static void every_failed_allocation_is_survived(void **state)
{
    static const double  north_up[6] = {40500000, 2, 0, 4100000, 0, -2};
    const raster         r           = {37, 41, GDT_Byte, north_up, true, false, 0, 1, 16};
    double              *values      = random_values(37 * 41, 0.4, 5);
    tb_vectorize_options options     = {.change = change_path, .out = out_path};
    size_t               before      = tb_memory_in_use();

    (void)state;
    write_raster(&r, values);
    for (long n = 1;; n++) {
        tb_error  error = {0};
        tb_status status;
        int       has_failed;

        tb_file_remove(out_path);
        tb_memory_fail_at(n);
        status     = tb_vectorize(&options, NULL, &error);
        has_failed = tb_memory_has_failed();
        tb_memory_fail_at(0);
        assert_int_equal(tb_memory_in_use(), before);
        if (!has_failed) {
            assert_int_equal(status, TB_OK);
            assert_int_equal(files_in_folder(), 2);
            assert_true(n > 40);
            break;
        }
        /* A failure while something is only removed, or after the file is in place, changes
         * nothing. */
        if (status != TB_E_MEMORY)
            fail_msg("allocation %ld: status %d %s", n, status, error.message);
        assert_int_equal(error.status, status);
        if (files_in_folder() != (tb_file_exists(out_path) ? 2 : 1))
            fail_msg("allocation %ld left %d files", n, files_in_folder());
    }
    free(values);
}

static void a_full_disk_is_told_and_leaves_nothing(void **state)
{
    const raster         r      = {300, 300, GDT_Byte, NULL, false, false, 0, 1, 0};
    double              *values = random_values(300 * 300, 0.3, 9);
    char                 disk[80], path[100];
    bool                 is_written = false;
    int                  failures   = 0;
    tb_vectorize_options options    = {.change = change_path, .out = path};

    (void)state;
    write_raster(&r, values);
    free(values);
    snprintf(disk, sizeof disk, "%s/disk", folder);
    snprintf(path, sizeof path, "%s/parcels.gpkg", disk);
    assert_int_equal(tb_folder_make(disk, NULL, NULL), TB_OK);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=64k") != 0) {
        print_message("skipped: no tmpfs can be mounted here\n");
        tb_folder_remove(disk);
        skip();
    }
    for (int kilobytes = 8; !is_written; kilobytes += kilobytes / 4) {
        tb_error error = {0};
        char     size[32];
        int      files = 0;

        snprintf(size, sizeof size, "size=%dk", kilobytes);
        assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, size), 0);
        is_written = tb_vectorize(&options, NULL, &error) == TB_OK;
        assert_int_equal(tb_folder_each(disk, count_entry, &files, NULL), TB_OK);
        assert_int_equal(files, is_written);
        if (is_written) {
            assert_true(failures > 10);
            break;
        }
        failures++;
        assert_int_equal(error.status, TB_E_OUTPUT);
        assert_non_null(strstr(error.message, "parcels.gpkg"));
        if (strstr(error.message, "No space left") == NULL &&
            strstr(error.message, "disk is full") == NULL)
            print_message("%d kB: %s\n", kilobytes, error.message);
    }
    assert_int_equal(umount(disk), 0);
    tb_folder_remove(disk);
}

/* ---------------------------------------------------------------- the writer */

static const double square[] = {0, 0, 4, 0, 4, 4, 0, 4, 1, 1, 1, 2, 2, 2, 2, 1};

static const tb_vector_field all_fields[] = {{"NAME", "名称", TB_VECTOR_TEXT, 20, 0},
                                             {"AREA", "面积", TB_VECTOR_REAL, 16, 2},
                                             {"COUNT", "数量", TB_VECTOR_INTEGER, 0, 0},
                                             {"DAY", "日期", TB_VECTOR_DATE, 0, 0}};

static tb_status write_formats(const char *path, const char *driver, tb_vector_geometry geometry,
                               const char *const *layer_options, tb_error *err)
{
    static const tb_ring    rings[]    = {{0, 4}, {4, 4}};
    static const tb_polygon polygons[] = {{0, 2}};
    tb_status               status     = TB_OK;
    tb_vector              *vector     = NULL;
    tb_vector_options       options    = {.driver = driver, .date = "2024-03-31T00:00:00.000Z"};
    tb_vector_layer   layer   = {"parcels", "图斑", geometry, NULL, all_fields, 4, layer_options};
    tb_vector_outline outline = {square, rings, polygons, 1, NULL, NULL};
    tb_vector_value   set[4]  = {{.is_set = true, .text = "一号"},
                                 {.is_set = true, .real = 15.25},
                                 {.is_set = true, .integer = INT64_C(9876543210)},
                                 {.is_set = true, .text = "2024-03-05"}};
    tb_vector_value   unset[4] = {0};
    int               number;

    TB_TRY(tb_vector_create(&vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(vector, &layer, &number, err));
    TB_TRY(tb_vector_add(vector, number, &outline, set, err));
    TB_TRY(tb_vector_add(vector, number, NULL, unset, err));
    TB_TRY(tb_vector_finish(vector, err));
done:
    tb_vector_close(vector);
    return status;
}

static void formats_keep_values_nulls_and_aliases(void **state)
{
    static const char *const formats[][2] = {{"GPKG", "w.gpkg"},
                                             {"ESRI Shapefile", "w.shp"},
                                             {"GeoJSON", "w.geojson"},
                                             {"OpenFileGDB", "w.gdb"}};
    static const char *const utf8[]       = {"ENCODING=UTF-8", NULL};
    char                     path[120];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (int again = 0; again < 2; again++) { /* the second time over the first */
            tb_error     error = {0};
            GDALDatasetH dataset;
            OGRLayerH    layer;
            OGRFeatureH  feature;
            int          year = 0, month = 0, day = 0, other;

            if (GDALGetDriverByName(formats[i][0]) == NULL)
                continue;
            snprintf(path, sizeof path, "%s/%s", folder, formats[i][1]);
            if (write_formats(path, formats[i][0],
                              i == 1 ? TB_VECTOR_POLYGON : TB_VECTOR_MULTIPOLYGON,
                              i == 1 ? utf8 : NULL, &error) != TB_OK)
                fail_msg("%s", error.message);
            dataset = open_vector(path);
            layer   = GDALDatasetGetLayer(dataset, 0);
            assert_int_equal(OGR_L_GetFeatureCount(layer, TRUE), 2);
            OGRFeatureDefnH definition = OGR_L_GetLayerDefn(layer);

            if (i == 3)
                assert_string_equal(OGR_Fld_GetAlternativeNameRef(OGR_FD_GetFieldDefn(
                                        definition, OGR_FD_GetFieldIndex(definition, "AREA"))),
                                    "面积");
            if (i == 0) { /* GDAL 3.6 does not read them itself */
                OGRLayerH rows = GDALDatasetExecuteSQL(
                    dataset, "SELECT name FROM gpkg_data_columns WHERE column_name = 'AREA'", NULL,
                    NULL);

                feature = OGR_L_GetNextFeature(rows);
                assert_string_equal(OGR_F_GetFieldAsString(feature, 0), "面积");
                OGR_F_Destroy(feature);
                GDALDatasetReleaseResultSet(dataset, rows);
            }
            feature = OGR_L_GetNextFeature(layer);
            assert_string_equal(
                OGR_F_GetFieldAsString(feature, OGR_F_GetFieldIndex(feature, "NAME")), "一号");
            assert_true(OGR_F_GetFieldAsDouble(feature, OGR_F_GetFieldIndex(feature, "AREA")) ==
                        15.25);
            assert_true(OGR_F_GetFieldAsDouble(feature, OGR_F_GetFieldIndex(feature, "COUNT")) ==
                        9876543210.0);
            OGR_F_GetFieldAsDateTime(feature, OGR_F_GetFieldIndex(feature, "DAY"), &year, &month,
                                     &day, &other, &other, &other, &other);
            assert_int_equal(year * 10000 + month * 100 + day, 20240305);
            assert_true(fabs(OGR_G_Area(OGR_F_GetGeometryRef(feature)) - 15) < 1e-12);
            OGR_F_Destroy(feature);
            feature = OGR_L_GetNextFeature(layer);
            assert_false(OGR_F_IsFieldSetAndNotNull(feature, OGR_F_GetFieldIndex(feature, "AREA")));
            assert_null(OGR_F_GetGeometryRef(feature));
            OGR_F_Destroy(feature);
            GDALClose(dataset);
        }
}

static void what_a_format_cannot_hold_is_an_error(void **state)
{
    tb_error error = {0};
    char     path[120];

    (void)state;
    snprintf(path, sizeof path, "%s/w.shp", folder);
    /* Latin-1, the default, has no 一. */
    assert_int_equal(write_formats(path, "ESRI Shapefile", TB_VECTOR_POLYGON, NULL, &error),
                     TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "w.shp"));
    assert_int_equal(files_in_folder(), 0);
}

static void the_bytes_hold_no_present(void **state)
{
    char first[120], second[120];

    (void)state;
    snprintf(first, sizeof first, "%s/one/w.gpkg", folder);
    snprintf(second, sizeof second, "%s/two/w.gpkg", folder);
    for (int i = 0; i < 2; i++) {
        char *inner = i == 0 ? first : second, *parent = NULL;

        assert_int_equal(tb_path_folder(&parent, inner, NULL), TB_OK);
        assert_int_equal(tb_folder_make(parent, NULL, NULL), TB_OK);
        tb_free(parent);
        assert_int_equal(write_formats(inner, "GPKG", TB_VECTOR_MULTIPOLYGON, NULL, NULL), TB_OK);
        if (i == 0)
            sleep(1);
    }
    assert_true(have_same_bytes(first, second));
    assert_null(CPLGetThreadLocalConfigOption("OGR_CURRENT_DATE", NULL));
}

static void formats_that_cannot_be_written_are_refused(void **state)
{
    tb_error error = {0};
    char     path[120];

    (void)state;
    snprintf(path, sizeof path, "%s/w.xyz", folder);
    assert_int_equal(write_formats(path, "No such format", TB_VECTOR_POLYGON, NULL, &error),
                     TB_E_OUTPUT);
    assert_non_null(strstr(error.message, "No such format"));
    assert_false(tb_file_exists(path));
    tb_vector_close(NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(masks_of_every_kind_come_back_exactly, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(corners_make_one_feature_or_two, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_not_observed_or_too_small_is_counted, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_mask_of_0_and_255_is_told, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(wrong_calls_are_refused_and_leave_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_stopped_call_keeps_the_earlier_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_leaves_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(formats_keep_values_nulls_and_aliases, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_a_format_cannot_hold_is_an_error, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_bytes_hold_no_present, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(formats_that_cannot_be_written_are_refused, make_folder,
                                        remove_folder),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
