/* tuban synth: a made-up county, or constructions planted into a real pair. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "tuban/synth.h"

/* "DX,DY": two numbers and nothing else. */
static bool read_shift(const char *text, double *x, double *y)
{
    char *end;

    *x = strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    text = end + 1;
    *y   = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*x) && isfinite(*y);
}

static void print_report(const json_t *report)
{
    const char *const counts[] = {"built", "hidden", "parcels", "approvals", NULL};

    printf("written       %s:", json_string_value(json_object_get(report, "out")));
    for (size_t i = 0; i < json_array_size(json_object_get(report, "files")); i++)
        printf(" %s", json_string_value(json_array_get(json_object_get(report, "files"), i)));
    putchar('\n');
    for (size_t i = 0; counts[i] != NULL; i++)
        if (json_object_get(report, counts[i]) != NULL)
            printf("%-13s %lld\n", counts[i],
                   (long long)json_integer_value(json_object_get(report, counts[i])));
}

int command_synth(int argc, char **argv)
{
    static const char usage[] =
        "tuban synth --out DIR [--base BEFORE AFTER] [--size N] [--seed S] [--gsd M] [--months K] "
        "[--clouds F] [--shift DX,DY] [--zone Z] [--threads N] [--force] [--quiet] [--json]";
    tb_synth_options options = tb_synth_defaults();
    int64_t          seed = (int64_t)options.seed, months = options.months, zone = options.zone;
    const char      *shift = NULL, *words[2] = {NULL, NULL};
    bool             has_base = false;
    console          c;
    int              code;
    tb_error         error = {0};
    char            *json  = NULL;

    const option own[] = {
        {.name = "out", .kind = OPTION_TEXT, .target = &options.out},
        {.name = "base", .kind = OPTION_FLAG, .target = &has_base},
        {.name = "size", .kind = OPTION_INTEGER, .target = &options.size, .low = 64, .high = 20000},
        {.name = "seed", .kind = OPTION_INTEGER, .target = &seed, .low = 0, .high = 1e15},
        {.name = "gsd", .kind = OPTION_REAL, .target = &options.gsd_m, .low = 0.2, .high = 30},
        {.name = "months", .kind = OPTION_INTEGER, .target = &months, .low = 2, .high = 36},
        {.name = "clouds", .kind = OPTION_REAL, .target = &options.clouds, .low = 0, .high = 0.9},
        {.name = "shift", .kind = OPTION_TEXT, .target = &shift},
        {.name = "zone", .kind = OPTION_INTEGER, .target = &zone, .low = 25, .high = 45},
        {.name = "threads", .kind = OPTION_INTEGER, .target = &c.threads, .low = 1, .high = 1024},
        {.name = "force", .kind = OPTION_FLAG, .target = &options.force},
        {0},
    };
    command_line line = {.usage = usage, .options = own, .words = words, .least = 0, .most = 2};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (options.out == NULL)
        return console_refuse(&c, usage, "--out: expected an output folder", "none");
    if (has_base ? line.count != 2 : line.count != 0)
        return console_refuse(&c, usage,
                              has_base ? "--base: expected two images"
                                       : "expected options alone (--base stands before two images)",
                              line.count == 0 ? "none" : words[0]);
    if (shift != NULL && !read_shift(shift, &options.shift_x, &options.shift_y))
        return console_refuse(&c, usage, "--shift: expected two numbers of pixels such as 0.6,-0.4",
                              shift);
    options.before   = words[0];
    options.after    = words[1];
    options.seed     = (uint64_t)seed;
    options.months   = (int)months;
    options.zone     = (int)zone;
    options.threads  = (int)c.threads;
    options.progress = &c.progress;
    if (tb_synth_make(&options, &json, &error) != TB_OK)
        return console_fail(&c, &error);
    return console_report(&c, json, print_report);
}
