#include "parcel/overlay.h"

#include <stdlib.h>

#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/edges.h"
#include "parcel/rings.h"

/* The features whose boxes meet a geometry's, in their order, and what their edges tell. */
typedef struct hits {
    const tb_features *of;
    tb_feature       **feature;
    double            *area_m2;
    tb_rings         **outline; /* of the shares; NULL: not wanted */
    size_t             count, capacity;
    tb_edges_answer    answer;
    tb_status          status;
    tb_error          *err;
} hits;

static bool hear(void *context, size_t number)
{
    hits *h = context;

    if (h->status == TB_OK && h->count == h->capacity) {
        size_t more = h->capacity > 0 ? 2 * h->capacity : 32;

        h->status = tb_grow(&h->feature, more, sizeof(*h->feature), "overlay", h->err);
        if (h->status == TB_OK)
            h->capacity = more;
    }
    if (h->status == TB_OK)
        h->feature[h->count++] = &h->of->feature[number];
    return h->status == TB_OK;
}

/* Features lie in one array in their order. */
static int compare_places(const void *a, const void *b)
{
    const tb_feature *p = *(const tb_feature *const *)a, *q = *(const tb_feature *const *)b;

    return (p > q) - (p < q);
}

static tb_status find_hits(const tb_features *mask, tb_box box, hits *out, tb_error *err)
{
    *out = (hits){.of = mask, .err = err};
    tb_boxtree_find(mask->tree, box, hear, out);
    if (out->count > 1)
        qsort(out->feature, out->count, sizeof(*out->feature), compare_places);
    return out->status;
}

/* Leaves the features that are wanted (NULL: all), and asks their edges, for outlines too. */
static tb_status measure_hits(tb_geos *geos, tb_tract *ground, tb_overlay_filter *wants,
                              void *context, bool has_outlines, hits *found, tb_error *err)
{
    tb_status       status = TB_OK;
    size_t          kept   = 0;
    const tb_rings *rings;

    for (size_t i = 0; i < found->count; i++)
        if (wants == NULL || wants(context, found->feature[i]))
            found->feature[kept++] = found->feature[i];
    found->count = kept;
    if (kept == 0)
        goto done;
    TB_TRY(tb_alloc(&found->area_m2, kept, sizeof *found->area_m2, "overlay", err));
    if (has_outlines)
        TB_TRY(tb_alloc_zero(&found->outline, kept, sizeof(tb_rings *), "overlay", err));
    TB_TRY(tb_tract_rings(geos, ground, &rings, err));
    if (rings != NULL)
        TB_TRY(tb_edges_measure(geos, rings, found->feature, kept, found->area_m2, found->outline,
                                &found->answer, err));
done:
    return status;
}

static void reset_hits(hits *found)
{
    for (size_t i = 0; found->outline != NULL && i < found->count; i++)
        tb_free(found->outline[i]);
    tb_free(found->outline);
    tb_free(found->feature);
    tb_free(found->area_m2);
}

/* ---- pieces ---- */

void tb_overlay_reset(tb_overlay *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        tb_tract_reset(pieces->geos, &pieces->item[i].ground);
    for (size_t i = 0; i < pieces->tract_count; i++) {
        tb_tract_reset(pieces->geos, pieces->tract[i]);
        tb_free(pieces->tract[i]);
    }
    tb_free(pieces->item);
    tb_free(pieces->tract);
    *pieces = (tb_overlay){0};
}

tb_piece *tb_overlay_largest(const tb_overlay *pieces)
{
    tb_piece *largest = pieces->count > 0 ? pieces->item : NULL;

    for (size_t i = 1; i < pieces->count; i++)
        if (pieces->item[i].ground.area_m2 > largest->ground.area_m2)
            largest = &pieces->item[i];
    return largest;
}

/* A new tract with a place of its own. */
static tb_status add_tract(tb_overlay *to, tb_tract it, tb_tract **out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_grow(&to->tract, to->tract_count + 1, sizeof *to->tract, "overlay", err));
    TB_TRY(tb_alloc(&to->tract[to->tract_count], 1, sizeof **to->tract, "overlay", err));
    *out  = to->tract[to->tract_count++];
    **out = it;
done:
    return status;
}

/* Takes off the last piece what lies on earlier features. */
static tb_status take_earlier(tb_geos *geos, tb_tract *ground, tb_overlay *to, tb_error *err)
{
    tb_status status = TB_OK;
    tb_piece *last   = &to->item[to->count - 1];
    double    whole  = last->ground.area_m2;
    tb_tract  common = {0};

    for (size_t i = 0; i + 1 < to->count; i++) {
        tb_tract *earlier, *rest;

        TB_TRY(add_tract(to, tb_tract_of_feature(to->item[i].feature), &earlier, err));
        TB_TRY(tb_tract_common(geos, &last->ground, earlier, &common, err));
        if (common.area_m2 > TB_AREA_NOTHING_M2) {
            TB_TRY(add_tract(to, (tb_tract){0}, &rest, err));
            TB_TRY(tb_tract_without(geos, last->cutter, earlier, rest, err));
            last->cutter = rest;
            tb_tract_reset(geos, &last->ground);
            TB_TRY(tb_tract_common(geos, ground, rest, &last->ground, err));
        }
        tb_tract_reset(geos, &common);
    }
    to->shared_m2 += whole - last->ground.area_m2;
done:
    tb_tract_reset(geos, &common);
    return status;
}

/* The share of a feature whose edges told its area; with its outline, if there is one. */
static tb_tract take_share(tb_tract *ground, tb_tract *cutter, const hits *found, size_t i)
{
    tb_tract it = {.one = ground, .other = cutter, .area_m2 = found->area_m2[i]};

    if (found->outline != NULL) {
        it.rings          = found->outline[i];
        it.is_doubtful    = it.rings == NULL;
        found->outline[i] = NULL;
    }
    return it;
}

static tb_status make_pieces(tb_geos *geos, tb_tract *ground, const hits *found, tb_overlay *out,
                             tb_error *err)
{
    tb_status status = TB_OK;

    *out = (tb_overlay){.geos = geos};
    TB_TRY(tb_alloc_zero(&out->item, found->count, sizeof *out->item, "overlay", err));
    for (size_t i = 0; i < found->count; i++) {
        tb_piece *piece = &out->item[out->count];

        if (found->answer.has_areas && found->area_m2[i] <= TB_AREA_NOTHING_M2)
            continue;
        piece->feature = found->feature[i];
        out->count++;
        TB_TRY(add_tract(out, tb_tract_of_feature(piece->feature), &piece->cutter, err));
        if (found->answer.has_areas)
            piece->ground = take_share(ground, piece->cutter, found, i);
        else
            TB_TRY(tb_tract_common(geos, ground, piece->cutter, &piece->ground, err));
        if (!found->answer.is_apart)
            TB_TRY(take_earlier(geos, ground, out, err));
        if (piece->ground.area_m2 <= TB_AREA_NOTHING_M2) {
            tb_tract_reset(geos, &piece->ground);
            out->count--;
        }
    }
done:
    return status;
}

tb_status tb_overlay_find(tb_geos *geos, tb_tract *ground, const tb_features *mask,
                          tb_overlay_filter *wants, void *context, tb_overlay *out, tb_error *err)
{
    tb_status       status = TB_OK;
    hits            found  = {0};
    const tb_tract *around = ground;

    *out = (tb_overlay){.geos = geos};
    while (around->geometry == NULL && around->feature == NULL) /* a cut is within what it is of */
        around = around->one;
    TB_TRY(find_hits(mask,
                     around->geometry != NULL ? tb_box_of_geometry(geos, around->geometry)
                                              : around->feature->box,
                     &found, err));
    TB_TRY(measure_hits(geos, ground, wants, context, true, &found, err));
    if (found.count > 0)
        TB_TRY(make_pieces(geos, ground, &found, out, err));
done:
    reset_hits(&found);
    return status;
}

tb_status tb_overlay_touches(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                             bool *touches, tb_error *err)
{
    tb_status status = TB_OK;
    char      answer = 0;
    hits      found;

    TB_TRY(find_hits(mask, tb_box_of_geometry(geos, geometry), &found, err));
    for (size_t i = 0; i < found.count && answer == 0; i++) {
        const GEOSGeometry *other;

        TB_TRY(tb_feature_geometry(geos, found.feature[i], &other, err));
        answer = GEOSIntersects_r(geos->handle, geometry, other);
    }
    if (answer != 0 && answer != 1) /* GEOS says 2 of a failure */
        status = tb_geos_fail(geos, err, "intersection of a parcel and a mask");
    *touches = answer == 1;
done:
    reset_hits(&found);
    return status;
}

tb_status tb_overlay_area(tb_geos *geos, const GEOSGeometry *geometry, const tb_features *mask,
                          double *area_m2, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_tract   ground = tb_tract_of(geometry);
    tb_overlay pieces = {0};
    hits       found;

    *area_m2 = 0.0;
    TB_TRY(find_hits(mask, tb_box_of_geometry(geos, geometry), &found, err));
    TB_TRY(measure_hits(geos, &ground, NULL, NULL, false, &found, err));
    for (size_t i = 0; i < found.count && found.answer.is_apart; i++)
        *area_m2 += found.area_m2[i] > TB_AREA_NOTHING_M2 ? found.area_m2[i] : 0.0;
    if (found.count == 0 || found.answer.is_apart)
        goto done;
    TB_TRY(make_pieces(geos, &ground, &found, &pieces, err));
    for (size_t i = 0; i < pieces.count; i++)
        *area_m2 += pieces.item[i].ground.area_m2;
done:
    reset_hits(&found);
    tb_overlay_reset(&pieces);
    tb_tract_reset(geos, &ground);
    return status;
}
