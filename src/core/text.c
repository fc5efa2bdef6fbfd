#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/memory.h"

tb_status tb_text_append(tb_text *text, tb_error *err, const char *format, ...)
{
    va_list arguments;
    int     length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return tb_error_set(err, TB_E_BUG, "format text \"%s\": expected a valid format", format);

    size_t needed = text->length + (size_t)length + 1;

    if (needed > text->capacity) {
        size_t    capacity = needed > 2 * text->capacity ? needed : 2 * text->capacity;
        tb_status status   = tb_grow(&text->data, capacity, 1, "text", err);

        if (status != TB_OK)
            return status;
        text->capacity = capacity;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->length, text->capacity - text->length, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
    return TB_OK;
}

void tb_text_reset(tb_text *text)
{
    tb_free(text->data);
    *text = (tb_text){0};
}
