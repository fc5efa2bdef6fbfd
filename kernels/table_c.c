#include "kernels/isa.h"
#include "kernels/table.h"

#define TB_ISA_TEXT_OF(isa) #isa
#define TB_ISA_TEXT(isa)    TB_ISA_TEXT_OF(isa)

extern const tb_kernels TB_KERNEL(tb_kernels);

const tb_kernels TB_KERNEL(tb_kernels) = {
    .isa             = TB_ISA_TEXT(TB_ISA),
    .bilateral_row   = TB_KERNEL(tb_bilateral_row),
    .clip_row        = TB_KERNEL(tb_clip_row),
    .clip_add        = TB_KERNEL(tb_clip_add),
    .composite_score = TB_KERNEL(tb_composite_score),
    .convert_u8      = TB_KERNEL(tb_convert_u8),
    .convert_u16     = TB_KERNEL(tb_convert_u16),
    .convert_i16     = TB_KERNEL(tb_convert_i16),
    .cva_magnitude   = TB_KERNEL(tb_cva_magnitude),
    .fir_row         = TB_KERNEL(tb_fir_row),
    .fir_column      = TB_KERNEL(tb_fir_column),
    .forest_row      = TB_KERNEL(tb_forest_row),
    .gradient        = TB_KERNEL(tb_gradient),
    .gradient_add    = TB_KERNEL(tb_gradient_add),
    .joint_add       = TB_KERNEL(tb_joint_add),
    .joint_bins      = TB_KERNEL(tb_joint_bins),
    .resample_across = TB_KERNEL(tb_resample_across),
    .resample_down   = TB_KERNEL(tb_resample_down),
    .log_row         = TB_KERNEL(tb_log_row),
    .chi2_upper      = TB_KERNEL(tb_chi2_upper),
    .mad_root        = TB_KERNEL(tb_mad_root),
    .mad_statistic   = TB_KERNEL(tb_mad_statistic),
    .median_row      = TB_KERNEL(tb_median_row),
    .moments_add     = TB_KERNEL(tb_moments_add),
    .omnibus_row     = TB_KERNEL(tb_omnibus_row),
    .pick_u8         = TB_KERNEL(tb_pick_u8),
    .pick_u16        = TB_KERNEL(tb_pick_u16),
    .pick_u32        = TB_KERNEL(tb_pick_u32),
    .pick_u32_float  = TB_KERNEL(tb_pick_u32_float),
    .pick_i32_float  = TB_KERNEL(tb_pick_i32_float),
    .pick_f64_float  = TB_KERNEL(tb_pick_f64_float),
    .stencil_three   = TB_KERNEL(tb_stencil_three),
    .stencil_five    = TB_KERNEL(tb_stencil_five),
    .stencil_six     = TB_KERNEL(tb_stencil_six),
    .sum_u8          = TB_KERNEL(tb_sum_u8),
    .sum_u16         = TB_KERNEL(tb_sum_u16),
    .sum_u32         = TB_KERNEL(tb_sum_u32),
    .sum_u64         = TB_KERNEL(tb_sum_u64),
    .swap_u16        = TB_KERNEL(tb_swap_u16),
    .swap_u32        = TB_KERNEL(tb_swap_u32),
    .swap_u64        = TB_KERNEL(tb_swap_u64),
    .join_u32        = TB_KERNEL(tb_join_u32),
    .join_u64        = TB_KERNEL(tb_join_u64),
};
