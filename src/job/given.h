/**
 * Polygons that people give instead of what a sweep detects: drawn, edited, or of another office.
 */
#ifndef TUBAN_JOB_GIVEN_H
#define TUBAN_JOB_GIVEN_H

#include "job/candidates.h"
#include "tuban/judge.h"

/**
 * Adds the polygons of a layer as candidates of the job's pairs, in the order of the file.
 *
 * Its fields, all optional: DRAFT_ID, else JCBH, BSM or ID; SOURCE; YSLX with YSLX_BY and YSLX_DT.
 * @param pairs  [job->pair_count], open; a polygon belongs to the first one whose earlier image it
 *               has a point inside on.
 * @return TB_E_INPUT when an identifier comes twice or is too long, a polygon lies on no pair, or a
 *         class is given without whom it is by.
 */
tb_status tb_given_read(tb_candidates *candidates, const tb_job *job, const tb_pair *pairs,
                        const tb_polygons *parcels, const tb_progress *notes, tb_error *err);

#endif
