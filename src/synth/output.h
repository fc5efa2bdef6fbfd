/**
 * The folder a made-up county is written into: its files come whole, job.yaml last, or not at all.
 */
#ifndef TUBAN_SYNTH_OUTPUT_H
#define TUBAN_SYNTH_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "core/error.h"

typedef struct tb_output tb_output;

/**
 * Opens a folder, making it if need be. Free with tb_output_close.
 * @param may_replace  an earlier county in it may be replaced; nothing else is ever removed.
 * @return TB_E_OUTPUT when it cannot be written, or is not empty and may not be replaced.
 */
tb_status tb_output_open(tb_output **out, const char *folder, bool may_replace, tb_error *err);

/** The path at which to write a file (borrows the output until the next call), and notes its name.
 */
tb_status tb_output_file(tb_output *output, const char *name, const char **path, tb_error *err);

/** Names so far, as a JSON array; borrows the output. */
json_t *tb_output_files(const tb_output *output);

/** Makes all files durable and moves them in, `job.yaml` last. */
tb_status tb_output_finish(tb_output *output, tb_error *err);

/** Frees; what is not finished is removed. NULL is legal. */
void tb_output_close(tb_output *output);

#endif
