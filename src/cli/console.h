/** What a person sees: progress, notes, errors, results. The only place that prints. */
#ifndef TUBAN_CLI_CONSOLE_H
#define TUBAN_CLI_CONSOLE_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/arguments.h"
#include "tuban/progress.h"
#include "tuban/run.h"
#include "tuban/status.h"

/** --quiet, --json and the runtime's options, which most commands share. */
typedef struct console {
    bool        is_quiet, is_json;
    int64_t     threads, block, shards;
    uint64_t    memory;
    option      options[7]; /* of the above */
    tb_progress progress;
    struct console_bar {
        const char *stage;
        double      started, shown;
        int         percent;
        bool        is_open; /* a line on the terminal waits for its end */
    } bar;
} console;

/**
 * How every command begins: the console of the process, which catches SIGINT and SIGTERM and lives
 * as long as it does, then the line with the console's options beside its own (--quiet, --json;
 * --threads, --memory, --block and --shards where it has_runtime). False when there is nothing more
 * to do: help was printed, or an error; `*code` is what the command then returns.
 */
bool console_begin(console *c, command_line *line, int argc, char **argv, int *code);

/** The runtime the options ask for. */
tb_runtime console_runtime(console *c);

/** Ends a progress line; prints an error and its hint on stderr and returns its exit code. */
int console_fail(console *c, const tb_error *error);

/** The same of a line that is not as it should be: "EXPECTED, got FOUND", and the usage. */
int console_refuse(console *c, const char *usage, const char *expected, const char *found);

/** Ends a progress line. */
void console_finish(console *c);

/**
 * How a command ends that made a report: prints the JSON text with --json, else what `print` makes
 * of it unless --quiet. Frees the text; returns an exit code.
 */
int console_report(console *c, char *json, void (*print)(const json_t *report));

/** Prints a JSON value the caller built and releases it; returns 0. */
int console_dump_json(json_t *json);

#endif
