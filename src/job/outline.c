#include "job/outline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ogr_srs_api.h>

#include "core/memory.h"
#include "parcel/plane.h"
#include "raster/capture.h"

/* Longer edges get vertices between, so that straight in the grid's plane is straight in (B, L). */
static const double EDGE_M = 100.0;

struct tb_geographic {
    tb_plane *plane;
    double    transform[6];
    int64_t   width, height;
    int64_t   edge_pixels; /* longer edges are cut */
};

void tb_outline_reset(tb_outline_copy *outline)
{
    tb_free(outline->points);
    tb_free(outline->rings);
    tb_free(outline->polygons);
    *outline = (tb_outline_copy){0};
}

/* ---- from a lattice ---- */

void tb_geographic_free(tb_geographic *way)
{
    if (way == NULL)
        return;
    tb_plane_free(way->plane);
    tb_free(way);
}

static tb_status find_way(tb_geographic *g, const tb_grid *grid, const char *path, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH from   = OSRNewSpatialReference(grid->crs);
    OGRSpatialReferenceH to     = OSRNewSpatialReference(NULL);
    tb_capture           capture;

    tb_capture_begin(&capture);
    OSRImportFromEPSG(to, 4490);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    TB_TRY(tb_plane_between(&g->plane, from, to, err));
    if (g->plane == NULL)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a CRS that can be brought to CGCS2000, got: %s", path,
                              tb_capture_text(&capture, "one PROJ knows no way from"));
done:
    tb_capture_end(&capture);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    return status;
}

tb_status tb_geographic_new(tb_geographic **out, const tb_grid *grid, const char *path,
                            tb_error *err)
{
    tb_status      status = TB_OK;
    tb_geographic *way    = NULL;
    double         gsd    = tb_grid_gsd_m(grid);

    *out = NULL;
    TB_TRY(tb_alloc_zero(&way, 1, sizeof *way, "way to (L, B)", err));
    memcpy(way->transform, grid->transform, sizeof way->transform);
    way->width       = grid->width;
    way->height      = grid->height;
    way->edge_pixels = gsd > 0.0 && gsd < EDGE_M ? (int64_t)(EDGE_M / gsd) : 1;
    TB_TRY(find_way(way, grid, path, err));
    *out = way;
    way  = NULL;
done:
    tb_geographic_free(way);
    return status;
}

/* A corner as a place of the lattice, pixels. */
static void place_of(const tb_geographic *g, const tb_shape *shape, int cell, tb_corner corner,
                     double *x, double *y)
{
    *x = ((double)shape->origin_x + (double)corner.x / shape->scale) * cell;
    *y = ((double)shape->origin_y + (double)corner.y / shape->scale) * cell;
    if (cell > 1) { /* the last cell of a row may be cut */
        *x = fmin(*x, (double)g->width);
        *y = fmin(*y, (double)g->height);
    }
}

/*
 * Steps between corners of cells, or the edge whole: what two shapes of cells share has the same
 * vertices in both, however far their edges go on.
 */
static int64_t steps_of(int cell, tb_corner a, tb_corner b)
{
    int64_t dx = llabs((int64_t)b.x - a.x), dy = llabs((int64_t)b.y - a.y);

    return cell == 1 ? 1 : dx > dy ? dx : dy;
}

/* Into how many pieces a step is cut; lengths by the longer axis will do. */
static int64_t pieces_of(const tb_geographic *g, const tb_shape *shape, int cell, tb_corner a,
                         tb_corner b)
{
    int64_t dx = llabs((int64_t)b.x - a.x), dy = llabs((int64_t)b.y - a.y);
    int64_t length = (dx > dy ? dx : dy) * cell / shape->scale / steps_of(cell, a, b);

    return length <= g->edge_pixels ? 1 : (length + g->edge_pixels - 1) / g->edge_pixels;
}

static size_t count_points(const tb_geographic *g, const tb_shape *shape, int cell)
{
    size_t points = 0;

    for (size_t r = 0; r < shape->ring_count; r++)
        for (size_t i = 0; i < shape->rings[r].count; i++) {
            const tb_corner *ring = shape->corners + shape->rings[r].first;
            tb_corner        a = ring[i], b = ring[(i + 1) % shape->rings[r].count];

            points += (size_t)(steps_of(cell, a, b) * pieces_of(g, shape, cell, a, b));
        }
    return points;
}

static size_t add_edge(const tb_geographic *g, const tb_shape *shape, int cell, tb_corner a,
                       tb_corner b, double *points)
{
    int64_t   steps = steps_of(cell, a, b), pieces = pieces_of(g, shape, cell, a, b);
    int32_t   dx = (int32_t)((b.x - a.x) / steps), dy = (int32_t)((b.y - a.y) / steps);
    tb_corner from = a;

    for (int64_t s = 0; s < steps; s++) {
        tb_corner to = {from.x + dx, from.y + dy};
        double    ax, ay, bx, by;

        place_of(g, shape, cell, from, &ax, &ay);
        place_of(g, shape, cell, to, &bx, &by);
        for (int64_t k = 0; k < pieces; k++) {
            double x = (ax * (double)(pieces - k) + bx * (double)k) / (double)pieces;
            double y = (ay * (double)(pieces - k) + by * (double)k) / (double)pieces;

            tb_transform_apply(g->transform, x, y, &points[0], &points[1]);
            points += 2;
        }
        from = to;
    }
    return (size_t)(steps * pieces);
}

/* The rings of a shape in the grid's plane. */
static void place_rings(const tb_geographic *way, const tb_shape *shape, int cell,
                        tb_outline_copy *outline)
{
    size_t n = 0;

    for (size_t r = 0; r < shape->ring_count; r++) {
        const tb_corner *ring  = shape->corners + shape->rings[r].first;
        size_t           count = shape->rings[r].count, first = n;

        for (size_t i = 0; i < count; i++)
            n +=
                add_edge(way, shape, cell, ring[i], ring[(i + 1) % count], &outline->points[2 * n]);
        outline->rings[r] = (tb_ring){first, n - first};
    }
}

static tb_status fail_without_place(const tb_geographic *way, const tb_shape *shape, int cell,
                                    tb_outline_copy *outline, tb_error *err)
{
    size_t which = 0;

    while (which + 1 < outline->point_count && isfinite(outline->points[2 * which]) &&
           isfinite(outline->points[2 * which + 1]))
        which++;
    place_rings(way, shape, cell, outline);
    return tb_error_set(err, TB_E_INPUT,
                        "outline at %.3f %.3f: expected a place in CGCS2000, got none",
                        outline->points[2 * which], outline->points[2 * which + 1]);
}

tb_status tb_geographic_outline(const tb_geographic *way, const tb_shape *shape, int cell,
                                tb_outline_copy *outline, tb_error *err)
{
    tb_status status = TB_OK;
    bool      has_all;

    *outline = (tb_outline_copy){.point_count   = count_points(way, shape, cell),
                                 .ring_count    = shape->ring_count,
                                 .polygon_count = shape->polygon_count};
    TB_TRY(tb_alloc(&outline->points, 2 * outline->point_count, sizeof(double), "outline", err));
    TB_TRY(tb_alloc(&outline->rings, shape->ring_count, sizeof(tb_ring), "outline", err));
    TB_TRY(tb_alloc(&outline->polygons, shape->polygon_count, sizeof(tb_polygon), "outline", err));
    memcpy(outline->polygons, shape->polygons, shape->polygon_count * sizeof(tb_polygon));
    place_rings(way, shape, cell, outline);
    TB_TRY(tb_plane_bring(way->plane, outline->points, outline->point_count, &has_all, err));
    if (!has_all)
        status = fail_without_place(way, shape, cell, outline, err);
done:
    return status;
}

tb_status tb_geographic_extent(const tb_geographic *way, int cell, tb_outline_copy *outline,
                               tb_error *err)
{
    int32_t          right   = (int32_t)((way->width + cell - 1) / cell);
    int32_t          bottom  = (int32_t)((way->height + cell - 1) / cell);
    const tb_corner  all[]   = {{0, 0}, {0, bottom}, {right, bottom}, {right, 0}};
    const tb_ring    ring    = {0, 4};
    const tb_polygon polygon = {0, 1};
    const tb_shape   shape   = {.scale         = 1,
                                .corners       = all,
                                .rings         = &ring,
                                .polygons      = &polygon,
                                .corner_count  = 4,
                                .ring_count    = 1,
                                .polygon_count = 1};

    return tb_geographic_outline(way, &shape, cell, outline, err);
}

/* ---- of GEOS ---- */

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
