#include "tuban/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/judge.h"
#include "job/month.h"
#include "job/pairs.h"
#include "job/parcels.h"
#include "job/report.h"
#include "parcel/area.h"
#include "raster/capture.h"

enum { DRAFT_ID, SOURCE, YSLX, YSLX_BY, YSLX_DT, TBLX };

/* No field is called "id": the order is the file's. */
static const tb_role parcels_role = {
    .field_count = 6,
    .fields      = {[DRAFT_ID] = {.key   = (char *)"code",
                                  .names = {(char *)"DRAFT_ID", (char *)"JCBH", (char *)"BSM",
                                            (char *)"ID"}},
                    [SOURCE]   = {.key = (char *)"source", .names = {(char *)"SOURCE"}},
                    [YSLX]     = {.key = (char *)"class", .names = {(char *)"YSLX"}},
                    [YSLX_BY]  = {.key = (char *)"class_by", .names = {(char *)"YSLX_BY"}},
                    [YSLX_DT]  = {.key = (char *)"class_day", .names = {(char *)"YSLX_DT"}},
                    [TBLX]     = {.key = (char *)"kind", .names = {(char *)"TBLX"}}},
};

/* ---- which pair ---- */

/* From (L, B) to the pixels of a pair's lattice. */
typedef struct place {
    OGRCoordinateTransformationH way;
    double                       inverse[6];
    int64_t                      width, height;
    double                       gsd_m;
} place;

static tb_status find_way(place *p, const tb_pair *pair, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH from   = OSRNewSpatialReference(NULL);
    OGRSpatialReferenceH to     = OSRNewSpatialReference(pair->lattice.crs);
    tb_capture           capture;

    tb_capture_begin(&capture);
    OSRImportFromEPSG(from, 4490);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    p->way = OCTNewCoordinateTransformation(from, to);
    if (p->way == NULL)
        status =
            tb_error_set(err, TB_E_INPUT, "%s: expected a CRS CGCS2000 can be brought to, got: %s",
                         tb_epoch_file(pair->before, 0)->path,
                         tb_capture_text(&capture, "one PROJ knows no way to"));
    tb_capture_end(&capture);
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    tb_transform_invert(pair->lattice.transform, p->inverse);
    p->width  = pair->lattice.width;
    p->height = pair->lattice.height;
    p->gsd_m  = tb_grid_gsd_m(&pair->lattice);
    return status;
}

static bool is_on(const place *p, double longitude, double latitude)
{
    tb_capture unheard; /* a place the projection does not reach is not on it */
    double     x = longitude, y = latitude, column, row;
    bool       is_brought;

    tb_capture_begin(&unheard);
    is_brought = OCTTransform(p->way, 1, &x, &y, NULL);
    tb_capture_end(&unheard);
    if (!is_brought)
        return false;
    tb_transform_apply(p->inverse, x, y, &column, &row);
    return column >= 0.0 && column <= (double)p->width && row >= 0.0 && row <= (double)p->height;
}

/* ---- reading ---- */

typedef struct reading {
    tb_candidates *to;
    const tb_job  *job;
    tb_geos       *geos;
    place         *places;     /* [job->pair_count] */
    char           where[300]; /* file and layer, for complaints */
} reading;

static tb_status set_id(const reading *r, const tb_feature *feature, tb_candidate *it,
                        tb_error *err)
{
    enum { LONGEST = 24 };
    const char *id = feature->text[DRAFT_ID];

    if (id == NULL || id[0] == '\0') {
        snprintf(it->id, sizeof it->id, "D%.4s%.2s-M-%06lld",
                 r->job->month[0] != '\0' ? r->job->month : "0000",
                 r->job->month[0] != '\0' ? r->job->month + 5 : "00", (long long)feature->fid);
        return TB_OK;
    }
    if (strlen(id) > LONGEST)
        return tb_error_set(err, TB_E_INPUT,
                            "%s feature %lld: expected an identifier of at most %d bytes, got "
                            "\"%.60s\"",
                            r->where, (long long)feature->fid, LONGEST, id);
    snprintf(it->id, sizeof it->id, "%s", id);
    return TB_OK;
}

static tb_status set_class(const reading *r, const tb_feature *feature, tb_candidate *it,
                           tb_error *err)
{
    tb_status   status  = TB_OK;
    const char *classes = feature->text[YSLX], *by = feature->text[YSLX_BY];

    if (classes == NULL || classes[0] == '\0')
        return TB_OK;
    if (by == NULL || by[0] == '\0') {
        tb_error_set(err, TB_E_INPUT,
                     "%s parcel %s: expected YSLX_BY, who says that it is %.60s, got none",
                     r->where, it->id, classes);
        tb_error_hint(err, "a class is a person's word: name them in YSLX_BY, or empty YSLX");
        return TB_E_INPUT;
    }
    TB_TRY(tb_copy_text(&it->classes, classes, err));
    TB_TRY(tb_copy_text(&it->classes_by, by, err));
    if (feature->text[YSLX_DT] != NULL)
        TB_TRY(tb_copy_text(&it->classes_day, feature->text[YSLX_DT], err));
done:
    return status;
}

static tb_status set_pair(const reading *r, const GEOSGeometry *geometry, tb_candidate *it,
                          tb_error *err)
{
    GEOSContextHandle_t handle = r->geos->handle;
    GEOSGeometry       *point  = GEOSPointOnSurface_r(handle, geometry);
    double              x = NAN, y = NAN;

    if (point != NULL) {
        GEOSGeomGetX_r(handle, point, &x);
        GEOSGeomGetY_r(handle, point, &y);
    }
    GEOSGeom_destroy_r(handle, point);
    for (it->pair = 0; it->pair < r->job->pair_count; it->pair++)
        if (is_on(&r->places[it->pair], x, y)) {
            double gsd = r->places[it->pair].gsd_m; /* the least parcel may be so many pixels */

            it->pixels = (int64_t)floor(tb_area_of_geometry(r->geos, geometry) / (gsd * gsd) + 0.5);
            return TB_OK;
        }
    tb_error_set(err, TB_E_INPUT,
                 "%s parcel %s: expected a place on the imagery of the job, got %.6f E %.6f N",
                 r->where, it->id, x, y);
    tb_error_hint(err, "name the images it was drawn on in the job's pairs");
    return TB_E_INPUT;
}

static const char *source_of(const char *said)
{
    static const char *const words[] = {"auto", "edited"};

    for (size_t i = 0; said != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(said, words[i]) == 0)
            return words[i];
    return "manual";
}

static tb_status add_one(const reading *r, tb_feature *feature, tb_error *err)
{
    tb_status           status = TB_OK;
    tb_candidate       *it;
    const GEOSGeometry *geometry;

    TB_TRY(tb_candidates_append(r->to, &it, err));
    it->is_given = true;
    it->source   = source_of(feature->text[SOURCE]);
    if (feature->text[TBLX] != NULL)
        TB_TRY(tb_copy_text(&it->kind, feature->text[TBLX], err));
    TB_TRY(set_id(r, feature, it, err));
    TB_TRY(set_class(r, feature, it, err));
    TB_TRY(tb_feature_geometry(r->geos, feature, &geometry, err));
    TB_TRY(set_pair(r, geometry, it, err));
    TB_TRY(tb_outline_of_geometry(r->geos, geometry, &it->outline, err));
done:
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static tb_status check_ids(const reading *r, tb_error *err)
{
    tb_status    status = TB_OK;
    const char **ids    = NULL;
    size_t       count  = r->to->count;

    TB_TRY(tb_alloc(&ids, count, sizeof *ids, "identifiers", err));
    for (size_t i = 0; i < count; i++)
        ids[i] = r->to->item[i].id;
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 1; i < count; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "%s: expected each identifier once, got %s a second time",
                                  r->where, ids[i]);
            goto done;
        }
done:
    tb_free(ids);
    return status;
}

/* Adds the polygons of a layer as candidates of the job's pairs, in the order of the file. */
static tb_status read_parcels(tb_candidates *candidates, const tb_job *job, place *places,
                              const tb_polygons *parcels, const tb_progress *notes, tb_error *err)
{
    tb_status       status   = TB_OK;
    reading         r        = {.to = candidates, .job = job, .places = places};
    tb_layer_source source   = {.path     = parcels->path,
                                .layer    = parcels->layer,
                                .where    = parcels->where,
                                .crs      = parcels->crs,
                                .encoding = parcels->encoding};
    tb_layer       *layer    = NULL;
    tb_features     features = {0};

    TB_TRY(tb_geos_new(&r.geos, err));
    features.geos = r.geos;
    TB_TRY(tb_layer_open(&layer, &source, &parcels_role, err));
    snprintf(r.where, sizeof r.where, "%.200s layer %.60s", parcels->path, tb_layer_name(layer));
    TB_TRY(tb_layer_read(layer, NULL, &features, err));
    tb_survey_tell(notes, parcels->path, layer, features.repaired, features.without);
    for (size_t i = 0; i < features.count; i++)
        TB_TRY(add_one(&r, &features.feature[i], err));
    TB_TRY(check_ids(&r, err));
done:
    tb_features_reset(&features);
    tb_layer_close(layer);
    tb_geos_free(r.geos);
    return status;
}

/* ---- the operation of tuban/judge.h ---- */

/* One judging on its way. */
typedef struct judging {
    const tb_judge_options *options;
    tb_job                 *job;
    place                  *places; /* [job->pair_count] */
    tb_text                 inputs; /* what of the pairs the products depend on */
    tb_imagery             *imagery;
    char                   *models; /* the job's own folder, whatever --out says */
    tb_candidates           candidates;
    tb_judge                judge;
    tb_set                 *set;
    struct timespec         begun;
} judging;

/*
 * How well the dates lie on each other is told by the model.yaml of the job's own run, where there
 * is one: judged again, a draft keeps its AREA_U.
 */
static tb_status read_residual(judging *j, int pair, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   name   = {0};
    char     *path   = NULL;
    tb_model *model  = NULL;

    TB_TRY(tb_job_model_name(&name, pair, err));
    TB_TRY(tb_path_join(&path, j->models, name.data, err));
    if (tb_file_exists(path)) {
        TB_TRY(tb_model_read(&model, path, err));
        tb_imagery_set_model(j->imagery, pair, model);
    }
done:
    tb_model_free(model);
    tb_text_reset(&name);
    tb_free(path);
    return status;
}

static tb_status look_at_pair(judging *j, int p, tb_error *err)
{
    tb_status        status = TB_OK;
    tb_epoch_options before = tb_job_epoch(j->job, &j->job->pairs[p].before);
    tb_epoch_options after  = tb_job_epoch(j->job, &j->job->pairs[p].after);
    tb_pair          pair   = {0};

    TB_TRY(tb_pair_open(&pair, &before, &after, err));
    TB_TRY(tb_pair_check_georeference(&pair, err));
    TB_TRY(find_way(&j->places[p], &pair, err));
    TB_TRY(tb_imagery_add(j->imagery, p, &pair, err));
    TB_TRY(read_residual(j, p, err));
    TB_TRY(tb_key_append_pair(&j->inputs, &pair, err));
    TB_TRY(
        tb_text_append(&j->inputs, err, "residual %.17g\n", tb_imagery_residual_m(j->imagery, p)));
done:
    tb_pair_close(&pair);
    return status;
}

static tb_status open_job(judging *j, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_run_options over   = {.out = j->options->out, .formats = j->options->formats};

    TB_TRY(tb_job_read(&j->job, j->options->job, err));
    TB_TRY(tb_copy_text(&j->models, j->job->folder, err));
    TB_TRY(tb_job_override(j->job, &over, err));
    TB_TRY(tb_alloc_zero(&j->places, (size_t)j->job->pair_count, sizeof *j->places, "pairs", err));
    TB_TRY(tb_imagery_new(&j->imagery, j->job, err));
    for (int p = 0; p < j->job->pair_count; p++)
        TB_TRY(look_at_pair(j, p, err));
    TB_TRY(tb_judge_check(j->job, err));
done:
    return status;
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "-";
}

static tb_status key_of(const judging *j, char key[TB_KEY_SIZE], tb_error *err)
{
    tb_status          status  = TB_OK;
    const tb_polygons *parcels = &j->options->parcels;
    tb_text            text    = {0};

    TB_TRY(tb_text_append(
        &text, err, "judged %s %s %s %s %s %s %s %u %d ", tb_path_name(parcels->path),
        or_none(parcels->layer), or_none(parcels->where), or_none(parcels->crs),
        or_none(parcels->encoding), j->job->name, j->job->month, j->job->formats, j->job->is_gbk));
    TB_TRY(tb_key_append_file(&text, parcels->path, err));
    TB_TRY(tb_judge_append_key(&text, j->job, err));
    TB_TRY(tb_text_append(&text, err, "%s", j->inputs.data));
    TB_TRY(tb_key_of(&text, key, err));
done:
    tb_text_reset(&text);
    return status;
}

static json_t *run_report(const judging *j)
{
    struct timespec now;
    json_t         *json = tb_report_machine();

    clock_gettime(CLOCK_MONOTONIC, &now);
    json_object_set_new(json, "seconds",
                        json_real((double)(now.tv_sec - j->begun.tv_sec) +
                                  (double)(now.tv_nsec - j->begun.tv_nsec) / 1e9));
    return json;
}

static tb_status write_products(judging *j, char **json, tb_error *err)
{
    tb_status status  = TB_OK;
    json_t   *summary = tb_month_head(j->job);
    char      key[TB_KEY_SIZE];

    json_object_update_new(summary, tb_month_report(&j->judge, &j->candidates, j->job));
    TB_TRY(key_of(j, key, err));
    TB_TRY(tb_set_open(&j->set, j->job->folder, err));
    TB_TRY(tb_parcels_write(j->set, j->job, &j->candidates, &j->judge, j->options->progress, err));
    TB_TRY(tb_set_write_json(j->set, "summary.json", json_incref(summary), err));
    TB_TRY(tb_set_write_json(j->set, "run.json", run_report(j), err));
    TB_TRY(tb_set_publish(j->set, key, err));
    json_object_set_new(summary, "out", json_string(j->job->folder));
    TB_TRY(tb_report_text(json_incref(summary), json, err));
done:
    json_decref(summary);
    if (status != TB_OK && j->set != NULL)
        tb_set_abandon(j->set, false);
    return status;
}

tb_status tb_parcels_judge(const tb_judge_options *options, char **json, tb_error *err)
{
    tb_status status = TB_OK;
    judging   j      = {.options = options};

    *json = NULL;
    clock_gettime(CLOCK_MONOTONIC, &j.begun);
    TB_TRY(open_job(&j, err));
    TB_TRY(read_parcels(&j.candidates, j.job, j.places, &options->parcels, options->progress, err));
    TB_TRY(tb_judge_candidates(&j.judge, j.job, &j.candidates, j.imagery, options->progress, err));
    TB_TRY(write_products(&j, json, err));
done:
    tb_set_close(j.set);
    tb_imagery_free(j.imagery); /* before the judge's context */
    tb_judge_reset(&j.judge);
    tb_candidates_reset(&j.candidates);
    for (int p = 0; j.places != NULL && p < j.job->pair_count; p++)
        if (j.places[p].way != NULL)
            OCTDestroyCoordinateTransformation(j.places[p].way);
    tb_free(j.places);
    tb_text_reset(&j.inputs);
    tb_free(j.models);
    tb_job_free(j.job);
    return status;
}
