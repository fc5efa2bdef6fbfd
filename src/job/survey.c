#include "job/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "rules/lookup.h"

static const double UNKNOWN_SHARE = 0.01;

static void note(const tb_progress *notes, const char *line)
{
    if (notes != NULL && notes->note != NULL)
        notes->note(notes->context, line);
}

static void reset_mask(tb_mask *mask)
{
    tb_features_reset(&mask->features);
    tb_free(mask->ground);
    tb_free(mask->ridge);
}

void tb_survey_reset(tb_survey *survey)
{
    tb_mask *all[] = {&survey->landuse, &survey->pbf,   &survey->redline,   &survey->approvals,
                      &survey->urban,   &survey->units, &survey->districts, &survey->withheld};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        reset_mask(all[i]);
    for (int i = 0; i < TB_EXTRA_MAX; i++)
        reset_mask(&survey->extra[i]);
    tb_free(survey->approval);
    tb_free(survey->validity);
    tb_qc_reset(&survey->qc);
    tb_roles_free(survey->roles);
    *survey = (tb_survey){0};
}

/* A text of a feature; NULL: none or null. */
static const char *text_at(const tb_feature *feature, int field)
{
    return field >= 0 && feature->text != NULL ? feature->text[field] : NULL;
}

const char *tb_survey_text(const tb_survey *survey, const char *role, const tb_feature *feature,
                           const char *key)
{
    return text_at(feature, tb_role_field_of(tb_roles_find(survey->roles, role), key));
}

static tb_mask *mask_of(tb_survey *survey, const tb_job_layer *layer)
{
    static const char *const roles[] = {"landuse", "pbf",       "redline",  "approvals", "urban",
                                        "units",   "districts", "withheld", "extra"};
    tb_mask *const           masks[] = {
                  &survey->landuse,   &survey->pbf,      &survey->redline,
                  &survey->approvals, &survey->urban,    &survey->units,
                  &survey->districts, &survey->withheld, &survey->extra[survey->masks.extra_count]};

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(layer->role, roles[i]) == 0)
            return masks[i];
    return NULL; /* earlier batches are not a mask */
}

void tb_survey_tell(const tb_progress *notes, const char *path, tb_layer *layer, int64_t repaired,
                    int64_t without)
{
    char line[400];

    if (repaired > 0) {
        snprintf(line, sizeof line, "%.200s layer %.60s: %lld invalid polygons repaired", path,
                 tb_layer_name(layer), (long long)repaired);
        note(notes, line);
    }
    if (without > 0) {
        snprintf(line, sizeof line, "%.200s layer %.60s: %lld features without a polygon left out",
                 path, tb_layer_name(layer), (long long)without);
        note(notes, line);
    }
    if (tb_layer_count(layer) == 0) {
        snprintf(line, sizeof line, "%.200s layer %.60s is empty", path, tb_layer_name(layer));
        note(notes, line);
    }
}

static tb_layer_source source_of(const tb_job_layer *of)
{
    return (tb_layer_source){.path     = of->path,
                             .layer    = of->layer,
                             .where    = of->where,
                             .crs      = of->crs,
                             .encoding = of->encoding};
}

tb_status tb_survey_roles(tb_roles **out, tb_error *err)
{
    tb_status status = TB_OK;
    char     *path   = NULL;

    TB_TRY(tb_rules_find(&path, "fieldmap-survey", NULL, err));
    TB_TRY(tb_roles_read(out, path, err));
done:
    tb_free(path);
    return status;
}

/* How many polygons have a class the table does not know, and the first of them. */
typedef struct census {
    const tb_landclasses *classes;
    int64_t               total, unknown;
    char                  example[24];
} census;

static void count_class(void *context, const char *code)
{
    census *c = context;

    code = code != NULL ? code : "";
    c->total++;
    if (tb_landclass_of(c->classes, code) != TB_LANDCLASS_UNKNOWN)
        return;
    if (c->unknown++ == 0)
        snprintf(c->example, sizeof c->example, "%s", code);
}

/* Polygons looked at before all are: of any run of rows longer than this part of the layer, one. */
enum { SPREAD = 2000 };

static tb_status check_classes(tb_layer *layer, const tb_role *role, const tb_landclasses *classes,
                               const char *path, tb_error *err)
{
    tb_status status = TB_OK;
    census    c      = {.classes = classes};
    int       field  = tb_role_field_of(role, "class");

    TB_TRY(tb_layer_texts_spread(layer, field, SPREAD, count_class, &c, err));
    if (c.unknown == 0 && c.total >= SPREAD / 2)
        goto done;
    c = (census){.classes = classes};
    TB_TRY(tb_layer_texts(layer, field, -1, count_class, &c, err));
    if ((double)c.unknown <= UNKNOWN_SHARE * (double)c.total)
        goto done;
    status =
        tb_error_set(err, TB_E_INPUT,
                     "%s layer %s: expected at most 1 %% of the polygons with a land class that "
                     "is not in table %s, got %lld of %lld, such as \"%s\"",
                     path, tb_layer_name(layer), tb_landclasses_name(classes), (long long)c.unknown,
                     (long long)c.total, c.example);
    tb_error_hint(err, "name the survey's classification in the profile");
done:
    return status;
}

tb_status tb_survey_check(const tb_job *job, const tb_landclasses *classes, tb_error *err)
{
    tb_status status = TB_OK;
    tb_roles *roles  = NULL;
    tb_layer *layer  = NULL;

    TB_TRY(tb_survey_roles(&roles, err));
    for (int l = 0; l < job->layer_count; l++) {
        tb_layer_source source = source_of(&job->layers[l]);
        const tb_role  *role   = tb_roles_find(roles, job->layers[l].role);

        TB_TRY(tb_layer_open(&layer, &source, role, err));
        if (strcmp(role->name, "landuse") == 0)
            TB_TRY(check_classes(layer, role, classes, source.path, err));
        tb_layer_close(layer);
        layer = NULL;
    }
done:
    tb_layer_close(layer);
    tb_roles_free(roles);
    return status;
}

static tb_status read_one(tb_survey *survey, const tb_job_layer *of, tb_geos *geos,
                          const tb_features *reach, const tb_progress *notes, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_mask        *mask   = mask_of(survey, of);
    tb_layer       *layer  = NULL;
    tb_layer_source source = source_of(of);
    int64_t         repaired, without;
    size_t          first;
    bool            is_tiling;

    TB_TRY(tb_layer_open(&layer, &source, tb_roles_find(survey->roles, of->role), err));
    if (mask == NULL)
        goto done;
    mask->features.geos = geos;
    if (mask == &survey->units || mask == &survey->districts)
        reach = NULL; /* for what was observed of them; there are few */
    mask->features.qc = &survey->qc;
    first             = mask->features.count;
    TB_TRY(tb_qc_begin(&survey->qc, tb_path_name(of->path), tb_layer_name(layer), of->role, err));
    repaired = mask->features.repaired;
    without  = mask->features.without;
    TB_TRY(tb_layer_read(layer, reach, &mask->features, err));
    is_tiling = strcmp(of->role, "landuse") == 0 || strcmp(of->role, "pbf") == 0 ||
                strcmp(of->role, "districts") == 0;
    TB_TRY(tb_features_check(&mask->features, first,
                             tb_role_field_of(tb_roles_find(survey->roles, of->role), "area"),
                             is_tiling, err));
    tb_survey_tell(notes, of->path, layer, mask->features.repaired - repaired,
                   mask->features.without - without);
    if (strcmp(of->role, "extra") == 0) {
        survey->extra_name[survey->masks.extra_count]  = of->name;
        survey->masks.extra[survey->masks.extra_count] = mask;
        survey->masks.extra_count++;
    }
done:
    tb_layer_close(layer);
    return status;
}

/* KCXS is a share; above 1 it is a percentage. */
static tb_status read_ridges(tb_survey *survey, tb_mask *mask, const char *role,
                             const tb_progress *notes, tb_error *err)
{
    tb_status status      = TB_OK;
    int64_t   percentages = 0;
    int       field       = tb_role_field_of(tb_roles_find(survey->roles, role), "ridge");
    char      line[160];

    TB_TRY(tb_alloc_zero(&mask->ridge, mask->features.count, sizeof *mask->ridge, "ridges", err));
    for (size_t i = 0; i < mask->features.count; i++) {
        const char *text  = text_at(&mask->features.feature[i], field);
        double      share = text != NULL ? strtod(text, NULL) : 0.0;

        if (share > 1.0) {
            share /= 100.0;
            percentages++;
        }
        mask->ridge[i] = share > 0.0 && share < 1.0 ? share : 0.0;
    }
    if (percentages > 0) {
        snprintf(line, sizeof line, "%s: KCXS of %lld polygons is above 1 and taken as per cent",
                 role, (long long)percentages);
        note(notes, line);
    }
done:
    return status;
}

static tb_status read_classes(tb_survey *survey, const tb_landclasses *classes, tb_error *err)
{
    static const tb_ground grounds[] = {
        [TB_LANDCLASS_UNKNOWN]            = TB_GROUND_UNKNOWN,
        [TB_LANDCLASS_FARMLAND]           = TB_GROUND_FARMLAND,
        [TB_LANDCLASS_OTHER_AGRICULTURAL] = TB_GROUND_OTHER_AGRICULTURAL,
        [TB_LANDCLASS_CONSTRUCTION]       = TB_GROUND_CONSTRUCTION,
        [TB_LANDCLASS_UNUSED]             = TB_GROUND_UNUSED,
    };
    tb_status status = TB_OK;
    tb_mask  *mask   = &survey->landuse;
    int       field  = tb_role_field_of(tb_roles_find(survey->roles, "landuse"), "class");

    TB_TRY(
        tb_alloc_zero(&mask->ground, mask->features.count, sizeof *mask->ground, "classes", err));
    for (size_t i = 0; i < mask->features.count; i++) {
        const char *code = text_at(&mask->features.feature[i], field);

        mask->ground[i] = grounds[tb_landclass_of(classes, code != NULL ? code : "")];
    }
done:
    return status;
}

long tb_survey_day(const char *text)
{
    int year, month, day;

    if (text == NULL)
        return 0;
    if (sscanf(text, "%4d%*1[-/.]%2d%*1[-/.]%2d", &year, &month, &day) != 3 &&
        sscanf(text, "%4d%2d%2d", &year, &month, &day) != 3)
        return 0;
    return year * 10000L + month * 100L + day;
}

static const tb_approval *rule_of(const tb_profile *profile, const char *kind)
{
    if (profile == NULL || kind == NULL)
        return NULL;
    for (int i = 0; i < profile->approval_count; i++)
        if (strcmp(profile->approval[i].kind, kind) == 0)
            return &profile->approval[i];
    return NULL;
}

/* When an approval begins and ends; 0: not said. */
typedef struct tb_validity {
    long from, until;
    bool reduces; /* it is of a kind that the profile lists, and dated */
    bool needs_until;
} tb_validity;

static tb_status read_validity(tb_survey *survey, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = survey->approvals.features.count;

    TB_TRY(tb_alloc_zero(&survey->validity, count, sizeof *survey->validity, "approvals", err));
    for (size_t i = 0; i < count; i++) {
        const tb_feature  *it = &survey->approvals.features.feature[i];
        const tb_approval *rule =
            rule_of(survey->profile, tb_survey_text(survey, "approvals", it, "kind"));
        long from = tb_survey_day(tb_survey_text(survey, "approvals", it, "from"));

        survey->validity[i] =
            (tb_validity){.from  = from,
                          .until = tb_survey_day(tb_survey_text(survey, "approvals", it, "until")),
                          .reduces     = rule != NULL && from != 0,
                          .needs_until = rule != NULL && rule->needs_validity};
    }
done:
    return status;
}

tb_status tb_survey_read(tb_survey *survey, const tb_job *job, const tb_profile *profile,
                         const tb_landclasses *classes, tb_geos *geos, const tb_features *reach,
                         const tb_progress *notes, tb_error *err)
{
    tb_status status = TB_OK;
    tb_masks *masks  = &survey->masks;

    survey->profile = profile;
    TB_TRY(tb_survey_roles(&survey->roles, err));
    for (int l = 0; l < job->layer_count; l++) {
        const tb_job_layer *of   = &job->layers[l];
        tb_mask            *mask = mask_of(survey, of);

        if (strcmp(of->role, "extra") == 0 && masks->extra_count == TB_EXTRA_MAX) {
            status = tb_error_set(
                err, TB_E_JOB, "layers.extra: expected at most %d layers, got more", TB_EXTRA_MAX);
            goto done;
        }
        TB_TRY(read_one(survey, of, geos, reach, notes, err));
        masks->landuse   = mask == &survey->landuse ? mask : masks->landuse;
        masks->pbf       = mask == &survey->pbf ? mask : masks->pbf;
        masks->redline   = mask == &survey->redline ? mask : masks->redline;
        masks->approvals = mask == &survey->approvals ? mask : masks->approvals;
        masks->urban     = mask == &survey->urban ? mask : masks->urban;
        survey->has_units |= mask == &survey->units;
        survey->has_districts |= mask == &survey->districts;
        survey->has_withheld |= mask == &survey->withheld;
    }

    tb_mask *indexed[] = {&survey->landuse, &survey->pbf,   &survey->redline,   &survey->approvals,
                          &survey->urban,   &survey->units, &survey->districts, &survey->withheld};

    for (size_t i = 0; i < sizeof indexed / sizeof *indexed; i++)
        TB_TRY(tb_features_index(&indexed[i]->features, err));
    for (int i = 0; i < masks->extra_count; i++)
        TB_TRY(tb_features_index(&survey->extra[i].features, err));
    if (masks->landuse != NULL) {
        TB_TRY(read_classes(survey, classes, err));
        TB_TRY(read_ridges(survey, &survey->landuse, "landuse", notes, err));
    }
    if (masks->pbf != NULL)
        TB_TRY(read_ridges(survey, &survey->pbf, "pbf", notes, err));
    if (masks->approvals != NULL) {
        TB_TRY(tb_alloc_zero(&survey->approval, survey->approvals.features.count,
                             sizeof *survey->approval, "approvals", err));
        survey->approvals.approval = survey->approval;
        TB_TRY(read_validity(survey, err));
    }
done:
    return status;
}

void tb_survey_set_date(tb_survey *survey, const char *later)
{
    long image = tb_survey_day(later);

    for (size_t i = 0; survey->approval != NULL && i < survey->approvals.features.count; i++) {
        const tb_validity *it = &survey->validity[i];

        survey->approval[i] = TB_APPROVAL_NONE;
        if (!it->reduces || image == 0)
            continue;
        if (it->from > image)
            survey->approval[i] = TB_APPROVAL_LATE;
        else if (it->until != 0 ? it->until >= image : !it->needs_until)
            survey->approval[i] = TB_APPROVAL_HOLDS;
    }
}
