/* tuban eval: maps against maps, polygons against polygons, and what a sample says. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "tuban/eval.h"

enum { CURVE_MAX = 10000, CURVE_OF_PLOT = 500 };

static const double M2_A_MU = 2000.0 / 3.0;

/* What the command line says. */
typedef struct evaluation {
    console           console;
    tb_eval_options   maps;
    tb_polygons       truth, change, area;
    tb_sample_options sample;
    const char       *profile, *plot;
    int64_t           curve;
    bool              estimates;
    tb_eval_sizes     sizes;
    char              no_sizes[600]; /* why there are none */
    tb_eval_point     points[CURVE_MAX];
} evaluation;

/* ---- maps ---- */

static json_t *figures_json(const tb_eval_figures *f)
{
    json_t *json = json_pack("{s:I, s:I, s:I, s:I}", "tp", (json_int_t)f->tp, "fp",
                             (json_int_t)f->fp, "fn", (json_int_t)f->fn, "tn", (json_int_t)f->tn);

    json_object_set_new(json, "precision", number_json(f->precision));
    json_object_set_new(json, "recall", number_json(f->recall));
    json_object_set_new(json, "f1", number_json(f->f1));
    json_object_set_new(json, "iou", number_json(f->iou));
    json_object_set_new(json, "kappa", number_json(f->kappa));
    json_object_set_new(json, "auc", number_json(f->auc));
    json_object_set_new(json, "ap", number_json(f->ap));
    json_object_set_new(json, "best_f1", number_json(f->best_f1));
    json_object_set_new(json, "best_threshold", number_json(f->best_threshold));
    json_object_set_new(json, "object_recall", number_json(f->object_recall));
    json_object_set_new(json, "object_precision", number_json(f->object_precision));
    json_object_set_new(json, "truth_objects", json_integer(f->truth_objects));
    json_object_set_new(json, "found_objects", json_integer(f->found_objects));
    json_object_set_new(json, "false_per_1000_km2", number_json(f->false_per_1000_km2));
    json_object_set_new(json, "false_per_1000_flagged", number_json(f->false_per_1000_flagged));
    json_object_set_new(json, "flagged", number_json(f->flagged));
    return json;
}

/* To 0.0001, as areas in mu are shown. */
static double mu_of(double m2)
{
    return floor(m2 / M2_A_MU * 1e4 + 0.5) / 1e4;
}

static json_t *sizes_json(const tb_eval_sizes *sizes, const tb_eval_result *result)
{
    json_t *rows = json_array();

    for (int i = 0; i < sizes->count; i++) {
        const tb_eval_size *s = &result->size[i];

        json_array_append_new(
            rows,
            json_pack("{s:s, s:f, s:f, s:I, s:I, s:o, s:f, s:f, s:o}", "size", sizes->name[i],
                      "from_m2", sizes->from_m2[i], "from_mu", mu_of(sizes->from_m2[i]), "truth",
                      (json_int_t)s->truth, "found", (json_int_t)s->found, "object_recall",
                      number_json(s->truth > 0 ? (double)s->found / (double)s->truth : NAN),
                      "truth_m2", s->truth_m2, "found_m2", s->found_m2, "found_share",
                      number_json(s->truth > 0 ? s->found_m2 / s->truth_m2 : NAN)));
    }
    return rows;
}

/* The labelled pixels as a sample, drawn within what is mapped as unchanged and as changed. */
static tb_status estimates_json(const tb_eval_result *result, json_t **json, tb_error *err)
{
    const tb_sample_options options = {.labels = result};
    char                   *text    = NULL;
    tb_status               status  = tb_eval_sample(&options, &text, err);

    if (status == TB_OK)
        *json = json_loads(text, 0, NULL);
    tb_text_release(text);
    return status;
}

/* A share, or a rate: "-" without a score, and of nothing. */
static void print_share(const char *name, double value)
{
    if (isnan(value))
        printf(" %s -", name);
    else
        printf(" %s %.4f", name, value);
}

static void print_rate(double value, const char *of)
{
    if (isnan(value))
        printf(" - %s", of);
    else
        printf(" %.4g %s", value, of);
}

static void print_figures(const char *name, const tb_eval_figures *f)
{
    printf("%-9s", name);
    print_share("P", f->precision);
    print_share(" R", f->recall);
    print_share(" F1", f->f1);
    print_share(" IoU", f->iou);
    print_share(" kappa", f->kappa);
    print_share(" AUC", f->auc);
    print_share(" AP", f->ap);
    print_share(" best F1", f->best_f1);
    printf("\n%-9s objects: %lld of %lld found, %lld of %lld right; %.3f %% flagged\n", "",
           (long long)f->recalled_objects, (long long)f->truth_objects, (long long)f->right_objects,
           (long long)f->found_objects, 100.0 * f->flagged);
    printf("%-9s false objects:", "");
    print_rate(f->false_per_1000_km2, "in 1000 km2,");
    print_rate(f->false_per_1000_flagged, "of 1000 flagged\n");
}

static void print_estimate(const char *name, const json_t *e, double unit)
{
    const json_t *value = json_object_get(e, "value");

    if (json_is_null(value))
        printf("  %-20s not defined\n", name);
    else
        printf("  %-20s %.4f +/- %.4f (95 %%)\n", name, json_number_value(value) / unit,
               1.96 * json_number_value(json_object_get(e, "error")) / unit);
}

static void print_estimates(const json_t *json)
{
    const char *unit  = json_string_value(json_object_get(json, "unit"));
    bool        is_m2 = strcmp(unit, "m2") == 0;
    json_t     *row;
    size_t      i;

    printf("estimates from the sample, stratified by the map (Olofsson et al. 2014)\n");
    print_estimate("overall accuracy", json_object_get(json, "overall_accuracy"), 1.0);
    json_array_foreach(json_object_get(json, "classes"), i, row)
    {
        printf("class %s, %lld places\n", json_string_value(json_object_get(row, "class")),
               (long long)json_integer_value(json_object_get(row, "places")));
        print_estimate("user's accuracy", json_object_get(row, "users_accuracy"), 1.0);
        print_estimate("producer's accuracy", json_object_get(row, "producers_accuracy"), 1.0);
        print_estimate(is_m2 ? "area, km2" : "area", json_object_get(row, "area"),
                       is_m2 ? 1e6 : 1.0);
    }
}

static void print_sizes(const json_t *rows)
{
    json_t *row;
    size_t  i;

    json_array_foreach(rows, i, row)
    {
        const json_t *share = json_object_get(row, "found_share");

        if (json_integer_value(json_object_get(row, "truth")) == 0)
            continue;
        printf("from %5.4g mu (%s): %lld of %lld found, %.1f %% of the area\n",
               json_number_value(json_object_get(row, "from_mu")),
               json_string_value(json_object_get(row, "size")),
               (long long)json_integer_value(json_object_get(row, "found")),
               (long long)json_integer_value(json_object_get(row, "truth")),
               100.0 * json_number_value(share));
    }
}

static json_t *curve_json(const tb_eval_point *points, int count)
{
    json_t *rows = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(rows, json_pack("{s:o, s:f, s:f}", "threshold",
                                              number_json(points[i].threshold), "recall",
                                              points[i].recall, "precision", points[i].precision));
    return rows;
}

static json_t *maps_json(const evaluation *e, const tb_eval_result *result)
{
    json_t *json = figures_json(&result->overall);
    char    notes[sizeof result->notes + sizeof e->no_sizes + 1];

    snprintf(notes, sizeof notes, "%s%s%s", result->notes,
             result->notes[0] != '\0' && e->no_sizes[0] != '\0' ? "\n" : "", e->no_sizes);
    json_object_set_new(json, "unobserved", number_json(result->unobserved));
    json_object_set_new(json, "labelled", json_integer(result->labelled));
    json_object_set_new(json, "left_out", json_integer(result->left_out));
    json_object_set_new(json, "pixel_m2", number_json(result->pixel_m2));
    json_object_set_new(json, "observed", figures_json(&result->observed));
    json_object_set_new(json, "sizes",
                        isfinite(result->pixel_m2) ? sizes_json(&e->sizes, result) : json_array());
    if (e->curve > 0)
        json_object_set_new(json, "curve", curve_json(e->points, result->curve_count));
    json_object_set_new(json, "notes", json_string(notes));
    return json;
}

static void print_maps(const json_t *json, const tb_eval_result *result)
{
    const json_t *estimates = json_object_get(json, "estimates");
    const char   *notes     = json_string_value(json_object_get(json, "notes"));

    print_figures("all", &result->overall);
    print_figures("observed", &result->observed);
    printf("labelled  %lld pixels, %.3f %% of them not observed\n", (long long)result->labelled,
           100.0 * result->unobserved);
    print_sizes(json_object_get(json, "sizes"));
    if (estimates != NULL)
        print_estimates(estimates);
    if (notes[0] != '\0')
        printf("%s\n", notes);
}

static int evaluate_maps(evaluation *e)
{
    tb_eval_result result    = {0};
    tb_error       error     = {0};
    json_t        *estimates = NULL, *json;

    e->maps.sizes = &e->sizes;
    if (e->curve > 0 || e->plot != NULL) {
        e->maps.curve      = e->points;
        e->maps.curve_room = e->curve > 0 ? (int)e->curve : CURVE_OF_PLOT;
    }
    if (e->maps.curve != NULL && e->maps.score == NULL) {
        error = (tb_error){.status  = TB_E_USAGE,
                           .message = "--curve and --plot: expected a --score, got none"};
        return console_fail(&e->console, &error);
    }
    if (tb_eval(&e->maps, &result, &error) != TB_OK ||
        (e->estimates && estimates_json(&result, &estimates, &error) != TB_OK))
        return console_fail(&e->console, &error);
    if (e->plot != NULL &&
        tb_eval_plot(e->points, result.curve_count, &result.overall, e->plot, &error) != TB_OK) {
        json_decref(estimates);
        return console_fail(&e->console, &error);
    }
    json = maps_json(e, &result);
    if (estimates != NULL)
        json_object_set_new(json, "estimates", estimates);
    if (e->console.is_json)
        return console_dump_json(json);
    if (!e->console.is_quiet)
        print_maps(json, &result);
    json_decref(json);
    return 0;
}

/* ---- polygons ---- */

static void print_polygons(const json_t *json)
{
    const char *notes = json_string_value(json_object_get(json, "notes"));
    json_t     *row;
    size_t      i;

    printf("truth       %.0f of %.0f found; %.1f %% of its area is that of found ones, %.1f %% "
           "covered\n",
           number_at(json, "found"), number_at(json, "truth"),
           100.0 * number_at(json, "found_share"), 100.0 * number_at(json, "covered_share"));
    printf("candidates  %.0f of %.0f right; F1 %.4f\n", number_at(json, "right"),
           number_at(json, "candidates"), number_at(json, "f1"));
    printf("false       %.0f parcels, %.4f km2; %.4g in 1000 km2, %.4g of 1000 flagged\n",
           number_at(json, "false"), number_at(json, "false_m2") / 1e6,
           number_at(json, "false_per_1000_km2"), number_at(json, "false_per_1000_flagged"));
    if (number_at(json, "outside") > 0)
        printf("outside     %.0f polygons lie by more than half outside the labelled area\n",
               number_at(json, "outside"));
    json_array_foreach(json_object_get(json, "tiers"), i, row) printf(
        "T%.0f and above: %.0f of %.0f found, %.1f %% of the area\n", number_at(row, "from_tier"),
        number_at(row, "found"), number_at(row, "truth"), 100.0 * number_at(row, "found_share"));
    print_sizes(json_object_get(json, "sizes"));
    if (notes[0] != '\0')
        printf("%s\n", notes);
}

static int evaluate_polygons(evaluation *e)
{
    tb_error error = {0};
    char    *text  = NULL;

    e->truth.path  = e->maps.truth;
    e->change.path = e->maps.change;
    if (tb_eval_polygons(&e->truth, &e->change, e->area.path != NULL ? &e->area : NULL, &e->sizes,
                         &text, &error) != TB_OK)
        return console_fail(&e->console, &error);
    if (e->no_sizes[0] != '\0' && e->console.progress.note != NULL)
        e->console.progress.note(e->console.progress.context, e->no_sizes);
    return console_report(&e->console, text, print_polygons);
}

/* ---- samples ---- */

static void print_sample(const json_t *json)
{
    const char *notes = json_string_value(json_object_get(json, "notes"));

    print_estimates(json);
    if (notes[0] != '\0')
        printf("%s\n", notes);
}

static int evaluate_sample(evaluation *e)
{
    tb_error error = {0};
    char    *text  = NULL;

    if (e->sample.points != NULL)
        e->sample.change = e->maps.change;
    if (tb_eval_sample(&e->sample, &text, &error) != TB_OK)
        return console_fail(&e->console, &error);
    return console_report(&e->console, text, print_sample);
}

/* ---- the command ---- */

/* Options that one way to evaluate takes and another does not. */
static const char *misplaced(const evaluation *e, bool is_sample, bool is_polygons)
{
    if (is_sample && e->maps.truth != NULL)
        return "--truth: expected none beside --points or --matrix, got one";
    if ((is_sample || is_polygons) &&
        (e->maps.score != NULL || e->curve > 0 || e->plot != NULL || e->estimates))
        return "--score, --curve, --plot and --estimate: expected with rasters only";
    if (!is_polygons && (e->area.path != NULL || e->truth.layer != NULL || e->truth.where != NULL ||
                         e->change.layer != NULL || e->change.where != NULL))
        return "--area, layers and filters: expected with polygons only";
    if (e->sample.label != NULL && e->sample.points == NULL)
        return "--label: expected with --points only";
    return NULL;
}

/* Tiers of a province where no other is named; what is not there is told, not refused. */
static tb_status read_sizes(evaluation *e, tb_error *err)
{
    tb_error why = {0};

    if (e->profile != NULL)
        return strcmp(e->profile, "none") == 0
                   ? TB_OK
                   : tb_eval_sizes_of_profile(e->profile, &e->sizes, err);
    if (tb_eval_sizes_of_profile("shandong-2024", &e->sizes, &why) != TB_OK)
        snprintf(e->no_sizes, sizeof e->no_sizes, "nothing is told by size: %.500s", why.message);
    return TB_OK;
}

int command_eval(int argc, char **argv)
{
    static const char usage[] =
        "tuban eval --truth T.tif --change C.tif [--score S.tif] [--min-pixels N] [--curve N] "
        "[--plot F.svg|F.png] [--estimate] | --truth T.gpkg --change P.gpkg [--area A.gpkg] "
        "[--truth-layer L] [--truth-where SQL] [--change-layer L] [--change-where SQL] | --change "
        "C.tif --points P [--label FIELD] | --matrix M.csv; [--profile NAME|none] [--quiet] "
        "[--json]";
    static evaluation e; /* the curve has room for many points */
    int               code;
    tb_error          error = {0};
    const option      own[] = {
             {.name = "truth", .kind = OPTION_TEXT, .target = &e.maps.truth},
             {.name = "change", .kind = OPTION_TEXT, .target = &e.maps.change},
             {.name = "score", .kind = OPTION_TEXT, .target = &e.maps.score},
             {.name   = "min-pixels",
              .kind   = OPTION_INTEGER,
              .target = &e.maps.min_pixels,
              .low    = 1,
              .high   = 1e9},
             {.name = "curve", .kind = OPTION_INTEGER, .target = &e.curve, .low = 3, .high = CURVE_MAX},
             {.name = "plot", .kind = OPTION_TEXT, .target = &e.plot},
             {.name = "estimate", .kind = OPTION_FLAG, .target = &e.estimates},
             {.name = "profile", .kind = OPTION_TEXT, .target = &e.profile},
             {.name = "area", .kind = OPTION_TEXT, .target = &e.area.path},
             {.name = "truth-layer", .kind = OPTION_TEXT, .target = &e.truth.layer},
             {.name = "truth-where", .kind = OPTION_TEXT, .target = &e.truth.where},
             {.name = "change-layer", .kind = OPTION_TEXT, .target = &e.change.layer},
             {.name = "change-where", .kind = OPTION_TEXT, .target = &e.change.where},
             {.name = "points", .kind = OPTION_TEXT, .target = &e.sample.points},
             {.name = "label", .kind = OPTION_TEXT, .target = &e.sample.label},
             {.name = "matrix", .kind = OPTION_TEXT, .target = &e.sample.matrix},
             {0},
    };
    const char  *none[1], *wrong;
    command_line line = {.usage = usage, .options = own, .words = none};
    bool         is_sample, is_polygons;

    if (!console_begin(&e.console, &line, argc, argv, &code))
        return code;
    is_sample   = e.sample.points != NULL || e.sample.matrix != NULL;
    is_polygons = !is_sample && e.maps.truth != NULL && tb_polygons_can_open(e.maps.truth);
    wrong       = misplaced(&e, is_sample, is_polygons);
    if (wrong == NULL && !is_sample && (e.maps.truth == NULL || e.maps.change == NULL))
        wrong = "expected --truth and --change, got not both";
    if (wrong == NULL && e.sample.points != NULL && e.maps.change == NULL)
        wrong = "--points: expected --change beside it, got none";
    if (wrong != NULL) {
        error.status = TB_E_USAGE;
        snprintf(error.message, sizeof error.message, "%s", wrong);
        snprintf(error.hint, sizeof error.hint, "usage: %s", usage);
        return console_fail(&e.console, &error);
    }
    if (is_sample)
        return evaluate_sample(&e);
    if (read_sizes(&e, &error) != TB_OK)
        return console_fail(&e.console, &error);
    return is_polygons ? evaluate_polygons(&e) : evaluate_maps(&e);
}
