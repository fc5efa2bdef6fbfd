/** The sweep: every block of a shard once, in parallel, its runs written in block order. */
#ifndef TUBAN_SWEEP_SWEEP_H
#define TUBAN_SWEEP_SWEEP_H

#include <stdint.h>

#include "core/error.h"
#include "model/model.h"
#include "raster/engine.h"
#include "raster/pair.h"
#include "sweep/plan.h"

typedef struct tb_sweep_options {
    const tb_pair   *pair; /**< registered by the model */
    const tb_model  *model;
    const tb_plan   *plan;
    const tb_engine *engine;
    int64_t          shard;
    const char      *runs_path; /**< the shard file to write (region/runs.h) */
    const char *scores_path; /**< rows of float scores of the shard, NaN: not observed; or NULL */
    int64_t     done_pixels; /**< of the lattice, by earlier shards: for the progress */
} tb_sweep_options;

typedef struct tb_sweep_totals {
    int64_t decoded_bytes, decoded_tiles;
} tb_sweep_totals;

/**
 * Sweeps one shard. Both files are written whole or not at all, the runs last.
 * @param totals  may be NULL.
 * @return TB_E_INPUT naming file, block and band when a source cannot be read, TB_E_OUTPUT,
 *         TB_E_MEMORY, TB_E_CANCELLED.
 */
tb_status tb_sweep_shard(const tb_sweep_options *options, tb_sweep_totals *totals, tb_error *err);

#endif
