/**
 * Thresholds from a histogram: Otsu (1979), Kittler & Illingworth (1986), Kurita, Otsu & Abdelmalek
 * (1992), quantiles.
 *
 * A histogram is `n` bins in ascending order, each with a value and a count; empty bins are legal.
 * A cut is the last bin of the lower class.
 */
#ifndef TUBAN_DETECT_THRESHOLD_H
#define TUBAN_DETECT_THRESHOLD_H

#include <stddef.h>
#include <stdint.h>

typedef struct tb_histogram {
    size_t         n;
    const double  *value;
    const int64_t *count;
} tb_histogram;

/** The cut with the greatest variance between the classes, or n when all counts lie in one bin. */
size_t tb_threshold_otsu(const tb_histogram *histogram);

/**
 * The interior minimum of J = 1 + 2 (P1 ln s1 + P2 ln s2) - 2 (P1 ln P1 + P2 ln P2), with variances
 * of at least width^2 / 12 and classes of at least half a per cent; n where there is none.
 * @param width  of a bin, in the unit of the values.
 */
size_t tb_threshold_kittler(const tb_histogram *histogram, double width);

/**
 * The minimum of ln s_w^2 - 2 (P1 ln P1 + P2 ln P2), s_w^2 the variance within the classes: the
 * likelihood of two normal classes of one variance (Kurita, Otsu & Abdelmalek 1992). Otsu's cut is
 * that of classes as frequent as each other; n where all counts lie in one bin.
 */
size_t tb_threshold_kurita(const tb_histogram *histogram);

/** The first bin at which at least `share` of the counts is reached. The histogram is not empty. */
size_t tb_threshold_quantile(const tb_histogram *histogram, double share);

/** Sum of the counts. */
int64_t tb_histogram_total(const tb_histogram *histogram);

#endif
