/** The pixels of one stratum that the sample draws: what a fit rests on. */
#ifndef TUBAN_MODEL_DRAWN_H
#define TUBAN_MODEL_DRAWN_H

#include <stdint.h>

#include "core/error.h"
#include "core/memory.h"
#include "model/gather.h"
#include "model/sample.h"

/** The valid pixels in the order of the cells, and the stratum's borders. With sample, arena,
 * stratum, bands, strata and border set, else zero, it is empty; free with tb_drawn_reset. */
typedef struct tb_drawn {
    const tb_sample *sample;
    tb_arena        *arena; /**< where all of it lies: no other step may begin there meanwhile */
    int              stratum, bands;
    int64_t          count, capacity;
    float           *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];
    float           *spare[2]; /**< as large, for who computes with the pixels */
    int64_t         *border;   /**< [strata] pixel pairs beside each other */
    int              strata;
} tb_drawn;

void tb_drawn_reset(tb_drawn *drawn);

/** Bytes of the arena that so many pixels take, and a few more that may be drawn by chance. */
size_t tb_drawn_bytes(int bands, int64_t pixels);

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
