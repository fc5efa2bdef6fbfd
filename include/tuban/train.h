/**
 * Training a filter from labels: what `tuban detect --model FILTER.yaml` then judges with.
 *
 * Copyright 2026 the tuban authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TUBAN_TRAIN_H
#define TUBAN_TRAIN_H

#include <stdbool.h>

#include "tuban/run.h"
#include "tuban/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Two images and what changed between them. */
typedef struct tb_train_pair {
    const char *before, *after;
    /**
     * A raster of BEFORE's size (0 unchanged, 255, NaN, nodata and masked unlabelled, any other
     * changed), or polygons of any vector format GDAL reads.
     */
    const char *label;
} tb_train_pair;

/** Zero means the default. */
typedef struct tb_train_options {
    const tb_train_pair *pairs;
    int                  count;
    const char          *out;         /**< the filter to write */
    const char          *label_layer; /**< of the labels; NULL: rasters, or a file's only layer */
    const char          *label_field; /**< 0 unchanged, else changed; NULL: polygons are changed */
    const char *vegetation; /**< weight of each band, e.g. "-1,2,-1"; NULL: by their number */
    bool        is_not_registered;
    tb_runtime  runtime;
} tb_train_options;

/**
 * Trains a filter on the pairs and writes it whole or not at all.
 *
 * Fits each pair as detect does, takes the features of its labelled pixels, and grows trees on them
 * with XGBoost; the cut is the one with the greatest F1 in cross-validation, which leaves out whole
 * pairs where there are three or more, else quarters of each pair's ground.
 * @param json  gets what was learnt; free with tb_text_release.
 * @return TB_E_USAGE; TB_E_INPUT when a file cannot be read or does not fit, the labels do not
 *         suffice, or there is no XGBoost; TB_E_OUTPUT; TB_E_MEMORY; TB_E_CANCELLED.
 */
TB_API tb_status tb_train(const tb_train_options *options, char **json, tb_error *err);

#ifdef __cplusplus
}
#endif
#endif
