#include "job/candidates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ogr_srs_api.h>

#include "core/memory.h"
#include "raster/capture.h"
#include "region/outline.h"
#include "region/trace.h"
#include "sweep/block.h"

/* Longer edges get vertices between, so that straight in the grid's plane is straight in (B, L). */
static const double EDGE_M = 100.0;

/* The pair being added, and what tracing needs. */
typedef struct gathering {
    tb_candidates               *to;
    tb_stages                   *stages;
    tb_trace                    *trace;
    tb_outline                  *outline;
    OGRCoordinateTransformationH way;
    int64_t                      edge_pixels;
    tb_span                     *missing, *seen; /* not observed and observed, row by row */
    size_t                       missing_count, missing_capacity, seen_count, seen_capacity;
    int64_t next_row, next_column; /* observed from here on, as far as is known */
} gathering;

static void outline_reset(tb_outline_copy *outline)
{
    tb_free(outline->points);
    tb_free(outline->rings);
    tb_free(outline->polygons);
}

void tb_candidates_reset(tb_candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        outline_reset(&candidates->item[i].outline);
        tb_free(candidates->item[i].classes);
        tb_free(candidates->item[i].classes_by);
        tb_free(candidates->item[i].classes_day);
    }
    for (size_t i = 0; i < candidates->observed_count; i++)
        outline_reset(&candidates->observed[i].outline);
    tb_free(candidates->item);
    tb_free(candidates->observed);
    *candidates = (tb_candidates){0};
}

static tb_status find_way(gathering *g, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH from   = OSRNewSpatialReference(g->stages->pair.lattice.crs);
    OGRSpatialReferenceH to     = OSRNewSpatialReference(NULL);
    tb_capture           capture;

    tb_capture_begin(&capture);
    OSRImportFromEPSG(to, 4490);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    g->way = OCTNewCoordinateTransformation(from, to);
    if (g->way == NULL)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a CRS that can be brought to CGCS2000, got: %s",
                              tb_epoch_file(g->stages->pair.before, 0)->path,
                              tb_capture_text(&capture, "one PROJ knows no way from"));
    tb_capture_end(&capture);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    return status;
}

/* Into how many pieces an edge of the shape is cut; lengths by the longer axis will do. */
static int64_t pieces_of(const gathering *g, const tb_shape *shape, tb_corner a, tb_corner b)
{
    int64_t dx = llabs((int64_t)b.x - a.x), dy = llabs((int64_t)b.y - a.y);
    int64_t length = (dx > dy ? dx : dy) / shape->scale;

    return length <= g->edge_pixels ? 1 : (length + g->edge_pixels - 1) / g->edge_pixels;
}

static size_t count_points(const gathering *g, const tb_shape *shape)
{
    size_t points = 0;

    for (size_t r = 0; r < shape->ring_count; r++)
        for (size_t i = 0; i < shape->rings[r].count; i++) {
            const tb_corner *ring = shape->corners + shape->rings[r].first;

            points += (size_t)pieces_of(g, shape, ring[i], ring[(i + 1) % shape->rings[r].count]);
        }
    return points;
}

/* The shape's corners in (L, B), edges cut to EDGE_M, snapped to 1e-9 degree. */
static tb_status to_geographic(gathering *g, const tb_shape *shape, tb_outline_copy *outline,
                               tb_error *err)
{
    tb_status     status    = TB_OK;
    const double *transform = g->stages->pair.lattice.transform;
    size_t        n         = 0;

    *outline = (tb_outline_copy){.point_count   = count_points(g, shape),
                                 .ring_count    = shape->ring_count,
                                 .polygon_count = shape->polygon_count};
    TB_TRY(tb_alloc(&outline->points, 2 * outline->point_count, sizeof(double), "outline", err));
    TB_TRY(tb_alloc(&outline->rings, shape->ring_count, sizeof(tb_ring), "outline", err));
    TB_TRY(tb_alloc(&outline->polygons, shape->polygon_count, sizeof(tb_polygon), "outline", err));
    memcpy(outline->polygons, shape->polygons, shape->polygon_count * sizeof(tb_polygon));
    for (size_t r = 0; r < shape->ring_count; r++) {
        const tb_corner *ring  = shape->corners + shape->rings[r].first;
        size_t           count = shape->rings[r].count, first = n;

        for (size_t i = 0; i < count; i++) {
            tb_corner a = ring[i], b = ring[(i + 1) % count];
            int64_t   pieces = pieces_of(g, shape, a, b);

            for (int64_t k = 0; k < pieces; k++, n++) {
                double along = (double)k / (double)pieces;
                double x     = (double)a.x + (double)(b.x - a.x) * along;
                double y     = (double)a.y + (double)(b.y - a.y) * along;

                x = (double)shape->origin_x + x / shape->scale;
                y = (double)shape->origin_y + y / shape->scale;
                tb_transform_apply(transform, x, y, &outline->points[2 * n],
                                   &outline->points[2 * n + 1]);
            }
        }
        outline->rings[r] = (tb_ring){first, n - first};
    }
    for (size_t i = 0; i < n; i++) {
        double *x = &outline->points[2 * i], *y = x + 1;

        if (!OCTTransform(g->way, 1, x, y, NULL)) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "outline at %.3f %.3f: expected a place in CGCS2000, got none",
                                  *x, *y);
            goto done;
        }
        *x = tb_degree_snapped(*x);
        *y = tb_degree_snapped(*y);
    }
done:
    return status;
}

tb_status tb_candidates_append(tb_candidates *candidates, tb_candidate **out, tb_error *err)
{
    tb_status status = TB_OK;

    if (candidates->count == candidates->capacity) {
        size_t more = candidates->capacity > 0 ? 2 * candidates->capacity : 64;

        TB_TRY(tb_grow(&candidates->item, more, sizeof *candidates->item, "candidates", err));
        candidates->capacity = more;
    }
    *out  = &candidates->item[candidates->count++];
    **out = (tb_candidate){0};
done:
    return status;
}

static double rounded(double value)
{
    return floor(value * 1e4 + 0.5) / 1e4;
}

static tb_status add_component(void *context, const tb_component *component, tb_error *err)
{
    gathering     *g        = context;
    const tb_job  *job      = g->stages->job;
    const int64_t *evidence = component->evidence;
    double         pixels   = (double)component->pixels;
    tb_status      status   = TB_OK;
    tb_candidate  *it;
    tb_shape       traced, shape;

    TB_TRY(tb_candidates_append(g->to, &it, err));
    it->source = "auto";
    snprintf(it->id, sizeof it->id, "D%.4s%.2s-%d-%06lld",
             job->month[0] != '\0' ? job->month : "0000",
             job->month[0] != '\0' ? job->month + 5 : "00", g->stages->number,
             (long long)component->number + 1);
    it->pair        = g->stages->number - 1;
    it->is_small    = component->verdict != TB_VERDICT_KEPT;
    it->pixels      = component->pixels;
    it->edge_pixels = evidence[TB_EVIDENCE_UNOBSERVED_BESIDE];
    it->score       = rounded((double)evidence[TB_EVIDENCE_SCORE_SUM] / pixels / TB_SCORE_UNIT);
    it->score_max   = rounded((double)evidence[TB_EVIDENCE_SCORE_MAX] / TB_SCORE_UNIT);
    TB_TRY(tb_trace_spans(g->trace, component->spans, component->span_count, &traced, err));
    TB_TRY(tb_outline_simplify(g->outline, &traced, component->nearby, component->nearby_count,
                               &(tb_outline_options){job->simplify_px, job->fill_pixels}, &shape,
                               err));
    TB_TRY(to_geographic(g, &shape, &it->outline, err));
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
static tb_status fill_seen(gathering *g, int64_t row, int64_t column, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   width  = g->stages->pair.lattice.width;

    while (g->next_row < row || (g->next_row == row && g->next_column < column)) {
        int64_t last = g->next_row < row ? width - 1 : column - 1;

        if (last >= g->next_column)
            TB_TRY(push(&g->seen, &g->seen_count, &g->seen_capacity,
                        (tb_span){g->next_row, g->next_column, last}, err));
        if (g->next_row == row) {
            g->next_column = column;
        } else {
            g->next_row++;
            g->next_column = 0;
        }
    }
done:
    return status;
}

static tb_status hear_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    gathering *g      = context;
    tb_status  status = TB_OK;

    if (run->kind != TB_RUN_UNOBSERVED)
        return TB_OK;
    TB_TRY(fill_seen(g, run->row, run->first, err));
    TB_TRY(push(&g->missing, &g->missing_count, &g->missing_capacity,
                (tb_span){run->row, run->first, run->last}, err));
    g->next_row    = run->row;
    g->next_column = run->last + 1;
done:
    return status;
}

static tb_status add_observed(gathering *g, const char *state, const tb_span *spans, size_t count,
                              tb_error *err)
{
    tb_status    status = TB_OK;
    tb_observed *it;
    tb_shape     shape;

    if (count == 0)
        return TB_OK;
    TB_TRY(tb_grow(&g->to->observed, g->to->observed_count + 1, sizeof *g->to->observed,
                   "observed area", err));
    it  = &g->to->observed[g->to->observed_count++];
    *it = (tb_observed){.state = state, .pair = g->stages->number - 1};
    for (size_t i = 0; i < count; i++)
        it->pixels += spans[i].last - spans[i].first + 1;
    TB_TRY(tb_trace_spans(g->trace, spans, count, &shape, err));
    TB_TRY(to_geographic(g, &shape, &it->outline, err));
done:
    return status;
}

tb_status tb_candidates_add(tb_candidates *candidates, tb_stages *stages,
                            tb_assemble_totals *totals, tb_error *err)
{
    tb_status           status  = TB_OK;
    gathering           g       = {.to = candidates, .stages = stages};
    tb_assemble_visitor visitor = {.run          = hear_run,
                                   .component    = add_component,
                                   .context      = &g,
                                   .wants_nearby = stages->job->simplify_px > 0.0 ||
                                                   stages->job->fill_pixels > 0};
    double              gsd     = tb_grid_gsd_m(&stages->pair.lattice);

    g.edge_pixels = gsd > 0.0 && gsd < EDGE_M ? (int64_t)(EDGE_M / gsd) : 1;
    TB_TRY(tb_trace_new(&g.trace, err));
    TB_TRY(tb_outline_new(&g.outline, err));
    TB_TRY(find_way(&g, err));
    TB_TRY(tb_stages_assemble(stages, &visitor, totals, err));
    TB_TRY(fill_seen(&g, stages->pair.lattice.height, 0, err));
    TB_TRY(add_observed(&g, "observed", g.seen, g.seen_count, err));
    TB_TRY(add_observed(&g, "unobserved", g.missing, g.missing_count, err));
done:
    if (g.way != NULL)
        OCTDestroyCoordinateTransformation(g.way);
    tb_trace_free(g.trace);
    tb_outline_free(g.outline);
    tb_free(g.missing);
    tb_free(g.seen);
    return status;
}

static GEOSGeometry *ring_geometry(GEOSContextHandle_t handle, const tb_outline_copy *outline,
                                   tb_ring ring)
{
    GEOSCoordSequence *points = GEOSCoordSeq_create_r(handle, (unsigned)ring.count + 1, 2);

    if (points == NULL)
        return NULL;
    for (size_t i = 0; i <= ring.count; i++) {
        const double *p = outline->points + 2 * (ring.first + i % ring.count);

        GEOSCoordSeq_setXY_r(handle, points, (unsigned)i, p[0], p[1]);
    }
    return GEOSGeom_createLinearRing_r(handle, points);
}

tb_status tb_outline_geometry(tb_geos *geos, const tb_outline_copy *outline, GEOSGeometry **out,
                              tb_error *err)
{
    tb_status           status   = TB_OK;
    GEOSContextHandle_t handle   = geos->handle;
    GEOSGeometry      **polygons = NULL, **holes = NULL;

    *out = NULL;
    TB_TRY(
        tb_alloc_zero(&polygons, outline->polygon_count, sizeof(GEOSGeometry *), "outline", err));
    TB_TRY(tb_alloc_zero(&holes, outline->ring_count, sizeof(GEOSGeometry *), "outline", err));
    for (size_t p = 0; p < outline->polygon_count; p++) {
        tb_polygon    it    = outline->polygons[p];
        GEOSGeometry *shell = ring_geometry(handle, outline, outline->rings[it.first]);

        for (size_t h = 1; h < it.count; h++)
            holes[h - 1] = ring_geometry(handle, outline, outline->rings[it.first + h]);
        polygons[p] = GEOSGeom_createPolygon_r(handle, shell, holes, (unsigned)it.count - 1);
    }
    *out = GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, polygons,
                                       (unsigned)outline->polygon_count);
    if (*out == NULL)
        status = tb_geos_fail(geos, err, "outline of a parcel");
done:
    tb_free(polygons);
    tb_free(holes);
    return status;
}

static const GEOSGeometry *ring_of(const tb_geos *geos, const GEOSGeometry *polygon, int r)
{
    return r == 0 ? GEOSGetExteriorRing_r(geos->handle, polygon)
                  : GEOSGetInteriorRingN_r(geos->handle, polygon, r - 1);
}

/* Rings and points of a polygon: counted, and copied where `out` has room for them. */
static void add_polygon(tb_geos *geos, const GEOSGeometry *polygon, tb_outline_copy *out)
{
    int rings = 1 + GEOSGetNumInteriorRings_r(geos->handle, polygon);

    if (out->polygons != NULL)
        out->polygons[out->polygon_count] = (tb_polygon){out->ring_count, (size_t)rings};
    out->polygon_count++;
    for (int r = 0; r < rings; r++) {
        const GEOSCoordSequence *points =
            GEOSGeom_getCoordSeq_r(geos->handle, ring_of(geos, polygon, r));
        unsigned count = 0;

        GEOSCoordSeq_getSize_r(geos->handle, points, &count);
        count = count > 0 ? count - 1 : 0; /* the first again */
        for (unsigned i = 0; out->points != NULL && i < count; i++) {
            double *at = out->points + 2 * (out->point_count + i);

            GEOSCoordSeq_getXY_r(geos->handle, points, i, &at[0], &at[1]);
        }
        if (out->rings != NULL)
            out->rings[out->ring_count] = (tb_ring){out->point_count, count};
        out->ring_count++;
        out->point_count += count;
    }
}

static void add_polygons(tb_geos *geos, const GEOSGeometry *geometry, tb_outline_copy *out)
{
    int parts = GEOSGetNumGeometries_r(geos->handle, geometry);

    out->polygon_count = out->ring_count = out->point_count = 0;
    for (int p = 0; p < parts; p++)
        add_polygon(geos, GEOSGetGeometryN_r(geos->handle, geometry, p), out);
}

tb_status tb_outline_of_geometry(tb_geos *geos, const GEOSGeometry *geometry, tb_outline_copy *out,
                                 tb_error *err)
{
    tb_status status = TB_OK;

    *out = (tb_outline_copy){0};
    add_polygons(geos, geometry, out);
    TB_TRY(tb_alloc(&out->points, 2 * out->point_count, sizeof(double), "outline", err));
    TB_TRY(tb_alloc(&out->rings, out->ring_count, sizeof(tb_ring), "outline", err));
    TB_TRY(tb_alloc(&out->polygons, out->polygon_count, sizeof(tb_polygon), "outline", err));
    add_polygons(geos, geometry, out);
done:
    return status;
}
