/** The pixels of one stratum that the sample draws: what a fit rests on. */
#ifndef TUBAN_MODEL_DRAWN_H
#define TUBAN_MODEL_DRAWN_H

#include <stdint.h>

#include "core/error.h"
#include "model/gather.h"
#include "model/sample.h"

/** The valid pixels in the order of the cells, and the stratum's borders. With sample, stratum,
 * bands, strata and border set, else zero, it is empty; free with tb_drawn_reset. */
typedef struct tb_drawn {
    const tb_sample *sample;
    int              stratum, bands;
    int64_t          count, capacity;
    float           *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];
    int64_t         *border; /**< [strata] pixel pairs beside each other */
    int              strata;
} tb_drawn;

void tb_drawn_reset(tb_drawn *drawn);

/**
 * Chooses cells and reads them, and where too little of what is drawn is valid all of their pixels
 * and then further cells, until enough is.
 * @param sample  drawn->sample: how many cells are chosen, and the share of their pixels, is set.
 * @param share   that is asked for; 0: none.
 * @return what reading fails with, TB_E_MEMORY.
 */
tb_status tb_drawn_gather(tb_drawn *drawn, tb_gather *gather, tb_sample *sample, double share,
                          const tb_engine *engine, tb_error *err);

/** Reads the chosen cells again, in place of what there was. */
tb_status tb_drawn_again(tb_drawn *drawn, tb_gather *gather, const tb_engine *engine,
                         tb_error *err);

#endif
