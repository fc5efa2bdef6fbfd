#include "detect/omnibus.h"

#include <math.h>

#include "kernels/real.h"

static tb_omnibus_law law_of(int degrees, double rho)
{
    double gap = 1.0 - 1.0 / rho;

    return (tb_omnibus_law){.degrees = degrees, .rho = rho, .omega = -0.25 * degrees * gap * gap};
}

tb_omnibus_law tb_omnibus_law_all(int dates, int channels, double looks)
{
    double k = dates;

    return law_of((dates - 1) * channels,
                  1.0 - (k / looks - 1.0 / (looks * k)) / (6.0 * (k - 1.0)));
}

tb_omnibus_law tb_omnibus_law_one(int date, int channels, double looks)
{
    double j = date;

    return law_of(channels, 1.0 - (1.0 + 1.0 / (j * (j - 1.0))) / (6.0 * looks));
}

double tb_omnibus_probability(const tb_omnibus_law *law, double z, const tb_kernels *kernels)
{
    double upper, further, p;

    kernels->chi2_upper(&upper, &z, law->degrees, 1);
    kernels->chi2_upper(&further, &z, law->degrees + 4, 1);
    p = upper + law->omega * (further - upper);
    return p < 0.0 ? 0.0 : p > 1.0 ? 1.0 : p;
}

/* ln R_j / looks from the sums over the dates before: before[b] = sum_{i<j} c_ib. */
static double log_step(const double *before, const float *now, int date, int channels)
{
    double j   = date;
    double sum = channels * (j * tb_real_log(j) - (j - 1.0) * tb_real_log(j - 1.0));

    for (int b = 0; b < channels; b++)
        sum += (j - 1.0) * tb_real_log(before[b]) + tb_real_log((double)now[b]) -
               j * tb_real_log(before[b] + (double)now[b]);
    return sum;
}

double tb_omnibus_log_one(const float *intensity, int date, int channels, double looks)
{
    double before[TB_OMNIBUS_CHANNELS_MAX] = {0.0};

    for (int i = 0; i < date - 1; i++)
        for (int b = 0; b < channels; b++)
            before[b] += (double)intensity[i * channels + b];
    return looks * log_step(before, intensity + (date - 1) * channels, date, channels);
}

/* The probability falls with z: halves an interval until it is a double's last bits. */
static double limit_of(const tb_omnibus_law *law, double alpha, const tb_kernels *kernels)
{
    double low = 0.0, high = 1416.0;

    for (int i = 0; i < 100; i++) {
        double middle = 0.5 * (low + high);

        if (tb_omnibus_probability(law, middle, kernels) >= alpha)
            low = middle;
        else
            high = middle;
    }
    return high;
}

void tb_omnibus_limits_make(tb_omnibus_limits *limits, const tb_omnibus *test, double alpha,
                            const tb_kernels *kernels)
{
    *limits = (tb_omnibus_limits){.test = *test};
    for (int j = 2; j <= test->dates; j++) {
        tb_omnibus_law all = tb_omnibus_law_all(j, test->channels, test->looks);
        tb_omnibus_law one = tb_omnibus_law_one(j, test->channels, test->looks);

        limits->all[j] = limit_of(&all, alpha, kernels);
        limits->one[j] = limit_of(&one, alpha, kernels);
        limits->rho[j] = one.rho;
    }
}

/* z of Q over the dates from `first`, from 0, to the last: the bits of kernels/omnibus.h. */
static double all_of(const float *intensity, int first, const tb_omnibus_limits *limits)
{
    const int    channels = limits->test.channels;
    const double k = limits->test.dates - first, looks = limits->test.looks;
    const double rho   = 1.0 - (k / looks - 1.0 / (looks * k)) / (6.0 * (k - 1.0));
    double       total = channels * k * tb_real_log(k), z;

    for (int b = 0; b < channels; b++) {
        double sum = 0.0;

        for (int i = first; i < limits->test.dates; i++) {
            double value = (double)intensity[i * channels + b];

            total += tb_real_log(value);
            sum += value;
        }
        total -= k * tb_real_log(sum);
    }
    z = -2.0 * rho * looks * total;
    return z < 0.0 ? 0.0 : z;
}

/* The first date after `first` that differs from those since; the number of dates: none does. */
static int next_change(const float *intensity, int first, const tb_omnibus_limits *limits)
{
    int    channels = limits->test.channels, dates = limits->test.dates;
    double before[TB_OMNIBUS_CHANNELS_MAX] = {0.0};

    for (int i = first + 1; i < dates; i++) {
        int    j = i - first + 1;
        double z;

        for (int b = 0; b < channels; b++)
            before[b] += (double)intensity[(i - 1) * channels + b];
        z = -2.0 * limits->rho[j] * limits->test.looks *
            log_step(before, intensity + i * channels, j, channels);
        if (z >= limits->one[j])
            return i;
    }
    return dates;
}

tb_omnibus_changes tb_omnibus_walk(const float *intensity, const tb_omnibus_limits *limits,
                                   bool *is_changed)
{
    tb_omnibus_changes changes = {0};
    int                dates = limits->test.dates, first = 0;

    *is_changed = all_of(intensity, 0, limits) >= limits->all[dates];
    while (first < dates - 1 && all_of(intensity, first, limits) >= limits->all[dates - first]) {
        first = next_change(intensity, first, limits);
        if (first == dates)
            break;
        changes.number++;
        changes.first = changes.first == 0 ? first + 1 : changes.first;
        changes.last  = first + 1;
    }
    return changes;
}

/* The share of |r| below `median` under cosh(r/2)^(-2n), by Simpson's rule out to 40 medians. */
static double share_below(double median, double looks)
{
    enum { STEPS_BELOW = 128, STEPS = 40 * STEPS_BELOW };
    double step = median / STEPS_BELOW, below = 0.0, total = 0.0;

    for (int i = 0; i <= STEPS; i++) {
        double r = i * step;
        /* ln cosh(r/2) = r/2 + ln(1 + e^-r) - ln 2 */
        double log_cosh = 0.5 * r + tb_real_log(1.0 + tb_real_exp(-r)) - tb_real_log(2.0);
        double value    = tb_real_exp(-2.0 * looks * log_cosh);
        double weight   = i == 0 || i == STEPS ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;

        total += weight * value;
        if (i <= STEPS_BELOW)
            below += (i == STEPS_BELOW ? 1.0 : weight) * value;
    }
    return below / total;
}

double tb_omnibus_looks(double median)
{
    double low = 0.5, high = TB_OMNIBUS_LOOKS_MAX;

    if (!(median > 0.0) || share_below(median, high) <= 0.5)
        return high;
    if (share_below(median, low) >= 0.5)
        return low;
    for (int i = 0; i < 40; i++) {
        double middle = 0.5 * (low + high);

        if (share_below(median, middle) < 0.5)
            low = middle;
        else
            high = middle;
    }
    return high;
}
