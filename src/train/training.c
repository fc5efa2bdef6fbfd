#include "train/training.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

/* Cuts that are tried: margins -6 to 4, probabilities .0025 to .98. */
enum { CUTS = 201 };

static const double LOWEST = -6.0, STEP = 0.05;

tb_status tb_training_init(tb_training *t, int pairs, tb_error *err)
{
    *t            = (tb_training){.pairs = pairs};
    t->is_by_pair = pairs >= TB_TRAINING_PAIRS;
    t->folds      = t->is_by_pair ? pairs : TB_TRAINING_FOLDS;
    return tb_alloc_zero(&t->pair, (size_t)pairs, sizeof *t->pair, "training", err);
}

void tb_training_reset(tb_training *t)
{
    tb_free(t->pair);
    tb_free(t->features);
    tb_free(t->label);
    tb_free(t->of_pair);
    tb_free(t->fold);
    tb_free(t->is_within);
    *t = (tb_training){0};
}

double tb_training_share(const tb_training *t, int64_t labelled)
{
    int64_t most = TB_TRAINING_MOST / t->pairs;

    most = most < TB_TRAINING_PAIR_MOST ? most : TB_TRAINING_PAIR_MOST;
    return labelled <= most ? 1.0 : (double)most / (double)labelled;
}

/* Pixels from the nearest border between blocks, and the block's number, along one side. */
static int64_t block_of(int64_t at, int64_t side, int64_t *apart)
{
    int64_t block = at * TB_TRAINING_FOLDS / side;
    int64_t first = (block * side + TB_TRAINING_FOLDS - 1) / TB_TRAINING_FOLDS;
    int64_t end   = ((block + 1) * side + TB_TRAINING_FOLDS - 1) / TB_TRAINING_FOLDS;
    int64_t left  = block > 0 ? at - first : INT64_MAX;
    int64_t right = block < TB_TRAINING_FOLDS - 1 ? end - 1 - at : INT64_MAX;

    *apart = left < right ? left : right;
    return block;
}

uint8_t tb_training_fold(const tb_training *t, int pair, tb_rect lattice, int halo, int64_t x,
                         int64_t y)
{
    int64_t across, down, column, row;

    if (t->is_by_pair)
        return (uint8_t)pair;
    column = block_of(x - lattice.x, lattice.width, &across);
    row    = block_of(y - lattice.y, lattice.height, &down);
    if (across < halo || down < halo)
        return TB_TRAINING_NO_FOLD;
    return (uint8_t)((column + 2 * row) % TB_TRAINING_FOLDS);
}

static tb_status make_room(tb_training *t, tb_error *err)
{
    tb_status status   = TB_OK;
    int64_t   capacity = t->capacity > 0 ? t->capacity * 3 / 2 : 1 << 14;
    size_t    n        = (size_t)capacity;

    TB_TRY(tb_grow(&t->features, n * TB_FILTER_FEATURES, sizeof *t->features, "examples", err));
    TB_TRY(tb_grow(&t->label, n, sizeof *t->label, "examples", err));
    TB_TRY(tb_grow(&t->of_pair, n, sizeof *t->of_pair, "examples", err));
    TB_TRY(tb_grow(&t->fold, n, sizeof *t->fold, "examples", err));
    TB_TRY(tb_grow(&t->is_within, n, sizeof *t->is_within, "examples", err));
    t->capacity = capacity;
done:
    return status;
}

tb_status tb_training_add(tb_training *t, int pair, const float *features, bool is_changed,
                          bool is_within, uint8_t fold, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   i      = t->count;

    if (i == t->capacity)
        TB_TRY(make_room(t, err));
    memcpy(t->features + i * TB_FILTER_FEATURES, features, TB_FILTER_FEATURES * sizeof *features);
    t->label[i]     = is_changed ? 1.0f : 0.0f;
    t->of_pair[i]   = (int16_t)pair;
    t->fold[i]      = fold;
    t->is_within[i] = is_within;
    t->count++;
    t->pair[pair].examples++;
    t->pair[pair].changed += is_changed;
done:
    return status;
}

/* Copies of the examples that are not of a fold (-1: of all), each pair's weights with one sum. */
typedef struct part {
    float  *features, *label, *weight;
    int64_t count, changed;
} part;

static void part_reset(part *p)
{
    tb_free(p->features);
    tb_free(p->label);
    tb_free(p->weight);
    *p = (part){0};
}

/* The validation of a fold learns from other folds alone: not from what lies between blocks. */
static bool is_in_part(const tb_training *t, int64_t i, int fold)
{
    return fold < 0 || (t->fold[i] != fold && t->fold[i] != TB_TRAINING_NO_FOLD);
}

static tb_status part_init(part *p, const tb_training *t, int fold, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    n      = (size_t)t->count;
    int64_t  *of     = NULL;
    int       pairs  = 0;

    TB_TRY(tb_alloc(&p->features, n * TB_FILTER_FEATURES, sizeof(float), "examples", err));
    TB_TRY(tb_alloc(&p->label, n, sizeof(float), "examples", err));
    TB_TRY(tb_alloc(&p->weight, n, sizeof(float), "examples", err));
    TB_TRY(tb_alloc_zero(&of, (size_t)t->pairs, sizeof *of, "examples", err));
    for (int64_t i = 0; i < t->count; i++)
        of[t->of_pair[i]] += is_in_part(t, i, fold);
    for (int k = 0; k < t->pairs; k++) {
        pairs += of[k] > 0;
        p->count += of[k];
    }
    for (int64_t i = 0, to = 0; i < t->count; i++) {
        if (!is_in_part(t, i, fold))
            continue;
        memcpy(p->features + to * TB_FILTER_FEATURES, t->features + i * TB_FILTER_FEATURES,
               TB_FILTER_FEATURES * sizeof(float));
        p->label[to]  = t->label[i];
        p->weight[to] = (float)((double)p->count / pairs / (double)of[t->of_pair[i]]);
        p->changed += t->label[i] > 0.0f;
        to++;
    }
done:
    tb_free(of);
    return status;
}

static tb_status grow(const tb_training *t, int fold, tb_booster *booster, const tb_growth *growth,
                      tb_filter *filter, bool *has_both, tb_error *err)
{
    tb_status status = TB_OK;
    part      p      = {0};

    TB_TRY(part_init(&p, t, fold, err));
    *has_both = p.changed > 0 && p.changed < p.count;
    if (*has_both)
        TB_TRY(tb_booster_grow(
            booster,
            &(tb_examples){
                .count = p.count, .features = p.features, .label = p.label, .weight = p.weight},
            growth, filter, NULL, err));
done:
    part_reset(&p);
    return status;
}

/* Margins of the fold's examples by a filter that has not seen them. */
static void judge_fold(const tb_training *t, int fold, const tb_filter *filter,
                       const tb_kernels *kernels, float *margin)
{
    for (int64_t i = 0; i < t->count; i++) {
        const float *features[TB_FOREST_FEATURES_MAX];

        if (t->fold[i] != fold)
            continue;
        for (int f = 0; f < TB_FILTER_FEATURES; f++)
            features[f] = t->features + i * TB_FILTER_FEATURES + f;
        kernels->forest_row(&margin[i], features, filter->tree, filter->trees, 1);
    }
}

/* What is right and wrong in one pair at one cut. */
typedef struct tally {
    int64_t found, right; /* flagged; flagged and changed */
} tally;

static double ratio(int64_t a, int64_t b)
{
    return b > 0 ? (double)a / (double)b : (double)NAN;
}

static int cuts_reached(float margin)
{
    double steps = floor(((double)margin - LOWEST) / STEP) + 1.0;

    return steps < 0.0 ? 0 : steps > CUTS ? CUTS : (int)steps;
}

/* at[pair * CUTS + cut]; changed and validated examples of each pair. */
static void count(const tb_training *t, const float *margin, tally *at, int64_t *changed)
{
    for (int64_t i = 0; i < t->count; i++) {
        int  pair  = t->of_pair[i];
        bool right = t->label[i] > 0.0f;

        if (isnan(margin[i]))
            continue;
        t->pair[pair].validated++;
        changed[pair] += right;
        if (!t->is_within[i])
            continue;
        for (int c = cuts_reached(margin[i]) - 1; c >= 0; c--) {
            at[pair * CUTS + c].found++;
            at[pair * CUTS + c].right += right;
        }
    }
}

static void choose_cut(tb_training *t, tb_filter *filter, const tally *at, const int64_t *changed)
{
    int    best = 0, with_change = 0;
    double best_f1 = -1.0;

    for (int c = 0; c < CUTS; c++) {
        double sum = 0.0;

        for (int k = 0; k < t->pairs; k++)
            if (changed[k] > 0)
                sum += ratio(2 * at[k * CUTS + c].right, at[k * CUTS + c].found + changed[k]);
        if (sum > best_f1) {
            best_f1 = sum;
            best    = c;
        }
    }
    filter->cut = (double)tb_filter_probability((float)(LOWEST + STEP * best));
    t->f1 = t->precision = t->recall = 0.0;
    for (int k = 0; k < t->pairs; k++) {
        const tally *here = &at[k * CUTS + best];

        t->pair[k].f1        = ratio(2 * here->right, here->found + changed[k]);
        t->pair[k].precision = ratio(here->right, here->found);
        t->pair[k].recall    = ratio(here->right, changed[k]);
        if (changed[k] == 0)
            continue;
        with_change++;
        t->f1 += t->pair[k].f1;
        t->precision += here->found > 0 ? t->pair[k].precision : 0.0;
        t->recall += t->pair[k].recall;
    }
    t->f1 /= with_change;
    t->precision /= with_change;
    t->recall /= with_change;
}

static tb_status complain_of_folds(const tb_training *t, tb_error *err)
{
    tb_error_set(
        err, TB_E_INPUT,
        "labels: expected changed and unchanged pixels in more than one %s, got both kinds "
        "only in one",
        t->is_by_pair ? "pair" : "quarter of the ground");
    tb_error_hint(err,
                  "label more places, or give more pairs: what is trained must also be tested");
    return TB_E_INPUT;
}

tb_status tb_training_run(tb_training *t, tb_booster *booster, const tb_growth *growth,
                          tb_filter *filter, const tb_kernels *kernels, tb_error *err)
{
    tb_status status  = TB_OK;
    float    *margin  = NULL;
    tally    *at      = NULL;
    int64_t  *changed = NULL, validated_changed = 0;
    bool      has_both;

    TB_TRY(tb_alloc(&margin, (size_t)t->count, sizeof *margin, "margins", err));
    TB_TRY(tb_alloc_zero(&at, (size_t)t->pairs * CUTS, sizeof *at, "cuts", err));
    TB_TRY(tb_alloc_zero(&changed, (size_t)t->pairs, sizeof *changed, "cuts", err));
    for (int64_t i = 0; i < t->count; i++)
        margin[i] = NAN;
    for (int fold = 0; fold < t->folds; fold++) {
        TB_TRY(grow(t, fold, booster, growth, filter, &has_both, err));
        if (has_both)
            judge_fold(t, fold, filter, kernels, margin);
    }
    count(t, margin, at, changed);
    for (int k = 0; k < t->pairs; k++)
        validated_changed += changed[k];
    if (validated_changed == 0) {
        status = complain_of_folds(t, err);
        goto done;
    }
    choose_cut(t, filter, at, changed);
    TB_TRY(grow(t, -1, booster, growth, filter, &has_both, err));
done:
    tb_free(margin);
    tb_free(at);
    tb_free(changed);
    return status;
}
