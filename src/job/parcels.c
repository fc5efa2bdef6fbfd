#include "job/parcels.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/fields.h"
#include "job/row.h"
#include "publish/vector.h"
#include "raster/capture.h"

#define DATE "2000-01-01T00:00:00Z" /* products hold no times */

/* ---- layers ---- */

/* WKT of EPSG:4490 (free with tb_free). */
static tb_status make_crs(char **out, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH crs    = OSRNewSpatialReference(NULL);
    char                *wkt    = NULL;
    tb_capture           capture;

    tb_capture_begin(&capture);
    if (OSRImportFromEPSG(crs, 4490) != OGRERR_NONE || OSRExportToWkt(crs, &wkt) != OGRERR_NONE)
        status =
            tb_error_set(err, TB_E_BUG, "CRS EPSG:4490: expected it in PROJ's database, got: %s",
                         tb_capture_text(&capture, "none"));
    else
        status = tb_copy_text(out, wkt, err);
    tb_capture_end(&capture);
    CPLFree(wkt);
    OSRDestroySpatialReference(crs);
    return status;
}

static tb_vector_outline outline_of(const tb_outline_copy *copy)
{
    return (tb_vector_outline){.points        = copy->points,
                               .rings         = copy->rings,
                               .polygons      = copy->polygons,
                               .polygon_count = copy->polygon_count};
}

/* What is written, and where. */
typedef struct writer {
    const tb_job        *job;
    const tb_candidates *candidates;
    const tb_judge      *judge;
    const tb_progress   *notes;
    tb_vector           *vector;
    char                *crs;
    int                  parcels, rejected, observed, units, qc; /* layers */
} writer;

/* Each candidate is in one of them. */
typedef enum list { LIST_PARCELS, LIST_REJECTED, LIST_RESTRICTED } list;

static list list_of(const tb_judgement *found)
{
    return found->is_withheld      ? LIST_RESTRICTED
           : found->reason != NULL ? LIST_REJECTED
                                   : LIST_PARCELS;
}

/* Some fields of a layer, and the place of each in a row. */
typedef struct selection {
    tb_vector_field field[TB_FIELDS_MAX];
    int             from[TB_FIELDS_MAX];
    int             count;
} selection;

/* `fields` NULL: all a row has, in its order. */
static tb_status add_parcels(writer *w, list which, int layer, const selection *fields,
                             tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->count; i++) {
        const tb_candidate *it      = &w->candidates->item[i];
        const tb_judgement *found   = &w->judge->item[i];
        tb_vector_outline   outline = outline_of(&it->outline);
        tb_vector_value     selected[TB_FIELDS_MAX];
        tb_row              r;

        if (list_of(found) != which)
            continue;
        tb_row_parcel(&r, w->job, w->judge, it, found);
        for (int f = 0; fields != NULL && f < fields->count; f++)
            selected[f] = r.value[fields->from[f]];
        TB_TRY(tb_vector_add(w->vector, layer, &outline, fields != NULL ? selected : r.value, err));
    }
done:
    return status;
}

/* Ends a file, and tells of texts that were made to fit. */
static tb_status finish(writer *w, const char *name, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_vector_fitting fitted = tb_vector_fitted(w->vector);
    char              line[200];

    TB_TRY(tb_vector_finish(w->vector, err));
    if (fitted.cut + fitted.replaced == 0 || w->notes == NULL || w->notes->note == NULL)
        goto done;
    snprintf(line, sizeof line,
             "%s: %lld texts longer than their field were cut, %lld have characters its encoding "
             "lacks (〓 in their place); the first in %s",
             name, (long long)fitted.cut, (long long)fitted.replaced, fitted.example);
    w->notes->note(w->notes->context, line);
done:
    return status;
}

static tb_status add_observed(writer *w, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->observed_count; i++) {
        const tb_observed *it      = &w->candidates->observed[i];
        tb_vector_outline  outline = outline_of(&it->outline);
        tb_row             r;

        tb_row_observed(&r, w->job, it);
        TB_TRY(tb_vector_add(w->vector, w->observed, &outline, r.value, err));
    }
done:
    return status;
}

/* One row a parcel and unit: what lies across a line is shared. */
static tb_status add_units(writer *w, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < w->candidates->count; i++) {
        const tb_judgement *found = &w->judge->item[i];

        if (list_of(found) != LIST_PARCELS)
            continue;
        for (int s = 0; s < found->share_count; s++) {
            tb_row r;

            tb_row_unit(&r, &w->candidates->item[i], found, &found->share[s]);
            TB_TRY(tb_vector_add(w->vector, w->units, NULL, r.value, err));
        }
    }
done:
    return status;
}

/* Of every layer the first findings; summary.json counts them all. */
static tb_status add_qc(writer *w, tb_error *err)
{
    const tb_qc *qc     = &w->judge->survey.qc;
    tb_status    status = TB_OK;

    for (size_t i = 0; i < qc->row_count; i++) {
        tb_row r;

        tb_row_qc(&r, qc, &qc->row[i]);
        TB_TRY(tb_vector_add(w->vector, w->qc, NULL, r.value, err));
    }
done:
    return status;
}

static tb_status write_geopackage(writer *w, tb_set *set, tb_error *err)
{
    static const char *const       indexed[] = {"SPATIAL_INDEX=YES", NULL};
    static const tb_vector_options options   = {.driver = "GPKG", .date = DATE};
    const tb_fields                parcels = tb_fields_parcels(), rejected = tb_fields_rejected();
    const tb_fields                observed = tb_fields_observed(), units = tb_fields_units();
    const tb_fields                qc       = tb_fields_qc();
    const tb_vector_layer          layers[] = {
                 {"parcels", "变化图斑。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON, w->crs, parcels.field,
                  parcels.count, indexed},
                 {"rejected", "剔除图斑，各有原因。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON, w->crs,
                  rejected.field, rejected.count, indexed},
                 {"observed", "观测范围：两期均观测到的，与未观测到的。" TB_NOTICE, TB_VECTOR_MULTIPOLYGON,
                  w->crs, observed.field, observed.count, indexed},
                 {"units", "图斑在各管理单元内的面积。" TB_NOTICE, TB_VECTOR_NO_GEOMETRY, NULL, units.field,
                  units.count, NULL},
                 {"qc", "输入图层质量问题。" TB_NOTICE, TB_VECTOR_NO_GEOMETRY, NULL, qc.field, qc.count,
                  NULL},
    };
    tb_status status = TB_OK;
    char     *path   = NULL;

    TB_TRY(tb_set_path(set, "parcels.gpkg", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[0], &w->parcels, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[1], &w->rejected, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[2], &w->observed, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[3], &w->units, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layers[4], &w->qc, err));
    TB_TRY(add_parcels(w, LIST_PARCELS, w->parcels, NULL, err));
    TB_TRY(add_parcels(w, LIST_REJECTED, w->rejected, NULL, err));
    TB_TRY(add_observed(w, err));
    TB_TRY(add_units(w, err));
    TB_TRY(add_qc(w, err));
    TB_TRY(finish(w, "parcels.gpkg", err));
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

/* The parcels that touch withheld ground, in a file of their own that only its owner may read. */
static tb_status write_restricted(writer *w, tb_set *set, tb_error *err)
{
    static const char *const       indexed[] = {"SPATIAL_INDEX=YES", NULL};
    static const tb_vector_options options   = {.driver = "GPKG", .date = DATE};
    const tb_fields                fields    = tb_fields_rejected();
    const tb_vector_layer          layer     = {"restricted",
                                                "涉及限制区域的图斑，不得外传。" TB_NOTICE,
                                                TB_VECTOR_MULTIPOLYGON,
                                                w->crs,
                                                fields.field,
                                                fields.count,
                                                indexed};
    tb_status                      status    = TB_OK;
    char                          *path      = NULL;
    int                            number;

    TB_TRY(tb_set_path(set, "restricted.gpkg", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layer, &number, err));
    TB_TRY(add_parcels(w, LIST_RESTRICTED, number, NULL, err));
    TB_TRY(finish(w, "restricted.gpkg", err));
    if (chmod(path, S_IRUSR | S_IWUSR) != 0)
        status = tb_file_complain("restrict", path, err);
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

/* ---- Shapefile ---- */

static void select_delivered(selection *out)
{
    const tb_fields all = tb_fields_parcels();

    out->count = 0;
    for (int f = 0; f < all.count; f++) {
        if (tb_field_is_internal(all.field[f].name))
            continue;
        out->from[out->count]    = f;
        out->field[out->count++] = all.field[f];
    }
}

/*
 * A Shapefile has no place for a notice, nor for the names people read. ArcGIS shows the metadata
 * beside it (FGDC, and its own elements for the limits of use), QGIS a .qmd.
 */
static tb_status write_metadata(tb_set *set, const selection *fields, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};
    char     *path   = NULL;

    TB_TRY(tb_text_append(
        &text, err,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xml:lang=\"zh\">\n"
        "  <idinfo>\n    <citation><citeinfo><title>变化图斑</title></citeinfo></citation>\n"
        "    <descript><abstract>%s</abstract></descript>\n    <useconst>%s</useconst>\n"
        "  </idinfo>\n  <dataIdInfo>\n    <idCitation><resTitle>变化图斑</resTitle></idCitation>\n"
        "    <idAbs>%s</idAbs>\n"
        "    <resConst><Consts><useLimit>%s</useLimit></Consts></resConst>\n"
        "  </dataIdInfo>\n  <eainfo><detailed>\n",
        TB_NOTICE, TB_NOTICE, TB_NOTICE, TB_NOTICE));
    for (int f = 0; f < fields->count; f++)
        TB_TRY(tb_text_append(&text, err,
                              "    <attr><attrlabl>%s</attrlabl><attalias>%s</attalias></attr>\n",
                              fields->field[f].name, fields->field[f].alias));
    TB_TRY(tb_text_append(&text, err, "  </detailed></eainfo>\n</metadata>\n"));
    TB_TRY(tb_set_path(set, "parcels.shp.xml", &path, err));
    TB_TRY(tb_file_write(path, text.data, text.length, err));
    tb_text_reset(&text);
    tb_free(path);
    path = NULL;
    TB_TRY(tb_text_append(&text, err,
                          "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
                          "<qgis version=\"3.22\">\n  <language>zh</language>\n"
                          "  <type>dataset</type>\n  <title>变化图斑</title>\n"
                          "  <abstract>%s</abstract>\n  <rights>%s</rights>\n</qgis>\n",
                          TB_NOTICE, TB_NOTICE));
    TB_TRY(tb_set_path(set, "parcels.qmd", &path, err));
    TB_TRY(tb_file_write(path, text.data, text.length, err));
done:
    tb_text_reset(&text);
    tb_free(path);
    return status;
}

static tb_status write_shapefile(writer *w, tb_set *set, tb_error *err)
{
    static const char *const utf8[] = {"ENCODING=UTF-8", NULL}, *const gbk[] = {"ENCODING=GBK",
                                                                                NULL};
    static const tb_vector_options options = {.driver = "ESRI Shapefile", .date = DATE};
    selection                      fields;
    tb_vector_layer                layer  = {.name     = "parcels",
                                             .geometry = TB_VECTOR_MULTIPOLYGON,
                                             .crs      = w->crs,
                                             .fields   = fields.field,
                                             .options  = w->job->is_gbk ? gbk : utf8};
    tb_status                      status = TB_OK;
    char                          *path   = NULL;
    int                            number;

    select_delivered(&fields);
    layer.field_count = fields.count;
    TB_TRY(tb_set_path(set, "parcels.shp", &path, err));
    TB_TRY(tb_vector_create(&w->vector, path, &options, err));
    TB_TRY(tb_vector_add_layer(w->vector, &layer, &number, err));
    TB_TRY(add_parcels(w, LIST_PARCELS, number, &fields, err));
    TB_TRY(finish(w, "parcels.shp", err));
    TB_TRY(write_metadata(set, &fields, err));
done:
    tb_vector_close(w->vector);
    w->vector = NULL;
    tb_free(path);
    return status;
}

tb_status tb_parcels_write(tb_set *set, const tb_job *job, const tb_candidates *candidates,
                           const tb_judge *judge, const tb_progress *heard, tb_error *err)
{
    writer    w      = {.job = job, .candidates = candidates, .judge = judge, .notes = heard};
    tb_status status = TB_OK;

    TB_TRY(make_crs(&w.crs, err));
    TB_TRY(write_geopackage(&w, set, err));
    if (judge->survey.has_withheld)
        TB_TRY(write_restricted(&w, set, err));
    if (job->formats & TB_FORMAT_SHP)
        TB_TRY(write_shapefile(&w, set, err));
done:
    tb_free(w.crs);
    return status;
}
