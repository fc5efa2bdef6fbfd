/* tuban tier. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "tuban/tier.h"

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text != NULL && text[0] != '\0' ? text : "-";
}

static void print_row(const json_t *row)
{
    const json_t *tier = json_object_get(row, "TIER");
    char          name[8];

    if (json_is_integer(tier))
        snprintf(name, sizeof name, "T%d", (int)json_integer_value(tier));
    else
        snprintf(name, sizeof name, "-");
    printf("%-14s %-6s %-4s %-12s %-10s %-4s %-10s %-4s %-20s %s\n", text_of(row, "id"),
           text_of(row, "STREAM"), name, text_of(row, "T3_WHY"), text_of(row, "CITY_WY"),
           text_of(row, "GATE"), text_of(row, "DUE_CNTY"), text_of(row, "DUE_NOTE"),
           text_of(row, "NEAR"), text_of(row, "clause"));
}

/* Notes are for people, and on stderr: --json carries them itself. */
static void print_notes(console *c, const json_t *notes)
{
    size_t  i;
    json_t *note;

    json_array_foreach(notes, i, note)
        c->progress.note(c->progress.context, json_string_value(note));
}

static void print_tiers(const json_t *report)
{
    json_t *row;
    size_t  i;

    printf("%-14s %-6s %-4s %-12s %-10s %-4s %-10s %-4s %-20s %s\n", "id", "STREAM", "TIER",
           "T3_WHY", "CITY_WY", "GATE", "DUE_CNTY", "", "NEAR", "clause");
    json_array_foreach(json_object_get(report, "rows"), i, row) print_row(row);
}

int command_tier(int argc, char **argv)
{
    static const char usage[] = "tuban tier --profile NAME [CASES.csv] [--quiet] [--json]";
    tb_tier_options   options = {0};
    console           c;
    int               code;
    tb_error          error = {0};
    char             *text  = NULL;
    json_t           *json;
    const option      own[] = {
             {.name = "profile", .kind = OPTION_TEXT, .target = &options.profile},
             {0},
    };
    command_line line = {.usage = usage, .options = own, .words = &options.cases, .most = 1};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (options.profile == NULL)
        return console_refuse(&c, usage, "--profile: expected a profile such as shandong-2024",
                              "none");
    if (tb_tier_cases(&options, &text, &error) != TB_OK)
        return console_fail(&c, &error);
    json = json_loads(text, 0, NULL);
    print_notes(&c, json_object_get(json, "notes"));
    json_decref(json);
    return console_report(&c, text, print_tiers);
}
