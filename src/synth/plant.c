#include "synth/plant.h"

tb_status tb_plant(const tb_synth_options *options, tb_output *output, json_t *report,
                   tb_error *err)
{
    (void)output;
    (void)report;
    return tb_error_set(err, TB_E_INPUT, "open %s: expected an image, got none", options->before);
}
