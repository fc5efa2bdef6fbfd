#include "tuban/info.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cpl_string.h>
#include <cpl_vsi.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/rect.h"
#include "core/text.h"
#include "kernels/table.h"
#include "raster/cache.h"
#include "raster/capture.h"
#include "raster/grid.h"
#include "raster/image.h"
#include "raster/window.h"

enum { PROBLEMS_MAX = 32, SAMPLE_SIDE = 4, SAMPLE_TILES = SAMPLE_SIDE * SAMPLE_SIDE };

static const int64_t MEBIBYTE     = INT64_C(1) << 20;
static const int64_t SAMPLE_ALL   = INT64_C(64) << 20;  /* bytes decoded without a second thought */
static const int64_t SAMPLE_MOST  = INT64_C(256) << 20; /* bytes decoded at most */
static const int64_t STRIPS_NOTED = INT64_C(64) << 20;  /* images from here on should be tiled */
static const int64_t PANEL_ROWS   = 256;                /* of a full-width panel, for its figure */
static const double  AREA_MARGIN  = 1.5;                /* degrees beside a CRS's area of use */
static const double  BLACK_SHARE  = 0.01;               /* of the sample, from where it is told */

static tb_status complain(tb_info *info, tb_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static tb_status complain(tb_info *info, tb_error *err, const char *format, ...)
{
    char    line[1024];
    va_list arguments;

    if (info->problem_count == PROBLEMS_MAX)
        return TB_OK;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);

    tb_status status = tb_copy_text(&info->problems[info->problem_count], line, err);

    if (status == TB_OK)
        info->problem_count++;
    return status;
}

static void set_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static int64_t steps(int64_t extent, int64_t step)
{
    return (extent + step - 1) / step;
}

/* ---- what the image itself says ---- */

static void take_header(tb_info *info, const tb_image_info *image)
{
    const double *t = image->transform;

    set_text(info->driver, sizeof info->driver, image->driver);
    set_text(info->date, sizeof info->date, image->date);
    set_text(info->product, sizeof info->product, image->product);
    set_text(info->band_names, sizeof info->band_names, image->band_names);
    memcpy(info->offset, image->offset, sizeof info->offset);
    set_text(info->type, sizeof info->type, image->type_name);
    set_text(info->compression, sizeof info->compression, image->compression);
    set_text(info->interleave, sizeof info->interleave, image->interleave);
    info->width         = image->width;
    info->height        = image->height;
    info->bands         = image->bands;
    info->has_nodata    = image->has_nodata;
    info->nodata        = image->has_nodata ? image->nodata : NAN;
    info->has_transform = image->has_transform;
    info->block_width   = image->block_width;
    info->block_height  = image->block_height;
    info->tile_bytes    = (int64_t)tb_cache_tile_bytes(image);
    info->is_direct     = image->is_direct;
    set_text(info->why_gdal, sizeof info->why_gdal, image->why_gdal);
    info->is_stripped = info->block_width == info->width && info->block_height < info->height;
    memcpy(info->transform, t, sizeof info->transform);
    info->pixel_width  = hypot(t[1], t[4]);
    info->pixel_height = hypot(t[2], t[5]);
    info->is_rotated   = t[2] != 0.0 || t[4] != 0.0;
    info->is_north_up  = info->has_transform && !info->is_rotated && t[1] > 0.0 && t[5] < 0.0;
    info->bounds[0] = info->bounds[1] = DBL_MAX;
    info->bounds[2] = info->bounds[3] = -DBL_MAX;
    for (int corner = 0; corner < 4; corner++) {
        double x, y;

        tb_transform_apply(t, corner & 1 ? (double)info->width : 0.0,
                           corner & 2 ? (double)info->height : 0.0, &x, &y);
        info->bounds[0] = fmin(info->bounds[0], x);
        info->bounds[1] = fmin(info->bounds[1], y);
        info->bounds[2] = fmax(info->bounds[2], x);
        info->bounds[3] = fmax(info->bounds[3], y);
    }
}

static tb_status judge_header(tb_info *info, const tb_image_info *image, tb_error *err)
{
    tb_status status = TB_OK;

    if (info->is_rotated)
        TB_TRY(
            complain(info, err, "rotated: rows and columns do not run along the axes of the CRS"));
    else if (info->has_transform && !info->is_north_up)
        TB_TRY(complain(info, err, "not north up: x or y runs the other way"));
    if (info->has_transform && fabs(info->pixel_width - info->pixel_height) >
                                   0.02 * fmax(info->pixel_width, info->pixel_height))
        TB_TRY(complain(info, err, "pixels are not square: %g by %g", info->pixel_width,
                        info->pixel_height));
    if (image->type == TB_SAMPLE_F32 && strcmp(info->type, "Float32") != 0)
        TB_TRY(complain(info, err, "samples of type %s are read as 32-bit floats", info->type));
    if (strstr(info->compression, "JPEG") != NULL && image->product[0] == '\0')
        TB_TRY(complain(info, err,
                        "JPEG compression is lossy: its 8 by 8 blocks can look like change"));
done:
    return status;
}

/* ---- where it lies ---- */

static bool find_centre(tb_info *info, OGRSpatialReferenceH crs)
{
    OGRSpatialReferenceH         degrees   = OSRNewSpatialReference(NULL);
    OGRCoordinateTransformationH transform = NULL;
    double                       x, y;
    bool                         found = false;

    tb_transform_apply(info->transform, (double)info->width / 2, (double)info->height / 2, &x, &y);
    OSRSetAxisMappingStrategy(crs, OAMS_TRADITIONAL_GIS_ORDER);
    if (OSRImportFromEPSG(degrees, 4326) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(degrees, OAMS_TRADITIONAL_GIS_ORDER);
        transform = OCTNewCoordinateTransformation(crs, degrees);
    }
    if (transform != NULL) {
        found = OCTTransform(transform, 1, &x, &y, NULL) != 0 && isfinite(x) && isfinite(y);
        OCTDestroyCoordinateTransformation(transform);
    }
    OSRDestroySpatialReference(degrees);
    if (found) {
        info->centre_longitude = x;
        info->centre_latitude  = y;
    }
    return found;
}

static tb_status judge_centre(tb_info *info, OGRSpatialReferenceH crs, tb_error *err)
{
    double      west = 0, south = 0, east = 0, north = 0;
    const char *area = NULL;

    if (!find_centre(info, crs))
        return complain(info, err,
                        "its coordinates do not fit its CRS %s: the centre is nowhere on earth",
                        info->crs_name);
    if (!OSRGetAreaOfUse(crs, &west, &south, &east, &north, &area) || west < -180 || west >= east)
        return TB_OK;
    if (info->centre_longitude >= west - AREA_MARGIN &&
        info->centre_longitude <= east + AREA_MARGIN &&
        info->centre_latitude >= south - AREA_MARGIN &&
        info->centre_latitude <= north + AREA_MARGIN)
        return TB_OK;
    return complain(
        info, err,
        "lies at %.4f %.4f, outside what its CRS %s is made for (%g to %g east, %g to %g "
        "north): is it the wrong zone?",
        info->centre_longitude, info->centre_latitude, info->crs_name, west, east, south, north);
}

/* The code a CRS carries, or that of the one in PROJ's database that is the same but for its name.
 */
static void identify(tb_info *info, OGRSpatialReferenceH crs)
{
    const char *name = OSRGetAuthorityName(crs, NULL), *code = OSRGetAuthorityCode(crs, NULL);
    int         count = 0, *confidences = NULL;
    OGRSpatialReferenceH *matches = NULL;

    if (name == NULL || code == NULL) {
        matches = OSRFindMatches(crs, NULL, &count, &confidences);
        if (count > 0 && confidences[0] >= 90) {
            name = OSRGetAuthorityName(matches[0], NULL);
            code = OSRGetAuthorityCode(matches[0], NULL);
        }
    }
    if (name != NULL && code != NULL)
        snprintf(info->crs_authority, sizeof info->crs_authority, "%s:%s", name, code);
    OSRFreeSRSArray(matches);
    CPLFree(confidences);
}

static tb_status take_place(tb_info *info, const tb_image_info *image, tb_error *err)
{
    tb_status            status = TB_OK;
    tb_grid              grid = {.width = image->width, .height = image->height, .crs = image->crs};
    char                *unit = NULL;
    tb_capture           capture;
    OGRSpatialReferenceH crs = NULL;

    set_text(info->unit, sizeof info->unit, "pixel");
    if (image->crs == NULL)
        return TB_OK;
    memcpy(grid.transform, image->transform, sizeof grid.transform);
    grid.has_transform = image->has_transform;

    tb_capture_begin(&capture);
    crs = OSRNewSpatialReference(image->crs);
    if (crs == NULL) {
        status = complain(info, err, "its CRS cannot be read: %s",
                          tb_capture_text(&capture, "no reason"));
        goto done;
    }
    info->has_crs       = true;
    info->is_geographic = OSRIsGeographic(crs) != 0;
    if (info->is_geographic)
        (void)OSRGetAngularUnits(crs, &unit);
    else
        (void)OSRGetLinearUnits(crs, &unit);
    set_text(info->unit, sizeof info->unit, unit);
    set_text(info->crs_name, sizeof info->crs_name, OSRGetName(crs));
    identify(info, crs);

    double gsd_m = tb_grid_gsd_m(&grid);

    info->gsd_m = gsd_m > 0.0 ? gsd_m : NAN;
    if (info->is_geographic || OSRIsProjected(crs))
        TB_TRY(judge_centre(info, crs, err));
    else
        TB_TRY(
            complain(info, err, "its CRS %s is neither geographic nor projected", info->crs_name));
done:
    tb_capture_end(&capture);
    if (crs != NULL)
        OSRDestroySpatialReference(crs);
    return status;
}

/* ---- what only GDAL can say ---- */

static int64_t count_file_bytes(char *const *files)
{
    int64_t bytes = 0;

    for (int i = 0; files != NULL && files[i] != NULL; i++) {
        /* Its stat needs a macro of glibc's that this build does not set; the end of a file does
         * not. */
        VSILFILE *file = VSIFOpenL(files[i], "rb");

        if (file == NULL)
            continue;
        if (VSIFSeekL(file, 0, SEEK_END) == 0)
            bytes += (int64_t)VSIFTellL(file);
        VSIFCloseL(file);
    }
    return bytes;
}

/* A compressed TIFF of one strip, which GDAL shows as blocks of one row: only its first has a
 * place. */
static bool is_single_strip(const tb_info *info, GDALRasterBandH band)
{
    char last[64];

    if (strcmp(info->driver, "GTiff") != 0 || !info->is_stripped || info->block_height != 1)
        return false;
    snprintf(last, sizeof last, "BLOCK_OFFSET_0_%lld", (long long)(info->height - 1));
    return GDALGetMetadataItem(band, "BLOCK_OFFSET_0_0", "TIFF") != NULL &&
           GDALGetMetadataItem(band, "BLOCK_OFFSET_0_1", "TIFF") == NULL &&
           GDALGetMetadataItem(band, last, "TIFF") == NULL;
}

static void take_layout(tb_info *info, GDALDatasetH dataset)
{
    int    total = GDALGetRasterCount(dataset);
    char **files = GDALGetFileList(dataset);

    for (int b = 1; b <= total; b++) {
        GDALRasterBandH band = GDALGetRasterBand(dataset, b);

        info->decoded_bytes +=
            info->width * info->height * GDALGetDataTypeSizeBytes(GDALGetRasterDataType(band));
    }
    info->blocks = steps(info->width, info->block_width) * steps(info->height, info->block_height);
    if (strcmp(info->interleave, "PIXEL") != 0)
        info->blocks *= total;
    info->file_bytes = count_file_bytes(files);
    CSLDestroy(files);
}

static tb_status judge_layout(tb_info *info, GDALRasterBandH first, tb_error *err)
{
    int64_t row_bytes = info->decoded_bytes / info->height;
    char    advice[256];

    snprintf(advice, sizeof advice,
             "write it anew: gdal_translate -co TILED=YES -co BLOCKXSIZE=512 -co BLOCKYSIZE=512 "
             "-co BIGTIFF=IF_SAFER -co COMPRESS=ZSTD -co PREDICTOR=%d",
             strncmp(info->type, "Float", strlen("Float")) == 0 ? 3 : 2);
    if (info->decoded_bytes < STRIPS_NOTED)
        return TB_OK;
    if (is_single_strip(info, first) ||
        (info->block_width >= info->width && info->block_height >= info->height))
        return complain(info, err,
                        "a single strip of %lld MiB, decoded from its start for any part; %s",
                        (long long)(info->decoded_bytes / MEBIBYTE), advice);
    if (info->is_stripped)
        return complain(
            info, err, "stripped: read as one full-width panel, %lld MiB for %lld rows; %s",
            (long long)(row_bytes * PANEL_ROWS / MEBIBYTE), (long long)PANEL_ROWS, advice);
    if (!info->is_direct)
        return complain(info, err, "%s: decoded by GDAL, tiles of ZSTD would be read faster; %s",
                        info->why_gdal, advice);
    return TB_OK;
}

/* A Sentinel-2 product's bands lie in files of their own. */
static void take_product(tb_info *info, const tb_image_info *image)
{
    info->has_mask = image->has_mask;
    info->decoded_bytes =
        info->width * info->height * info->bands * (int64_t)tb_sample_size(image->type);
    info->blocks = steps(info->width, info->block_width) * steps(info->height, info->block_height) *
                   info->bands;
    info->file_bytes = count_file_bytes(image->files);
}

static tb_status look_closer(tb_info *info, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_capture   capture;
    GDALDatasetH dataset;

    tb_capture_begin(&capture);
    dataset = tb_gdal_open(info->path, GDAL_OF_RASTER | GDAL_OF_READONLY, NULL);
    if (dataset == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "open %s: expected an image, got: %s", info->path,
                              tb_capture_text(&capture, "no reason given"));
        goto done;
    }

    GDALRasterBandH first = GDALGetRasterBand(dataset, 1);
    int             flags = GDALGetMaskFlags(first);

    /* The engine takes an alpha that measures something as a band: see raster/image.c. */
    info->has_alpha = (flags & GMF_ALPHA) != 0 && info->bands < GDALGetRasterCount(dataset);
    info->has_mask  = (flags & (GMF_PER_DATASET | GMF_ALPHA)) == GMF_PER_DATASET;
    if ((flags & GMF_ALPHA) != 0 && !info->has_alpha)
        TB_TRY(
            complain(info, err, "the band called alpha holds measurements: it counts as a band"));
    take_layout(info, dataset);
    if (!info->has_crs && GDALGetGCPCount(dataset) > 0)
        TB_TRY(complain(info, err, "has ground control points only: warp it onto a grid first"));
    else if (!info->has_crs)
        TB_TRY(complain(info, err, "no CRS: places and areas are in pixels only"));
    if (GDALGetRasterColorTable(first) != NULL)
        TB_TRY(complain(info, err, "a palette: samples are colour numbers, not measurements"));
    TB_TRY(judge_layout(info, first, err));
done:
    if (dataset != NULL)
        GDALClose(dataset);
    tb_capture_end(&capture);
    return status;
}

/* ---- the sample ---- */

typedef struct sample {
    int64_t columns, rows; /* of tiles in the image */
    int64_t across, down;  /* of tiles taken */
    int64_t pixels, valid;
    int64_t black;         /* valid pixels that are 0 in all bands */
    float   other;         /* a value of the pixels that are not */
    bool    is_two_valued; /* and the only one: a map of classes, or a flat image */
} sample;

/* How many tiles to take each way: all of a small image, else few and evenly spread. */
static void choose_tiles(sample *of, int64_t tile_bytes)
{
    int64_t most = SAMPLE_MOST / tile_bytes;

    of->across = of->columns;
    of->down   = of->rows;
    if (of->columns * of->rows <= SAMPLE_ALL / tile_bytes)
        return;
    if (most > SAMPLE_TILES)
        most = SAMPLE_TILES;
    of->across = of->columns < SAMPLE_SIDE ? of->columns : SAMPLE_SIDE;
    of->down   = most / of->across;
    if (of->down > of->rows)
        of->down = of->rows;
    if (of->down < 1)
        of->down = 1;
    while (of->across > 1 && of->across * of->down > most)
        of->across--;
}

static void count_pixels(sample *of, const tb_window *window, int bands)
{
    int64_t area = tb_rect_area(window->rect);

    of->pixels += area;
    for (int64_t i = 0; i < area; i++) {
        bool is_black = true;

        if (isnan(window->samples[i]))
            continue;
        for (int b = 0; b < bands; b++)
            is_black = is_black && window->samples[b * area + i] == 0.0f;
        if (!is_black && of->valid == of->black)
            of->other = window->samples[i];
        for (int b = 0; b < bands && !is_black; b++)
            of->is_two_valued = of->is_two_valued && window->samples[b * area + i] == of->other;
        of->valid++;
        of->black += is_black;
    }
}

static tb_status read_sample(tb_info *info, tb_image *image, sample *of, tb_error *err)
{
    const tb_image_info *header  = tb_image_describe(image);
    const tb_kernels    *kernels = tb_kernels_select(0);
    tb_status            status  = TB_OK;
    tb_cache            *cache   = NULL;
    tb_window            window  = {0};
    tb_rect              whole   = {0, 0, info->width, info->height};

    tb_image_use(image, kernels);
    TB_TRY(tb_cache_new(&cache, 0, err));
    for (int64_t j = 0; j < of->down; j++)
        for (int64_t i = 0; i < of->across; i++) {
            tb_rect tile = {(2 * i + 1) * of->columns / (2 * of->across) * header->tile_width,
                            (2 * j + 1) * of->rows / (2 * of->down) * header->tile_height,
                            header->tile_width, header->tile_height};

            TB_TRY(tb_window_load(&window, tb_rect_intersect(tile, whole), cache, image, 0, kernels,
                                  err));
            count_pixels(of, &window, info->bands);
            info->sampled_tiles++;
        }
done:
    tb_window_reset(&window);
    tb_cache_free(cache);
    return status;
}

static tb_status take_sample(tb_info *info, tb_image *image, tb_error *err)
{
    const tb_image_info *header = tb_image_describe(image);
    tb_status            status = TB_OK;
    tb_error             error  = {0};
    sample               of     = {.columns       = steps(info->width, header->tile_width),
                                   .rows          = steps(info->height, header->tile_height),
                                   .is_two_valued = true};

    if (info->tile_bytes > SAMPLE_MOST)
        return complain(info, err, "not sampled: the least that can be decoded is %lld MiB",
                        (long long)(info->tile_bytes / MEBIBYTE));
    choose_tiles(&of, info->tile_bytes);
    status               = read_sample(info, image, &of, &error);
    info->sampled_pixels = of.pixels;
    if (status == TB_E_INPUT)
        return complain(info, err, "cannot be read: %s", error.message);
    if (status != TB_OK) {
        if (err != NULL)
            *err = error;
        return status;
    }
    info->valid_share = (double)of.valid / (double)of.pixels;
    if (of.valid == 0)
        TB_TRY(complain(info, err, "no valid pixel in the sample"));
    else if (of.valid > 1 && of.is_two_valued && (of.black == of.valid || of.black == 0))
        TB_TRY(complain(info, err, "every valid sample is %g: there is nothing to compare",
                        (double)of.other));
    else if (!info->has_nodata && !info->has_alpha && !info->has_mask && !of.is_two_valued &&
             (double)of.black > BLACK_SHARE * (double)of.pixels)
        TB_TRY(complain(info, err,
                        "%.1f %% of the pixels are 0 in all bands, yet no nodata is declared: they "
                        "count as observed",
                        100.0 * (double)of.black / (double)of.pixels));
done:
    return status;
}

tb_status tb_info_read(const char *path, tb_info **out, tb_error *err)
{
    tb_status            status = TB_OK;
    tb_info             *info   = NULL;
    tb_image            *image  = NULL;
    const tb_image_info *header;

    *out = NULL;
    TB_TRY(tb_image_open(&image, path, err));
    header = tb_image_describe(image);
    TB_TRY(tb_alloc_zero(&info, 1, sizeof *info, "info", err));
    TB_TRY(tb_alloc_zero(&info->problems, PROBLEMS_MAX, sizeof *info->problems, "problems", err));
    TB_TRY(tb_copy_text(&info->path, path, err));
    info->gsd_m = info->centre_longitude = info->centre_latitude = info->valid_share = NAN;
    take_header(info, header);
    TB_TRY(take_place(info, header, err));
    if (header->product[0] != '\0')
        take_product(info, header);
    else
        TB_TRY(look_closer(info, err));
    TB_TRY(judge_header(info, header, err));
    TB_TRY(take_sample(info, image, err));
    *out = info;
    info = NULL;
done:
    tb_image_close(image);
    tb_info_free(info);
    return status;
}

void tb_info_free(tb_info *info)
{
    if (info == NULL)
        return;
    for (size_t i = 0; i < info->problem_count; i++)
        tb_free(info->problems[i]);
    tb_free(info->problems);
    tb_free(info->path);
    tb_free(info);
}
