/** The examples a filter is trained on, its cross-validation and its cut. docs/train.md */
#ifndef TUBAN_TRAIN_TRAINING_H
#define TUBAN_TRAIN_TRAINING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/rect.h"
#include "detect/filter.h"
#include "kernels/table.h"
#include "train/booster.h"

enum {
    TB_TRAINING_PAIR_MOST = 1 << 18, /* examples of one pair */
    TB_TRAINING_MOST      = 1 << 21, /* of all pairs */
    TB_TRAINING_BYTES     = 256,     /* an example takes at most, with XGBoost's copies */
    TB_TRAINING_FOLDS     = 4,       /* where pairs are too few to be left out whole */
    TB_TRAINING_PAIRS     = 3,       /* and from how many on they are left out whole */
};

/** One pair's part, and what cross-validation said of it. */
typedef struct tb_training_pair {
    int64_t examples, changed;     /**< taken, and of them changed */
    int64_t validated;             /**< that were judged by trees that had not seen them */
    double  f1, precision, recall; /**< of those, at the cut; NaN where not defined */
} tb_training_pair;

typedef struct tb_training {
    int               pairs, folds;
    bool              is_by_pair; /**< a fold is a pair; else a quarter of each pair's blocks */
    tb_training_pair *pair;
    int64_t           count, capacity;
    float            *features; /**< [count][TB_FILTER_FEATURES] */
    float            *label;    /**< 0 or 1 */
    int16_t          *of_pair;
    uint8_t          *fold;      /**< TB_TRAINING_NO_FOLD: too near to another one's block */
    bool             *is_within; /**< its contrast reaches the absolute bound */
    double            f1, precision, recall; /**< means over the pairs that changed somewhere */
} tb_training;

enum { TB_TRAINING_NO_FOLD = 255 };

tb_status tb_training_init(tb_training *training, int pairs, tb_error *err);
void      tb_training_reset(tb_training *training);

/** Examples to take of a pair with so many labelled pixels, as a share of them. */
double tb_training_share(const tb_training *training, int64_t labelled);

/** The fold of the pixel (x, y) of a lattice; blocks of 1/4 of its sides, apart by two halos. */
uint8_t tb_training_fold(const tb_training *training, int pair, tb_rect lattice, int halo,
                         int64_t x, int64_t y);

/** Adds an example. */
tb_status tb_training_add(tb_training *training, int pair, const float *features, bool is_changed,
                          bool is_within, uint8_t fold, tb_error *err);

/**
 * Grows the filter's trees on all examples, and chooses its cut where the mean F1 over pairs is
 * greatest in cross-validation. Pairs weigh the same, however many examples they have.
 * @return TB_E_INPUT where both classes, or folds with both, are not there.
 */
tb_status tb_training_run(tb_training *training, tb_booster *booster, const tb_growth *growth,
                          tb_filter *filter, const tb_kernels *kernels, tb_error *err);

#endif
