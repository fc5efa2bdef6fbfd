/* tuban train. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "tuban/train.h"

enum { FILES_A_PAIR = 3, PAIRS_MOST = 200 };

static void print_report(const json_t *report)
{
    size_t  at;
    json_t *pair;

    json_array_foreach(json_object_get(report, "pairs"), at, pair)
    {
        const json_t *f1 = json_object_get(pair, "f1");

        printf("pair %-3zu %s: %lld pixels, %lld changed; ", at + 1,
               json_string_value(json_object_get(pair, "label")),
               (long long)json_integer_value(json_object_get(pair, "examples")),
               (long long)json_integer_value(json_object_get(pair, "changed")));
        if (json_is_number(f1))
            printf("F1 %.3f\n", json_number_value(f1));
        else
            printf("nothing changed, or not tested\n");
    }
    printf("score    F1 %.3f, precision %.3f, recall %.3f: %s\n",
           json_number_value(json_object_get(report, "f1")),
           json_number_value(json_object_get(report, "precision")),
           json_number_value(json_object_get(report, "recall")),
           json_string_value(json_object_get(report, "validation")));
    printf("cut      probability %.3f\n", json_number_value(json_object_get(report, "cut")));
    printf("written  %s\n", json_string_value(json_object_get(report, "out")));
}

int command_train(int argc, char **argv)
{
    static const char usage[] =
        "tuban train --out FILTER.yaml BEFORE AFTER LABEL [BEFORE AFTER LABEL ...] "
        "[--label-layer NAME] [--label-field NAME] [--vegetation W,W,...] [--register auto|off] "
        "[--threads N] [--memory BYTES] [--quiet] [--json]";
    static const char *const registers[]                      = {"auto", "off", NULL};
    const char              *words[FILES_A_PAIR * PAIRS_MOST] = {NULL};
    tb_train_pair            pairs[PAIRS_MOST];
    tb_train_options         options      = {.pairs = pairs};
    int                      registration = 0;
    tb_error                 error        = {0};
    char                    *json         = NULL;
    char                     found[32];
    console                  c;
    int                      code;
    const option             own[] = {
                    {.name = "out", .kind = OPTION_TEXT, .target = &options.out},
                    {.name = "label-layer", .kind = OPTION_TEXT, .target = &options.label_layer},
                    {.name = "label-field", .kind = OPTION_TEXT, .target = &options.label_field},
                    {.name = "vegetation", .kind = OPTION_TEXT, .target = &options.vegetation},
                    {.name = "register", .kind = OPTION_CHOICE, .target = &registration, .choices = registers},
                    {0},
    };
    command_line line = {.usage       = usage,
                         .options     = own,
                         .has_runtime = true,
                         .words       = words,
                         .least       = FILES_A_PAIR,
                         .most        = FILES_A_PAIR * PAIRS_MOST};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (line.count % FILES_A_PAIR != 0) {
        snprintf(found, sizeof found, "%d files", line.count);
        return console_refuse(&c, usage, "expected three files a pair (BEFORE AFTER LABEL)", found);
    }
    options.count             = line.count / FILES_A_PAIR;
    options.is_not_registered = registration == 1;
    options.runtime           = console_runtime(&c);
    for (int p = 0; p < options.count; p++)
        pairs[p] = (tb_train_pair){words[FILES_A_PAIR * p], words[FILES_A_PAIR * p + 1],
                                   words[FILES_A_PAIR * p + 2]};
    if (tb_train(&options, &json, &error) != TB_OK)
        return console_fail(&c, &error);
    return console_report(&c, json, print_report);
}
