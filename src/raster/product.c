#include "raster/product.h"

#include <string.h>

#include <cpl_string.h>
#include <gdal.h>

#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"

struct tb_product {
    tb_safe     *safe;
    const char  *path;   /* for messages; the image's */
    GDALDatasetH grid;   /* whose pixels are the image's */
    GDALDatasetH coarse; /* of 20 m under a grid of 10 m, or the grid itself; may be NULL */
    int          number[TB_SAFE_BANDS_MAX]; /* GDAL's, from 1 */
    int          class_number; /* of the scene classes in `coarse`; 0: no mask of them */
    uint16_t     classes;
    char       **files;
    char        *title, *band_names;
    uint16_t    *scratch; /* of a window, one band of 20 m */
    size_t       scratch_capacity;
};

/* ---- opening ---- */

/* The grid of the image is of 20 m itself. */
static bool is_coarse_grid(const tb_product *product)
{
    return product->coarse == product->grid;
}

static tb_status open_inner(GDALDatasetH *out, const char *name, const char *path, tb_error *err)
{
    tb_capture capture;

    tb_capture_begin(&capture);
    *out = GDALOpenEx(name, GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, NULL, NULL,
                      NULL);
    tb_capture_end(&capture);
    return *out != NULL ? TB_OK
                        : tb_error_set(err, TB_E_INPUT, "open %s: expected its images, got: %s",
                                       path, tb_capture_text(&capture, "none"));
}

/* The number of the band GDAL calls by that name, or 0. */
static int find_band(GDALDatasetH dataset, const char *name)
{
    for (int b = 1; b <= GDALGetRasterCount(dataset); b++) {
        const char *found = GDALGetMetadataItem(GDALGetRasterBand(dataset, b), "BANDNAME", NULL);

        if (found != NULL && strcmp(found, name) == 0)
            return b;
    }
    return 0;
}

static tb_status take_files(tb_product *product, GDALDatasetH dataset, bool is_coarse,
                            tb_error *err)
{
    char    **files  = GDALGetFileList(dataset);
    tb_status status = tb_safe_check_files(product->safe, is_coarse, NULL,
                                           (const char *const *)files, product->path, err);

    if (status == TB_OK && is_coarse && product->classes != 0)
        status = tb_safe_check_files(product->safe, is_coarse, "SCL", (const char *const *)files,
                                     product->path, err);
    product->files = CSLInsertStrings(product->files, -1, files);
    CSLDestroy(files);
    return status;
}

/* Four pixels of the grid to one of 20 m, from the same corner. */
static tb_status check_grids(const tb_product *product, tb_error *err)
{
    double fine[6], coarse[6];

    if (is_coarse_grid(product) || product->coarse == NULL)
        return TB_OK;
    if (GDALGetGeoTransform(product->grid, fine) == CE_None &&
        GDALGetGeoTransform(product->coarse, coarse) == CE_None && coarse[0] == fine[0] &&
        coarse[3] == fine[3] && coarse[1] == 2 * fine[1] && coarse[5] == 2 * fine[5] &&
        (GDALGetRasterXSize(product->grid) + 1) / 2 == GDALGetRasterXSize(product->coarse) &&
        (GDALGetRasterYSize(product->grid) + 1) / 2 == GDALGetRasterYSize(product->coarse))
        return TB_OK;
    return tb_error_set(err, TB_E_INPUT,
                        "open %s: expected one grid for its images of 10 m and 20 m, got two",
                        product->path);
}

static tb_status find_bands(tb_product *product, tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_safe *safe   = product->safe;
    tb_text        text   = {0};

    for (int b = 0; b < safe->bands; b++) {
        GDALDatasetH of = safe->band[b].is_coarse ? product->coarse : product->grid;

        product->number[b] = find_band(of, safe->band[b].name);
        if (product->number[b] == 0) {
            status = tb_error_set(err, TB_E_INPUT, "open %s: expected a band %s, got none",
                                  product->path, safe->band[b].name);
            goto done;
        }
        TB_TRY(tb_text_append(&text, err, "%s%s", b > 0 ? " " : "", safe->band[b].name));
    }
    product->band_names = text.data;
    text                = (tb_text){0};
    TB_TRY(tb_text_append(&text, err, "Sentinel-2 %s, baseline %s", safe->level, safe->baseline));
    product->title = text.data;
    text           = (tb_text){0};
done:
    tb_text_reset(&text);
    return status;
}

static tb_status open_all(tb_product *product, uint16_t classes, tb_error *err)
{
    tb_status      status    = TB_OK;
    const tb_safe *safe      = product->safe;
    bool           is_coarse = safe->band[0].is_coarse;

    TB_TRY(open_inner(&product->grid, is_coarse ? safe->coarse : safe->fine, product->path, err));
    if (is_coarse)
        product->coarse = product->grid;
    else if (safe->band[safe->bands - 1].is_coarse || (safe->has_classes && classes != 0))
        TB_TRY(open_inner(&product->coarse, safe->coarse, product->path, err));
    if (safe->has_classes && classes != 0) {
        product->class_number = find_band(product->coarse, "SCL");
        product->classes      = classes;
    }
    TB_TRY(take_files(product, product->grid, is_coarse, err));
    if (product->coarse != NULL && !is_coarse)
        TB_TRY(take_files(product, product->coarse, true, err));
    TB_TRY(check_grids(product, err));
    TB_TRY(find_bands(product, err));
done:
    return status;
}

tb_status tb_product_open(tb_product **out, tb_safe *safe, const char *path, uint16_t classes,
                          tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_product *product = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&product, 1, sizeof *product, "product", err));
    product->safe = safe;
    product->path = path;
    safe          = NULL;
    TB_TRY(open_all(product, classes, err));
done:
    tb_safe_free(safe);
    if (status == TB_OK)
        *out = product;
    else
        tb_product_close(product);
    return status;
}

void tb_product_close(tb_product *product)
{
    if (product == NULL)
        return;
    if (product->grid != NULL) {
        tb_capture capture;

        tb_capture_begin(&capture);
        if (product->coarse != NULL && !is_coarse_grid(product))
            GDALClose(product->coarse);
        GDALClose(product->grid);
        tb_capture_end(&capture);
    }
    CSLDestroy(product->files);
    tb_safe_free(product->safe);
    tb_free(product->title);
    tb_free(product->band_names);
    tb_free(product->scratch);
    tb_free(product);
}

void *tb_product_dataset(const tb_product *product)
{
    return product->grid;
}

int tb_product_band(const tb_product *product, int band)
{
    return product->number[band];
}

bool tb_product_tiles(const tb_product *product, int *width, int *height)
{
    enum { TILE_MOST = 2048 };
    GDALDatasetH one = NULL;

    for (int i = 0; product->files != NULL && product->files[i] != NULL && one == NULL; i++)
        if (strstr(product->files[i], ".jp2") != NULL)
            one =
                GDALOpenEx(product->files[i], GDAL_OF_RASTER | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (one == NULL)
        return false;
    GDALGetBlockSize(GDALGetRasterBand(one, 1), width, height);
    GDALClose(one);
    return *width >= 1 && *height >= 1 && *width <= TILE_MOST && *height <= TILE_MOST;
}

void tb_product_describe(const tb_product *product, tb_image_info *info)
{
    const tb_safe *safe = product->safe;

    for (int b = 0; b < safe->bands; b++)
        info->offset[b] = safe->band[b].offset;
    info->bands      = safe->bands;
    info->type       = TB_SAMPLE_U16;
    info->type_name  = "UInt16";
    info->has_nodata = true;
    info->has_mask   = product->class_number > 0;
    info->classes    = product->classes;
    info->date       = safe->start;
    info->why_gdal   = "a product";
    info->product    = product->title;
    info->band_names = product->band_names;
    info->files      = product->files;
}

/* ---- reading ---- */

static tb_status product_error(const tb_product *product, const char *band, tb_rect window,
                               const tb_capture *capture, tb_error *err)
{
    tb_error_set(err, TB_E_INPUT,
                 "read %s band %s at column %lld row %lld: expected %lldx%lld pixels, got: %s",
                 product->path, band, (long long)window.x, (long long)window.y,
                 (long long)window.width, (long long)window.height,
                 tb_capture_text(capture, "a read error"));
    tb_error_hint(err, "the product is damaged or not whole: fetch it again from where it came");
    return TB_E_INPUT;
}

/* A band of 20 m, or the scene classes, for a window of the image's grid. */
static tb_status read_coarse(tb_product *product, int number, const char *name, tb_rect window,
                             const uint16_t **out, tb_rect *rect, tb_error *err)
{
    tb_status  status = TB_OK;
    int        scale  = is_coarse_grid(product) ? 1 : 2;
    tb_rect    r      = {window.x / scale, window.y / scale, 0, 0};
    CPLErr     code;
    size_t     needed;
    tb_capture capture;

    r.width  = (window.x + window.width - 1) / scale - r.x + 1;
    r.height = (window.y + window.height - 1) / scale - r.y + 1;
    needed   = (size_t)tb_rect_area(r);
    if (needed > product->scratch_capacity) {
        TB_TRY(tb_grow(&product->scratch, needed, sizeof *product->scratch, "bands of 20 m", err));
        product->scratch_capacity = needed;
    }
    tb_capture_begin_strict(&capture);
    code = GDALRasterIOEx(GDALGetRasterBand(product->coarse, number), GF_Read, (int)r.x, (int)r.y,
                          (int)r.width, (int)r.height, product->scratch, (int)r.width,
                          (int)r.height, GDT_UInt16, 0, 0, NULL);
    if (tb_capture_end(&capture) || code != CE_None)
        status = product_error(product, name, window, &capture, err);
    *out  = product->scratch;
    *rect = r;
done:
    return status;
}

static tb_status read_product_band(tb_product *product, int b, tb_rect window, uint16_t *samples,
                                   tb_error *err)
{
    const tb_safe_band *band   = &product->safe->band[b];
    tb_status           status = TB_OK;
    const uint16_t     *coarse;
    tb_rect             r;
    CPLErr              code;
    tb_capture          capture;

    if (band->is_coarse && !is_coarse_grid(product)) {
        TB_TRY(read_coarse(product, product->number[b], band->name, window, &coarse, &r, err));
        for (int64_t y = 0; y < window.height; y++)
            for (int64_t x = 0; x < window.width; x++)
                samples[y * window.width + x] =
                    coarse[((window.y + y) / 2 - r.y) * r.width + (window.x + x) / 2 - r.x];
        goto done;
    }
    tb_capture_begin_strict(&capture);
    code = GDALRasterIOEx(GDALGetRasterBand(product->grid, product->number[b]), GF_Read,
                          (int)window.x, (int)window.y, (int)window.width, (int)window.height,
                          samples, (int)window.width, (int)window.height, GDT_UInt16, 0, 0, NULL);
    if (tb_capture_end(&capture) || code != CE_None)
        status = product_error(product, band->name, window, &capture, err);
done:
    return status;
}

static tb_status read_classes(tb_product *product, tb_rect window, uint8_t *valid, tb_error *err)
{
    tb_status status = TB_OK;
    int       scale  = is_coarse_grid(product) ? 1 : 2;
    const uint16_t *class;
    tb_rect r;

    TB_TRY(read_coarse(product, product->class_number, "SCL", window, &class, &r, err));
    for (int64_t y = 0; y < window.height; y++)
        for (int64_t x = 0; x < window.width; x++) {
            uint16_t number =
                class[((window.y + y) / scale - r.y) * r.width + (window.x + x) / scale - r.x];

            valid[y * window.width + x] =
                number < TB_SAFE_CLASSES && (product->classes >> number & 1) == 0 ? UINT8_MAX : 0;
        }
done:
    return status;
}

tb_status tb_product_read(tb_product *product, tb_rect window, uint16_t *samples, uint8_t *valid,
                          tb_error *err)
{
    tb_status status = TB_OK;

    for (int b = 0; b < product->safe->bands; b++)
        TB_TRY(read_product_band(product, b, window, samples + b * tb_rect_area(window), err));
    if (valid != NULL)
        TB_TRY(read_classes(product, window, valid, err));
done:
    return status;
}
