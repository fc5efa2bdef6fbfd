/** The land survey and the approvals of the made-up county. */
#ifndef TUBAN_SYNTH_SURVEY_H
#define TUBAN_SYNTH_SURVEY_H

#include "core/error.h"
#include "synth/land.h"
#include "synth/place.h"
#include "synth/site.h"

/**
 * Writes DLTB, YJJBNTBHTB, STBHHX, XZQ and CZKFBJ, all from the land's own faces and lines: DLTB
 * tiles the ground without gaps or overlaps. *count (may be NULL) is how many DLTB has.
 */
tb_status tb_survey_write(const char *path, tb_land *land, const tb_place *place, int64_t *count,
                          tb_error *err);

/** Writes ZZ_NYDZYFW: the papers of the sites that have any; *count is how many. */
tb_status tb_approvals_write(const char *path, const tb_sites *sites, const tb_place *place,
                             int64_t *count, tb_error *err);

#endif
