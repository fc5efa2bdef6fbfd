/** Figures of a confusion of pixels. */
#ifndef TUBAN_EVAL_FIGURES_H
#define TUBAN_EVAL_FIGURES_H

#include "tuban/eval.h"

/** Sets precision, recall, f1, iou, kappa and flagged from tp, fp, fn and tn; NaN for 0/0. */
void tb_figures_derive(tb_eval_figures *figures);

/** part / whole, NaN where the whole is not above 0. */
double tb_figures_ratio(double part, double whole);

#endif
