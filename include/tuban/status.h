/**
 * How every function of libtuban reports failure.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_STATUS_H
#define TUBAN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define TB_API __attribute__((visibility("default")))

/** Status codes. Append-only; they are the program's exit codes too. */
typedef enum tb_status {
    TB_OK          = 0,
    TB_E_USAGE     = 2,  /**< the command line or an argument is wrong */
    TB_E_JOB       = 3,  /**< the job file or a rule profile is wrong */
    TB_E_INPUT     = 4,  /**< an input cannot be read, or does not fit the others */
    TB_E_OUTPUT    = 5,  /**< an output cannot be written */
    TB_E_MEMORY    = 6,  /**< out of memory, or the memory budget is too small */
    TB_E_CANCELLED = 7,  /**< the caller asked to stop */
    TB_E_BUG       = 70, /**< a fault of tuban's own */
} tb_status;

/**
 * What went wrong: `message` says what, where, expected and got, in one line; `hint` says what to
 * do about it, or is empty. Functions leave it untouched on success; NULL may be passed.
 */
typedef struct tb_error {
    tb_status status;
    char      message[1024];
    char      hint[512];
} tb_error;

/** A fixed English name of the status, such as "input cannot be read". Never NULL. */
TB_API const char *tb_status_describe(tb_status status);

#ifdef __cplusplus
}
#endif
#endif
