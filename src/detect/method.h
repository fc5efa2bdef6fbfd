/**
 * The table of scoring methods. A method says what happens to a row before and after smoothing; the
 * frame around it (score.h) does the rest.
 */
#ifndef TUBAN_DETECT_METHOD_H
#define TUBAN_DETECT_METHOD_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/table.h"
#include "raster/image.h"

/** What scoring needs to know of a stratum; floats, so that what is stored is what is used. */
typedef struct tb_radiometry {
    float slope[TB_BANDS_MAX], intercept[TB_BANDS_MAX]; /**< later samples to earlier ones */
    float
        by_noise[TB_BANDS_MAX]; /**< 1 / standard deviation of the difference on unchanged ground */
    float by_spread[TB_BANDS_MAX]; /**< 1 / standard deviation of the features of both dates */
    float offset[TB_BANDS_MAX];    /**< added to radar samples before their logarithm is taken;
                                      omnibus: the least they count as */
    float low[2], high[2]; /**< ends of the sample ranges, earlier and later; infinite: none */
    tb_mad_weights mad;    /**< no components: there is none */
    float          centre[2][TB_BANDS_MAX]; /**< means of the samples, earlier and later, and */
    float by_own[2][TB_BANDS_MAX];  /**< 1 / standard deviation: each date in its own units */
    float vegetation[TB_BANDS_MAX]; /**< weights of a trained filter's index (detect/filter.h) */
    float looks;                    /**< equivalent number, for the omnibus test */
    bool  is_intensity;             /**< of radar samples; false: amplitudes */
} tb_radiometry;

/** How many bands are not constant. */
static inline int tb_radiometry_varying(const tb_radiometry *r, int bands)
{
    int varying = 0;

    for (int b = 0; b < bands; b++)
        varying += r->by_spread[b] > 0.0f;
    return varying;
}

/**
 * Whether saturation alone explains a radar difference (earlier less later): at the end of its
 * range a sample bounds it from one side only, see kernels/cva.h.
 */
static inline bool tb_radiometry_hides(const tb_radiometry *r, float difference, float before,
                                       float after)
{
    return (difference > 0.0f && (before <= r->low[0] || after >= r->high[1])) ||
           (difference < 0.0f && (before >= r->high[0] || after <= r->low[1]));
}

enum { TB_METHOD_PLANES_MAX = 11, TB_METHOD_SEGMENT = 1024, TB_METHOD_SCRATCH = 4 };

/**
 * Where a score has a unit of its own, the same in every scene: between which values its threshold
 * lies, where change is rare and where it is common. docs/methods/threshold.md
 */
typedef struct tb_score_scale {
    double change;              /**< what tells change; 0: the score has no such unit */
    double rare_low, rare_high; /**< bounds of the threshold */
    double common_low, common_high;
} tb_score_scale;

typedef struct tb_method {
    const char    *name;   /**< as in --method and model.yaml */
    tb_score_scale scale;  /**< of the smoothed score */
    int            planes; /**< that `row` makes; all are smoothed before `finish` */
    /**
     * The last two planes are the brightness of each date: the frame puts one plane in their
     * place, the difference of their gradients' magnitudes.
     */
    bool has_texture;
    bool has_speckle; /**< the first plane is in standard deviations of its noise; see score.h */

    /** What spreads are measured of: dst[x] of the samples src[x]; NULL: the samples themselves. */
    void (*feature)(float *dst, const float *src, float offset, size_t n,
                    const tb_kernels *kernels);

    /**
     * `planes` values a pixel from the samples of both dates; at most TB_METHOD_SEGMENT pixels.
     * @param scratch  TB_METHOD_SCRATCH * TB_METHOD_SEGMENT floats, aligned for doubles.
     */
    void (*row)(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels);

    /**
     * Score and contrast from the smoothed planes. contrast is the root mean square difference over
     * the bands in standard deviations (by_spread): the absolute bound is put to it. NULL: they are
     * the two planes.
     */
    void (*finish)(float *score, float *contrast, const float *const *smooth, int bands, size_t n,
                   const tb_kernels *kernels);
} tb_method;

/** The method of that name, or NULL. */
const tb_method *tb_method_named(const char *name);

/** All names, NULL ends. */
const char *const *tb_method_names(void);

extern const tb_method tb_method_composite;
extern const tb_method tb_method_cva;
extern const tb_method tb_method_logratio;
extern const tb_method tb_method_omnibus; /**< of one or two bands */

#endif
