/* Reading the features of a layer: all of them, or those near others. */
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "core/memory.h"
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

/* Copies all texts of a feature, in one piece. */
static tb_status copy_fields(tb_layer *it, OGRFeatureH from, tb_features *features, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_feature *to     = &features->feature[features->count - 1];
    int         count  = features->field_count;
    char       *other[TB_ROLE_FIELDS_MAX];
    size_t      length[TB_ROLE_FIELDS_MAX], bytes = 0;
    char       *at;

    for (int f = 0; f < count; f++) {
        const char *text = text_of(it, from, f);

        other[f]  = text != NULL ? decoded(it, text) : NULL;
        length[f] = text != NULL ? strlen(other[f] != NULL ? other[f] : text) + 1 : 0;
        bytes += length[f];
    }
    TB_TRY(tb_chunks_take(&features->chunks, (size_t)count * sizeof *to->text + bytes, &to->text,
                          err));
    at = (char *)(to->text + count);
    for (int f = 0; f < count; f++) {
        to->text[f] = length[f] > 0 ? at : NULL;
        if (length[f] > 0)
            memcpy(at, other[f] != NULL ? other[f] : text_of(it, from, f), length[f]);
        at += length[f];
    }
done:
    for (int f = 0; f < count; f++)
        CPLFree(other[f]);
    return status;
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
    TB_TRY(tb_hunt_meets(&it->passage, reach, shape, &meets, err));
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
    for (int64_t n = 0; n < count; n++) {
        int64_t number = first + (int64_t)((double)n / (double)count * (double)all);

        if (get_feature(it, &number, &feature, NULL) != TB_OK || feature == NULL)
            continue; /* who reads all of them is told */
        TB_TRY(tell_text(it, feature, field, hear, context, err));
    }
done:
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

/* Reads features by their numbers, if the index tells them; *is_read is false where it does not. */
static tb_status read_numbered(tb_layer *it, const tb_features *reach, tb_features *out,
                               const tb_hunt *h, bool *is_read, tb_error *err)
{
    tb_status status  = TB_OK;
    int64_t  *numbers = NULL;
    size_t    count   = 0;

    /* A number says nothing of a filter. */
    if (it->source->where == NULL)
        TB_TRY(tb_rtree_find(it->dataset, it->layer, h, &numbers, &count, err));
    *is_read = numbers != NULL;
    for (size_t i = 0; i < count; i++) {
        OGRFeatureH feature;

        TB_TRY(get_feature(it, &numbers[i], &feature, err));
        if (feature == NULL)
            continue; /* the index is older than the table */
        status = add_one(it, feature, reach, out, err);
        OGR_F_Destroy(feature);
        if (status != TB_OK)
            goto done;
    }
done:
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
