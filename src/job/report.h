/** What is told of a pair: the model's figures and the counts, as JSON. */
#ifndef TUBAN_JOB_REPORT_H
#define TUBAN_JOB_REPORT_H

#include <jansson.h>

#include "model/model.h"
#include "raster/pair.h"
#include "region/assemble.h"
#include "sweep/plan.h"

/** registration, irmad, regression and threshold of the first judged stratum, and all strata. */
json_t *tb_report_model(const tb_model *model, const tb_pair *pair);

/** Pixel counts of an assembled pair; `lattice_pixels` is the whole. */
json_t *tb_report_totals(const tb_assemble_totals *totals, int64_t lattice_pixels);

/** Why nothing is flagged, or NULL when something is or nothing explains it. Borrows the model. */
const char *tb_report_reason(const tb_model *model, const tb_assemble_totals *totals);

json_t *tb_report_plan(const tb_plan *plan);

/** What a run took of the machine so far: peak memory, and the host it ran on. */
json_t *tb_report_machine(void);

/** A number, null where it is none: JSON has no NaN. */
json_t *tb_report_number(double value);

/** Text of the JSON (free with tb_text_release), or TB_E_MEMORY. Takes the reference. */
tb_status tb_report_text(json_t *json, char **out, tb_error *err);

/** How each file of an open pair is read: a new array of {file, reading, reason}. */
json_t *tb_report_reading(const tb_pair *pair);

#endif
