/**
 * GDAL's messages, caught where they arise. GDAL keeps its handlers per thread, so captures of
 * different threads do not meet.
 */
#ifndef TUBAN_RASTER_CAPTURE_H
#define TUBAN_RASTER_CAPTURE_H

#include <stdbool.h>

#include <gdal.h>

typedef struct tb_capture {
    char message[400]; /**< the first failure heard, in one line; empty if none */
    bool has_failed;
    bool is_strict; /**< a warning is a failure */
} tb_capture;

/**
 * Registers GDAL's drivers, once in a process: GDALAllRegister walks all of them each time, and
 * writes to some. Threads: safe.
 */
void tb_gdal_register(void);

/** Registers a driver, GTiff or GPKG alone, of which most files are: the others take 8 ms. All are
 * registered for any other name. Threads: safe. */
void tb_gdal_register_for(const char *driver);

/** GDALOpenEx with every driver, of which others than GTiff and GPKG are registered only where the
 * file's name or its content wants them. Threads: safe. */
GDALDatasetH tb_gdal_open(const char *path, unsigned flags, const char *const *options);

/** Starts listening on this thread; pairs with tb_capture_end. */
void tb_capture_begin(tb_capture *capture);

/**
 * The same, but a warning is a failure. While pixels are read GDAL merely warns of a JPEG that is
 * damaged or a band that is missing, and goes on with made-up pixels.
 */
void tb_capture_begin_strict(tb_capture *capture);

/** Stops listening; returns true if a failure was heard. */
bool tb_capture_end(tb_capture *capture);

/** What was heard, or `otherwise`. */
const char *tb_capture_text(const tb_capture *capture, const char *otherwise);

#endif
