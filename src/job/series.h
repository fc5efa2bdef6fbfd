/** `tuban detect` of three and more radar dates: docs/methods/omnibus.md. */
#ifndef TUBAN_JOB_SERIES_H
#define TUBAN_JOB_SERIES_H

#include "core/error.h"
#include "kernels/table.h"
#include "tuban/run.h"

/**
 * Tests the series before, after, later … and writes its products as one set.
 * @param json  returns what was found (free with tb_text_release).
 * @return TB_E_USAGE when an option is given that has no meaning for a series, else as tb_detect.
 */
tb_status tb_series_run(const tb_detect_options *options, const tb_kernels *kernels, char **json,
                        tb_error *err);

#endif
