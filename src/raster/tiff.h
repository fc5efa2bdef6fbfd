/**
 * The blocks of a plain TIFF, decoded without GDAL: the fast path under image.c.
 *
 * libtiff reads the directory; blocks are read from their place in the file, decoded with
 * ISA-L or libzstd, and their predictor undone by row functions. What is decoded is bit for
 * bit what GDAL gives, or nothing: of a block that is absent or does not decode to exactly its size
 * this says that it cannot, and GDAL is asked, whose pixels or whose complaint then count.
 *
 * Direct are: tiles and strips, bands beside each other or in planes, of integers of 8, 16 and 32
 * bits and floats of 32 and 64, without compression, DEFLATE and ZSTD, predictors 1 to 3, either
 * byte order, classic and BigTIFF. Other files have a reason why not.
 *
 * Threads: one caller per object; each has its own file handle, opened at the first read.
 */
#ifndef TUBAN_RASTER_TIFF_H
#define TUBAN_RASTER_TIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"

/** What a sample is in the file. */
typedef enum tb_tiff_sample {
    TB_TIFF_U8,
    TB_TIFF_U16,
    TB_TIFF_I16,
    TB_TIFF_U32,
    TB_TIFF_I32,
    TB_TIFF_F32,
    TB_TIFF_F64
} tb_tiff_sample;

/** What GDAL found in the same file; a directory that says otherwise is left to GDAL. */
typedef struct tb_tiff_expected {
    int64_t        width, height;
    int64_t        block_width, block_height;
    int            bands; /**< all of them, with alpha */
    tb_tiff_sample sample;
    uint64_t       first_offset; /**< of the first block; 0: not known or absent */
} tb_tiff_expected;

typedef struct tb_tiff tb_tiff;

/**
 * Reads the directory of a TIFF. Free with tb_tiff_close.
 * @param out     NULL where its blocks are GDAL's to read.
 * @param reason  of at least 64 bytes: why they are, in a few words; empty where they are not.
 * @return TB_E_MEMORY, or TB_OK.
 */
tb_status tb_tiff_open(tb_tiff **out, const char *path, const tb_tiff_expected *expected,
                       char *reason, size_t reason_size, tb_error *err);
void      tb_tiff_close(tb_tiff *tiff);

/** Bytes a reader holds while it decodes. */
size_t tb_tiff_bytes(const tb_tiff *tiff);

/** Where the samples of a window go. */
typedef struct tb_tiff_target {
    int        bands;
    const int *band;    /**< numbers from 1 */
    void      *samples; /**< a plane a band, of window's pixels: integers of 8 and 16 bits as they
                             are, all others as float */
    bool     is_pixels; /**< where tb_tiff_has_pixels of them: not planes, but pixel by pixel */
    int      alpha;     /**< 0: none; a band whose plane goes to `valid` as bytes, 255 for more */
    uint8_t *valid;
} tb_tiff_target;

/** True if just these bands lie beside each other in each pixel, as integers of 8 or 16 bits: then
 * the blocks need not be taken apart. */
bool tb_tiff_has_pixels(const tb_tiff *tiff, int bands, const int *band);

/** True if the file is not compressed: of its blocks any rows can be read. */
bool tb_tiff_is_stored(const tb_tiff *tiff);

/** True if alpha bands of the file can be read along. */
bool tb_tiff_can_read_alpha(const tb_tiff *tiff);

/**
 * Reads a window of whole blocks (those at the right and at the bottom may be cut by the image), or
 * of rows of blocks that are stored as they are.
 * @param is_done  false where GDAL has to be asked: the window is of other rectangles, or one of
 * its blocks is absent or damaged. What is in the target then means nothing.
 */
tb_status tb_tiff_read(tb_tiff *tiff, tb_rect window, const tb_tiff_target *target,
                       const tb_kernels *kernels, bool *is_done, tb_error *err);

#endif
