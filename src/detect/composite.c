/* Contrast, the MAD statistic and texture in one score: docs/methods/composite.md. */
#include <math.h>
#include <string.h>

#include "detect/cva.h"

enum { CONTRAST, STATISTIC, BRIGHTNESS_BEFORE, BRIGHTNESS_AFTER, TEXTURE = BRIGHTNESS_BEFORE };

/* The mean of the bands, each in its spread: the later date's brought to the earlier one's units.
 */
static void brightness(float *dst, const float *const *bands, const float *slope,
                       const tb_radiometry *radiometry, int count, size_t n,
                       const tb_kernels *kernels)
{
    int   varying = tb_radiometry_varying(radiometry, count);
    float weight[TB_BANDS_MAX];

    for (int b = 0; b < count; b++) {
        weight[b] = varying > 0 ? radiometry->by_spread[b] / (float)varying : 0.0f;
        weight[b] = slope != NULL ? weight[b] * slope[b] : weight[b];
    }
    kernels->resample_down(dst, bands, weight, count, n);
}

/*
 * The fourth root of Z: smoothing it keeps an outlier from leading its neighbourhood. Without a MAD
 * fit the whitened difference stands for the root of Z.
 */
static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels)
{
    tb_cva_weights weights  = tb_cva_weights_of(radiometry, bands);
    float         *root     = out[STATISTIC];
    bool           has_mad  = radiometry->mad.components > 0;
    float         *whitened = has_mad ? NULL : scratch;

    kernels->cva_magnitude(whitened, out[CONTRAST], before, after, &weights, n);
    if (has_mad) {
        const float *channel[TB_MAD_CHANNELS_MAX];

        for (int b = 0; b < bands; b++) {
            channel[b]         = before[b];
            channel[bands + b] = after[b];
        }
        kernels->mad_root(root, channel, &radiometry->mad, n);
    } else {
        for (size_t x = 0; x < n; x++)
            root[x] = sqrtf(whitened[x]);
    }
    brightness(out[BRIGHTNESS_BEFORE], before, NULL, radiometry, bands, n, kernels);
    brightness(out[BRIGHTNESS_AFTER], after, radiometry->slope, radiometry, bands, n, kernels);
}

static void finish(float *score, float *contrast, const float *const *smooth, int bands, size_t n,
                   const tb_kernels *kernels)
{
    (void)bands;
    kernels->composite_score(score, smooth[STATISTIC], smooth[CONTRAST], smooth[TEXTURE], n);
    memcpy(contrast, smooth[CONTRAST], n * sizeof *contrast);
}

const tb_method tb_method_composite = {.name        = "composite",
                                       .scale       = {.change      = 1.8,
                                                       .rare_low    = 1.6,
                                                       .rare_high   = 2.6,
                                                       .common_low  = 1.0,
                                                       .common_high = 1.1},
                                       .planes      = 4,
                                       .has_texture = true,
                                       .row         = row,
                                       .finish      = finish};
