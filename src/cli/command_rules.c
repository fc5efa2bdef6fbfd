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

int command_tier(int argc, char **argv)
{
    static const char usage[] = "tuban tier --profile NAME [CASES.csv] [--quiet] [--json]";
    tb_tier_options   options = {0};
    console           c;
    option            shared[3];
    tb_error          error = {0};
    char             *text  = NULL;
    json_t           *json, *row;
    size_t            i;
    const option      own[] = {
             {.name = "profile", .kind = OPTION_TEXT, .target = &options.profile},
             {0},
    };
    command_line line = {
        .usage = usage, .options = own, .more = shared, .words = &options.cases, .most = 1};

    if (command_line_helps(argc, argv, usage))
        return 0;
    console_init(&c);
    console_options(&c, shared);
    if (command_line_read(&line, argc, argv, &error) != TB_OK)
        return console_fail(&c, &error);
    if (options.profile == NULL) {
        error =
            (tb_error){.status  = TB_E_USAGE,
                       .message = "--profile: expected a profile such as shandong-2024, got none"};
        snprintf(error.hint, sizeof error.hint, "usage: %s", usage);
        return console_fail(&c, &error);
    }
    if (tb_tier_cases(&options, &text, &error) != TB_OK)
        return console_fail(&c, &error);
    json = json_loads(text, 0, NULL);
    print_notes(&c, json_object_get(json, "notes"));
    if (!c.is_json && !c.is_quiet) {
        printf("%-14s %-6s %-4s %-12s %-10s %-4s %-10s %-4s %-20s %s\n", "id", "STREAM", "TIER",
               "T3_WHY", "CITY_WY", "GATE", "DUE_CNTY", "", "NEAR", "clause");
        json_array_foreach(json_object_get(json, "rows"), i, row) print_row(row);
    }
    json_decref(json);
    if (c.is_json)
        return console_print_json(text);
    tb_text_release(text);
    return 0;
}
