/** Scores of a block: features, the method's row, smoothing, the method's finish. */
#ifndef TUBAN_DETECT_SCORE_H
#define TUBAN_DETECT_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "detect/method.h"
#include "kernels/table.h"
#include "raster/pair.h"

/** How a score is made; the same for all strata of a pair. */
typedef struct tb_scoring {
    const tb_method *method;
    int              bands;
    int   radius; /**< of the smoothing, pixels: the halo a block needs; 1 .. TB_FIR_RADIUS_MAX */
    float taps[TB_FIR_RADIUS_MAX + 1];
} tb_scoring;

/**
 * Gaussian taps exp(-k^2 / (2 sigma^2)) out to three sigma and a third; sigma 0 is no smoothing.
 * @param sigma pixels, 0 .. 4.5.
 */
void tb_scoring_smooth(tb_scoring *scoring, double sigma);

/** A worker's buffers. Zero-initialised is empty; free with tb_scores_reset. */
typedef struct tb_scores {
    tb_rect rect;     /**< the block without its halo */
    float  *score;    /**< rect.height * rect.width; NaN: not observed */
    float  *contrast; /**< likewise */
    float  *storage;
    size_t  capacity;
} tb_scores;

void tb_scores_reset(tb_scores *scores);

/** Bytes tb_scores_make holds for a block of so many pixels with its halo. */
size_t tb_scores_bytes(int64_t columns, int64_t rows);

/**
 * Scores the block less a halo of scoring->radius on every side.
 * @param radiometry  one a stratum, NULL where the stratum has none: not scored, NaN.
 */
tb_status tb_scores_make(tb_scores *scores, const tb_scoring *scoring, const tb_pair_block *block,
                         const tb_radiometry *const *radiometry, const tb_kernels *kernels,
                         tb_error *err);

#endif
