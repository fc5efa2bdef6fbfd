#include "job/seams.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/forest.h"
#include "core/memory.h"
#include "job/seams_inside.h"
#include "parcel/area.h"

/* ---- planes ---- */

int tb_seam_to_metres(double *x, double *y, void *context)
{
    const tb_seams *s = context;

    *x *= s->east;
    *y *= s->north;
    return 1;
}

int tb_seam_to_degrees(double *x, double *y, void *context)
{
    const tb_seams *s = context;

    *x /= s->east;
    *y /= s->north;
    return 1;
}

void tb_seams_set_place(tb_seams *s, const GEOSGeometry *geometry)
{
    double low = 0.0, high = 0.0;

    GEOSGeom_getYMin_r(s->geos->handle, geometry, &low);
    GEOSGeom_getYMax_r(s->geos->handle, geometry, &high);
    tb_metres_per_degree((low + high) / 2.0, &s->north, &s->east);
}

double tb_seam_gsd_m(const tb_seams *s, size_t p)
{
    return tb_pairs_gsd_m(s->pairs, s->candidates->item[s->piece[p].candidate].pair);
}

/* ---- the united candidate ---- */

static tb_status add_part(tb_candidate *to, int pair, double area_m2, tb_error *err)
{
    tb_status status = TB_OK;

    for (int i = 0; i < to->part_count; i++)
        if (to->part[i].pair == pair) {
            to->part[i].area_m2 += area_m2;
            return TB_OK;
        }
    TB_TRY(tb_grow(&to->part, (size_t)to->part_count + 1, sizeof *to->part, "parts", err));
    to->part[to->part_count++] = (tb_part){pair, area_m2};
done:
    return status;
}

/* Pixels are counted in those of the pair with most of it, by the area on each pair's ground. */
static tb_status add_up(tb_seams *s, size_t root, tb_candidate *to)
{
    tb_status status = TB_OK;
    tb_error *err    = s->err;
    double    area = 0.0, score = 0.0, pixels = 0.0, edge = 0.0, most = 0.0, own_m2;

    to->score_max = 0.0;
    for (int64_t p = (int64_t)root; p != TB_SEAM_NONE; p = s->piece[p].next) {
        const tb_seam_piece *it   = &s->piece[p];
        const tb_candidate  *from = &s->candidates->item[it->candidate];
        double               m2   = tb_seam_gsd_m(s, (size_t)p) * tb_seam_gsd_m(s, (size_t)p);

        area += it->area_m2;
        score += from->score * it->area_m2;
        to->score_max = fmax(to->score_max, from->score_max);
        pixels += (double)from->pixels * it->share * m2;
        edge += (double)from->edge_pixels * it->share * m2;
        TB_TRY(add_part(to, from->pair, it->area_m2, err));
    }
    for (int i = 0; i < to->part_count; i++)
        if (to->part[i].area_m2 > most) {
            most     = to->part[i].area_m2;
            to->pair = to->part[i].pair;
        }
    own_m2          = tb_pairs_gsd_m(s->pairs, to->pair) * tb_pairs_gsd_m(s->pairs, to->pair);
    to->pixels      = (int64_t)floor(pixels / own_m2 + 0.5);
    to->edge_pixels = (int64_t)ceil(edge / own_m2 - 1e-9); /* it may be the part that is left */
    to->score       = floor(score / area * 1e4 + 0.5) / 1e4;
    to->is_small    = to->pixels < s->min_pixels;
done:
    return status;
}

/* How many groups of this candidate stand before it: the first has its name, others a number. */
static void name_group(const tb_seams *s, size_t root, tb_candidate *to)
{
    const tb_candidate *from   = &s->candidates->item[s->piece[root].candidate];
    int                 before = 0;

    for (size_t p = root; p-- > 0 && s->piece[p].candidate == s->piece[root].candidate;)
        before += tb_forest_root(s->parent, (uint32_t)p) == p;
    snprintf(to->id, sizeof to->id, "%s", from->id);
    if (before > 0) {
        char   number[16];
        size_t room;

        snprintf(number, sizeof number, "-%d", before + 1);
        room = sizeof to->id - 1 - strlen(number);
        snprintf(to->id + (strlen(to->id) < room ? strlen(to->id) : room), sizeof number, "%s",
                 number);
    }
}

static tb_status emit_group(tb_seams *s, size_t root)
{
    tb_status     status   = TB_OK;
    tb_error     *err      = s->err;
    GEOSGeometry *geometry = NULL;
    tb_candidate *to;

    TB_TRY(tb_candidates_append(&s->out, &to, err));
    to->source = "auto";
    name_group(s, root, to);
    TB_TRY(add_up(s, root, to));
    if (to->part_count > 1) {
        s->totals.joined++;
        TB_TRY(tb_seams_unite(s, root, &geometry));
    } else {
        TB_TRY(tb_seams_gather(s, root, &geometry));
    }
    TB_TRY(tb_outline_of_geometry(s->geos, geometry, &to->outline, err));
done:
    GEOSGeom_destroy_r(s->geos->handle, geometry);
    return status;
}

static tb_status keep(tb_seams *s, size_t i)
{
    tb_status     status = TB_OK;
    tb_error     *err    = s->err;
    tb_candidate *to;

    TB_TRY(tb_candidates_append(&s->out, &to, err));
    *to                    = s->candidates->item[i];
    s->candidates->item[i] = (tb_candidate){0};
done:
    return status;
}

static tb_status emit_all(tb_seams *s)
{
    tb_status status = TB_OK;
    size_t    p      = 0;

    for (size_t i = 0; i < s->candidates->count; i++) {
        bool is_plain = !s->is_cut[i];

        for (; p < s->piece_count && s->piece[p].candidate == i; p++) {
            if (is_plain && s->parent[p] == p && s->piece[p].next == TB_SEAM_NONE)
                break;
            if (tb_forest_root(s->parent, (uint32_t)p) == p)
                TB_TRY(emit_group(s, p));
            is_plain = false;
        }
        if (is_plain)
            TB_TRY(keep(s, i));
        while (p < s->piece_count && s->piece[p].candidate == i)
            p++;
    }
done:
    return status;
}

tb_status tb_seams_apply(tb_pairs *pairs, tb_candidates *candidates, int64_t min_pixels,
                         tb_seam_totals *totals, tb_error *err)
{
    tb_status status = TB_OK;
    tb_seams  s      = {.pairs      = pairs,
                        .geos       = tb_pairs_geos(pairs),
                        .candidates = candidates,
                        .min_pixels = min_pixels,
                        .err        = err};

    TB_TRY(tb_alloc_zero(&s.is_cut, candidates->count, sizeof *s.is_cut, "candidates", err));
    TB_TRY(tb_seams_cut(&s));
    TB_TRY(tb_seams_group(&s));
    TB_TRY(emit_all(&s));
    s.out.observed             = candidates->observed;
    s.out.observed_count       = candidates->observed_count;
    candidates->observed       = NULL;
    candidates->observed_count = 0;
    tb_candidates_reset(candidates);
    *candidates = s.out;
    s.out       = (tb_candidates){0};
    *totals     = s.totals;
done:
    tb_candidates_reset(&s.out);
    for (size_t p = 0; p < s.piece_count; p++)
        GEOSGeom_destroy_r(s.geos->handle, s.piece[p].geometry);
    tb_free(s.piece);
    tb_free(s.meeting);
    tb_free(s.parent);
    tb_free(s.last);
    tb_free(s.first_meeting);
    tb_free(s.last_meeting);
    tb_free(s.is_cut);
    return status;
}
