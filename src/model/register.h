/** Registration of one later file, on cells of the sample. */
#ifndef TUBAN_MODEL_REGISTER_H
#define TUBAN_MODEL_REGISTER_H

#include "core/error.h"
#include "core/memory.h"
#include "model/gather.h"
#include "model/model.h"
#include "raster/engine.h"
#include "raster/pair.h"

/**
 * Measures where a file of the later date lies on the earlier, and fills model->file[file].
 * @param arena  worked in; what was in it is given up.
 * @return TB_E_INPUT where the dates show other ground for certain, what reading fails with,
 *         TB_E_MEMORY.
 */
tb_status tb_register_file(tb_model *model, int file, const tb_pair *pair, tb_gather *gather,
                           tb_arena *arena, const tb_engine *engine, tb_error *err);

/** Bytes it holds at most. */
size_t tb_register_bytes(int bands, int workers);

#endif
