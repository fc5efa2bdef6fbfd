#include "raster/sink.h"

#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"

enum { TILE = 512, OVERVIEWS_MAX = 16 };

struct tb_sink {
    GDALDatasetH dataset;
    size_t       sample;
    int          bands;
    int64_t      width, height, next_row;
    char        *band; /* TILE rows of the raster, band after band in each */
    char        *tile; /* one tile, padded */
    char        *path;
    tb_text      beside;
    bool         has_overviews, is_finished;
};

static tb_status output_error(const tb_sink *sink, const tb_capture *capture, tb_error *err)
{
    tb_error_set(err, TB_E_OUTPUT, "write %s: expected success, got: %s", sink->path,
                 tb_capture_text(capture, "a write error"));
    tb_file_advise(err, sink->path);
    return TB_E_OUTPUT;
}

static GDALDataType data_type_of(tb_sample_type type)
{
    switch (type) {
    case TB_SAMPLE_U8:
        return GDT_Byte;
    case TB_SAMPLE_U16:
        return GDT_UInt16;
    case TB_SAMPLE_I16:
        return GDT_Int16;
    case TB_SAMPLE_F32:
        break;
    }
    return GDT_Float32;
}

static void describe(tb_sink *sink, const tb_grid *grid, const tb_sink_layout *layout)
{
    double transform[6];

    memcpy(transform, grid->transform, sizeof transform);
    if (grid->has_transform)
        GDALSetGeoTransform(sink->dataset, transform);
    if (grid->crs != NULL)
        GDALSetProjection(sink->dataset, grid->crs);
    for (int b = 0; b < layout->bands; b++) {
        GDALRasterBandH band = GDALGetRasterBand(sink->dataset, b + 1);

        if (layout->has_nodata)
            GDALSetRasterNoDataValue(band, layout->nodata);
        if (layout->names != NULL)
            GDALSetDescription(band, layout->names[b]);
    }
}

tb_status tb_sink_open(tb_sink **out, const char *path, const tb_grid *grid,
                       const tb_sink_layout *layout, tb_error *err)
{
    const char *predictor = layout->type == TB_SAMPLE_F32 ? "PREDICTOR=3"
                            : layout->bands > 1           ? "PREDICTOR=2"
                                                          : "PREDICTOR=1";
    /* The last two: else GDAL takes the fourth band of a byte image for its alpha. */
    const char *const options[] = {"TILED=YES",      "BLOCKXSIZE=512",
                                   "BLOCKYSIZE=512", "COMPRESS=DEFLATE",
                                   predictor,        "BIGTIFF=IF_SAFER",
                                   "NUM_THREADS=1",  "PHOTOMETRIC=MINISBLACK",
                                   "ALPHA=NO",       NULL};
    tb_status         status    = TB_OK;
    tb_sink          *sink      = NULL;
    tb_capture        capture;

    *out = NULL;
    tb_gdal_register();
    TB_TRY(tb_alloc_zero(&sink, 1, sizeof *sink, "raster writer", err));
    TB_TRY(tb_copy_text(&sink->path, path, err));
    TB_TRY(tb_text_append(&sink->beside, err, "%s.new.tif", path));
    sink->sample        = tb_sample_size(layout->type);
    sink->bands         = layout->bands;
    sink->width         = grid->width;
    sink->height        = grid->height;
    sink->has_overviews = layout->has_overviews;
    TB_TRY(tb_alloc_zero(&sink->band, (size_t)grid->width * TILE,
                         sink->sample * (size_t)layout->bands, "rows of a raster", err));
    TB_TRY(tb_alloc_zero(&sink->tile, (size_t)TILE * TILE, sink->sample, "tile of a raster", err));

    tb_capture_begin(&capture);
    sink->dataset = GDALCreate(GDALGetDriverByName("GTiff"), sink->beside.data, (int)grid->width,
                               (int)grid->height, layout->bands, data_type_of(layout->type),
                               (CSLConstList)options);
    if (sink->dataset != NULL)
        describe(sink, grid, layout);
    if (tb_capture_end(&capture) || sink->dataset == NULL)
        status = output_error(sink, &capture, err);
done:
    if (status == TB_OK)
        *out = sink;
    else
        tb_sink_close(sink);
    return status;
}

tb_status tb_sink_create(tb_sink **out, const char *path, const tb_grid *grid, tb_sample_type type,
                         double nodata, const char *description, tb_error *err)
{
    const tb_sink_layout layout = {.bands         = 1,
                                   .type          = type,
                                   .has_nodata    = true,
                                   .nodata        = nodata,
                                   .names         = &description,
                                   .has_overviews = true};

    return tb_sink_open(out, path, grid, &layout, err);
}

/* One tile of one band, from the rows at hand. */
static tb_status write_tile(tb_sink *sink, int band, int64_t column, int64_t rows, tb_error *err)
{
    int64_t    row_of_tiles = (sink->next_row - 1) / TILE, left = column * TILE;
    size_t     width  = (size_t)(sink->width - left < TILE ? sink->width - left : TILE);
    tb_status  status = TB_OK;
    tb_capture capture;
    CPLErr     code;

    memset(sink->tile, 0, (size_t)TILE * TILE * sink->sample);
    for (int64_t y = 0; y < rows; y++)
        memcpy(sink->tile + (size_t)(y * TILE) * sink->sample,
               sink->band + (size_t)((y * sink->bands + band) * sink->width + left) * sink->sample,
               width * sink->sample);
    tb_capture_begin(&capture);
    code = GDALWriteBlock(GDALGetRasterBand(sink->dataset, band + 1), (int)column,
                          (int)row_of_tiles, sink->tile);
    if (tb_capture_end(&capture) || code != CE_None)
        status = output_error(sink, &capture, err);
    return status;
}

static tb_status write_rows(tb_sink *sink, int64_t rows, tb_error *err)
{
    tb_status status = TB_OK;

    for (int64_t column = 0; column * TILE < sink->width; column++)
        for (int band = 0; band < sink->bands; band++)
            TB_TRY(write_tile(sink, band, column, rows, err));
done:
    return status;
}

tb_status tb_sink_row(tb_sink *sink, const void *samples, tb_error *err)
{
    int64_t in_band = sink->next_row % TILE;
    size_t  row     = (size_t)sink->width * (size_t)sink->bands * sink->sample;

    memcpy(sink->band + (size_t)in_band * row, samples, row);
    sink->next_row++;
    if (sink->next_row % TILE == 0 || sink->next_row == sink->height)
        return write_rows(sink, in_band + 1, err);
    return TB_OK;
}

/* GDAL 3.6 tells of a failed flush through its error handler alone: closing returns nothing. */
static tb_status close_dataset(tb_sink *sink, tb_error *err)
{
    tb_capture capture;

    tb_capture_begin(&capture);
    GDALClose(sink->dataset);
    sink->dataset = NULL;
    return tb_capture_end(&capture) ? output_error(sink, &capture, err) : TB_OK;
}

static tb_status build_overviews(tb_sink *sink, tb_error *err)
{
    int        factors[OVERVIEWS_MAX], count = 0;
    int64_t    side = sink->width > sink->height ? sink->width : sink->height;
    CPLErr     code = CE_Failure;
    tb_capture capture;

    while (count < OVERVIEWS_MAX && side >> count > TILE) {
        factors[count] = 2 << count;
        count++;
    }
    if (count == 0)
        return TB_OK;
    tb_capture_begin(&capture);
    sink->dataset = GDALOpen(sink->beside.data, GA_Update);
    if (sink->dataset != NULL)
        code = GDALBuildOverviews(sink->dataset, "NEAREST", count, factors, 0, NULL, NULL, NULL);
    if (tb_capture_end(&capture) || code != CE_None)
        return output_error(sink, &capture, err);
    return close_dataset(sink, err);
}

tb_status tb_sink_finish(tb_sink *sink, tb_error *err)
{
    tb_status status = TB_OK;

    if (sink->next_row != sink->height)
        return tb_error_set(err, TB_E_BUG, "write %s: expected %lld rows, got %lld", sink->path,
                            (long long)sink->height, (long long)sink->next_row);
    TB_TRY(close_dataset(sink, err));
    if (sink->has_overviews)
        TB_TRY(build_overviews(sink, err));
    TB_TRY(tb_file_commit(sink->beside.data, sink->path, err));
    sink->is_finished = true;
done:
    return status;
}

void tb_sink_close(tb_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->dataset != NULL)
        (void)close_dataset(sink, NULL);
    if (!sink->is_finished && sink->beside.data != NULL)
        tb_file_remove(sink->beside.data);
    tb_text_reset(&sink->beside);
    tb_free(sink->path);
    tb_free(sink->band);
    tb_free(sink->tile);
    tb_free(sink);
}
