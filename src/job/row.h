/** Rows of the layers that are delivered: what of a judgement goes into which field. */
#ifndef TUBAN_JOB_ROW_H
#define TUBAN_JOB_ROW_H

#include "job/candidates.h"
#include "job/fields.h"
#include "job/judge.h"

/**
 * Values in the order of a layer's fields. Borrows texts of what it was filled from, and holds
 * those that were made for it: it is not to be copied.
 */
typedef struct tb_row {
    tb_vector_value value[TB_FIELDS_MAX];
    int             count;
    char before[9], after[9], batch[7], ruleset[TB_RULESET_SIZE], due[TB_DAY_TEXT_SIZE], why[64];
} tb_row;

/** Of a candidate, whatever became of it: the fields of tb_fields_rejected. */
void tb_row_parcel(tb_row *row, const tb_job *job, const tb_judge *judge,
                   const tb_candidate *candidate, const tb_judgement *found);

void tb_row_observed(tb_row *row, const tb_job *job, const tb_observed *observed);

/** Of a parcel's share in a unit. */
void tb_row_unit(tb_row *row, const tb_candidate *candidate, const tb_judgement *found,
                 const tb_share *share);

void tb_row_qc(tb_row *row, const tb_qc *qc, const tb_qc_row *it);

#endif
