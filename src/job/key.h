/** Keys of stage files: what a file depends on, hashed. Never threads, blocks, memory or paths. */
#ifndef TUBAN_JOB_KEY_H
#define TUBAN_JOB_KEY_H

#include "core/error.h"
#include "core/text.h"
#include "job/job.h"
#include "raster/pair.h"

enum { TB_KEY_SIZE = 17, TB_SHA256_SIZE = 65 };

/** The key of a text: the first 16 hexadecimal digits of its SHA-256. */
tb_status tb_key_of(const tb_text *text, char key[TB_KEY_SIZE], tb_error *err);

/** Appends size and time of a file. */
tb_status tb_key_append_file(tb_text *text, const char *path, tb_error *err);

/** Appends what identifies an open pair's files: size, time and header of each. */
tb_status tb_key_append_pair(tb_text *text, const tb_pair *pair, tb_error *err);

/** Appends the same of one date. */
tb_status tb_key_append_epoch(tb_text *text, const tb_epoch *epoch, tb_error *err);

/** SHA-256 of a file's contents in hexadecimal. */
tb_status tb_file_sha256(const char *path, char digest[TB_SHA256_SIZE], tb_error *err);

#endif
