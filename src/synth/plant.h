/** Constructions planted into a real pair of images. */
#ifndef TUBAN_SYNTH_PLANT_H
#define TUBAN_SYNTH_PLANT_H

#include <jansson.h>

#include "core/error.h"
#include "synth/output.h"
#include "tuban/synth.h"

/** Copies the pair into the output as t1.tif and t2.tif, the later with what was built, and writes
 * the truth and the job. `report`, a JSON object, gets its counts. */
tb_status tb_plant(const tb_synth_options *options, tb_output *output, json_t *report,
                   tb_error *err);

#endif
