/**
 * Sentinel-2 products as ESA delivers them: a SAFE folder, the .zip of one, or its metadata file.
 *
 * GDAL's SENTINEL2 driver reads the pixels. What it does not tell is read here from the product's
 * metadata: the offset that samples carry from processing baseline 04.00 on, and whether each band
 * has its file (GDAL fills a missing one with 0 after a warning). docs/observed.md
 */
#ifndef TUBAN_RASTER_SAFE_H
#define TUBAN_RASTER_SAFE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"

/** Which bands of a product make the image. */
typedef enum tb_safe_bands {
    TB_SAFE_10M, /**< B2 B3 B4 B8 */
    TB_SAFE_20M, /**< B5 B6 B7 B8A B11 B12, on the grid of 20 m */
    TB_SAFE_ALL, /**< those of 10 m, then those of 20 m, each pixel of which counts as four */
} tb_safe_bands;

enum { TB_SAFE_BANDS_MAX = 10, TB_SAFE_CLASSES = 12 };

/** The words for it, in the order of the enum; NULL ends. */
extern const char *const tb_safe_bands_words[];

bool tb_safe_bands_parse(const char *text, tb_safe_bands *bands);

typedef struct tb_safe_band {
    const char *name;      /**< as GDAL calls it: "B8A" */
    bool        is_coarse; /**< of 20 m */
    double      offset;    /**< added to its samples: -1000, or 0 before baseline 04.00 */
} tb_safe_band;

/** A product's metadata. */
typedef struct tb_safe {
    char        *fine;   /**< what GDAL opens for the bands of 10 m */
    char        *coarse; /**< and for those of 20 m, among them the scene classes of Level-2A */
    char        *start;  /**< when the capture began: 2024-06-12T03:05:19.024Z */
    char         level[4];
    char         baseline[8];
    bool         has_classes; /**< Level-2A */
    tb_safe_band band[TB_SAFE_BANDS_MAX];
    int          bands;
} tb_safe;

/**
 * Reads the metadata of the product at `path`. Free with tb_safe_free.
 * @return TB_OK, with *out NULL where `path` is no Sentinel-2 product; TB_E_INPUT when it is one
 *         that lacks its metadata, cannot be listed, or does not say what its offsets are.
 * Threads: safe. Cost: one small file.
 */
tb_status tb_safe_read(tb_safe **out, const char *path, tb_safe_bands bands, tb_error *err);
void      tb_safe_free(tb_safe *safe);

/**
 * Checks that every band (NULL: every band of the image with that grid; else the one named) has its
 * file.
 * @param files  what GDAL says the opened dataset is made of; NULL ends.
 * @return TB_E_INPUT naming the bands that have none.
 */
tb_status tb_safe_check_files(const tb_safe *safe, bool is_coarse, const char *band,
                              const char *const *files, const char *path, tb_error *err);

/** Scene classes (bits by number) taken for not observed where nothing else is said. */
uint16_t tb_safe_default_classes(void);

/**
 * Reads "off" (no bit) or a list of class numbers such as "0,1,3,8,9,10".
 * @return TB_E_USAGE saying what is allowed.
 */
tb_status tb_safe_parse_classes(const char *text, uint16_t *classes, tb_error *err);

#endif
