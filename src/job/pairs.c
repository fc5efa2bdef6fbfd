#include "job/pairs.h"

#include <string.h>

#include "core/memory.h"
#include "parcel/area.h"

/* How well a cell was observed, best first: in this order ground is given away. */
typedef enum claim { CLAIM_WHOLE, CLAIM_PART, CLAIM_NONE, CLAIMS } claim;

/* Lattices that touch overlap by what rounding to 1e-9 degree makes of it. */
static const double TOUCHING_M = 0.001;

typedef struct plot {
    GEOSGeometry *lattice;
    GEOSGeometry *claim[CLAIMS]; /* NULL: no such cells, or nobody to share with */
    GEOSGeometry *ground;        /* NULL: all of the lattice */
    double        gsd_m;
    int64_t       width, height; /* pixels */
    int          *shares;        /* with these pairs, ascending */
    size_t        share_count;
    bool          has_neighbour;
} plot;

struct tb_pairs {
    tb_geos *geos;
    plot    *plot;
    int      count;
};

tb_status tb_pair_check_georeference(const tb_pair *pair, tb_error *err)
{
    if (pair->lattice.crs != NULL)
        return TB_OK;
    tb_error_set(err, TB_E_INPUT, "%s: expected an image with a CRS, got none",
                 tb_epoch_file(pair->before, 0)->path);
    tb_error_hint(err, "parcels need one (gdal_edit.py -a_srs); tuban detect works in pixels");
    return TB_E_INPUT;
}

tb_status tb_pairs_new(tb_pairs **out, int count, tb_error *err)
{
    tb_status status = TB_OK;
    tb_pairs *pairs  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&pairs, 1, sizeof *pairs, "pairs", err));
    TB_TRY(tb_alloc_zero(&pairs->plot, (size_t)count, sizeof *pairs->plot, "pairs", err));
    pairs->count = count;
    TB_TRY(tb_geos_new(&pairs->geos, err));
    *out  = pairs;
    pairs = NULL;
done:
    tb_pairs_free(pairs);
    return status;
}

static void reset_plot(GEOSContextHandle_t handle, plot *it)
{
    GEOSGeom_destroy_r(handle, it->lattice);
    GEOSGeom_destroy_r(handle, it->ground);
    for (int c = 0; c < CLAIMS; c++)
        GEOSGeom_destroy_r(handle, it->claim[c]);
    tb_free(it->shares);
}

void tb_pairs_free(tb_pairs *pairs)
{
    if (pairs == NULL)
        return;
    for (int p = 0; pairs->geos != NULL && p < pairs->count; p++)
        reset_plot(pairs->geos->handle, &pairs->plot[p]);
    tb_free(pairs->plot);
    tb_geos_free(pairs->geos);
    tb_free(pairs);
}

tb_geos *tb_pairs_geos(const tb_pairs *pairs)
{
    return pairs->geos;
}

int tb_pairs_count(const tb_pairs *pairs)
{
    return pairs->count;
}

double tb_pairs_gsd_m(const tb_pairs *pairs, int pair)
{
    return pairs->plot[pair].gsd_m;
}

bool tb_pairs_has_neighbour(const tb_pairs *pairs, int pair)
{
    return pairs->plot[pair].has_neighbour;
}

const GEOSGeometry *tb_pairs_ground(const tb_pairs *pairs, int pair)
{
    return pairs->plot[pair].ground;
}

json_t *tb_pairs_overlaps(const tb_pairs *pairs, int pair)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pairs->plot[pair].share_count; i++)
        json_array_append_new(list, json_integer(pairs->plot[pair].shares[i] + 1));
    return list;
}

/* ---- which lattices meet ---- */

static tb_status geometry_of(tb_pairs *pairs, const tb_geographic *way, const tb_shape *shape,
                             GEOSGeometry **out, tb_error *err)
{
    tb_status       status  = TB_OK;
    tb_outline_copy outline = {0};

    TB_TRY(tb_geographic_outline(way, shape, TB_CELL, &outline, err));
    TB_TRY(tb_outline_geometry(pairs->geos, &outline, out, err));
done:
    tb_outline_reset(&outline);
    return status;
}

static int64_t cells_along(int64_t pixels)
{
    return (pixels + TB_CELL - 1) / TB_CELL;
}

tb_status tb_pairs_add(tb_pairs *pairs, int pair, const tb_pair *it, tb_error *err)
{
    tb_status       status  = TB_OK;
    plot           *p       = &pairs->plot[pair];
    tb_geographic  *way     = NULL;
    tb_outline_copy outline = {0};

    p->gsd_m  = tb_grid_gsd_m(&it->lattice);
    p->width  = it->lattice.width;
    p->height = it->lattice.height;
    TB_TRY(tb_geographic_new(&way, &it->lattice, tb_epoch_file(it->before, 0)->path, err));
    TB_TRY(tb_geographic_extent(way, TB_CELL, &outline, err));
    TB_TRY(tb_outline_geometry(pairs->geos, &outline, &p->lattice, err));
done:
    tb_geographic_free(way);
    tb_outline_reset(&outline);
    return status;
}

/* Two that do more than touch: how wide what they share is, on the average. */
static tb_status find_width(tb_pairs *pairs, const plot *a, const plot *b, double *width_m,
                            tb_error *err)
{
    GEOSGeometry *common = GEOSIntersection_r(pairs->geos->handle, a->lattice, b->lattice);
    double        around;

    if (common == NULL)
        return tb_geos_fail(pairs->geos, err, "intersection of two lattices");
    around   = tb_perimeter_of_geometry(pairs->geos, common);
    *width_m = around > 0.0 ? 2.0 * tb_area_of_geometry(pairs->geos, common) / around : 0.0;
    GEOSGeom_destroy_r(pairs->geos->handle, common);
    return TB_OK;
}

static tb_status add_share(plot *to, int pair, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_grow(&to->shares, to->share_count + 1, sizeof *to->shares, "pairs", err));
    to->shares[to->share_count++] = pair;
done:
    return status;
}

/* Boxes of lattices, a pixel and more wider than they are. */
typedef struct search {
    tb_pairs *pairs;
    int       from;
    bool     *is_hit; /* [count] */
} search;

static void hear_box(void *item, void *context)
{
    search *s = context;

    s->is_hit[(const plot *)item - s->pairs->plot] = true;
}

static GEOSGeometry *wide_box(const tb_pairs *pairs, const plot *p)
{
    GEOSContextHandle_t handle = pairs->geos->handle;
    double              low[2], high[2], north, east;

    GEOSGeom_getXMin_r(handle, p->lattice, &low[0]);
    GEOSGeom_getYMin_r(handle, p->lattice, &low[1]);
    GEOSGeom_getXMax_r(handle, p->lattice, &high[0]);
    GEOSGeom_getYMax_r(handle, p->lattice, &high[1]);
    tb_metres_per_degree((low[1] + high[1]) / 2.0, &north, &east);
    return GEOSGeom_createRectangle_r(handle, low[0] - p->gsd_m / east, low[1] - p->gsd_m / north,
                                      high[0] + p->gsd_m / east, high[1] + p->gsd_m / north);
}

tb_status tb_pairs_relate(tb_pairs *pairs, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = pairs->geos->handle;
    GEOSSTRtree        *tree   = GEOSSTRtree_create_r(handle, 10);
    search              s      = {.pairs = pairs};

    TB_TRY(tb_alloc_zero(&s.is_hit, (size_t)pairs->count, sizeof *s.is_hit, "pairs", err));
    for (int p = 0; p < pairs->count; p++)
        GEOSSTRtree_insert_r(handle, tree, pairs->plot[p].lattice, &pairs->plot[p]);
    for (int a = 0; a < pairs->count; a++) {
        plot         *from = &pairs->plot[a];
        GEOSGeometry *box  = wide_box(pairs, from);

        memset(s.is_hit, 0, (size_t)pairs->count * sizeof *s.is_hit);
        GEOSSTRtree_query_r(handle, tree, box, hear_box, &s);
        GEOSGeom_destroy_r(handle, box);
        for (int b = 0; b < pairs->count; b++) {
            double width_m = 0.0;

            if (!s.is_hit[b] || b == a)
                continue;
            from->has_neighbour = pairs->plot[b].has_neighbour = true;
            TB_TRY(find_width(pairs, from, &pairs->plot[b], &width_m, err));
            if (width_m > TOUCHING_M)
                TB_TRY(add_share(from, b, err));
        }
    }
done:
    GEOSSTRtree_destroy_r(handle, tree);
    tb_free(s.is_hit);
    return status;
}

/* ---- who observed what ---- */

static void count_missing(int32_t *missing, int64_t columns, const tb_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t *row = missing + spans[i].row / TB_CELL * columns;

        for (int64_t x = spans[i].first; x <= spans[i].last;) {
            int64_t next = (x / TB_CELL + 1) * TB_CELL;
            int64_t end  = next <= spans[i].last ? next : spans[i].last + 1;

            row[x / TB_CELL] += (int32_t)(end - x);
            x = end;
        }
    }
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static claim claim_of(const plot *p, int64_t column, int64_t row, int32_t missing)
{
    int64_t pixels =
        smaller(TB_CELL, p->width - column * TB_CELL) * smaller(TB_CELL, p->height - row * TB_CELL);

    return missing == 0 ? CLAIM_WHOLE : missing < pixels ? CLAIM_PART : CLAIM_NONE;
}

tb_status tb_pairs_claim(tb_pairs *pairs, int pair, const tb_geographic *way, tb_trace *trace,
                         const tb_span *missing, size_t count, tb_error *err)
{
    tb_status status  = TB_OK;
    plot     *p       = &pairs->plot[pair];
    int64_t   columns = cells_along(p->width), rows = cells_along(p->height);
    int32_t  *pixels = NULL;
    tb_span  *spans  = NULL;

    if (p->share_count == 0)
        return TB_OK;
    TB_TRY(tb_alloc_zero(&pixels, (size_t)(columns * rows), sizeof *pixels, "cells", err));
    TB_TRY(tb_alloc(&spans, (size_t)(columns * rows), sizeof *spans, "cells", err));
    count_missing(pixels, columns, missing, count);
    for (int c = 0; c < CLAIMS; c++) {
        size_t   n = 0;
        tb_shape shape;

        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < columns; x++) {
                if (claim_of(p, x, y, pixels[y * columns + x]) != (claim)c)
                    continue;
                if (n > 0 && spans[n - 1].row == y && spans[n - 1].last == x - 1)
                    spans[n - 1].last = x;
                else
                    spans[n++] = (tb_span){y, x, x};
            }
        if (n == 0)
            continue;
        TB_TRY(tb_trace_spans(trace, spans, n, &shape, err));
        TB_TRY(geometry_of(pairs, way, &shape, &p->claim[c], err));
    }
done:
    tb_free(pixels);
    tb_free(spans);
    return status;
}

/* ---- division ---- */

static tb_status replace(tb_pairs *pairs, GEOSGeometry **it, GEOSGeometry *by, tb_error *err)
{
    if (by == NULL)
        return tb_geos_fail(pairs->geos, err, "ground of a pair");
    GEOSGeom_destroy_r(pairs->geos->handle, *it);
    *it = by;
    return TB_OK;
}

/* Takes from *ground all that was given away before claim c of the pair. */
static tb_status take_earlier(tb_pairs *pairs, int pair, claim c, GEOSGeometry **ground,
                              tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = pairs->geos->handle;
    const plot         *p      = &pairs->plot[pair];

    for (size_t i = 0; i < p->share_count; i++)
        for (int d = 0; d <= (int)c; d++) {
            const GEOSGeometry *other = pairs->plot[p->shares[i]].claim[d];

            if (other != NULL && (d < (int)c || p->shares[i] < pair))
                TB_TRY(replace(pairs, ground, GEOSDifference_r(handle, *ground, other), err));
        }
done:
    return status;
}

/*
 * Leaves off what is narrower than rounding: two lattices have their vertices in different places
 * of one line.
 */
static tb_status leave_slivers(tb_pairs *pairs, GEOSGeometry **ground, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = pairs->geos->handle;
    int                 parts  = GEOSGetNumGeometries_r(handle, *ground);
    GEOSGeometry      **kept   = NULL;
    unsigned            count  = 0;

    TB_TRY(tb_alloc(&kept, (size_t)parts, sizeof *kept, "ground of a pair", err));
    for (int i = 0; i < parts; i++) {
        const GEOSGeometry *part   = GEOSGetGeometryN_r(handle, *ground, i);
        double              area   = tb_area_of_geometry(pairs->geos, part);
        double              around = tb_perimeter_of_geometry(pairs->geos, part);

        if (GEOSGeomTypeId_r(handle, part) == GEOS_POLYGON && 2.0 * area > TOUCHING_M * around)
            kept[count++] = GEOSGeom_clone_r(handle, part);
    }
    TB_TRY(replace(pairs, ground,
                   GEOSGeom_createCollection_r(handle, GEOS_MULTIPOLYGON, kept, count), err));
done:
    tb_free(kept);
    return status;
}

tb_status tb_pairs_divide(tb_pairs *pairs, tb_error *err)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = pairs->geos->handle;
    GEOSGeometry       *own    = NULL;

    for (int p = 0; p < pairs->count; p++) {
        plot *it = &pairs->plot[p];

        if (it->share_count == 0)
            continue;
        it->ground = GEOSGeom_createEmptyPolygon_r(handle);
        for (int c = 0; c < CLAIMS; c++) {
            if (it->claim[c] == NULL)
                continue;
            own = GEOSGeom_clone_r(handle, it->claim[c]);
            TB_TRY(take_earlier(pairs, p, (claim)c, &own, err));
            TB_TRY(replace(pairs, &it->ground, GEOSUnion_r(handle, it->ground, own), err));
            GEOSGeom_destroy_r(handle, own);
            own = NULL;
        }
        TB_TRY(leave_slivers(pairs, &it->ground, err));
    }
done:
    GEOSGeom_destroy_r(handle, own);
    return status;
}

json_t *tb_pairs_report(const tb_pairs *pairs)
{
    json_t *rows = json_array();

    for (int p = 0; p < pairs->count; p++) {
        const plot *it = &pairs->plot[p];

        if (it->ground == NULL)
            continue;
        json_array_append_new(rows,
                              json_pack("{s:i, s:o, s:f, s:f, s:i}", "pair", p + 1, "overlaps",
                                        tb_pairs_overlaps(pairs, p), "lattice_m2",
                                        tb_area_of_geometry(pairs->geos, it->lattice), "ground_m2",
                                        tb_area_of_geometry(pairs->geos, it->ground), "polygons",
                                        GEOSGetNumGeometries_r(pairs->geos->handle, it->ground)));
    }
    return rows;
}
