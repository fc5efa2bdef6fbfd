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

void console_init(console *c)
{
    struct sigaction action = {.sa_handler = stop};

    *c = (console){0};
    c->progress =
        (tb_progress){.report = report, .note = note, .is_cancelled = is_cancelled, .context = c};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void console_options(console *c, option table[3])
{
    table[0] = (option){.name = "quiet", .kind = OPTION_FLAG, .target = &c->is_quiet};
    table[1] = (option){.name = "json", .kind = OPTION_FLAG, .target = &c->is_json};
    table[2] = (option){0};
}

void console_runtime_options(console *c, option table[7])
{
    console_options(c, table);
    table[2] = (option){
        .name = "threads", .kind = OPTION_INTEGER, .target = &c->threads, .low = 1, .high = 1024};
    table[3] = (option){.name = "memory", .kind = OPTION_SIZE, .target = &c->memory};
    table[4] = (option){
        .name = "block", .kind = OPTION_INTEGER, .target = &c->block, .low = 16, .high = 16384};
    table[5] = (option){
        .name = "shards", .kind = OPTION_INTEGER, .target = &c->shards, .low = 1, .high = 1e6};
    table[6] = (option){0};
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

int console_print_json(char *json)
{
    puts(json);
    tb_text_release(json);
    return 0;
}

int console_dump_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', stdout);
    json_decref(json);
    return 0;
}
