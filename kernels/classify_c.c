#include "kernels/classify.h"

void TB_KERNEL(tb_classify)(uint8_t *restrict dst, const float *restrict score,
                            const float *restrict contrast, float weak, float strong, float least,
                            size_t n)
{
    for (size_t x = 0; x < n; x++) {
        int is_weak = (score[x] > 0.0f) & (score[x] >= weak) & (contrast[x] >= least);
        int kind    = is_weak + (is_weak & (score[x] >= strong));

        dst[x] = (uint8_t)(score[x] == score[x] ? kind : 3);
    }
}
