#include "eval/figures.h"

#include <math.h>

double tb_figures_ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : NAN;
}

void tb_figures_derive(tb_eval_figures *figures)
{
    double tp = (double)figures->tp, fp = (double)figures->fp;
    double fn = (double)figures->fn, tn = (double)figures->tn;
    double all      = tp + fp + fn + tn;
    double agreed   = tp + tn;
    double expected = tb_figures_ratio((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn), all);

    figures->precision = tb_figures_ratio(tp, tp + fp);
    figures->recall    = tb_figures_ratio(tp, tp + fn);
    figures->f1        = tb_figures_ratio(2 * tp, 2 * tp + fp + fn);
    figures->iou       = tb_figures_ratio(tp, tp + fp + fn);
    figures->kappa     = all > expected ? (agreed - expected) / (all - expected) : NAN;
    figures->flagged   = tb_figures_ratio(tp + fp, all);
}
