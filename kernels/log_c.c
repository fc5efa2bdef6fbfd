#include "kernels/log.h"

#include "kernels/real.h"

void TB_KERNEL(tb_log_row)(float *restrict dst, const float *restrict src, float offset, size_t n)
{
    const double shift = (double)offset;

    for (size_t x = 0; x < n; x++) {
        double sum   = (double)src[x] + shift;
        double value = tb_real_log(sum);

        dst[x] = (float)(sum > 0.0 ? value : (double)NAN);
    }
}
