/**
 * Judging: what each candidate's areas and tier are, and whether it is a parcel at all.
 *
 * Areas are whole hundredths of a square metre (dm2); parts add up to the whole exactly. What no
 * layer tells is unknown, not zero. docs/judge.md
 */
#ifndef TUBAN_JOB_JUDGE_H
#define TUBAN_JOB_JUDGE_H

#include "core/error.h"
#include "core/text.h"
#include "job/candidates.h"
#include "job/coverage.h"
#include "job/imagery.h"
#include "job/survey.h"
#include "parcel/form.h"
#include "rules/tier.h"

/** dm2; TB_AREA_UNKNOWN where the layer is not given. */
typedef struct tb_areas {
    int64_t total;
    int64_t farmland, farmland_gross, farmland_beyond_pbf;
    int64_t pbf, pbf_gross, redline, pbf_or_redline;
    int64_t other_agricultural, unused, construction, unsurveyed;
    int64_t urban, approved, unapproved;
    int64_t extra[TB_EXTRA_MAX];
    int64_t uncertainty;
} tb_areas;

/** What of a parcel lies in one unit. */
typedef struct tb_share {
    const char *code, *name; /**< of the survey; may be NULL */
    tb_areas    areas;
} tb_share;

enum {
    TB_QA_UNSURVEYED   = 1,   /**< part of it has no survey */
    TB_QA_SHARED       = 2,   /**< polygons of the survey overlap in it */
    TB_QA_UNION        = 4,   /**< only PBF and red line together reach a threshold */
    TB_QA_RIDGES       = 8,   /**< gross areas give another tier */
    TB_QA_UNOBSERVED   = 16,  /**< it touches ground that was not observed */
    TB_QA_PBF_NOT_FARM = 32,  /**< PBF on other land than farmland: a correction candidate */
    TB_QA_OVERLAP      = 64,  /**< it shares ground with another parcel of the batch */
    TB_QA_JOIN         = 128, /**< it lies across a cut and is made of what several pairs saw */
    TB_QA_DAYS         = 256, /**< images of several days lie under it */
};

typedef struct tb_judgement {
    const char    *reason; /**< why it is rejected; NULL: it is a parcel */
    bool           is_withheld;
    double         longitude, latitude; /**< of a point inside */
    tb_areas       areas;
    tb_tier_result tier, tier_before; /**< after and before approvals */
    bool           has_tier, is_approved_late;
    const char    *unit_code, *unit_name, *district_code, *district_name;  /**< may be NULL */
    const char    *place_code, *place_name, *document, *kind, *registered; /**< likewise */
    const char    *former_class;                                           /**< likewise */
    double         changed_share; /**< of the survey's polygon it has most on; below 0: none */
    tb_form        form;
    tb_under       under; /**< images */
    int            qa;
    int            cluster, cluster_tier; /**< 0: alone */
    tb_share      *share;                 /**< of its units; NULL with no unit layer */
    int            share_count;
} tb_judgement;

/** Zero-initialised is empty; free with tb_judge_reset. */
typedef struct tb_judge {
    tb_geos        *geos;
    tb_profile     *profile; /**< NULL: none */
    tb_landclasses *classes;
    tb_survey       survey;
    char            day[11]; /**< of the later image, for which approvals hold at present */
    tb_judgement   *item;    /**< one a candidate */
    size_t          count;
    tb_coverage     coverage;
} tb_judge;

/** Opens the job's profile and layers and closes them again: whether judging can begin. */
tb_status tb_judge_check(const tb_job *job, tb_error *err);

/** Appends what judging depends on: the profile, and size and time of the layers' files. */
tb_status tb_judge_append_key(tb_text *text, const tb_job *job, tb_error *err);

/**
 * Judges all candidates of a job.
 * @param imagery  knows every pair; reads its footprints here, with the judge's context.
 * Cost: the layers are read once; then some milliseconds a candidate.
 */
tb_status tb_judge_candidates(tb_judge *judge, const tb_job *job, const tb_candidates *candidates,
                              tb_imagery *imagery, const tb_progress *progress, tb_error *err);
void      tb_judge_reset(tb_judge *judge);

#endif
