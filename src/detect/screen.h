/**
 * The screen for clouds and their shadows where no mask was delivered: what is very bright in all
 * bands on one date and not on the other, over some area, its rim, and what is dark in all bands
 * likewise, is not observed. docs/observed.md
 *
 * It is decided on the sample whether a stratum has clouds at all; where it has none nothing is
 * screened. Everything is comparisons and counts in boxes: the same for any block.
 */
#ifndef TUBAN_DETECT_SCREEN_H
#define TUBAN_DETECT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "raster/pair.h"

/** Ways to look at a block. */
typedef enum tb_screen_look {
    TB_SCREEN_ALL,   /**< clouds, rims and shadows, by quantiles of clear ground */
    TB_SCREEN_FIND,  /**< clouds for certain, while they are still among the quantiles */
    TB_SCREEN_CLEAN, /**< likewise, but generously: what is left is clear ground */
} tb_screen_look;

/** What clear ground of a stratum looks like, by date (earlier, later) and band. */
typedef struct tb_screen {
    bool           is_used;
    double         cloud; /**< share of the sample that the first look found */
    tb_screen_look look;
    double         middle[2][TB_BANDS_MAX]; /**< median; a lower rank while clouds are among them */
    double         low[2][TB_BANDS_MAX];    /**< from the .16 quantile to the median */
    double         high[2][TB_BANDS_MAX];   /**< from the median to the .84 quantile */
} tb_screen;

/** Pixels around a block that a screen needs, and bytes it takes for one pixel of a block. */
enum { TB_SCREEN_HALO = 44, TB_SCREEN_PIXEL_BYTES = 5 };

/** The least share of a stratum's sample under clouds from where it is screened. */
extern const double TB_SCREEN_CLOUD_LEAST;

/**
 * Fills the quantiles from pixels of both dates, [bands][count].
 * @return TB_E_MEMORY.   Cost: 65536 pixels at most are looked at, evenly spread.
 */
tb_status tb_screen_learn(tb_screen *screen, const float *const *before, const float *const *after,
                          int bands, int64_t count, tb_error *err);

/** The share of the pixels that are cloud-bright by themselves, on the same 65536. */
double tb_screen_bright_share(const tb_screen *screen, const float *const *before,
                              const float *const *after, int bands, int64_t count);

/** A worker's buffers. Zero-initialised is empty; free with tb_screen_buffers_reset. */
typedef struct tb_screen_buffers {
    uint8_t *storage;
    size_t   capacity;
} tb_screen_buffers;

void tb_screen_buffers_reset(tb_screen_buffers *buffers);

/**
 * Makes what is screened not observed (stratum -1) and crops the block by TB_SCREEN_HALO.
 * @param screen  one a stratum; NULL or not used: nothing of it is screened.
 */
tb_status tb_screen_apply(tb_screen_buffers *buffers, tb_pair_block *block, int bands,
                          const tb_screen *const *screen, tb_error *err);

#endif
