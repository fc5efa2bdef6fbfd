#include "job/judge.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/judge_inside.h"
#include "job/key.h"
#include "parcel/area.h"
#include "parcel/overlay.h"

static const char SMALL[]        = "小于最小图斑 (small)";
static const char CONSTRUCTION[] = "全部位于建设用地 (construction land)";

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

/* ---- one candidate ---- */

static const char *reason_of(const tb_hearing *h)
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

static void note_quality(tb_hearing *h)
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

static tb_status hear_one(tb_hearing *h, const GEOSGeometry *geometry, tb_error *err)
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
    tb_judge_set_areas(judge, &h->holdings, &h->out->areas);
    h->out->areas.uncertainty = tb_hearing_uncertainty(h, geometry);
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
    TB_TRY(tb_hearing_find_places(h, err));
    TB_TRY(tb_hearing_find_shares(h, err));
    if (judge->profile != NULL)
        tb_hearing_decide(h);
done:
    GEOSGeom_destroy_r(handle, point);
    tb_overlay_reset(&h->landuse);
    tb_tract_reset(judge->geos, &h->ground);
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
        const GEOSGeometry *geometry;
        tb_hearing          h = {.judge     = judge,
                                 .job       = job,
                                 .candidate = candidate,
                                 .imagery   = imagery,
                                 .out       = &judge->item[i],
                                 .gsd_m     = tb_imagery_gsd_m(imagery, candidate->pair)};

        TB_TRY(tb_feature_geometry(judge->geos, &all.feature[i], &geometry, err));
        TB_TRY(hear_one(&h, geometry, err));
        if (progress != NULL && progress->report != NULL)
            progress->report(progress->context, "judge", (int64_t)i + 1,
                             (int64_t)candidates->count);
    }
    TB_TRY(tb_judge_find_overlaps(judge, &all, err));
    note_overlaps(judge, progress);
    if (judge->profile != NULL)
        TB_TRY(tb_judge_find_clusters(judge, job, &all, err));
    TB_TRY(
        tb_coverage_measure(&judge->coverage, judge->geos, &judge->survey, job, candidates, err));
done:
    tb_features_reset(&all);
    return status;
}
