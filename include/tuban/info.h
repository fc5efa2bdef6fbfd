/**
 * What the engine sees of a raster before it reads it: grid, bands, validity, cost, problems.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_INFO_H
#define TUBAN_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Plain values; what is not known is NaN, empty or false. */
typedef struct tb_info {
    char *path;
    char  driver[32]; /**< GDAL's short name */
    char  date[64];   /**< of acquisition, or of the file, as the file says */

    /* the grid */
    int64_t width, height; /**< pixels */
    bool    has_transform;
    double  transform[6]; /**< GDAL's: x = t0 + column t1 + row t2, y = t3 + column t4 + row t5 */
    double  bounds[4];    /**< least x, least y, greatest x, greatest y, in units of the CRS */
    double  pixel_width;  /**< length of a pixel's sides, in `unit` */
    double  pixel_height;
    char    unit[32];         /**< of the CRS, such as "metre" or "degree"; "pixel" without one */
    double  gsd_m;            /**< metres a pixel, root of its area, at the centre of the image */
    double  centre_longitude; /**< degrees, WGS 84 */
    double  centre_latitude;
    bool    has_crs;
    bool    is_geographic;
    char    crs_name[256];
    char    crs_authority[64]; /**< such as "EPSG:4527" */
    bool    is_rotated;        /**< rows or columns do not run along the axes */
    bool    is_north_up;       /**< not rotated, x growing to the right and y upwards */

    /* the samples */
    int     bands;    /**< without alpha */
    char    type[16]; /**< GDAL's name of the stored type */
    bool    has_nodata;
    double  nodata;
    bool    has_alpha;
    bool    has_mask;       /**< a mask of the dataset that is no alpha band */
    double  valid_share;    /**< of the sampled pixels */
    int64_t sampled_pixels; /**< in whole tiles at fixed places; all pixels of a small image */
    int64_t sampled_tiles;

    /* the cost of reading */
    char    compression[32]; /**< as the file says, or "none" */
    char    interleave[16];  /**< "PIXEL", "BAND" or "" */
    int64_t block_width;     /**< the file's own tiles or strips */
    int64_t block_height;
    int64_t blocks;        /**< how many of them, over all bands */
    bool    is_stripped;   /**< blocks are as wide as the image and several lie below each other */
    int64_t file_bytes;    /**< of all files that belong to it */
    int64_t decoded_bytes; /**< of all bands as stored */
    int64_t tile_bytes;    /**< what one step of reading decodes, see `valid_share` */
    bool    is_direct;     /**< tuban decodes its blocks itself, else GDAL does */
    char    why_gdal[64];  /**< and why, in a few words; empty where is_direct */

    /* of a Sentinel-2 product */
    char   product[64];    /**< such as "Sentinel-2 L2A, baseline 05.10"; else empty */
    char   band_names[64]; /**< "B2 B3 B4 B8" */
    double offset[16];     /**< added to the samples of each band when they are used */

    /* what a person should know before running a job on it, a sentence each */
    char **problems;
    size_t problem_count;
} tb_info;

/**
 * Describes a raster from its header and a small sample of tiles.
 *
 * The sample is every tile where that decodes at most 64 MiB, else some 16 tiles spread evenly and
 * at most 256 MiB; its place depends on the header only. A pixel is valid as everywhere in tuban:
 * not where mask or alpha is 0, a band is not finite, a band holds a nodata value other than 0, or
 * all bands hold a nodata value of 0. A tile that cannot be read is a problem, not an error, and
 * valid_share then NaN.
 *
 * @param path  any raster GDAL reads; borrowed.
 * @param out   returns (free with tb_info_free); NULL on failure.
 * @return TB_OK; TB_E_INPUT when it is missing, no image, or not one tuban can use; TB_E_MEMORY.
 * Threads: safe. Cost: at most 256 MiB decoded, and as much memory again as a tile of floats takes.
 */
TB_API tb_status tb_info_read(const char *path, tb_info **out, tb_error *err);

/** Frees what tb_info_read gave; NULL is legal. */
TB_API void tb_info_free(tb_info *info);

#ifdef __cplusplus
}
#endif
#endif
