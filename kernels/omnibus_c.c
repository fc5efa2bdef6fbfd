#include "kernels/omnibus.h"

#include "kernels/real.h"

enum { CHUNK = 256 };

/* Adds sum_i ln c_i - k ln sum_i c_i of one channel. */
static void add_channel(double *restrict total, const float *const *intensity, int channel,
                        const tb_omnibus *test, size_t at, size_t n)
{
    const double dates = test->dates;
    double       sum[CHUNK];

    for (size_t x = 0; x < n; x++)
        sum[x] = 0.0;
    for (int i = 0; i < test->dates; i++) {
        const float *restrict source = intensity[i * test->channels + channel] + at;

        for (size_t x = 0; x < n; x++) {
            double value = (double)source[x];
            double log   = tb_real_log(value);

            total[x] += value > 0.0 ? log : (double)NAN;
            sum[x] += value;
        }
    }
    for (size_t x = 0; x < n; x++)
        total[x] -= dates * tb_real_log(sum[x]);
}

void TB_KERNEL(tb_omnibus_row)(double *restrict z, const float *const *intensity,
                               const tb_omnibus *test, size_t n)
{
    const double k = test->dates, p = test->channels, looks = test->looks;
    const double rho   = 1.0 - (k / looks - 1.0 / (looks * k)) / (6.0 * (k - 1.0));
    const double first = p * k * tb_real_log(k), factor = -2.0 * rho * looks;

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        double total[CHUNK];

        for (size_t x = 0; x < length; x++)
            total[x] = first;
        for (int b = 0; b < test->channels; b++)
            add_channel(total, intensity, b, test, at, length);
        for (size_t x = 0; x < length; x++) {
            double value = factor * total[x];

            z[at + x] = value < 0.0 ? 0.0 : value; /* equal dates, but for rounding */
        }
    }
}
