#include "parcel/holdings.h"

#include "core/memory.h"
#include "parcel/area.h"

typedef struct measure {
    tb_geos        *geos;
    const tb_masks *masks;
    tb_holdings    *out;
    tb_overlay     *landuse; /* what of the parcel lies on each layer */
    tb_overlay      pbf, redline;
    tb_overlay      approved, late;
} measure;

static double ridge_of(const tb_mask *mask, const tb_feature *feature)
{
    return mask->ridge != NULL ? mask->ridge[feature - mask->features.feature] : 0.0;
}

static tb_ground ground_of(const measure *m, const tb_feature *feature)
{
    return m->masks->landuse->ground[feature - m->masks->landuse->features.feature];
}

/* What of some ground lies beyond pieces: links of a chain, each without one piece more. */
typedef struct beyond {
    tb_tract *link, *rest; /* the rest is the last link, or the ground */
    size_t    count;
} beyond;

static void reset_beyond(const tb_geos *geos, beyond *it)
{
    for (size_t i = 0; i < it->count; i++)
        tb_tract_reset(geos, &it->link[i]);
    tb_free(it->link);
    *it = (beyond){0};
}

/* Whether a piece counts. */
typedef bool piece_filter(const measure *m, const tb_piece *piece);

/* Finds it; to be freed with reset_beyond, also on failure. */
static tb_status go_beyond(measure *m, tb_tract *ground, const tb_overlay *pieces,
                           piece_filter *wants, beyond *out, tb_error *err)
{
    tb_status status = TB_OK;

    *out = (beyond){.rest = ground};
    if (pieces->count == 0)
        goto done;
    TB_TRY(tb_alloc(&out->link, pieces->count, sizeof *out->link, "overlay", err));
    for (size_t i = 0; i < pieces->count; i++) {
        tb_tract *link = &out->link[out->count];

        if (wants != NULL && !wants(m, &pieces->item[i]))
            continue;
        out->count++;
        TB_TRY(tb_tract_without(m->geos, out->rest, pieces->item[i].cutter, link, err));
        if (!link->is_all) {
            out->rest = link;
            continue;
        }
        tb_tract_reset(m->geos, link);
        out->count--;
    }
done:
    return status;
}

/*
 * What of some ground lies on pieces, as a share of it: no two of these overlap, so their shares
 * add up. *is_sure false: edges leave a doubt.
 */
static tb_status find_share_on(measure *m, tb_tract *ground, const tb_overlay *pieces,
                               double *share, bool *is_sure, tb_error *err)
{
    tb_status status = TB_OK;
    double    whole, on = 0.0, area;

    TB_TRY(tb_tract_area_along(m->geos, ground, &whole, is_sure, err));
    for (size_t i = 0; i < pieces->count && *is_sure; i++) {
        TB_TRY(tb_tract_common_along(m->geos, ground, pieces->item[i].cutter, &area, is_sure, err));
        on += area;
    }
    *share = on <= 0.0 ? 0.0 : on < whole - TB_AREA_NOTHING_M2 ? on / whole : 1.0;
done:
    return status;
}

static tb_status measure_beyond(measure *m, tb_tract *ground, const tb_overlay *pieces,
                                double *area_m2, tb_error *err)
{
    tb_status status = TB_OK;
    beyond    it     = {0};
    double    share;
    bool      is_sure;

    *area_m2 = ground->area_m2;
    if (pieces->count == 0)
        goto done;
    TB_TRY(find_share_on(m, ground, pieces, &share, &is_sure, err));
    if (is_sure) {
        *area_m2 = ground->area_m2 * (1.0 - share);
    } else {
        TB_TRY(go_beyond(m, ground, pieces, NULL, &it, err));
        *area_m2 = it.rest->area_m2;
    }
done:
    reset_beyond(m->geos, &it);
    return status;
}

/* ---- layers ---- */

static tb_status measure_farmland(measure *m, tb_piece *piece, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_holdings *out    = m->out;
    double       area   = piece->ground.area_m2, beyond_pbf, unapproved;
    double       ridge  = ridge_of(m->masks->landuse, piece->feature);

    out->farmland_gross += area;
    out->farmland_net += area * (1.0 - ridge);
    out->other_agricultural += area * ridge;
    TB_TRY(measure_beyond(m, &piece->ground, &m->pbf, &beyond_pbf, err));
    out->farmland_beyond_pbf += beyond_pbf * (1.0 - ridge);
    out->pbf_on_farmland += area - beyond_pbf;
    TB_TRY(measure_beyond(m, &piece->ground, &m->approved, &unapproved, err));
    out->farmland_unapproved += unapproved * (1.0 - ridge);
done:
    return status;
}

static tb_status measure_landuse(measure *m, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_holdings *out    = m->out;

    for (size_t i = 0; i < m->landuse->count; i++) {
        tb_piece *piece = &m->landuse->item[i];

        switch (ground_of(m, piece->feature)) {
        case TB_GROUND_FARMLAND:
            TB_TRY(measure_farmland(m, piece, err));
            break;
        case TB_GROUND_OTHER_AGRICULTURAL:
            out->other_agricultural += piece->ground.area_m2;
            break;
        case TB_GROUND_UNUSED:
            out->unused += piece->ground.area_m2;
            break;
        case TB_GROUND_CONSTRUCTION: /* measured before all others */
        case TB_GROUND_UNKNOWN:
            break;
        }
    }
    if (m->masks->landuse != NULL)
        out->unsurveyed = out->total - out->construction - out->farmland_gross -
                          (out->other_agricultural - (out->farmland_gross - out->farmland_net)) -
                          out->unused;
done:
    return status;
}

static tb_status measure_pbf(measure *m, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_holdings *out    = m->out;

    for (size_t i = 0; i < m->pbf.count; i++) {
        tb_piece *piece = &m->pbf.item[i];
        double    ridge = ridge_of(m->masks->pbf, piece->feature), unapproved;

        out->pbf_gross += piece->ground.area_m2;
        out->pbf_net += piece->ground.area_m2 * (1.0 - ridge);
        TB_TRY(measure_beyond(m, &piece->ground, &m->approved, &unapproved, err));
        out->pbf_unapproved += unapproved * (1.0 - ridge);
    }
done:
    return status;
}

static tb_status measure_redline(measure *m, tb_error *err)
{
    tb_status    status = TB_OK;
    tb_holdings *out    = m->out;

    out->pbf_or_redline = out->pbf_net;
    for (size_t i = 0; i < m->redline.count; i++) {
        tb_piece *piece = &m->redline.item[i];
        double    unapproved, beyond_pbf;

        out->redline += piece->ground.area_m2;
        TB_TRY(measure_beyond(m, &piece->ground, &m->approved, &unapproved, err));
        out->redline_unapproved += unapproved;
        TB_TRY(measure_beyond(m, &piece->ground, &m->pbf, &beyond_pbf, err));
        out->pbf_or_redline += beyond_pbf;
    }
done:
    return status;
}

static bool holds(void *context, const tb_feature *feature)
{
    const tb_mask *mask = context;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_HOLDS;
}

static bool is_late(void *context, const tb_feature *feature)
{
    const tb_mask *mask = context;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_LATE;
}

/* Ground that is approved in time is not late too. */
static tb_status measure_approvals(measure *m, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < m->approved.count; i++)
        m->out->approved += m->approved.item[i].ground.area_m2;
    for (size_t i = 0; i < m->late.count; i++) {
        double area;

        TB_TRY(measure_beyond(m, &m->late.item[i].ground, &m->approved, &area, err));
        m->out->late += area;
    }
done:
    return status;
}

static tb_status find(measure *m, tb_tract *parcel, const tb_mask *mask, tb_overlay_filter *wants,
                      tb_overlay *out, tb_error *err)
{
    if (mask == NULL)
        return TB_OK;
    return tb_overlay_find(m->geos, parcel, &mask->features, wants, (void *)mask, out, err);
}

static tb_status measure_area(measure *m, tb_tract *parcel, const tb_mask *mask, double *area_m2,
                              tb_error *err)
{
    tb_status  status = TB_OK;
    tb_overlay pieces = {0};

    TB_TRY(find(m, parcel, mask, NULL, &pieces, err));
    for (size_t i = 0; i < pieces.count; i++)
        *area_m2 += pieces.item[i].ground.area_m2;
done:
    tb_overlay_reset(&pieces);
    return status;
}

static bool is_construction(const measure *m, const tb_piece *piece)
{
    return ground_of(m, piece->feature) == TB_GROUND_CONSTRUCTION;
}

static tb_status measure_all(measure *m, tb_tract *parcel, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_holdings    *out    = m->out;
    const tb_masks *masks  = m->masks;
    beyond          open   = {0};

    TB_TRY(find(m, parcel, masks->landuse, NULL, m->landuse, err));
    TB_TRY(go_beyond(m, parcel, m->landuse, is_construction, &open, err));
    out->shared = m->landuse->shared_m2;
    for (size_t i = 0; i < m->landuse->count; i++)
        if (is_construction(m, &m->landuse->item[i]))
            out->construction += m->landuse->item[i].ground.area_m2;
    TB_TRY(find(m, open.rest, masks->pbf, NULL, &m->pbf, err));
    TB_TRY(find(m, open.rest, masks->redline, NULL, &m->redline, err));
    TB_TRY(find(m, parcel, masks->approvals, holds, &m->approved, err));
    TB_TRY(find(m, parcel, masks->approvals, is_late, &m->late, err));
    TB_TRY(measure_landuse(m, err));
    TB_TRY(measure_pbf(m, err));
    if (out->construction > 0.0) {
        TB_TRY(measure_area(m, parcel, masks->pbf, &out->pbf_on_construction, err));
        out->pbf_on_construction -= out->pbf_gross;
    }
    TB_TRY(measure_redline(m, err));
    TB_TRY(measure_approvals(m, err));
    TB_TRY(measure_area(m, parcel, masks->urban, &out->urban, err));
    for (int i = 0; i < masks->extra_count; i++)
        TB_TRY(measure_area(m, parcel, masks->extra[i], &out->extra[i], err));
done:
    tb_overlay_reset(&m->pbf);
    tb_overlay_reset(&m->redline);
    tb_overlay_reset(&m->approved);
    tb_overlay_reset(&m->late);
    reset_beyond(m->geos, &open);
    return status;
}

tb_status tb_holdings_measure(tb_geos *geos, tb_tract *parcel, const tb_masks *masks,
                              tb_holdings *out, tb_overlay *landuse, tb_error *err)
{
    tb_status           status = TB_OK;
    measure             m      = {.geos = geos, .masks = masks, .out = out, .landuse = landuse};
    const GEOSGeometry *geometry;

    *landuse = (tb_overlay){0};
    *out     = (tb_holdings){0};
    TB_TRY(tb_tract_geometry(geos, parcel, &geometry, err));
    parcel->area_m2 = out->total = tb_area_of_geometry(geos, geometry);
    TB_TRY(measure_all(&m, parcel, err));
done:
    return status;
}
