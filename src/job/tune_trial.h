/** Every combination of a grid tried on every pair. */
#ifndef TUBAN_JOB_TUNE_TRIAL_H
#define TUBAN_JOB_TUNE_TRIAL_H

#include "job/tune_grid.h"
#include "job/tune_labels.h"
#include "kernels/table.h"

/**
 * Fits, sweeps and assembles, in a folder of its own that is gone afterwards.
 * @param grid     told which combinations are implausible.
 * @param flagged  [grid->count][sets of the labels], zero: takes what each combination flags.
 * @return TB_OK, or what reading, fitting, sweeping or the folder gave.
 */
tb_status tb_tune_try(const tb_tune_options *options, const tb_kernels *kernels, tb_tune_grid *grid,
                      const tb_tune_labels *labels, tb_tune_tally *flagged, tb_error *err);

#endif
