/** What of each management unit was observed on both dates, and what was not. */
#ifndef TUBAN_JOB_COVERAGE_H
#define TUBAN_JOB_COVERAGE_H

#include "core/error.h"
#include "job/candidates.h"
#include "job/survey.h"

/** Whole hundredths of a square metre. What two units share is the earlier one's. */
typedef struct tb_unit_coverage {
    const char *code, *name; /**< of the survey; may be NULL */
    int64_t     total;       /**< the unit's ground */
    int64_t     observed;    /**< what of it was observed on both dates; the rest was not */
} tb_unit_coverage;

/** Zero-initialised is empty; free with tb_coverage_reset. */
typedef struct tb_coverage {
    tb_unit_coverage *unit; /**< in the order of the layer, each code once */
    size_t            count;
    int64_t           observed;   /**< of all pairs, whatever the units */
    int64_t           unobserved; /**< the rest of the earlier images' grids */
} tb_coverage;

/**
 * Measures what the layer `observed` holds, and its overlay with the units (else the districts).
 *
 * Listed are units the images' grids touch, and those of the job's region (codes that begin as it
 * does, but for its zeros) though no image reached them. Borrows the survey's texts.
 * Cost: an intersection a unit and pair with all vertices of what was observed.
 */
tb_status tb_coverage_measure(tb_coverage *coverage, tb_geos *geos, const tb_survey *survey,
                              const tb_job *job, const tb_candidates *candidates, tb_error *err);
void      tb_coverage_reset(tb_coverage *coverage);

#endif
