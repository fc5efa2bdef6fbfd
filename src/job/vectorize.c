#include "tuban/vectorize.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "kernels/table.h"
#include "publish/vector.h"
#include "raster/image.h"
#include "region/outline.h"
#include "region/sheet.h"
#include "region/trace.h"

/* Pixels of a strip: enough to make the cost of a block small, few enough to stay in some
 * megabytes. */
static const int64_t STRIP_PIXELS = INT64_C(4) << 20;

/* A tile decoded twice costs more than memory for a strip as high as it, up to this. */
static const int64_t STRIP_PIXELS_MOST = INT64_C(32) << 20;

static const uint8_t UNOBSERVED = 255;

typedef struct vectorizer {
    const tb_vectorize_options *options;
    tb_vectorize_result         result;
    int64_t                     changed; /* pixels */

    tb_image            *image;
    const tb_image_info *info;
    void                *samples;
    uint8_t             *valid; /* NULL without a mask */
    uint8_t             *classes;
    tb_sheet            *sheet;

    tb_vector         *vector;
    int                layer;
    tb_trace          *trace;
    tb_outline        *outline;
    tb_outline_options how;
    double             pixel_area; /* signed: negative where the rows run down the y axis */
} vectorizer;

static tb_status check_options(const tb_vectorize_options *options, const char **driver,
                               tb_outline_options *how, tb_error *err)
{
    static const char *const drivers[][2] = {{".gpkg", "GPKG"}, {".shp", "ESRI Shapefile"}};
    size_t                   length       = strlen(options->out);

    if (options->connect != 0 && options->connect != 4 && options->connect != 8)
        return tb_error_set(err, TB_E_USAGE, "vectorize, connect: expected 4 or 8, got %d",
                            options->connect);
    if (options->min_pixels < 0)
        return tb_error_set(err, TB_E_USAGE, "vectorize, min-pixels: expected 0 or more, got %lld",
                            (long long)options->min_pixels);
    if (options->fill_holes < 0 || options->fill_holes > TB_OUTLINE_FILL_MOST)
        return tb_error_set(err, TB_E_USAGE, "vectorize, fill-holes: expected 0 to %d, got %lld",
                            TB_OUTLINE_FILL_MOST, (long long)options->fill_holes);
    *how = (tb_outline_options){.fill_pixels = options->fill_holes};
    if (options->simplify != NULL && !tb_outline_parse(options->simplify, &how->tolerance_px))
        return tb_error_set(err, TB_E_USAGE,
                            "vectorize, simplify: expected off or a tolerance from 0px to 0.75px, "
                            "such as 0.7px, got %s",
                            options->simplify);
    for (size_t d = 0; d < sizeof drivers / sizeof *drivers; d++) {
        size_t ending = strlen(drivers[d][0]);

        if (length > ending && strcmp(options->out + length - ending, drivers[d][0]) == 0) {
            *driver = drivers[d][1];
            return TB_OK;
        }
    }
    return tb_error_set(err, TB_E_USAGE,
                        "vectorize, out: expected a name ending in .gpkg or .shp, got %s",
                        options->out);
}

/* ---------------------------------------------------------------- from samples to runs */

/* What a sample says. */
enum { UNCHANGED = 0, CHANGED = 1, NOT_OBSERVED = 2 };

static uint8_t class_of(double value, double nodata)
{
    if (isnan(value) || value == UNOBSERVED)
        return NOT_OBSERVED;
    if (value == 0.0)
        return UNCHANGED;
    return value == nodata ? NOT_OBSERVED : CHANGED;
}

/*
 * Bytes go by a table; eight of them at once where all are 0 or 1 and mean that, as they do in most
 * masks.
 */
static void classify_bytes(uint8_t *classes, const uint8_t *samples, size_t count, double nodata)
{
    const uint64_t others = ~UINT64_C(0x0101010101010101);
    bool           is_plain;
    uint8_t        table[256];
    uint64_t       eight;
    size_t         i = 0;

    for (int value = 0; value < 256; value++)
        table[value] = class_of(value, nodata);
    is_plain = table[0] == UNCHANGED && table[1] == CHANGED;
    for (; i + sizeof eight <= count; i += sizeof eight) {
        memcpy(&eight, samples + i, sizeof eight);
        if (is_plain && (eight & others) == 0)
            memcpy(classes + i, &eight, sizeof eight);
        else
            for (size_t k = i; k < i + sizeof eight; k++)
                classes[k] = table[samples[k]];
    }
    for (; i < count; i++)
        classes[i] = table[samples[i]];
}

static void classify(const vectorizer *v, size_t count)
{
    double         nodata = v->info->has_nodata ? v->info->nodata : NAN;
    const float   *real   = v->samples;
    const int16_t *number = v->samples;

    switch (v->info->type) {
    case TB_SAMPLE_U8:
        classify_bytes(v->classes, v->samples, count, nodata);
        break;
    case TB_SAMPLE_U16:
        for (size_t i = 0; i < count; i++)
            v->classes[i] = class_of(((const uint16_t *)v->samples)[i], nodata);
        break;
    case TB_SAMPLE_I16:
        for (size_t i = 0; i < count; i++)
            v->classes[i] = class_of(number[i], nodata);
        break;
    case TB_SAMPLE_F32:
        for (size_t i = 0; i < count; i++)
            v->classes[i] = class_of(real[i], (double)(float)nodata);
        break;
    }
    if (v->valid != NULL)
        for (size_t i = 0; i < count; i++)
            if (v->valid[i] == 0)
                v->classes[i] = NOT_OBSERVED;
}

/* What is not observed is only counted: it makes no polygon. */
static void count_and_clear_unobserved(vectorizer *v, size_t count)
{
    const uint64_t others = ~UINT64_C(0x0101010101010101);
    uint64_t       eight;

    for (size_t i = 0; i < count;) {
        if (i + sizeof eight <= count) {
            memcpy(&eight, v->classes + i, sizeof eight);
            if ((eight & others) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        if (v->classes[i] == NOT_OBSERVED) {
            v->classes[i] = UNCHANGED;
            v->result.unobserved_pixels++;
        }
        i++;
    }
}

static tb_connectivity connectivity_of(const vectorizer *v)
{
    return v->options->connect == 4 ? TB_CONNECT_4 : TB_CONNECT_8;
}

static tb_status report(const vectorizer *v, int64_t rows, tb_error *err)
{
    const tb_progress *progress = v->options->progress;

    if (progress == NULL)
        return TB_OK;
    if (progress->is_cancelled != NULL && progress->is_cancelled(progress->context))
        return tb_error_set(err, TB_E_CANCELLED, "cancelled");
    if (progress->report != NULL)
        progress->report(progress->context, "read", rows * v->info->width,
                         v->info->height * v->info->width);
    return TB_OK;
}

/* Whole tiles where that stays small. */
static int64_t strip_height(const tb_image_info *info)
{
    int64_t tile = info->tile_height;
    int64_t rows;

    if (tile * info->width > STRIP_PIXELS_MOST)
        rows = STRIP_PIXELS_MOST / info->width;
    else
        rows = tile * (STRIP_PIXELS / (tile * info->width));
    if (rows < 1)
        rows = tile * info->width <= STRIP_PIXELS_MOST ? tile : 1;
    return rows < info->height ? rows : info->height;
}

static tb_status read_runs(vectorizer *v, const char *work, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info   = v->info;
    int64_t              rows   = strip_height(info);
    size_t               pixels = (size_t)(rows * info->width);

    TB_TRY(tb_alloc(&v->samples, pixels, tb_sample_size(info->type), "samples of a strip", err));
    TB_TRY(tb_alloc(&v->classes, pixels, 1, "classes of a strip", err));
    if (info->has_mask)
        TB_TRY(tb_alloc(&v->valid, pixels, 1, "mask of a strip", err));
    TB_TRY(tb_sheet_new(&v->sheet, info->width, info->height, connectivity_of(v), work, err));
    for (int64_t y = 0; y < info->height; y += rows) {
        int64_t height = info->height - y < rows ? info->height - y : rows;
        tb_rect strip  = {0, y, info->width, height};

        TB_TRY(report(v, y, err));
        TB_TRY(tb_image_read(v->image, strip, v->samples, v->valid, err));
        classify(v, (size_t)(height * info->width));
        count_and_clear_unobserved(v, (size_t)(height * info->width));
        TB_TRY(tb_sheet_add(v->sheet, v->classes, height, err));
    }
done:
    tb_free(v->samples);
    tb_free(v->classes);
    tb_free(v->valid);
    v->samples = NULL;
    v->classes = NULL;
    v->valid   = NULL;
    return status;
}

/* ---------------------------------------------------------------- from runs to features */

/* Least and greatest of the exterior rings' corners: as traced they are the component's. */
static void find_extent(const tb_component *component, const tb_shape *shape, tb_corner *least,
                        tb_corner *greatest)
{
    least->x    = (int32_t)(component->bounds.x - shape->origin_x);
    least->y    = (int32_t)(component->bounds.y - shape->origin_y);
    greatest->x = least->x + (int32_t)component->bounds.width;
    greatest->y = least->y + (int32_t)component->bounds.height;
    if (shape->scale == 1)
        return;
    *least    = (tb_corner){INT32_MAX, INT32_MAX};
    *greatest = (tb_corner){INT32_MIN, INT32_MIN};
    for (size_t p = 0; p < shape->polygon_count; p++) {
        tb_ring          ring = shape->rings[shape->polygons[p].first];
        const tb_corner *end  = shape->corners + ring.first + ring.count;

        for (const tb_corner *c = shape->corners + ring.first; c < end; c++) {
            least->x    = c->x < least->x ? c->x : least->x;
            least->y    = c->y < least->y ? c->y : least->y;
            greatest->x = c->x > greatest->x ? c->x : greatest->x;
            greatest->y = c->y > greatest->y ? c->y : greatest->y;
        }
    }
}

/*
 * Where the corners of a shape lie. The sense of its rings is that of the screen: where y grows
 * upwards that is the map's too, else they are turned round.
 */
static tb_vector_lattice lattice_of(const vectorizer *v, const tb_component *component,
                                    const tb_shape *shape)
{
    tb_vector_lattice lattice = {.origin_x  = (double)shape->origin_x,
                                 .origin_y  = (double)shape->origin_y,
                                 .unit      = 1.0 / shape->scale, /* a power of two: exact */
                                 .is_turned = v->pixel_area > 0};

    memcpy(lattice.transform, v->info->transform, sizeof lattice.transform);
    find_extent(component, shape, &lattice.least, &lattice.greatest);
    return lattice;
}

static tb_status write_component(void *context, const tb_component *component, tb_error *err)
{
    vectorizer     *v         = context;
    tb_status       status    = TB_OK;
    tb_vector_value values[3] = {
        {.is_set = true, .integer = component->number + 1},
        {.is_set = true, .integer = component->pixels},
        {.is_set = true},
    };
    tb_shape traced, shape;
    bool     is_traced;

    if (component->verdict != TB_VERDICT_KEPT)
        return TB_OK;
    TB_TRY(tb_trace_component(v->trace, component, &traced, err));
    TB_TRY(tb_outline_simplify(v->outline, &traced, component->nearby, component->nearby_count,
                               &v->how, &shape, err));
    v->result.filled += (int64_t)(traced.ring_count - shape.ring_count);
    /* As traced it is the pixels', exactly. */
    is_traced = shape.scale == 1 && shape.ring_count == traced.ring_count;
    values[2].real =
        (is_traced ? (double)component->pixels : tb_shape_area(&shape)) * fabs(v->pixel_area);

    tb_vector_lattice lattice = lattice_of(v, component, &shape);
    tb_vector_outline outline = {.rings         = shape.rings,
                                 .polygons      = shape.polygons,
                                 .polygon_count = shape.polygon_count,
                                 .corners       = shape.corners,
                                 .lattice       = &lattice};

    TB_TRY(tb_vector_add(v->vector, v->layer, &outline, values, err));
    v->result.polygons += (int64_t)shape.polygon_count;
    v->result.holes += (int64_t)(shape.ring_count - shape.polygon_count);
done:
    return status;
}

static tb_status write_features(vectorizer *v, const char *driver, tb_error *err)
{
    static const tb_vector_field fields[] = {
        {"id", "编号", TB_VECTOR_INTEGER, 0, 0},
        {"pixels", "像元数", TB_VECTOR_INTEGER, 0, 0},
        {"area", "面积", TB_VECTOR_REAL, 0, 0},
    };
    /* No date is known here, and the present would be in the bytes. */
    tb_vector_options format = {
        .driver = driver, .date = "1970-01-01T00:00:00.000Z", .is_bulk = true};
    tb_vector_layer    layer  = {.name        = "parcels",
                                 .geometry    = TB_VECTOR_MULTIPOLYGON,
                                 .crs         = v->info->crs,
                                 .fields      = fields,
                                 .field_count = sizeof fields / sizeof *fields};
    tb_status          status = TB_OK;
    tb_assemble_totals totals;
    tb_sheet_options   telling = {.min_pixels   = v->options->min_pixels,
                                  .wants_nearby = v->how.tolerance_px > 0.0 || v->how.fill_pixels > 0,
                                  .component    = write_component,
                                  .context      = v,
                                  .progress     = v->options->progress};

    TB_TRY(tb_trace_new(&v->trace, err));
    TB_TRY(tb_outline_new(&v->outline, err));
    TB_TRY(tb_vector_create(&v->vector, v->options->out, &format, err));
    TB_TRY(tb_vector_add_layer(v->vector, &layer, &v->layer, err));

    TB_TRY(tb_sheet_tell(v->sheet, &telling, &totals, err));
    TB_TRY(tb_vector_finish(v->vector, err));
    v->result.features       = totals.kept;
    v->result.pixels         = totals.kept_pixels;
    v->result.dropped        = totals.small;
    v->result.dropped_pixels = totals.small_pixels;
done:
    tb_vector_close(v->vector);
    tb_trace_free(v->trace);
    tb_outline_free(v->outline);
    return status;
}

static void explain(vectorizer *v)
{
    tb_vectorize_result *result = &v->result;

    if (result->features + result->dropped == 0 && result->unobserved_pixels > 0)
        snprintf(result->note, sizeof result->note,
                 "no pixel is changed, and %lld are not observed (255, nodata or masked); if 255 "
                 "stands for changed in this raster, write 1 in its place",
                 (long long)result->unobserved_pixels);
    else if (result->features + result->dropped == 0)
        snprintf(result->note, sizeof result->note, "no pixel is changed: all are 0");
    else if (result->features == 0)
        snprintf(result->note, sizeof result->note,
                 "all %lld components are smaller than %lld pixels", (long long)result->dropped,
                 (long long)v->options->min_pixels);
}

/* A hidden name beside the target: the same disk, and no clash with another target. */
static tb_status name_work(char **work, const char *out, tb_error *err)
{
    tb_status status = TB_OK;
    char     *folder = NULL;
    tb_text   text   = {0};

    TB_TRY(tb_path_folder(&folder, out, err));
    TB_TRY(tb_file_check_writable(out, err)); /* the complaint names what the caller knows */
    TB_TRY(tb_text_append(&text, err, "%s/.%s.runs", folder, tb_path_name(out)));
    *work = text.data;
done:
    if (status != TB_OK)
        tb_text_reset(&text);
    tb_free(folder);
    return status;
}

tb_status tb_vectorize(const tb_vectorize_options *options, tb_vectorize_result *result,
                       tb_error *err)
{
    tb_status   status = TB_OK;
    vectorizer  v      = {.options = options};
    const char *driver = NULL;
    char       *work   = NULL;

    TB_TRY(check_options(options, &driver, &v.how, err));
    TB_TRY(tb_image_open(&v.image, options->change, err));
    tb_image_use(v.image, tb_kernels_select(tb_kernels_features()));
    v.info = tb_image_describe(v.image);
    v.pixel_area =
        v.info->transform[1] * v.info->transform[5] - v.info->transform[2] * v.info->transform[4];
    if (v.info->bands != 1) {
        status = tb_error_set(err, TB_E_INPUT, "vectorize %s: expected 1 band, got %d",
                              options->change, v.info->bands);
        goto done;
    }
    TB_TRY(name_work(&work, options->out, err));
    TB_TRY(read_runs(&v, work, err));
    TB_TRY(write_features(&v, driver, err));
    explain(&v);
    if (result != NULL)
        *result = v.result;
done:
    tb_sheet_free(v.sheet);
    tb_free(work);
    tb_image_close(v.image);
    return status;
}
