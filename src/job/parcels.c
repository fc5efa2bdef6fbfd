#include "job/parcels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "core/memory.h"
#include "publish/vector.h"
#include "raster/capture.h"
#include "region/outline.h"
#include "region/trace.h"
#include "sweep/block.h"

/* Longer edges get vertices between, so that straight in the grid's plane is straight in (B, L). */
static const double EDGE_M = 100.0;

static const tb_vector_field parcel_fields[] = {
    {"DRAFT_ID", "草案编号", TB_VECTOR_TEXT, 24, 0},
    {"QSX", "前时相", TB_VECTOR_TEXT, 8, 0},
    {"HSX", "后时相", TB_VECTOR_TEXT, 8, 0},
    {"QSXY", "前时相影像", TB_VECTOR_TEXT, 80, 0},
    {"HSXY", "后时相影像", TB_VECTOR_TEXT, 80, 0},
    {"PIXELS", "像元数", TB_VECTOR_INTEGER, 0, 0},
    {"SCORE", "平均变化强度", TB_VECTOR_REAL, 0, 0},
    {"SCORE_MAX", "最大变化强度", TB_VECTOR_REAL, 0, 0},
    {"EDGE_PX", "邻接未观测像元", TB_VECTOR_INTEGER, 0, 0},
    {"REASON", "剔除原因", TB_VECTOR_TEXT, 40, 0},
};
enum { PARCEL_FIELDS = 9, REJECTED_FIELDS = 10 };

static const tb_vector_field observed_fields[] = {
    {"STATE", "观测状态", TB_VECTOR_TEXT, 12, 0},  {"QSX", "前时相", TB_VECTOR_TEXT, 8, 0},
    {"HSX", "后时相", TB_VECTOR_TEXT, 8, 0},       {"QSXY", "前时相影像", TB_VECTOR_TEXT, 80, 0},
    {"HSXY", "后时相影像", TB_VECTOR_TEXT, 80, 0}, {"PIXELS", "像元数", TB_VECTOR_INTEGER, 0, 0},
};

struct tb_parcels {
    const tb_job *job;
    tb_vector    *vector;
    int           parcels, rejected, observed; /* layers */
    char         *crs;
    tb_trace     *trace;
    tb_outline   *outline;
    double       *points;
    tb_ring      *rings;
    size_t        point_capacity, ring_capacity;

    /* of the pair being added */
    tb_stages                   *stages;
    OGRCoordinateTransformationH way; /* NULL: already geographic CGCS2000 */
    int64_t                      edge_pixels;
    tb_span                     *missing, *seen; /* not observed and observed, row by row */
    size_t                       missing_count, missing_capacity, seen_count, seen_capacity;
    int64_t next_row, next_column; /* observed from here on, as far as is known */
    char    before[9], after[9];
};

static tb_status make_crs(tb_parcels *p, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH crs    = OSRNewSpatialReference(NULL);
    char                *wkt    = NULL;
    tb_capture           capture;

    tb_capture_begin(&capture);
    if (OSRImportFromEPSG(crs, 4490) != OGRERR_NONE || OSRExportToWkt(crs, &wkt) != OGRERR_NONE)
        status =
            tb_error_set(err, TB_E_BUG, "CRS EPSG:4490: expected it in PROJ's database, got: %s",
                         tb_capture_text(&capture, "none"));
    else
        status = tb_copy_text(&p->crs, wkt, err);
    tb_capture_end(&capture);
    CPLFree(wkt);
    OSRDestroySpatialReference(crs);
    return status;
}

tb_status tb_parcels_create(tb_parcels **out, tb_set *set, const tb_job *job, tb_error *err)
{
    static const char *const       layer_options[] = {"SPATIAL_INDEX=YES", NULL};
    static const tb_vector_options options = {.driver = "GPKG", .date = "2000-01-01T00:00:00Z"};
    tb_status                      status  = TB_OK;
    tb_parcels                    *p       = NULL;
    char                          *path    = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&p, 1, sizeof *p, "parcels", err));
    p->job = job;
    TB_TRY(make_crs(p, err));
    TB_TRY(tb_trace_new(&p->trace, err));
    TB_TRY(tb_outline_new(&p->outline, err));
    TB_TRY(tb_set_path(set, "parcels.gpkg", &path, err));
    TB_TRY(tb_vector_create(&p->vector, path, &options, err));

    const tb_vector_layer layers[] = {
        {"parcels", "变化图斑 changed parcels: leads, never verdicts", TB_VECTOR_MULTIPOLYGON,
         p->crs, parcel_fields, PARCEL_FIELDS, layer_options},
        {"rejected", "剔除图斑 rejected candidates, each with its reason", TB_VECTOR_MULTIPOLYGON,
         p->crs, parcel_fields, REJECTED_FIELDS, layer_options},
        {"observed", "观测范围 what was observed on both dates, and what was not",
         TB_VECTOR_MULTIPOLYGON, p->crs, observed_fields,
         sizeof observed_fields / sizeof *observed_fields, layer_options},
    };

    TB_TRY(tb_vector_add_layer(p->vector, &layers[0], &p->parcels, err));
    TB_TRY(tb_vector_add_layer(p->vector, &layers[1], &p->rejected, err));
    TB_TRY(tb_vector_add_layer(p->vector, &layers[2], &p->observed, err));
    *out = p;
    p    = NULL;
done:
    tb_parcels_close(p);
    tb_free(path);
    return status;
}

void tb_parcels_close(tb_parcels *p)
{
    if (p == NULL)
        return;
    tb_vector_close(p->vector);
    tb_trace_free(p->trace);
    tb_outline_free(p->outline);
    tb_free(p->points);
    tb_free(p->rings);
    tb_free(p->missing);
    tb_free(p->seen);
    tb_free(p->crs);
    tb_free(p);
}

tb_status tb_parcels_finish(tb_parcels *p, tb_error *err)
{
    return tb_vector_finish(p->vector, err);
}

static void compact_date(const char *date, char out[9])
{
    out[0] = '\0';
    if (date[0] != '\0')
        snprintf(out, 9, "%.4s%.2s%.2s", date, date + 5, date + 8);
}

static tb_status find_way(tb_parcels *p, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH from   = OSRNewSpatialReference(p->stages->pair.lattice.crs);
    OGRSpatialReferenceH to     = OSRNewSpatialReference(p->crs);
    tb_capture           capture;

    tb_capture_begin(&capture);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    p->way = OCTNewCoordinateTransformation(from, to);
    if (p->way == NULL)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a CRS that can be brought to CGCS2000, got: %s",
                              tb_epoch_file(p->stages->pair.before, 0)->path,
                              tb_capture_text(&capture, "one PROJ knows no way from"));
    tb_capture_end(&capture);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    return status;
}

/* Into how many pieces an edge of the shape is cut; lengths by the longer axis will do. */
static int64_t pieces_of(const tb_parcels *p, const tb_shape *shape, tb_corner a, tb_corner b)
{
    int64_t dx = llabs((int64_t)b.x - a.x), dy = llabs((int64_t)b.y - a.y);
    int64_t length = (dx > dy ? dx : dy) / shape->scale;

    return length <= p->edge_pixels ? 1 : (length + p->edge_pixels - 1) / p->edge_pixels;
}

static tb_status reserve(tb_parcels *p, const tb_shape *shape, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    points = 0;

    for (size_t r = 0; r < shape->ring_count; r++)
        for (size_t i = 0; i < shape->rings[r].count; i++) {
            const tb_corner *ring = shape->corners + shape->rings[r].first;

            points += (size_t)pieces_of(p, shape, ring[i], ring[(i + 1) % shape->rings[r].count]);
        }
    if (points > p->point_capacity) {
        TB_TRY(tb_grow(&p->points, 2 * points, sizeof *p->points, "outline", err));
        p->point_capacity = points;
    }
    if (shape->ring_count > p->ring_capacity) {
        TB_TRY(tb_grow(&p->rings, shape->ring_count, sizeof *p->rings, "outline", err));
        p->ring_capacity = shape->ring_count;
    }
done:
    return status;
}

static double snapped(double degrees)
{
    return floor(degrees * 1e9 + 0.5) / 1e9;
}

/* The shape's corners in (L, B), edges cut to EDGE_M, snapped to 1e-9 degree. */
static tb_status to_geographic(tb_parcels *p, const tb_shape *shape, tb_vector_outline *outline,
                               tb_error *err)
{
    tb_status     status    = TB_OK;
    const double *transform = p->stages->pair.lattice.transform;
    size_t        n         = 0;

    TB_TRY(reserve(p, shape, err));
    for (size_t r = 0; r < shape->ring_count; r++) {
        const tb_corner *ring  = shape->corners + shape->rings[r].first;
        size_t           count = shape->rings[r].count, first = n;

        for (size_t i = 0; i < count; i++) {
            tb_corner a = ring[i], b = ring[(i + 1) % count];
            int64_t   pieces = pieces_of(p, shape, a, b);

            for (int64_t k = 0; k < pieces; k++, n++) {
                double along = (double)k / (double)pieces;
                double x     = (double)a.x + (double)(b.x - a.x) * along;
                double y     = (double)a.y + (double)(b.y - a.y) * along;

                x = (double)shape->origin_x + x / shape->scale;
                y = (double)shape->origin_y + y / shape->scale;
                tb_transform_apply(transform, x, y, &p->points[2 * n], &p->points[2 * n + 1]);
            }
        }
        p->rings[r] = (tb_ring){first, n - first};
    }
    for (size_t i = 0; i < n; i++) {
        double *x = &p->points[2 * i], *y = x + 1;

        if (!OCTTransform(p->way, 1, x, y, NULL)) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "outline at %.3f %.3f: expected a place in CGCS2000, "
                                  "got none",
                                  *x, *y);
            goto done;
        }
        *x = snapped(*x);
        *y = snapped(*y);
    }
    *outline = (tb_vector_outline){.points        = p->points,
                                   .rings         = p->rings,
                                   .polygons      = shape->polygons,
                                   .polygon_count = shape->polygon_count};
done:
    return status;
}

static tb_vector_value text_of(const char *text)
{
    return (tb_vector_value){.is_set = text[0] != '\0', .text = text};
}

static tb_vector_value integer_of(int64_t value)
{
    return (tb_vector_value){.is_set = true, .integer = value};
}

static tb_vector_value real_of(double value)
{
    return (tb_vector_value){.is_set = true, .real = value};
}

static const char *scene_of(const tb_epoch *epoch)
{
    const char *path  = tb_epoch_file(epoch, 0)->path;
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static tb_status add_component(void *context, const tb_component *component, tb_error *err)
{
    tb_parcels       *p        = context;
    const int64_t    *evidence = component->evidence;
    double            pixels   = (double)component->pixels;
    tb_status         status   = TB_OK;
    tb_shape          traced, shape;
    tb_vector_outline outline;
    char              id[32];

    snprintf(id, sizeof id, "D%.4s%.2s-%d-%06lld",
             p->job->month[0] != '\0' ? p->job->month : "0000",
             p->job->month[0] != '\0' ? p->job->month + 5 : "00", p->stages->number,
             (long long)component->number + 1);

    const tb_vector_value values[REJECTED_FIELDS] = {
        text_of(id),
        text_of(p->before),
        text_of(p->after),
        text_of(scene_of(p->stages->pair.before)),
        text_of(scene_of(p->stages->pair.after)),
        integer_of(component->pixels),
        real_of(
            floor((double)evidence[TB_EVIDENCE_SCORE_SUM] / pixels / TB_SCORE_UNIT * 1e4 + 0.5) /
            1e4),
        real_of(floor((double)evidence[TB_EVIDENCE_SCORE_MAX] / TB_SCORE_UNIT * 1e4 + 0.5) / 1e4),
        integer_of(evidence[TB_EVIDENCE_UNOBSERVED_BESIDE]),
        text_of("小于最小图斑 (small)"),
    };

    TB_TRY(tb_trace_spans(p->trace, component->spans, component->span_count, &traced, err));
    TB_TRY(tb_outline_simplify(p->outline, &traced, p->job->simplify_px, &shape, err));
    TB_TRY(to_geographic(p, &shape, &outline, err));
    TB_TRY(tb_vector_add(p->vector,
                         component->verdict == TB_VERDICT_KEPT ? p->parcels : p->rejected, &outline,
                         values, err));
done:
    return status;
}

static tb_status push(tb_span **spans, size_t *count, size_t *capacity, tb_span span, tb_error *err)
{
    tb_status status = TB_OK;

    if (*count == *capacity) {
        size_t more = *capacity > 0 ? 2 * *capacity : 1024;

        TB_TRY(tb_grow(spans, more, sizeof **spans, "observed area", err));
        *capacity = more;
    }
    (*spans)[(*count)++] = span;
done:
    return status;
}

/* What lies before (row, column) and has not been told of as unobserved was observed. */
static tb_status fill_seen(tb_parcels *p, int64_t row, int64_t column, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   width  = p->stages->pair.lattice.width;

    while (p->next_row < row || (p->next_row == row && p->next_column < column)) {
        int64_t last = p->next_row < row ? width - 1 : column - 1;

        if (last >= p->next_column)
            TB_TRY(push(&p->seen, &p->seen_count, &p->seen_capacity,
                        (tb_span){p->next_row, p->next_column, last}, err));
        if (p->next_row == row) {
            p->next_column = column;
        } else {
            p->next_row++;
            p->next_column = 0;
        }
    }
done:
    return status;
}

static tb_status hear_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    tb_parcels *p      = context;
    tb_status   status = TB_OK;

    if (run->kind != TB_RUN_UNOBSERVED)
        return TB_OK;
    TB_TRY(fill_seen(p, run->row, run->first, err));
    TB_TRY(push(&p->missing, &p->missing_count, &p->missing_capacity,
                (tb_span){run->row, run->first, run->last}, err));
    p->next_row    = run->row;
    p->next_column = run->last + 1;
done:
    return status;
}

static tb_status add_observed(tb_parcels *p, const char *state, const tb_span *spans, size_t count,
                              tb_error *err)
{
    tb_status         status = TB_OK;
    int64_t           pixels = 0;
    tb_shape          shape;
    tb_vector_outline outline;

    if (count == 0)
        return TB_OK;
    for (size_t i = 0; i < count; i++)
        pixels += spans[i].last - spans[i].first + 1;

    const tb_vector_value values[] = {text_of(state),
                                      text_of(p->before),
                                      text_of(p->after),
                                      text_of(scene_of(p->stages->pair.before)),
                                      text_of(scene_of(p->stages->pair.after)),
                                      integer_of(pixels)};

    TB_TRY(tb_trace_spans(p->trace, spans, count, &shape, err));
    TB_TRY(to_geographic(p, &shape, &outline, err));
    TB_TRY(tb_vector_add(p->vector, p->observed, &outline, values, err));
done:
    return status;
}

tb_status tb_parcels_add(tb_parcels *p, tb_stages *stages, tb_assemble_totals *totals,
                         tb_error *err)
{
    tb_status           status  = TB_OK;
    tb_assemble_visitor visitor = {.run = hear_run, .component = add_component, .context = p};
    const tb_job_pair  *pair    = &p->job->pairs[stages->number - 1];
    double              gsd     = tb_grid_gsd_m(&stages->pair.lattice);

    p->stages        = stages;
    p->missing_count = p->seen_count = 0;
    p->next_row = p->next_column = 0;
    p->edge_pixels               = gsd > 0.0 && gsd < EDGE_M ? (int64_t)(EDGE_M / gsd) : 1;
    compact_date(pair->before.date, p->before);
    compact_date(pair->after.date, p->after);
    TB_TRY(find_way(p, err));
    TB_TRY(tb_stages_assemble(stages, &visitor, totals, err));
    TB_TRY(fill_seen(p, stages->pair.lattice.height, 0, err));
    TB_TRY(add_observed(p, "observed", p->seen, p->seen_count, err));
    TB_TRY(add_observed(p, "unobserved", p->missing, p->missing_count, err));
done:
    OCTDestroyCoordinateTransformation(p->way);
    p->way = NULL;
    return status;
}
