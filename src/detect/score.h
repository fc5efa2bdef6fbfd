/** Scores of a block: features, the method's row, smoothing, the method's finish. */
#ifndef TUBAN_DETECT_SCORE_H
#define TUBAN_DETECT_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "detect/cascade.h"
#include "detect/filter.h"
#include "detect/method.h"
#include "kernels/table.h"
#include "raster/pair.h"

/** The widest halo any scoring needs, pixels. */
enum { TB_SCORING_HALO_MAX = TB_FIR_RADIUS_MAX + TB_BILATERAL_RADIUS };

/** How a score is made; the same for all strata of a pair. */
typedef struct tb_scoring {
    const tb_method *method;
    const tb_filter *filter; /**< of tb_method_trained; NULL for the others */
    int              bands;
    int              halo;         /**< pixels a block needs around it: 1 .. TB_SCORING_HALO_MAX */
    tb_cascade       cascade;      /**< from the method's planes to those that `finish` takes */
    bool             keeps_planes; /**< tb_scores.plane is wanted */
} tb_scoring;

/**
 * Sets how the method's planes are smoothed.
 * @param sigma       of the Gaussian, pixels, 0 .. 4.5; 0 is none. For a method with speckle it is
 *                    of the first plane, which keeps its edges; the others get twice as much.
 * @param has_median  a median of five by five over the first plane comes before it.
 */
void tb_scoring_init(tb_scoring *scoring, const tb_method *method, int bands, double sigma,
                     bool has_median);

/** The same for tb_method_trained, as the filter says. Borrows the filter. */
void tb_scoring_init_trained(tb_scoring *scoring, const tb_filter *filter);

/** A worker's buffers. Zero-initialised is empty; free with tb_scores_reset. */
typedef struct tb_scores {
    tb_rect rect;     /**< the block without its halo */
    float  *score;    /**< rect.height * rect.width; NaN: not observed */
    float  *contrast; /**< likewise */
    /** Where the scoring keeps them, the smoothed planes, as large. Training reads them. */
    float *plane[TB_CASCADE_OUTPUTS_MAX];
    float *storage;
    size_t capacity;
} tb_scores;

void tb_scores_reset(tb_scores *scores);

/** Bytes tb_scores_make holds at most for a block of so many pixels with its halo, of which `kept`
 * planes are kept; and tb_scores_hand_out. */
size_t tb_scores_bytes(int kept, int64_t columns, int64_t rows);
size_t tb_scores_row_bytes(int64_t columns);

/**
 * Scores the block less scoring->halo pixels on every side; of the block what is not read yet is
 * read row by row.
 * @param radiometry  one a stratum, NULL where the stratum has none: not scored, NaN.
 */
tb_status tb_scores_make(tb_scores *scores, const tb_scoring *scoring, tb_pair_block *block,
                         const tb_radiometry *const *radiometry, const tb_kernels *kernels,
                         tb_error *err);

/** Takes scores and contrasts of the block's row `y`, from its column scoring->halo on. */
typedef tb_status tb_score_row_fn(void *context, int64_t y, const float *score,
                                  const float *contrast, tb_error *err);

/** Rows of the block that lie from the one before a row that is taken to the newest that is needed.
 */
static inline int64_t tb_scoring_rows(int halo)
{
    return 1 + halo + TB_CASCADE_AHEAD + 1;
}

/**
 * The same scores, handed out row by row and not kept; nor need the block keep more than
 * tb_scoring_rows of its rows.
 * @return what reading the block or `take` fails with, TB_E_MEMORY.
 */
tb_status tb_scores_hand_out(tb_scores *scores, const tb_scoring *scoring, tb_pair_block *block,
                             const tb_radiometry *const *radiometry, tb_score_row_fn *take,
                             void *context, const tb_kernels *kernels, tb_error *err);

#endif
