/* model.yaml, in. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/yaml.h"
#include "detect/omnibus.h"
#include "model/filter.h"
#include "model/model.h"
#include "model/names.h"

static tb_status read_integer(tb_node map, const char *key, int64_t low, int64_t high, int *out,
                              tb_error *err)
{
    int64_t   value;
    tb_status status = tb_node_require_integer(map, key, low, high, &value, err);

    if (status == TB_OK)
        *out = (int)value;
    return status;
}

static tb_status read_text(tb_node map, const char *key, char *out, size_t size, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_node     node;
    const char *text;

    out[0] = '\0';
    if (!tb_node_find(map, key, &node))
        goto done;
    TB_TRY(tb_node_text(node, &text, err));
    snprintf(out, size, "%s", text);
done:
    return status;
}

/* A list of exactly n numbers not below `low`, or of at most n where `count` is asked for. */
static tb_status read_row(tb_node list, int n, double low, double *out, int *count, tb_error *err)
{
    tb_status status = TB_OK;

    if (!tb_node_is_list(list) || tb_node_count(list) > (size_t)n ||
        (count == NULL && tb_node_count(list) != (size_t)n)) {
        status = tb_node_complain(list, err, "a list with a number for each band");
        goto done;
    }
    for (size_t i = 0; i < tb_node_count(list); i++)
        TB_TRY(tb_node_real(tb_node_item(list, i), low, 1e30, &out[i], err));
    if (count != NULL)
        *count = (int)tb_node_count(list);
done:
    return status;
}

static tb_status read_list(tb_node map, const char *key, int n, double low, double *out, int *count,
                           tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list;

    TB_TRY(tb_node_require(map, key, &list, err));
    TB_TRY(read_row(list, n, low, out, count, err));
done:
    return status;
}

static tb_status complain_of_nodes(tb_node node, tb_error *err)
{
    char expected[80];

    snprintf(expected, sizeof expected, "2 to %d rows of 2 to %d numbers, as many for dx as for dy",
             TB_FIELD_SIDE_MAX, TB_FIELD_SIDE_MAX);
    return tb_node_complain(node, err, expected);
}

/* One axis of the nodes; the first one read gives columns and rows. */
static tb_status read_nodes(tb_node map, const char *key, tb_field *field, double *out,
                            tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list, row;
    size_t    rows, columns;

    TB_TRY(tb_node_require(map, key, &list, err));
    rows    = tb_node_is_list(list) ? tb_node_count(list) : 0;
    columns = rows > 0 && tb_node_is_list(tb_node_item(list, 0))
                  ? tb_node_count(tb_node_item(list, 0))
                  : 0;
    if (rows < 2 || rows > TB_FIELD_SIDE_MAX || columns < 2 || columns > TB_FIELD_SIDE_MAX ||
        (field->rows > 0 && (rows != (size_t)field->rows || columns != (size_t)field->columns))) {
        status = complain_of_nodes(list, err);
        goto done;
    }
    field->rows    = (int)rows;
    field->columns = (int)columns;
    for (size_t i = 0; i < rows; i++) {
        row = tb_node_item(list, i);
        if (!tb_node_is_list(row) || tb_node_count(row) != columns) {
            status = complain_of_nodes(row, err);
            goto done;
        }
        for (size_t j = 0; j < columns; j++)
            TB_TRY(tb_node_real(tb_node_item(row, j), -1e6, 1e6, &out[i * columns + j], err));
    }
done:
    return status;
}

static tb_status read_field(tb_node map, tb_model_file *file, tb_error *err)
{
    static const char *const allowed[] = {"origin", "step", "held_out", "correlation",
                                          "dx",     "dy",   NULL};
    tb_status                status    = TB_OK;
    tb_field                *field     = &file->field;
    tb_node                  node;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require(map, "origin", &node, err));
    if (!tb_node_is_list(node) || tb_node_count(node) != 2) {
        status = tb_node_complain(node, err, "two pixels of the lattice");
        goto done;
    }
    TB_TRY(tb_node_integer(tb_node_item(node, 0), 0, INT32_MAX, &field->x, err));
    TB_TRY(tb_node_integer(tb_node_item(node, 1), 0, INT32_MAX, &field->y, err));
    TB_TRY(tb_node_require_integer(map, "step", 1, INT32_MAX, &field->step, err));
    if (tb_node_find(map, "held_out", &node))
        TB_TRY(read_list(map, "held_out", 2, 0, file->field_held_out, NULL, err));
    if (tb_node_find(map, "correlation", &node))
        TB_TRY(read_list(map, "correlation", 2, -1, file->field_correlation, NULL, err));
    TB_TRY(read_nodes(map, "dx", field, field->dx, err));
    TB_TRY(read_nodes(map, "dy", field, field->dy, err));
done:
    return status;
}

static tb_status read_file(tb_node map, tb_model_file *file, tb_error *err)
{
    static const char *const allowed[] = {"file",        "dx",      "dy",       "applied",
                                          "residual_px", "windows", "accepted", "correlation",
                                          "reason",      "field",   NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;
    double                   correlation[2] = {0, 0};

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require_real(map, "dx", -1e6, 1e6, &file->dx, err));
    TB_TRY(tb_node_require_real(map, "dy", -1e6, 1e6, &file->dy, err));
    TB_TRY(tb_node_require(map, "applied", &node, err));
    TB_TRY(tb_node_boolean(node, &file->applied, err));
    if (tb_node_find(map, "residual_px", &node))
        TB_TRY(tb_node_real(node, 0, 1e6, &file->residual_px, err));
    if (tb_node_find(map, "windows", &node))
        TB_TRY(read_integer(map, "windows", 0, INT32_MAX, &file->windows, err));
    if (tb_node_find(map, "accepted", &node))
        TB_TRY(read_integer(map, "accepted", 0, INT32_MAX, &file->accepted, err));
    if (tb_node_find(map, "correlation", &node))
        TB_TRY(read_list(map, "correlation", 2, -1, correlation, NULL, err));
    file->correlation_before = correlation[0];
    file->correlation_after  = correlation[1];
    TB_TRY(read_text(map, "reason", file->reason, sizeof file->reason, err));
    if (tb_node_find(map, "field", &node))
        TB_TRY(read_field(node, file, err));
done:
    return status;
}

static tb_status read_irmad(tb_node map, tb_model_irmad *irmad, int bands, tb_error *err)
{
    static const char *const allowed[] = {"rho", "iterations", "ridge", NULL};
    tb_status                status    = TB_OK;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(read_list(map, "rho", bands, -1, irmad->rho, &irmad->count, err));
    TB_TRY(read_integer(map, "iterations", 0, 10000, &irmad->iterations, err));
    TB_TRY(tb_node_require_real(map, "ridge", 0, 1, &irmad->ridge, err));
done:
    return status;
}

static tb_status read_items(tb_node root, const char *key, int n, tb_node *list, tb_error *err)
{
    tb_status status = TB_OK;
    char      expected[64];

    TB_TRY(tb_node_require(root, key, list, err));
    snprintf(expected, sizeof expected, "a list of %d", n);
    if (!tb_node_is_list(*list) || tb_node_count(*list) != (size_t)n)
        status = tb_node_complain(*list, err, expected);
done:
    return status;
}

static tb_status read_mad(tb_node map, tb_model_mad *mad, int bands, tb_error *err)
{
    static const char *const allowed[] = {"mean", "variance", "coefficient", NULL};
    tb_status                status    = TB_OK;
    tb_node                  rows;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(read_list(map, "mean", 2 * bands, -1e30, mad->mean, NULL, err));
    TB_TRY(read_list(map, "variance", bands, 1e-30, mad->variance, &mad->count, err));
    TB_TRY(read_items(map, "coefficient", mad->count, &rows, err));
    for (int i = 0; i < mad->count; i++)
        TB_TRY(read_row(tb_node_item(rows, (size_t)i), 2 * bands, -1e30, mad->coefficient[i], NULL,
                        err));
done:
    return status;
}

static tb_status read_screen(tb_node map, tb_screen *screen, int bands, tb_error *err)
{
    static const char *const allowed[] = {"cloud", "before", "after", NULL};
    static const char *const each[]    = {"middle", "low", "high", NULL};
    tb_status                status    = TB_OK;
    tb_node                  date;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require_real(map, "cloud", 0, 1, &screen->cloud, err));
    for (int d = 0; d < 2; d++) {
        TB_TRY(tb_node_require(map, tb_model_screen_keys[d], &date, err));
        TB_TRY(tb_node_check_keys(date, each, err));
        TB_TRY(read_list(date, "middle", bands, -1e30, screen->middle[d], NULL, err));
        TB_TRY(read_list(date, "low", bands, 0, screen->low[d], NULL, err));
        TB_TRY(read_list(date, "high", bands, 0, screen->high[d], NULL, err));
    }
    screen->is_used = true;
done:
    return status;
}

static tb_status read_normalisation(tb_node map, const tb_model *model, tb_model_stratum *s,
                                    tb_error *err)
{
    static const char *const allowed[] = {
        "rule",   "unchanged", "slope",      "intercept", "noise",           "mean", "spread",
        "offset", "looks",     "mean_after", "deviation", "deviation_after", NULL};
    tb_status status = TB_OK;
    int       bands  = model->bands;
    tb_node   offset;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(read_text(map, "rule", s->normalisation, sizeof s->normalisation, err));
    TB_TRY(tb_node_require_integer(map, "unchanged", 0, INT64_MAX, &s->unchanged, err));
    TB_TRY(read_list(map, "slope", bands, 1e-30, s->slope, NULL, err));
    TB_TRY(read_list(map, "intercept", bands, -1e30, s->intercept, NULL, err));
    TB_TRY(read_list(map, "noise", bands, 0, s->noise, NULL, err));
    TB_TRY(read_list(map, "mean", bands, -1e30, s->mean, NULL, err));
    TB_TRY(read_list(map, "spread", bands, 0, s->spread, NULL, err));
    if (tb_node_find(map, "offset", &offset))
        TB_TRY(read_list(map, "offset", bands, 0, s->offset, NULL, err));
    if (model->method == &tb_method_omnibus)
        TB_TRY(tb_node_require_real(map, "looks", 0.5, TB_OMNIBUS_LOOKS_MAX, &s->looks, err));
    if (model->filter != NULL) {
        TB_TRY(read_list(map, "mean_after", bands, -1e30, s->mean_after, NULL, err));
        TB_TRY(read_list(map, "deviation", bands, 0, s->deviation[0], NULL, err));
        TB_TRY(read_list(map, "deviation_after", bands, 0, s->deviation[1], NULL, err));
    }
done:
    return status;
}

static tb_status read_threshold(tb_node map, tb_model_threshold *t, tb_error *err)
{
    static const char *const allowed[] = {"rule",     "value",   "weak",   "strong",
                                          "contrast", "flagged", "reason", NULL};
    tb_status                status    = TB_OK;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(read_text(map, "rule", t->rule, sizeof t->rule, err));
    TB_TRY(tb_node_require_real(map, "value", 0, 1e30, &t->value, err));
    TB_TRY(tb_node_require_real(map, "weak", 0, 1e30, &t->weak, err));
    TB_TRY(tb_node_require_real(map, "strong", t->weak, 1e30, &t->strong, err));
    TB_TRY(tb_node_require_real(map, "contrast", 0, 1e30, &t->contrast, err));
    TB_TRY(tb_node_require_real(map, "flagged", 0, 1, &t->flagged, err));
    TB_TRY(read_text(map, "reason", t->reason, sizeof t->reason, err));
done:
    return status;
}

static tb_status read_stratum(tb_node map, tb_model *model, int index, tb_error *err)
{
    static const char *const allowed[] = {"before",        "after",     "state",  "sampled",
                                          "from",          "reason",    "irmad",  "mad",
                                          "normalisation", "threshold", "screen", NULL};
    tb_status                status    = TB_OK;
    tb_model_stratum        *s         = &model->stratum[index];
    tb_node                  node;
    int                      before, after, state;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(read_integer(map, "before", index / model->after_sources, index / model->after_sources,
                        &before, err));
    TB_TRY(read_integer(map, "after", index % model->after_sources, index % model->after_sources,
                        &after, err));
    TB_TRY(tb_node_require(map, "state", &node, err));
    TB_TRY(tb_node_choice(node, tb_model_state_names, &state, err));
    s->state = (tb_model_state)state;
    TB_TRY(tb_node_require_integer(map, "sampled", 0, INT64_MAX, &s->sampled, err));
    TB_TRY(read_text(map, "reason", s->threshold.reason, sizeof s->threshold.reason, err));
    if (s->state == TB_STRATUM_BORROWED)
        TB_TRY(read_integer(map, "from", 0, tb_model_strata(model) - 1, &s->from, err));
    if (s->state != TB_STRATUM_FITTED)
        goto done;
    TB_TRY(tb_node_require(map, "irmad", &node, err));
    TB_TRY(read_irmad(node, &s->irmad, model->bands, err));
    if (tb_node_find(map, "mad", &node))
        TB_TRY(read_mad(node, &s->mad, model->bands, err));
    if (tb_node_find(map, "screen", &node))
        TB_TRY(read_screen(node, &s->screen, model->bands, err));
    TB_TRY(tb_node_require(map, "normalisation", &node, err));
    TB_TRY(read_normalisation(node, model, s, err));
    TB_TRY(tb_node_require(map, "threshold", &node, err));
    TB_TRY(read_threshold(node, &s->threshold, err));
done:
    return status;
}

/* What is borrowed must be there. */
static tb_status check_source(tb_node map, const tb_model *model, int index, tb_error *err)
{
    tb_status               status = TB_OK;
    const tb_model_stratum *s      = &model->stratum[index];
    tb_node                 node;

    if (s->state != TB_STRATUM_BORROWED || model->stratum[s->from].state == TB_STRATUM_FITTED)
        goto done;
    TB_TRY(tb_node_require(map, "from", &node, err));
    status = tb_node_complain(node, err, "the number of a fitted stratum");
done:
    return status;
}

static tb_status read_range(tb_node root, const char *key, double *low, double *high, tb_error *err)
{
    tb_status status  = TB_OK;
    double    ends[2] = {0, 0};
    tb_node   node;

    if (!tb_node_find(root, key, &node))
        goto done;
    TB_TRY(read_list(root, key, 2, -1e30, ends, NULL, err));
    if (ends[0] >= ends[1]) {
        status = tb_node_complain(node, err, "the lower end before the higher");
        goto done;
    }
    *low  = ends[0];
    *high = ends[1];
done:
    return status;
}

static tb_status read_filter(tb_node root, tb_model *model, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   node;

    TB_TRY(tb_node_require(root, "filter", &node, err));
    TB_TRY(tb_filter_read(&model->filter, node, NULL, err));
    if (model->filter->bands != model->bands)
        status = tb_node_complain(node, err, "a filter for as many bands as the model's");
done:
    return status;
}

static tb_status read_head(tb_node root, tb_model **out, tb_error *err)
{
    static const char *const allowed[] = {
        "model",        "method", "bands",        "smoothing",   "median",  "sample", "sources",
        "registration", "strata", "range_before", "range_after", "samples", "filter", NULL};
    static const char *const sides[] = {"before", "after", NULL};
    tb_status                status  = TB_OK;
    tb_node                  node, files;
    int                      version, method, bands, before, after, samples;

    TB_TRY(tb_node_check_keys(root, allowed, err));
    TB_TRY(read_integer(root, "model", 1, 1, &version, err));
    TB_TRY(tb_node_require(root, "method", &node, err));
    TB_TRY(tb_node_choice(node, tb_method_names(), &method, err));
    TB_TRY(read_integer(root, "bands", 1,
                        tb_method_named(tb_method_names()[method]) == &tb_method_omnibus
                            ? TB_OMNIBUS_CHANNELS_MAX
                            : TB_BANDS_MAX,
                        &bands, err));
    TB_TRY(tb_node_require(root, "sources", &files, err));
    TB_TRY(tb_node_check_keys(files, sides, err));
    TB_TRY(read_integer(files, "before", 1, 10000, &before, err));
    TB_TRY(read_integer(files, "after", 1, 10000, &after, err));
    TB_TRY(
        read_items(root, "strata", before * after, &node, err)); /* before room is made for them */
    TB_TRY(tb_node_require(root, "registration", &node, err));
    if (tb_node_count(node) == 0) {
        status = tb_node_complain(node, err, "a list with each later file");
        goto done;
    }
    TB_TRY(tb_model_new(out, tb_method_named(tb_method_names()[method]), bands, before, after,
                        (int)tb_node_count(node), err));
    if ((*out)->method == &tb_method_trained) {
        TB_TRY(read_filter(root, *out, err));
    } else if (tb_node_find(root, "filter", &node)) {
        status = tb_node_complain(node, err, "no filter, since the method is not \"trained\"");
        goto done;
    }
    TB_TRY(tb_node_require_real(root, "smoothing", 0, 4.5, &(*out)->smoothing, err));
    if (tb_node_find(root, "median", &node))
        TB_TRY(tb_node_boolean(node, &(*out)->has_median, err));
    if (tb_node_find(root, "samples", &node)) {
        TB_TRY(tb_node_choice(node, tb_model_sample_names, &samples, err));
        (*out)->is_intensity = samples == 1;
    }
    TB_TRY(tb_node_require_real(root, "sample", 0, 1, &(*out)->sample_share, err));
    TB_TRY(read_range(root, "range_before", &(*out)->low[0], &(*out)->high[0], err));
    TB_TRY(read_range(root, "range_after", &(*out)->low[1], &(*out)->high[1], err));
done:
    return status;
}

tb_status tb_model_read(tb_model **out, const char *path, tb_error *err)
{
    tb_status status   = TB_OK;
    tb_yaml  *document = NULL;
    tb_model *model    = NULL;
    tb_node   root, list;

    *out = NULL;
    TB_TRY(tb_yaml_open(&document, path, TB_E_INPUT, err));
    root = tb_yaml_root(document);
    TB_TRY(read_head(root, &model, err));
    TB_TRY(read_items(root, "registration", model->after_files, &list, err));
    for (int f = 0; f < model->after_files; f++)
        TB_TRY(read_file(tb_node_item(list, (size_t)f), &model->file[f], err));
    TB_TRY(read_items(root, "strata", tb_model_strata(model), &list, err));
    for (int s = 0; s < tb_model_strata(model); s++)
        TB_TRY(read_stratum(tb_node_item(list, (size_t)s), model, s, err));
    for (int s = 0; s < tb_model_strata(model); s++)
        TB_TRY(check_source(tb_node_item(list, (size_t)s), model, s, err));
    tb_model_derive(model);
    *out  = model;
    model = NULL;
done:
    tb_model_free(model);
    tb_yaml_free(document);
    return status;
}
