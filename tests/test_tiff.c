/* TIFFs without GDAL: every kind gives GDAL's bytes, and what is damaged gives GDAL's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <gdal.h>

#include "core/file.h"
#include "core/memory.h"
#include "raster/capture.h"
#include "raster/image.h"
#include "raster/tiff.h"
#include "scenes.h"

enum { WIDTH = 150, HEIGHT = 141, SENTINEL = 0xa5 };

typedef struct kind {
    const char  *options; /* of GDAL's GTiff driver, with spaces between */
    GDALDataType type;
    int          bands;
    bool         is_direct;
} kind;

/* ---- making files ---- */

/* Slopes and noise: what a predictor is for, and carries in every byte. */
static double value_at(GDALDataType type, int x, int y, int band, uint64_t *seed)
{
    double noise = random_real(seed, -40.0, 40.0), slope = 3.0 * x - 2.0 * y + 700.0 * band;

    switch (type) {
    case GDT_Byte:
        return (double)((int64_t)(slope + noise) & 0xff);
    case GDT_UInt16:
        return (double)((int64_t)(slope + noise) & 0xffff);
    case GDT_Int16:
        return slope - 900.0 + noise;
    case GDT_UInt32:
        return 4294967000.0 - slope * 1e6 + noise;
    case GDT_Int32:
        return (slope - 600.0) * 2e6 + noise;
    case GDT_Float32:
        return random_next(seed) % 50 == 0 ? (double)NAN : slope * 1e-3 + noise;
    default:
        return random_next(seed) % 50 == 0 ? 3.4028235e38 * (1.0 + 1e-9 * noise)
                                           : slope * 1e3 + noise;
    }
}

static void fill(GDALDatasetH dataset, GDALDataType type, int bands, int skipped)
{
    uint64_t seed = 17;
    double  *row  = malloc(WIDTH * sizeof *row);

    for (int b = 0; b < bands; b++)
        for (int y = skipped; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++)
                row[x] = value_at(type, x, y, b, &seed);
            assert_int_equal(GDALRasterIO(GDALGetRasterBand(dataset, b + 1), GF_Write, 0, y, WIDTH,
                                          1, row, WIDTH, 1, GDT_Float64, 0, 0),
                             CE_None);
        }
    free(row);
}

static void make(const char *path, const kind *k, int skipped)
{
    char       **options = CSLTokenizeString2(k->options, " ", 0);
    GDALDatasetH dataset =
        GDALCreate(GDALGetDriverByName("GTiff"), path, WIDTH, HEIGHT, k->bands, k->type, options);

    CSLDestroy(options);
    assert_non_null(dataset);
    if (strstr(k->options, "SPARSE_OK") != NULL && k->bands > 1)
        GDALSetRasterNoDataValue(GDALGetRasterBand(dataset, 1), 7.0);
    CPLPushErrorHandler(CPLQuietErrorHandler); /* of 12 bits it tells that it cuts */
    fill(dataset, k->type, k->bands, skipped);
    GDALClose(dataset);
    CPLPopErrorHandler();
}

/* ---- reading both ways ---- */

static tb_image *open_with(const char *path, const tb_kernels *kernels)
{
    tb_image *image = NULL;
    tb_error  error = {0};

    if (tb_image_open(&image, path, &error) != TB_OK)
        return NULL;
    tb_image_use(image, kernels);
    return image;
}

typedef struct outcome {
    tb_status status;
    tb_error  error;
    size_t    size;
    uint8_t  *bytes; /* samples, then validity */
} outcome;

static outcome read_window(tb_image *image, tb_rect window)
{
    const tb_image_info *info   = tb_image_describe(image);
    size_t               pixels = (size_t)tb_rect_area(window);
    size_t               of     = pixels * (size_t)info->bands * tb_sample_size(info->type);
    outcome              got    = {.size = of + pixels};

    got.bytes = malloc(got.size);
    memset(got.bytes, SENTINEL, got.size);
    got.status = tb_image_read(image, window, got.bytes, got.bytes + of, &got.error);
    return got;
}

/* What is ours of a message: file, block, band. libtiff's part counts rows it has read before. */
static bool is_same_complaint(const char *a, const char *b)
{
    const char *end = strstr(a, ", got: ");

    return strncmp(a, b, end != NULL ? (size_t)(end - a) : strlen(a) + 1) == 0;
}

/* Reads a window both ways; true if it could be read. */
static bool same_both_ways(tb_image *direct, tb_image *through_gdal, tb_rect window)
{
    outcome a = read_window(direct, window), b = read_window(through_gdal, window);
    bool    is_read = b.status == TB_OK;

    if (a.status != b.status || !is_same_complaint(a.error.message, b.error.message))
        fail_msg("%s: \"%s\", and through GDAL \"%s\"", tb_image_describe(direct)->path,
                 a.error.message, b.error.message);
    if (is_read && memcmp(a.bytes, b.bytes, a.size) != 0)
        for (size_t i = 0; i < a.size; i++)
            if (a.bytes[i] != b.bytes[i])
                fail_msg("%s at %lld %lld: byte %zu differs", tb_image_describe(direct)->path,
                         (long long)window.x, (long long)window.y, i);
    free(a.bytes);
    free(b.bytes);
    return is_read;
}

/*
 * All tiles as the cache asks for them, the image as a whole, and a window of no blocks. Returns
 * how many windows were decoded without GDAL; *read is how many could be read.
 */
static int64_t compare(const char *path, const tb_kernels *kernels, int *read)
{
    tb_image            *direct = open_with(path, kernels), *other = open_with(path, NULL);
    const tb_image_info *info  = tb_image_describe(direct);
    tb_rect              whole = {0, 0, info->width, info->height};
    int64_t              without, with;

    *read = 0;
    for (int64_t y = 0; y < info->height; y += info->tile_height)
        for (int64_t x = 0; x < info->width; x += info->tile_width)
            *read += same_both_ways(
                direct, other,
                tb_rect_intersect((tb_rect){x, y, info->tile_width, info->tile_height}, whole));
    if (info->width * info->height < 1 << 22) {
        same_both_ways(direct, other, whole);
        same_both_ways(
            direct, other,
            tb_rect_intersect((tb_rect){3, 5, info->width - 4, info->height - 7}, whole));
    }
    tb_image_count(direct, &without, &with);
    tb_image_close(direct);
    tb_image_close(other);
    return without;
}

#define TILED "TILED=YES BLOCKXSIZE=64 BLOCKYSIZE=32 "

static const kind kinds[] = {
    {TILED, GDT_UInt16, 4, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 4, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2", GDT_UInt16, 4, true},
    {TILED "COMPRESS=DEFLATE", GDT_UInt16, 3, true},
    {TILED "COMPRESS=ZSTD", GDT_Byte, 3, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_Byte, 1, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_Byte, 2, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_Byte, 3, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2 PHOTOMETRIC=RGB", GDT_Byte, 3, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2 PHOTOMETRIC=RGB ALPHA=YES", GDT_Byte, 4, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2 ALPHA=YES", GDT_UInt16, 5, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2 ALPHA=YES INTERLEAVE=BAND", GDT_UInt16, 5, true},
    {TILED "COMPRESS=ZSTD ALPHA=YES", GDT_Int16, 3, true},
    {TILED "COMPRESS=ZSTD ALPHA=YES", GDT_Float32, 3, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_Byte, 7, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 1, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 2, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 3, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2", GDT_Int16, 13, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2", GDT_UInt32, 3, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2", GDT_Int32, 2, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=2", GDT_Float32, 2, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=3", GDT_Float32, 1, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=3", GDT_Float32, 4, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=3 ENDIANNESS=BIG", GDT_Float32, 4, true},
    {TILED "COMPRESS=ZSTD PREDICTOR=3", GDT_Float64, 2, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=3 INTERLEAVE=BAND", GDT_Float64, 2, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2 ENDIANNESS=BIG", GDT_UInt16, 4, true},
    {TILED "COMPRESS=DEFLATE PREDICTOR=2 ENDIANNESS=BIG", GDT_UInt32, 3, true},
    {TILED "ENDIANNESS=BIG", GDT_Float64, 3, true},
    {TILED "ENDIANNESS=BIG BIGTIFF=YES", GDT_Int16, 3, true},
    {TILED "BIGTIFF=YES COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 4, true},
    {TILED "INTERLEAVE=BAND COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 4, true},
    {TILED "INTERLEAVE=BAND", GDT_Byte, 3, true},
    {"COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 4, true},
    {"COMPRESS=ZSTD BLOCKYSIZE=16", GDT_Int32, 2, true},
    {"COMPRESS=ZSTD INTERLEAVE=BAND BLOCKYSIZE=1", GDT_UInt16, 3, true},
    {"INTERLEAVE=BAND", GDT_Float32, 3, true},
    {"BLOCKYSIZE=141", GDT_UInt16, 2, true},
    {"BLOCKYSIZE=141 INTERLEAVE=BAND", GDT_UInt16, 2, true},
    {"BLOCKYSIZE=200 COMPRESS=DEFLATE", GDT_UInt16, 2, true},
    {TILED "COMPRESS=DEFLATE SPARSE_OK=TRUE", GDT_UInt16, 4, true},
    {TILED "SPARSE_OK=TRUE", GDT_Byte, 1, true},
    {TILED "COMPRESS=DEFLATE PHOTOMETRIC=MINISWHITE", GDT_Byte, 1, true},
    {TILED "COMPRESS=LZW PREDICTOR=2", GDT_UInt16, 4, false},
    {TILED "COMPRESS=PACKBITS", GDT_Byte, 3, false},
    {TILED "COMPRESS=JPEG", GDT_Byte, 3, false},
    {TILED "COMPRESS=JPEG PHOTOMETRIC=YCBCR", GDT_Byte, 3, false},
    {TILED "NBITS=12 COMPRESS=DEFLATE", GDT_UInt16, 4, false},
    {TILED "NBITS=1", GDT_Byte, 1, false},
    {TILED "NBITS=16", GDT_Float32, 1, false},
    {TILED "PHOTOMETRIC=CMYK COMPRESS=DEFLATE", GDT_Byte, 4, false},
};

static const tb_kernels *every_set(int number)
{
    static const char *const names[] = {"c", "avx2", "avx512"};

    return tb_kernels_named(names[number], tb_kernels_features());
}

static void every_kind_gives_the_same_bytes(void **state)
{
    char path[300];

    (void)state;
    in_folder("kind.tif", path, sizeof path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k         = &kinds[i];
        bool        is_sparse = strstr(k->options, "SPARSE_OK") != NULL;
        tb_image   *image;

        make(path, k, is_sparse ? 100 : 0);
        image = open_with(path, NULL);
        if (tb_image_describe(image)->is_direct != k->is_direct ||
            (tb_image_describe(image)->why_gdal[0] == '\0') != k->is_direct)
            fail_msg("%s, %s, %d bands: expected it %s, got \"%s\"", k->options,
                     GDALGetDataTypeName(k->type), k->bands, k->is_direct ? "direct" : "GDAL's",
                     tb_image_describe(image)->why_gdal);
        tb_image_close(image);
        for (int set = 0; set < 3; set++) {
            int     read    = 0;
            int64_t without = every_set(set) != NULL ? compare(path, every_set(set), &read) : -1;

            /* The tiles and the whole, and the inner window where that is of whole blocks too. */
            if (without >= 0 && (read == 0 || (without > read) != (k->is_direct && !is_sparse)))
                fail_msg("%s, %s, %d bands: %d tiles, %lld windows without GDAL", k->options,
                         GDALGetDataTypeName(k->type), k->bands, read, (long long)without);
        }
        unlink(path);
    }
}

/* ---- damaged files ---- */

static uint8_t *slurp(const char *path, size_t *size)
{
    FILE    *file = fopen(path, "rb");
    uint8_t *bytes;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void spill(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Cut short, or with bytes changed: the same pixels as GDAL's or the same words. */
static void damage_is_told_as_by_gdal(void **state)
{
    static const kind some[] = {{TILED "COMPRESS=DEFLATE PREDICTOR=2", GDT_UInt16, 4, true},
                                {TILED "COMPRESS=ZSTD PREDICTOR=3", GDT_Float32, 2, true},
                                {TILED "INTERLEAVE=BAND", GDT_Byte, 3, true},
                                {"COMPRESS=DEFLATE", GDT_Int16, 2, true},
                                {"BLOCKYSIZE=141", GDT_UInt16, 2, true}};
    uint64_t          seed   = 5;
    char              path[300], broken[300];
    int               opened = 0, whole = 0, refused = 0;

    (void)state;
    in_folder("good.tif", path, sizeof path);
    in_folder("broken.tif", broken, sizeof broken);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        size_t   size;
        uint8_t *good;

        make(path, &some[i], 0);
        good = slurp(path, &size);
        for (int round = 0; round < 60; round++) {
            uint8_t  *bytes = malloc(size);
            size_t    left  = size;
            tb_image *image;
            int       read = 0;

            memcpy(bytes, good, size);
            if (round % 3 == 0)
                left = (size_t)random_between(&seed, (int64_t)size / 3, (int64_t)size - 1);
            else
                for (int n = 0; n < 3; n++)
                    bytes[random_between(&seed, 0, round % 3 == 1 ? 600 : (int64_t)size - 1)] =
                        (uint8_t)random_next(&seed);
            spill(broken, bytes, left);
            free(bytes);
            image = open_with(broken, NULL);
            if (image != NULL &&
                tb_image_describe(image)->width * tb_image_describe(image)->height < 1 << 20 &&
                tb_image_describe(image)->block_width * tb_image_describe(image)->block_height <
                    1 << 20) {
                const tb_image_info *info = tb_image_describe(image);
                int64_t tiles = (info->width + info->tile_width - 1) / info->tile_width *
                                ((info->height + info->tile_height - 1) / info->tile_height);

                compare(broken, kernels_here(), &read);
                opened++;
                whole += read == tiles;
                refused += read < tiles;
            }
            tb_image_close(image);
            unlink(broken);
        }
        free(good);
        unlink(path);
    }
    print_message("    %d opened, of them %d whole and %d refused in part\n", opened, whole,
                  refused);
    assert_true(whole > 20 && refused > 100);
}

static const char *data_folder(void)
{
    const char *named = getenv("TUBAN_DATA");

    return named != NULL ? named : TUBAN_SOURCE_DIR "/../shared/data";
}

typedef struct seen {
    char    folder[1024];
    int     images, direct;
    int64_t windows;
} seen;

static tb_status look_at(void *context, const char *name, tb_error *err)
{
    seen     *of = context;
    char      path[2048];
    tb_image *image;

    (void)err;
    snprintf(path, sizeof path, "%s/%s", of->folder, name);
    image = open_with(path, NULL);
    if (image == NULL)
        return TB_OK;

    const tb_image_info *info = tb_image_describe(image);
    bool is_small             = info->block_width * info->block_height * info->bands < 1 << 24 &&
                    info->tile_width * info->tile_height * info->bands < 1 << 24 &&
                    info->width * info->height < 1 << 26;
    int read = 0;

    of->images++;
    of->direct += info->is_direct;
    tb_image_close(image);
    if (is_small)
        of->windows += compare(path, kernels_here(), &read);
    return TB_OK;
}

static void files_of_others(void **state)
{
    static const char *const folders[] = {
        "tiff_robustness/libtiff", "tiff_robustness/pillow",  "tiff_robustness/rio", "oscd_beihai",
        "naip_northdakota_series", "sentinel2_slovenia_lulc", "landsat_taizhou",     "sar_bern"};
    seen of = {0};

    (void)state;
    if (!tb_file_exists(data_folder())) {
        print_message("    SKIPPED: no %s\n", data_folder());
        skip();
    }
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        snprintf(of.folder, sizeof of.folder, "%s/%s", data_folder(), folders[f]);
        if (tb_file_exists(of.folder))
            assert_int_equal(tb_folder_each(of.folder, look_at, &of, NULL), TB_OK);
    }
    print_message("    %d images, %d of them direct, %lld windows without GDAL\n", of.images,
                  of.direct, (long long)of.windows);
    assert_true(of.images > 50 && of.direct > 10 && of.windows > 10);
}

/* ---- the rest ---- */

static void every_failed_allocation_is_told(void **state)
{
    const kind k = {TILED "COMPRESS=DEFLATE PREDICTOR=3", GDT_Float32, 2, true};
    char       path[300];
    float      samples[2 * 64 * 32];
    size_t     held = tb_memory_in_use();
    int        n    = 0;
    bool       was_hit;

    (void)state;
    in_folder("memory.tif", path, sizeof path);
    make(path, &k, 0);
    do {
        tb_image *image  = NULL;
        tb_error  error  = {0};
        tb_status status = TB_OK;

        tb_memory_fail_at(++n);
        status = tb_image_open(&image, path, &error);
        if (status == TB_OK) {
            tb_image_use(image, kernels_here());
            status = tb_image_read(image, (tb_rect){0, 0, 64, 32}, samples, NULL, &error);
        }
        was_hit = tb_memory_has_failed() != 0;
        tb_memory_fail_at(0);
        tb_image_close(image);
        assert_int_equal(status, was_hit ? TB_E_MEMORY : TB_OK);
        assert_int_equal(tb_memory_in_use(), held);
    } while (was_hit);
    assert_true(n > 8);
    unlink(path);
}

static void the_variable_chooses_the_way(void **state)
{
    const kind k = {TILED, GDT_UInt16, 2, true};
    char       path[300];
    tb_image  *image = NULL;
    tb_error   error = {0};

    (void)state;
    in_folder("way.tif", path, sizeof path);
    make(path, &k, 0);
    setenv("TUBAN_READ", "gdal", 1);
    assert_int_equal(tb_image_open(&image, path, &error), TB_OK);
    assert_false(tb_image_describe(image)->is_direct);
    assert_string_equal(tb_image_describe(image)->why_gdal, "TUBAN_READ=gdal");
    tb_image_close(image);
    setenv("TUBAN_READ", "direct", 1);
    assert_int_equal(tb_image_open(&image, path, &error), TB_OK);
    assert_true(tb_image_describe(image)->is_direct);
    tb_image_close(image);
    setenv("TUBAN_READ", "GDAL", 1);
    assert_int_equal(tb_image_open(&image, path, &error), TB_E_USAGE);
    assert_non_null(strstr(error.message, "expected TUBAN_READ to be direct or gdal, got GDAL"));
    unsetenv("TUBAN_READ");
    unlink(path);
}

static int begin(void **state)
{
    (void)state;
    tb_gdal_register();
    folder_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_gives_the_same_bytes),
        cmocka_unit_test(damage_is_told_as_by_gdal),
        cmocka_unit_test(files_of_others),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(the_variable_chooses_the_way),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
