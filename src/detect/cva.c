/* Whitened change-vector analysis: docs/methods/cva.md. */
#include "detect/cva.h"

/* A twentieth: noise of two per cent of the value then makes a contrast of .4, under the bound. */
static const float BY_VALUE = 20.0f;

tb_cva_weights tb_cva_weights_of(const tb_radiometry *radiometry, int bands)
{
    return (tb_cva_weights){.bands     = bands,
                            .varying   = tb_radiometry_varying(radiometry, bands),
                            .slope     = radiometry->slope,
                            .intercept = radiometry->intercept,
                            .by_noise  = radiometry->by_noise,
                            .by_spread = radiometry->by_spread,
                            .by_value  = BY_VALUE,
                            .low       = {radiometry->low[0], radiometry->low[1]},
                            .high      = {radiometry->high[0], radiometry->high[1]}};
}

static void row(float *const *out, const float *const *before, const float *const *after, int bands,
                const tb_radiometry *radiometry, float *scratch, size_t n,
                const tb_kernels *kernels)
{
    const tb_cva_weights weights = tb_cva_weights_of(radiometry, bands);

    (void)scratch;
    kernels->cva_magnitude(out[0], out[1], before, after, &weights, n);
}

const tb_method tb_method_cva = {.name = "cva", .planes = 2, .row = row};
