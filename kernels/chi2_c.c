#include "kernels/chi2.h"

#include "kernels/lanes.h"
#include "kernels/real.h"

enum {
    CHUNK     = 256,
    STRIP     = 4, /* registers side by side: a polynomial's steps wait for each other */
    PIXELS    = STRIP * TB_VECTOR,
    TERMS_MAX = TB_CHI2_DEGREES_MAX / 2
};

typedef int64_t bits __attribute__((vector_size(sizeof(tb_vector))));

typedef struct strip {
    tb_vector part[STRIP];
} strip;

/* t = z / 2 of n elements, then zeros. */
static void halve(double *restrict t, const double *restrict z, size_t n, size_t padded)
{
    for (size_t x = 0; x < n; x++) {
        double half = 0.5 * z[x];

        /* e^-t is 0 from 708 on; the bound keeps the powers of t finite there. */
        half = half < 0.0 ? 0.0 : half;
        t[x] = half > 1000.0 ? 1000.0 : half;
    }
    for (size_t x = n; x < padded; x++)
        t[x] = 0.0;
}

/* One step of Horner's rule: p * x + term. */
static inline strip step(strip p, strip x, double term)
{
#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        p.part[k] = p.part[k] * x.part[k] + term;
    return p;
}

static inline strip multiply(strip a, strip b)
{
#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        a.part[k] *= b.part[k];
    return a;
}

static inline strip constant(double value)
{
    strip all;

#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        all.part[k] = (tb_vector){0} + value;
    return all;
}

/* tb_real_exp(-t), the same bits, for 0 <= t <= 1000 and NaN. */
static inline strip exp_of_minus(strip t)
{
    const double shift = 0x1.8p52;
    strip        r, scale, p;

#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++) {
        tb_vector shifted = -t.part[k] * 0x1.71547652b82fep0 + shift, whole = shifted - shift;

        r.part[k]     = (-t.part[k] - whole * TB_REAL_LN2_HIGH) - whole * TB_REAL_LN2_LOW;
        scale.part[k] = (tb_vector)(((bits)shifted << 52) + 0x3ff0000000000000);
    }
    p = constant(tb_real_exp_term[0]);
#pragma GCC unroll 16
    for (int j = 1; j < TB_REAL_EXP_TERMS; j++)
        p = step(p, r, tb_real_exp_term[j]);
    p = multiply(p, scale);
#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        p.part[k] = (tb_vector)((bits)p.part[k] & ~(bits)(t.part[k] > 708.0));
    return p;
}

/* tb_real_erfcx, the same bits. */
static inline strip erfcx_of(strip x)
{
    strip u, p;

#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        u.part[k] = (x.part[k] - 4.0) / (x.part[k] + 4.0);
    p = constant(tb_real_erfcx_term[0]);
#pragma GCC unroll 32
    for (int j = 1; j < TB_REAL_ERFCX_TERMS; j++)
        p = step(p, u, tb_real_erfcx_term[j]);
#pragma GCC unroll 4
    for (int k = 0; k < STRIP; k++)
        p.part[k] /= 1.0 + 2.0 * x.part[k];
    return p;
}

static inline strip sum_terms(strip t, const double *term, int terms)
{
    strip sum = constant(terms > 0 ? term[terms - 1] : 0.0);

    for (int j = terms - 2; j >= 0; j--)
        sum = step(sum, t, term[j]);
    return sum;
}

static void finish_even(double *p, const double *t, const double *term, int terms, size_t n)
{
    for (size_t x = 0; x < n; x += PIXELS) {
        strip of = *(const strip *)(t + x);

        *(strip *)(p + x) = multiply(exp_of_minus(of), sum_terms(of, term, terms));
    }
}

/* erfc(sqrt t) is e^-t erfcx(sqrt t): one exponential, and of a t that was never rounded. */
static void finish_odd(double *p, const double *t, const double *term, int terms, size_t n)
{
    _Alignas(64) double root[CHUNK];

    for (size_t x = 0; x < n; x++)
        root[x] = sqrt(t[x]);
    for (size_t x = 0; x < n; x += PIXELS) {
        strip of = *(const strip *)(t + x), root_of = *(const strip *)(root + x);
        strip sum = multiply(root_of, sum_terms(of, term, terms)), tail = erfcx_of(root_of);

#pragma GCC unroll 4
        for (int k = 0; k < STRIP; k++)
            sum.part[k] = tail.part[k] + sum.part[k];
        *(strip *)(p + x) = multiply(exp_of_minus(of), sum);
    }
}

void TB_KERNEL(tb_chi2_upper)(double *restrict p, const double *restrict z, int degrees, size_t n)
{
    const int           is_odd = degrees & 1;
    const int           terms  = degrees / 2;
    double              term[TERMS_MAX];
    _Alignas(64) double t[CHUNK], value[CHUNK];

    /* 1/j!, or 1/Gamma(j + 1/2) from 1/Gamma(3/2) = 2/sqrt(pi). */
    term[0] = is_odd ? 0x1.20dd750429b6dp+0 : 1.0;
    for (int j = 1; j < terms; j++)
        term[j] = term[j - 1] / (is_odd ? j + 0.5 : j);

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        size_t padded = (length + PIXELS - 1) / PIXELS * PIXELS;

        halve(t, z + at, length, padded);
        if (is_odd)
            finish_odd(value, t, term, terms, padded);
        else
            finish_even(value, t, term, terms, padded);
        for (size_t x = 0; x < length; x++)
            p[at + x] = value[x] > 1.0 ? 1.0 : value[x];
    }
}
