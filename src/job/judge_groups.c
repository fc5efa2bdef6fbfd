/* What only shows among several parcels: clusters, and ground that two share. */
#include "core/memory.h"
#include "job/judge_inside.h"
#include "parcel/area.h"
#include "parcel/cluster.h"

/* ---- clusters ---- */

static int64_t sum_of(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? TB_AREA_UNKNOWN : a + b;
}

static void add_areas(tb_areas *sum, const tb_areas *more)
{
    sum->farmland            = sum_of(sum->farmland, more->farmland);
    sum->farmland_beyond_pbf = sum_of(sum->farmland_beyond_pbf, more->farmland_beyond_pbf);
    sum->pbf                 = sum_of(sum->pbf, more->pbf);
    sum->redline             = sum_of(sum->redline, more->redline);
    sum->pbf_or_redline      = sum_of(sum->pbf_or_redline, more->pbf_or_redline);
}

/* What is summed up of a cluster, at the place of its first parcel. */
typedef struct group {
    tb_areas sum;
    int      parcels, number, tier;
} group;

/* `place` tells which candidate each feature is. */
static tb_status set_clusters(tb_judge *judge, const tb_job *job, const tb_features *kept,
                              const size_t *place, tb_error *err)
{
    tb_status status  = TB_OK;
    size_t   *cluster = NULL;
    group    *groups  = NULL;
    int       number  = 0;

    TB_TRY(tb_alloc(&cluster, kept->count, sizeof *cluster, "clusters", err));
    TB_TRY(tb_alloc_zero(&groups, kept->count, sizeof *groups, "clusters", err));
    TB_TRY(tb_clusters_find(kept, (double)judge->profile->cluster_gap_dm / 10.0, cluster, err));
    for (size_t i = 0; i < kept->count; i++) {
        group *of = &groups[cluster[i]];

        if (of->parcels++ == 0)
            of->sum = judge->item[place[i]].areas;
        else
            add_areas(&of->sum, &judge->item[place[i]].areas);
    }
    for (size_t i = 0; i < kept->count; i++) {
        group         *of = &groups[cluster[i]];
        tb_tier_result tier;

        if (of->parcels == 1)
            continue;
        if (of->number == 0) {
            tb_judge_decide(judge, job, &of->sum, NULL, &tier);
            of->number = ++number;
            of->tier   = tier.tier;
        }
        judge->item[place[i]].cluster      = of->number;
        judge->item[place[i]].cluster_tier = of->tier;
    }
done:
    tb_free(cluster);
    tb_free(groups);
    return status;
}

tb_status tb_judge_find_clusters(tb_judge *judge, const tb_job *job, const tb_features *all,
                                 tb_error *err)
{
    tb_status           status = TB_OK;
    tb_features         kept   = {.geos = judge->geos};
    size_t             *place  = NULL;
    const GEOSGeometry *own;

    TB_TRY(tb_alloc(&place, all->count, sizeof *place, "clusters", err));
    for (size_t i = 0; i < all->count; i++) {
        if (judge->item[i].reason != NULL || judge->item[i].is_withheld) /* sums would tell of it */
            continue;
        place[kept.count] = i;
        TB_TRY(tb_feature_geometry(judge->geos, &all->feature[i], &own, err));
        TB_TRY(tb_features_add(&kept, GEOSGeom_clone_r(judge->geos->handle, own), (int64_t)i, err));
    }
    TB_TRY(tb_features_index(&kept, err));
    if (kept.count > 1)
        TB_TRY(set_clusters(judge, job, &kept, place, err));
done:
    tb_features_reset(&kept);
    tb_free(place);
    return status;
}

/* ---- parcels on each other ---- */

typedef struct meeting {
    tb_judge          *judge;
    const tb_features *all;
    size_t             at; /* of `all` */
} meeting;

static bool is_later(void *context, const tb_feature *feature)
{
    const meeting *m     = context;
    size_t         other = (size_t)(feature - m->all->feature);

    return other > m->at && m->judge->item[other].reason == NULL;
}

static tb_status note_overlap(meeting *m, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_tract   ground = tb_tract_of_feature(&m->all->feature[m->at]);
    tb_overlay pieces = {0};

    TB_TRY(tb_overlay_find(m->judge->geos, &ground, m->all, is_later, m, &pieces, err));
    for (size_t i = 0; i < pieces.count; i++)
        if (tb_area_dm2(pieces.item[i].ground.area_m2) > 0) {
            m->judge->item[m->at].qa |= TB_QA_OVERLAP;
            m->judge->item[pieces.item[i].feature - m->all->feature].qa |= TB_QA_OVERLAP;
        }
done:
    tb_overlay_reset(&pieces);
    tb_tract_reset(m->judge->geos, &ground);
    return status;
}

/* What is detected cannot overlap; what people draw may. */
tb_status tb_judge_find_overlaps(tb_judge *judge, const tb_features *all, tb_error *err)
{
    tb_status status = TB_OK;
    meeting   m      = {.judge = judge, .all = all};

    for (; m.at < all->count; m.at++)
        if (judge->item[m.at].reason == NULL)
            TB_TRY(note_overlap(&m, err));
done:
    return status;
}
