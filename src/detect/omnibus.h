/**
 * The omnibus test of a radar time series and where in it the changes are: docs/methods/omnibus.md.
 *
 * Q tests that the expected intensity was the same on all dates, R_j that it was on date j what it
 * was on the dates before; Q is the product of all R_j (Conradsen, Nielsen & Skriver 2016). Dates
 * count from 1.
 */
#ifndef TUBAN_DETECT_OMNIBUS_H
#define TUBAN_DETECT_OMNIBUS_H

#include <stdbool.h>

#include "kernels/table.h"

/** A test of the series: what is corrected and how it is judged. */
typedef struct tb_omnibus_law {
    int    degrees; /**< f, of the chi-squared distribution */
    double rho;
    double omega; /**< omega_2 */
} tb_omnibus_law;

/** The law of Q over so many dates (2 and more), and that of R_j for date j (2 and more). */
tb_omnibus_law tb_omnibus_law_all(int dates, int channels, double looks);
tb_omnibus_law tb_omnibus_law_one(int date, int channels, double looks);

/**
 * The probability of at least z = -2 rho ln Q where nothing changed:
 * 1 - (F_f(z) + omega_2 (F_{f+4}(z) - F_f(z))), held to 0 .. 1.
 */
double tb_omnibus_probability(const tb_omnibus_law *law, double z, const tb_kernels *kernels);

/** ln R_j of one pixel; intensity[(i - 1) * channels + b] of dates 1 .. date, all above 0. */
double tb_omnibus_log_one(const float *intensity, int date, int channels, double looks);

/** What the test decides at one significance: z from which on it rejects, for every length. */
typedef struct tb_omnibus_limits {
    tb_omnibus test;
    double     all[TB_OMNIBUS_DATES_MAX + 1]; /**< of Q by the number of dates */
    double     one[TB_OMNIBUS_DATES_MAX + 1]; /**< of R_j by j */
    double     rho[TB_OMNIBUS_DATES_MAX + 1]; /**< of R_j by j */
} tb_omnibus_limits;

/** @param alpha  the share of unchanged pixels that a test may reject, 0 < alpha < 1. */
void tb_omnibus_limits_make(tb_omnibus_limits *limits, const tb_omnibus *test, double alpha,
                            const tb_kernels *kernels);

/** Where a pixel changed. Zero: nowhere. */
typedef struct tb_omnibus_changes {
    int number; /**< of changes */
    int first;  /**< the date from which on the first change is seen, 2 and more; 0: none */
    int last;   /**< that of the last change */
} tb_omnibus_changes;

/**
 * The sequential rule: tests Q; where it is rejected walks R_2, R_3 … to the first rejection, and
 * begins anew with that date. Ends where Q is accepted, or rejected by no R_j.
 * @param intensity  as for tb_omnibus_log_one, of all dates.
 * @param is_changed  whether Q of all dates was rejected, though no R_j may have been.
 */
tb_omnibus_changes tb_omnibus_walk(const float *intensity, const tb_omnibus_limits *limits,
                                   bool *is_changed);

/** Looks are not told apart above it: the dates hardly differ. */
enum { TB_OMNIBUS_LOOKS_MAX = 1000 };

/**
 * The equivalent number of looks, of the median of |ln(c_1 / c_2) - its median| over pixels that
 * for the greater part did not change. The log-ratio of two gamma variates of n looks has a density
 * in proportion to cosh(r / 2)^(-2 n), whatever the ground: texture cancels.
 * @param median  >= 0, in nepers of intensity.
 * @return 0.5 .. TB_OMNIBUS_LOOKS_MAX, to 1e-6 of its value.
 */
double tb_omnibus_looks(double median);

#endif
