#include "parcel/edges.h"

#include "core/memory.h"
#include "parcel/apart.h"
#include "parcel/area.h"
#include "parcel/common.h"

/* All of one call. */
typedef struct work {
    const tb_rings *geometry;
    tb_rings       *rings; /* one a feature */

    tb_common common;
    tb_rings  piece;
} work;

/* Whether no ground of the geometry lies under both of two features. */
static tb_status are_apart(work *w, const tb_rings *a, const tb_rings *b, bool *is_apart,
                           tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_sure;

    *is_apart = tb_rings_are_apart(a, b);
    if (*is_apart)
        goto done;
    TB_TRY(tb_common_find(&w->common, w->geometry, a, &is_sure, err));
    if (is_sure)
        TB_TRY(tb_common_outline(&w->common, &w->piece, &is_sure, err));
    if (is_sure)
        TB_TRY(tb_common_find(&w->common, &w->piece, b, &is_sure, err));
    *is_apart = is_sure && tb_common_area(&w->common) <= TB_AREA_NOTHING_M2;
done:
    return status;
}

static tb_status measure(work *w, const tb_geos *geos, const tb_feature *const *feature,
                         size_t count, double *area_m2, tb_edges_answer *answer, tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_sure;

    TB_TRY(tb_alloc_zero(&w->rings, count, sizeof *w->rings, "edges", err));
    for (size_t i = 0; i < count; i++) {
        TB_TRY(tb_rings_load(geos, feature[i]->geometry, &w->rings[i], &is_sure, err));
        if (is_sure)
            TB_TRY(tb_common_find(&w->common, w->geometry, &w->rings[i], &is_sure, err));
        if (!is_sure)
            goto done;
        area_m2[i] = tb_common_area(&w->common);
    }
    answer->has_areas = answer->is_apart = true;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count && answer->is_apart; k++)
            if (area_m2[i] > TB_AREA_NOTHING_M2 && area_m2[k] > TB_AREA_NOTHING_M2)
                TB_TRY(are_apart(w, &w->rings[i], &w->rings[k], &answer->is_apart, err));
done:
    for (size_t i = 0; w->rings != NULL && i < count; i++)
        tb_rings_reset(&w->rings[i]);
    tb_free(w->rings);
    return status;
}

tb_status tb_edges_measure(const tb_geos *geos, const tb_rings *geometry,
                           const tb_feature *const *feature, size_t count, double *area_m2,
                           tb_edges_answer *answer, tb_error *err)
{
    work      w = {.geometry = geometry};
    tb_status status;

    *answer = (tb_edges_answer){0};
    status  = measure(&w, geos, feature, count, area_m2, answer, err);
    tb_common_reset(&w.common);
    tb_rings_reset(&w.piece);
    return status;
}
