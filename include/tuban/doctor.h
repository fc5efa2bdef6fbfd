/**
 * What works on this machine, and what does not.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_DOCTOR_H
#define TUBAN_DOCTOR_H

#include <stddef.h>

#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tb_doctor_state {
    TB_DOCTOR_OK,
    TB_DOCTOR_WARNING, /**< works, but a person should look */
    TB_DOCTOR_MISSING, /**< not here, or does not work: what needs it will fail */
    TB_DOCTOR_BAD      /**< a setting is wrong and stops every run until it is put right */
} tb_doctor_state;

typedef struct tb_doctor_row {
    char           *name; /**< what was looked at, such as "GDAL" or "driver GPKG" */
    tb_doctor_state state;
    char           *detail; /**< versions, figures, or what is wrong, in one line */
} tb_doctor_row;

typedef struct tb_doctor {
    tb_doctor_row  *rows;
    size_t          count;
    tb_doctor_state worst; /**< of all rows */
} tb_doctor;

/**
 * Looks at libraries, drivers (by writing a small file in memory and reading it back), instruction
 * sets, processors, memory, disk and the CRS database. Reads TUBAN_CPU and TMPDIR.
 *
 * @param out  the rows; returns (free with tb_doctor_free).
 * @return TB_OK even when something is missing: that is in the rows; TB_E_MEMORY.
 * Threads: safe as long as nobody changes the environment. Cost: well under a second.
 */
TB_API tb_status tb_doctor_examine(tb_doctor **out, tb_error *err);

/** Frees what tb_doctor_examine gave; NULL is legal. */
TB_API void tb_doctor_free(tb_doctor *doctor);

/** "ok", "warning", "missing" or "bad". */
TB_API const char *tb_doctor_state_name(tb_doctor_state state);

#ifdef __cplusplus
}
#endif
#endif
