/** The features of the cells a registration is to be fitted on. */
#ifndef TUBAN_ALIGN_COLLECT_H
#define TUBAN_ALIGN_COLLECT_H

#include "align/feature.h"
#include "align/registration.h"

enum { TB_ALIGN_CELLS = 32, TB_ALIGN_HELD = 4 };

/* Memory for features; `taken` of its floats are. */
typedef struct tb_align_room {
    float *memory;
    size_t floats, taken;
} tb_align_room;

struct tb_align {
    const tb_kernels *kernels;
    int               bands;
    tb_feature        feature[TB_ALIGN_CELLS]; /* gradients until tb_align_finish */
    int               count;
    tb_align_room room[TB_ALIGN_CELLS + TB_ALIGN_HELD]; /* what was held is used again: the system
                                           is slow to give new memory */
    int           rooms;
    float        *rows; /* tb_feature_make's, for cells of up to `widest` pixels */
    int64_t       widest;
    double       *weights; /* tb_feature_weigh's, when they are known */
    bool          is_weighed;
    tb_align_cell held[TB_ALIGN_HELD]; /* until they are; pointing into planes and storage */
    const float **planes;
    float        *storage[TB_ALIGN_HELD];
    int           held_count;
};

/** Makes the features of what is still held, and finishes all. */
tb_status tb_align_finish(tb_align *align, tb_error *err);

#endif
