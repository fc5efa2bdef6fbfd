#include "kernels/chi2.h"

#include "kernels/real.h"

enum { CHUNK = 256, TERMS_MAX = TB_CHI2_DEGREES_MAX / 2 };

static void halve(double *restrict t, const double *restrict z, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        double half = 0.5 * z[x];

        /* e^-t is 0 from 708 on; the bound keeps the powers of t finite there. */
        half = half < 0.0 ? 0.0 : half;
        t[x] = half > 1000.0 ? 1000.0 : half;
    }
}

/* Horner's rule, one term of all elements at a time. */
static void add_terms(double *restrict sum, const double *restrict t, const double *term, int terms,
                      size_t n)
{
    for (size_t x = 0; x < n; x++)
        sum[x] = terms > 0 ? term[terms - 1] : 0.0;
    for (int j = terms - 2; j >= 0; j--) {
        const double next = term[j];

        for (size_t x = 0; x < n; x++)
            sum[x] = sum[x] * t[x] + next;
    }
}

static void finish_even(double *restrict p, const double *restrict sum, const double *restrict t,
                        size_t n)
{
    for (size_t x = 0; x < n; x++) {
        double value = tb_real_exp(-t[x]) * sum[x];

        p[x] = value > 1.0 ? 1.0 : value;
    }
}

/* erfc(sqrt t) is e^-t erfcx(sqrt t): one exponential, and of a t that was never rounded. */
static void finish_odd(double *restrict p, const double *restrict sum, const double *restrict t,
                       size_t n)
{
    for (size_t x = 0; x < n; x++) {
        double root  = sqrt(t[x]);
        double value = tb_real_exp(-t[x]) * (tb_real_erfcx(root) + root * sum[x]);

        p[x] = value > 1.0 ? 1.0 : value;
    }
}

void TB_KERNEL(tb_chi2_upper)(double *restrict p, const double *restrict z, int degrees, size_t n)
{
    const int is_odd = degrees & 1;
    const int terms  = degrees / 2;
    double    term[TERMS_MAX], t[CHUNK], sum[CHUNK];

    /* 1/j!, or 1/Gamma(j + 1/2) from 1/Gamma(3/2) = 2/sqrt(pi). */
    term[0] = is_odd ? 0x1.20dd750429b6dp+0 : 1.0;
    for (int j = 1; j < terms; j++)
        term[j] = term[j - 1] / (is_odd ? j + 0.5 : j);

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        halve(t, z + at, length);
        add_terms(sum, t, term, terms, length);
        if (is_odd)
            finish_odd(p + at, sum, t, length);
        else
            finish_even(p + at, sum, t, length);
    }
}
