#include "raster/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"
#include "raster/product.h"
#include "raster/tiff.h"

struct tb_image {
    GDALDatasetH  dataset;
    tb_image_info info;
    int           band_number[TB_BANDS_MAX]; /* GDAL's, from 1 */
    int           alpha_number;              /* 0: none */
    int           measured_alpha;            /* called alpha, taken for a band; 0: none */
    GDALDataType  buffer_type;
    char         *path;
    char         *crs;

    tb_product *product; /* a Sentinel-2 product, whose dataset this is; else NULL */

    tb_tiff          *tiff;    /* NULL: GDAL reads everything */
    const tb_kernels *kernels; /* NULL: still */
    char              why_gdal[64];
    int64_t           direct_windows, gdal_windows;
};

/* Rows and columns that are decoded at once where the file's own blocks are smaller, and rows where
 * any can be read. */
enum { TILE_LEAST = 256, STRIP_ROWS_LEAST = 64 };

size_t tb_sample_size(tb_sample_type type)
{
    switch (type) {
    case TB_SAMPLE_U8:
        return 1;
    case TB_SAMPLE_U16:
    case TB_SAMPLE_I16:
        return 2;
    case TB_SAMPLE_F32:
        break;
    }
    return 4;
}

static int64_t grouped(int64_t block, int64_t least, int64_t extent)
{
    int64_t tile = block >= least ? block : (least + block - 1) / block * block;

    return tile < extent ? tile : extent;
}

static void describe_layout(tb_image *image)
{
    GDALRasterBandH band = GDALGetRasterBand(image->dataset, image->band_number[0]);
    tb_image_info  *info = &image->info;
    const char     *value;
    int             width = 0, height = 0;

    GDALGetBlockSize(band, &width, &height);
    info->block_width  = width;
    info->block_height = height;
    info->tile_width   = grouped(width, TILE_LEAST, info->width);
    info->tile_height =
        grouped(height, width >= info->width ? STRIP_ROWS_LEAST : TILE_LEAST, info->height);
    value             = GDALGetMetadataItem(image->dataset, "COMPRESSION", "IMAGE_STRUCTURE");
    info->compression = value != NULL ? value : "none";
    value             = GDALGetMetadataItem(image->dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    info->interleave  = value != NULL ? value : "";
    value             = GDALGetMetadataItem(image->dataset, "ACQUISITIONDATETIME", "IMAGERY");
    if (value == NULL)
        value = GDALGetMetadataItem(image->dataset, "TIFFTAG_DATETIME", NULL);
    info->date    = value != NULL ? value : "";
    info->driver  = GDALGetDriverShortName(GDALGetDatasetDriver(image->dataset));
    info->product = info->band_names = info->why_gdal = "";
}

/*
 * Tells whether a band that is called alpha measures something: writers call the fourth band of an
 * 8-bit image alpha, and so a near infrared. An alpha is 0 or full almost everywhere, or has few
 * values.
 */
static tb_status look_at_alpha(const tb_image *image, GDALRasterBandH band, bool *is_measured,
                               tb_error *err)
{
    enum { SIDE = 128, PLACES = 3, VALUES = 65536, VALUES_OF_A_MASK = 16 };
    int width = GDALGetRasterXSize(image->dataset), height = GDALGetRasterYSize(image->dataset);
    int columns = width < SIDE ? width : SIDE, rows = height < SIDE ? height : SIDE;
    int full    = GDALGetRasterDataType(band) == GDT_Byte ? UINT8_MAX : UINT16_MAX;
    int between = 0, total = 0, values = 0;
    uint16_t *samples = NULL;
    bool     *is_seen = NULL;
    tb_status status  = TB_OK;

    TB_TRY(tb_alloc(&samples, (size_t)columns * (size_t)rows, sizeof *samples, "alpha", err));
    TB_TRY(tb_alloc_zero(&is_seen, VALUES, sizeof *is_seen, "alpha", err));
    for (int i = 0; i < PLACES; i++) {
        int x = (width - columns) / (PLACES - 1) * i, y = (height - rows) / (PLACES - 1) * i;

        if (GDALRasterIO(band, GF_Read, x, y, columns, rows, samples, columns, rows, GDT_UInt16, 0,
                         0) != CE_None)
            break; /* what cannot be read is told when it is needed */
        for (int k = 0; k < columns * rows; k++, total++) {
            between += samples[k] != 0 && samples[k] != full;
            values += !is_seen[samples[k]];
            is_seen[samples[k]] = true;
        }
    }
    *is_measured = values > VALUES_OF_A_MASK && between * 20 > total;
done:
    tb_free(samples);
    tb_free(is_seen);
    return status;
}

static tb_status describe_bands(tb_image *image, tb_error *err)
{
    tb_image_info *info        = &image->info;
    int            total       = GDALGetRasterCount(image->dataset);
    GDALDataType   type        = GDT_Unknown;
    bool           is_measured = false;

    for (int b = 1; b <= total; b++) {
        GDALRasterBandH band = GDALGetRasterBand(image->dataset, b);

        if (GDALGetRasterColorInterpretation(band) == GCI_AlphaBand && total > 1) {
            tb_status status = look_at_alpha(image, band, &is_measured, err);

            if (status != TB_OK)
                return status;
            if (!is_measured) {
                info->has_mask      = true;
                image->alpha_number = b;
                continue;
            }
            image->measured_alpha = b;
        }
        if (info->bands == TB_BANDS_MAX)
            return tb_error_set(err, TB_E_INPUT, "open %s: expected 1 to %d bands, got %d",
                                info->path, TB_BANDS_MAX, total);
        if (GDALDataTypeIsComplex(GDALGetRasterDataType(band)))
            return tb_error_set(err, TB_E_INPUT, "open %s band %d: expected real samples, got %s",
                                info->path, b, GDALGetDataTypeName(GDALGetRasterDataType(band)));
        image->band_number[info->bands++] = b;
        if (info->bands == 1)
            type = GDALGetRasterDataType(band);
        else if (type != GDALGetRasterDataType(band))
            type = GDT_Float32;
    }
    if (info->bands == 0) {
        const char *inner =
            CSLFetchNameValue(GDALGetMetadata(image->dataset, "SUBDATASETS"), "SUBDATASET_1_NAME");

        tb_error_set(err, TB_E_INPUT, "open %s: expected 1 to %d bands, got none", info->path,
                     TB_BANDS_MAX);
        if (inner != NULL)
            tb_error_hint(err, "it holds several images: name one of them, such as %s", inner);
        return TB_E_INPUT;
    }
    info->type_name = GDALGetDataTypeName(
        GDALGetRasterDataType(GDALGetRasterBand(image->dataset, image->band_number[0])));
    info->type         = type == GDT_Byte     ? TB_SAMPLE_U8
                         : type == GDT_UInt16 ? TB_SAMPLE_U16
                         : type == GDT_Int16  ? TB_SAMPLE_I16
                                              : TB_SAMPLE_F32;
    image->buffer_type = info->type == TB_SAMPLE_F32 ? GDT_Float32 : type;

    GDALRasterBandH first = GDALGetRasterBand(image->dataset, image->band_number[0]);
    int             flag  = 0;

    info->nodata     = GDALGetRasterNoDataValue(first, &flag);
    info->has_nodata = flag != 0;
    if ((GDALGetMaskFlags(first) & (GMF_PER_DATASET | GMF_ALPHA)) == GMF_PER_DATASET)
        info->has_mask = true;
    return TB_OK;
}

static tb_status describe_grid(tb_image *image, tb_error *err)
{
    static const double  unit[6] = {0, 1, 0, 0, 0, 1};
    tb_image_info       *info    = &image->info;
    OGRSpatialReferenceH crs     = GDALGetSpatialRef(image->dataset);
    tb_status            status  = TB_OK;
    char                *wkt     = NULL;

    info->width  = GDALGetRasterXSize(image->dataset);
    info->height = GDALGetRasterYSize(image->dataset);
    if (info->width < 1 || info->height < 1)
        return tb_error_set(err, TB_E_INPUT,
                            "open %s: expected at least one pixel, got %lld x %lld", info->path,
                            (long long)info->width, (long long)info->height);
    memcpy(info->transform, unit, sizeof unit);
    if (GDALGetGeoTransform(image->dataset, info->transform) == CE_None) {
        const double *t = info->transform;

        info->has_transform = memcmp(t, unit, sizeof unit) != 0;
        if (!isfinite(t[0]) || !isfinite(t[3]) || t[1] * t[5] - t[2] * t[4] == 0.0 ||
            !isfinite(t[1] * t[5] - t[2] * t[4]))
            return tb_error_set(err, TB_E_INPUT,
                                "open %s: expected an invertible geotransform, got "
                                "%g %g %g %g %g %g",
                                info->path, t[0], t[1], t[2], t[3], t[4], t[5]);
    } else {
        memcpy(info->transform, unit, sizeof unit);
    }
    if (crs != NULL && info->has_transform) {
        static const char *const options[] = {"FORMAT=WKT2_2019", NULL};

        if (OSRExportToWktEx(crs, &wkt, options) == OGRERR_NONE && wkt != NULL && wkt[0] != '\0') {
            status    = tb_copy_text(&image->crs, wkt, err);
            info->crs = image->crs;
        }
        CPLFree(wkt);
    }
    return status;
}

/* ---- without GDAL ---- */

static tb_status check_wish(const char *path, bool *is_gdal, tb_error *err)
{
    const char *wish = getenv("TUBAN_READ");

    *is_gdal = wish != NULL && strcmp(wish, "gdal") == 0;
    if (wish == NULL || wish[0] == '\0' || *is_gdal || strcmp(wish, "direct") == 0)
        return TB_OK;
    return tb_error_set(err, TB_E_USAGE,
                        "open %s: expected TUBAN_READ to be direct or gdal, got %s", path, wish);
}

/* False for a type TIFFs of it are not decoded by tiff.c. */
static bool sample_of(GDALDataType type, tb_tiff_sample *out)
{
    static const struct {
        GDALDataType   type;
        tb_tiff_sample sample;
    } samples[] = {{GDT_Byte, TB_TIFF_U8},    {GDT_UInt16, TB_TIFF_U16}, {GDT_Int16, TB_TIFF_I16},
                   {GDT_UInt32, TB_TIFF_U32}, {GDT_Int32, TB_TIFF_I32},  {GDT_Float32, TB_TIFF_F32},
                   {GDT_Float64, TB_TIFF_F64}};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if (samples[i].type == type) {
            *out = samples[i].sample;
            return true;
        }
    return false;
}

/* Whether tiff.c can read the image's blocks, and else why not. */
static tb_status find_way(tb_image *image, tb_error *err)
{
    tb_status        status   = TB_OK;
    tb_image_info   *info     = &image->info;
    GDALRasterBandH  first    = GDALGetRasterBand(image->dataset, 1);
    tb_tiff_expected expected = {.width        = info->width,
                                 .height       = info->height,
                                 .block_width  = info->block_width,
                                 .block_height = info->block_height,
                                 .bands        = GDALGetRasterCount(image->dataset)};
    const char      *why      = NULL, *place;
    bool             is_gdal;

    TB_TRY(check_wish(image->path, &is_gdal, err));
    if (is_gdal)
        why = "TUBAN_READ=gdal";
    else if (strcmp(info->driver, "GTiff") != 0)
        why = "not a TIFF";
    else if (!sample_of(GDALGetRasterDataType(first), &expected.sample))
        why = "samples of another size or format";
    if (why != NULL) {
        strcpy(image->why_gdal, why);
        goto done;
    }
    place                 = GDALGetMetadataItem(first, "BLOCK_OFFSET_0_0", "TIFF");
    expected.first_offset = place != NULL ? strtoull(place, NULL, 10) : 0;
    TB_TRY(tb_tiff_open(&image->tiff, image->path, &expected, image->why_gdal,
                        sizeof image->why_gdal, err));
    info->is_direct = image->tiff != NULL;
    if (info->is_direct)
        info->decoder_bytes = tb_tiff_bytes(image->tiff);
    info->is_stored = info->is_direct && tb_tiff_is_stored(image->tiff);
    if (info->is_stored && info->tile_height > STRIP_ROWS_LEAST)
        info->tile_height = STRIP_ROWS_LEAST;
done:
    info->why_gdal = image->why_gdal;
    return status;
}

/* Where what is not done, GDAL has to read. */
static tb_status read_directly(tb_image *image, tb_rect window, void *samples, uint8_t *valid,
                               bool is_pixels, bool *is_done, tb_error *err)
{
    const tb_image_info *info     = &image->info;
    bool                 is_alpha = info->has_mask && valid != NULL;
    tb_tiff_target       target   = {.bands     = info->bands,
                                     .band      = image->band_number,
                                     .samples   = samples,
                                     .is_pixels = is_pixels,
                                     .alpha     = is_alpha ? image->alpha_number : 0,
                                     .valid     = valid};

    *is_done = false;
    if (image->tiff == NULL || image->kernels == NULL)
        return TB_OK;
    if (is_alpha && (image->alpha_number == 0 || !tb_tiff_can_read_alpha(image->tiff)))
        return TB_OK;
    return tb_tiff_read(image->tiff, window, &target, image->kernels, is_done, err);
}

/* GDAL shows blocks of 128 pixels of a product; what is decoded at once is a tile of the files
 * behind. */
static void take_tiles(tb_image *image)
{
    tb_image_info *info = &image->info;
    int            width, height;

    if (!tb_product_tiles(image->product, &width, &height))
        return;
    info->block_width  = width;
    info->block_height = height;
    info->tile_width   = grouped(width, TILE_LEAST, info->width);
    info->tile_height  = grouped(height, TILE_LEAST, info->height);
}

/* Takes the safe. */
static tb_status open_product(tb_image *image, tb_safe *safe, const tb_image_options *options,
                              tb_error *err)
{
    tb_status status = TB_OK;
    uint16_t  classes =
        options != NULL && options->has_classes ? options->classes : tb_safe_default_classes();

    TB_TRY(tb_product_open(&image->product, safe, image->path, classes, err));
    image->dataset     = tb_product_dataset(image->product);
    image->buffer_type = GDT_UInt16;
    for (int b = 0; b < safe->bands; b++)
        image->band_number[b] = tb_product_band(image->product, b);
    TB_TRY(describe_grid(image, err));
    describe_layout(image);
    take_tiles(image);
    tb_product_describe(image->product, &image->info);
done:
    return status;
}

tb_status tb_image_open(tb_image **out, const char *path, tb_error *err)
{
    return tb_image_open_as(out, path, NULL, err);
}

tb_status tb_image_open_as(tb_image **out, const char *path, const tb_image_options *options,
                           tb_error *err)
{
    tb_status  status  = TB_OK;
    tb_image  *image   = NULL;
    tb_safe   *safe    = NULL;
    bool       is_open = false;
    tb_capture capture;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&image, 1, sizeof *image, "image", err));
    TB_TRY(tb_copy_text(&image->path, path, err));
    image->info.path = image->path;
    TB_TRY(tb_safe_read(&safe, path, options != NULL ? options->bands : TB_SAFE_10M, err));
    if (safe != NULL) {
        tb_capture_begin(&capture);
        is_open = true;
        TB_TRY(open_product(image, safe, options, err));
        goto done;
    }

    tb_capture_begin(&capture);
    image->dataset =
        tb_gdal_open(path, GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, NULL);
    tb_capture_end(&capture);
    if (image->dataset == NULL) {
        if (!tb_file_exists(path))
            status =
                tb_error_set(err, TB_E_INPUT, "open %s: expected an image, got no such file", path);
        else
            status =
                tb_error_set(err, TB_E_INPUT, "open %s: expected an image GDAL can read, got: %s",
                             path, tb_capture_text(&capture, "an unknown format"));
        goto done;
    }
    tb_capture_begin(&capture);
    is_open = true;
    if (strcmp(GDALGetDriverShortName(GDALGetDatasetDriver(image->dataset)), "SENTINEL2") == 0) {
        status = tb_error_set(err, TB_E_INPUT,
                              "open %s: expected a Sentinel-2 product as a whole, got a part of it",
                              path);
        tb_error_hint(err, "name the SAFE folder or its .zip: its metadata tells of offsets");
        goto done;
    }
    TB_TRY(describe_bands(image, err));
    TB_TRY(describe_grid(image, err));
    describe_layout(image);
    TB_TRY(find_way(image, err));
done:
    if (is_open)
        tb_capture_end(&capture);
    if (status == TB_OK)
        *out = image;
    else
        tb_image_close(image);
    return status;
}

void tb_image_close(tb_image *image)
{
    if (image == NULL)
        return;
    if (image->product == NULL && image->dataset != NULL) {
        tb_capture capture;

        tb_capture_begin(&capture);
        GDALClose(image->dataset);
        tb_capture_end(&capture);
    }
    tb_product_close(image->product);
    tb_tiff_close(image->tiff);
    tb_free(image->crs);
    tb_free(image->path);
    tb_free(image);
}

const tb_image_info *tb_image_describe(const tb_image *image)
{
    return &image->info;
}

void tb_image_mask_alpha(tb_image *image)
{
    int kept = 0;

    if (image->measured_alpha == 0 || image->info.bands == 1)
        return;
    for (int b = 0; b < image->info.bands; b++)
        if (image->band_number[b] != image->measured_alpha)
            image->band_number[kept++] = image->band_number[b];
    image->info.bands     = kept;
    image->info.has_mask  = true;
    image->alpha_number   = image->measured_alpha;
    image->measured_alpha = 0;
}

void tb_image_use(tb_image *image, const tb_kernels *kernels)
{
    image->kernels = kernels;
}

void tb_image_set_nodata(tb_image *image, double nodata)
{
    image->info.has_nodata = true;
    image->info.nodata     = nodata;
}

/* The first block of the window that cannot be read, for the message; false if none fails again. */
static bool find_bad_block(tb_image *image, tb_rect window, int number, int64_t *column,
                           int64_t *row)
{
    const tb_image_info *info = &image->info;
    GDALRasterBandH      band = GDALGetRasterBand(image->dataset, number);
    void                *one  = NULL;
    bool                 bad  = false;
    size_t               size = (size_t)GDALGetDataTypeSizeBytes(GDALGetRasterDataType(band));

    if (tb_alloc(&one, (size_t)(info->block_width * info->block_height), size, "block", NULL) !=
        TB_OK)
        return false;
    for (*row = window.y / info->block_height;
         *row <= (window.y + window.height - 1) / info->block_height; ++*row) {
        for (*column = window.x / info->block_width;
             *column <= (window.x + window.width - 1) / info->block_width; ++*column) {
            tb_capture capture;
            CPLErr     code;

            tb_capture_begin_strict(&capture);
            code = GDALReadBlock(band, (int)*column, (int)*row, one);
            bad  = tb_capture_end(&capture) || code != CE_None;
            if (bad)
                goto done;
        }
    }
done:
    tb_free(one);
    return bad;
}

static tb_status read_error(tb_image *image, tb_rect window, tb_error *err,
                            const tb_capture *capture)
{
    const tb_image_info *info   = &image->info;
    int64_t              column = 0, row = 0;
    int                  bad_band = 0;

    for (int b = 0; b < info->bands && bad_band == 0; b++)
        if (find_bad_block(image, window, image->band_number[b], &column, &row))
            bad_band = image->band_number[b];
    if (bad_band == 0)
        tb_error_set(err, TB_E_INPUT,
                     "read %s at column %lld row %lld: expected %lldx%lld pixels, got: %s",
                     info->path, (long long)window.x, (long long)window.y, (long long)window.width,
                     (long long)window.height, tb_capture_text(capture, "a read error"));
    else
        tb_error_set(err, TB_E_INPUT,
                     "read %s block (%lld,%lld) band %d: expected %lldx%lld pixels, got: %s",
                     info->path, (long long)column, (long long)row, bad_band,
                     (long long)info->block_width, (long long)info->block_height,
                     tb_capture_text(capture, "a read error"));
    tb_error_hint(err, "the file is cut short or damaged: fetch it again from where it came");
    return TB_E_INPUT;
}

/* Where a nodata value is declared too, GDAL's own mask forgets the alpha band. */
static GDALRasterBandH mask_of(tb_image *image)
{
    if (image->alpha_number > 0)
        return GDALGetRasterBand(image->dataset, image->alpha_number);
    return GDALGetMaskBand(GDALGetRasterBand(image->dataset, image->band_number[0]));
}

static tb_status check_window(const tb_image_info *info, tb_rect window, tb_error *err)
{
    if (window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0 &&
        window.x + window.width <= info->width && window.y + window.height <= info->height)
        return TB_OK;
    return tb_error_set(
        err, TB_E_BUG, "read %s: expected a window inside %lldx%lld, got %lld %lld %lldx%lld",
        info->path, (long long)info->width, (long long)info->height, (long long)window.x,
        (long long)window.y, (long long)window.width, (long long)window.height);
}

tb_status tb_image_read(tb_image *image, tb_rect window, void *samples, uint8_t *valid,
                        tb_error *err)
{
    const tb_image_info *info   = &image->info;
    int                  width  = (int)window.width;
    int                  height = (int)window.height;
    CPLErr               code;
    tb_capture           capture;
    bool                 is_done = false;
    tb_status            status  = check_window(info, window, err);

    if (status == TB_OK && image->product != NULL)
        return tb_product_read(image->product, window, samples, info->has_mask ? valid : NULL, err);
    if (status == TB_OK)
        status = read_directly(image, window, samples, valid, false, &is_done, err);
    image->direct_windows += is_done;
    if (status != TB_OK || is_done)
        return status;
    image->gdal_windows++;
    tb_capture_begin_strict(&capture);
    code = GDALDatasetRasterIOEx(image->dataset, GF_Read, (int)window.x, (int)window.y, width,
                                 height, samples, width, height, image->buffer_type, info->bands,
                                 image->band_number, 0, 0, 0, NULL);
    if (code == CE_None && info->has_mask && valid != NULL)
        code = GDALRasterIOEx(mask_of(image), GF_Read, (int)window.x, (int)window.y, width, height,
                              valid, width, height, GDT_Byte, 0, 0, NULL);
    if (tb_capture_end(&capture) || code != CE_None)
        return read_error(image, window, err, &capture);
    return TB_OK;
}

tb_status tb_image_read_pixels(tb_image *image, tb_rect window, void *samples, bool *is_done,
                               tb_error *err)
{
    tb_status status = check_window(&image->info, window, err);

    *is_done = false;
    if (status == TB_OK && image->tiff != NULL && !image->info.has_mask &&
        (image->info.type == TB_SAMPLE_U8 || image->info.type == TB_SAMPLE_U16) &&
        tb_tiff_has_pixels(image->tiff, image->info.bands, image->band_number))
        status = read_directly(image, window, samples, NULL, true, is_done, err);
    image->direct_windows += *is_done;
    return status;
}

void tb_image_count(const tb_image *image, int64_t *direct, int64_t *gdal)
{
    *direct = image->direct_windows;
    *gdal   = image->gdal_windows;
}

tb_status tb_image_read_band(tb_image *image, int band, tb_rect window, double *samples,
                             tb_error *err)
{
    GDALRasterBandH source = GDALGetRasterBand(image->dataset, image->band_number[band]);
    CPLErr          code;
    tb_capture      capture;
    tb_status       status = check_window(&image->info, window, err);

    if (status != TB_OK)
        return status;
    tb_capture_begin_strict(&capture);
    code = GDALRasterIOEx(source, GF_Read, (int)window.x, (int)window.y, (int)window.width,
                          (int)window.height, samples, (int)window.width, (int)window.height,
                          GDT_Float64, 0, 0, NULL);
    if (tb_capture_end(&capture) || code != CE_None)
        return read_error(image, window, err, &capture);
    return TB_OK;
}
