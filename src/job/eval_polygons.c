/* tb_eval_polygons, and the sizes of a profile's tiers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/memory.h"
#include "core/text.h"
#include "eval/figures.h"
#include "job/report.h"
#include "parcel/area.h"
#include "parcel/overlay.h"
#include "rules/profile.h"
#include "tuban/eval.h"

static const double M2_A_MU = 2000.0 / 3.0, M2_A_KM2 = 1e6;

/* ---- sizes of a profile ---- */

static const tb_stream *first_with_tiers(const tb_profile *profile)
{
    for (int s = 0; s < profile->stream_count; s++)
        if (profile->stream[s].has_tiers)
            return &profile->stream[s];
    return NULL;
}

/* Puts a threshold in its place; equal areas are one size with both names. */
static void add_size(tb_eval_sizes *sizes, int tier, const tb_threshold *threshold)
{
    double from_m2 = (double)threshold->area_dm2 / 100.0;
    int    at      = 0;
    size_t used;

    while (at < sizes->count && sizes->from_m2[at] < from_m2)
        at++;
    if (at == sizes->count || sizes->from_m2[at] != from_m2) {
        if (sizes->count == TB_EVAL_SIZES_MAX)
            return;
        for (int i = sizes->count++; i > at; i--) {
            sizes->from_m2[i] = sizes->from_m2[i - 1];
            memcpy(sizes->name[i], sizes->name[i - 1], sizeof sizes->name[i]);
        }
        sizes->from_m2[at] = from_m2;
        sizes->name[at][0] = '\0';
    }
    used = strlen(sizes->name[at]);
    snprintf(sizes->name[at] + used, sizeof sizes->name[at] - used, "%sT%d %s",
             used > 0 ? ", " : "", tier, tb_quantity_name(threshold->quantity));
}

tb_status tb_eval_sizes_of_profile(const char *name, tb_eval_sizes *sizes, tb_error *err)
{
    tb_status        status  = TB_OK;
    tb_profile      *profile = NULL;
    const tb_stream *stream;
    tb_eval_sizes    found = {0};

    TB_TRY(tb_profile_open(&profile, name, err));
    stream = first_with_tiers(profile);
    if (stream == NULL) {
        status =
            tb_error_set(err, TB_E_JOB, "profile %s: expected a stream with tiers, got none", name);
        goto done;
    }
    for (int tier = 1; tier < TB_TIERS; tier++)
        for (int i = 0; i < stream->tier[tier].any.count; i++)
            add_size(&found, tier, &stream->tier[tier].any.item[i]);
    *sizes = found;
done:
    tb_profile_free(profile);
    return status;
}

/* ---- polygons ---- */

/* Only the tier is of use; the layer is the one that is named, or the first. */
static const tb_role with_tier = {
    .field_count = 1,
    .fields      = {{.names = {(char *)"TIER"}, .key = (char *)"tier"}},
};

/* A layer, and what is known of each of its polygons. */
typedef struct side {
    tb_layer_source source;
    tb_layer       *layer;
    tb_features     features;
    double         *area_m2;
    bool           *counts; /* lies in the labelled area */
    bool           *meets;  /* a polygon of the other side */
} side;

static tb_status load(side *it, const tb_polygons *polygons, tb_geos *geos, tb_error *err)
{
    tb_status status = TB_OK;

    it->source        = (tb_layer_source){.path     = polygons->path,
                                          .layer    = polygons->layer,
                                          .where    = polygons->where,
                                          .crs      = polygons->crs,
                                          .encoding = polygons->encoding};
    it->features.geos = geos;
    TB_TRY(tb_layer_open(&it->layer, &it->source, &with_tier, err));
    TB_TRY(tb_layer_read(it->layer, NULL, &it->features, err));
    TB_TRY(tb_features_index(&it->features, err));
    TB_TRY(tb_alloc(&it->area_m2, it->features.count, sizeof *it->area_m2, "polygons", err));
    TB_TRY(tb_alloc_zero(&it->counts, it->features.count, sizeof *it->counts, "polygons", err));
    TB_TRY(tb_alloc_zero(&it->meets, it->features.count, sizeof *it->meets, "polygons", err));
    for (size_t i = 0; i < it->features.count; i++) {
        it->area_m2[i] = tb_feature_area(geos, &it->features.feature[i]);
        if (it->area_m2[i] < 0.0) {
            status = tb_geos_fail(geos, err, "area of a polygon");
            goto done;
        }
    }
done:
    return status;
}

static void unload(side *it)
{
    tb_features_reset(&it->features);
    tb_layer_close(it->layer);
    tb_free(it->area_m2);
    tb_free(it->counts);
    tb_free(it->meets);
}

/* At least half of each polygon in the labelled area: then it counts. */
static tb_status keep_labelled(side *it, const tb_features *area, tb_geos *geos, tb_error *err)
{
    tb_status           status = TB_OK;
    double              inside;
    const GEOSGeometry *own;

    for (size_t i = 0; i < it->features.count; i++) {
        if (area == NULL) {
            it->counts[i] = true;
            continue;
        }
        TB_TRY(tb_feature_geometry(geos, &it->features.feature[i], &own, err));
        TB_TRY(tb_overlay_area(geos, own, area, &inside, err));
        it->counts[i] = inside >= 0.5 * it->area_m2[i];
    }
done:
    return status;
}

/* One polygon, asked against the tree of the other side. */
typedef struct meeting {
    tb_geos *geos;
    side    *truth, *change;
    size_t   own;
    bool     has_failed;
} meeting;

static bool meet(void *context, size_t number)
{
    meeting            *m = context;
    const GEOSGeometry *own, *other;
    char                does = 2;

    if (tb_feature_geometry(m->geos, &m->truth->features.feature[m->own], &own, NULL) == TB_OK &&
        tb_feature_geometry(m->geos, &m->change->features.feature[number], &other, NULL) == TB_OK)
        does = GEOSIntersects_r(m->geos->handle, own, other);
    m->has_failed = does == 2;
    if (does == 1) {
        m->truth->meets[m->own]  = true;
        m->change->meets[number] = true;
    }
    return !m->has_failed;
}

static tb_status find_meetings(side *truth, side *change, tb_geos *geos, tb_error *err)
{
    meeting m = {.geos = geos, .truth = truth, .change = change};

    for (m.own = 0; m.own < truth->features.count; m.own++) {
        tb_boxtree_find(change->features.tree, truth->features.feature[m.own].box, meet, &m);
        if (m.has_failed)
            return tb_geos_fail(geos, err, "whether a truth polygon and a candidate meet");
    }
    return TB_OK;
}

/* The labelled area, each ground once. */
static tb_status area_once(const tb_features *features, tb_geos *geos, double *area_m2,
                           tb_error *err)
{
    tb_status      status = TB_OK;
    GEOSGeometry **copies = NULL, *all = NULL, *once = NULL;
    size_t         count = 0;

    TB_TRY(tb_alloc(&copies, features->count, sizeof(GEOSGeometry *), "labelled area", err));
    for (; count < features->count; count++) {
        const GEOSGeometry *own;

        TB_TRY(tb_feature_geometry(geos, &features->feature[count], &own, err));
        copies[count] = GEOSGeom_clone_r(geos->handle, own);
        if (copies[count] == NULL) {
            status = tb_geos_fail(geos, err, "copy of the labelled area");
            goto done;
        }
    }
    all =
        GEOSGeom_createCollection_r(geos->handle, GEOS_GEOMETRYCOLLECTION, copies, (unsigned)count);
    if (all != NULL) {
        count = 0; /* they are the collection's now */
        once  = GEOSUnaryUnion_r(geos->handle, all);
    }
    if (once == NULL) {
        status = tb_geos_fail(geos, err, "union of the labelled area");
        goto done;
    }
    *area_m2 = tb_area_of_geometry(geos, once);
done:
    for (size_t i = 0; i < count; i++)
        GEOSGeom_destroy_r(geos->handle, copies[i]);
    if (all != NULL)
        GEOSGeom_destroy_r(geos->handle, all);
    if (once != NULL)
        GEOSGeom_destroy_r(geos->handle, once);
    tb_free(copies);
    return status;
}

static json_t *ratio(double part, double whole)
{
    return tb_report_number(tb_figures_ratio(part, whole));
}

/* Polygons of a side that count, and of them those that meet the other side. */
static tb_eval_size count_side(const side *it, double from_m2, int from_tier)
{
    tb_eval_size size = {0};

    for (size_t i = 0; i < it->features.count; i++) {
        const char *tier = it->features.feature[i].text[0];

        if (!it->counts[i] || it->area_m2[i] < from_m2 ||
            (from_tier > 0 && (tier == NULL || atoi(tier) < from_tier)))
            continue;
        size.truth++;
        size.truth_m2 += it->area_m2[i];
        size.found += it->meets[i];
        size.found_m2 += it->meets[i] ? it->area_m2[i] : 0.0;
    }
    return size;
}

static void put_size(json_t *to, const tb_eval_size *size)
{
    json_object_set_new(to, "truth", json_integer(size->truth));
    json_object_set_new(to, "found", json_integer(size->found));
    json_object_set_new(to, "object_recall", ratio((double)size->found, (double)size->truth));
    json_object_set_new(to, "truth_m2", json_real(size->truth_m2));
    json_object_set_new(to, "found_m2", json_real(size->found_m2));
    json_object_set_new(to, "found_share", ratio(size->found_m2, size->truth_m2));
}

static json_t *sizes_of(const side *truth, const tb_eval_sizes *sizes)
{
    json_t *rows = json_array();

    for (int i = 0; sizes != NULL && i < sizes->count; i++) {
        tb_eval_size size = count_side(truth, sizes->from_m2[i], 0);
        json_t      *row =
            json_pack("{s:s, s:f, s:f}", "size", sizes->name[i], "from_m2", sizes->from_m2[i],
                      "from_mu", floor(sizes->from_m2[i] / M2_A_MU * 1e4 + 0.5) / 1e4);

        put_size(row, &size);
        json_array_append_new(rows, row);
    }
    return rows;
}

/* T1 and above, T2 and above, T3, as the truth itself says. */
static json_t *tiers_of(const side *truth)
{
    json_t *rows = json_array();

    for (int tier = 1; tier < TB_TIERS && tb_layer_field(truth->layer, 0) != NULL; tier++) {
        tb_eval_size size = count_side(truth, 0.0, tier);
        json_t      *row  = json_pack("{s:i}", "from_tier", tier);

        put_size(row, &size);
        json_array_append_new(rows, row);
    }
    return rows;
}

static tb_status covered_area(const side *truth, const side *change, tb_geos *geos, double *out,
                              tb_error *err)
{
    tb_status           status = TB_OK;
    double              covered;
    const GEOSGeometry *own;

    *out = 0.0;
    for (size_t i = 0; i < truth->features.count; i++) {
        if (!truth->counts[i] || !truth->meets[i])
            continue;
        TB_TRY(tb_feature_geometry(geos, &truth->features.feature[i], &own, err));
        TB_TRY(tb_overlay_area(geos, own, &change->features, &covered, err));
        *out += covered;
    }
done:
    return status;
}

static tb_status write_notes(const side *truth, const side *change, bool has_area, tb_text *notes,
                             tb_error *err)
{
    const side *const sides[] = {truth, change};
    tb_status         status  = TB_OK;
    int64_t           repaired;

    TB_TRY(tb_text_append(notes, err, "%s", ""));
    for (int s = 0; s < 2; s++) {
        repaired = sides[s]->features.repaired;
        if (repaired > 0)
            TB_TRY(tb_text_append(notes, err, "%s%lld invalid polygons of %s were repaired",
                                  notes->length > 0 ? "\n" : "", (long long)repaired,
                                  sides[s]->source.path));
        if (sides[s]->features.count == 0)
            TB_TRY(tb_text_append(notes, err, "%s%s has no polygons", notes->length > 0 ? "\n" : "",
                                  sides[s]->source.path));
    }
    if (!has_area)
        TB_TRY(tb_text_append(
            notes, err,
            "%sno labelled area is given: every candidate counts, and nothing is told "
            "by km2",
            notes->length > 0 ? "\n" : ""));
done:
    return status;
}

static json_t *report(const side *truth, const side *change, const tb_eval_sizes *sizes,
                      double labelled_m2, double covered_m2, const char *notes)
{
    json_t      *json = json_object();
    tb_eval_size own = count_side(truth, 0.0, 0), found = count_side(change, 0.0, 0);
    int64_t      wrong = found.truth - found.found, outside = 0;
    double       recall    = tb_figures_ratio((double)own.found, (double)own.truth);
    double       precision = tb_figures_ratio((double)found.found, (double)found.truth);

    for (size_t i = 0; i < truth->features.count; i++)
        outside += !truth->counts[i];
    for (size_t i = 0; i < change->features.count; i++)
        outside += !change->counts[i];
    put_size(json, &own);
    json_object_set_new(json, "covered_m2", json_real(covered_m2));
    json_object_set_new(json, "covered_share", ratio(covered_m2, own.truth_m2));
    json_object_set_new(json, "candidates", json_integer(found.truth));
    json_object_set_new(json, "right", json_integer(found.found));
    json_object_set_new(json, "false", json_integer(wrong));
    json_object_set_new(json, "object_precision", tb_report_number(precision));
    json_object_set_new(json, "f1", ratio(2.0 * recall * precision, recall + precision));
    json_object_set_new(json, "candidates_m2", json_real(found.truth_m2));
    json_object_set_new(json, "false_m2", json_real(found.truth_m2 - found.found_m2));
    json_object_set_new(json, "labelled_m2", tb_report_number(labelled_m2));
    json_object_set_new(json, "false_per_1000_km2",
                        ratio(1000.0 * (double)wrong, labelled_m2 / M2_A_KM2));
    json_object_set_new(json, "false_per_1000_flagged",
                        ratio(1000.0 * (double)wrong, (double)found.truth));
    json_object_set_new(json, "outside", json_integer(outside));
    json_object_set_new(json, "sizes", sizes_of(truth, sizes));
    json_object_set_new(json, "tiers", tiers_of(truth));
    json_object_set_new(json, "notes", json_string(notes));
    return json;
}

tb_status tb_eval_polygons(const tb_polygons *truth, const tb_polygons *change,
                           const tb_polygons *area, const tb_eval_sizes *sizes, char **json,
                           tb_error *err)
{
    tb_status status = TB_OK;
    tb_geos  *geos   = NULL;
    side      own = {0}, found = {0}, labelled = {0};
    double    labelled_m2 = NAN, covered_m2;
    tb_text   notes       = {0};

    *json = NULL;
    TB_TRY(tb_geos_new(&geos, err));
    TB_TRY(load(&own, truth, geos, err));
    TB_TRY(load(&found, change, geos, err));
    if (area != NULL) {
        TB_TRY(load(&labelled, area, geos, err));
        TB_TRY(area_once(&labelled.features, geos, &labelled_m2, err));
        if (!(labelled_m2 > 0.0)) {
            status =
                tb_error_set(err, TB_E_INPUT, "%s: expected a labelled area, got none", area->path);
            goto done;
        }
    }
    TB_TRY(keep_labelled(&own, area != NULL ? &labelled.features : NULL, geos, err));
    TB_TRY(keep_labelled(&found, area != NULL ? &labelled.features : NULL, geos, err));
    TB_TRY(find_meetings(&own, &found, geos, err));
    TB_TRY(covered_area(&own, &found, geos, &covered_m2, err));
    TB_TRY(write_notes(&own, &found, area != NULL, &notes, err));
    TB_TRY(tb_report_text(report(&own, &found, sizes, labelled_m2, covered_m2, notes.data), json,
                          err));
done:
    tb_text_reset(&notes);
    unload(&own);
    unload(&found);
    unload(&labelled);
    tb_geos_free(geos);
    return status;
}
