/* Stratified estimates from a sample; equation numbers are those of Olofsson et al. (2014). */
#include <math.h>

#include "core/error.h"
#include "tuban/eval.h"

/* Standard errors of a 95 % interval, as the reference has it. */
static const double INTERVAL = 1.96;

static tb_estimate estimate_of(double value, double variance)
{
    double error = variance >= 0.0 ? sqrt(variance) : NAN;

    if (isnan(value))
        error = NAN;
    return (tb_estimate){value, error, value - INTERVAL * error, value + INTERVAL * error};
}

static tb_status check(const tb_estimate_sample *sample, double *area, tb_error *err)
{
    *area = 0.0;
    if (sample->classes < 2 || sample->classes > TB_EVAL_CLASSES_MAX)
        return tb_error_set(err, TB_E_USAGE, "estimate: expected 2 to %d classes, got %d",
                            TB_EVAL_CLASSES_MAX, sample->classes);
    for (int i = 0; i < sample->classes; i++) {
        int64_t places = 0;

        if (!(sample->area[i] >= 0.0) || !isfinite(sample->area[i]))
            return tb_error_set(err, TB_E_USAGE,
                                "estimate: expected areas of 0 or more, got %g of class %d",
                                sample->area[i], i + 1);
        for (int j = 0; j < sample->classes; j++) {
            if (sample->count[i][j] < 0)
                return tb_error_set(err, TB_E_USAGE,
                                    "estimate: expected counts of 0 or more, got %lld of class %d",
                                    (long long)sample->count[i][j], i + 1);
            places += sample->count[i][j];
        }
        *area += sample->area[i];
        if (places >= 2 || sample->area[i] == 0.0)
            continue;
        tb_error_set(err, TB_E_INPUT,
                     "estimate: expected at least 2 places in class %d of the map, got %lld", i + 1,
                     (long long)places);
        tb_error_hint(err, "draw some 50 places at random within each class of the map");
        return TB_E_INPUT;
    }
    if (*area == 0.0)
        return tb_error_set(err, TB_E_USAGE, "estimate: expected a map with an area, got none");
    return TB_OK;
}

/* Share of map class i that truly is of class j, and the variance of that share. */
static double share_of(const tb_estimate_sample *sample, int i, int j, double *variance)
{
    int64_t places = 0;
    double  share;

    for (int k = 0; k < sample->classes; k++)
        places += sample->count[i][k];
    *variance = 0.0;
    if (sample->area[i] == 0.0) /* it takes part in nothing */
        return 0.0;
    share     = (double)sample->count[i][j] / (double)places;
    *variance = share * (1.0 - share) / (double)(places - 1);
    return share;
}

static void estimate_class(const tb_estimate_sample *sample, double area, int j, tb_estimates *out)
{
    double truly = 0.0, area_variance = 0.0, others = 0.0, variance, right, producer;

    for (int i = 0; i < sample->classes; i++) {
        double weight = sample->area[i] / area;

        truly += weight * share_of(sample, i, j, &variance);
        area_variance += weight * weight * variance;
        if (i != j)
            others += weight * weight * variance;
    }
    right = share_of(sample, j, j, &variance);

    double weight = sample->area[j] / area;

    out->user[j] = estimate_of(sample->area[j] > 0.0 ? right : NAN, variance); /* (2), (6) */
    out->area[j] = estimate_of(area * truly, area * area * area_variance);     /* (9) to (11) */
    producer     = truly > 0.0 ? weight * right / truly : NAN;                 /* (3), (7) */
    out->producer[j] =
        estimate_of(producer, (weight * weight * (1.0 - producer) * (1.0 - producer) * variance +
                               producer * producer * others) /
                                  (truly * truly));
}

tb_status tb_eval_estimate(const tb_estimate_sample *sample, tb_estimates *estimates, tb_error *err)
{
    double    area, right = 0.0, right_variance = 0.0;
    tb_status status = check(sample, &area, err);

    if (status != TB_OK)
        return status;
    *estimates = (tb_estimates){0};
    for (int j = 0; j < sample->classes; j++) {
        double weight = sample->area[j] / area, variance;

        right += weight * share_of(sample, j, j, &variance);
        right_variance += weight * weight * variance;
        estimate_class(sample, area, j, estimates);
    }
    estimates->overall = estimate_of(right, right_variance); /* (1), (5) */
    return TB_OK;
}
