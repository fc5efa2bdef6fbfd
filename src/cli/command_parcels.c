/* tuban area, overlay and judge. */
#include <stdio.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/month.h"
#include "tuban/judge.h"
#include "tuban/overlay.h"
#include "tuban/run.h"

/* Prints the JSON, or its rows with one column a key. */
static int print_rows(const console *c, char *text)
{
    json_t *json = NULL, *row;
    size_t  i;

    if (c->is_json) {
        printf("%s\n", text);
    } else if (!c->is_quiet) {
        json = json_loads(text, 0, NULL);
        json_array_foreach(json_object_get(json, "rows"), i, row)
        {
            const char *key;
            json_t     *value;
            const char *gap = "";

            json_object_foreach(row, key, value)
            {
                printf("%s", gap);
                gap = "\t";
                if (json_is_string(value))
                    printf("%s", json_string_value(value));
                else if (json_is_integer(value))
                    printf("%lld", (long long)json_integer_value(value));
                else
                    printf("%.4f", json_real_value(value));
            }
            printf("\n");
        }
    }
    json_decref(json);
    tb_text_release(text);
    return fflush(stdout) == 0 ? 0 : TB_E_OUTPUT;
}

int command_area(int argc, char **argv)
{
    static const char usage[] =
        "tuban area FILE [--layer L] [--where SQL] [--crs C] [--encoding E] [--quiet] [--json]";
    tb_polygons  polygons = {0};
    const char  *words[1];
    char        *json = NULL;
    console      c;
    option       shared[3];
    tb_error     error = {0};
    const option own[] = {
        {.name = "layer", .kind = OPTION_TEXT, .target = &polygons.layer},
        {.name = "where", .kind = OPTION_TEXT, .target = &polygons.where},
        {.name = "crs", .kind = OPTION_TEXT, .target = &polygons.crs},
        {.name = "encoding", .kind = OPTION_TEXT, .target = &polygons.encoding},
        {0},
    };
    command_line line = {
        .usage = usage, .options = own, .more = shared, .words = words, .least = 1, .most = 1};

    if (command_line_helps(argc, argv, usage))
        return 0;
    console_init(&c);
    console_options(&c, shared);
    if (command_line_read(&line, argc, argv, &error) != TB_OK)
        return console_fail(&c, &error);
    polygons.path = words[0];
    if (tb_polygons_area(&polygons, &json, &error) != TB_OK)
        return console_fail(&c, &error);
    return print_rows(&c, json);
}

int command_overlay(int argc, char **argv)
{
    enum { FILES_MAX = 64 };
    static const char usage[] =
        "tuban overlay PARCELS MASK... [--layer L] [--where SQL] [--quiet] [--json]";
    tb_polygons  masks[FILES_MAX] = {{0}}, parcels = {0};
    const char  *words[FILES_MAX], *layer = NULL, *where = NULL;
    char        *json = NULL;
    console      c;
    option       shared[3];
    tb_error     error = {0};
    const option own[] = {
        {.name = "layer", .kind = OPTION_TEXT, .target = &layer},
        {.name = "where", .kind = OPTION_TEXT, .target = &where},
        {0},
    };
    command_line line = {.usage   = usage,
                         .options = own,
                         .more    = shared,
                         .words   = words,
                         .least   = 2,
                         .most    = FILES_MAX};

    if (command_line_helps(argc, argv, usage))
        return 0;
    console_init(&c);
    console_options(&c, shared);
    if (command_line_read(&line, argc, argv, &error) != TB_OK)
        return console_fail(&c, &error);
    parcels.path = words[0];
    for (int m = 0; m + 1 < line.count; m++)
        masks[m] = (tb_polygons){.path = words[m + 1], .layer = layer, .where = where};
    if (tb_polygons_overlay(&parcels, masks, line.count - 1, &json, &error) != TB_OK)
        return console_fail(&c, &error);
    return print_rows(&c, json);
}

int command_judge(int argc, char **argv)
{
    static const char usage[] =
        "tuban judge JOB.yaml --parcels FILE --out DIR [--layer L] [--where SQL] [--crs C] "
        "[--encoding E] [--formats gpkg,shp] [--quiet] [--json]";
    tb_judge_options options = {0};
    tb_polygons     *parcels = &options.parcels;
    char            *text    = NULL;
    console          c;
    option           shared[3];
    tb_error         error = {0};
    json_t          *report;
    const option     own[] = {
            {.name = "parcels", .kind = OPTION_TEXT, .target = &parcels->path},
            {.name = "layer", .kind = OPTION_TEXT, .target = &parcels->layer},
            {.name = "where", .kind = OPTION_TEXT, .target = &parcels->where},
            {.name = "crs", .kind = OPTION_TEXT, .target = &parcels->crs},
            {.name = "encoding", .kind = OPTION_TEXT, .target = &parcels->encoding},
            {.name = "out", .kind = OPTION_TEXT, .target = &options.out},
            {.name = "formats", .kind = OPTION_TEXT, .target = &options.formats},
            {0},
    };
    command_line line = {.usage   = usage,
                         .options = own,
                         .more    = shared,
                         .words   = &options.job,
                         .least   = 1,
                         .most    = 1};

    if (command_line_helps(argc, argv, usage))
        return 0;
    console_init(&c);
    console_options(&c, shared);
    if (command_line_read(&line, argc, argv, &error) != TB_OK)
        return console_fail(&c, &error);
    if (parcels->path == NULL || options.out == NULL) {
        error = (tb_error){.status = TB_E_USAGE};
        snprintf(error.message, sizeof error.message, "%s, got none",
                 parcels->path == NULL ? "--parcels: expected a file of polygons"
                                       : "--out: expected an output folder");
        snprintf(error.hint, sizeof error.hint, "usage: %s", usage);
        return console_fail(&c, &error);
    }
    options.progress = &c.progress;
    if (tb_parcels_judge(&options, &text, &error) != TB_OK)
        return console_fail(&c, &error);
    console_finish(&c);
    if (c.is_json)
        return console_print_json(text);
    report = json_loads(text, 0, NULL);
    tb_text_release(text);
    if (!c.is_quiet) {
        print_month(report);
        printf("written       %s\n", json_string_value(json_object_get(report, "out")));
    }
    json_decref(report);
    return 0;
}
