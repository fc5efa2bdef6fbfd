#include "job/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/key.h"
#include "parcel/area.h"
#include "parcel/cluster.h"
#include "parcel/overlay.h"

static const char SMALL[]        = "小于最小图斑 (small)";
static const char CONSTRUCTION[] = "全部位于建设用地 (construction land)";

/* One candidate on its way. */
typedef struct hearing {
    tb_judge           *judge;
    const tb_job       *job;
    const tb_candidate *candidate;
    const tb_imagery   *imagery;
    tb_judgement       *out;
    double              gsd_m;
    tb_tract            ground;
    tb_holdings         holdings;
    tb_overlay          landuse; /* of the ground, on the survey */
} hearing;

void tb_judge_reset(tb_judge *judge)
{
    for (size_t i = 0; i < judge->count; i++)
        tb_free(judge->item[i].share);
    tb_free(judge->item);
    tb_coverage_reset(&judge->coverage);
    tb_survey_reset(&judge->survey);
    tb_landclasses_free(judge->classes);
    tb_profile_free(judge->profile);
    tb_geos_free(judge->geos);
    *judge = (tb_judge){0};
}

/* ---- areas ---- */

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

static void set_areas(tb_areas *out, const tb_holdings *h, const tb_masks *masks, bool is_net)
{
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

static int64_t uncertainty_of(const hearing *h, const GEOSGeometry *geometry, double area_m2)
{
    double around_m = tb_perimeter_of_geometry(h->judge->geos, geometry);
    double half_m   = h->gsd_m / 2.0;
    double stays_m  = tb_imagery_residual_m(h->imagery, h->candidate->pair);
    double smooth_m = 0.0, off_m;

    if (strcmp(h->candidate->source, "auto") == 0 && around_m > 0.0)
        smooth_m = fmin(h->job->simplify_px * h->gsd_m, OUTLINE_SHARE * area_m2 / around_m);
    off_m = sqrt(half_m * half_m + stays_m * stays_m + smooth_m * smooth_m);
    return tb_area_dm2(around_m * off_m + 4.0 * off_m * off_m);
}

/* ---- tiers ---- */

/* `classes`: what a person said it is, or NULL. */
static void decide(const tb_judge *judge, const tb_job *job, const tb_areas *areas,
                   const char *classes, tb_tier_result *out)
{
    tb_tier_input input;

    tb_tier_input_init(&input, tb_profile_stream(judge->profile, job->stream));
    input.pbf_dm2                  = areas->pbf;
    input.erl_dm2                  = areas->redline;
    input.farmland_dm2             = areas->farmland;
    input.farmland_outside_pbf_dm2 = areas->farmland_beyond_pbf;
    input.union_dm2                = areas->pbf_or_redline;
    input.uncertainty_dm2          = areas->uncertainty;
    input.classes                  = classes;
    tb_day_parse(job->month, &input.issue);
    tb_tier_decide(judge->profile, &input, out);
}

static void decide_tiers(hearing *h)
{
    tb_judgement  *out     = h->out;
    tb_areas       reduced = out->areas, gross = out->areas;
    bool           is_net  = h->judge->profile->is_net_of_ridges;
    const char    *classes = h->candidate->classes;
    tb_tier_result by_gross;

    decide(h->judge, h->job, &out->areas, classes, &out->tier_before);
    out->tier = out->tier_before;
    if (out->areas.approved > 0 && is_net) {
        if (reduced.farmland >= 0)
            reduced.farmland = tb_area_dm2(h->holdings.farmland_unapproved);
        if (reduced.pbf >= 0)
            reduced.pbf = tb_area_dm2(h->holdings.pbf_unapproved);
        if (reduced.redline >= 0)
            reduced.redline = tb_area_dm2(h->holdings.redline_unapproved);
        decide(h->judge, h->job, &reduced, classes, &out->tier);
    }
    gross.farmland = gross.farmland_gross;
    gross.pbf      = gross.pbf_gross;
    decide(h->judge, h->job, &gross, classes, &by_gross);
    if (by_gross.tier != out->tier_before.tier)
        out->qa |= TB_QA_RIDGES;
    if (out->tier.passes_by_union_only)
        out->qa |= TB_QA_UNION;
    out->has_tier         = true;
    out->is_approved_late = h->holdings.late > 0.005;
}

/* ---- places ---- */

static bool holds(void *context, const tb_feature *feature)
{
    const tb_mask *mask = context;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_HOLDS;
}

/* Areas of the survey's classes under a parcel. */
typedef struct class_area {
    const char *code;
    double      area_m2;
} class_area;

/* The class with most of the pieces on the survey; NULL: none of them has one. */
static tb_status find_class(const tb_survey *survey, const tb_overlay *pieces, const char **out,
                            tb_error *err)
{
    tb_status   status  = TB_OK;
    class_area *classes = NULL;
    size_t      count = 0, most = 0;

    TB_TRY(tb_alloc(&classes, pieces->count, sizeof *classes, "land classes", err));
    for (size_t k = 0; k < pieces->count; k++) {
        const char *code = tb_survey_text(survey, "landuse", pieces->item[k].feature, "class");
        size_t      i    = 0;

        if (code == NULL)
            continue;
        while (i < count && strcmp(classes[i].code, code) != 0)
            i++;
        if (i == count)
            classes[count++] = (class_area){.code = code};
        classes[i].area_m2 += pieces->item[k].ground.area_m2;
    }
    for (size_t i = 1; i < count; i++)
        most = classes[i].area_m2 > classes[most].area_m2 ? i : most;
    *out = count > 0 ? classes[most].code : NULL;
done:
    tb_free(classes);
    return status;
}

/* What the ground was, and how much of the survey's polygon under most of it is changed. */
static tb_status find_former(hearing *h, tb_error *err)
{
    tb_status        status = TB_OK;
    const tb_survey *survey = &h->judge->survey;
    tb_judgement    *out    = h->out;
    const tb_piece  *most   = tb_overlay_largest(&h->landuse);

    if (most == NULL)
        goto done;
    out->place_code = tb_survey_text(survey, "landuse", most->feature, "place_code");
    out->place_name = tb_survey_text(survey, "landuse", most->feature, "place_name");
    out->changed_share =
        most->ground.area_m2 / tb_area_of_geometry(h->judge->geos, most->feature->geometry);
    TB_TRY(find_class(survey, &h->landuse, &out->former_class, err));
done:
    return status;
}

/* The feature with most of a parcel, or NULL. */
static tb_status find_largest(hearing *h, const tb_mask *mask, const tb_feature **out,
                              tb_error *err)
{
    tb_status       status = TB_OK;
    tb_overlay      pieces = {0};
    const tb_piece *most;

    TB_TRY(tb_overlay_find(h->judge->geos, &h->ground, &mask->features,
                           mask->approval != NULL ? holds : NULL, (void *)mask, &pieces, err));
    most = tb_overlay_largest(&pieces);
    *out = most != NULL ? most->feature : NULL;
done:
    tb_overlay_reset(&pieces);
    return status;
}

static tb_status find_places(hearing *h, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_survey        *survey = &h->judge->survey;
    tb_judgement     *out    = h->out;
    const tb_feature *feature;

    if (survey->has_districts) {
        TB_TRY(find_largest(h, &survey->districts, &feature, err));
        if (feature != NULL) {
            out->district_code = tb_survey_text(survey, "districts", feature, "code");
            out->district_name = tb_survey_text(survey, "districts", feature, "name");
        }
    }
    TB_TRY(find_former(h, err));
    if (survey->masks.approvals != NULL) {
        TB_TRY(find_largest(h, &survey->approvals, &feature, err));
        if (feature != NULL) {
            out->kind       = tb_survey_text(survey, "approvals", feature, "kind");
            out->document   = tb_survey_text(survey, "approvals", feature, "document");
            out->registered = tb_survey_text(survey, "approvals", feature, "register");
        }
    }
done:
    return status;
}

/* ---- shares ---- */

/* What lies in a unit; all of the parcel was measured already. */
static tb_status measure_share(hearing *h, tb_piece *piece, tb_areas *out, tb_error *err)
{
    tb_status       status  = TB_OK;
    const tb_masks *masks   = &h->judge->survey.masks;
    tb_overlay      landuse = {0};
    tb_holdings     holdings;

    if (piece->ground.area_m2 > h->ground.area_m2 - TB_AREA_NOTHING_M2)
        holdings = h->holdings;
    else
        TB_TRY(
            tb_holdings_measure(h->judge->geos, &piece->ground, masks, &holdings, &landuse, err));
    set_areas(out, &holdings, masks,
              h->judge->profile == NULL || h->judge->profile->is_net_of_ridges);
done:
    tb_overlay_reset(&landuse);
    return status;
}

/* The parcel belongs to the unit that has most of it. */
static tb_status find_shares(hearing *h, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_survey     *survey = &h->judge->survey;
    tb_judgement  *out    = h->out;
    const tb_mask *units  = survey->has_units ? &survey->units : &survey->districts;
    const char    *role   = survey->has_units ? "units" : "districts";
    int64_t        most   = -1;
    tb_overlay     pieces = {0};

    if (!survey->has_units && !survey->has_districts)
        return TB_OK;
    TB_TRY(tb_overlay_find(h->judge->geos, &h->ground, &units->features, NULL, NULL, &pieces, err));
    TB_TRY(tb_alloc_zero(&out->share, pieces.count, sizeof *out->share, "shares", err));
    for (size_t i = 0; i < pieces.count; i++) {
        tb_share *share = &out->share[out->share_count++];

        share->code = tb_survey_text(survey, role, pieces.item[i].feature, "code");
        share->name = tb_survey_text(survey, role, pieces.item[i].feature, "name");
        TB_TRY(measure_share(h, &pieces.item[i], &share->areas, err));
        if (share->areas.total > most) {
            most           = share->areas.total;
            out->unit_code = share->code;
            out->unit_name = share->name;
        }
    }
done:
    tb_overlay_reset(&pieces);
    return status;
}

/* ---- judging ---- */

static const char *reason_of(const hearing *h)
{
    const tb_profile *profile = h->judge->profile;

    if (h->candidate->is_small)
        return SMALL;
    if (profile != NULL && h->gsd_m <= profile->minimum_gsd_m &&
        h->out->areas.total < profile->minimum_m2 * 100)
        return SMALL;
    if (profile != NULL && h->gsd_m > profile->minimum_gsd_m &&
        h->candidate->pixels < profile->minimum_pixels)
        return SMALL;
    if (h->out->areas.construction >= h->out->areas.total && h->out->areas.total > 0)
        return CONSTRUCTION;
    return NULL;
}

static void note_quality(hearing *h)
{
    tb_judgement *out = h->out;

    if (out->areas.unsurveyed > 0 && h->holdings.unsurveyed > 0.005)
        out->qa |= TB_QA_UNSURVEYED;
    if (h->holdings.shared > 0.005)
        out->qa |= TB_QA_SHARED;
    if (h->candidate->edge_pixels > 0)
        out->qa |= TB_QA_UNOBSERVED;
    if (h->candidate->part_count > 1)
        out->qa |= TB_QA_JOIN;
    if (out->under.is_of_several_days)
        out->qa |= TB_QA_DAYS;
    if (out->areas.pbf_gross >= 0 && out->areas.farmland_gross >= 0 &&
        h->holdings.pbf_gross - h->holdings.pbf_on_farmland + h->holdings.pbf_on_construction >
            0.005)
        out->qa |= TB_QA_PBF_NOT_FARM;
}

static tb_status hear_one(hearing *h, const GEOSGeometry *geometry, tb_error *err)
{
    tb_status           status = TB_OK;
    tb_judge           *judge  = h->judge;
    GEOSContextHandle_t handle = judge->geos->handle;
    GEOSGeometry       *point  = NULL;

    TB_TRY(tb_imagery_under(h->imagery, h->candidate, geometry, &h->out->under, err));
    TB_TRY(tb_form_measure(judge->geos, geometry, &h->out->form, err));
    h->out->changed_share = -1.0;
    if (strcmp(h->out->under.after, judge->day) != 0) {
        snprintf(judge->day, sizeof judge->day, "%s", h->out->under.after);
        tb_survey_set_date(&judge->survey, judge->day);
    }
    h->ground = tb_tract_of(geometry);
    TB_TRY(tb_holdings_measure(judge->geos, &h->ground, &judge->survey.masks, &h->holdings,
                               &h->landuse, err));
    set_areas(&h->out->areas, &h->holdings, &judge->survey.masks,
              judge->profile == NULL || judge->profile->is_net_of_ridges);
    h->out->areas.uncertainty = uncertainty_of(h, geometry, h->holdings.total);
    point                     = GEOSPointOnSurface_r(handle, geometry);
    if (point != NULL) {
        GEOSGeomGetX_r(handle, point, &h->out->longitude);
        GEOSGeomGetY_r(handle, point, &h->out->latitude);
    }
    if (judge->survey.has_withheld)
        TB_TRY(tb_overlay_touches(judge->geos, geometry, &judge->survey.withheld.features,
                                  &h->out->is_withheld, err));
    h->out->reason = reason_of(h);
    note_quality(h);
    if (h->out->reason != NULL)
        goto done;
    TB_TRY(find_places(h, err));
    TB_TRY(find_shares(h, err));
    if (judge->profile != NULL)
        decide_tiers(h);
done:
    GEOSGeom_destroy_r(handle, point);
    tb_overlay_reset(&h->landuse);
    tb_tract_reset(judge->geos, &h->ground);
    return status;
}

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
            decide(judge, job, &of->sum, NULL, &tier);
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

static tb_status find_clusters(tb_judge *judge, const tb_job *job, const tb_features *all,
                               tb_error *err)
{
    tb_status   status = TB_OK;
    tb_features kept   = {.geos = judge->geos};
    size_t     *place  = NULL;

    TB_TRY(tb_alloc(&place, all->count, sizeof *place, "clusters", err));
    for (size_t i = 0; i < all->count; i++) {
        if (judge->item[i].reason != NULL || judge->item[i].is_withheld) /* sums would tell of it */
            continue;
        place[kept.count] = i;
        TB_TRY(tb_features_add(&kept,
                               GEOSGeom_clone_r(judge->geos->handle, all->feature[i].geometry),
                               (int64_t)i, err));
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
    tb_tract   ground = tb_tract_of(m->all->feature[m->at].geometry);
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
static tb_status find_overlaps(tb_judge *judge, const tb_features *all, tb_error *err)
{
    tb_status status = TB_OK;
    meeting   m      = {.judge = judge, .all = all};

    for (; m.at < all->count; m.at++)
        if (judge->item[m.at].reason == NULL)
            TB_TRY(note_overlap(&m, err));
done:
    return status;
}

/* ---- the whole ---- */

static tb_status load_rules(tb_judge *judge, const tb_job *job, tb_error *err)
{
    tb_status status = TB_OK;

    if (job->profile == NULL)
        return tb_landclasses_open(&judge->classes, "landclass-sandiao", err);
    TB_TRY(tb_profile_open(&judge->profile, job->profile, err));
    TB_TRY(tb_landclasses_open(&judge->classes, judge->profile->classification, err));
    if (tb_profile_stream(judge->profile, job->stream) == NULL)
        status = tb_error_set(err, TB_E_JOB, "job.stream: expected a stream of profile %s, got %s",
                              judge->profile->name, job->stream);
done:
    return status;
}

static void note(const tb_progress *notes, const char *line)
{
    if (notes != NULL && notes->note != NULL)
        notes->note(notes->context, line);
}

static void note_old_rules(const tb_judge *judge, const tb_job *job, const tb_progress *notes)
{
    const tb_profile *profile = judge->profile;
    tb_day            month   = {0};
    char              line[300];

    if (profile == NULL)
        return;
    tb_day_parse(job->month, &month);
    if (!tb_profile_is_old(profile, month))
        return;
    snprintf(line, sizeof line,
             "profile %.60s is made for %04d-%02d to %04d-%02d, the job's month is %s: parcels are "
             "stamped RULESET_OLD",
             profile->name, profile->first.year, profile->first.month, profile->last.year,
             profile->last.month, job->month[0] != '\0' ? job->month : "not given");
    note(notes, line);
}

/* What lies on shared ground, of the survey and of each other. */
static void note_overlaps(const tb_judge *judge, const tb_progress *notes)
{
    size_t shared = 0, overlapping = 0;
    char   line[160];

    for (size_t i = 0; i < judge->count; i++) {
        shared += (judge->item[i].qa & TB_QA_SHARED) != 0;
        overlapping += (judge->item[i].qa & TB_QA_OVERLAP) != 0;
    }
    if (shared > 0) {
        snprintf(
            line, sizeof line,
            "landuse: polygons overlap under %zu parcels; such ground counts for the lower BSM",
            shared);
        note(notes, line);
    }
    if (overlapping > 0) {
        snprintf(line, sizeof line,
                 "%zu parcels share ground with others of the batch (QA %d): it counts in each",
                 overlapping, TB_QA_OVERLAP);
        note(notes, line);
    }
}

tb_status tb_judge_check(const tb_job *job, tb_error *err)
{
    tb_judge  judge  = {0};
    tb_status status = TB_OK;

    TB_TRY(load_rules(&judge, job, err));
    TB_TRY(tb_survey_check(job, judge.classes, err));
done:
    tb_judge_reset(&judge);
    return status;
}

tb_status tb_judge_append_key(tb_text *text, const tb_job *job, tb_error *err)
{
    tb_judge  judge  = {0};
    tb_status status = TB_OK;

    TB_TRY(load_rules(&judge, job, err));
    TB_TRY(tb_text_append(text, err, "judge %s %s %s\n", job->stream,
                          judge.profile != NULL ? judge.profile->name : "-",
                          judge.profile != NULL ? judge.profile->version : "-"));
    for (int l = 0; l < job->layer_count; l++) {
        const tb_job_layer *it = &job->layers[l];

        TB_TRY(tb_text_append(text, err, "layer %s %s %s %s %s %s %s ", it->role,
                              it->name != NULL ? it->name : "-", tb_path_name(it->path),
                              it->layer != NULL ? it->layer : "-",
                              it->where != NULL ? it->where : "-", it->crs != NULL ? it->crs : "-",
                              it->encoding != NULL ? it->encoding : "-"));
        TB_TRY(tb_key_append_file(text, it->path, err));
    }
done:
    tb_judge_reset(&judge);
    return status;
}

tb_status tb_judge_candidates(tb_judge *judge, const tb_job *job, const tb_candidates *candidates,
                              tb_imagery *imagery, const tb_progress *progress, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_features all    = {0};

    TB_TRY(load_rules(judge, job, err));
    note_old_rules(judge, job, progress);
    TB_TRY(tb_geos_new(&judge->geos, err));
    all.geos = judge->geos;
    for (size_t i = 0; i < candidates->count; i++) {
        GEOSGeometry *geometry;

        TB_TRY(tb_outline_geometry(judge->geos, &candidates->item[i].outline, &geometry, err));
        TB_TRY(tb_features_add(&all, geometry, (int64_t)i, err));
    }
    TB_TRY(tb_features_index(&all, err));
    TB_TRY(tb_survey_read(&judge->survey, job, judge->profile, judge->classes, judge->geos, &all,
                          progress, err));
    tb_survey_set_date(&judge->survey, judge->day);
    TB_TRY(tb_imagery_read(imagery, judge->geos, &all, progress, err));
    TB_TRY(tb_alloc_zero(&judge->item, candidates->count, sizeof *judge->item, "parcels", err));
    judge->count = candidates->count;
    for (size_t i = 0; i < candidates->count; i++) {
        const tb_candidate *candidate = &candidates->item[i];
        hearing             h         = {.judge     = judge,
                                         .job       = job,
                                         .candidate = candidate,
                                         .imagery   = imagery,
                                         .out       = &judge->item[i],
                                         .gsd_m     = tb_imagery_gsd_m(imagery, candidate->pair)};

        TB_TRY(hear_one(&h, all.feature[i].geometry, err));
        if (progress != NULL && progress->report != NULL)
            progress->report(progress->context, "judge", (int64_t)i + 1,
                             (int64_t)candidates->count);
    }
    TB_TRY(find_overlaps(judge, &all, err));
    note_overlaps(judge, progress);
    if (judge->profile != NULL)
        TB_TRY(find_clusters(judge, job, &all, err));
    TB_TRY(
        tb_coverage_measure(&judge->coverage, judge->geos, &judge->survey, job, candidates, err));
done:
    tb_features_reset(&all);
    return status;
}
