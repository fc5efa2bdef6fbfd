/**
 * The stages of one pair, each with its file in the work folder under a key of what it depends on.
 * A stage whose file is there is passed over: resuming, running again and shards are this one
 * thing.
 */
#ifndef TUBAN_JOB_STAGES_H
#define TUBAN_JOB_STAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "job/job.h"
#include "job/key.h"
#include "raster/engine.h"
#include "region/assemble.h"
#include "sweep/plan.h"

/** One pair at work. Zero-initialised is empty; free with tb_stages_close. */
typedef struct tb_stages {
    const tb_job *job;
    int           number;     /**< of the pair, from 1: its files are named by it */
    const char   *work;       /**< folder */
    bool          force;      /**< do again what is there */
    bool          has_scores; /**< keep the scores of the sweep too */
    tb_pair       pair;
    tb_plan       plan;
    tb_engine     engine;
    tb_filter    *filter; /**< trained: where the job's model is one; else NULL */
    tb_model     *model;
    char          key[TB_KEY_SIZE];       /**< of the inputs */
    char          model_key[TB_KEY_SIZE]; /**< of inputs and model: what the sweep depends on */
    char         *model_path;
    json_t       *reading; /**< how each file is read: tb_report_reading */
    int64_t       decoded_bytes, decoded_tiles;
    int           swept, passed_over; /**< shards */
} tb_stages;

/**
 * The row functions a runtime asks for, and GDAL's cache as plans count it.
 * @return TB_E_USAGE when this machine does not have them.
 */
tb_status tb_stages_kernels(const tb_runtime *runtime, const tb_kernels **out, tb_error *err);

/** Opens the pair and makes its plan. `kernels` and `progress` are borrowed. */
tb_status tb_stages_open(tb_stages *stages, const tb_job *job, int number,
                         const tb_kernels *kernels, const tb_progress *progress, tb_error *err);
void      tb_stages_close(tb_stages *stages);

/**
 * Closes the pair's files, and opens them again before they are needed: a job of hundreds of pairs
 * holds the files of one open. What is known of the pair stays; its members are not to be used
 * between.
 * @return TB_E_INPUT when the files changed meanwhile, or as tb_stages_open. Nothing is done to a
 *         pair that is open.
 */
void      tb_stages_rest(tb_stages *stages);
tb_status tb_stages_wake(tb_stages *stages, tb_error *err);

/** Fits the model, or takes the one the job names; without a work folder it is only in memory. */
tb_status tb_stages_fit(tb_stages *stages, tb_error *err);

/**
 * Makes the fitted model what it would be with another threshold_factor, without fitting again.
 * @param fitted  the thresholds of its strata as they were fitted with the factor 1.
 */
tb_status tb_stages_scale(tb_stages *stages, const tb_model_threshold *fitted, double factor,
                          tb_error *err);

/** Sweeps the shards that are not there. */
tb_status tb_stages_sweep(tb_stages *stages, tb_error *err);

/**
 * Assembles the shards into runs-N-KEY.h5 and tells the visitor (may be NULL) of what it finds.
 * Call it for the totals and for every product: it reads runs, not pixels.
 */
tb_status tb_stages_assemble(tb_stages *stages, const tb_assemble_visitor *visitor,
                             tb_assemble_totals *totals, tb_error *err);

/** Rows of scores of the whole lattice, in order, from the shards' files. */
tb_status tb_stages_scores(tb_stages *stages,
                           tb_status (*row)(void *context, const float *scores, tb_error *err),
                           void *context, tb_error *err);

/** Removes files of the work folder that no stage of these pairs uses. */
tb_status tb_stages_tidy(const tb_stages *stages, int count, tb_error *err);

#endif
