#include "job/tune_score.h"

#include <math.h>

tb_eval_figures tb_tune_figures(tb_tune_tally flagged, tb_tune_tally all)
{
    tb_eval_figures f = {.tp = flagged.changed,
                         .fp = flagged.unchanged,
                         .fn = all.changed - flagged.changed,
                         .tn = all.unchanged - flagged.unchanged};

    tb_figures_derive(&f);
    return f;
}

static double aim_of(tb_tune_aim aim, const tb_eval_figures *f)
{
    double value = aim == TB_TUNE_F1 ? f->f1 : aim == TB_TUNE_IOU ? f->iou : f->kappa;

    return isnan(value) ? -INFINITY : value;
}

/* Pixels of all folds but those near `but` (by set), or of all where that is -1. */
static tb_tune_tally without(const tb_tune_labels *labels, const tb_tune_tally *sets, int but)
{
    tb_tune_tally sum = {0};

    for (int f = 0; f < labels->folds; f++) {
        sum.changed += sets[f].changed;
        sum.unchanged += sets[f].unchanged;
    }
    if (but >= 0) {
        sum.changed -= sets[but].changed;
        sum.unchanged -= sets[but].unchanged;
    }
    return sum;
}

const tb_tune_tally *tb_tune_scores_of(const tb_tune_scores *s, int combination)
{
    return s->flagged + (size_t)combination * (size_t)tb_tune_labels_sets(s->labels);
}

tb_eval_figures tb_tune_scores_without(const tb_tune_scores *s, int combination, int but)
{
    return tb_tune_figures(without(s->labels, tb_tune_scores_of(s, combination), but),
                           without(s->labels, s->labels->all, but));
}

int tb_tune_scores_best(const tb_tune_scores *s, int but)
{
    int    best     = 0;
    double best_aim = -INFINITY;

    for (int c = 0; c < s->grid->count; c++) {
        tb_eval_figures f   = tb_tune_scores_without(s, c, but);
        double          aim = aim_of(s->aim, &f);

        if (s->grid->combination[c].is_implausible && !s->may_flag_all)
            continue;
        if (aim > best_aim) {
            best     = c;
            best_aim = aim;
        }
    }
    return best;
}
