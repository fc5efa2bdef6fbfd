#include "raster/capture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <gdal_frmts.h>

CPL_C_START
void CPL_DLL RegisterOGRGeoPackage(void); /* ogrsf_frmts.h, which is C++ */
CPL_C_END

void tb_gdal_register(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, GDALAllRegister);
}

static void register_plain(void)
{
    GDALRegister_GTiff();
    RegisterOGRGeoPackage();
}

void tb_gdal_register_for(const char *driver)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (strcmp(driver, "GTiff") != 0 && strcmp(driver, "GPKG") != 0)
        tb_gdal_register();
    else
        pthread_once(&once, register_plain);
}

GDALDatasetH tb_gdal_open(const char *path, unsigned flags, const char *const *options)
{
    const char *ending   = CPLGetExtension(path);
    bool        is_plain = strcasecmp(ending, "tif") == 0 || strcasecmp(ending, "tiff") == 0 ||
                    strcasecmp(ending, "gpkg") == 0;
    GDALDatasetH dataset = NULL;

    if (is_plain) {
        tb_gdal_register_for("GTiff");
        dataset = GDALOpenEx(path, flags & ~(unsigned)GDAL_OF_VERBOSE_ERROR, NULL, options, NULL);
    }
    if (dataset != NULL)
        return dataset;
    tb_gdal_register(); /* what has another format than its name, or is damaged */
    return GDALOpenEx(path, flags, NULL, options, NULL);
}

/* Of UTF-8: a byte that is not a character's first. */
static bool is_inside_character(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Of a long message (a whole SQL statement, say) the beginning and the end: why is said last. */
static void shorten(const char *message, char *out, size_t size)
{
    size_t length = strlen(message), head = size / 2 - 4, tail = length - head;

    if (length < size) {
        memcpy(out, message, length + 1);
        return;
    }
    while (is_inside_character(message[head]))
        head--;
    while (is_inside_character(message[tail]))
        tail++;
    snprintf(out, size, "%.*s ... %s", (int)head, message, message + tail);
}

static void CPL_STDCALL listen(CPLErr level, CPLErrorNum number, const char *message)
{
    tb_capture *capture = CPLGetErrorHandlerUserData();

    (void)number;
    if (level < (capture->is_strict ? CE_Warning : CE_Failure) || capture->has_failed)
        return;
    capture->has_failed = true;
    shorten(message, capture->message, sizeof capture->message);
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
