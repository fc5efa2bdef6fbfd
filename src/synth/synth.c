#include "tuban/synth.h"

#include <jansson.h>

#include "core/parallel.h"
#include "synth/county.h"
#include "synth/output.h"
#include "synth/plant.h"
#include "synth/season.h"

tb_synth_options tb_synth_defaults(void)
{
    return (tb_synth_options){.size    = 2048,
                              .seed    = 1,
                              .gsd_m   = 2.0,
                              .months  = 2,
                              .clouds  = 0.05,
                              .shift_x = 0.6,
                              .shift_y = -0.4,
                              .zone    = 40};
}

static tb_status check_range(const char *name, double value, double low, double high, tb_error *err)
{
    if (value >= low && value <= high)
        return TB_OK;
    return tb_error_set(err, TB_E_USAGE, "--%s: expected %g to %g, got %g", name, low, high, value);
}

static tb_status check(const tb_synth_options *o, tb_error *err)
{
    tb_status status = TB_OK;

    if (o->out == NULL)
        return tb_error_set(err, TB_E_USAGE, "--out: expected an output folder, got none");
    if ((o->before == NULL) != (o->after == NULL))
        return tb_error_set(err, TB_E_USAGE, "--base: expected two images, got one");
    TB_TRY(check_range("size", (double)o->size, 64, 20000, err));
    TB_TRY(check_range("gsd", o->gsd_m, 0.2, 30, err));
    TB_TRY(check_range("months", o->months, 2, TB_SEASON_DATES_MAX, err));
    TB_TRY(check_range("clouds", o->clouds, 0, 0.9, err));
    TB_TRY(check_range("shift", o->shift_x, -50, 50, err));
    TB_TRY(check_range("shift", o->shift_y, -50, 50, err));
    TB_TRY(check_range("zone", o->zone, 25, 45, err));
done:
    return status;
}

tb_status tb_synth_make(const tb_synth_options *options, char **json, tb_error *err)
{
    tb_status        status = TB_OK;
    tb_synth_options o      = *options;
    tb_output       *output = NULL;
    json_t          *report = json_object();

    if (json != NULL)
        *json = NULL;
    TB_TRY(check(&o, err));
    if (o.threads <= 0)
        o.threads = tb_parallel_processors();
    TB_TRY(tb_output_open(&output, o.out, o.force, err));
    TB_TRY(o.before != NULL ? tb_plant(&o, output, report, err)
                            : tb_county_write(&o, output, report, err));
    json_object_set_new(report, "out", json_string(o.out));
    json_object_set_new(report, "seed", json_integer((json_int_t)o.seed));
    json_object_set(report, "files", tb_output_files(output));
    TB_TRY(tb_output_finish(output, err));
    if (json != NULL)
        *json = json_dumps(report, JSON_INDENT(2) | JSON_SORT_KEYS);
done:
    tb_output_close(output);
    json_decref(report);
    return status;
}
