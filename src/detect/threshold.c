#include "detect/threshold.h"

#include "kernels/real.h"

int64_t tb_histogram_total(const tb_histogram *h)
{
    int64_t total = 0;

    for (size_t i = 0; i < h->n; i++)
        total += h->count[i];
    return total;
}

size_t tb_threshold_otsu(const tb_histogram *h)
{
    double total = 0.0, sum = 0.0, best = -1.0;
    double below = 0.0, sum_below = 0.0;
    size_t cut = h->n;

    for (size_t i = 0; i < h->n; i++) {
        total += (double)h->count[i];
        sum += (double)h->count[i] * h->value[i];
    }
    for (size_t i = 0; i + 1 < h->n; i++) {
        double above, gap, between;

        if (h->count[i] == 0)
            continue;
        below += (double)h->count[i];
        sum_below += (double)h->count[i] * h->value[i];
        above = total - below;
        if (above <= 0.0)
            break;
        gap     = sum_below / below - (sum - sum_below) / above;
        between = below * above * gap * gap;
        if (between > best) {
            best = between;
            cut  = i;
        }
    }
    return cut;
}

/* Weight, mean and variance of a class from its running sums about a centre. */
static double log_deviation(double weight, double sum, double squares, double floor)
{
    double mean     = sum / weight;
    double variance = squares / weight - mean * mean;

    return 0.5 * tb_real_log(variance > floor ? variance : floor);
}

/* Weight and mean; sums of the values less the mean, and of their squares. All start at 0. */
static void sum_centred(const tb_histogram *h, double *total, double *centre, double *sum,
                        double *squares)
{
    for (size_t i = 0; i < h->n; i++) {
        *total += (double)h->count[i];
        *centre += (double)h->count[i] * h->value[i];
    }
    *centre = *total > 0.0 ? *centre / *total : 0.0;
    for (size_t i = 0; i < h->n; i++) {
        double v = h->value[i] - *centre;

        *sum += (double)h->count[i] * v;
        *squares += (double)h->count[i] * v * v;
    }
}

size_t tb_threshold_kittler(const tb_histogram *h, double width)
{
    double floor = width * width / 12.0, least = 0.005;
    double total = 0.0, sum = 0.0, squares = 0.0, centre = 0.0;
    double below = 0.0, sum_below = 0.0, squares_below = 0.0;
    double best = 0.0, before = 0.0, lowest_edge = 0.0;
    size_t cut  = h->n;
    int    seen = 0;

    sum_centred(h, &total, &centre, &sum, &squares);
    for (size_t i = 0; i + 1 < h->n; i++) {
        double v = h->value[i] - centre, p1, p2, j;

        if (h->count[i] == 0)
            continue;
        below += (double)h->count[i];
        sum_below += (double)h->count[i] * v;
        squares_below += (double)h->count[i] * v * v;
        p1 = below / total;
        p2 = 1.0 - p1;
        if (p1 < least)
            continue;
        if (p2 < least)
            break;
        j = 1.0 +
            2.0 * (p1 * log_deviation(below, sum_below, squares_below, floor) +
                   p2 * log_deviation(total - below, sum - sum_below, squares - squares_below,
                                      floor)) -
            2.0 * (p1 * tb_real_log(p1) + p2 * tb_real_log(p2));
        if (seen == 0)
            lowest_edge = j;
        if (seen > 0 && j < before && j < lowest_edge && (cut == h->n || j < best)) {
            best = j;
            cut  = i;
        }
        before = j;
        seen++;
    }
    /* A minimum at the last admissible cut is the edge of a slope, not a valley. */
    return cut < h->n && best < before ? cut : h->n;
}

size_t tb_threshold_kurita(const tb_histogram *h)
{
    double total = 0.0, centre = 0.0, squares = 0.0, below = 0.0, sum_below = 0.0;
    double sum = 0.0, best = 0.0;
    size_t cut = h->n;

    sum_centred(h, &total, &centre, &sum, &squares);
    for (size_t i = 0; i + 1 < h->n; i++) {
        double above, p1, p2, within, j;

        if (h->count[i] == 0)
            continue;
        below += (double)h->count[i];
        sum_below += (double)h->count[i] * (h->value[i] - centre);
        above = total - below;
        if (above <= 0.0)
            break;
        p1 = below / total;
        p2 = above / total;
        within =
            squares - sum_below * sum_below / below - (sum - sum_below) * (sum - sum_below) / above;
        within = within > 1e-12 * squares ? within : 1e-12 * squares;
        j      = tb_real_log(within) - 2.0 * (p1 * tb_real_log(p1) + p2 * tb_real_log(p2));
        if (cut == h->n || j < best) {
            best = j;
            cut  = i;
        }
    }
    return cut;
}

size_t tb_threshold_quantile(const tb_histogram *h, double share)
{
    double  wanted = share * (double)tb_histogram_total(h);
    int64_t below  = 0;

    for (size_t i = 0; i < h->n; i++) {
        below += h->count[i];
        if (below > 0 && (double)below >= wanted)
            return i;
    }
    return h->n - 1;
}
