/** Normalisation of a stratum: IR-MAD, regression on its no-change pixels, and what to do without.
 */
#ifndef TUBAN_MODEL_NORMALISE_H
#define TUBAN_MODEL_NORMALISE_H

#include "core/error.h"
#include "model/model.h"
#include "radiometry/pixels.h"
#include "raster/engine.h"

/**
 * Fills irmad, slope, intercept, noise, spread, mean, unchanged and the name of the rule:
 * @param spare  room for as many floats as there are pixels, each.
 *
 *   no-change        regression on pixels with a no-change probability above .95
 *   least-changed    on the tenth of all pixels with the least Z, where those are too few
 *   robust, identity as the regression falls back (radiometry/regression.h)
 *   calibrated       radar whose dates correlate to .95 over all pixels: two pictures of one scene,
 * regression gain             other radar: speckle hides an offset; the median ratio alone
 */
tb_status tb_normalise_fit(tb_model *model, int stratum, const tb_pixels *pixels,
                           float *const spare[2], const tb_engine *engine, tb_error *err);

#endif
