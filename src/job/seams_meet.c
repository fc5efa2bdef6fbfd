/* Which pieces meet across a cut, and the groups they make. */
#include <math.h>

#include "core/forest.h"
#include "core/memory.h"
#include "job/seams_inside.h"

/* Of a pixel: a whole one between two is a gap, and projections stretch pixels by less than this.
 */
static const double NEARER = 0.999;

static tb_status add_meeting(tb_seams *s, size_t b, double distance_m)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;

    if (s->meeting_count == s->meeting_capacity) {
        size_t more = s->meeting_capacity > 0 ? 2 * s->meeting_capacity : 64;

        TB_TRY(tb_grow(&s->meeting, more, sizeof *s->meeting, "pieces of parcels", err));
        s->meeting_capacity = more;
    }
    s->meeting[s->meeting_count++] = (tb_seam_meeting){s->from, b, distance_m, TB_SEAM_NONE};
    tb_forest_unite(s->parent, (uint32_t)s->from, (uint32_t)b);
done:
    return status;
}

/*
 * Parts of one candidate belong together where they touch, in a corner too; those of two pairs
 * where less than a pixel, the coarser of the two, is between them.
 */
static tb_status try_two(tb_seams *s, size_t b)
{
    tb_status            status = TB_OK;
    GEOSContextHandle_t  handle = s->geos->handle;
    const tb_seam_piece *p = &s->piece[s->from], *q = &s->piece[b];
    double        within_m = fmax(tb_seam_gsd_m(s, s->from), tb_seam_gsd_m(s, b)), distance_m = 0.0;
    GEOSGeometry *x = NULL, *y = NULL;

    if (p->candidate == q->candidate)
        within_m = TB_SEAM_TOUCHING_M;
    else if (s->candidates->item[p->candidate].pair == s->candidates->item[q->candidate].pair)
        return TB_OK;
    x = GEOSGeom_transformXY_r(handle, p->geometry, tb_seam_to_metres, s);
    y = GEOSGeom_transformXY_r(handle, q->geometry, tb_seam_to_metres, s);
    if (x == NULL || y == NULL || !GEOSDistance_r(handle, x, y, &distance_m))
        status = tb_geos_fail(s->geos, s->err, "distance of two parcels");
    else if (distance_m < within_m * NEARER)
        TB_TRY(add_meeting(s, b, distance_m));
done:
    GEOSGeom_destroy_r(handle, x);
    GEOSGeom_destroy_r(handle, y);
    return status;
}

static void hear(void *item, void *context)
{
    tb_seams *s = context;
    size_t    b = (size_t)((tb_seam_piece *)item - s->piece);

    if (s->heard == TB_OK && b > s->from)
        s->heard = try_two(s, b);
}

static GEOSGeometry *wide_box(tb_seams *s, size_t p, double wider_m)
{
    GEOSContextHandle_t handle = s->geos->handle;
    const GEOSGeometry *it     = s->piece[p].geometry;
    double              low[2], high[2];

    tb_seams_set_place(s, it);
    GEOSGeom_getXMin_r(handle, it, &low[0]);
    GEOSGeom_getYMin_r(handle, it, &low[1]);
    GEOSGeom_getXMax_r(handle, it, &high[0]);
    GEOSGeom_getYMax_r(handle, it, &high[1]);
    return GEOSGeom_createRectangle_r(handle, low[0] - wider_m / s->east,
                                      low[1] - wider_m / s->north, high[0] + wider_m / s->east,
                                      high[1] + wider_m / s->north);
}

static tb_status find_meetings(tb_seams *s)
{
    tb_status           status     = TB_OK;
    tb_error           *err        = s->err;
    GEOSContextHandle_t handle     = s->geos->handle;
    GEOSSTRtree        *tree       = GEOSSTRtree_create_r(handle, 10);
    double              coarsest_m = 0.0;

    TB_TRY(tb_alloc(&s->parent, s->piece_count, sizeof *s->parent, "pieces of parcels", err));
    for (size_t p = 0; p < s->piece_count; p++) {
        s->parent[p] = (uint32_t)p;
        coarsest_m   = fmax(coarsest_m, tb_seam_gsd_m(s, p));
        GEOSSTRtree_insert_r(handle, tree, s->piece[p].geometry, &s->piece[p]);
    }
    for (s->from = 0; s->from < s->piece_count && s->heard == TB_OK; s->from++) {
        GEOSGeometry *box = wide_box(s, s->from, coarsest_m);

        GEOSSTRtree_query_r(handle, tree, box, hear, s);
        GEOSGeom_destroy_r(handle, box);
    }
    status = s->heard;
done:
    GEOSSTRtree_destroy_r(handle, tree);
    return status;
}

/* Chains pieces and meetings by their groups, in order. */
static tb_status chain_groups(tb_seams *s)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;
    size_t    n      = s->piece_count;

    TB_TRY(tb_alloc(&s->last, n, sizeof *s->last, "pieces of parcels", err));
    TB_TRY(tb_alloc(&s->first_meeting, n, sizeof *s->last, "pieces of parcels", err));
    TB_TRY(tb_alloc(&s->last_meeting, n, sizeof *s->last, "pieces of parcels", err));
    for (size_t p = 0; p < n; p++) {
        size_t root = tb_forest_root(s->parent, (uint32_t)p);

        if (root != p)
            s->piece[s->last[root]].next = (int64_t)p;
        s->last[root]       = (int64_t)p;
        s->first_meeting[p] = s->last_meeting[p] = TB_SEAM_NONE;
    }
    for (size_t m = 0; m < s->meeting_count; m++) {
        size_t root = tb_forest_root(s->parent, (uint32_t)s->meeting[m].a);

        if (s->first_meeting[root] == TB_SEAM_NONE)
            s->first_meeting[root] = (int64_t)m;
        else
            s->meeting[s->last_meeting[root]].next = (int64_t)m;
        s->last_meeting[root] = (int64_t)m;
    }
done:
    return status;
}

tb_status tb_seams_group(tb_seams *s)
{
    tb_status status = TB_OK;

    TB_TRY(find_meetings(s));
    TB_TRY(chain_groups(s));
done:
    return status;
}
