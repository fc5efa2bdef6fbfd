/**
 * Growing trees with XGBoost (Chen & Guestrin 2016). The only file that knows the library, which is
 * loaded when it is wanted: judging with a filter needs none of it.
 *
 * One thread and one seed: the same pixels give the same trees on one machine. Another processor's
 * libm may round otherwise, so a filter is trained once and kept, as any other input is.
 */
#ifndef TUBAN_TRAIN_BOOSTER_H
#define TUBAN_TRAIN_BOOSTER_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "detect/filter.h"

/** How trees are grown; all that XGBoost is told beside its objective, binary:logistic. */
typedef struct tb_growth {
    int    trees, depth; /**< depth 1 .. 3 */
    double rate;         /**< of learning (eta) */
    int    bins;         /**< of a feature's histogram */
    int    seed;
} tb_growth;

typedef struct tb_booster tb_booster;

/**
 * Loads the library; close with tb_booster_close. `version` gets e.g. "1.7.4".
 * @return TB_E_INPUT that says what to install, where there is none or tuban was built without it.
 */
tb_status tb_booster_open(tb_booster **out, char version[16], tb_error *err);
void      tb_booster_close(tb_booster *booster);

/** Examples: [count][TB_FILTER_FEATURES] features, class (0 or 1) and weight of each; borrowed. */
typedef struct tb_examples {
    int64_t      count;
    const float *features, *label, *weight;
} tb_examples;

/**
 * Grows filter->trees trees into filter->tree.
 * @param margin  gets XGBoost's own margin of each example (the tests compare it); may be NULL.
 * Threads: one caller per object.   Cost: O(examples * features * trees), some 120 bytes an
 * example.
 */
tb_status tb_booster_grow(tb_booster *booster, const tb_examples *examples, const tb_growth *growth,
                          tb_filter *filter, float *margin, tb_error *err);

#endif
