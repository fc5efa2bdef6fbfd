/**
 * A made-up county: dated images, its land survey, what was built, and the truth about it.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_SYNTH_H
#define TUBAN_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "tuban/progress.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What to make. Begin with tb_synth_defaults(): here zero means zero. Everything is borrowed. */
typedef struct tb_synth_options {
    const char *out;     /**< folder; made if need be */
    const char *before;  /**< with `after`: a real pair to build into; NULL: a county is made up */
    const char *after;   /**< the later of that pair */
    int64_t     size;    /**< side of the images, pixels: 64 .. 20000 */
    uint64_t    seed;    /**< the same seed gives the same bytes */
    double      gsd_m;   /**< side of a pixel: 0.2 .. 30 */
    int         months;  /**< dates: 2 .. 36 */
    double      clouds;  /**< share of each image under clouds: 0 .. 0.9 */
    double      shift_x; /**< the last image shows at (x + shift_x, y + shift_y) */
    double      shift_y; /**< what the one before shows at (x, y); pixels, -50 .. 50 */
    int         zone;    /**< of the 3-degree Gauss-Krueger projection: 25 .. 45 */
    bool        force;   /**< replace an earlier county in the folder */
    int         threads; /**< 0: one a processor; never changes a byte */
    const tb_progress *progress; /**< may be NULL */
} tb_synth_options;

/** 2048 pixels of 2 m, two dates, seed 1, a twentieth under clouds, shift 0.6 -0.4, zone 40. */
TB_API tb_synth_options tb_synth_defaults(void);

/**
 * Makes a county, or builds into a real pair, and writes it into options->out: images `t1.tif` …,
 * masks `t1_valid.tif` …, `survey.gpkg`, `approvals.gpkg`, `truth.gpkg`, `truth.tif`, `job.yaml`.
 * With a real pair there are no masks, survey and approvals, and size, gsd_m, months, clouds, shift
 * and zone are not looked at but gsd_m where the pair has no CRS.
 *
 * @param json  what was made, as JSON: files, counts, seed; free with tb_text_release; may be NULL.
 * @return TB_OK; TB_E_USAGE for an option out of range; TB_E_INPUT when the pair cannot be read;
 *         TB_E_OUTPUT when the folder cannot be written or is not empty; TB_E_MEMORY;
 *         TB_E_CANCELLED. On failure the folder is as it was.
 * Threads: one call at a time in a process.
 * Cost: rows are made in bands; some 60 MB a thread at 20000 pixels, and 100 bytes a thing drawn.
 */
TB_API tb_status tb_synth_make(const tb_synth_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
