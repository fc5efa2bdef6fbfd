/* tb_tune: the grid of parameters is tried on labels, and what was best is said. */
#include "tuban/tune.h"

#include "core/memory.h"
#include "job/stages.h"
#include "job/tune_report.h"
#include "job/tune_trial.h"

tb_status tb_tune(const tb_tune_options *options, char **json, tb_error *err)
{
    tb_status         status  = TB_OK;
    tb_tune_grid      grid    = {0};
    tb_tune_labels    labels  = {0};
    tb_tune_tally    *flagged = NULL;
    tb_text           notes   = {0};
    const tb_kernels *kernels;

    *json = NULL;
    TB_TRY(tb_tune_labels_check(&labels, options, err));
    TB_TRY(tb_tune_grid_make(&grid, options, err));
    TB_TRY(tb_stages_kernels(&options->runtime, &kernels, err));
    TB_TRY(tb_tune_labels_read(&labels, options, &notes, err));
    TB_TRY(tb_alloc_zero(&flagged, (size_t)tb_tune_labels_sets(&labels) * (size_t)grid.count,
                         sizeof *flagged, "tallies", err));
    TB_TRY(tb_tune_try(options, kernels, &grid, &labels, flagged, err));

    tb_tune_scores scores = {.grid         = &grid,
                             .labels       = &labels,
                             .flagged      = flagged,
                             .aim          = options->aim,
                             .may_flag_all = options->may_flag_all};

    TB_TRY(tb_tune_report(options, &scores, &notes, json, err));
done:
    tb_free(flagged);
    tb_tune_labels_reset(&labels);
    tb_tune_grid_reset(&grid);
    tb_text_reset(&notes);
    return status;
}
