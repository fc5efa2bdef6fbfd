/** The layers a job names, read as far as the candidates reach, and what their fields say. */
#ifndef TUBAN_JOB_SURVEY_H
#define TUBAN_JOB_SURVEY_H

#include "core/error.h"
#include "job/job.h"
#include "parcel/holdings.h"
#include "rules/landclass.h"
#include "rules/profile.h"
#include "tuban/progress.h"

/** Zero-initialised is empty; free with tb_survey_reset before its GEOS context. */
typedef struct tb_survey {
    const tb_profile   *profile; /**< borrowed; NULL: none */
    tb_roles           *roles;
    tb_masks            masks; /**< points into the members below */
    tb_mask             landuse, pbf, redline, approvals, urban, extra[TB_EXTRA_MAX];
    tb_mask             units, districts, withheld;
    bool                has_units, has_districts, has_withheld;
    const char         *extra_name[TB_EXTRA_MAX]; /**< of the job */
    tb_approval_state  *approval;                 /**< one an approval */
    struct tb_validity *validity;                 /**< likewise: its days */
    tb_qc               qc;                       /**< what is wrong with the layers */
} tb_survey;

/**
 * Opens every layer of the job and closes it again: whether they are what they should be.
 * @return TB_E_INPUT, among others when more than one polygon of the land survey in a hundred has a
 *         class the table does not know.
 */
tb_status tb_survey_check(const tb_job *job, const tb_landclasses *classes, tb_error *err);

/**
 * Opens and reads all layers of the job.
 * @param reach  the candidates; units and districts are read whole.
 * @param notes  hears, a line each, what was repaired, left out or odd; may be NULL.
 */
tb_status tb_survey_read(tb_survey *survey, const tb_job *job, const tb_profile *profile,
                         const tb_landclasses *classes, tb_geos *geos, const tb_features *reach,
                         const tb_progress *notes, tb_error *err);
void      tb_survey_reset(tb_survey *survey);

/** Notes of a layer that was read: polygons repaired, features without any left out, or empty. */
void tb_survey_tell(const tb_progress *notes, const char *path, tb_layer *layer, int64_t repaired,
                    int64_t without);

/** Decides which approvals hold for a pair whose later image is of that day (YYYY-MM-DD). */
void tb_survey_set_date(tb_survey *survey, const char *later);

/** YYYYMMDD of YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD, with what follows left off; 0: no day, or NULL.
 */
long tb_survey_day(const char *text);

/** How layers and their fields are called; free with tb_roles_free. */
tb_status tb_survey_roles(tb_roles **out, tb_error *err);

/** A text of a feature, by the key of its role's field; NULL where it has none. */
const char *tb_survey_text(const tb_survey *survey, const char *role, const tb_feature *feature,
                           const char *key);

#endif
