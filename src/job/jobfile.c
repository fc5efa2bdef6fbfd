/* The job file: docs/job.md lists the keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/yaml.h"
#include "job/job.h"
#include "region/outline.h"

tb_status tb_size_parse(const char *text, uint64_t *bytes, tb_error *err)
{
    static const char *const units[][4] = {{"", "B", "B", NULL},
                                           {"K", "KiB", "KB", NULL},
                                           {"M", "MiB", "MB", NULL},
                                           {"G", "GiB", "GB", NULL},
                                           {"T", "TiB", "TB", NULL}};
    char                    *end;
    double                   value = strtod(text, &end);

    while (*end == ' ')
        end++;
    for (int power = 0; power < 5 && end != text; power++)
        for (int i = 0; units[power][i] != NULL; i++)
            if (strcmp(end, units[power][i]) == 0 && value > 0.0 && value < 1e15) {
                *bytes = (uint64_t)(value * (double)((uint64_t)1 << (10 * power)));
                return TB_OK;
            }
    return tb_error_set(err, TB_E_USAGE, "expected a size such as 4GiB or 800MiB, got \"%s\"",
                        text);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* A day that was: 1972 is the first year of satellite imagery of the land. */
static bool is_date(const char *text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int              year, month, day, length = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3 || length != 10 ||
        text[10] != '\0' || year < 1972 || year > 2200 || month < 1 || month > 12)
        return false;
    return day >= 1 && day <= days[month - 1] + (month == 2 && is_leap(year));
}

static bool is_month(const char *text)
{
    char day[16];

    if (strlen(text) != 7)
        return false;
    snprintf(day, sizeof day, "%s-01", text);
    return is_date(day);
}

/* Text of which the complaint says what it stands for. */
static tb_status read_text(tb_node node, const char *expected, const char **text, tb_error *err)
{
    if (tb_node_text(node, text, NULL) != TB_OK)
        return tb_node_complain(node, err, expected);
    return TB_OK;
}

static tb_status read_path(tb_node node, const char *folder, char **out, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *text;

    TB_TRY(read_text(node, "a path", &text, err));
    if (text[0] == '\0') {
        status = tb_node_complain(node, err, "a path");
        goto done;
    }
    TB_TRY(tb_path_join(out, folder, text, err));
done:
    return status;
}

static tb_status read_images(tb_node node, const char *folder, tb_job_date *date, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = tb_node_is_list(node) ? tb_node_count(node) : 1;
    char     *path   = NULL;

    if (count == 0 || tb_node_is_map(node)) {
        status = tb_node_complain(node, err, "a path or a list of paths");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        TB_TRY(read_path(tb_node_is_list(node) ? tb_node_item(node, i) : node, folder, &path, err));
        TB_TRY(tb_job_date_add(date, path, err));
        tb_free(path);
        path = NULL;
    }
done:
    tb_free(path);
    return status;
}

static tb_status read_date(tb_node map, const char *folder, tb_job_date *date, tb_error *err)
{
    static const char *const allowed[] = {"image", "date", "valid", "footprints", "nodata", NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;
    const char              *text;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require(map, "image", &node, err));
    TB_TRY(read_images(node, folder, date, err));
    if (tb_node_find(map, "date", &node)) {
        TB_TRY(read_text(node, "a day as YYYY-MM-DD", &text, err));
        if (!is_date(text)) {
            status = tb_node_complain(node, err, "a day as YYYY-MM-DD");
            goto done;
        }
        snprintf(date->date, sizeof date->date, "%s", text);
    }
    if (tb_node_find(map, "valid", &node))
        TB_TRY(read_path(node, folder, &date->valid, err));
    if (tb_node_find(map, "footprints", &node))
        TB_TRY(read_path(node, folder, &date->footprints, err));
    if (tb_node_find(map, "nodata", &node)) {
        date->has_nodata = true;
        TB_TRY(tb_node_real(node, -1e38, 1e38, &date->nodata, err));
    }
done:
    return status;
}

static tb_status read_pair(tb_node map, const char *folder, tb_job_pair *pair, tb_error *err)
{
    static const char *const allowed[] = {"before", "after", NULL};
    tb_status                status    = TB_OK;
    tb_node                  before, after, node;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require(map, "before", &before, err));
    TB_TRY(tb_node_require(map, "after", &after, err));
    TB_TRY(read_date(before, folder, &pair->before, err));
    TB_TRY(read_date(after, folder, &pair->after, err));
    if (pair->before.date[0] != '\0' && pair->after.date[0] != '\0' &&
        strcmp(pair->before.date, pair->after.date) >= 0 && tb_node_find(after, "date", &node)) {
        char expected[64];

        snprintf(expected, sizeof expected, "a day after before.date, %s", pair->before.date);
        status = tb_node_complain(node, err, expected);
    }
done:
    return status;
}

static tb_status read_pairs(tb_node root, const char *folder, tb_job *job, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list;

    TB_TRY(tb_node_require(root, "pairs", &list, err));
    if (!tb_node_is_list(list) || tb_node_count(list) == 0) {
        status = tb_node_complain(list, err, "a list with at least one pair");
        goto done;
    }
    TB_TRY(tb_alloc_zero(&job->pairs, tb_node_count(list), sizeof *job->pairs, "job", err));
    for (size_t i = 0; i < tb_node_count(list); i++) {
        job->pair_count++;
        TB_TRY(read_pair(tb_node_item(list, i), folder, &job->pairs[i], err));
    }
done:
    return status;
}

static tb_status copy_node(tb_node map, const char *key, char **out, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *text;
    tb_node     node;

    if (!tb_node_find(map, key, &node))
        return TB_OK;
    TB_TRY(tb_node_text(node, &text, err));
    tb_free(*out);
    *out = NULL;
    TB_TRY(tb_copy_text(out, text, err));
done:
    return status;
}

static tb_status read_layer(tb_node map, const char *folder, const char *role, const char *name,
                            tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"path",     "layer",  "where", "crs",
                                          "encoding", "stream", NULL};
    tb_status                status    = TB_OK;
    tb_job_layer            *layer;
    tb_node                  node;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_grow(&job->layers, (size_t)job->layer_count + 1, sizeof *job->layers, "job", err));
    layer  = &job->layers[job->layer_count++];
    *layer = (tb_job_layer){0};
    TB_TRY(tb_copy_text(&layer->role, role, err));
    if (name != NULL)
        TB_TRY(tb_copy_text(&layer->name, name, err));
    TB_TRY(tb_node_require(map, "path", &node, err));
    TB_TRY(read_path(node, folder, &layer->path, err));
    TB_TRY(copy_node(map, "layer", &layer->layer, err));
    TB_TRY(copy_node(map, "where", &layer->where, err));
    TB_TRY(copy_node(map, "crs", &layer->crs, err));
    TB_TRY(copy_node(map, "encoding", &layer->encoding, err));
    TB_TRY(copy_node(map, "stream", &layer->name, err));
done:
    return status;
}

static tb_status read_layers(tb_node map, const char *folder, tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"landuse",   "pbf",      "redline", "approvals",
                                          "districts", "units",    "urban",   "withheld",
                                          "extra",     "previous", NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    for (int i = 0; allowed[i] != NULL; i++) {
        bool is_extra = strcmp(allowed[i], "extra") == 0;
        bool is_list  = strcmp(allowed[i], "approvals") == 0 || strcmp(allowed[i], "previous") == 0;

        if (!tb_node_find(map, allowed[i], &node))
            continue;
        if (is_extra && !tb_node_is_map(node)) {
            status = tb_node_complain(node, err, "a map of names, each to a layer");
            goto done;
        }
        if (!tb_node_is_list(node) && !is_extra)
            TB_TRY(read_layer(node, folder, allowed[i], NULL, job, err));
        else if (is_extra)
            for (size_t k = 0; k < tb_node_pairs(node); k++) {
                tb_node     value;
                const char *name;

                TB_TRY(tb_node_pair(node, k, &name, &value, err));
                TB_TRY(read_layer(value, folder, allowed[i], name, job, err));
            }
        else if (is_list)
            for (size_t k = 0; k < tb_node_count(node); k++)
                TB_TRY(read_layer(tb_node_item(node, k), folder, allowed[i], NULL, job, err));
        else {
            status = tb_node_complain(node, err, "one layer: a map with path");
            goto done;
        }
    }
done:
    return status;
}

static tb_status read_names(tb_node map, tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"name", "month", "stream", "region", "profile", NULL};
    static const char *const streams[] = {"PM", "MQ", "AY", "NX-MQ", "NX-P", "NX-AY", NULL};
    int                      choice;
    tb_status                status = TB_OK;
    tb_node                  node;
    const char              *text;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "name", &node)) {
        TB_TRY(tb_node_text(node, &text, err));
        tb_free(job->name);
        job->name = NULL;
        TB_TRY(tb_copy_text(&job->name, text, err));
    }
    if (tb_node_find(map, "month", &node)) {
        TB_TRY(read_text(node, "a month as YYYY-MM", &text, err));
        if (!is_month(text)) {
            status = tb_node_complain(node, err, "a month as YYYY-MM");
            goto done;
        }
        snprintf(job->month, sizeof job->month, "%s", text);
    }
    if (tb_node_find(map, "stream", &node)) {
        TB_TRY(tb_node_choice(node, streams, &choice, err));
        snprintf(job->stream, sizeof job->stream, "%s", streams[choice]);
    }
    TB_TRY(copy_node(map, "region", &job->region, err));
    TB_TRY(copy_node(map, "profile", &job->profile, err));
done:
    return status;
}

static tb_status read_grid(tb_node map, tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"memory", "threads", "block", "shards", "sample", NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;
    const char              *text;
    int64_t                  value;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "memory", &node)) {
        TB_TRY(read_text(node, "a size such as 4GiB", &text, err));
        if (tb_size_parse(text, &job->memory_bytes, NULL) != TB_OK) {
            status = tb_node_complain(node, err, "a size such as 4GiB");
            goto done;
        }
    }
    if (tb_node_find(map, "threads", &node)) {
        TB_TRY(read_text(node, "a number of threads from 1 to 1024, or auto", &text, err));
        if (strcmp(text, "auto") != 0) {
            TB_TRY(tb_node_integer(node, 1, 1024, &value, err));
            job->threads = (int)value;
        }
    }
    if (tb_node_find(map, "block", &node))
        TB_TRY(tb_node_integer(node, 16, 16384, &job->block, err));
    if (tb_node_find(map, "shards", &node))
        TB_TRY(tb_node_integer(node, 1, 1000000, &job->shards, err));
    if (tb_node_find(map, "sample", &node))
        TB_TRY(tb_node_real(node, 1e-9, 1.0, &job->sample_share, err));
done:
    return status;
}

static tb_status read_omnibus(tb_node map, tb_omnibus_options *omnibus, tb_error *err)
{
    static const char *const allowed[] = {"alpha", "looks", "samples", NULL};
    static const char *const samples[] = {"amplitude", "intensity", NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;
    int                      choice;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "alpha", &node))
        TB_TRY(tb_node_real(node, 1e-12, 0.5, &omnibus->alpha, err));
    if (tb_node_find(map, "looks", &node))
        TB_TRY(tb_node_real(node, 0.5, 1000.0, &omnibus->looks, err));
    if (tb_node_find(map, "samples", &node)) {
        TB_TRY(tb_node_choice(node, samples, &choice, err));
        omnibus->is_intensity = choice == 1;
    }
done:
    return status;
}

/* off, or a list of scene classes. */
static tb_status read_classes(tb_node node, tb_job *job, tb_error *err)
{
    static const char expected[] = "off or a list of scene classes from 0 to 11";
    tb_status         status     = TB_OK;
    const char       *text;
    int64_t           number;

    job->as.has_classes = true;
    job->as.classes     = 0;
    if (!tb_node_is_list(node)) {
        TB_TRY(read_text(node, expected, &text, err));
        if (strcmp(text, "off") != 0)
            status = tb_node_complain(node, err, expected);
        goto done;
    }
    for (size_t i = 0; i < tb_node_count(node); i++) {
        TB_TRY(tb_node_integer(tb_node_item(node, i), 0, TB_SAFE_CLASSES - 1, &number, err));
        job->as.classes |= (uint16_t)(1u << number);
    }
done:
    return status;
}

static tb_status read_detect(tb_node map, const char *folder, tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"method",           "sensor",     "prior",
                                          "smoothing",        "register",   "model",
                                          "threshold_factor", "min_pixels", "allow_implausible",
                                          "omnibus",          "s2_bands",   "scl",
                                          "screen",           NULL};
    static const char *const sensors[] = {"auto", "optical", "sar", NULL};
    static const char *const methods[] = {"auto", "composite", "cva", "logratio", "omnibus", NULL};
    static const char *const auto_or_off[] = {"auto", "off", NULL};
    tb_status                status        = TB_OK;
    tb_node                  node;
    const char              *text;
    int                      choice;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "method", &node)) {
        TB_TRY(tb_node_choice(node, methods, &choice, err));
        if (choice > 0)
            TB_TRY(tb_copy_text(&job->method, methods[choice], err));
    }
    if (tb_node_find(map, "sensor", &node)) {
        TB_TRY(tb_node_choice(node, sensors, &choice, err));
        job->sensor = (tb_sensor)choice;
    }
    if (tb_node_find(map, "prior", &node)) {
        TB_TRY(read_text(node, "auto, rare, common or rate=F with 0 < F < 1", &text, err));
        if (!tb_prior_parse(text, &job->prior, &job->rate)) {
            status = tb_node_complain(node, err, "auto, rare, common or rate=F with 0 < F < 1");
            goto done;
        }
    }
    if (tb_node_find(map, "smoothing", &node)) {
        TB_TRY(read_text(node, "auto, or pixels from 0 to 4.5", &text, err));
        if (!tb_smoothing_parse(text, &job->smoothing)) {
            status = tb_node_complain(node, err, "auto, or pixels from 0 to 4.5");
            goto done;
        }
    }
    if (tb_node_find(map, "threshold_factor", &node))
        TB_TRY(tb_node_real(node, 0.01, 100.0, &job->threshold_factor, err));
    if (tb_node_find(map, "register", &node)) {
        TB_TRY(tb_node_choice(node, auto_or_off, &choice, err));
        job->is_registered = choice == 0;
    }
    if (tb_node_find(map, "s2_bands", &node)) {
        TB_TRY(tb_node_choice(node, tb_safe_bands_words, &choice, err));
        job->as.bands = (tb_safe_bands)choice;
    }
    if (tb_node_find(map, "scl", &node))
        TB_TRY(read_classes(node, job, err));
    if (tb_node_find(map, "screen", &node)) {
        TB_TRY(tb_node_choice(node, auto_or_off, &choice, err));
        job->is_not_screened = choice == 1;
    }
    if (tb_node_find(map, "model", &node))
        TB_TRY(read_path(node, folder, &job->model, err));
    if (tb_node_find(map, "min_pixels", &node))
        TB_TRY(tb_node_integer(node, 1, 1000000, &job->min_pixels, err));
    if (tb_node_find(map, "allow_implausible", &node))
        TB_TRY(tb_node_boolean(node, &job->may_flag_all, err));
    if (tb_node_find(map, "omnibus", &node)) {
        if (job->method == NULL || strcmp(job->method, "omnibus") != 0) {
            status = tb_node_complain(node, err, "method: omnibus beside it");
            goto done;
        }
        TB_TRY(read_omnibus(node, &job->omnibus, err));
    }
done:
    return status;
}

static tb_status read_outline(tb_node map, tb_job *job, tb_error *err)
{
    static const char *const allowed[] = {"simplify", "fill_holes", NULL};
    tb_status                status    = TB_OK;
    tb_node                  node;
    const char              *text;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "fill_holes", &node))
        TB_TRY(tb_node_integer(node, 0, TB_OUTLINE_FILL_MOST, &job->fill_pixels, err));
    if (!tb_node_find(map, "simplify", &node))
        goto done;
    TB_TRY(tb_node_text(node, &text, err));
    if (!tb_outline_parse(text, &job->simplify_px))
        status =
            tb_node_complain(node, err, "off or a tolerance from 0px to 0.75px, such as 0.7px");
done:
    return status;
}

static tb_status read_output(tb_node map, const char *folder, tb_job *job, tb_error *err)
{
    static const char *const allowed[]   = {"folder", "formats", "encoding", NULL};
    static const char *const formats[]   = {"gpkg", "shp", NULL};
    static const char *const encodings[] = {"UTF-8", "GBK", NULL};
    tb_status                status      = TB_OK;
    tb_node                  node;
    int                      choice;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    if (tb_node_find(map, "folder", &node))
        TB_TRY(read_path(node, folder, &job->folder, err));
    if (tb_node_find(map, "formats", &node)) {
        if (!tb_node_is_list(node)) {
            status = tb_node_complain(node, err, "a list of formats");
            goto done;
        }
        for (size_t i = 0; i < tb_node_count(node); i++) {
            TB_TRY(tb_node_choice(tb_node_item(node, i), formats, &choice, err));
            job->formats |= 1u << choice;
        }
    }
    if (tb_node_find(map, "encoding", &node)) {
        TB_TRY(tb_node_choice(node, encodings, &choice, err));
        job->is_gbk = choice == 1;
    }
done:
    return status;
}

/* Days that were not said are of the products, and have to be in order as well. */
static tb_status take_days(tb_job *job, tb_node root, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list;

    TB_TRY(tb_job_take_days(job, err));
    TB_TRY(tb_node_require(root, "pairs", &list, err));
    for (int p = 0; p < job->pair_count; p++) {
        const char *before = job->pairs[p].before.date, *after = job->pairs[p].after.date;
        char        expected[96];

        if (before[0] == '\0' || after[0] == '\0' || strcmp(before, after) < 0)
            continue;
        snprintf(expected, sizeof expected, "a later date after that of %s, not of %s", before,
                 after);
        status = tb_node_complain(tb_node_item(list, (size_t)p), err, expected);
        goto done;
    }
done:
    return status;
}

tb_status tb_job_read(tb_job **out, const char *path, tb_error *err)
{
    static const char *const allowed[] = {"job",    "grid",    "pairs",  "layers",
                                          "detect", "outline", "output", NULL};
    tb_status                status    = TB_OK;
    tb_yaml                 *document  = NULL;
    tb_job                  *job       = NULL;
    char                    *folder    = NULL;
    tb_node                  root, node;

    *out = NULL;
    TB_TRY(tb_yaml_open(&document, path, TB_E_JOB, err));
    TB_TRY(tb_path_folder(&folder, path, err));
    TB_TRY(tb_job_new(&job, err));
    root = tb_yaml_root(document);
    TB_TRY(tb_node_check_keys(root, allowed, err));
    if (tb_node_find(root, "job", &node))
        TB_TRY(read_names(node, job, err));
    if (tb_node_find(root, "grid", &node))
        TB_TRY(read_grid(node, job, err));
    TB_TRY(read_pairs(root, folder, job, err));
    if (tb_node_find(root, "layers", &node))
        TB_TRY(read_layers(node, folder, job, err));
    if (tb_node_find(root, "detect", &node))
        TB_TRY(read_detect(node, folder, job, err));
    if (tb_node_find(root, "outline", &node))
        TB_TRY(read_outline(node, job, err));
    if (tb_node_find(root, "output", &node))
        TB_TRY(read_output(node, folder, job, err));
    if (job->folder == NULL)
        TB_TRY(tb_path_join(&job->folder, folder, "out", err));
    if (job->name == NULL)
        TB_TRY(tb_copy_text(&job->name, tb_path_name(path), err));
    TB_TRY(take_days(job, root, err));
    *out = job;
    job  = NULL;
done:
    tb_job_free(job);
    tb_free(folder);
    tb_yaml_free(document);
    return status;
}
