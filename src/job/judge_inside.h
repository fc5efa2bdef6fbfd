/** What the files of judging share: one candidate on its way, and what is found of it. */
#ifndef TUBAN_JOB_JUDGE_INSIDE_H
#define TUBAN_JOB_JUDGE_INSIDE_H

#include "job/judge.h"

typedef struct tb_hearing {
    tb_judge           *judge;
    const tb_job       *job;
    const tb_candidate *candidate;
    const tb_imagery   *imagery;
    tb_judgement       *out;
    double              gsd_m;
    tb_tract            ground;
    tb_holdings         holdings;
    tb_overlay          landuse; /**< of the ground, on the survey */
} tb_hearing;

/** Areas as they are published: whole dm2 that add up; without the uncertainty. */
void tb_judge_set_areas(const tb_judge *judge, const tb_holdings *holdings, tb_areas *out);

/** By how much the area of what was heard may be off, dm2. */
int64_t tb_hearing_uncertainty(const tb_hearing *h, const GEOSGeometry *geometry);

/** The tier of areas. @param classes  what a person said it is, or NULL. */
void tb_judge_decide(const tb_judge *judge, const tb_job *job, const tb_areas *areas,
                     const char *classes, tb_tier_result *out);

/** The tiers of what was heard, before and after approvals. */
void tb_hearing_decide(tb_hearing *h);

/** Which district, place, former class and approval have most of it, */
tb_status tb_hearing_find_places(tb_hearing *h, tb_error *err);

/** and what of it lies in which unit. */
tb_status tb_hearing_find_shares(tb_hearing *h, tb_error *err);

/** Marks the judged parcels that share ground with others, */
tb_status tb_judge_find_overlaps(tb_judge *judge, const tb_features *all, tb_error *err);

/** and numbers the clusters of those that are close, with their tiers. */
tb_status tb_judge_find_clusters(tb_judge *judge, const tb_job *job, const tb_features *all,
                                 tb_error *err);

#endif
