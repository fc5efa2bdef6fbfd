#include "core/parallel.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

tb_status tb_loop_run(const tb_loop *loop, tb_error *err)
{
    atomic_bool stop  = false;
    tb_error    first = {.status = TB_OK};

#pragma omp parallel for schedule(dynamic, 1) ordered num_threads(loop->workers)
    for (int64_t item = 0; item < loop->count; item++) {
        int      worker = omp_get_thread_num();
        tb_error error  = {.status = TB_OK};
        bool     made   = false;

        if (!atomic_load(&stop)) {
            error.status = loop->make(loop->context, worker, item, &error);
            made         = true;
        }

#pragma omp ordered
        {
            const tb_progress *progress = loop->progress;

            if (made && !atomic_load(&stop)) {
                if (error.status == TB_OK && progress != NULL && progress->is_cancelled != NULL &&
                    progress->is_cancelled(progress->context))
                    tb_error_set(&error, TB_E_CANCELLED, "cancelled");
                if (error.status == TB_OK && loop->emit != NULL)
                    error.status = loop->emit(loop->context, worker, item, &error);
                if (error.status != TB_OK) {
                    first = error;
                    atomic_store(&stop, true);
                }
            }
        }
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
