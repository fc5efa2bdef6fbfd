/* tuban tune. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "tuban/tune.h"

enum { PAIRS_MAX = 256, ROWS_SHOWN = 15 };

static void print_row(const char *name, const json_t *row)
{
    printf("%-11s %-10s %-9s %-8s %6.3g %6.0f   F1 %.4f  IoU %.4f  kappa %.4f  P %.4f  R %.4f%s\n",
           name, text_at(row, "method"), text_at(row, "smoothing"), text_at(row, "prior"),
           number_at(row, "threshold_factor"), number_at(row, "min_pixels"), number_at(row, "f1"),
           number_at(row, "iou"), number_at(row, "kappa"), number_at(row, "precision"),
           number_at(row, "recall"),
           json_is_true(json_object_get(row, "implausible")) ? "  implausible" : "");
}

/* The rows with the best figures; the table is small. */
static void print_table(const json_t *report)
{
    const json_t *rows  = json_object_get(report, "rows");
    const char   *aim   = text_at(report, "aim");
    size_t        count = json_array_size(rows);
    bool         *shown = calloc(count, sizeof *shown);

    printf("%-11s %-10s %-9s %-8s %6s %6s\n", "", "method", "smoothing", "prior", "factor",
           "pixels");
    for (size_t n = 0; shown != NULL && n < count && n < ROWS_SHOWN; n++) {
        size_t best = count;

        for (size_t i = 0; i < count; i++) {
            double value = number_at(json_array_get(rows, i), aim);

            if (!shown[i] && (best == count || value > number_at(json_array_get(rows, best), aim)))
                best = i;
        }
        shown[best] = true;
        print_row("", json_array_get(rows, best));
    }
    free(shown);
    if (count > ROWS_SHOWN)
        printf("%-11s the best %d of %zu; --json has all\n", "", ROWS_SHOWN, count);
    print_row("default", json_object_get(report, "default"));
    print_row("chosen", json_object_get(report, "chosen"));
}

static void print_scores(const json_t *report)
{
    const char   *aim     = text_at(report, "aim");
    const json_t *blocks  = json_object_get(report, "cross_validated");
    const json_t *by_pair = json_object_get(report, "by_pair");

    printf("%s of the defaults: %.4f\n", aim, number_at(json_object_get(report, "default"), aim));
    printf("%s to expect: %.4f, cross-validated over %zu folds of blocks of %.0f pixels, %.0f "
           "apart\n",
           aim, number_at(blocks, aim), json_array_size(json_object_get(blocks, "folds")),
           number_at(report, "side"), number_at(report, "guard"));
    if (json_is_object(by_pair))
        printf("%s to expect on another scene: %.4f, leaving out one pair at a time\n", aim,
               number_at(by_pair, aim));
    printf("%s of the chosen on what they were chosen on: %.4f, optimistic\n", aim,
           number_at(json_object_get(report, "chosen"), aim));
}

static void print_tuned(const json_t *report)
{
    print_table(report);
    print_scores(report);
    if (text_at(report, "notes")[0] != '\0')
        printf("%s\n", text_at(report, "notes"));
    printf("for a job file:\n%s", text_at(report, "detect"));
}

int command_tune(int argc, char **argv)
{
    static const char usage[] =
        "tuban tune BEFORE AFTER [BEFORE AFTER...] --truth T.tif [--truth T.tif...] [--method "
        "A,B] [--smoothing auto,PX] [--prior auto,common] [--threshold-factor F,G] [--min-pixels "
        "N,M] [--aim f1|iou|kappa] [--side N] [--guard N] [--folds N] [--sensor auto|optical|sar] "
        "[--register auto|off] [--sample F] [--allow-implausible] [--threads N] [--memory BYTES] "
        "[--quiet] [--json]";
    static const char *const sensors[]   = {"auto", "optical", "sar", NULL};
    static const char *const registers[] = {"auto", "off", NULL};
    static const char *const aims[]      = {"f1", "iou", "kappa", NULL};
    static const char       *words[2 * PAIRS_MAX], *truths[PAIRS_MAX];
    static tb_tune_pair      pairs[PAIRS_MAX];
    tb_tune_options          options = {.pairs = pairs};
    text_list                truth   = {.text = truths, .most = PAIRS_MAX};
    int                      sensor = 0, registration = 0, aim = 0;
    int64_t                  folds = 0;
    console                  c;
    int                      code;
    tb_error                 error = {0};
    char                    *text  = NULL;
    const option             own[] = {
                    {.name = "truth", .kind = OPTION_LIST, .target = &truth},
                    {.name = "method", .kind = OPTION_TEXT, .target = &options.methods},
                    {.name = "smoothing", .kind = OPTION_TEXT, .target = &options.smoothings},
                    {.name = "prior", .kind = OPTION_TEXT, .target = &options.priors},
                    {.name = "threshold-factor", .kind = OPTION_TEXT, .target = &options.factors},
                    {.name = "min-pixels", .kind = OPTION_TEXT, .target = &options.min_pixels},
                    {.name = "aim", .kind = OPTION_CHOICE, .target = &aim, .choices = aims},
                    {.name = "side", .kind = OPTION_INTEGER, .target = &options.side, .low = 8, .high = 1e6},
                    {.name = "guard", .kind = OPTION_INTEGER, .target = &options.guard, .low = 1, .high = 1e6},
                    {.name = "folds", .kind = OPTION_INTEGER, .target = &folds, .low = 2, .high = 1000},
                    {.name = "sensor", .kind = OPTION_CHOICE, .target = &sensor, .choices = sensors},
                    {.name = "register", .kind = OPTION_CHOICE, .target = &registration, .choices = registers},
                    {.name = "sample", .kind = OPTION_REAL, .target = &options.sample, .low = 1e-9, .high = 1},
                    {.name = "allow-implausible", .kind = OPTION_FLAG, .target = &options.may_flag_all},
                    {0},
    };
    command_line line = {.usage       = usage,
                         .options     = own,
                         .has_runtime = true,
                         .words       = words,
                         .least       = 2,
                         .most        = 2 * PAIRS_MAX};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (line.count % 2 != 0 || line.count / 2 != truth.count)
        return console_refuse(&c, usage, "expected two images and one --truth for each pair",
                              "not as many");
    options.pair_count = truth.count;
    for (int p = 0; p < truth.count; p++)
        pairs[p] = (tb_tune_pair){words[2 * p], words[2 * p + 1], truths[p]};
    options.aim               = (tb_tune_aim)aim;
    options.folds             = (int)folds;
    options.sensor            = (tb_sensor)sensor;
    options.is_not_registered = registration == 1;
    options.runtime           = console_runtime(&c);
    if (tb_tune(&options, &text, &error) != TB_OK)
        return console_fail(&c, &error);
    return console_report(&c, text, print_tuned);
}
