#include "parcel/holdings.h"

#include "parcel/area.h"
#include "parcel/overlay.h"

typedef struct measure {
    tb_geos        *geos;
    const tb_masks *masks;
    tb_holdings    *out;
    const tb_mask  *mask; /* of the layer being visited */
    GEOSGeometry   *open; /* the parcel without construction land */
    GEOSGeometry   *pbf;  /* what of `open` is on each */
    GEOSGeometry   *redline;
    GEOSGeometry   *approved; /* what of the parcel is approved */
} measure;

static double ridge_of(const tb_mask *mask, const tb_feature *feature)
{
    return mask->ridge != NULL ? mask->ridge[feature - mask->features.feature] : 0.0;
}

/* Replaces *sum by its union with a piece. */
static tb_status unite(tb_geos *geos, GEOSGeometry **sum, const GEOSGeometry *piece, tb_error *err)
{
    GEOSGeometry *more = GEOSUnion_r(geos->handle, *sum, piece);

    if (more == NULL)
        return tb_geos_fail(geos, err, "union of two pieces");
    GEOSGeom_destroy_r(geos->handle, *sum);
    *sum = more;
    return TB_OK;
}

/* The area of a piece outside a geometry, which may be NULL. */
static tb_status area_beyond(tb_geos *geos, const GEOSGeometry *piece, double area_m2,
                             const GEOSGeometry *other, double *out, tb_error *err)
{
    GEOSGeometry *rest;
    tb_status     status;

    *out = area_m2;
    if (other == NULL || GEOSIntersects_r(geos->handle, piece, other) != 1)
        return TB_OK;
    status = tb_overlay_without(geos, piece, other, &rest, err);
    if (status != TB_OK)
        return status;
    *out = tb_area_of_geometry(geos, rest);
    GEOSGeom_destroy_r(geos->handle, rest);
    return TB_OK;
}

static tb_status take_construction(void *context, const GEOSGeometry *piece, double area_m2,
                                   const tb_feature *feature, tb_error *err)
{
    measure      *m      = context;
    tb_status     status = TB_OK;
    GEOSGeometry *rest;

    if (m->mask->ground[feature - m->mask->features.feature] != TB_GROUND_CONSTRUCTION)
        return TB_OK;
    m->out->construction += area_m2;
    TB_TRY(tb_overlay_without(m->geos, m->open, piece, &rest, err));
    GEOSGeom_destroy_r(m->geos->handle, m->open);
    m->open = rest;
done:
    return status;
}

static tb_status take_class(void *context, const GEOSGeometry *piece, double area_m2,
                            const tb_feature *feature, tb_error *err)
{
    measure  *m      = context;
    tb_status status = TB_OK;
    double    ridge  = ridge_of(m->mask, feature), beyond;

    switch (m->mask->ground[feature - m->mask->features.feature]) {
    case TB_GROUND_FARMLAND:
        m->out->farmland_gross += area_m2;
        m->out->farmland_net += area_m2 * (1.0 - ridge);
        m->out->other_agricultural += area_m2 * ridge;
        TB_TRY(area_beyond(m->geos, piece, area_m2, m->pbf, &beyond, err));
        m->out->farmland_beyond_pbf += beyond * (1.0 - ridge);
        m->out->pbf_on_farmland += area_m2 - beyond;
        TB_TRY(area_beyond(m->geos, piece, area_m2, m->approved, &beyond, err));
        m->out->farmland_unapproved += beyond * (1.0 - ridge);
        break;
    case TB_GROUND_OTHER_AGRICULTURAL:
        m->out->other_agricultural += area_m2;
        break;
    case TB_GROUND_UNUSED:
        m->out->unused += area_m2;
        break;
    case TB_GROUND_CONSTRUCTION:
    case TB_GROUND_UNKNOWN:
        break;
    }
done:
    return status;
}

static tb_status take_pbf(void *context, const GEOSGeometry *piece, double area_m2,
                          const tb_feature *feature, tb_error *err)
{
    measure  *m      = context;
    tb_status status = TB_OK;
    double    ridge  = ridge_of(m->mask, feature), beyond;

    m->out->pbf_gross += area_m2;
    m->out->pbf_net += area_m2 * (1.0 - ridge);
    TB_TRY(area_beyond(m->geos, piece, area_m2, m->approved, &beyond, err));
    m->out->pbf_unapproved += beyond * (1.0 - ridge);
    TB_TRY(unite(m->geos, &m->pbf, piece, err));
done:
    return status;
}

static tb_status take_redline(void *context, const GEOSGeometry *piece, double area_m2,
                              const tb_feature *feature, tb_error *err)
{
    measure  *m      = context;
    tb_status status = TB_OK;
    double    beyond;

    (void)feature;
    m->out->redline += area_m2;
    TB_TRY(area_beyond(m->geos, piece, area_m2, m->approved, &beyond, err));
    m->out->redline_unapproved += beyond;
    TB_TRY(unite(m->geos, &m->redline, piece, err));
done:
    return status;
}

static bool holds(void *context, const tb_feature *feature)
{
    const tb_mask *mask = ((measure *)context)->mask;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_HOLDS;
}

static bool is_late(void *context, const tb_feature *feature)
{
    const tb_mask *mask = ((measure *)context)->mask;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_LATE;
}

static tb_status take_approval(void *context, const GEOSGeometry *piece, double area_m2,
                               const tb_feature *feature, tb_error *err)
{
    measure *m = context;

    (void)area_m2;
    (void)feature;
    return unite(m->geos, &m->approved, piece, err);
}

/* Ground that is approved in time is not late too. */
static tb_status take_late(void *context, const GEOSGeometry *piece, double area_m2,
                           const tb_feature *feature, tb_error *err)
{
    measure  *m      = context;
    tb_status status = TB_OK;
    double    beyond;

    (void)feature;
    TB_TRY(area_beyond(m->geos, piece, area_m2, m->approved, &beyond, err));
    m->out->late += beyond;
done:
    return status;
}

static tb_status visit(measure *m, const GEOSGeometry *geometry, const tb_mask *mask,
                       tb_overlay_filter *wants, tb_overlay_fn *take, double *shared_m2,
                       tb_error *err)
{
    m->mask = mask;
    if (mask == NULL)
        return TB_OK;
    return tb_overlay_visit(m->geos, geometry, &mask->features, wants, take, m, shared_m2, err);
}

static tb_status measure_all(measure *m, const GEOSGeometry *parcel, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_holdings    *out    = m->out;
    const tb_masks *masks  = m->masks;

    TB_TRY(visit(m, parcel, masks->landuse, NULL, take_construction, &out->shared, err));
    TB_TRY(visit(m, parcel, masks->approvals, holds, take_approval, NULL, err));
    TB_TRY(visit(m, parcel, masks->approvals, is_late, take_late, NULL, err));
    out->approved = tb_area_of_geometry(m->geos, m->approved);
    TB_TRY(visit(m, m->open, masks->pbf, NULL, take_pbf, NULL, err));
    if (masks->pbf != NULL && out->construction > 0.0) {
        TB_TRY(tb_overlay_area(m->geos, parcel, &masks->pbf->features, &out->pbf_on_construction,
                               err));
        out->pbf_on_construction -= out->pbf_gross;
    }
    TB_TRY(visit(m, m->open, masks->redline, NULL, take_redline, NULL, err));
    TB_TRY(visit(m, m->open, masks->landuse, NULL, take_class, NULL, err));
    if (masks->landuse != NULL)
        out->unsurveyed = out->total - out->construction - out->farmland_gross -
                          (out->other_agricultural - (out->farmland_gross - out->farmland_net)) -
                          out->unused;
    TB_TRY(area_beyond(m->geos, m->redline, out->redline, m->pbf, &out->pbf_or_redline, err));
    out->pbf_or_redline += out->pbf_net;
    if (masks->urban != NULL)
        TB_TRY(tb_overlay_area(m->geos, parcel, &masks->urban->features, &out->urban, err));
    for (int i = 0; i < masks->extra_count; i++)
        TB_TRY(tb_overlay_area(m->geos, parcel, &masks->extra[i]->features, &out->extra[i], err));
done:
    return status;
}

tb_status tb_holdings_measure(tb_geos *geos, const GEOSGeometry *parcel, const tb_masks *masks,
                              tb_holdings *out, tb_error *err)
{
    GEOSContextHandle_t handle = geos->handle;
    measure             m      = {.geos     = geos,
                                  .masks    = masks,
                                  .out      = out,
                                  .open     = GEOSGeom_clone_r(handle, parcel),
                                  .pbf      = GEOSGeom_createEmptyPolygon_r(handle),
                                  .redline  = GEOSGeom_createEmptyPolygon_r(handle),
                                  .approved = GEOSGeom_createEmptyPolygon_r(handle)};
    tb_status           status;

    *out   = (tb_holdings){.total = tb_area_of_geometry(geos, parcel)};
    status = measure_all(&m, parcel, err);
    GEOSGeom_destroy_r(handle, m.open);
    GEOSGeom_destroy_r(handle, m.pbf);
    GEOSGeom_destroy_r(handle, m.redline);
    GEOSGeom_destroy_r(handle, m.approved);
    return status;
}
