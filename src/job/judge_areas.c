/* Areas as they are published. */
#include <math.h>
#include <string.h>

#include "job/judge_inside.h"
#include "parcel/area.h"

/* What rounding leaves over goes to the largest of these, never to what is tested. */
static void close_areas(tb_areas *areas)
{
    int64_t *parts[] = {&areas->unsurveyed, &areas->other_agricultural, &areas->unused,
                        &areas->construction};
    int64_t  rest    = areas->total - areas->farmland;
    int      largest = 0;

    for (int i = 0; i < 4; i++)
        rest -= *parts[i];
    for (int i = 1; i < 3; i++)
        largest = *parts[i] > *parts[largest] ? i : largest;
    if (*parts[largest] + rest < 0)
        largest = 3;
    *parts[largest] += rest;
}

void tb_judge_set_areas(const tb_judge *judge, const tb_holdings *h, tb_areas *out)
{
    const tb_masks *masks  = &judge->survey.masks;
    bool            is_net = judge->profile == NULL || judge->profile->is_net_of_ridges;

    *out = (tb_areas){.total               = tb_area_dm2(h->total),
                      .farmland            = TB_AREA_UNKNOWN,
                      .farmland_gross      = TB_AREA_UNKNOWN,
                      .farmland_beyond_pbf = TB_AREA_UNKNOWN,
                      .pbf                 = TB_AREA_UNKNOWN,
                      .pbf_gross           = TB_AREA_UNKNOWN,
                      .redline             = TB_AREA_UNKNOWN,
                      .pbf_or_redline      = TB_AREA_UNKNOWN,
                      .other_agricultural  = TB_AREA_UNKNOWN,
                      .unused              = TB_AREA_UNKNOWN,
                      .construction        = TB_AREA_UNKNOWN,
                      .unsurveyed          = TB_AREA_UNKNOWN,
                      .urban               = TB_AREA_UNKNOWN,
                      .approved            = TB_AREA_UNKNOWN,
                      .unapproved          = TB_AREA_UNKNOWN};
    if (masks->landuse != NULL) {
        out->farmland_gross = tb_area_dm2(h->farmland_gross);
        out->farmland       = is_net ? tb_area_dm2(h->farmland_net) : out->farmland_gross;
        out->other_agricultural =
            tb_area_dm2(is_net ? h->other_agricultural
                               : h->other_agricultural - (h->farmland_gross - h->farmland_net));
        out->unused       = tb_area_dm2(h->unused);
        out->construction = tb_area_dm2(h->construction);
        out->unsurveyed   = h->unsurveyed > 0.0 ? tb_area_dm2(h->unsurveyed) : 0;
        close_areas(out);
    }
    if (masks->pbf != NULL) {
        out->pbf_gross = tb_area_dm2(h->pbf_gross);
        out->pbf       = is_net ? tb_area_dm2(h->pbf_net) : out->pbf_gross;
        if (masks->landuse != NULL)
            out->farmland_beyond_pbf = tb_area_dm2(h->farmland_beyond_pbf);
    }
    if (masks->redline != NULL)
        out->redline = tb_area_dm2(h->redline);
    if (masks->pbf != NULL && masks->redline != NULL)
        out->pbf_or_redline = tb_area_dm2(h->pbf_or_redline);
    if (masks->urban != NULL)
        out->urban = tb_area_dm2(h->urban);
    if (masks->approvals != NULL) {
        out->approved   = tb_area_dm2(h->approved);
        out->unapproved = out->total - out->approved;
    }
    for (int i = 0; i < masks->extra_count; i++)
        out->extra[i] = tb_area_dm2(h->extra[i]);
}

/*
 * How far the boundary may lie off, along all of it: half a pixel; what registration leaves; and
 * what smoothing our own outlines may move them, which no more than this share of the area. They
 * are independent, so their squares add up. The ring outside the boundary, with a square's corners.
 */
static const double OUTLINE_SHARE = 0.01;

int64_t tb_hearing_uncertainty(const tb_hearing *h, const GEOSGeometry *geometry)
{
    double around_m = tb_perimeter_of_geometry(h->judge->geos, geometry);
    double half_m   = h->gsd_m / 2.0;
    double stays_m  = tb_imagery_residual_m(h->imagery, h->candidate->pair);
    double smooth_m = 0.0, off_m;

    if (strcmp(h->candidate->source, "auto") == 0 && around_m > 0.0)
        smooth_m =
            fmin(h->job->simplify_px * h->gsd_m, OUTLINE_SHARE * h->holdings.total / around_m);
    off_m = sqrt(half_m * half_m + stays_m * stays_m + smooth_m * smooth_m);
    return tb_area_dm2(around_m * off_m + 4.0 * off_m * off_m);
}
