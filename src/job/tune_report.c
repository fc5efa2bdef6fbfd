#include "job/tune_report.h"

#include <jansson.h>

#include "job/report.h"

static const char *const aims[] = {"f1", "iou", "kappa"};

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
static json_t *parameters_json(const tb_tune_grid *grid, int c)
{
    json_t *json = json_object();

    for (int p = 0; p < TB_TUNE_PARAMETERS; p++) {
        const tb_tune_values *v    = &grid->values[p];
        int                   at   = grid->combination[c].value[p];
        bool                  is_n = p >= TB_TUNE_FACTOR;

        json_object_set_new(json, tb_tune_keys[p],
                            p == TB_TUNE_MIN_PIXELS ? json_integer((json_int_t)v->number[at])
                            : is_n                  ? json_real(v->number[at])
                                                    : json_string(v->word[at]));
    }
    return json;
}

static json_t *row_json(const tb_tune_scores *s, int c)
{
    json_t *json = parameters_json(s->grid, c);

    put_figures(json, tb_tune_scores_without(s, c, -1));
    json_object_set_new(json, "is_default", json_boolean(c == 0));
    json_object_set_new(json, "implausible", json_boolean(s->grid->combination[c].is_implausible));
    return json;
}

static void add_to(tb_tune_tally *sum, tb_tune_tally more)
{
    sum->changed += more.changed;
    sum->unchanged += more.unchanged;
}

/*
 * Each fold scored with what was chosen elsewhere. Set `own + f` is scored, what set `near + f`
 * has is not learnt from.
 */
static json_t *validate(const tb_tune_scores *s, int folds, int own, int near)
{
    json_t       *json = json_object(), *rows = json_array();
    tb_tune_tally flagged = {0}, usual = {0}, all = {0};

    for (int f = 0; f < folds; f++) {
        int             c      = tb_tune_scores_best(s, near + f);
        tb_eval_figures learnt = tb_tune_scores_without(s, c, near + f);
        tb_tune_tally   here   = tb_tune_scores_of(s, c)[own + f];

        add_to(&flagged, here);
        add_to(&usual, tb_tune_scores_of(s, 0)[own + f]);
        add_to(&all, s->labels->all[own + f]);
        json_array_append_new(
            rows, json_pack("{s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "fold", f + 1, "changed",
                            (json_int_t)s->labels->all[own + f].changed, "unchanged",
                            (json_int_t)s->labels->all[own + f].unchanged, "chosen",
                            parameters_json(s->grid, c), "learnt", figures_json(learnt), "scored",
                            figures_json(tb_tune_figures(here, s->labels->all[own + f])), "default",
                            figures_json(tb_tune_figures(tb_tune_scores_of(s, 0)[own + f],
                                                         s->labels->all[own + f]))));
    }
    put_figures(json, tb_tune_figures(flagged, all));
    json_object_set_new(json, "default", figures_json(tb_tune_figures(usual, all)));
    json_object_set_new(json, "folds", rows);
    return json;
}

static tb_status write_snippet(const tb_tune_options *options, const tb_tune_grid *grid, int c,
                               tb_text *out, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "detect: {"));
    for (int p = 0; p < TB_TUNE_PARAMETERS; p++)
        TB_TRY(tb_text_append(out, err, "%s%s: %s", p > 0 ? ", " : "", tb_tune_keys[p],
                              grid->values[p].word[grid->combination[c].value[p]]));
    if (options->sensor != TB_SENSOR_AUTO)
        TB_TRY(tb_text_append(out, err, ", sensor: %s",
                              options->sensor == TB_SENSOR_SAR ? "sar" : "optical"));
    if (options->is_not_registered)
        TB_TRY(tb_text_append(out, err, ", register: off"));
    if (grid->combination[c].is_implausible && options->may_flag_all)
        TB_TRY(tb_text_append(out, err, ", allow_implausible: true"));
    TB_TRY(tb_text_append(out, err, "}\n"));
done:
    return status;
}

/* At the end of a list the search may not have gone far enough. */
static tb_status note_ends(const tb_tune_grid *grid, int c, tb_text *notes, tb_error *err)
{
    tb_status status = TB_OK;

    for (int p = TB_TUNE_FACTOR; p < TB_TUNE_PARAMETERS; p++) {
        const tb_tune_values *v     = &grid->values[p];
        double                here  = v->number[grid->combination[c].value[p]];
        bool                  least = true, most = true;

        for (int i = 0; i < v->listed; i++) {
            least &= here <= v->number[i];
            most &= here >= v->number[i];
        }
        if (v->listed > 1 && (least || most))
            TB_TRY(tb_text_append(
                notes, err, "%s %s is the %s that was tried: the best may lie beyond\n",
                tb_tune_keys[p], v->word[grid->combination[c].value[p]], least ? "least" : "most"));
    }
done:
    return status;
}

static tb_status note_all(const tb_tune_scores *s, int chosen, tb_text *notes, tb_error *err)
{
    tb_status status      = TB_OK;
    int       implausible = 0;

    for (int c = 0; c < s->grid->count; c++)
        implausible += s->grid->combination[c].is_implausible;
    if (implausible > 0)
        TB_TRY(tb_text_append(notes, err, "%d combinations flag more than a fifth of a pair: %s\n",
                              implausible,
                              s->may_flag_all ? "allowed, as asked for" : "they are not chosen"));
    TB_TRY(note_ends(s->grid, chosen, notes, err));
    if (notes->length > 0)
        notes->data[--notes->length] = '\0';
done:
    return status;
}

tb_status tb_tune_report(const tb_tune_options *options, const tb_tune_scores *s, tb_text *notes,
                         char **json, tb_error *err)
{
    const tb_tune_labels *labels  = s->labels;
    tb_status             status  = TB_OK;
    tb_text               snippet = {0};
    int                   chosen  = tb_tune_scores_best(s, -1);
    json_t               *rows, *report;

    TB_TRY(note_all(s, chosen, notes, err));
    TB_TRY(write_snippet(options, s->grid, chosen, &snippet, err));
    rows = json_array();
    for (int c = 0; c < s->grid->count; c++)
        json_array_append_new(rows, row_json(s, c));
    report = json_pack(
        "{s:s, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "aim", aims[s->aim], "pairs",
        labels->pairs, "side", (json_int_t)labels->side, "guard", (json_int_t)labels->guard,
        "chosen", row_json(s, chosen), "default", row_json(s, 0), "cross_validated",
        validate(s, labels->folds, 0, labels->folds), "by_pair",
        labels->pairs > 1 ? validate(s, labels->pairs, 2 * labels->folds, 2 * labels->folds)
                          : json_null(),
        "rows", rows, "detect", snippet.data, "notes", notes->data != NULL ? notes->data : "");
    TB_TRY(tb_report_text(report, json, err));
done:
    tb_text_reset(&snippet);
    return status;
}
