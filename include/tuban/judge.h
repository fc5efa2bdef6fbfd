/**
 * Judging given polygons: their areas, approvals, units, clusters and tiers, without detecting.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_JUDGE_H
#define TUBAN_JUDGE_H

#include "tuban/overlay.h"
#include "tuban/progress.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is judged, and under which job. Zero means the default. */
typedef struct tb_judge_options {
    const char        *job;     /**< a job file: its profile, month, dates, images and layers */
    tb_polygons        parcels; /**< the polygons */
    const char        *out;     /**< output folder; needed: a run's own products are not replaced */
    const char        *formats; /**< comma-separated, over output.formats */
    const tb_progress *progress; /**< may be NULL */
} tb_judge_options;

/**
 * Judges polygons as a run judges what it detected, and writes the same products into
 * options->out, whole or not at all: parcels.gpkg, further formats, summary.json, run.json,
 * MANIFEST.json.
 *
 * Of the job's images only the headers are read, for the size of their pixels and the place of each
 * pair. Fields of the polygons that are used: DRAFT_ID (else JCBH, BSM, ID), SOURCE, and YSLX with
 * YSLX_BY and YSLX_DT.
 * @param json  returned: what summary.json says, and `out`; free with tb_text_release.
 * @return TB_OK; TB_E_JOB, TB_E_INPUT or TB_E_OUTPUT; then the folder is as it was.
 * Threads: safe.   Cost: the layers are read once; then some milliseconds a polygon.
 */
TB_API tb_status tb_parcels_judge(const tb_judge_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
