/**
 * Ellipsoidal areas of polygons, and of what of them lies on masks.
 *
 * All is done in CGCS2000 geographic coordinates, edges straight in (B, L); projected layers get
 * vertices every 100 m before they are brought over.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_OVERLAY_H
#define TUBAN_OVERLAY_H

#include <stdbool.h>

#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Polygons of any vector format GDAL reads. Only `path` is needed. */
typedef struct tb_polygons {
    const char *path;
    const char *layer;    /**< NULL: the first */
    const char *where;    /**< attribute filter as OGR has it; NULL: none */
    const char *crs;      /**< for files that do not say, such as "EPSG:4528" */
    const char *encoding; /**< for files that do not say, such as "GBK" */
} tb_polygons;

/** Whether GDAL reads a file as vector layers. */
TB_API bool tb_polygons_can_open(const char *path);

/**
 * What a job would see of a vector file: `{"file", "driver", "layers": [{"layer", "role",
 * "features", "crs", "fields", "invalid", "without_polygon", "problem"}]}`.
 *
 * `role` is the key of a job's `layers:` the layer's name stands for, or null; `fields` what each
 * field of that role is called here, null where there is none; `problem` why it could not be used.
 * Geometries are looked at in layers of up to 100,000 features.
 */
TB_API tb_status tb_polygons_describe(const char *path, char **json, tb_error *err);

/**
 * The area of each polygon: `{"rows": [{"id", "area_m2", "area_mu"}]}`, m² to 0.01, mu to 0.0001.
 *
 * `id` is the first of the fields JCBH, DRAFT_ID, BSM, ID that the layer has, else the number of
 * the feature.
 * @param json  returned; free with tb_text_release.
 * @return TB_OK; TB_E_INPUT when a layer cannot be read, has no CRS or no polygons by kind.
 * Threads: safe.   Cost: what is read is held in memory.
 */
TB_API tb_status tb_polygons_area(const tb_polygons *polygons, char **json, tb_error *err);

/**
 * The area of each parcel on each mask, each ground of a mask counted once:
 * `{"rows": [{"id", "mask", "area_m2"}]}`, parcels in the order of the file, masks as given; m² to
 * 0.0001. `mask` is the name of its layer.
 */
TB_API tb_status tb_polygons_overlay(const tb_polygons *parcels, const tb_polygons *masks,
                                     int mask_count, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
