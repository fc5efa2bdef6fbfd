/** The features of the cells a registration is to be fitted on. */
#ifndef TUBAN_ALIGN_COLLECT_H
#define TUBAN_ALIGN_COLLECT_H

#include "align/feature.h"
#include "align/registration.h"

/* Whether a cell is worth its time. */
typedef struct tb_align_look {
    int64_t valid;     /* pixels of the first band that are there in both dates */
    bool    varies[2]; /* a band of the date holds two values */
    float  *first;     /* [2 * bands] the first value; NaN: there was none yet */
} tb_align_look;

struct tb_align {
    const tb_kernels *kernels;
    int               bands;
    int               cells, count; /* features: of so many cells; of those that are used, later */
    tb_feature       *feature;
    tb_align_look    *look; /* [cells + 1], the last one of the cell that is weighed */
    float            *first;
    double           *weights; /* [2 * bands] */
    int               weighed; /* cells that they were found on */

    tb_feature_spread *spread, *spread_before; /* [2 * bands]; without the cell that is weighed */

    float *rows; /* a maker's, for each worker */
    size_t rows_each;
    void  *fourier; /* room for the coarse search */
};

/** Drops what is not worth its time, and finishes the features of the rest. */
void tb_align_finish(tb_align *align);

#endif
