/**
 * Progress and cancelling of a long call.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_PROGRESS_H
#define TUBAN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a caller hears while a long call runs, and how it stops one. Zero means silence.
 *
 * Threads: all functions are called by one thread at a time, in order of the work, never with a
 * lock of tuban held. `context` is borrowed for the length of the call.
 */
typedef struct tb_progress {
    /** `done` of `total` units of `stage` are finished ("fit", "sweep", ...; units are pixels). */
    void (*report)(void *context, const char *stage, int64_t done, int64_t total);
    /** A line worth telling a person ("model.yaml is up to date, fit passed over"). */
    void (*note)(void *context, const char *line);
    /** True asks the call to stop with TB_E_CANCELLED at the next block. */
    bool (*is_cancelled)(void *context);
    void *context;
    /** A loop has ended that held its workers for `held` seconds, summed over them, `waiting` of
     *  which they waited for each other's results or for the last one to end. */
    void (*waited)(void *context, double held, double waiting);
} tb_progress;

#ifdef __cplusplus
}
#endif
#endif
