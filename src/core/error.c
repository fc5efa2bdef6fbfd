#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *tb_status_describe(tb_status status)
{
    switch (status) {
    case TB_OK:
        return "done";
    case TB_E_USAGE:
        return "wrong usage";
    case TB_E_JOB:
        return "bad job or profile";
    case TB_E_INPUT:
        return "input cannot be read or does not fit";
    case TB_E_OUTPUT:
        return "output cannot be written";
    case TB_E_MEMORY:
        return "out of memory or budget too small";
    case TB_E_CANCELLED:
        return "cancelled";
    case TB_E_BUG:
        break;
    }
    return "fault of tuban";
}

tb_status tb_error_set(tb_error *err, tb_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list arguments;

        err->status  = status;
        err->hint[0] = '\0';
        va_start(arguments, format);
        vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

void tb_error_hint(tb_error *err, const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(err->hint, sizeof err->hint, format, arguments);
    va_end(arguments);
}
