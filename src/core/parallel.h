/** The one parallel loop of tuban. No other file starts threads. */
#ifndef TUBAN_CORE_PARALLEL_H
#define TUBAN_CORE_PARALLEL_H

#include <stdint.h>

#include "core/error.h"
#include "tuban/progress.h"

/**
 * Items 0 .. count-1, made in parallel and emitted one at a time in the order of their numbers.
 *
 * `make` may run at the same time for different workers, `emit` never does; an item's two calls get
 * the same worker number (0 .. workers-1), so that a worker's buffers carry its result from one to
 * the other. A worker that is ahead waits with its one result: that is all the back-pressure.
 * Without `emit` nobody waits but at the end.
 */
typedef struct tb_loop {
    int64_t count;
    int     workers; /**< at least 1 */
    tb_status (*make)(void *context, int worker, int64_t item, tb_error *err);
    tb_status (*emit)(void *context, int worker, int64_t item, tb_error *err); /**< may be NULL */
    void              *context;
    const tb_progress *progress; /**< asked once an item whether to stop, without `emit`
                                   by the first worker only; may be NULL */
} tb_loop;

/**
 * Runs the loop. The failure of the lowest item wins, so that an error does not depend on timing.
 * @return TB_OK, the status of the failed item, or TB_E_CANCELLED.
 */
tb_status tb_loop_run(const tb_loop *loop, tb_error *err);

/** Processors this process may run on; at least 1. */
int tb_parallel_processors(void);

#endif
