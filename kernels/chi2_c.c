#include "kernels/chi2.h"

#include "kernels/centred.h"
#include "kernels/lanes.h"
#include "kernels/real.h"

enum {
    STRIP     = 8, /* registers side by side: a polynomial's steps wait for each other */
    PIXELS    = STRIP * TB_VECTOR,
    TERMS_MAX = TB_CHI2_DEGREES_MAX / 2
};

_Static_assert(TB_CHUNK % PIXELS == 0, "a chunk is of whole strips");

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

/*
 * One step of Horner's rule: p * x + term. All registers take it before any takes the next:
 * compilers would finish one polynomial before they begin another, and what waits for each of its
 * steps fills the processor's queue.
 */
static inline strip step(strip p, strip x, double term)
{
#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        p.part[k] = p.part[k] * x.part[k] + term;
#ifdef __x86_64__
    _Static_assert(STRIP == 8, "all of them");
    __asm__(""
            : "+v"(p.part[0]), "+v"(p.part[1]), "+v"(p.part[2]), "+v"(p.part[3]), "+v"(p.part[4]),
              "+v"(p.part[5]), "+v"(p.part[6]), "+v"(p.part[7]));
#endif
    return p;
}

static inline strip multiply(strip a, strip b)
{
#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        a.part[k] *= b.part[k];
    return a;
}

static inline strip constant(double value)
{
    strip all;

#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        all.part[k] = (tb_vector){0} + value;
    return all;
}

/*
 * e^x for |x| <= ln 2 / 2 to 1.4e-14 of itself, the highest power first: the Chebyshev expansion,
 * cut after T_9 and written out in powers of x. Derived with 60 digits.
 */
enum { NEAR_TERMS = 10 };
static const double near_term[NEAR_TERMS] = {
    0x1.72e107c874de9p-19, 0x1.a17df0d914d6cp-16, 0x1.a01994c849582p-13, 0x1.6c162bb7d965cp-10,
    0x1.11111123bf154p-7,  0x1.55555588b8403p-5,  0x1.5555555550d88p-3,  0x1.ffffffffe74f1p-2,
    0x1.0000000000006p+0,  0x1.000000000003dp+0};

/* tb_real_exp(-t), the same bits, for 0 <= t <= 708 and NaN; where it need not be that near, to
 * 1e-13 of itself. What it is beyond means nothing. */
static inline strip exp_of_minus(strip t, const int is_near)
{
    const double  shift = 0x1.8p52;
    const double *term  = is_near ? near_term : tb_real_exp_term;
    const int     terms = is_near ? (int)NEAR_TERMS : (int)TB_REAL_EXP_TERMS;
    strip         r, scale, p;

#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++) {
        tb_vector shifted = -t.part[k] * 0x1.71547652b82fep0 + shift, whole = shifted - shift;

        if (is_near)
            r.part[k] = -t.part[k] - whole * (TB_REAL_LN2_HIGH + TB_REAL_LN2_LOW);
        else
            r.part[k] = (-t.part[k] - whole * TB_REAL_LN2_HIGH) - whole * TB_REAL_LN2_LOW;
        scale.part[k] = (tb_vector)(((bits)shifted << 52) + 0x3ff0000000000000);
    }
    p = constant(term[0]);
#pragma GCC unroll 16
    for (int j = 1; j < terms; j++)
        p = step(p, r, term[j]);
    return multiply(p, scale);
}

/* 0 where e^-t is. */
static inline strip vanish(strip p, strip t)
{
#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        p.part[k] = (tb_vector)((bits)p.part[k] & ~(bits)(t.part[k] > 708.0));
    return p;
}

/* tb_real_erfcx, the same bits. */
static inline strip erfcx_of(strip x)
{
    strip u, p;

#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        u.part[k] = (x.part[k] - 4.0) / (x.part[k] + 4.0);
    p = constant(tb_real_erfcx_term[0]);
#pragma GCC unroll 32
    for (int j = 1; j < TB_REAL_ERFCX_TERMS; j++)
        p = step(p, u, tb_real_erfcx_term[j]);
#pragma GCC unroll 8
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

static inline strip root_of(strip t)
{
    _Alignas(64) double root[PIXELS];

    memcpy(root, &t, sizeof root);
    for (int x = 0; x < PIXELS; x++)
        root[x] = sqrt(root[x]);
    memcpy(&t, root, sizeof root);
    return t;
}

/* e^t p of a strip of t. erfc(sqrt t) is e^-t erfcx(sqrt t): one exponential, and of a t that was
 * never rounded. */
static inline strip sum_of(strip t, const double *term, int terms, const int is_odd)
{
    strip sum = sum_terms(t, term, terms), root, tail;

    if (!is_odd)
        return sum;
    root = root_of(t);
    sum  = multiply(root, sum);
    tail = erfcx_of(root);
#pragma GCC unroll 8
    for (int k = 0; k < STRIP; k++)
        tail.part[k] += sum.part[k];
    return tail;
}

/* p of a strip of t; see exp_of_minus for `is_near`. */
static inline strip tail_of(strip t, const double *term, int terms, const int is_odd,
                            const int is_near)
{
    return vanish(multiply(exp_of_minus(t, is_near), sum_of(t, term, terms, is_odd)), t);
}

static inline void finish(double *p, const double *t, const double *term, int terms,
                          const int is_odd, size_t n)
{
    for (size_t x = 0; x < n; x += PIXELS)
        *(strip *)(p + x) = tail_of(*(const strip *)(t + x), term, terms, is_odd, 0);
}

/* 1/j!, or 1/Gamma(j + 1/2) from 1/Gamma(3/2) = 2/sqrt(pi). */
static int terms_of(double *term, int degrees)
{
    int is_odd = degrees & 1, terms = degrees / 2;

    term[0] = is_odd ? 0x1.20dd750429b6dp+0 : 1.0;
    for (int j = 1; j < terms; j++)
        term[j] = term[j - 1] / (is_odd ? j + 0.5 : j);
    return terms;
}

void TB_KERNEL(tb_chi2_upper)(double *restrict p, const double *restrict z, int degrees, size_t n)
{
    double              term[TERMS_MAX];
    const int           terms = terms_of(term, degrees);
    _Alignas(64) double t[TB_CHUNK], value[TB_CHUNK];

    for (size_t at = 0; at < n; at += TB_CHUNK) {
        size_t length = n - at < TB_CHUNK ? n - at : TB_CHUNK;
        size_t padded = (length + PIXELS - 1) / PIXELS * PIXELS;

        halve(t, z + at, length, padded);
        if (degrees & 1)
            finish(value, t, term, terms, 1, padded);
        else
            finish(value, t, term, terms, 0, padded);
        for (size_t x = 0; x < length; x++)
            p[at + x] = value[x] > 1.0 ? 1.0 : value[x];
    }
}

static inline void weigh(double *weights, const double *statistic, const double *term, int terms,
                         const int is_odd, size_t n)
{
    for (size_t x = 0; x < n; x += PIXELS)
        *(strip *)(weights + x) = tail_of(multiply(constant(0.5), *(const strip *)(statistic + x)),
                                          term, terms, is_odd, 1);
}

void TB_KERNEL(tb_centred_weights)(double *restrict weights, const double *restrict statistic,
                                   int degrees, size_t n)
{
    double    term[TERMS_MAX];
    const int terms = terms_of(term, degrees);

    if (degrees & 1)
        weigh(weights, statistic, term, terms, 1, n);
    else
        weigh(weights, statistic, term, terms, 0, n);
}
