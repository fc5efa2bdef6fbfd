/**
 * Radar time series: two and more dates on the first one's lattice, tested pixel by pixel in one
 * pass (detect/omnibus.h, docs/methods/omnibus.md).
 */
#ifndef TUBAN_SWEEP_SERIES_H
#define TUBAN_SWEEP_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "detect/omnibus.h"
#include "raster/engine.h"
#include "raster/epoch.h"

/** The dates, in the order they were taken. Zero-initialised is empty. */
typedef struct tb_series {
    int       dates, channels;
    tb_epoch *epoch[TB_OMNIBUS_DATES_MAX]; /**< one file each */
    tb_grid   lattice;
} tb_series;

/**
 * Opens the files and brings all to the lattice of the first; no date is registered to another.
 * Close with tb_series_close.
 * @param paths  of `dates` images, 2 .. TB_OMNIBUS_DATES_MAX.
 * @return TB_E_INPUT when one cannot be opened, has other bands than the first or more than
 *         TB_OMNIBUS_CHANNELS_MAX, or shows other ground.
 */
tb_status tb_series_open(tb_series *series, const char *const *paths, int dates, tb_error *err);
void      tb_series_close(tb_series *series);

/** What is asked of a series. Zero means the default. */
typedef struct tb_series_options {
    double   alpha;        /**< share of unchanged pixels that may be rejected; 0: 0.01 */
    double   looks;        /**< 0: estimated */
    bool     is_intensity; /**< samples are intensities, not amplitudes */
    uint64_t budget_bytes; /**< of memory; 0: 4 GiB */
} tb_series_options;

/** What is global about a series: fitted on a sample of its pixels. */
typedef struct tb_series_model {
    bool              is_intensity;
    double            alpha;
    int64_t           sampled; /**< pixels observed on all dates */
    float             gain[TB_OMNIBUS_DATES_MAX][TB_OMNIBUS_CHANNELS_MAX]; /**< to the first date */
    float             least[TB_OMNIBUS_CHANNELS_MAX]; /**< what a sample counts as at least */
    tb_omnibus_limits limits;                         /**< with the looks */
} tb_series_model;

/**
 * Gains, least samples and looks.
 * @return TB_E_INPUT when a file cannot be read or fewer than 1000 sampled pixels are observed on
 *         all dates; TB_E_MEMORY; TB_E_CANCELLED.
 */
tb_status tb_series_fit(tb_series_model *model, const tb_series *series,
                        const tb_series_options *options, const tb_engine *engine, tb_error *err);

/** Whole rows of the result. */
typedef struct tb_series_rows {
    tb_rect  rect;
    float   *score;  /**< z of the test of all dates; NaN: not observed on every date */
    uint8_t *change; /**< 0, 1, TB_SERIES_UNOBSERVED */
    uint8_t *number, *first, *last; /**< tb_omnibus_changes, or TB_SERIES_UNOBSERVED */
} tb_series_rows;

enum { TB_SERIES_UNOBSERVED = 255 };

/** Takes rows, from the top, one call at a time. */
typedef tb_status tb_series_fn(void *context, const tb_series_rows *rows, tb_error *err);

/**
 * Tests every pixel. Neither workers nor budget change a result.
 * @return TB_E_MEMORY with the least budget that would do when it is too small, else as
 *         tb_series_fit.
 */
tb_status tb_series_sweep(const tb_series *series, const tb_series_model *model,
                          const tb_series_options *options, const tb_engine *engine,
                          tb_series_fn *take, void *context, tb_error *err);

#endif
