#include "core/parallel.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Sleeps until it is an item's turn; returns for how long. OpenMP's own `ordered` has the worker
 * that is early spin for milliseconds, which a machine shared with others pays for.
 */
static int64_t await(const atomic_int_fast64_t *turn, int64_t item)
{
    const struct timespec nap = {.tv_nsec = 100000};
    int64_t               begin;

    if (atomic_load(turn) == item)
        return 0;
    begin = now_ns();
    while (atomic_load(turn) != item)
        nanosleep(&nap, NULL);
    return now_ns() - begin;
}

/* What follows an item that was made: of ordered ones in their turn. */
static tb_status finish(const tb_loop *loop, int worker, int64_t item, tb_error *err)
{
    const tb_progress *progress = loop->progress;

    /* Without an order the first worker asks for all: only one may at a time. */
    if ((loop->emit != NULL || worker == 0) && progress != NULL && progress->is_cancelled != NULL &&
        progress->is_cancelled(progress->context))
        return tb_error_set(err, TB_E_CANCELLED, "cancelled");
    return loop->emit != NULL ? loop->emit(loop->context, worker, item, err) : TB_OK;
}

static void lower(atomic_int_fast64_t *lowest, int64_t item)
{
    int_fast64_t seen = atomic_load(lowest);

    while (item < seen && !atomic_compare_exchange_weak(lowest, &seen, item))
        ;
}

tb_status tb_loop_run(const tb_loop *loop, tb_error *err)
{
    atomic_int_fast64_t taken = 0, turn = 0;
    atomic_int_fast64_t failed = loop->count; /* the lowest item that did; none above is made */
    atomic_int_fast64_t worked = 0;           /* nanoseconds of all workers but for waiting */
    int64_t             begin = now_ns(), first_failed = loop->count;
    tb_error            first = {.status = TB_OK};

#pragma omp parallel num_threads(loop->workers)
    {
        int      worker = omp_get_thread_num();
        int64_t  item, since = now_ns(), own_failed = loop->count;
        tb_error own = {.status = TB_OK};

        /* Items are taken in order: the lowest that is not emitted yet is always being made. */
        while ((item = atomic_fetch_add(&taken, 1)) < loop->count) {
            tb_error error = {.status = TB_OK};
            bool     made  = item < atomic_load(&failed);

            if (made)
                error.status = loop->make(loop->context, worker, item, &error);
            if (loop->emit != NULL)
                since += await(&turn, item);
            if (made && error.status == TB_OK && item < atomic_load(&failed))
                error.status = finish(loop, worker, item, &error);
            if (error.status != TB_OK && item < atomic_load(&failed)) {
                lower(&failed, item);
                own        = error;
                own_failed = item;
            }
            atomic_store(&turn, item + 1);
        }
        atomic_fetch_add(&worked, now_ns() - since);
#pragma omp critical
        if (own_failed < first_failed) {
            first        = own;
            first_failed = own_failed;
        }
    }
    if (loop->progress != NULL && loop->progress->waited != NULL) {
        int64_t held = (now_ns() - begin) * loop->workers, waiting = held - atomic_load(&worked);

        loop->progress->waited(loop->progress->context, 1e-9 * (double)held,
                               1e-9 * (double)waiting);
    }
    if (first.status != TB_OK && err != NULL)
        *err = first;
    return first.status;
}

int tb_parallel_processors(void)
{
    int processors = omp_get_num_procs();

    return processors > 0 ? processors : 1;
}
