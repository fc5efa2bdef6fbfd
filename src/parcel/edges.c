#include "parcel/edges.h"

#include "core/memory.h"
#include "parcel/apart.h"
#include "parcel/area.h"
#include "parcel/common.h"

/* All of one call. */
typedef struct work {
    tb_geos           *geos;
    const tb_rings    *geometry;
    tb_feature *const *feature;
    size_t             count;
    double            *area_m2;
    tb_rings         **piece;
    tb_bench          *bench;
} work;

/* Whether no ground of the geometry lies under both of two features. */
static tb_status are_apart(work *w, size_t i, size_t k, bool *is_apart, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_common      *common = &w->bench->common;
    tb_rings       *shared = &w->bench->outline;
    const tb_rings *a, *b;
    bool            is_sure;

    *is_apart = w->feature[i]->is_apart || w->feature[k]->is_apart;
    if (*is_apart)
        goto done;
    TB_TRY(tb_feature_rings(w->geos, w->feature[i], &a, err));
    TB_TRY(tb_feature_rings(w->geos, w->feature[k], &b, err));
    *is_apart = tb_rings_are_apart(a, b);
    if (*is_apart)
        goto done;
    TB_TRY(tb_common_find(common, w->geometry, a, &is_sure, err));
    if (is_sure)
        TB_TRY(tb_common_outline(common, shared, &is_sure, err));
    if (is_sure)
        TB_TRY(tb_common_find(common, shared, b, &is_sure, err));
    *is_apart = is_sure && tb_common_area(common) <= TB_AREA_NOTHING_M2;
done:
    return status;
}

/* Measures what of the geometry lies on one feature. */
static tb_status measure_one(work *w, size_t i, bool *is_sure, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_common      *common = &w->bench->common;
    const tb_rings *rings;
    bool            has_outline;

    TB_TRY(tb_feature_rings(w->geos, w->feature[i], &rings, err));
    *is_sure = rings != NULL;
    if (*is_sure)
        TB_TRY(tb_common_find(common, w->geometry, rings, is_sure, err));
    if (!*is_sure)
        goto done;
    w->area_m2[i] = tb_common_area(common);
    if (w->piece == NULL || w->area_m2[i] <= TB_AREA_NOTHING_M2)
        goto done;
    TB_TRY(tb_common_outline(common, &w->bench->outline, &has_outline, err));
    if (has_outline)
        TB_TRY(tb_rings_pack(&w->bench->outline, &w->piece[i], err));
done:
    return status;
}

tb_status tb_edges_measure(tb_geos *geos, const tb_rings *geometry, tb_feature *const *feature,
                           size_t count, double *area_m2, tb_rings **piece, tb_edges_answer *answer,
                           tb_error *err)
{
    tb_status status  = TB_OK;
    bool      is_sure = true;
    work      w       = {.geos     = geos,
                         .geometry = geometry,
                         .feature  = feature,
                         .count    = count,
                         .area_m2  = area_m2,
                         .piece    = piece};

    *answer = (tb_edges_answer){0};
    for (size_t i = 0; piece != NULL && i < count; i++)
        piece[i] = NULL;
    TB_TRY(tb_bench_of(geos, &w.bench, err));
    for (size_t i = 0; i < count && is_sure; i++)
        TB_TRY(measure_one(&w, i, &is_sure, err));
    if (!is_sure)
        goto done;
    answer->has_areas = answer->is_apart = true;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count && answer->is_apart; k++)
            if (area_m2[i] > TB_AREA_NOTHING_M2 && area_m2[k] > TB_AREA_NOTHING_M2)
                TB_TRY(are_apart(&w, i, k, &answer->is_apart, err));
done:
    return status;
}
