#include "cli/console.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t is_asked_to_stop;

static void stop(int number)
{
    (void)number;
    is_asked_to_stop = 1;
}

static bool is_cancelled(void *context)
{
    (void)context;
    return is_asked_to_stop != 0;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void console_finish(console *c)
{
    if (c->bar.is_open)
        fputc('\n', stderr);
    c->bar.is_open = false;
}

static void show_on_terminal(console *c, const char *stage, int64_t done, int64_t total,
                             double elapsed)
{
    double rate      = elapsed > 0.0 ? (double)done / elapsed : 0.0;
    double remaining = rate > 0.0 ? (double)(total - done) / rate : 0.0;

    if (total >= 1000000)
        fprintf(stderr, "\r%-9s %3d %%  %7.1f Mpx/s  %5.0f s left ", stage,
                (int)(100.0 * (double)done / (double)total), rate / 1e6, remaining);
    else
        fprintf(stderr, "\r%-9s %3d %%  %5.0f s left ", stage,
                (int)(100.0 * (double)done / (double)total), remaining);
    fflush(stderr);
    c->bar.is_open = true;
}

static void report(void *context, const char *stage, int64_t done, int64_t total)
{
    console *c       = context;
    double   time    = now();
    bool     is_new  = c->bar.stage == NULL || strcmp(c->bar.stage, stage) != 0;
    int      percent = total > 0 ? (int)(100 * (__int128)done / total) : 100;

    if (c->is_quiet || total <= 0)
        return;
    if (is_new) {
        console_finish(c);
        c->bar.stage   = stage;
        c->bar.started = time;
        c->bar.shown   = 0.0;
        c->bar.percent = -1;
    }
    if (isatty(STDERR_FILENO)) {
        if (time - c->bar.shown < 0.2 && done < total)
            return;
        c->bar.shown = time;
        show_on_terminal(c, stage, done, total, time - c->bar.started);
        if (done >= total)
            console_finish(c);
        return;
    }
    /* Not a terminal: a plain line every tenth of the way. */
    if (percent / 10 > c->bar.percent / 10 || (c->bar.percent < 0 && percent >= 10)) {
        c->bar.percent = percent;
        fprintf(stderr, "tuban: %s %d %%\n", stage, percent);
    }
}

static void note(void *context, const char *line)
{
    console *c = context;

    if (c->is_quiet)
        return;
    console_finish(c);
    fprintf(stderr, "tuban: %s\n", line);
}

static void set_options(console *c, bool has_runtime)
{
    const option options[] = {
        {.name = "quiet", .kind = OPTION_FLAG, .target = &c->is_quiet},
        {.name = "json", .kind = OPTION_FLAG, .target = &c->is_json},
        {.name = "threads", .kind = OPTION_INTEGER, .target = &c->threads, .low = 1, .high = 1024},
        {.name = "memory", .kind = OPTION_SIZE, .target = &c->memory},
        {.name = "block", .kind = OPTION_INTEGER, .target = &c->block, .low = 16, .high = 16384},
        {.name = "shards", .kind = OPTION_INTEGER, .target = &c->shards, .low = 1, .high = 1e6},
        {0},
    };

    memcpy(c->options, options, sizeof options);
    if (!has_runtime)
        c->options[2] = (option){0};
}

bool console_begin(console *c, command_line *line, int argc, char **argv, int *code)
{
    struct sigaction action = {.sa_handler = stop};
    tb_error         error  = {0};

    *c = (console){
        .progress = {.report = report, .note = note, .is_cancelled = is_cancelled, .context = c}};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    set_options(c, line->has_runtime);
    line->more = c->options;
    *code      = 0;
    if (command_line_helps(argc, argv, line->usage))
        return false;
    if (command_line_read(line, argc, argv, &error) == TB_OK)
        return true;
    *code = console_fail(c, &error);
    return false;
}

tb_runtime console_runtime(console *c)
{
    return (tb_runtime){.threads      = (int)c->threads,
                        .memory_bytes = c->memory,
                        .block        = c->block,
                        .shards       = c->shards,
                        .cpu          = getenv("TUBAN_CPU"),
                        .progress     = &c->progress};
}

int console_fail(console *c, const tb_error *error)
{
    console_finish(c);
    fprintf(stderr, "tuban: error: %s\n", error->message);
    if (error->hint[0] != '\0')
        fprintf(stderr, "%s\n", error->hint);
    return (int)error->status;
}

int console_refuse(console *c, const char *usage, const char *expected, const char *found)
{
    tb_error error = {.status = TB_E_USAGE};

    snprintf(error.message, sizeof error.message, "%s, got %s", expected, found);
    snprintf(error.hint, sizeof error.hint, "usage: %s", usage);
    return console_fail(c, &error);
}

int console_report(console *c, char *json, void (*print)(const json_t *report))
{
    console_finish(c);
    if (c->is_json) {
        puts(json);
    } else if (!c->is_quiet) {
        json_t *report = json_loads(json, 0, NULL);

        print(report);
        json_decref(report);
    }
    tb_text_release(json);
    return fflush(stdout) == 0 ? 0 : TB_E_OUTPUT;
}

int console_dump_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', stdout);
    json_decref(json);
    return 0;
}
