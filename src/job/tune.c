/* tb_tune: the grid of parameters, and what each combination is worth on each fold. */
#include "tuban/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "eval/blocks.h"
#include "eval/figures.h"
#include "eval/strips.h"
#include "job/report.h"
#include "job/stages.h"

enum { VALUES_MAX = 32, WORD_SIZE = 32, FOLDS_DEFAULT = 5, SIDE_DEFAULT = 128, UNKNOWN = 255 };

/* Two scores share a source pixel when they are nearer than twice the widest halo. */
enum { GUARD_DEFAULT = 2 * TB_SCORING_HALO_MAX };

static const uint64_t MEMORY_DEFAULT = (uint64_t)4 << 30;

/* The parameters, slowest to change first: fits, then sweeps, then assemblies. */
enum { METHOD, SMOOTHING, PRIOR, FACTOR, MIN_PIXELS, PARAMETERS };

/* How they are called in a job file, and what detect takes where nothing is said. */
static const char *const keys[PARAMETERS]     = {"method", "smoothing", "prior", "threshold_factor",
                                                 "min_pixels"};
static const char *const defaults[PARAMETERS] = {"auto", "auto", "auto", "1", "10"};
static const char *const searched[PARAMETERS] = {
    "auto", "auto", "auto,common", "0.5,0.6,0.7,0.8,0.9,1,1.1,1.25,1.4,1.6,2", "5,10,20"};
static const char *const aims[] = {"f1", "iou", "kappa"};

/* What one parameter may be; the default is among them, maybe only for the combination of
 * defaults. */
typedef struct values {
    char   word[VALUES_MAX][WORD_SIZE];
    double number[VALUES_MAX];
    int    count;  /* all */
    int    listed; /* those the grid is made of */
    int    usual;  /* the default */
} values;

typedef struct combination {
    int  value[PARAMETERS];
    bool is_implausible; /* for a pair, as a whole */
} combination;

/* Pixels of one set: flagged ones that are truly changed, and not; or all, truly changed or not. */
typedef struct tally {
    int64_t changed, unchanged;
} tally;

/* The truth of a pair: 0, 1, 255, and its blocks. */
typedef struct labels {
    uint8_t  *truth; /* [height][width] */
    tb_blocks blocks;
} labels;

typedef struct tuning {
    const tb_tune_options *options;
    int64_t                side, guard;
    int                    folds, pairs;
    values                 values[PARAMETERS];
    combination           *combination; /* the defaults first */
    int                    count;
    labels                *labels; /* [pairs] */
    /*
     * For each combination, and once for the truth: of each fold its own pixels, [folds], those
     * near it, [folds], and those of each pair, [pairs].
     */
    tally            *flagged, *all;
    const tb_kernels *kernels;
    tb_progress       quiet; /* cancels, says nothing */
    char             *work;
    int64_t           done, steps; /* sweeps */
    tb_text           notes;
} tuning;

static int sets_of(const tuning *t)
{
    return 2 * t->folds + t->pairs;
}

/* ---- the grid ---- */

static bool is_value(int parameter, const char *word, double *number)
{
    tb_prior prior;
    double   rate;
    char    *end;

    *number = 0.0;
    switch (parameter) {
    case METHOD:
        return strcmp(word, "auto") == 0 || tb_method_named(word) != NULL;
    case SMOOTHING:
        return tb_smoothing_parse(word, number);
    case PRIOR:
        return tb_prior_parse(word, &prior, &rate);
    default:
        break;
    }
    *number = strtod(word, &end);
    if (end == word || *end != '\0')
        return false;
    return parameter == FACTOR ? *number >= 0.01 && *number <= 100.0
                               : *number >= 1.0 && *number <= 1e6 && *number == floor(*number);
}

static int find_value(const values *v, int parameter, const char *word)
{
    double number;

    (void)is_value(parameter, word, &number);
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->word[i], word) == 0 ||
            (parameter >= FACTOR && v->number[i] == number)) /* 1 and 1.0 are one */
            return i;
    return -1;
}

static tb_status add_value(values *v, int parameter, const char *word, size_t length, tb_error *err)
{
    static const char *const allowed[PARAMETERS] = {
        "auto, composite, cva or logratio", "auto, or pixels from 0 to 4.5",
        "auto, rare, common or rate=F with 0 < F < 1", "a number from 0.01 to 100",
        "a whole number from 1 to 1000000"};
    char   text[WORD_SIZE];
    double number;

    if (v->count + 1 >= VALUES_MAX)
        return tb_error_set(err, TB_E_USAGE, "tune %s: expected at most %d values, got more",
                            keys[parameter], VALUES_MAX - 2);
    snprintf(text, sizeof text, "%.*s", (int)(length < WORD_SIZE ? length : WORD_SIZE - 1), word);
    if (length >= WORD_SIZE || !is_value(parameter, text, &number))
        return tb_error_set(err, TB_E_USAGE, "tune %s: expected a list of %s, got \"%.*s\"",
                            keys[parameter], allowed[parameter], (int)length, word);
    if (find_value(v, parameter, text) >= 0)
        return TB_OK;
    snprintf(v->word[v->count], WORD_SIZE, "%s", text);
    v->number[v->count++] = number;
    return TB_OK;
}

static tb_status read_values(values *v, int parameter, const char *list, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *word   = list != NULL ? list : searched[parameter];

    for (bool has_more = true; has_more;) {
        size_t length = strcspn(word, ",");

        TB_TRY(add_value(v, parameter, word, length, err));
        has_more = word[length] == ',';
        word += length + has_more;
    }
    v->listed = v->count;
    TB_TRY(add_value(v, parameter, defaults[parameter], strlen(defaults[parameter]), err));
    v->usual = find_value(v, parameter, defaults[parameter]);
done:
    return status;
}

static bool is_default(const tuning *t, const combination *c)
{
    for (int p = 0; p < PARAMETERS; p++)
        if (c->value[p] != t->values[p].usual)
            return false;
    return true;
}

/* The defaults, then all the rest in the order of the lists. */
static tb_status make_grid(tuning *t, tb_error *err)
{
    const tb_tune_options *o                 = t->options;
    const char *const      lists[PARAMETERS] = {o->methods, o->smoothings, o->priors, o->factors,
                                                o->min_pixels};
    tb_status              status            = TB_OK;
    int64_t                all               = 1;

    for (int p = 0; p < PARAMETERS; p++) {
        TB_TRY(read_values(&t->values[p], p, lists[p], err));
        all *= t->values[p].listed;
    }
    if (all > 100000) {
        status =
            tb_error_set(err, TB_E_USAGE, "tune: expected at most 100000 combinations, got %lld",
                         (long long)all);
        goto done;
    }
    TB_TRY(tb_alloc_zero(&t->combination, (size_t)all + 1, sizeof *t->combination, "combinations",
                         err));
    for (int p = 0; p < PARAMETERS; p++)
        t->combination[0].value[p] = t->values[p].usual;
    t->count = 1;
    for (int64_t i = 0; i < all; i++) {
        combination *c    = &t->combination[t->count];
        int64_t      rest = i;

        for (int p = PARAMETERS - 1; p >= 0; p--) {
            c->value[p] = (int)(rest % t->values[p].listed);
            rest /= t->values[p].listed;
        }
        t->count += !is_default(t, c);
    }
done:
    return status;
}

/* Whether any combination begins with these values of the first `depth` parameters. */
static bool is_wanted(const tuning *t, const int *value, int depth)
{
    for (int c = 0; c < t->count; c++)
        if (memcmp(t->combination[c].value, value, (size_t)depth * sizeof *value) == 0)
            return true;
    return false;
}

static int combination_of(const tuning *t, const int *value)
{
    for (int c = 0; c < t->count; c++)
        if (memcmp(t->combination[c].value, value, sizeof t->combination[c].value) == 0)
            return c;
    return -1;
}

/* Moves on to the next values of the first `depth` parameters; false after the last. */
static bool step(const tuning *t, int *value, int depth)
{
    for (int p = depth - 1; p >= 0; p--) {
        if (++value[p] < t->values[p].count)
            return true;
        value[p] = 0;
    }
    return false;
}

static int64_t count_sweeps(const tuning *t)
{
    int     value[PARAMETERS] = {0};
    int64_t sweeps            = 0;

    do {
        sweeps += is_wanted(t, value, FACTOR + 1);
    } while (step(t, value, FACTOR + 1));
    return sweeps;
}

/* ---- the labels ---- */

static tb_status read_truth(labels *to, const char *path, const tuning *t, tb_error *err)
{
    tb_status            status = TB_OK;
    tb_strips            strips = {0};
    const tb_image_info *info;
    int64_t              rows;

    TB_TRY(tb_strips_open(&strips, path, err));
    info = strips.info;
    rows = tb_strips_rows(info->width, info->height);
    TB_TRY(tb_strips_prepare(&strips, rows, err));
    TB_TRY(tb_alloc(&to->truth, (size_t)info->width * (size_t)info->height, 1, "truth", err));
    for (int64_t y = 0; y < info->height; y += rows) {
        tb_rect  strip = {0, y, info->width, rows < info->height - y ? rows : info->height - y};
        uint8_t *here  = to->truth + y * info->width;

        TB_TRY(tb_strips_read(&strips, strip, err));
        for (int64_t i = 0; i < tb_rect_area(strip); i++)
            here[i] = tb_strips_is_unknown(&strips, i) ? UNKNOWN : strips.values[i] != 0.0;
    }
    TB_TRY(
        tb_blocks_init(&to->blocks, to->truth, info->width, info->height, t->side, t->guard, err));
done:
    tb_strips_close(&strips);
    return status;
}

/* Adds a pixel of truth to the sets it belongs to. */
static void add_pixel(const tuning *t, tally *sets, int pair, int64_t x, int64_t y)
{
    const labels *l = &t->labels[pair];
    uint8_t class   = l->truth[y * l->blocks.width + x];
    int near[TB_BLOCKS_NEAR_MAX], count;

    if (class == UNKNOWN)
        return;
    count = tb_blocks_near(&l->blocks, x, y, near);
    for (int i = -1; i <= count; i++) {
        tally *set = i < 0        ? &sets[near[0]]
                     : i == count ? &sets[2 * t->folds + pair]
                                  : &sets[t->folds + near[i]];

        if (class == 1)
            set->changed++;
        else
            set->unchanged++;
    }
}

static tb_status read_labels(tuning *t, tb_error *err)
{
    tb_status  status  = TB_OK;
    int64_t    changed = 0;
    tb_blocks *rasters = NULL;

    TB_TRY(tb_alloc_zero(&t->labels, (size_t)t->pairs, sizeof *t->labels, "pairs", err));
    TB_TRY(tb_alloc_zero(&rasters, (size_t)t->pairs, sizeof *rasters, "pairs", err));
    for (int p = 0; p < t->pairs; p++) {
        TB_TRY(read_truth(&t->labels[p], t->options->pairs[p].truth, t, err));
        changed += tb_blocks_changed(&t->labels[p].blocks);
        rasters[p] = t->labels[p].blocks;
    }
    if (changed < 2) {
        status = tb_error_set(err, TB_E_INPUT,
                              "tune: expected at least 2 blocks of %lld pixels with change, got "
                              "%lld",
                              (long long)t->side, (long long)changed);
        tb_error_hint(err, "give more pairs, or smaller blocks with --side");
        goto done;
    }
    t->folds = t->options->folds > 0 ? t->options->folds : FOLDS_DEFAULT;
    if (t->folds > changed) {
        TB_TRY(tb_text_append(&t->notes, err,
                              "only %lld blocks have change: as many folds are made\n",
                              (long long)changed));
        t->folds = (int)changed;
    }
    TB_TRY(tb_blocks_deal(rasters, t->pairs, t->folds, err));
    TB_TRY(tb_alloc_zero(&t->all, (size_t)sets_of(t), sizeof *t->all, "tallies", err));
    TB_TRY(tb_alloc_zero(&t->flagged, (size_t)sets_of(t) * (size_t)t->count, sizeof *t->flagged,
                         "tallies", err));
    for (int p = 0; p < t->pairs; p++)
        for (int64_t y = 0; y < t->labels[p].blocks.height; y++)
            for (int64_t x = 0; x < t->labels[p].blocks.width; x++)
                add_pixel(t, t->all, p, x, y);
done:
    tb_free(rasters);
    return status;
}

/* ---- trying ---- */

typedef struct painter {
    const tuning *tuning;
    tally        *sets;
    int           pair;
} painter;

static tb_status count_run(void *context, const tb_assembled_run *run, tb_error *err)
{
    painter *p = context;

    (void)err;
    if (run->kind != TB_RUN_UNOBSERVED && run->verdict == TB_VERDICT_KEPT)
        for (int64_t x = run->first; x <= run->last; x++)
            add_pixel(p->tuning, p->sets, p->pair, x, run->row);
    return TB_OK;
}

/* Fitted and swept: one assembly for each least size. */
static tb_status try_sizes(tuning *t, int pair, tb_job *job, tb_stages *stages, int *value,
                           tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   pixels = stages->pair.lattice.width * stages->pair.lattice.height;

    for (int m = 0; m < t->values[MIN_PIXELS].count; m++) {
        int                 c;
        painter             p       = {.tuning = t, .pair = pair};
        tb_assemble_visitor visitor = {.run = count_run, .context = &p};
        tb_assemble_totals  totals;

        value[MIN_PIXELS] = m;
        c                 = combination_of(t, value);
        if (c < 0)
            continue;
        p.sets          = t->flagged + (size_t)c * (size_t)sets_of(t);
        job->min_pixels = (int64_t)t->values[MIN_PIXELS].number[m];
        TB_TRY(tb_stages_assemble(stages, &visitor, &totals, err));
        t->combination[c].is_implausible |=
            (totals.kept_pixels + totals.small_pixels + totals.weak_pixels) * 1000 >
            (pixels - totals.unobserved_pixels) * tb_implausible_permille(job->prior);
    }
    value[MIN_PIXELS] = 0;
done:
    return status;
}

static tb_status empty_work(const tuning *t, tb_error *err)
{
    tb_folder_remove(t->work);
    return tb_folder_make(t->work, NULL, err);
}

static tb_status open_pair(const tuning *t, int pair, const int *value, tb_job **job,
                           tb_stages *stages, tb_error *err)
{
    tb_status           status = TB_OK;
    const tb_tune_pair *of     = &t->options->pairs[pair];
    const char         *method = t->values[METHOD].word[value[METHOD]];
    uint64_t            held   = 0;
    tb_detect_options   detect = {.before            = of->before,
                                  .after             = of->after,
                                  .sensor            = t->options->sensor,
                                  .method            = strcmp(method, "auto") == 0 ? NULL : method,
                                  .prior             = t->values[PRIOR].word[value[PRIOR]],
                                  .smoothing         = t->values[SMOOTHING].word[value[SMOOTHING]],
                                  .is_not_registered = t->options->is_not_registered,
                                  .sample            = t->options->sample,
                                  .may_flag_all      = true,
                                  .runtime           = t->options->runtime};
    const tb_blocks    *blocks = &t->labels[pair].blocks;

    for (int p = 0; p < t->pairs; p++)
        held += (uint64_t)(t->labels[p].blocks.width * t->labels[p].blocks.height);
    if (detect.runtime.memory_bytes == 0)
        detect.runtime.memory_bytes = MEMORY_DEFAULT;
    detect.runtime.memory_bytes -=
        held < detect.runtime.memory_bytes ? held : detect.runtime.memory_bytes - 1;
    TB_TRY(tb_job_of_images(job, &detect, err));
    TB_TRY(tb_stages_open(stages, *job, 1, t->kernels, &t->quiet, err));
    if (stages->pair.lattice.width != blocks->width ||
        stages->pair.lattice.height != blocks->height) {
        status = tb_error_set(err, TB_E_INPUT,
                              "tune %s: expected a truth of the size of %s, %lldx%lld, got "
                              "%lldx%lld",
                              of->truth, of->before, (long long)stages->pair.lattice.width,
                              (long long)stages->pair.lattice.height, (long long)blocks->width,
                              (long long)blocks->height);
        tb_error_hint(err, "bring it onto that grid, for instance with gdalwarp -r near");
    }
done:
    return status;
}

static void report_progress(tuning *t)
{
    const tb_progress *progress = t->options->runtime.progress;

    t->done++;
    if (progress != NULL && progress->report != NULL)
        progress->report(progress->context, "tune", t->done, t->steps);
}

/* One method, smoothing and prior on one pair: a fit, then a sweep for each factor. */
static tb_status try_fit(tuning *t, int pair, int *value, tb_error *err)
{
    tb_status           status = TB_OK;
    tb_job             *job    = NULL;
    tb_stages           stages = {0};
    tb_model_threshold *fitted = NULL;

    TB_TRY(open_pair(t, pair, value, &job, &stages, err));
    TB_TRY(tb_stages_fit(&stages, err));
    stages.work = t->work;
    TB_TRY(tb_alloc(&fitted, (size_t)tb_model_strata(stages.model), sizeof *fitted, "thresholds",
                    err));
    for (int s = 0; s < tb_model_strata(stages.model); s++)
        fitted[s] = stages.model->stratum[s].threshold;
    for (int f = 0; f < t->values[FACTOR].count; f++) {
        value[FACTOR] = f;
        if (!is_wanted(t, value, FACTOR + 1))
            continue;
        TB_TRY(empty_work(t, err));
        TB_TRY(tb_stages_scale(&stages, fitted, t->values[FACTOR].number[f], err));
        TB_TRY(tb_stages_sweep(&stages, err));
        TB_TRY(try_sizes(t, pair, job, &stages, value, err));
        report_progress(t);
    }
    value[FACTOR] = 0;
done:
    tb_free(fitted);
    tb_stages_close(&stages);
    tb_job_free(job);
    return status;
}

static tb_status try_all(tuning *t, tb_error *err)
{
    tb_status status = TB_OK;

    t->steps = count_sweeps(t) * t->pairs;
    for (int p = 0; p < t->pairs; p++) {
        int value[PARAMETERS] = {0};

        do {
            if (is_wanted(t, value, PRIOR + 1))
                TB_TRY(try_fit(t, p, value, err));
        } while (step(t, value, PRIOR + 1));
    }
done:
    return status;
}

/* ---- choosing ---- */

static tb_eval_figures figures_of(tally flagged, tally all)
{
    tb_eval_figures f = {.tp = flagged.changed,
                         .fp = flagged.unchanged,
                         .fn = all.changed - flagged.changed,
                         .tn = all.unchanged - flagged.unchanged};

    tb_figures_derive(&f);
    return f;
}

static double aim_of(const tuning *t, const tb_eval_figures *f)
{
    double value = t->options->aim == TB_TUNE_F1    ? f->f1
                   : t->options->aim == TB_TUNE_IOU ? f->iou
                                                    : f->kappa;

    return isnan(value) ? -INFINITY : value;
}

/* Flagged pixels of all folds but those near `but` (by set), or of all where that is -1. */
static tally without(const tuning *t, const tally *sets, int but)
{
    tally sum = {0};

    for (int f = 0; f < t->folds; f++) {
        sum.changed += sets[f].changed;
        sum.unchanged += sets[f].unchanged;
    }
    if (but >= 0) {
        sum.changed -= sets[but].changed;
        sum.unchanged -= sets[but].unchanged;
    }
    return sum;
}

static const tally *sets_at(const tuning *t, int c)
{
    return t->flagged + (size_t)c * (size_t)sets_of(t);
}

/* The combination with the best figure without a set; the first of equal ones. */
static int choose(const tuning *t, int but)
{
    tally  all      = without(t, t->all, but);
    int    best     = 0;
    double best_aim = -INFINITY;

    for (int c = 0; c < t->count; c++) {
        tb_eval_figures f   = figures_of(without(t, sets_at(t, c), but), all);
        double          aim = aim_of(t, &f);

        if (t->combination[c].is_implausible && !t->options->may_flag_all)
            continue;
        if (aim > best_aim) {
            best     = c;
            best_aim = aim;
        }
    }
    return best;
}

/* ---- the report ---- */

static void put_figures(json_t *to, tb_eval_figures f)
{
    json_object_set_new(to, "f1", tb_report_number(f.f1));
    json_object_set_new(to, "iou", tb_report_number(f.iou));
    json_object_set_new(to, "kappa", tb_report_number(f.kappa));
    json_object_set_new(to, "precision", tb_report_number(f.precision));
    json_object_set_new(to, "recall", tb_report_number(f.recall));
}

static json_t *figures_json(tb_eval_figures f)
{
    json_t *json = json_object();

    put_figures(json, f);
    return json;
}

/* As a job file has them: numbers as numbers. */
static json_t *parameters_json(const tuning *t, int c)
{
    json_t *json = json_object();

    for (int p = 0; p < PARAMETERS; p++) {
        const values *v    = &t->values[p];
        int           at   = t->combination[c].value[p];
        bool          is_n = p >= FACTOR;

        json_object_set_new(json, keys[p],
                            p == MIN_PIXELS ? json_integer((json_int_t)v->number[at])
                            : is_n          ? json_real(v->number[at])
                                            : json_string(v->word[at]));
    }
    return json;
}

static json_t *row_json(const tuning *t, int c)
{
    json_t *json = parameters_json(t, c);

    put_figures(json, figures_of(without(t, sets_at(t, c), -1), without(t, t->all, -1)));
    json_object_set_new(json, "is_default", json_boolean(c == 0));
    json_object_set_new(json, "implausible", json_boolean(t->combination[c].is_implausible));
    return json;
}

static void add_to(tally *sum, tally more)
{
    sum->changed += more.changed;
    sum->unchanged += more.unchanged;
}

/*
 * Each fold scored with what was chosen elsewhere. Set `own + f` is scored, what set `near + f`
 * has is not learnt from.
 */
static json_t *validate(const tuning *t, int folds, int own, int near)
{
    json_t *json = json_object(), *rows = json_array();
    tally   flagged = {0}, usual = {0}, all = {0};

    for (int f = 0; f < folds; f++) {
        int             c = choose(t, near + f);
        tb_eval_figures learnt =
            figures_of(without(t, sets_at(t, c), near + f), without(t, t->all, near + f));
        tally here = sets_at(t, c)[own + f];

        add_to(&flagged, here);
        add_to(&usual, sets_at(t, 0)[own + f]);
        add_to(&all, t->all[own + f]);
        json_array_append_new(
            rows, json_pack("{s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "fold", f + 1, "changed",
                            (json_int_t)t->all[own + f].changed, "unchanged",
                            (json_int_t)t->all[own + f].unchanged, "chosen", parameters_json(t, c),
                            "learnt", figures_json(learnt), "scored",
                            figures_json(figures_of(here, t->all[own + f])), "default",
                            figures_json(figures_of(sets_at(t, 0)[own + f], t->all[own + f]))));
    }
    put_figures(json, figures_of(flagged, all));
    json_object_set_new(json, "default", figures_json(figures_of(usual, all)));
    json_object_set_new(json, "folds", rows);
    return json;
}

static tb_status write_snippet(const tuning *t, int c, tb_text *out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "detect: {"));
    for (int p = 0; p < PARAMETERS; p++)
        TB_TRY(tb_text_append(out, err, "%s%s: %s", p > 0 ? ", " : "", keys[p],
                              t->values[p].word[t->combination[c].value[p]]));
    if (t->options->sensor != TB_SENSOR_AUTO)
        TB_TRY(tb_text_append(out, err, ", sensor: %s",
                              t->options->sensor == TB_SENSOR_SAR ? "sar" : "optical"));
    if (t->options->is_not_registered)
        TB_TRY(tb_text_append(out, err, ", register: off"));
    if (t->combination[c].is_implausible && t->options->may_flag_all)
        TB_TRY(tb_text_append(out, err, ", allow_implausible: true"));
    TB_TRY(tb_text_append(out, err, "}\n"));
done:
    return status;
}

/* At the end of a list the search may not have gone far enough. */
static tb_status note_ends(tuning *t, int c, tb_error *err)
{
    tb_status status = TB_OK;

    for (int p = FACTOR; p < PARAMETERS; p++) {
        const values *v     = &t->values[p];
        double        here  = v->number[t->combination[c].value[p]];
        bool          least = true, most = true;

        for (int i = 0; i < v->listed; i++) {
            least &= here <= v->number[i];
            most &= here >= v->number[i];
        }
        if (v->listed > 1 && (least || most))
            TB_TRY(tb_text_append(
                &t->notes, err, "%s %s is the %s that was tried: the best may lie beyond\n",
                keys[p], v->word[t->combination[c].value[p]], least ? "least" : "most"));
    }
done:
    return status;
}

static tb_status note_all(tuning *t, int chosen, tb_error *err)
{
    tb_status status      = TB_OK;
    int       implausible = 0;

    for (int c = 0; c < t->count; c++)
        implausible += t->combination[c].is_implausible;
    if (implausible > 0)
        TB_TRY(tb_text_append(
            &t->notes, err, "%d combinations flag more than a fifth of a pair: %s\n", implausible,
            t->options->may_flag_all ? "allowed, as asked for" : "they are not chosen"));
    TB_TRY(note_ends(t, chosen, err));
    if (t->notes.length > 0)
        t->notes.data[--t->notes.length] = '\0';
done:
    return status;
}

static tb_status write_report(tuning *t, char **json, tb_error *err)
{
    tb_status status  = TB_OK;
    tb_text   snippet = {0};
    int       chosen  = choose(t, -1);
    json_t   *rows, *report;

    TB_TRY(note_all(t, chosen, err));
    TB_TRY(write_snippet(t, chosen, &snippet, err));
    rows = json_array();
    for (int c = 0; c < t->count; c++)
        json_array_append_new(rows, row_json(t, c));
    report = json_pack(
        "{s:s, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "aim", aims[t->options->aim],
        "pairs", t->pairs, "side", (json_int_t)t->side, "guard", (json_int_t)t->guard, "chosen",
        row_json(t, chosen), "default", row_json(t, 0), "cross_validated",
        validate(t, t->folds, 0, t->folds), "by_pair",
        t->pairs > 1 ? validate(t, t->pairs, 2 * t->folds, 2 * t->folds) : json_null(), "rows",
        rows, "detect", snippet.data, "notes", t->notes.data != NULL ? t->notes.data : "");
    TB_TRY(tb_report_text(report, json, err));
done:
    tb_text_reset(&snippet);
    return status;
}

/* ---- the whole ---- */

static tb_status check_options(tuning *t, tb_error *err)
{
    const tb_tune_options *o = t->options;

    t->pairs = o->pair_count;
    t->side  = o->side > 0 ? o->side : SIDE_DEFAULT;
    t->guard = o->guard > 0 ? o->guard : GUARD_DEFAULT;
    if (o->pair_count < 1)
        return tb_error_set(err, TB_E_USAGE, "tune: expected at least one pair, got %d",
                            o->pair_count);
    for (int p = 0; p < o->pair_count; p++)
        if (o->pairs[p].before == NULL || o->pairs[p].after == NULL || o->pairs[p].truth == NULL)
            return tb_error_set(err, TB_E_USAGE,
                                "tune pair %d: expected two images and a truth, got not all",
                                p + 1);
    if (o->folds < 0 || o->folds == 1 || o->folds > 1000)
        return tb_error_set(err, TB_E_USAGE, "tune: expected 2 to 1000 folds, got %d", o->folds);
    if (t->guard > t->side / 2)
        return tb_error_set(err, TB_E_USAGE,
                            "tune: expected a guard of at most half a block, %lld pixels, got %lld",
                            (long long)(t->side / 2), (long long)t->guard);
    return TB_OK;
}

static tb_status make_work(tuning *t, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *folder = getenv("TMPDIR");

    TB_TRY(tb_path_join(&t->work, folder != NULL && folder[0] != '\0' ? folder : "/tmp",
                        "tuban-tune-XXXXXX", err));
    if (mkdtemp(t->work) == NULL) {
        status = tb_file_complain("make folder", t->work, err);
        tb_free(t->work);
        t->work = NULL;
    }
done:
    return status;
}

tb_status tb_tune(const tb_tune_options *options, char **json, tb_error *err)
{
    const tb_progress *progress = options->runtime.progress;
    tb_status          status   = TB_OK;
    tuning             t        = {.options = options};

    *json = NULL;
    if (progress != NULL)
        t.quiet =
            (tb_progress){.is_cancelled = progress->is_cancelled, .context = progress->context};
    TB_TRY(check_options(&t, err));
    TB_TRY(make_grid(&t, err));
    TB_TRY(tb_stages_kernels(&options->runtime, &t.kernels, err));
    TB_TRY(read_labels(&t, err));
    TB_TRY(make_work(&t, err));
    TB_TRY(try_all(&t, err));
    TB_TRY(write_report(&t, json, err));
done:
    if (t.work != NULL)
        tb_folder_remove(t.work);
    for (int p = 0; t.labels != NULL && p < t.pairs; p++) {
        tb_blocks_reset(&t.labels[p].blocks);
        tb_free(t.labels[p].truth);
    }
    tb_free(t.labels);
    tb_free(t.combination);
    tb_free(t.flagged);
    tb_free(t.all);
    tb_free(t.work);
    tb_text_reset(&t.notes);
    return status;
}
