/** A whole county: land, seasons, weather, sites, put together and written. */
#ifndef TUBAN_SYNTH_COUNTY_H
#define TUBAN_SYNTH_COUNTY_H

#include <jansson.h>

#include "core/error.h"
#include "synth/output.h"
#include "tuban/synth.h"

/** Writes a county into the output. `report`, a JSON object, gets its counts. */
tb_status tb_county_write(const tb_synth_options *options, tb_output *output, json_t *report,
                          tb_error *err);

#endif
