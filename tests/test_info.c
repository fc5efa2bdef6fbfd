/* What the engine sees of rasters: made-up ones with known answers, real ones, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_conv.h>
#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "scenes.h"
#include "tuban/info.h"

static const char MADE[] = "/vsimem/info.tif";

/* `options` are words such as "TILED=YES", a blank between them. */
static GDALDatasetH make(int width, int height, int bands, GDALDataType type, const char *options)
{
    char       **list = CSLTokenizeString2(options, " ", 0);
    GDALDatasetH dataset;

    GDALAllRegister();
    dataset = GDALCreate(GDALGetDriverByName("GTiff"), MADE, width, height, bands, type, list);
    CSLDestroy(list);
    assert_non_null(dataset);
    return dataset;
}

static void place(GDALDatasetH dataset, int epsg, double x, double y, double size)
{
    double               transform[6] = {x, size, 0, y, 0, -size};
    OGRSpatialReferenceH crs          = OSRNewSpatialReference(NULL);

    assert_int_equal(OSRImportFromEPSG(crs, epsg), OGRERR_NONE);
    assert_int_equal(GDALSetSpatialRef(dataset, crs), CE_None);
    assert_int_equal(GDALSetGeoTransform(dataset, transform), CE_None);
    OSRDestroySpatialReference(crs);
}

static void fill(GDALDatasetH dataset, int band, int x, int width, double value)
{
    int     height = GDALGetRasterYSize(dataset);
    double *row    = calloc((size_t)width, sizeof *row);

    for (int i = 0; i < width; i++)
        row[i] = value + (value != 0) * (i % 2);
    for (int y = 0; y < height; y++)
        assert_int_equal(GDALRasterIO(GDALGetRasterBand(dataset, band), GF_Write, x, y, width, 1,
                                      row, width, 1, GDT_Float64, 0, 0),
                         CE_None);
    free(row);
}

static tb_info *look(const char *path)
{
    tb_info *info  = NULL;
    tb_error error = {0};

    if (tb_info_read(path, &info, &error) != TB_OK)
        fail_msg("%s", error.message);
    return info;
}

static bool complains(const tb_info *info, const char *of)
{
    for (size_t i = 0; i < info->problem_count; i++)
        if (strstr(info->problems[i], of) != NULL)
            return true;
    return false;
}

static void a_projected_image(void **state)
{
    GDALDatasetH dataset = make(600, 300, 2, GDT_UInt16, "TILED=YES");
    tb_info     *info;

    (void)state;
    place(dataset, 4527, 39600000, 4000000, 2);
    GDALSetMetadataItem(dataset, "TIFFTAG_DATETIME", "2024:02:11 02:50:01", NULL);
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 0);
    for (int b = 1; b <= 2; b++)
        fill(dataset, b, 150, 450, 1000 * b);
    /* A single zero among measured bands is a dark pixel. */
    fill(dataset, 1, 590, 10, 0);
    GDALClose(dataset);
    info = look(MADE);
    assert_string_equal(info->path, MADE);
    assert_string_equal(info->driver, "GTiff");
    assert_string_equal(info->type, "UInt16");
    assert_string_equal(info->date, "2024:02:11 02:50:01");
    assert_string_equal(info->crs_authority, "EPSG:4527");
    assert_non_null(strstr(info->crs_name, "CGCS2000"));
    assert_string_equal(info->unit, "metre");
    assert_string_equal(info->compression, "none");
    assert_string_equal(info->interleave, "PIXEL");
    assert_int_equal(info->width, 600);
    assert_int_equal(info->height, 300);
    assert_int_equal(info->bands, 2);
    assert_true(info->has_crs && info->is_north_up && info->has_nodata);
    assert_false(info->is_geographic || info->is_rotated || info->has_alpha || info->has_mask);
    assert_false(info->is_stripped);
    assert_true(info->nodata == 0);
    assert_true(fabs(info->gsd_m - 2) < 1e-9);
    assert_true(info->pixel_width == 2 && info->pixel_height == 2);
    assert_true(info->bounds[0] == 39600000 && info->bounds[1] == 3999400);
    assert_true(info->bounds[2] == 39601200 && info->bounds[3] == 4000000);
    assert_true(info->centre_longitude > 118.1 && info->centre_longitude < 118.13);
    assert_true(info->centre_latitude > 36.1 && info->centre_latitude < 36.15);
    assert_true(fabs(info->valid_share - 0.75) < 1e-12);
    assert_int_equal(info->sampled_pixels, 180000);
    assert_int_equal(info->block_width, 256);
    assert_int_equal(info->blocks, 6);
    assert_int_equal(info->decoded_bytes, 720000);
    assert_true(info->file_bytes > 720000);
    assert_int_equal(info->problem_count, 0);
    tb_info_free(info);
}

static void a_geographic_image_has_metres(void **state)
{
    GDALDatasetH dataset = make(100, 100, 1, GDT_Byte, NULL);
    double       degree = 3.14159265358979 / 180, side = 1e-5 * degree * 6378137;
    tb_info     *info;

    (void)state;
    place(dataset, 4490, 117, 36, 1e-5);
    fill(dataset, 1, 0, 100, 7);
    GDALClose(dataset);
    info = look(MADE);
    assert_true(info->is_geographic);
    assert_string_equal(info->unit, "degree");
    assert_string_equal(info->crs_authority, "EPSG:4490");
    assert_true(fabs(info->gsd_m - side * sqrt(cos(36 * degree))) < 0.003 * info->gsd_m);
    assert_true(fabs(info->centre_longitude - 117.0005) < 1e-6);
    assert_true(fabs(info->centre_latitude - 35.9995) < 1e-6);
    tb_info_free(info);
}

static void what_is_odd_is_told(void **state)
{
    double       rotated[6] = {500000, 8, 6, 4000000, 6, -8};
    GDALDatasetH dataset;
    tb_info     *info;

    (void)state;
    dataset = make(64, 64, 1, GDT_Float64, NULL);
    fill(dataset, 1, 20, 44, 5);
    GDALClose(dataset);
    info = look(MADE);
    assert_false(info->has_crs || info->has_transform || info->is_north_up);
    assert_string_equal(info->unit, "pixel");
    assert_true(isnan(info->gsd_m) && isnan(info->centre_longitude));
    assert_true(complains(info, "no CRS"));
    assert_true(complains(info, "type Float64 are read as 32-bit"));
    assert_true(complains(info, "no nodata is declared"));
    tb_info_free(info);

    dataset = make(64, 64, 1, GDT_Byte, "COMPRESS=JPEG");
    place(dataset, 32650, 0, 0, 1);
    GDALSetGeoTransform(dataset, rotated);
    fill(dataset, 1, 0, 64, 90);
    GDALClose(dataset);
    info = look(MADE);
    assert_true(info->is_rotated);
    assert_false(info->is_north_up);
    assert_true(fabs(info->pixel_width - 10) < 1e-12 && fabs(info->gsd_m - 10) < 1e-9);
    assert_true(complains(info, "rotated"));
    assert_true(complains(info, "JPEG"));
    tb_info_free(info);

    /* Zone-prefixed eastings under a CRS without prefix are far off the earth's ellipsoid or zone.
     */
    dataset = make(64, 64, 1, GDT_Byte, NULL);
    place(dataset, 4548, 39500000, 4000000, 1);
    fill(dataset, 1, 0, 64, 90);
    GDALClose(dataset);
    info = look(MADE);
    assert_true(complains(info, "do not fit its CRS") || complains(info, "wrong zone"));
    tb_info_free(info);

    /* A map of two classes has no black border. */
    dataset = make(64, 64, 1, GDT_Byte, NULL);
    for (int i = 0; i < 20; i++)
        fill(dataset, 1, 10 + 2 * i, 1, 1);
    GDALClose(dataset);
    info = look(MADE);
    assert_int_equal(info->problem_count, 1);
    tb_info_free(info);

    /* The neighbouring zone's number is six degrees off. */
    dataset = make(64, 64, 1, GDT_Byte, NULL);
    place(dataset, 4548, 1040000, 4000000, 1);
    GDALClose(dataset);
    info = look(MADE);
    assert_true(complains(info, "wrong zone"));
    assert_true(complains(info, "every valid sample is 0"));
    tb_info_free(info);
}

static void masks_of_each_kind(void **state)
{
    GDALDatasetH dataset = make(40, 10, 2, GDT_Byte, NULL);
    tb_info     *info;

    (void)state;
    GDALSetRasterColorInterpretation(GDALGetRasterBand(dataset, 2), GCI_AlphaBand);
    fill(dataset, 1, 0, 40, 50);
    fill(dataset, 2, 0, 30, 200);
    GDALClose(dataset);
    info = look(MADE);
    assert_true(info->has_alpha && !info->has_mask);
    assert_int_equal(info->bands, 1);
    assert_true(fabs(info->valid_share - 0.75) < 1e-12);
    tb_info_free(info);

    CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES");
    dataset = make(40, 10, 1, GDT_Byte, NULL);
    fill(dataset, 1, 0, 40, 50);
    assert_int_equal(GDALCreateDatasetMaskBand(dataset, GMF_PER_DATASET), CE_None);
    GDALFillRaster(GDALGetMaskBand(GDALGetRasterBand(dataset, 1)), 0, 0);
    GDALClose(dataset);
    CPLSetConfigOption("GDAL_TIFF_INTERNAL_MASK", NULL);
    info = look(MADE);
    assert_true(info->has_mask && !info->has_alpha);
    assert_true(info->valid_share == 0);
    assert_true(complains(info, "no valid pixel"));
    tb_info_free(info);
}

static void expensive_layouts_are_told(void **state)
{
    GDALDatasetH dataset = make(9000, 9000, 1, GDT_Byte, "SPARSE_OK=TRUE");
    tb_info     *info;

    (void)state;
    GDALClose(dataset);
    info = look(MADE);
    assert_true(info->is_stripped);
    assert_true(complains(info, "stripped: read as one full-width panel"));
    assert_true(info->sampled_pixels < 9000 * 9000);
    tb_info_free(info);

    /* One compressed strip of all rows. */
    dataset = make(9000, 9000, 1, GDT_Byte, "COMPRESS=DEFLATE BLOCKYSIZE=9000");
    GDALClose(dataset);
    info = look(MADE);
    assert_true(complains(info, "a single strip of 77 MiB"));
    tb_info_free(info);

    /* Tiles that GDAL has to decode, and those of a small image, which are no matter. */
    for (int small = 0; small < 2; small++) {
        dataset =
            make(small ? 500 : 9000, 9000, 1, GDT_Byte, "TILED=YES COMPRESS=LZW SPARSE_OK=TRUE");
        GDALClose(dataset);
        info = look(MADE);
        assert_false(info->is_direct);
        assert_int_equal(complains(info, "tiles of ZSTD would be read faster; write it anew: "
                                         "gdal_translate -co TILED=YES"),
                         !small);
        tb_info_free(info);
    }
}

static void who_decodes_is_told(void **state)
{
    static const struct {
        const char *options, *why;
    } kinds[] = {{"TILED=YES COMPRESS=ZSTD PREDICTOR=2", ""},
                 {"COMPRESS=DEFLATE", ""},
                 {"TILED=YES COMPRESS=LZW", "LZW"},
                 {"TILED=YES NBITS=12", "samples of another size or format"}};
    char path[300];

    (void)state;
    folder_begin();
    in_folder("direct.tif", path, sizeof path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        GDALDatasetH dataset = make(300, 200, 2, GDT_UInt16, kinds[i].options);
        char       **options = CSLTokenizeString2(kinds[i].options, " ", 0);
        GDALDatasetH copy;
        tb_info     *info;

        copy =
            GDALCreateCopy(GDALGetDriverByName("GTiff"), path, dataset, FALSE, options, NULL, NULL);
        CSLDestroy(options);
        GDALClose(copy);
        GDALClose(dataset);
        info = look(path);
        assert_string_equal(info->why_gdal, kinds[i].why);
        assert_int_equal(info->is_direct, kinds[i].why[0] == '\0');
        tb_info_free(info);
    }
    folder_end();
}

static void a_sample_of_a_large_image_is_small_and_always_the_same(void **state)
{
    GDALDatasetH dataset =
        make(60000, 60000, 4, GDT_UInt16, "TILED=YES SPARSE_OK=TRUE COMPRESS=DEFLATE");
    double shares[2];

    (void)state;
    GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 0);
    GDALClose(dataset);
    for (int i = 0; i < 2; i++) {
        tb_info *info = look(MADE);

        assert_int_equal(info->sampled_tiles, 16);
        assert_int_equal(info->decoded_bytes, INT64_C(60000) * 60000 * 8);
        shares[i] = info->valid_share;
        tb_info_free(info);
    }
    assert_true(shares[0] == shares[1] && shares[0] == 0);
}

static void what_is_no_image_is_refused(void **state)
{
    tb_info  stale, *info = &stale;
    tb_error error = {0};

    (void)state;
    assert_int_equal(tb_info_read("/vsimem/none.tif", &info, &error), TB_E_INPUT);
    assert_null(info);
    assert_non_null(strstr(error.message, "/vsimem/none.tif"));
    tb_info_free(NULL);
}

static void every_failed_allocation_is_told_and_leaves_nothing(void **state)
{
    GDALDatasetH dataset = make(40, 10, 1, GDT_Byte, NULL);

    (void)state;
    place(dataset, 4527, 39600000, 4000000, 2);
    GDALClose(dataset);
    for (long n = 1;; n++) {
        size_t    before = tb_memory_in_use();
        tb_info  *info   = NULL;
        tb_error  error  = {0};
        tb_status status;

        tb_memory_fail_at(n);
        status = tb_info_read(MADE, &info, &error);
        if (!tb_memory_has_failed()) {
            assert_int_equal(status, TB_OK);
            tb_info_free(info);
            break;
        }
        assert_int_equal(status, TB_E_MEMORY);
        assert_null(info);
        assert_int_equal(tb_memory_in_use(), before);
    }
    tb_memory_fail_at(0);
}

/* ---- real and hostile files ---- */

static const char *data_folder(void)
{
    const char *named = getenv("TUBAN_DATA");

    return named != NULL ? named : TUBAN_SOURCE_DIR "/../shared/data";
}

static void skip_without_data(void)
{
    if (tb_file_exists(data_folder()))
        return;
    print_message("    SKIPPED: no %s\n", data_folder());
    skip();
}

typedef struct hostile {
    char folder[1024];
    int  counts[3]; /* described, described but not readable, refused */
} hostile;

static tb_status look_at_hostile(void *context, const char *name, tb_error *err)
{
    hostile  *seen   = context;
    char     *path   = NULL;
    tb_info  *info   = NULL;
    tb_error  error  = {0};
    size_t    before = tb_memory_in_use();
    tb_status status;

    assert_int_equal(tb_path_join(&path, seen->folder, name, err), TB_OK);
    alarm(60);
    tb_memory_peak_reset();
    status = tb_info_read(path, &info, &error);
    alarm(0);
    if (status == TB_OK) {
        assert_true(info->width > 0 && info->height > 0 && info->bands > 0);
        assert_true(isnan(info->valid_share) || (info->valid_share >= 0 && info->valid_share <= 1));
        /* A share that is not known has its reason. */
        assert_true(!isnan(info->valid_share) || complains(info, "cannot be read") ||
                    complains(info, "not sampled"));
        seen->counts[isnan(info->valid_share) ? 1 : 0]++;
    } else {
        assert_int_equal(status, TB_E_INPUT);
        assert_non_null(strstr(error.message, name));
        assert_non_null(strstr(error.message, "expected"));
        seen->counts[2]++;
    }
    tb_info_free(info);
    tb_free(path);
    assert_true(tb_memory_peak() < (size_t)1 << 30);
    assert_int_equal(tb_memory_in_use(), before);
    return TB_OK;
}

static void hostile_files_give_info_or_a_clear_error(void **state)
{
    static const char *const folders[] = {"libtiff", "pillow", "rio"};
    hostile                  seen      = {0};

    (void)state;
    skip_without_data();
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        snprintf(seen.folder, sizeof seen.folder, "%s/tiff_robustness/%s", data_folder(),
                 folders[f]);
        assert_int_equal(tb_folder_each(seen.folder, look_at_hostile, &seen, NULL), TB_OK);
    }
    print_message("    %d described, %d described but not readable, %d refused\n", seen.counts[0],
                  seen.counts[1], seen.counts[2]);
    assert_true(seen.counts[0] > 50 && seen.counts[1] > 0 && seen.counts[2] > 0);
}

static void the_file_that_asks_for_171_gigabytes_is_refused(void **state)
{
    char     path[1024];
    tb_info *info  = NULL;
    tb_error error = {0};

    (void)state;
    skip_without_data();
    snprintf(path, sizeof path, "%s/tiff_robustness/pillow/libtiff_segfault.tif", data_folder());
    assert_int_equal(tb_info_read(path, &info, &error), TB_E_INPUT);
    assert_non_null(strstr(error.message, "expected 1 to 16 bands"));
}

static void real_images(void **state)
{
    static const struct {
        const char *name;
        int         bands;
        double      gsd_m;
    } images[] = {
        {"oscd_beihai/T1.tif", 4, 10},
        {"landsat_taizhou/T1.tif", 6, 30},
        {"naip_northdakota_series/m_4709963_se_14_1_20090818.tif", 4, 5},
        {"sar_bern/T1.tif", 1, 0},
    };
    int seen = 0;

    (void)state;
    skip_without_data();
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        char     path[1024];
        tb_info *info;

        snprintf(path, sizeof path, "%s/%s", data_folder(), images[i].name);
        if (!tb_file_exists(path)) {
            print_message("    SKIPPED: no %s\n", path);
            continue;
        }
        info = look(path);
        assert_int_equal(info->bands, images[i].bands);
        print_message("    %s: %lldx%lld %s, gsd %g m, valid %.4f, %s\n", images[i].name,
                      (long long)info->width, (long long)info->height, info->type, info->gsd_m,
                      info->valid_share, info->crs_authority);
        for (size_t p = 0; p < info->problem_count; p++)
            print_message("        %s\n", info->problems[p]);
        if (info->has_crs)
            assert_true(fabs(info->gsd_m - images[i].gsd_m) < 0.15 * images[i].gsd_m);
        tb_info_free(info);
        seen++;
    }
    assert_true(seen > 0);
}

static int remove_files(void **state)
{
    (void)state;
    VSIUnlink(MADE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_projected_image),
        cmocka_unit_test(a_geographic_image_has_metres),
        cmocka_unit_test(what_is_odd_is_told),
        cmocka_unit_test(masks_of_each_kind),
        cmocka_unit_test(expensive_layouts_are_told),
        cmocka_unit_test(who_decodes_is_told),
        cmocka_unit_test(a_sample_of_a_large_image_is_small_and_always_the_same),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(every_failed_allocation_is_told_and_leaves_nothing),
        cmocka_unit_test(hostile_files_give_info_or_a_clear_error),
        cmocka_unit_test(the_file_that_asks_for_171_gigabytes_is_refused),
        cmocka_unit_test(real_images),
    };

    return cmocka_run_group_tests(tests, NULL, remove_files);
}
