/** The month in figures: parcels and their areas by tier and by unit, as JSON. */
#ifndef TUBAN_JOB_MONTH_H
#define TUBAN_JOB_MONTH_H

#include <jansson.h>

#include "job/candidates.h"
#include "job/judge.h"

/** What a summary begins with: `job`, `month`, `tuban`, `notice`, `region`. */
json_t *tb_month_head(const tb_job *job);

/**
 * `stream`, `ruleset`, `observed_m2` and `unobserved_m2` (of the images' grids), `parcels`,
 * `withheld`, `rejected_for` (counts by reason), `tiers` and `units` (rows; a parcel across units
 * counts for the one that has most of it, its areas for each), `t3_candidates` (leads a person has
 * to look at), `reduced` (those whose tier fell by approvals).
 */
json_t *tb_month_report(const tb_judge *judge, const tb_candidates *candidates, const tb_job *job);

#endif
