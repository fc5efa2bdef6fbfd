/** What tb_tune says: the table, the best as a line for a job file, what it is worth elsewhere. */
#ifndef TUBAN_JOB_TUNE_REPORT_H
#define TUBAN_JOB_TUNE_REPORT_H

#include "core/text.h"
#include "job/tune_score.h"

/**
 * Chooses, cross-validates and writes.
 * @param notes  what there is to say so far, a line each; more is added.
 * @param json   the report (free with tb_free).
 */
tb_status tb_tune_report(const tb_tune_options *options, const tb_tune_scores *scores,
                         tb_text *notes, char **json, tb_error *err);

#endif
