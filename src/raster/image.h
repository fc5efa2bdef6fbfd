/**
 * One raster file: what it holds as GDAL sees it, and windows of its samples in their own type,
 * read by GDAL or, of a plain TIFF and bit for bit the same, by tiff.h.
 *
 * A tb_image is an open handle: one caller per object. Workers open their own.
 */
#ifndef TUBAN_RASTER_IMAGE_H
#define TUBAN_RASTER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "kernels/table.h"
#include "raster/safe.h"

enum { TB_BANDS_MAX = 16 };

/** What of a Sentinel-2 product is read. Zero means the default. */
typedef struct tb_image_options {
    tb_safe_bands bands;
    bool          has_classes; /**< `classes` is said, not the default */
    uint16_t      classes;     /**< scene classes that were not observed, a bit each; 0: none */
} tb_image_options;

/** How samples are held in memory. Types of GDAL not named here are read as 32-bit float. */
typedef enum tb_sample_type {
    TB_SAMPLE_U8,
    TB_SAMPLE_U16,
    TB_SAMPLE_I16,
    TB_SAMPLE_F32
} tb_sample_type;

/** Bytes of one sample. */
size_t tb_sample_size(tb_sample_type type);

typedef struct tb_image_info {
    const char    *path;          /**< as given */
    const char    *driver;        /**< GDAL's short name */
    const char    *type_name;     /**< GDAL's name of the stored type, e.g. "UInt16" */
    const char    *compression;   /**< as the file says, or "none" */
    const char    *interleave;    /**< "PIXEL", "BAND", or "" */
    const char    *crs;           /**< WKT, or NULL: then coordinates are pixels */
    const char    *date;          /**< acquisition or TIFF date as the file says, or "" */
    int64_t        width, height; /**< pixels */
    int            bands;         /**< 1 .. TB_BANDS_MAX, without an alpha band */
    tb_sample_type type;
    bool           has_transform;
    double         transform[6]; /**< GDAL's affine transform; 0 1 0 0 0 1 where there is none */
    bool           has_nodata;
    double         nodata;     /**< of band 1, or as set with tb_image_set_nodata */
    bool           has_mask;   /**< alpha band or per-dataset mask */
    int64_t        tile_width; /**< what is decoded at once, made up to 256 rows or so for strips */
    int64_t        tile_height;
    int64_t        block_width; /**< the file's own block */
    int64_t        block_height;
    bool           is_direct;     /**< its blocks can be decoded without GDAL: tb_image_use */
    bool           is_stored;     /**< likewise, and are not compressed: to read again is cheap */
    const char    *why_gdal;      /**< where they cannot: in a few words; else "" */
    size_t         decoder_bytes; /**< what a handle holds to decode them */

    const char *product;              /**< "Sentinel-2 L2A, baseline 05.10", or "" */
    const char *band_names;           /**< of a product: "B2 B3 B4 B8", or "" */
    double      offset[TB_BANDS_MAX]; /**< added to samples as they become floats: window.h */
    uint16_t    classes;              /**< scene classes of a product that are its mask */
    char      **files;                /**< of a product, NULL ends; NULL: it is `path` alone */
} tb_image_info;

typedef struct tb_image tb_image;

/**
 * Opens a raster and reads its header. Free with tb_image_close.
 *
 * The variable TUBAN_READ is for diagnosing: "gdal" leaves everything to GDAL, "direct" or nothing
 * is the default.
 * @return TB_E_INPUT when it is missing, no image, has no bands, too many, or complex samples;
 * TB_E_USAGE when TUBAN_READ is something else.
 */
tb_status tb_image_open(tb_image **out, const char *path, tb_error *err);

/**
 * The same, and what to take of a Sentinel-2 product: a SAFE folder, the .zip of one, or its
 * metadata file. It is an image of 16-bit samples with nodata 0 and, where it is of Level-2A and
 * classes are asked for, a mask.
 * @param options  NULL: the defaults.
 * @return also TB_E_INPUT when a band of the product has no file.
 */
tb_status tb_image_open_as(tb_image **out, const char *path, const tb_image_options *options,
                           tb_error *err);

void tb_image_close(tb_image *image);

/** What the header says; borrows the image. */
const tb_image_info *tb_image_describe(const tb_image *image);

/**
 * Takes a band that is called alpha for one, though it seems to measure something: for images that
 * have to go with others of one band less. Nothing happens where there is none such.
 */
void tb_image_mask_alpha(tb_image *image);

/**
 * From now on whole blocks of an image that is_direct are decoded without GDAL, by these row
 * functions, which are borrowed. Without it, and of other windows, GDAL reads: its cache keeps what
 * it has decoded.
 */
void tb_image_use(tb_image *image, const tb_kernels *kernels);

/** Declares a nodata value in place of the file's own. */
void tb_image_set_nodata(tb_image *image, double nodata);

/**
 * Reads a window of all bands in the image's sample type.
 * @param samples  bands planes of window.width * window.height samples, one after the other.
 * @param valid    one byte a pixel, 0 where the file's alpha or mask says not valid; may be NULL
 * when the image has no mask. Nodata values are not looked at here.
 * @return TB_E_INPUT naming file, block and band when anything cannot be read.
 */
tb_status tb_image_read(tb_image *image, tb_rect window, void *samples, uint8_t *valid,
                        tb_error *err);

/**
 * Reads a window of all bands pixel by pixel, where the file has unsigned samples of 8 or 16 bits
 * so, without a mask, and can be read without GDAL.
 * @param samples  window.width * window.height * bands samples.
 * @param is_done  false: samples mean nothing, and tb_image_read is to be asked.
 */
tb_status tb_image_read_pixels(tb_image *image, tb_rect window, void *samples, bool *is_done,
                               tb_error *err);

/** How many windows they have decoded without GDAL, and how many GDAL has read. */
void tb_image_count(const tb_image *image, int64_t *direct, int64_t *gdal);

/** Reads a window of one band (from 0) as doubles. */
tb_status tb_image_read_band(tb_image *image, int band, tb_rect window, double *samples,
                             tb_error *err);

#endif
