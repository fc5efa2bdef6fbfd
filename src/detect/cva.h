/** What the row function cva_magnitude is told of a stratum. */
#ifndef TUBAN_DETECT_CVA_H
#define TUBAN_DETECT_CVA_H

#include "detect/method.h"

/** Borrows the radiometry. */
tb_cva_weights tb_cva_weights_of(const tb_radiometry *radiometry, int bands);

#endif
