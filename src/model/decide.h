/** The threshold of a stratum, from the scores of its sample. docs/methods/threshold.md */
#ifndef TUBAN_MODEL_DECIDE_H
#define TUBAN_MODEL_DECIDE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "detect/method.h"
#include "model/fit.h"
#include "model/model.h"

/** Scores, contrasts and roughness of a sample, counted; integers, so the order of pixels is no
 * matter. */
typedef struct tb_tally {
    int      bands;
    int64_t *score; /**< finely, by score */
    int64_t *joint; /**< coarsely, by contrast in steps of TB_CONTRAST_STEP and score */
    int64_t *rough; /**< by band and |second difference of the dates' difference| / spread */
} tb_tally;

tb_status tb_tally_init(tb_tally *tally, int bands, tb_error *err);
void      tb_tally_reset(tb_tally *tally);

/** Bytes it holds. */
size_t tb_tally_bytes(int bands);

/** The same as tb_tally_init in memory of that many bytes, 64-byte aligned and borrowed: not to be
 * reset. */
void tb_tally_place(tb_tally *tally, int bands, void *memory);

/** Adds what another has counted. */
void tb_tally_merge(tb_tally *tally, const tb_tally *other);

/** Counts the scores and contrasts of `count` columns of a row; NaN is not counted. */
void tb_tally_add(tb_tally *tally, const float *score, const float *contrast, const int32_t *column,
                  int count);

/** Counts second differences of a band, in its spread, likewise. */
void tb_tally_add_rough(tb_tally *tally, int band, const float *second_difference,
                        const int32_t *column, int count);

/**
 * Chooses rule and value (see options->prior), the absolute bound, the hysteresis around the value,
 * and says why nothing is flagged where nothing is. For the omnibus method options->looks are those
 * of the stratum.
 *
 * The bound is the root of m0^2 and the noise's own contrast squared: a magnitude is never
 * negative, so noise does not cancel in its mean. The noise is measured as the median roughness of
 * the difference.
 */
tb_status tb_threshold_decide(tb_model_threshold *threshold, const tb_tally *tally,
                              const tb_method *method, const tb_fit_options *options,
                              tb_error *err);

/** Multiplies the value a rule gave, as model.yaml holds it, and the hysteresis around it. */
void tb_threshold_scale(tb_model_threshold *threshold, double factor);

#endif
