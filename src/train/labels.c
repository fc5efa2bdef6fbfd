#include "train/labels.h"

#include <math.h>
#include <string.h>

#include <cpl_conv.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/memory.h"
#include "core/text.h"
#include "raster/capture.h"

struct tb_labels {
    char           *path;
    const tb_grid  *grid;
    GDALDatasetH    file;
    GDALRasterBandH band; /* NULL: polygons */
    OGRLayerH       layer;
    char           *field; /* NULL: the layer's presence is the class */
    double         *row;
    int64_t         row_capacity;
};

void tb_labels_close(tb_labels *labels)
{
    if (labels == NULL)
        return;
    if (labels->file != NULL)
        GDALClose(labels->file);
    tb_free(labels->path);
    tb_free(labels->field);
    tb_free(labels->row);
    tb_free(labels);
}

/* Where both say where they lie, it is the same place to half a pixel. */
static tb_status check_raster(const tb_labels *labels, tb_error *err)
{
    const tb_grid *grid = labels->grid;
    int64_t width = GDALGetRasterXSize(labels->file), height = GDALGetRasterYSize(labels->file);
    double  own[6], half_pixel;

    if (width != grid->width || height != grid->height) {
        tb_error_set(err, TB_E_INPUT,
                     "labels %s: expected %lld x %lld pixels as the earlier image, got %lld x %lld",
                     labels->path, (long long)grid->width, (long long)grid->height,
                     (long long)width, (long long)height);
        tb_error_hint(err, "bring it to that grid (gdalwarp -r near), or give polygons");
        return TB_E_INPUT;
    }
    if (!grid->has_transform || GDALGetGeoTransform(labels->file, own) != CE_None)
        return TB_OK;
    half_pixel = 0.5 * (fabs(grid->transform[1]) + fabs(grid->transform[2]));
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? (double)width : 0.0, y = corner & 2 ? (double)height : 0.0;
        double e0, n0, e1, n1;

        tb_transform_apply(grid->transform, x, y, &e0, &n0);
        tb_transform_apply(own, x, y, &e1, &n1);
        if (!(fabs(e0 - e1) <= half_pixel && fabs(n0 - n1) <= half_pixel))
            return tb_error_set(err, TB_E_INPUT,
                                "labels %s: expected the place of the earlier image, got a corner "
                                "at (%.9g, %.9g) for (%.9g, %.9g)",
                                labels->path, e1, n1, e0, n0);
    }
    return TB_OK;
}

static tb_status find_layer(tb_labels *labels, const char *name, tb_error *err)
{
    int count = GDALDatasetGetLayerCount(labels->file);

    if (name != NULL)
        labels->layer = GDALDatasetGetLayerByName(labels->file, name);
    else if (count == 1)
        labels->layer = GDALDatasetGetLayer(labels->file, 0);
    if (labels->layer != NULL)
        return TB_OK;
    if (name != NULL)
        tb_error_set(err, TB_E_INPUT, "labels %s: expected a layer \"%s\", got none of that name",
                     labels->path, name);
    else
        tb_error_set(err, TB_E_INPUT, "labels %s: expected one layer, got %d", labels->path, count);
    tb_error_hint(err, "name one with --label-layer");
    return TB_E_INPUT;
}

static tb_status check_field(tb_labels *labels, const char *field, tb_error *err)
{
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(labels->layer);
    int             index      = OGR_FD_GetFieldIndex(definition, field);
    OGRFieldType    type;

    if (index < 0)
        return tb_error_set(err, TB_E_INPUT, "labels %s: expected a field \"%s\", got none",
                            labels->path, field);
    type = OGR_Fld_GetType(OGR_FD_GetFieldDefn(definition, index));
    if (type != OFTInteger && type != OFTInteger64 && type != OFTReal)
        return tb_error_set(err, TB_E_INPUT,
                            "labels %s: expected numbers in the field \"%s\", got %s", labels->path,
                            field, OGR_GetFieldTypeName(type));
    return tb_copy_text(&labels->field, field, err);
}

static tb_status check_polygons(tb_labels *labels, const char *layer, const char *field,
                                tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(find_layer(labels, layer, err));
    if (OGR_L_GetSpatialRef(labels->layer) != NULL && labels->grid->crs == NULL) {
        status = tb_error_set(err, TB_E_INPUT,
                              "labels %s: expected an image with a CRS beside polygons with one, "
                              "got one without",
                              labels->path);
        goto done;
    }
    if (field != NULL)
        TB_TRY(check_field(labels, field, err));
done:
    return status;
}

tb_status tb_labels_open(tb_labels **out, const char *path, const char *layer, const char *field,
                         const tb_grid *grid, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_labels *labels = NULL;
    tb_capture capture;

    *out = NULL;
    tb_gdal_register();
    TB_TRY(tb_alloc_zero(&labels, 1, sizeof *labels, "labels", err));
    labels->grid = grid;
    TB_TRY(tb_copy_text(&labels->path, path, err));
    tb_capture_begin(&capture);
    labels->file =
        GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_VECTOR | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR,
                   NULL, NULL, NULL);
    tb_capture_end(&capture);
    if (labels->file == NULL) {
        status =
            tb_error_set(err, TB_E_INPUT, "labels %s: expected a raster or polygons, got \"%s\"",
                         path, tb_capture_text(&capture, "no such format"));
        goto done;
    }
    if (layer == NULL && GDALGetRasterCount(labels->file) > 0) {
        if (field != NULL) {
            status = tb_error_set(err, TB_E_USAGE,
                                  "--label-field: expected polygons, got the raster %s", path);
            goto done;
        }
        labels->band = GDALGetRasterBand(labels->file, 1);
        TB_TRY(check_raster(labels, err));
    } else {
        TB_TRY(check_polygons(labels, layer, field, err));
    }
    *out   = labels;
    labels = NULL;
done:
    tb_labels_close(labels);
    return status;
}

/* 0 and 1 are classes even where a file declares one of them as its nodata. */
static uint8_t label_of(double value, uint8_t mask)
{
    if (value == 0.0)
        return TB_LABEL_UNCHANGED;
    if (value == 1.0)
        return TB_LABEL_CHANGED;
    return isnan(value) || value == 255.0 || mask == 0 ? TB_LABEL_NONE : TB_LABEL_CHANGED;
}

static CPLErr read_raster(tb_labels *labels, tb_rect rect, uint8_t *out)
{
    GDALRasterBandH mask   = GDALGetMaskBand(labels->band);
    int             width  = (int)rect.width;
    CPLErr          failed = CE_None;

    for (int64_t y = 0; y < rect.height && failed == CE_None; y++) {
        uint8_t *row = out + y * rect.width;
        int      x0 = (int)rect.x, y0 = (int)(rect.y + y);

        failed = GDALRasterIO(labels->band, GF_Read, x0, y0, width, 1, labels->row, width, 1,
                              GDT_Float64, 0, 0);
        if (failed == CE_None)
            failed = GDALRasterIO(mask, GF_Read, x0, y0, width, 1, row, width, 1, GDT_Byte, 0, 0);
        for (int64_t x = 0; x < rect.width && failed == CE_None; x++)
            row[x] = label_of(labels->row[x], row[x]);
    }
    return failed;
}

/* Only features near the rectangle, where their coordinates are the lattice's. */
static void filter_by_place(tb_labels *labels, tb_rect rect)
{
    OGRSpatialReferenceH own = OGR_L_GetSpatialRef(labels->layer), theirs = NULL;
    double               low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    bool                 is_same = own == NULL && labels->grid->crs == NULL;

    if (own != NULL && labels->grid->crs != NULL) {
        theirs  = OSRNewSpatialReference(labels->grid->crs);
        is_same = theirs != NULL && OSRIsSame(own, theirs);
        if (theirs != NULL)
            OSRDestroySpatialReference(theirs);
    }
    OGR_L_SetSpatialFilter(labels->layer, NULL);
    if (!is_same)
        return;
    for (int corner = 0; corner < 4; corner++) {
        double x = (double)(rect.x + (corner & 1 ? rect.width : 0));
        double y = (double)(rect.y + (corner & 2 ? rect.height : 0)), e, n;

        tb_transform_apply(labels->grid->transform, x, y, &e, &n);
        low[0]  = fmin(low[0], e);
        low[1]  = fmin(low[1], n);
        high[0] = fmax(high[0], e);
        high[1] = fmax(high[1], n);
    }
    OGR_L_SetSpatialFilterRect(labels->layer, low[0], low[1], high[0], high[1]);
}

static bool burn(tb_labels *labels, GDALDatasetH target, const char *comparison, double value,
                 tb_error *err)
{
    tb_text where = {0};
    int     band  = 1;
    bool    done  = true;

    if (labels->field != NULL) {
        done = tb_text_append(&where, err, "\"%s\" %s 0", labels->field, comparison) == TB_OK &&
               OGR_L_SetAttributeFilter(labels->layer, where.data) == OGRERR_NONE;
        tb_text_reset(&where);
    }
    return done && GDALRasterizeLayers(target, 1, &band, 1, &labels->layer, NULL, NULL, &value,
                                       NULL, NULL, NULL) == CE_None;
}

static CPLErr read_polygons(tb_labels *labels, tb_rect rect, uint8_t *out, tb_error *err)
{
    const double *t       = labels->grid->transform;
    GDALDatasetH  target  = GDALCreate(GDALGetDriverByName("MEM"), "", (int)rect.width,
                                       (int)rect.height, 1, GDT_Byte, NULL);
    CPLErr        failed  = CE_Failure;
    double        from[6] = {t[0], t[1], t[2], t[3], t[4], t[5]};

    if (target == NULL)
        return CE_Failure;
    tb_transform_apply(t, (double)rect.x, (double)rect.y, &from[0], &from[3]);
    GDALSetGeoTransform(target, from);
    if (labels->grid->crs != NULL)
        GDALSetProjection(target, labels->grid->crs);
    GDALFillRaster(GDALGetRasterBand(target, 1),
                   labels->field != NULL ? TB_LABEL_NONE : TB_LABEL_UNCHANGED, 0);
    filter_by_place(labels, rect);
    if ((labels->field == NULL || burn(labels, target, "=", TB_LABEL_UNCHANGED, err)) &&
        burn(labels, target, "<>", TB_LABEL_CHANGED, err))
        failed =
            GDALRasterIO(GDALGetRasterBand(target, 1), GF_Read, 0, 0, (int)rect.width,
                         (int)rect.height, out, (int)rect.width, (int)rect.height, GDT_Byte, 0, 0);
    GDALClose(target);
    return failed;
}

tb_status tb_labels_read(tb_labels *labels, tb_rect rect, uint8_t *out, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_capture capture;
    CPLErr     failed;

    if (rect.width > labels->row_capacity) {
        TB_TRY(tb_grow(&labels->row, (size_t)rect.width, sizeof *labels->row, "labels", err));
        labels->row_capacity = rect.width;
    }
    tb_capture_begin(&capture);
    failed = labels->band != NULL ? read_raster(labels, rect, out)
                                  : read_polygons(labels, rect, out, err);
    if (tb_capture_end(&capture) || failed != CE_None)
        status =
            tb_error_set(err, TB_E_INPUT,
                         "read labels %s at (%lld, %lld): expected a class for each pixel, got "
                         "\"%s\"",
                         labels->path, (long long)rect.x, (long long)rect.y,
                         tb_capture_text(&capture, "an error of GDAL"));
done:
    return status;
}
