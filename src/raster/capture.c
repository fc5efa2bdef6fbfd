#include "raster/capture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <cpl_error.h>
#include <gdal.h>

void tb_gdal_register(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, GDALAllRegister);
}

static void CPL_STDCALL listen(CPLErr level, CPLErrorNum number, const char *message)
{
    tb_capture *capture = CPLGetErrorHandlerUserData();

    (void)number;
    if (level < (capture->is_strict ? CE_Warning : CE_Failure) || capture->has_failed)
        return;
    capture->has_failed = true;
    snprintf(capture->message, sizeof capture->message, "%s", message);
    for (char *c = capture->message; *c != '\0'; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

void tb_capture_begin(tb_capture *capture)
{
    *capture = (tb_capture){0};
    CPLPushErrorHandlerEx(listen, capture);
}

void tb_capture_begin_strict(tb_capture *capture)
{
    tb_capture_begin(capture);
    capture->is_strict = true;
}

bool tb_capture_end(tb_capture *capture)
{
    CPLPopErrorHandler();
    return capture->has_failed;
}

const char *tb_capture_text(const tb_capture *capture, const char *otherwise)
{
    return capture->message[0] != '\0' ? capture->message : otherwise;
}
