/* Reading the features of a layer: all of them, or those near others. */
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "core/memory.h"
#include "parcel/gpkg.h"
#include "parcel/hunt.h"
#include "parcel/opened.h"
#include "parcel/rtree.h"
#include "raster/capture.h"

/* A text of a feature, borrowed from it; NULL: it is null, or not there. */
static const char *text_of(const tb_layer *it, OGRFeatureH feature, int field)
{
    if (it->field[field] < 0 || !OGR_F_IsFieldSetAndNotNull(feature, it->field[field]))
        return NULL;
    return OGR_F_GetFieldAsString(feature, it->field[field]);
}

/* A text that is not what the layer says, to be freed with CPLFree; NULL: it is as it is. */
static char *decoded(const tb_layer *it, const char *text)
{
    return it->is_raw && !CPLIsUTF8(text, -1) ? CPLRecode(text, "CP936", CPL_ENC_UTF8) : NULL;
}

static tb_status copy_field(tb_layer *it, OGRFeatureH feature, int field, char **out, tb_error *err)
{
    const char *text  = text_of(it, feature, field);
    char       *other = text != NULL ? decoded(it, text) : NULL;
    tb_status status  = text != NULL ? tb_copy_text(out, other != NULL ? other : text, err) : TB_OK;

    CPLFree(other);
    return status;
}

/* Keeps a text with the features; NULL is none. */
static tb_status keep_text(tb_features *features, const char *text, char **out, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    bytes  = text != NULL ? strlen(text) + 1 : 0;

    *out = NULL;
    if (text == NULL)
        return TB_OK;
    TB_TRY(tb_chunks_take(&features->chunks, bytes, out, err));
    memcpy(*out, text, bytes);
done:
    return status;
}

/* Room for the texts of a feature; NULL: it has none. */
static tb_status take_texts(tb_features *features, char ***out, tb_error *err)
{
    *out = NULL;
    if (features->field_count == 0)
        return TB_OK;
    return tb_chunks_take(&features->chunks, (size_t)features->field_count * sizeof(char *), out,
                          err);
}

/* Keeps all texts of a feature with the last of the features. */
static tb_status copy_fields(tb_layer *it, OGRFeatureH from, tb_features *features, tb_error *err)
{
    tb_status status = TB_OK;
    char    **to, *other = NULL;

    TB_TRY(take_texts(features, &to, err));
    for (int f = 0; f < features->field_count; f++) {
        const char *text = text_of(it, from, f);

        other = text != NULL ? decoded(it, text) : NULL;
        TB_TRY(keep_text(features, other != NULL ? other : text, &to[f], err));
        CPLFree(other);
        other = NULL;
    }
    features->feature[features->count - 1].text = to;
done:
    CPLFree(other);
    return status;
}

/* ---- rows of a GeoPackage ---- */

/* Keeps all texts of a row; false: GDAL is to be asked. */
static tb_status copy_row(tb_gpkg *table, tb_features *features, char ***out, bool *is_plain,
                          tb_error *err)
{
    tb_status   status = TB_OK;
    const char *text;

    *is_plain = true;
    TB_TRY(take_texts(features, out, err));
    for (int f = 0; f < features->field_count && *is_plain; f++) {
        *is_plain = tb_gpkg_text(table, f, &text);
        if (*is_plain)
            TB_TRY(keep_text(features, text, &(*out)[f], err));
    }
done:
    return status;
}

/* Copies the ring of a row to the passage, and finds its box; *count 0: GDAL is to be asked. */
static tb_status load_ring(tb_layer *it, tb_gpkg *table, tb_box *box, size_t *count, bool *is_multi,
                           tb_error *err)
{
    tb_status            status = TB_OK;
    tb_point            *p;
    const unsigned char *points;

    if (!tb_gpkg_ring(table, &points, count, is_multi))
        *count = 0;
    if (*count == 0)
        return TB_OK;
    TB_TRY(tb_passage_make_room(&it->passage, *count, err));
    p = it->passage.points;
    memcpy(p, points, *count * sizeof *p);
    *box = tb_box_of_edge(p[0], p[0]);
    for (size_t i = 1; i < *count; i++)
        *box = tb_box_of_boxes(*box, tb_box_of_edge(p[i], p[i]));
done:
    return status;
}

/* Adds a feature from a row, if there is one within reach; *is_plain false: GDAL is to be asked,
 * and nothing has been done. */
static tb_status add_row(tb_layer *it, tb_gpkg *table, int64_t number, const tb_features *reach,
                         tb_features *out, bool *is_plain, tb_error *err)
{
    tb_status status = TB_OK;
    char    **text;
    tb_box    box;
    size_t    count;
    bool      is_there, is_multi, meets;

    *is_plain = tb_gpkg_seek(table, number, &is_there);
    if (!*is_plain || !is_there)
        goto done;
    TB_TRY(load_ring(it, table, &box, &count, &is_multi, err));
    *is_plain = count > 0;
    if (!*is_plain)
        goto done;
    TB_TRY(tb_hunt_meets(&it->passage, reach, box, &meets, err));
    if (!meets)
        goto done;
    TB_TRY(tb_passage_bring_ring(&it->passage, count, is_plain, err));
    if (*is_plain)
        TB_TRY(copy_row(table, out, &text, is_plain, err));
    if (!*is_plain)
        goto done;
    TB_TRY(tb_features_add_ring(out, it->passage.points, count, is_multi, number, err));
    out->feature[out->count - 1].text = text;
done:
    return status;
}

static tb_status open_table(tb_layer *it, int first_field, int fields, bool has_shape,
                            tb_gpkg **out, tb_error *err)
{
    tb_gpkg_want want = {.path        = it->source->path,
                         .field       = it->field + first_field,
                         .field_count = fields,
                         .has_shape   = has_shape};

    *out = NULL;
    if (it->source->where != NULL || it->is_raw) /* a number says nothing of a filter */
        return TB_OK;
    return tb_gpkg_open(out, it->dataset, it->layer, &want, err);
}

/* ---- features ---- */

static tb_box box_of(OGRGeometryH shape)
{
    OGREnvelope e;

    OGR_G_GetEnvelope(shape, &e);
    return (tb_box){{e.MinX, e.MinY}, {e.MaxX, e.MaxY}};
}

static tb_status add_one(tb_layer *it, OGRFeatureH feature, const tb_features *reach,
                         tb_features *out, tb_error *err)
{
    tb_status    status = TB_OK;
    OGRGeometryH shape  = OGR_F_GetGeometryRef(feature);
    int64_t      fid    = OGR_F_GetFID(feature);
    tb_brought   brought;
    bool         meets;

    if (shape == NULL || OGR_G_IsEmpty(shape)) {
        out->without++;
        return tb_qc_log(out->qc, TB_FINDING_NO_GEOMETRY, fid, -1.0, -1.0, NULL, err);
    }
    TB_TRY(tb_hunt_meets(&it->passage, reach, box_of(shape), &meets, err));
    if (!meets)
        return TB_OK;
    TB_TRY(tb_passage_bring(&it->passage, out, shape, fid, &brought, err));
    if (brought.geometry != NULL) {
        TB_TRY(tb_features_add(out, brought.geometry, fid, err));
    } else if (brought.ring_points > 0) {
        TB_TRY(tb_features_add_ring(out, it->passage.points, brought.ring_points, brought.is_multi,
                                    fid, err));
    } else {
        out->without++;
        goto done;
    }
    if (out->field_count > 0)
        TB_TRY(copy_fields(it, feature, out, err));
done:
    return status;
}

/* By identifier: shorter numbers first, as numbers are; then as the file has them. */
static int compare_features(const void *a, const void *b)
{
    const tb_feature *p = a, *q = b;
    const char       *x     = p->text != NULL ? p->text[0] : NULL;
    const char       *y     = q->text != NULL ? q->text[0] : NULL;
    int               order = 0;

    if (x != NULL && y != NULL) {
        size_t m = strlen(x), n = strlen(y);

        order = m != n ? (m > n) - (m < n) : strcmp(x, y);
    } else {
        order = (x == NULL) - (y == NULL);
    }
    return order != 0 ? order : (p->fid > q->fid) - (p->fid < q->fid);
}

static int compare_numbers(const void *a, const void *b)
{
    const tb_feature *p = a, *q = b;

    return (p->fid > q->fid) - (p->fid < q->fid);
}

/* A feature by its number, or the next one (NULL number); NULL where there is none. */
static tb_status get_feature(tb_layer *it, const int64_t *number, OGRFeatureH *out, tb_error *err)
{
    tb_capture capture;

    tb_capture_begin(&capture);
    *out = number != NULL ? OGR_L_GetFeature(it->layer, *number) : OGR_L_GetNextFeature(it->layer);
    if (!tb_capture_end(&capture))
        return TB_OK;
    if (*out != NULL)
        OGR_F_Destroy(*out);
    *out = NULL;
    return tb_error_set(err, TB_E_INPUT, "read %s layer %s: expected features, got: %s",
                        it->source->path, OGR_L_GetName(it->layer),
                        tb_capture_text(&capture, "an error"));
}

/* Tells of one text of a feature, which it destroys. */
static tb_status tell_text(tb_layer *it, OGRFeatureH feature, int field,
                           void (*hear)(void *context, const char *text), void *context,
                           tb_error *err)
{
    char     *text   = NULL;
    tb_status status = copy_field(it, feature, field, &text, err);

    OGR_F_Destroy(feature);
    if (status == TB_OK)
        hear(context, text);
    tb_free(text);
    return status;
}

tb_status tb_layer_texts(tb_layer *it, int field, int64_t most,
                         void (*hear)(void *context, const char *text), void *context,
                         tb_error *err)
{
    const char *ignored[] = {"OGR_GEOMETRY", NULL};
    tb_status   status    = TB_OK;
    OGRFeatureH feature;

    OGR_L_SetIgnoredFields(it->layer, ignored);
    OGR_L_ResetReading(it->layer);
    for (int64_t n = 0; most < 0 || n < most; n++) {
        TB_TRY(get_feature(it, NULL, &feature, err));
        if (feature == NULL)
            break;
        TB_TRY(tell_text(it, feature, field, hear, context, err));
    }
done:
    OGR_L_SetIgnoredFields(it->layer, NULL);
    return status;
}

tb_status tb_layer_texts_spread(tb_layer *it, int field, int64_t count,
                                void (*hear)(void *context, const char *text), void *context,
                                tb_error *err)
{
    const char *ignored[] = {"OGR_GEOMETRY", NULL};
    tb_status   status    = TB_OK;
    int64_t     all = tb_layer_count(it), first = 0;
    OGRFeatureH feature;
    tb_gpkg    *table = NULL;

    if (!OGR_L_TestCapability(it->layer, OLCRandomRead) || it->source->where != NULL)
        return TB_OK;
    count = count < all ? count : all;
    OGR_L_SetIgnoredFields(it->layer, ignored);
    OGR_L_ResetReading(it->layer);
    TB_TRY(get_feature(it, NULL, &feature, err));
    if (feature != NULL) {
        first = OGR_F_GetFID(feature);
        OGR_F_Destroy(feature);
    }
    TB_TRY(open_table(it, field, 1, false, &table, err));
    for (int64_t n = 0; n < count; n++) {
        int64_t     number = first + (int64_t)((double)n / (double)count * (double)all);
        const char *text;
        bool        is_there;

        if (table != NULL && tb_gpkg_seek(table, number, &is_there) &&
            (!is_there || tb_gpkg_text(table, 0, &text))) {
            if (is_there)
                hear(context, text);
            continue;
        }
        if (get_feature(it, &number, &feature, NULL) != TB_OK || feature == NULL)
            continue; /* who reads all of them is told */
        TB_TRY(tell_text(it, feature, field, hear, context, err));
    }
done:
    tb_gpkg_close(table);
    OGR_L_SetIgnoredFields(it->layer, NULL);
    return status;
}

/* Reads the features that pass the layer's filters. */
static tb_status read_passing(tb_layer *it, const tb_features *reach, tb_features *out, tb_hunt *h,
                              tb_error *err)
{
    tb_status   status = TB_OK;
    OGRFeatureH feature;
    bool        is_new = true;

    OGR_L_ResetReading(it->layer);
    for (;;) {
        TB_TRY(get_feature(it, NULL, &feature, err));
        if (feature == NULL)
            break;
        if (h != NULL)
            status = tb_hunt_remember(h, OGR_F_GetFID(feature), &is_new, err);
        if (status == TB_OK && is_new)
            status = add_one(it, feature, reach, out, err);
        OGR_F_Destroy(feature);
        if (status != TB_OK)
            goto done;
    }
done:
    return status;
}

/* Leaves out the fields that nobody asks for; a filter may ask for any. */
static void ignore_fields(tb_layer *it)
{
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(it->layer);
    char          **names      = NULL;

    for (int i = 0; i < OGR_FD_GetFieldCount(definition) && it->source->where == NULL; i++) {
        bool is_asked = false;

        for (int f = 0; it->role != NULL && f < it->role->field_count; f++)
            is_asked |= it->field[f] == i;
        if (!is_asked)
            names = CSLAddString(names, OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, i)));
    }
    OGR_L_SetIgnoredFields(it->layer, (const char **)names);
    CSLDestroy(names);
}

/* Reads a feature by its number. */
static tb_status read_one(tb_layer *it, tb_gpkg *table, int64_t number, const tb_features *reach,
                          tb_features *out, tb_error *err)
{
    tb_status   status = TB_OK;
    OGRFeatureH feature;
    bool        is_plain;

    TB_TRY(add_row(it, table, number, reach, out, &is_plain, err));
    if (is_plain)
        goto done;
    TB_TRY(get_feature(it, &number, &feature, err));
    if (feature == NULL) /* the index is older than the table */
        goto done;
    status = add_one(it, feature, reach, out, err);
    OGR_F_Destroy(feature);
done:
    return status;
}

/* Reads features by their numbers, if an index tells them; *is_read is false where none does. */
static tb_status read_numbered(tb_layer *it, const tb_features *reach, tb_features *out,
                               const tb_hunt *h, bool *is_read, tb_error *err)
{
    tb_status  status  = TB_OK;
    int64_t   *numbers = NULL;
    size_t     count   = 0;
    tb_gpkg   *table   = NULL;
    tb_capture capture; /* of what need not be said, since GDAL is asked again */

    tb_capture_begin(&capture);
    TB_TRY(open_table(it, 0, out->field_count, true, &table, err));
    if (table != NULL)
        TB_TRY(tb_rtree_find(table, h, 2 * tb_layer_count(it) + 16, &numbers, &count, err));
    *is_read = numbers != NULL;
    TB_TRY(tb_features_reserve(out, count, err));
    for (size_t i = 0; i < count; i++)
        TB_TRY(read_one(it, table, numbers[i], reach, out, err));
done:
    tb_capture_end(&capture);
    tb_gpkg_close(table);
    tb_free(numbers);
    return status;
}

/* Reads what the looks of a hunt find. */
static tb_status read_looks(tb_layer *it, const tb_features *reach, tb_features *out, tb_hunt *h,
                            tb_error *err)
{
    tb_status status = TB_OK;
    bool      is_read;
    /* Locked once and not for each statement. */
    bool is_locked =
        strcmp(GDALGetDriverShortName(GDALGetDatasetDriver(it->dataset)), "GPKG") == 0 &&
        GDALDatasetStartTransaction(it->dataset, 0) == OGRERR_NONE;

    TB_TRY(read_numbered(it, reach, out, h, &is_read, err));
    for (size_t i = 0; i < h->count && !is_read; i++) {
        OGR_L_SetSpatialFilterRect(it->layer, h->boxes[i].low[0], h->boxes[i].low[1],
                                   h->boxes[i].high[0], h->boxes[i].high[1]);
        TB_TRY(read_passing(it, reach, out, h, err));
    }
done:
    if (is_locked) {
        OGR_L_ResetReading(it->layer);
        GDALDatasetRollbackTransaction(it->dataset);
    }
    return status;
}

tb_status tb_layer_read(tb_layer *it, const tb_features *reach, tb_features *out, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    first  = out->count;
    tb_hunt   h      = {0};
    bool      is_id;

    out->field_count = it->role != NULL ? it->role->field_count : 0;
    ignore_fields(it);
    if (reach != NULL && reach->count > 0)
        TB_TRY(tb_hunt_plan(&h, &it->passage, reach, err));
    if (tb_layer_has_few(it, h.count)) {
        TB_TRY(read_looks(it, reach, out, &h, err));
    } else {
        TB_TRY(read_passing(it, reach, out, NULL, err));
        if (out->qc != NULL && out->qc->layer_count > 0)
            out->qc->layer[out->qc->layer_count - 1].is_whole = true;
    }
    is_id = out->field_count > 0 && strcmp(it->role->fields[0].key, "id") == 0;
    if (out->count > first && (is_id || h.seen_count > 0))
        qsort(out->feature + first, out->count - first, sizeof *out->feature,
              is_id ? compare_features : compare_numbers);
    if (out->qc != NULL && out->qc->layer_count > 0)
        out->qc->layer[out->qc->layer_count - 1].read += (int64_t)(out->count - first);
done:
    OGR_L_SetSpatialFilter(it->layer, NULL);
    OGR_L_SetIgnoredFields(it->layer, NULL);
    tb_hunt_reset(&h);
    return status;
}
