#include <stddef.h>
#include <string.h>

#include "kernels/table.h"

#if TB_HAVE_X86
extern const tb_kernels tb_kernels_avx2;
extern const tb_kernels tb_kernels_avx512;
#endif

unsigned tb_kernels_features(void)
{
    unsigned features = 0;

#if TB_HAVE_X86
    if (__builtin_cpu_supports("avx2"))
        features |= TB_FEATURE_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        features |= TB_FEATURE_AVX512;
#endif
    return features;
}

const tb_kernels *tb_kernels_select(unsigned features)
{
#if TB_HAVE_X86
    if (features & TB_FEATURE_AVX512)
        return &tb_kernels_avx512;
    if (features & TB_FEATURE_AVX2)
        return &tb_kernels_avx2;
#endif
    (void)features;
    return &tb_kernels_c;
}

const tb_kernels *tb_kernels_named(const char *name, unsigned features)
{
    if (name == NULL || name[0] == '\0')
        return tb_kernels_select(features);
    if (strcmp(name, "c") == 0)
        return tb_kernels_select(0);
    if (strcmp(name, "avx2") == 0 && (features & TB_FEATURE_AVX2))
        return tb_kernels_select(TB_FEATURE_AVX2);
    if (strcmp(name, "avx512") == 0 && (features & TB_FEATURE_AVX512))
        return tb_kernels_select(TB_FEATURE_AVX512);
    return NULL;
}
