/* What lies on another pair's ground is cut off. */
#include <math.h>

#include "core/memory.h"
#include "job/seams_inside.h"
#include "parcel/area.h"

/* Of a pixel's area: less than that is what rounding leaves along a cut. */
static const double SLIVER = 0.01;

static tb_status add_piece(tb_seams *s, size_t candidate, GEOSGeometry *geometry, double area_m2,
                           double share)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;

    if (s->piece_count == s->piece_capacity) {
        size_t more = s->piece_capacity > 0 ? 2 * s->piece_capacity : 256;

        TB_TRY(tb_grow(&s->piece, more, sizeof *s->piece, "pieces of parcels", err));
        s->piece_capacity = more;
    }
    s->piece[s->piece_count++] = (tb_seam_piece){candidate, geometry, area_m2, share, TB_SEAM_NONE};
    geometry                   = NULL;
done:
    GEOSGeom_destroy_r(s->geos->handle, geometry);
    return status;
}

/* Each polygon of what was cut is a piece. */
static tb_status add_polygons(tb_seams *s, size_t candidate, const GEOSGeometry *from,
                              double whole_m2)
{
    tb_status           status = TB_OK;
    GEOSContextHandle_t handle = s->geos->handle;
    double              gsd_m  = tb_pairs_gsd_m(s->pairs, s->candidates->item[candidate].pair);

    for (int i = 0; i < GEOSGetNumGeometries_r(handle, from); i++) {
        const GEOSGeometry *part    = GEOSGetGeometryN_r(handle, from, i);
        double              area_m2 = tb_area_of_geometry(s->geos, part);

        if (area_m2 > SLIVER * gsd_m * gsd_m)
            TB_TRY(add_piece(s, candidate, GEOSGeom_clone_r(handle, part), area_m2,
                             area_m2 / whole_m2));
    }
done:
    return status;
}

/* What of a geometry is on the ground, snapped. */
static tb_status clip(const tb_seams *s, const GEOSGeometry *geometry, const GEOSGeometry *ground,
                      GEOSGeometry **out)
{
    GEOSContextHandle_t handle = s->geos->handle;
    GEOSGeometry       *common = GEOSIntersection_r(handle, geometry, ground), *snapped;

    snapped = common != NULL ? GEOSGeom_setPrecision_r(handle, common, TB_SEAM_GRID, 0) : NULL;
    GEOSGeom_destroy_r(handle, common);
    return tb_geos_polygons(s->geos, snapped, "a parcel on the ground of its pair", out, s->err);
}

static tb_status cut_one(tb_seams *s, size_t i, const GEOSGeometry *ground,
                         const GEOSPreparedGeometry *prepared)
{
    tb_status           status   = TB_OK;
    tb_error           *err      = s->err;
    GEOSContextHandle_t handle   = s->geos->handle;
    GEOSGeometry       *geometry = NULL, *own = NULL;
    double              area_m2;

    TB_TRY(tb_outline_geometry(s->geos, &s->candidates->item[i].outline, &geometry, err));
    area_m2 = tb_area_of_geometry(s->geos, geometry);
    if (ground == NULL || GEOSPreparedCovers_r(handle, prepared, geometry) == 1) {
        status   = add_piece(s, i, geometry, area_m2, 1.0); /* takes it, whatever comes of it */
        geometry = NULL;
        goto done;
    }
    s->is_cut[i] = true;
    s->totals.cut++;
    TB_TRY(clip(s, geometry, ground, &own));
    TB_TRY(add_polygons(s, i, own, area_m2));
done:
    GEOSGeom_destroy_r(handle, geometry);
    GEOSGeom_destroy_r(handle, own);
    return status;
}

/* Candidates stand together by their pairs. */
static tb_status cut_all(tb_seams *s)
{
    tb_status                   status   = TB_OK;
    const GEOSPreparedGeometry *prepared = NULL;
    int                         pair     = TB_SEAM_NONE;

    for (size_t i = 0; i < s->candidates->count; i++) {
        const tb_candidate *it     = &s->candidates->item[i];
        const GEOSGeometry *ground = tb_pairs_ground(s->pairs, it->pair);

        if (!tb_pairs_has_neighbour(s->pairs, it->pair))
            continue;
        if (it->pair != pair) {
            GEOSPreparedGeom_destroy_r(s->geos->handle, prepared);
            prepared = ground != NULL ? GEOSPrepare_r(s->geos->handle, ground) : NULL;
            pair     = it->pair;
        }
        TB_TRY(cut_one(s, i, ground, prepared));
    }
done:
    GEOSPreparedGeom_destroy_r(s->geos->handle, prepared);
    return status;
}

static tb_status cut_observed(tb_seams *s)
{
    tb_status      status = TB_OK;
    tb_error      *err    = s->err;
    tb_candidates *all    = s->candidates;
    GEOSGeometry  *whole = NULL, *own = NULL;
    size_t         kept = 0;

    for (size_t i = 0; i < all->observed_count; i++) {
        tb_observed        *it     = &all->observed[i];
        const GEOSGeometry *ground = tb_pairs_ground(s->pairs, it->pair);
        double              share  = 1.0;

        if (ground != NULL) {
            TB_TRY(tb_outline_geometry(s->geos, &it->outline, &whole, err));
            TB_TRY(clip(s, whole, ground, &own));
            share = tb_area_of_geometry(s->geos, own) / tb_area_of_geometry(s->geos, whole);
            tb_outline_reset(&it->outline);
            if (share > 0.0)
                TB_TRY(tb_outline_of_geometry(s->geos, own, &it->outline, err));
            it->pixels = (int64_t)floor((double)it->pixels * share + 0.5);
            GEOSGeom_destroy_r(s->geos->handle, whole);
            GEOSGeom_destroy_r(s->geos->handle, own);
            whole = own = NULL;
        }
        if (share > 0.0) {
            tb_observed moved = *it;

            *it                   = (tb_observed){0};
            all->observed[kept++] = moved;
        }
    }
    all->observed_count = kept;
done:
    GEOSGeom_destroy_r(s->geos->handle, whole);
    GEOSGeom_destroy_r(s->geos->handle, own);
    return status;
}

tb_status tb_seams_cut(tb_seams *s)
{
    tb_status status = TB_OK;

    TB_TRY(cut_all(s));
    TB_TRY(cut_observed(s));
done:
    return status;
}
