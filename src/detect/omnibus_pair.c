/* The omnibus test of two dates as a scoring method: docs/methods/omnibus.md. */
#include "detect/method.h"
#include "detect/omnibus.h"

/* ln of the samples, each at least `least`; NaN stays. */
static void feature(float *dst, const float *src, float least, size_t n, const tb_kernels *kernels)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = src[x] < least ? least : src[x];
    for (size_t x = 0; x < n; x += TB_METHOD_SEGMENT) {
        float  held[TB_METHOD_SEGMENT];
        size_t length = n - x < TB_METHOD_SEGMENT ? n - x : TB_METHOD_SEGMENT;

        kernels->log_row(held, dst + x, 0.0f, length);
        for (size_t i = 0; i < length; i++)
            dst[x + i] = held[i];
    }
}

static void intensity_of(float *c, float least, bool is_intensity, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        float value = c[x] < least ? least : c[x];

        c[x] = is_intensity ? value : value * value;
    }
}

static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels)
{
    const float *intensity[2 * TB_OMNIBUS_CHANNELS_MAX];
    double       z[TB_METHOD_SEGMENT];
    tb_omnibus   test = {.dates = 2, .channels = bands, .looks = (double)radiometry->looks};

    for (int b = 0; b < bands; b++) {
        float *earlier = scratch + b * TB_METHOD_SEGMENT;
        float *later   = scratch + (bands + b) * TB_METHOD_SEGMENT;
        float  slope = radiometry->slope[b], intercept = radiometry->intercept[b];

        for (size_t x = 0; x < n; x++) {
            earlier[x] = before[b][x];
            later[x]   = intercept + slope * after[b][x];
            if (tb_radiometry_hides(radiometry, earlier[x] - later[x], before[b][x], after[b][x]))
                later[x] = earlier[x];
        }
        intensity_of(earlier, radiometry->offset[b], radiometry->is_intensity, n);
        intensity_of(later, radiometry->offset[b], radiometry->is_intensity, n);
        intensity[b]         = earlier;
        intensity[bands + b] = later;
    }
    kernels->omnibus_row(z, intensity, &test, n);
    for (size_t x = 0; x < n; x++)
        out[0][x] = (float)z[x];
}

/* The significance alone decides: there is no further bound to put a contrast to. */
static void finish(float *score, float *contrast, const float *const *smooth, int bands, size_t n,
                   const tb_kernels *kernels)
{
    (void)kernels;
    (void)bands;
    for (size_t x = 0; x < n; x++) {
        score[x]    = smooth[0][x];
        contrast[x] = 0.0f;
    }
}

const tb_method tb_method_omnibus = {
    .name = "omnibus", .planes = 1, .feature = feature, .row = row, .finish = finish};
