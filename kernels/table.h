/** The typed table of row functions, and how one is chosen. Made in main, passed down, never changed. */
#ifndef TUBAN_KERNELS_TABLE_H
#define TUBAN_KERNELS_TABLE_H

#include "kernels/convert.h"
#include "kernels/cva.h"
#include "kernels/fir.h"
#include "kernels/gradient.h"

typedef struct tb_kernels {
    const char           *isa; /**< "c", "avx2" or "avx512" */
    tb_convert_u8_fn     *convert_u8;
    tb_convert_u16_fn    *convert_u16;
    tb_convert_i16_fn    *convert_i16;
    tb_cva_magnitude_fn  *cva_magnitude;
    tb_fir_row_fn        *fir_row;
    tb_fir_column_fn     *fir_column;
    tb_gradient_fn       *gradient;
} tb_kernels;

extern const tb_kernels tb_kernels_c;

enum { TB_FEATURE_AVX2 = 1, TB_FEATURE_AVX512 = 2 };

/** What this processor (and its operating system) can run, as a mask of TB_FEATURE_*. */
unsigned tb_kernels_features(void);

/** The best table for a feature mask; a pure function. */
const tb_kernels *tb_kernels_select(unsigned features);

/**
 * The table an override names ("c", "avx2", "avx512"), or NULL when the name is misspelt or the
 * features do not hold it. A NULL or empty name selects the best.
 */
const tb_kernels *tb_kernels_named(const char *name, unsigned features);

#endif
