/** The raster products of a pair: change.tif and score.tif on the earlier image's grid. */
#ifndef TUBAN_JOB_RASTERS_H
#define TUBAN_JOB_RASTERS_H

#include "core/error.h"
#include "job/set.h"
#include "job/stages.h"

/** Assembles the pair and writes change.tif: 0 unchanged, 1 changed, 255 not observed. */
tb_status tb_rasters_write_change(tb_stages *stages, tb_set *set, tb_assemble_totals *totals,
                                  tb_error *err);

/** Writes score.tif: the smoothed score of every pixel, NaN where not observed. */
tb_status tb_rasters_write_score(tb_stages *stages, tb_set *set, tb_error *err);

#endif
