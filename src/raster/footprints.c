#include "raster/footprints.h"

#include <math.h>
#include <stdlib.h>

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/memory.h"
#include "raster/capture.h"

enum { QUANTA = 256, FOOTPRINTS_MAX = 10000 };

/* Vertices are moved off the even places, as in warp.c. */
static const double ROUNDING = 0.5 + 0.0123;

/* A side of a polygon, lower end first; horizontal ones are left out. In quanta. */
typedef struct side {
    int64_t x0, y0, x1, y1;
} side;

typedef struct footprint {
    tb_rect bounds; /* pixels */
    size_t  first, count;
} footprint;

struct tb_footprints {
    footprint *item;
    int        count, capacity;
    side      *sides;
    size_t     side_count, side_capacity;
    tb_rect    lattice;
};

void tb_footprints_free(tb_footprints *f)
{
    if (f == NULL)
        return;
    tb_free(f->item);
    tb_free(f->sides);
    tb_free(f);
}

int tb_footprints_count(const tb_footprints *f)
{
    return f->count;
}

tb_rect tb_footprints_bounds(const tb_footprints *f, int number)
{
    return number < f->count ? f->item[number].bounds : f->lattice;
}

static tb_status add_side(tb_footprints *f, side s, tb_error *err)
{
    tb_status status = TB_OK;

    if (s.y0 == s.y1)
        return TB_OK;
    if (s.y0 > s.y1)
        s = (side){s.x1, s.y1, s.x0, s.y0};
    if (f->side_count == f->side_capacity) {
        size_t more = f->side_capacity > 0 ? 2 * f->side_capacity : 256;

        TB_TRY(tb_grow(&f->sides, more, sizeof *f->sides, "footprints", err));
        f->side_capacity = more;
    }
    f->sides[f->side_count++] = s;
done:
    return status;
}

static tb_status add_ring(tb_footprints *f, OGRGeometryH ring, const double to_pixels[6],
                          tb_error *err)
{
    tb_status status = TB_OK;
    int       points = OGR_G_GetPointCount(ring);
    int64_t   x0 = 0, y0 = 0;

    for (int i = 0; i < points; i++) {
        double  x, y;
        int64_t qx, qy;

        tb_transform_apply(to_pixels, OGR_G_GetX(ring, i), OGR_G_GetY(ring, i), &x, &y);
        if (!(fabs(x) < 1e12 && fabs(y) < 1e12))
            return tb_error_set(err, TB_E_INPUT,
                                "footprints: expected places on the earth, got %g %g", x, y);
        qx = (int64_t)floor(x * QUANTA + ROUNDING);
        qy = (int64_t)floor(y * QUANTA + ROUNDING);
        if (i > 0)
            TB_TRY(add_side(f, (side){x0, y0, qx, qy}, err));
        x0 = qx;
        y0 = qy;
    }
done:
    return status;
}

static tb_status add_rings(tb_footprints *f, OGRGeometryH geometry, const double to_pixels[6],
                           tb_error *err)
{
    tb_status status = TB_OK;
    int       parts  = OGR_G_GetGeometryCount(geometry);

    if (parts == 0)
        return add_ring(f, geometry, to_pixels, err);
    for (int i = 0; i < parts; i++)
        TB_TRY(add_rings(f, OGR_G_GetGeometryRef(geometry, i), to_pixels, err));
done:
    return status;
}

static tb_rect bounds_of(const tb_footprints *f, size_t first)
{
    int64_t left = INT64_MAX, top = INT64_MAX, right = INT64_MIN, bottom = INT64_MIN;

    for (size_t i = first; i < f->side_count; i++) {
        const side *s = &f->sides[i];

        left   = s->x0 < left ? s->x0 : left;
        left   = s->x1 < left ? s->x1 : left;
        right  = s->x0 > right ? s->x0 : right;
        right  = s->x1 > right ? s->x1 : right;
        top    = s->y0 < top ? s->y0 : top;
        bottom = s->y1 > bottom ? s->y1 : bottom;
    }
    if (left > right)
        return (tb_rect){0, 0, 0, 0};
    left = (left >> 8) - 1;
    top  = (top >> 8) - 1;
    return tb_rect_intersect((tb_rect){left, top, (right >> 8) + 2 - left, (bottom >> 8) + 2 - top},
                             f->lattice);
}

static tb_status add_feature(tb_footprints *f, OGRGeometryH geometry, const double to_pixels[6],
                             tb_error *err)
{
    tb_status status = TB_OK;
    size_t    first  = f->side_count;

    if (f->count == FOOTPRINTS_MAX)
        return tb_error_set(err, TB_E_INPUT, "footprints: expected at most %d polygons, got more",
                            FOOTPRINTS_MAX);
    if (f->count == f->capacity) {
        int more = f->capacity > 0 ? 2 * f->capacity : 16;

        TB_TRY(tb_grow(&f->item, (size_t)more, sizeof *f->item, "footprints", err));
        f->capacity = more;
    }
    TB_TRY(add_rings(f, geometry, to_pixels, err));
    f->item[f->count++] = (footprint){bounds_of(f, first), first, f->side_count - first};
done:
    return status;
}

/* The way from the layer's CRS to the lattice's; NULL where they are the same. */
static tb_status find_way(OGRLayerH layer, const char *path, const tb_grid *lattice,
                          OGRCoordinateTransformationH *way, tb_error *err)
{
    OGRSpatialReferenceH from = OGR_L_GetSpatialRef(layer), to;

    *way = NULL;
    if ((from == NULL) != (lattice->crs == NULL))
        return tb_error_set(err, TB_E_INPUT, "%s: expected %s like the image, got %s", path,
                            lattice->crs != NULL ? "a CRS" : "no CRS",
                            from != NULL ? "one" : "none");
    if (from == NULL)
        return TB_OK;
    to = OSRNewSpatialReference(lattice->crs);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    *way = OCTNewCoordinateTransformation(from, to);
    OSRDestroySpatialReference(to);
    if (*way == NULL)
        return tb_error_set(err, TB_E_INPUT,
                            "%s: expected a CRS that can be brought to the image's, got none such",
                            path);
    return TB_OK;
}

static tb_status read_layer(tb_footprints *f, OGRLayerH layer, const char *path,
                            const tb_grid *lattice, tb_error *err)
{
    tb_status                    status  = TB_OK;
    OGRCoordinateTransformationH way     = NULL;
    OGRFeatureH                  feature = NULL;
    double                       to_pixels[6];

    tb_transform_invert(lattice->transform, to_pixels);
    TB_TRY(find_way(layer, path, lattice, &way, err));
    OGR_L_ResetReading(layer);
    while ((feature = OGR_L_GetNextFeature(layer)) != NULL) {
        OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);

        if (geometry != NULL && OGR_G_GetDimension(geometry) == 2) {
            if (way != NULL && OGR_G_Transform(geometry, way) != OGRERR_NONE) {
                status = tb_error_set(err, TB_E_INPUT,
                                      "%s feature %lld: expected a place the image's "
                                      "CRS can hold, got none",
                                      path, (long long)OGR_F_GetFID(feature));
                goto done;
            }
            TB_TRY(add_feature(f, geometry, to_pixels, err));
        }
        OGR_F_Destroy(feature);
    }
    if (f->count == 0)
        status =
            tb_error_set(err, TB_E_INPUT, "%s: expected polygons of footprints, got none", path);
done:
    if (feature != NULL)
        OGR_F_Destroy(feature);
    OCTDestroyCoordinateTransformation(way);
    return status;
}

tb_status tb_footprints_read(tb_footprints **out, const char *path, const tb_grid *lattice,
                             tb_error *err)
{
    tb_status      status  = TB_OK;
    tb_footprints *f       = NULL;
    GDALDatasetH   dataset = NULL;
    tb_capture     capture;

    *out = NULL;
    tb_gdal_register();
    tb_capture_begin(&capture);
    TB_TRY(tb_alloc_zero(&f, 1, sizeof *f, "footprints", err));
    f->lattice = (tb_rect){0, 0, lattice->width, lattice->height};
    dataset    = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (dataset == NULL || GDALDatasetGetLayerCount(dataset) == 0) {
        status = tb_error_set(err, TB_E_INPUT, "open %s: expected a layer of footprints, got: %s",
                              path, tb_capture_text(&capture, "none"));
        goto done;
    }
    TB_TRY(read_layer(f, GDALDatasetGetLayer(dataset, 0), path, lattice, err));
    *out = f;
    f    = NULL;
done:
    if (dataset != NULL)
        GDALClose(dataset);
    tb_footprints_free(f);
    tb_capture_end(&capture);
    return status;
}

static int compare_crossings(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Where a polygon's sides cross the middle of a row, from left to right. */
static size_t cross_row(const tb_footprints *f, const footprint *item, int64_t row,
                        double *crossing)
{
    int64_t y     = row * QUANTA + QUANTA / 2;
    size_t  count = 0;

    for (size_t i = item->first; i < item->first + item->count; i++) {
        const side *s = &f->sides[i];

        if (s->y0 <= y && y < s->y1)
            crossing[count++] = (double)s->x0 + (double)(y - s->y0) * (double)(s->x1 - s->x0) /
                                                    (double)(s->y1 - s->y0);
    }
    qsort(crossing, count, sizeof *crossing, compare_crossings);
    return count;
}

static void fill_row(int16_t *row, tb_rect rect, const double *crossing, size_t count,
                     int16_t number, int16_t none)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        /* Centres at x * 256 + 128 with crossing <= centre < next crossing. */
        int64_t first = (int64_t)ceil((crossing[i] - QUANTA / 2) / QUANTA) - rect.x;
        int64_t end   = (int64_t)ceil((crossing[i + 1] - QUANTA / 2) / QUANTA) - rect.x;

        first = first < 0 ? 0 : first;
        end   = end > rect.width ? rect.width : end;
        for (int64_t x = first; x < end; x++)
            if (row[x] == none)
                row[x] = number;
    }
}

tb_status tb_footprints_number(const tb_footprints *f, tb_rect rect, int16_t *number, tb_error *err)
{
    tb_status status   = TB_OK;
    size_t    most     = 0;
    double   *crossing = NULL;

    for (size_t i = 0; i < (size_t)tb_rect_area(rect); i++)
        number[i] = (int16_t)f->count;
    for (int n = 0; n < f->count; n++)
        most = f->item[n].count > most ? f->item[n].count : most;
    TB_TRY(tb_alloc(&crossing, most, sizeof *crossing, "footprints", err));
    for (int n = 0; n < f->count; n++) {
        tb_rect part = tb_rect_intersect(rect, f->item[n].bounds);

        for (int64_t y = part.y; y < part.y + part.height; y++)
            fill_row(number + (y - rect.y) * rect.width, rect, crossing,
                     cross_row(f, &f->item[n], y, crossing), (int16_t)n, (int16_t)f->count);
    }
done:
    tb_free(crossing);
    return status;
}
