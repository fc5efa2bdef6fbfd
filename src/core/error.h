/** Setting a tb_error, and leaving a function early. Knows libc only. */
#ifndef TUBAN_CORE_ERROR_H
#define TUBAN_CORE_ERROR_H

#include "tuban/status.h"

/** Runs `call`; on failure keeps its status and goes to `done`. Needs a local `status` and a label.
 */
#define TB_TRY(call)                                                                               \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != TB_OK)                                                                       \
            goto done;                                                                             \
    } while (0)

/** Sets `err` (may be NULL) to the status and the formatted message, clears its hint; returns
 * status. */
tb_status tb_error_set(tb_error *err, tb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Adds what to do about it to an error that was set; `err` may be NULL. */
void tb_error_hint(tb_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
