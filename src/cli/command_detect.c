/* tuban fit and tuban detect: two images, or further dates. tuban run: a job. tuban plan: both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/month.h"
#include "cli/report.h"

static const char *const sensors[]     = {"auto", "optical", "sar", NULL};
static const char *const auto_or_off[] = {"auto", "off", NULL};
static const char *const samples[]     = {"amplitude", "intensity", NULL};

enum { DATES_MAX = 64 };

/* The options of two images, into a tb_detect_options. */
typedef struct images {
    console           console;
    tb_detect_options options;
    const char       *words[DATES_MAX];
    int               sensor, registration, samples, screen;
    option            own[21];
} images;

static void images_init(images *i)
{
    *i = (images){0};

    const option own[] = {
        {.name = "sensor", .kind = OPTION_CHOICE, .target = &i->sensor, .choices = sensors},
        {.name    = "register",
         .kind    = OPTION_CHOICE,
         .target  = &i->registration,
         .choices = auto_or_off},
        {.name = "method", .kind = OPTION_TEXT, .target = &i->options.method},
        {.name   = "alpha",
         .kind   = OPTION_REAL,
         .target = &i->options.omnibus.alpha,
         .low    = 1e-12,
         .high   = 0.5},
        {.name   = "looks",
         .kind   = OPTION_REAL,
         .target = &i->options.omnibus.looks,
         .low    = 0.5,
         .high   = 1000},
        {.name = "samples", .kind = OPTION_CHOICE, .target = &i->samples, .choices = samples},
        {.name = "prior", .kind = OPTION_TEXT, .target = &i->options.prior},
        {.name = "model", .kind = OPTION_TEXT, .target = &i->options.model},
        {.name = "valid-before", .kind = OPTION_TEXT, .target = &i->options.valid_before},
        {.name = "valid-after", .kind = OPTION_TEXT, .target = &i->options.valid_after},
        {.name = "screen", .kind = OPTION_CHOICE, .target = &i->screen, .choices = auto_or_off},
        {.name = "s2-bands", .kind = OPTION_TEXT, .target = &i->options.s2_bands},
        {.name = "scl", .kind = OPTION_TEXT, .target = &i->options.scl},
        {.name = "out", .kind = OPTION_TEXT, .target = &i->options.out},
        {.name   = "sample",
         .kind   = OPTION_REAL,
         .target = &i->options.sample,
         .low    = 1e-9,
         .high   = 1},
        {.name = "smoothing", .kind = OPTION_TEXT, .target = &i->options.smoothing},
        {.name   = "threshold-factor",
         .kind   = OPTION_REAL,
         .target = &i->options.threshold_factor,
         .low    = 0.01,
         .high   = 100},
        {.name   = "min-pixels",
         .kind   = OPTION_INTEGER,
         .target = &i->options.min_pixels,
         .low    = 1,
         .high   = 1e6},
        {.name = "allow-implausible", .kind = OPTION_FLAG, .target = &i->options.may_flag_all},
        {.name = "force", .kind = OPTION_FLAG, .target = &i->options.force},
        {0},
    };

    memcpy(i->own, own, sizeof own);
}

/* Begins a command on two images, or up to `most` where it takes further dates: console_begin. */
static bool images_begin(images *i, int argc, char **argv, const char *usage, int most, int *code)
{
    command_line line = {.usage       = usage,
                         .options     = i->own,
                         .has_runtime = true,
                         .words       = i->words,
                         .least       = 2,
                         .most        = most};

    images_init(i);
    if (!console_begin(&i->console, &line, argc, argv, code))
        return false;
    i->options.before               = i->words[0];
    i->options.after                = i->words[1];
    i->options.later                = i->words + 2;
    i->options.later_count          = line.count > 2 ? line.count - 2 : 0;
    i->options.omnibus.is_intensity = i->samples == 1;
    i->options.sensor               = (tb_sensor)i->sensor;
    i->options.is_not_registered    = i->registration == 1;
    i->options.is_not_screened      = i->screen == 1;
    i->options.runtime              = console_runtime(&i->console);
    return true;
}

static void print_model(const json_t *report)
{
    const json_t *registration = json_object_get(report, "registration");
    const json_t *threshold    = json_object_get(report, "threshold");

    printf("registration  %s (dx %.3f, dy %.3f px): %s\n",
           json_is_true(json_object_get(registration, "applied")) ? "applied" : "not applied",
           number_at(registration, "dx"), number_at(registration, "dy"),
           text_at(registration, "reason"));
    if (threshold == NULL) {
        const json_t *stratum = json_array_get(json_object_get(report, "strata"), 0);

        printf("not judged    %s\n", text_at(stratum, "reason"));
        return;
    }
    printf("normalisation %s\n", text_at(report, "normalisation"));
    printf("threshold     %.4g (%s)\n", number_at(threshold, "value"), text_at(threshold, "rule"));
    if (text_at(threshold, "reason")[0] != '\0')
        printf("nothing       %s\n", text_at(threshold, "reason"));
}

static void print_counts(const json_t *report)
{
    const char *reason = text_at(report, "reason");

    if (json_object_get(report, "observed") == NULL) /* stopped before */
        return;
    printf("observed      %.0f of %.0f pixels\n", number_at(report, "observed"),
           number_at(report, "pixels"));
    printf("changed       %.0f pixels (%.3f %%) in %.0f components; %.0f smaller ones rejected\n",
           number_at(report, "changed_pixels"), 100.0 * number_at(report, "flagged"),
           number_at(report, "components"), number_at(report, "rejected"));
    if (reason[0] != '\0')
        printf("nothing found %s\n", reason);
}

static void print_pair(const json_t *report)
{
    print_model(report);
    print_counts(report);
    printf("written       %s/change.tif, score.tif, model.yaml\n", text_at(report, "out"));
}

static void print_series(const json_t *report)
{
    const json_t *date;
    size_t        at;

    printf("looks         %.4g (%s), samples are %s\n", number_at(report, "looks"),
           json_is_true(json_object_get(report, "looks_given")) ? "given" : "estimated",
           strcmp(text_at(report, "samples"), "intensity") == 0 ? "intensities" : "amplitudes");
    printf("test          alpha %.6g: z of at least %.4g\n", number_at(report, "alpha"),
           number_at(report, "limit"));
    printf("observed      %.0f of %.0f pixels on all dates\n", number_at(report, "observed"),
           number_at(report, "pixels"));
    printf("changed       %.0f pixels (%.3f %%), %.0f of them dated\n",
           number_at(report, "changed_pixels"), 100.0 * number_at(report, "flagged"),
           number_at(report, "dated_pixels"));
    json_array_foreach(json_object_get(report, "dates"), at, date)
        printf("  %-3.0f %s: %.0f first changes\n", number_at(date, "number"),
               text_at(date, "file"), number_at(date, "first_changes"));
    printf("written       %s/change.tif, score.tif, changes.tif, series.json\n",
           text_at(report, "out"));
}

int command_fit(int argc, char **argv)
{
    static const char usage[] =
        "tuban fit BEFORE AFTER [--out model.yaml] [--register auto|off] [--sensor "
        "auto|optical|sar] "
        "[--method NAME] [--alpha A] [--looks N] [--samples amplitude|intensity] "
        "[--prior auto|rare|common|rate=F] [--smoothing auto|PX] [--threshold-factor F] "
        "[--sample F] [--valid-before F] [--valid-after F] [--threads N] [--memory BYTES] "
        "[--screen auto|off] [--s2-bands 10m|20m|all] [--scl LIST|off] [--quiet] [--json]";
    images   i;
    tb_error error = {0};
    char    *json  = NULL;
    int      code;

    if (!images_begin(&i, argc, argv, usage, 2, &code))
        return code;
    if (tb_fit(&i.options, i.options.out, &json, &error) != TB_OK)
        return console_fail(&i.console, &error);
    return console_report(&i.console, json, print_model);
}

int command_detect(int argc, char **argv)
{
    static const char usage[] =
        "tuban detect BEFORE AFTER [LATER ...] --out DIR [--sensor auto|optical|sar] [--method "
        "NAME] "
        "[--register auto|off] [--prior auto|rare|common|rate=F] [--smoothing auto|PX] "
        "[--threshold-factor F] [--model F] [--sample F] "
        "[--alpha A] [--looks N] [--samples amplitude|intensity] "
        "[--valid-before F] [--valid-after F] [--min-pixels N] [--allow-implausible] [--force] "
        "[--screen auto|off] [--s2-bands 10m|20m|all] [--scl LIST|off] "
        "[--threads N] [--memory BYTES] [--block N] [--shards N] [--quiet] [--json]";
    images   i;
    tb_error error = {0};
    char    *json  = NULL;
    int      code;

    if (!images_begin(&i, argc, argv, usage, DATES_MAX, &code))
        return code;
    if (i.options.out == NULL)
        return console_refuse(&i.console, usage, "--out: expected an output folder", "none");
    if (tb_detect(&i.options, &json, &error) != TB_OK)
        return console_fail(&i.console, &error);
    return console_report(&i.console, json, i.options.later_count > 0 ? print_series : print_pair);
}

/* The options of a job, into a tb_run_options. */
typedef struct job {
    console        console;
    tb_run_options options;
    option         own[7];
} job;

static void job_init(job *j)
{
    *j = (job){0};

    const option own[] = {
        {.name = "out", .kind = OPTION_TEXT, .target = &j->options.out},
        {.name = "formats", .kind = OPTION_TEXT, .target = &j->options.formats},
        {.name = "until", .kind = OPTION_TEXT, .target = &j->options.until},
        {.name   = "sample",
         .kind   = OPTION_REAL,
         .target = &j->options.sample,
         .low    = 1e-9,
         .high   = 1},
        {.name = "allow-implausible", .kind = OPTION_FLAG, .target = &j->options.may_flag_all},
        {.name = "force", .kind = OPTION_FLAG, .target = &j->options.force},
        {0},
    };

    memcpy(j->own, own, sizeof own);
}

/* Begins a command on a job: console_begin. */
static bool job_begin(job *j, int argc, char **argv, const char *usage, int *code)
{
    command_line line = {.usage       = usage,
                         .options     = j->own,
                         .has_runtime = true,
                         .words       = &j->options.job,
                         .least       = 1,
                         .most        = 1};

    job_init(j);
    if (!console_begin(&j->console, &line, argc, argv, code))
        return false;
    j->options.runtime = console_runtime(&j->console);
    return true;
}

static void print_run(const json_t *report)
{
    json_t *pair;
    size_t  at;

    json_array_foreach(json_object_get(report, "pairs"), at, pair)
    {
        printf("pair %zu", at + 1);
        if (text_at(pair, "before")[0] != '\0' && text_at(pair, "after")[0] != '\0')
            printf(" %s to %s", text_at(pair, "before"), text_at(pair, "after"));
        putchar('\n');
        print_model(pair);
        print_counts(pair);
    }
    print_month(report);
    printf("written       %s\n", text_at(report, "out"));
}

int command_run(int argc, char **argv)
{
    static const char usage[] = "tuban run JOB.yaml [--out DIR] [--formats gpkg,shp] [--threads N] "
                                "[--memory BYTES] [--block N] "
                                "[--shards N] [--sample F] [--until fit|sweep|assemble|publish] "
                                "[--allow-implausible] [--force] "
                                "[--quiet] [--json]";
    job               j;
    tb_error          error = {0};
    char             *json  = NULL;
    int               code;

    if (!job_begin(&j, argc, argv, usage, &code))
        return code;
    if (tb_job_run(&j.options, &json, &error) != TB_OK)
        return console_fail(&j.console, &error);
    return console_report(&j.console, json, print_run);
}

static void print_plan(const json_t *plan)
{
    const json_t *memory = json_object_get(plan, "memory");
    const double  mib    = 1048576.0;

    printf("lattice   %.0f x %.0f pixels, %.1f MiB decoded, read %.2f times\n",
           number_at(plan, "width"), number_at(plan, "height"),
           number_at(plan, "source_bytes") / mib, number_at(plan, "decoded"));
    printf(
        "work      %.0f shard(s), %.0f blocks of %.0f x %.0f in panels of %.0f columns, halo %.0f, "
        "%.0f thread(s)\n",
        number_at(plan, "shards"), number_at(plan, "blocks"), number_at(plan, "block"),
        number_at(plan, "block"), number_at(plan, "panel"), number_at(plan, "halo"),
        number_at(plan, "threads"));
    printf("memory    %.0f of %.0f MiB: libraries %.0f, tiles %.0f, each thread %.0f, sample %.0f "
           "(before "
           "the sweep)\n",
           number_at(memory, "needed") / mib, number_at(memory, "budget") / mib,
           number_at(memory, "libraries") / mib, number_at(memory, "tile_cache") / mib,
           number_at(memory, "worker") / mib, number_at(memory, "sample") / mib);
}

static void print_plans(const json_t *report)
{
    json_t *plan;
    size_t  at;

    json_array_foreach(json_object_get(report, "rows"), at, plan) print_plan(plan);
}

static int plan_job(int argc, char **argv, const char *usage)
{
    job      j;
    tb_error error = {0};
    char    *json  = NULL;
    int      code;

    if (!job_begin(&j, argc, argv, usage, &code))
        return code;
    if (tb_plan_job(&j.options, &json, &error) != TB_OK)
        return console_fail(&j.console, &error);
    return console_report(&j.console, json, print_plans);
}

static bool is_job_file(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

int command_plan(int argc, char **argv)
{
    static const char usage[] = "tuban plan JOB.yaml | BEFORE AFTER [--threads N] [--memory BYTES] "
                                "[--block N] [--shards N] "
                                "[--sample F] [--json]";
    images            i;
    tb_error          error = {0};
    char             *json  = NULL;
    int               code;

    for (int a = 0; a < argc; a++)
        if (is_job_file(argv[a]))
            return plan_job(argc, argv, usage);
    if (!images_begin(&i, argc, argv, usage, 2, &code))
        return code;
    if (tb_plan_images(&i.options, &json, &error) != TB_OK)
        return console_fail(&i.console, &error);
    return console_report(&i.console, json, print_plans);
}
