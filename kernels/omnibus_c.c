#include "kernels/omnibus.h"

#include <string.h>

#include "kernels/real.h"

enum { CHUNK = 128 };

typedef struct chunk {
    double total[CHUNK], sum[CHUNK];
    float  source[CHUNK];
} chunk;

/* One date of one channel; what is not above 0 makes the total NaN. */
static void add_date(chunk *c)
{
    for (int x = 0; x < CHUNK; x++) {
        double value = (double)c->source[x];
        double log   = tb_real_log(value);

        c->total[x] += value > 0.0 ? log : (double)NAN;
        c->sum[x] += value;
    }
}

static void subtract_sum(chunk *c, double dates)
{
    for (int x = 0; x < CHUNK; x++)
        c->total[x] -= dates * tb_real_log(c->sum[x]);
}

void TB_KERNEL(tb_omnibus_row)(double *restrict z, const float *const *intensity,
                               const tb_omnibus *test, size_t n)
{
    const double k = test->dates, p = test->channels, looks = test->looks;
    const double rho   = 1.0 - (k / looks - 1.0 / (looks * k)) / (6.0 * (k - 1.0));
    const double first = p * k * tb_real_log(k), factor = -2.0 * rho * looks;
    chunk        c;

    for (int x = 0; x < CHUNK; x++)
        c.source[x] = 1.0f;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        for (int x = 0; x < CHUNK; x++)
            c.total[x] = first;
        for (int b = 0; b < test->channels; b++) {
            for (int x = 0; x < CHUNK; x++)
                c.sum[x] = 0.0;
            for (int i = 0; i < test->dates; i++) {
                memcpy(c.source, intensity[i * test->channels + b] + at, length * sizeof(float));
                add_date(&c);
            }
            subtract_sum(&c, k);
        }
        for (size_t x = 0; x < length; x++) {
            double value = factor * c.total[x];

            z[at + x] = value < 0.0 ? 0.0 : value; /* equal dates, but for rounding */
        }
    }
}
