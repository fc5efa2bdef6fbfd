/**
 * The operations on imagery: fit, detect, the whole job, and its plan.
 *
 * Each returns what it found as JSON text (free with tb_text_release): that is the contract other
 * programs read, and what --json prints.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_RUN_H
#define TUBAN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tuban/progress.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a run runs on. None of it changes a byte of a result. Zero means the default. */
typedef struct tb_runtime {
    int                threads;      /**< 0: one a processor */
    uint64_t           memory_bytes; /**< bound for the process; 0: 4 GiB */
    int64_t            block;        /**< side of a block, pixels; 0: by the plan */
    int64_t            shards;       /**< 0: by the plan */
    const char        *cpu;          /**< "c", "avx2", "avx512"; NULL or empty: the best */
    const tb_progress *progress;     /**< may be NULL */
} tb_runtime;

typedef enum tb_sensor { TB_SENSOR_AUTO, TB_SENSOR_OPTICAL, TB_SENSOR_SAR } tb_sensor;

/** What the method "omnibus" is told. Zero means the default. */
typedef struct tb_omnibus_options {
    double alpha;        /**< share of unchanged pixels it may call changed; 0: 0.01 */
    double looks;        /**< equivalent number of looks of the imagery; 0: estimated */
    bool   is_intensity; /**< samples are intensities (powers), not amplitudes */
} tb_omnibus_options;

/** Two images and how they are compared. Zero means the default. */
typedef struct tb_detect_options {
    const char        *before, *after; /**< any raster GDAL reads, or a Sentinel-2 product */
    const char *const *later;          /**< further dates, for tb_detect with "omnibus" */
    int                later_count;
    const char *valid_before, *valid_after; /**< rasters: not 0 means observed; may be NULL */
    const char *out;                        /**< output folder, for tb_detect */
    const char *model; /**< a model.yaml to use instead of fitting; may be NULL */
    tb_sensor   sensor;
    const char *method; /**< NULL: by the sensor */
    const char *prior;  /**< "auto", "rare", "common", "rate=F"; NULL: auto */
    bool        is_not_registered;
    double      sample;           /**< share of the imagery the fit sees; 0: the default rule */
    const char *smoothing;        /**< "auto" or pixels from 0 (none) to 4.5; NULL: auto */
    double      threshold_factor; /**< of the threshold the prior's rule gives; 0: 1 */
    int64_t     min_pixels;       /**< smaller components are not changed; 0: 10 */
    bool        may_flag_all;     /**< go on where more than a fifth of a stratum is flagged */
    bool        force;            /**< do again what is up to date */
    tb_omnibus_options omnibus;
    tb_runtime         runtime;

    const char *s2_bands;        /**< of Sentinel-2 products: "10m", "20m", "all"; NULL: 10m */
    bool        is_not_screened; /**< clouds are not looked for where no mask is given */
    const char *scl; /**< scene classes not observed: "0,1,3,8,9,10", "off"; NULL: the default */
} tb_detect_options;

/** A job file, and what the command line says over it. Zero means: as the job says. */
typedef struct tb_run_options {
    const char *job;
    const char *out;     /**< folder, over output.folder */
    const char *formats; /**< comma-separated, over output.formats */
    const char *until;   /**< stage to stop after: "fit", "sweep", "assemble"; NULL: all */
    double      sample;
    bool        may_flag_all;
    bool        force;
    tb_runtime  runtime;
} tb_run_options;

/** Sample and fit; writes the model to `model_path` unless that is NULL. */
TB_API tb_status tb_fit(const tb_detect_options *options, const char *model_path, char **json,
                        tb_error *err);

/**
 * Writes change.tif, score.tif, model.yaml, run.json and MANIFEST.json into options->out; of three
 * and more dates (method "omnibus") change.tif, score.tif, changes.tif, series.json,
 * run.json and MANIFEST.json.
 */
TB_API tb_status tb_detect(const tb_detect_options *options, char **json, tb_error *err);

/** Runs a job: its products go to the output folder as one set. */
TB_API tb_status tb_job_run(const tb_run_options *options, char **json, tb_error *err);

/** The cost of a job, or of a pair of images, before it is run. */
TB_API tb_status tb_plan_job(const tb_run_options *options, char **json, tb_error *err);
TB_API tb_status tb_plan_images(const tb_detect_options *options, char **json, tb_error *err);

/** Frees text that a function of this library returned; NULL is legal. */
TB_API void tb_text_release(char *text);

/** Reads a size such as "4GiB", "512MiB", "800000000" or "2G" (powers of 1024). */
TB_API tb_status tb_size_parse(const char *text, uint64_t *bytes, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
