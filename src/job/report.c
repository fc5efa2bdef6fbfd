#include "job/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"
#include "tuban/run.h"

static const char *const states[] = {"empty", "unfit", "borrowed", "fitted"};

json_t *tb_report_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *nodes_of(const double *values, const tb_field *field)
{
    json_t *rows = json_array();

    for (int row = 0; row < field->rows; row++) {
        json_t *list = json_array();

        for (int column = 0; column < field->columns; column++)
            json_array_append_new(list, tb_report_number(values[row * field->columns + column]));
        json_array_append_new(rows, list);
    }
    return rows;
}

/* null where there is none. */
static json_t *field_of(const tb_model_file *file)
{
    const tb_field *f = &file->field;

    if (!tb_field_exists(f))
        return json_null();
    return json_pack(
        "{s:[I,I], s:I, s:[o,o], s:[o,o], s:o, s:o}", "origin", (json_int_t)f->x, (json_int_t)f->y,
        "step", (json_int_t)f->step, "held_out", tb_report_number(file->field_held_out[0]),
        tb_report_number(file->field_held_out[1]), "correlation",
        tb_report_number(file->field_correlation[0]), tb_report_number(file->field_correlation[1]),
        "dx", nodes_of(f->dx, f), "dy", nodes_of(f->dy, f));
}

static json_t *registration_of(const tb_model_file *file, const char *path)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:b, s:o, s:o, s:o, s:s}", "file",
                     tb_path_name(path), "dx", tb_report_number(file->dx), "dy",
                     tb_report_number(file->dy), "residual_px", tb_report_number(file->residual_px),
                     "windows", file->windows, "accepted", file->accepted, "applied", file->applied,
                     "correlation_before", tb_report_number(file->correlation_before),
                     "correlation_after", tb_report_number(file->correlation_after), "field",
                     field_of(file), "reason", file->reason);
}

static json_t *irmad_of(const tb_model_irmad *irmad)
{
    json_t *rho = json_array();

    for (int i = 0; i < irmad->count; i++)
        json_array_append_new(rho, tb_report_number(irmad->rho[i]));
    return json_pack("{s:o, s:i, s:o}", "rho", rho, "iterations", irmad->iterations, "ridge",
                     tb_report_number(irmad->ridge));
}

static json_t *regression_of(const tb_model_stratum *s, int bands)
{
    json_t *list = json_array();

    for (int b = 0; b < bands; b++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "slope",
                                              tb_report_number(s->slope[b]), "intercept",
                                              tb_report_number(s->intercept[b]), "noise",
                                              tb_report_number(s->noise[b]), "spread",
                                              tb_report_number(s->spread[b])));
    return list;
}

static json_t *threshold_of(const tb_model_threshold *t)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "rule", t->rule, "value",
                     tb_report_number(t->value), "weak", tb_report_number(t->weak), "strong",
                     tb_report_number(t->strong), "contrast", tb_report_number(t->contrast),
                     "flagged", tb_report_number(t->flagged), "reason", t->reason);
}

static json_t *stratum_of(const tb_model *model, int index)
{
    const tb_model_stratum *s = &model->stratum[index];
    json_t *json = json_pack("{s:i, s:i, s:s, s:I}", "before", index / model->after_sources,
                             "after", index % model->after_sources, "state", states[s->state],
                             "sampled", (json_int_t)s->sampled);

    if (s->state == TB_STRATUM_BORROWED)
        json_object_set_new(json, "from", json_integer(s->from));
    if (s->screen.is_used)
        json_object_set_new(json, "screened_cloud", tb_report_number(s->screen.cloud));
    if (s->state == TB_STRATUM_FITTED) {
        json_object_set_new(json, "irmad", irmad_of(&s->irmad));
        json_object_set_new(json, "normalisation", json_string(s->normalisation));
        json_object_set_new(json, "regression", regression_of(s, model->bands));
        json_object_set_new(json, "threshold", threshold_of(&s->threshold));
    } else if (s->threshold.reason[0] != '\0') {
        json_object_set_new(json, "reason", json_string(s->threshold.reason));
    }
    return json;
}

json_t *tb_report_model(const tb_model *model, const tb_pair *pair)
{
    json_t *json  = json_pack("{s:s, s:i, s:o, s:o}", "method", model->method->name, "bands",
                              model->bands, "smoothing", tb_report_number(model->smoothing),
                              "sample", tb_report_number(model->sample_share));
    json_t *files = json_array(), *strata = json_array();
    bool    has_first = false;

    for (int f = 0; f < model->after_files; f++)
        json_array_append_new(
            files, registration_of(&model->file[f], tb_epoch_file(pair->after, f)->path));
    json_object_set(json, "registration", json_array_get(files, 0));
    for (int s = 0; s < tb_model_strata(model); s++) {
        const tb_model_stratum *stratum = &model->stratum[s];

        json_array_append_new(strata, stratum_of(model, s));
        if (has_first || stratum->state != TB_STRATUM_FITTED)
            continue;
        has_first = true;
        json_object_set_new(json, "irmad", irmad_of(&stratum->irmad));
        json_object_set_new(json, "normalisation", json_string(stratum->normalisation));
        json_object_set_new(json, "regression", regression_of(stratum, model->bands));
        json_object_set_new(json, "threshold", threshold_of(&stratum->threshold));
    }
    json_object_set_new(json, "registrations", files);
    json_object_set_new(json, "strata", strata);
    return json;
}

json_t *tb_report_totals(const tb_assemble_totals *totals, int64_t lattice_pixels)
{
    int64_t observed = lattice_pixels - totals->unobserved_pixels;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "pixels", (json_int_t)lattice_pixels,
        "observed", (json_int_t)observed, "unobserved", (json_int_t)totals->unobserved_pixels,
        "changed_pixels", (json_int_t)totals->kept_pixels, "components", (json_int_t)totals->kept,
        "rejected", (json_int_t)totals->small, "rejected_pixels", (json_int_t)totals->small_pixels,
        "flagged",
        tb_report_number(observed > 0 ? (double)totals->kept_pixels / (double)observed : NAN));
}

const char *tb_report_reason(const tb_model *model, const tb_assemble_totals *totals)
{
    if (totals->kept > 0)
        return NULL;
    for (int s = 0; s < tb_model_strata(model); s++)
        if (model->stratum[s].threshold.reason[0] != '\0')
            return model->stratum[s].threshold.reason;
    if (totals->small > 0)
        return "what exceeds the threshold is smaller than the least parcel; see the rejected list";
    return "no place exceeds the threshold and the bound strongly enough";
}

json_t *tb_report_plan(const tb_plan *plan)
{
    int64_t blocks = 0;

    for (int64_t s = 0; s < plan->shards; s++)
        blocks += tb_plan_blocks(plan, tb_plan_shard(plan, s));
    return json_pack(
        "{s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:i, s:I, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}}",
        "width", (json_int_t)plan->lattice.width, "height", (json_int_t)plan->lattice.height,
        "threads", plan->threads, "shards", (json_int_t)plan->shards, "block",
        (json_int_t)plan->block, "blocks", (json_int_t)blocks, "panel", (json_int_t)plan->panel,
        "halo", plan->halo, "source_bytes", (json_int_t)plan->source_bytes, "decoded",
        tb_report_number(plan->decoded_share), "memory", "budget", (json_int_t)plan->budget_bytes,
        "needed", (json_int_t)plan->needed_bytes, "libraries", (json_int_t)plan->base_bytes,
        "tile_cache", (json_int_t)plan->cache_bytes, "worker", (json_int_t)plan->worker_bytes,
        "sample", (json_int_t)plan->fit_bytes);
}

/* Not getrusage: what it tells of begins with the peak of the program that started this one. */
static int64_t peak_rss_bytes(void)
{
    char      line[256];
    long long kib  = 0;
    FILE     *file = fopen("/proc/self/status", "r");

    if (file == NULL)
        return 0;
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmHWM: %lld", &kib);
    fclose(file);
    return kib * 1024;
}

json_t *tb_report_machine(void)
{
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    return json_pack("{s:I, s:I, s:s}", "peak_rss_bytes", (json_int_t)peak_rss_bytes(),
                     "peak_allocated_bytes", (json_int_t)tb_memory_peak(), "host", host);
}

tb_status tb_report_text(json_t *json, char **out, tb_error *err)
{
    *out = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(json);
    return *out != NULL ? TB_OK : tb_error_set(err, TB_E_MEMORY, "out of memory, report");
}

void tb_text_release(char *text)
{
    free(text);
}

/* How each file was read: its blocks decoded directly, or all of it by GDAL. */
static void add_files(json_t *files, const tb_epoch *epoch)
{
    for (int f = 0; f < tb_epoch_files(epoch) + (tb_epoch_valid(epoch) != NULL ? 1 : 0); f++) {
        const tb_image_info *info = tb_epoch_file(epoch, f);

        json_array_append_new(
            files, json_pack("{s:s, s:s, s:o}", "file", info->path, "reading",
                             info->is_direct ? "direct" : "gdal", "reason",
                             info->is_direct ? json_null() : json_string(info->why_gdal)));
    }
}

json_t *tb_report_reading(const tb_pair *pair)
{
    json_t *files = json_array();

    add_files(files, pair->before);
    add_files(files, pair->after);
    return files;
}
