/** The typed table of row functions, and how one is chosen. Made in main, passed down, never
 * changed. */
#ifndef TUBAN_KERNELS_TABLE_H
#define TUBAN_KERNELS_TABLE_H

#include "kernels/adler.h"
#include "kernels/bilateral.h"
#include "kernels/chi2.h"
#include "kernels/classify.h"
#include "kernels/clip.h"
#include "kernels/composite.h"
#include "kernels/convert.h"
#include "kernels/cva.h"
#include "kernels/draw.h"
#include "kernels/fir.h"
#include "kernels/forest.h"
#include "kernels/gradient.h"
#include "kernels/irmad.h"
#include "kernels/joint.h"
#include "kernels/log.h"
#include "kernels/mad.h"
#include "kernels/median.h"
#include "kernels/moments.h"
#include "kernels/omnibus.h"
#include "kernels/pick.h"
#include "kernels/predict.h"
#include "kernels/resample.h"
#include "kernels/rough.h"
#include "kernels/stencil.h"

typedef struct tb_kernels {
    const char            *isa; /**< "c", "avx2" or "avx512" */
    tb_adler_fn           *adler;
    tb_bilateral_row_fn   *bilateral_row;
    tb_classify_fn        *classify;
    tb_clip_row_fn        *clip_row;
    tb_clip_add_fn        *clip_add;
    tb_composite_score_fn *composite_score;
    tb_convert_u8_fn      *convert_u8;
    tb_convert_u16_fn     *convert_u16;
    tb_convert_i16_fn     *convert_i16;
    tb_cva_magnitude_fn   *cva_magnitude;
    tb_draw_row_fn        *draw_row;
    tb_draw_count_fn      *draw_count;
    tb_finite_count_fn    *finite_count;
    tb_fir_row_fn         *fir_row;
    tb_fir_columns_fn     *fir_columns;
    tb_forest_row_fn      *forest_row;
    tb_gradient_fn        *gradient;
    tb_gradient_fn        *gradient_told;
    tb_difference_fn      *difference;
    tb_gradient_add_fn    *gradient_add;
    tb_irmad_add_fn       *irmad_add;
    tb_joint_add_fn       *joint_add;
    tb_joint_bins_fn      *joint_bins;
    tb_joint_count_fn     *joint_count;
    tb_resample_across_fn *resample_across;
    tb_resample_down_fn   *resample_down;
    tb_log_row_fn         *log_row;
    tb_chi2_upper_fn      *chi2_upper;
    tb_mad_root_fn        *mad_root;
    tb_mad_statistic_fn   *mad_statistic;
    tb_median_row_fn      *median_row;
    tb_moments_add_fn     *moments_add;
    tb_omnibus_row_fn     *omnibus_row;
    tb_part_u8_fn         *part_u8;
    tb_part_u16_fn        *part_u16;
    tb_pick_u8_fn         *pick_u8;
    tb_pick_u16_fn        *pick_u16;
    tb_pick_u32_fn        *pick_u32;
    tb_pick_u32_float_fn  *pick_u32_float;
    tb_pick_i32_float_fn  *pick_i32_float;
    tb_pick_f64_float_fn  *pick_f64_float;
    tb_rough_row_fn       *rough_row;
    tb_slopes_fn          *slopes;
    tb_stencil_fn         *stencil_three;
    tb_stencil_fn         *stencil_five;
    tb_stencil_fn         *stencil_six;
    tb_sum_u8_fn          *sum_u8;
    tb_sum_u16_fn         *sum_u16;
    tb_sum_u32_fn         *sum_u32;
    tb_sum_u64_fn         *sum_u64;
    tb_swap_u16_fn        *swap_u16;
    tb_swap_u32_fn        *swap_u32;
    tb_swap_u64_fn        *swap_u64;
    tb_join_u32_fn        *join_u32;
    tb_join_u64_fn        *join_u64;
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
