/** Text that grows. Knows libc only. */
#ifndef TUBAN_CORE_TEXT_H
#define TUBAN_CORE_TEXT_H

#include <stddef.h>

#include "core/error.h"

/** Zero-initialised is empty; `data` is NULL or NUL-terminated. Free with tb_text_reset. */
typedef struct tb_text {
    char  *data;
    size_t length;
    size_t capacity;
} tb_text;

/** Appends formatted text; on failure the text is as it was. */
tb_status tb_text_append(tb_text *text, tb_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Frees the text and makes it empty. */
void tb_text_reset(tb_text *text);

#endif
