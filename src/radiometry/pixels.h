/** The valid pixels of one stratum in both dates, as the radiometry room takes them. */
#ifndef TUBAN_RADIOMETRY_PIXELS_H
#define TUBAN_RADIOMETRY_PIXELS_H

#include <stdint.h>

enum { TB_PIXELS_BANDS_MAX = 16 };

/**
 * Band planes [bands][count], borrowed, in any unit; every value finite. The order of the pixels is
 * the caller's, and part of the result: sums run over fixed cells of it.
 */
typedef struct tb_pixels {
    int                 bands; /**< 1 .. TB_PIXELS_BANDS_MAX */
    int64_t             count;
    const float *const *before;
    const float *const *after;
} tb_pixels;

#endif
