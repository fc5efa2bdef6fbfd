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
    tb_progress progress;
    struct console_bar {
        const char *stage;
        double      started, shown;
        int         percent;
        bool        is_open; /* a line on the terminal waits for its end */
    } bar;
} console;

/** The console of the process; catches SIGINT and SIGTERM. Lives as long as the program. */
void console_init(console *c);

/** The table of --quiet and --json; and of those with --threads, --memory, --block, --shards. */
void console_options(console *c, option table[3]);
void console_runtime_options(console *c, option table[7]);

/** The runtime the options ask for. */
tb_runtime console_runtime(console *c);

/** Ends a progress line; prints an error and its hint on stderr and returns its exit code. */
int console_fail(console *c, const tb_error *error);

/** Ends a progress line. */
void console_finish(console *c);

/** Prints JSON text and frees it; returns 0. */
int console_print_json(char *json);

/** Prints a JSON value the caller built and releases it; returns 0. */
int console_dump_json(json_t *json);

#endif
