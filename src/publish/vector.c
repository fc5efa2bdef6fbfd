#include "publish/vector.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "publish/bulk.h"
#include "publish/fitting.h"
#include "publish/geopackage.h"
#include "publish/wkb.h"
#include "raster/capture.h"

enum { LAYERS_MAX = 16 };

typedef struct layer {
    OGRLayerH              handle; /* the dataset's */
    tb_vector_geometry     geometry;
    const tb_vector_field *fields;
    int                    field_count;
    const char            *encoding; /* of a Shapefile's texts; NULL: widths are in characters */
} layer;

struct tb_vector {
    GDALDatasetH             dataset;
    const tb_vector_options *options;
    char                    *path, *folder; /* the target and where it lies */
    char                    *beside;        /* folder in which it is made */
    char                    *inner;         /* the file in it */
    tb_bulk                 *bulk;          /* where features are added in bulk; else NULL */
    bool                     is_in_transaction;
    layer                    layers[LAYERS_MAX];
    int                      layer_count;
    uint8_t                 *wkb; /* from TB_BULK_BEFORE on */
    size_t                   wkb_capacity;
    tb_text                  fitted; /* the texts of a feature that had to be changed */
    tb_vector_fitting        fitting;
};

/* What GDAL is told on this thread while it works for us; set back afterwards. */
static const char *const settings[] = {"OGR_CURRENT_DATE", "OGR_SQLITE_SYNCHRONOUS"};

enum { SETTINGS = sizeof settings / sizeof *settings };

typedef struct session {
    tb_capture capture;
    char      *before[SETTINGS]; /* CPL's */
} session;

static void session_begin(session *s, const tb_vector_options *options)
{
    /* Durability comes from our own fsync before the rename: SQLite need not wait for the disk. */
    const char *const values[SETTINGS] = {options->date, "OFF"};

    for (int i = 0; i < SETTINGS; i++) {
        const char *before = CPLGetThreadLocalConfigOption(settings[i], NULL);

        s->before[i] = before != NULL ? CPLStrdup(before) : NULL;
        CPLSetThreadLocalConfigOption(settings[i], values[i]);
    }
    tb_capture_begin(&s->capture);
}

/* Returns true when GDAL complained. */
static bool session_end(session *s)
{
    for (int i = 0; i < SETTINGS; i++) {
        CPLSetThreadLocalConfigOption(settings[i], s->before[i]);
        CPLFree(s->before[i]);
    }
    return tb_capture_end(&s->capture);
}

static tb_status write_error(const tb_vector *vector, const session *s, tb_error *err)
{
    const char *text = tb_capture_text(&s->capture, "a failure without a message");

    tb_error_set(err, TB_E_OUTPUT, "write %s: expected success, got \"%s\"", vector->path, text);
    tb_file_advise(err, vector->path);
    return TB_E_OUTPUT;
}

static tb_status make_beside(tb_vector *vector, tb_error *err)
{
    tb_status   status = TB_OK;
    struct stat information;
    tb_text     text = {0};

    if (stat(vector->folder, &information) != 0 || !S_ISDIR(information.st_mode))
        return tb_error_set(err, TB_E_OUTPUT, "write %s: expected a folder %s, got none",
                            vector->path, vector->folder);
    TB_TRY(tb_text_append(&text, err, "%s/.%s.new", vector->folder, tb_path_name(vector->path)));
    if (tb_file_exists(text.data)) /* a killed run has left it */
        tb_folder_remove(text.data);
    TB_TRY(tb_folder_make(text.data, NULL, err));
    vector->beside = text.data;
    text           = (tb_text){0};
done:
    tb_text_reset(&text);
    return status;
}

tb_status tb_vector_create(tb_vector **out, const char *path, const tb_vector_options *options,
                           tb_error *err)
{
    tb_status   status = TB_OK;
    tb_vector  *vector = NULL;
    GDALDriverH driver;
    session     s;

    *out = NULL;
    tb_gdal_register_for(options->driver);
    driver = GDALGetDriverByName(options->driver);
    if (driver == NULL || GDALGetMetadataItem(driver, GDAL_DCAP_VECTOR, NULL) == NULL ||
        GDALGetMetadataItem(driver, GDAL_DCAP_CREATE, NULL) == NULL)
        return tb_error_set(err, TB_E_OUTPUT,
                            "write %s: expected a vector format GDAL can write, got %s", path,
                            options->driver);
    TB_TRY(tb_alloc_zero(&vector, 1, sizeof *vector, "vector dataset", err));
    vector->options = options;
    TB_TRY(tb_copy_text(&vector->path, path, err));
    TB_TRY(tb_path_folder(&vector->folder, path, err));
    TB_TRY(make_beside(vector, err));
    TB_TRY(tb_path_join(&vector->inner, vector->beside, tb_path_name(path), err));
    session_begin(&s, options);
    vector->dataset =
        GDALCreate(driver, vector->inner, 0, 0, 0, GDT_Unknown, (CSLConstList)options->options);
    if (vector->dataset != NULL && GDALDatasetTestCapability(vector->dataset, ODsCTransactions))
        vector->is_in_transaction =
            GDALDatasetStartTransaction(vector->dataset, FALSE) == OGRERR_NONE;
    if (session_end(&s) || vector->dataset == NULL)
        status = write_error(vector, &s, err);
done:
    if (status == TB_OK)
        *out = vector;
    else
        tb_vector_close(vector);
    return status;
}

static OGRFieldType type_of(tb_vector_type type)
{
    switch (type) {
    case TB_VECTOR_INTEGER:
        return OFTInteger64;
    case TB_VECTOR_REAL:
        return OFTReal;
    case TB_VECTOR_DATE:
        return OFTDate;
    case TB_VECTOR_TEXT:
        break;
    }
    return OFTString;
}

static OGRwkbGeometryType geometry_of(tb_vector_geometry geometry)
{
    return geometry == TB_VECTOR_NO_GEOMETRY ? wkbNone
           : geometry == TB_VECTOR_POLYGON   ? wkbPolygon
                                             : wkbMultiPolygon;
}

static bool add_field(OGRLayerH handle, const tb_vector_field *field)
{
    OGRFieldDefnH definition = OGR_Fld_Create(field->name, type_of(field->type));
    bool          is_made;

    if (field->width > 0)
        OGR_Fld_SetWidth(definition, field->width);
    if (field->precision > 0)
        OGR_Fld_SetPrecision(definition, field->precision);
    if (field->alias != NULL)
        OGR_Fld_SetAlternativeName(definition, field->alias);
    is_made = OGR_L_CreateField(handle, definition, TRUE) == OGRERR_NONE;
    OGR_Fld_Destroy(definition);
    return is_made;
}

tb_status tb_vector_add_layer(tb_vector *vector, const tb_vector_layer *description, int *number,
                              tb_error *err)
{
    tb_status            status  = TB_OK;
    OGRSpatialReferenceH crs     = NULL;
    char               **options = NULL;
    layer               *added   = &vector->layers[vector->layer_count];
    bool                 is_made = true;
    session              s;

    if (vector->layer_count == LAYERS_MAX)
        return tb_error_set(err, TB_E_BUG, "write %s: expected at most %d layers", vector->path,
                            LAYERS_MAX);
    session_begin(&s, vector->options);
    if (description->crs != NULL) {
        crs     = OSRNewSpatialReference(NULL);
        is_made = OSRSetFromUserInput(crs, description->crs) == OGRERR_NONE;
        OSRSetAxisMappingStrategy(crs, OAMS_TRADITIONAL_GIS_ORDER);
    }
    options = CSLDuplicate((CSLConstList)description->options);
    if (description->description != NULL && strcmp(vector->options->driver, "GPKG") == 0)
        options = CSLSetNameValue(options, "DESCRIPTION", description->description);
    *added = (layer){.geometry    = description->geometry,
                     .fields      = description->fields,
                     .field_count = description->field_count};
    if (strcmp(vector->options->driver, "ESRI Shapefile") == 0) {
        added->encoding = CSLFetchNameValue((CSLConstList)description->options, "ENCODING");
        if (added->encoding == NULL)
            added->encoding = CPL_ENC_UTF8;
    }
    if (is_made)
        added->handle = GDALDatasetCreateLayer(vector->dataset, description->name, crs,
                                               geometry_of(description->geometry), options);
    is_made = is_made && added->handle != NULL;
    for (int f = 0; is_made && f < description->field_count; f++)
        is_made = add_field(added->handle, &description->fields[f]);
    CSLDestroy(options);
    if (crs != NULL)
        OSRRelease(crs);
    if (session_end(&s) || !is_made)
        status = write_error(vector, &s, err);
    else
        *number = vector->layer_count++;
    return status;
}

/* SQLite's default bound for a value, less what a GeoPackage puts before the geometry. */
static const size_t SQLITE_BYTES = 1000000000 - 64;

static tb_status make_wkb(tb_vector *vector, tb_vector_geometry geometry,
                          const tb_vector_outline *outline, size_t *size, tb_box *box,
                          tb_error *err)
{
    tb_status status = TB_OK;
    size_t    bytes;

    if (geometry == TB_VECTOR_NO_GEOMETRY ||
        (geometry == TB_VECTOR_POLYGON && outline->polygon_count != 1))
        return tb_error_set(err, TB_E_BUG, "write %s: expected a feature of %s polygon, got %zu",
                            vector->path, geometry == TB_VECTOR_POLYGON ? "one" : "no",
                            outline->polygon_count);
    bytes = tb_wkb_bytes(outline, geometry == TB_VECTOR_MULTIPOLYGON);
    if (bytes > SQLITE_BYTES && strcmp(vector->options->driver, "GPKG") == 0) {
        tb_error_set(
            err, TB_E_OUTPUT,
            "write %s: expected features of at most %zu bytes (SQLite holds no more), got one "
            "of %zu",
            vector->path, SQLITE_BYTES, bytes);
        tb_error_hint(err, "cut the raster into pieces, or detect with a higher threshold: one "
                           "component of this size is no parcel");
        return TB_E_OUTPUT;
    }
    if (bytes + TB_BULK_BEFORE + TB_BULK_AFTER > vector->wkb_capacity) {
        size_t capacity = bytes + bytes / 4 + TB_BULK_BEFORE + TB_BULK_AFTER;

        tb_free(vector->wkb); /* nothing in it is needed: growing would hold both */
        vector->wkb          = NULL;
        vector->wkb_capacity = 0;
        TB_TRY(tb_alloc(&vector->wkb, capacity, 1, "polygons of a feature", err));
        vector->wkb_capacity = capacity;
    }
    tb_wkb_put(vector->wkb + TB_BULK_BEFORE, outline, geometry == TB_VECTOR_MULTIPOLYGON, box);
    *size = bytes;
done:
    return status;
}

/* What SQLite says against it is heard by the session around this. */
static tb_status add_aliases(tb_vector *vector, tb_error *err)
{
    tb_status status    = TB_OK;
    bool      has_table = false;

    if (strcmp(vector->options->driver, "GPKG") != 0)
        return TB_OK;
    for (int l = 0; l < vector->layer_count; l++)
        TB_TRY(tb_geopackage_add_aliases(vector->dataset, OGR_L_GetName(vector->layers[l].handle),
                                         vector->layers[l].fields, vector->layers[l].field_count,
                                         &has_table, err));
done:
    return status;
}

/* ---------------------------------------------------------------- in bulk */

static bool is_bulk(const tb_vector *vector)
{
    return vector->options->is_bulk && strcmp(vector->options->driver, "GPKG") == 0;
}

/* Completes what GDAL has of the dataset and closes it; true when it complained. */
static bool close_dataset(tb_vector *vector)
{
    bool is_made = true;

    if (vector->is_in_transaction)
        is_made = GDALDatasetCommitTransaction(vector->dataset) == OGRERR_NONE;
    vector->is_in_transaction = false;
    GDALFlushCache(vector->dataset);
    GDALClose(vector->dataset);
    vector->dataset = NULL;
    return !is_made;
}

/* GDAL makes the dataset, the layer and its empty index; then the file is ours. */
static tb_status begin_bulk(tb_vector *vector, tb_error *err)
{
    tb_status     status = TB_OK;
    const layer  *to     = &vector->layers[0];
    tb_bulk_layer found  = {.fields = to->fields, .field_count = to->field_count};
    char         *name = NULL, *column = NULL;
    bool          has_failed;
    session       s;

    if (vector->layer_count != 1)
        return tb_error_set(err, TB_E_BUG, "write %s in bulk: expected one layer, got %d",
                            vector->path, vector->layer_count);
    session_begin(&s, vector->options);
    TB_TRY(tb_copy_text(&name, OGR_L_GetName(to->handle), err));
    TB_TRY(tb_copy_text(&column, OGR_L_GetGeometryColumn(to->handle), err));
    TB_TRY(add_aliases(vector, err));
    has_failed = close_dataset(vector);
    vector->dataset =
        GDALOpenEx(vector->inner, GDAL_OF_VECTOR | GDAL_OF_READONLY, NULL, NULL, NULL);
    if (vector->dataset != NULL)
        TB_TRY(tb_geopackage_find(vector->dataset, name, column, &found, err));
    GDALClose(vector->dataset);
    vector->dataset = NULL;
    if (!has_failed && (found.features == 0 || found.index.node == 0 || found.index.rowid == 0 ||
                        found.index.parent == 0))
        CPLError(CE_Failure, CPLE_AppDefined, "no layer with a spatial index");
done:
    if (session_end(&s) && status == TB_OK)
        status = write_error(vector, &s, err);
    if (status == TB_OK)
        status = tb_bulk_open(&vector->bulk, vector->inner, &found, err);
    tb_free(name);
    tb_free(column);
    return status;
}

static tb_status add_in_bulk(tb_vector *vector, const tb_vector_outline *outline,
                             const tb_vector_value *values, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    size   = 0;
    tb_box    box;

    if (vector->bulk == NULL)
        TB_TRY(begin_bulk(vector, err));
    if (outline == NULL)
        return tb_error_set(err, TB_E_BUG, "write %s in bulk: expected a geometry, got none",
                            vector->path);
    TB_TRY(make_wkb(vector, vector->layers[0].geometry, outline, &size, &box, err));
    TB_TRY(tb_bulk_add(vector->bulk, box, vector->wkb + TB_BULK_BEFORE, size, values, err));
done:
    return status;
}

/* Completes the file and tells GDAL's tables what is in it. */
static tb_status end_bulk(tb_vector *vector, tb_error *err)
{
    tb_status status = TB_OK;
    tb_box    bounds = tb_bulk_bounds(vector->bulk);
    int64_t   count  = tb_bulk_count(vector->bulk);

    TB_TRY(tb_bulk_finish(vector->bulk, err));
    tb_bulk_close(vector->bulk);
    vector->bulk    = NULL;
    vector->dataset = GDALOpenEx(vector->inner, GDAL_OF_VECTOR | GDAL_OF_UPDATE, NULL, NULL, NULL);
    if (vector->dataset == NULL)
        return tb_error_set(err, TB_E_OUTPUT, "write %s: expected to open what was written",
                            vector->path);
    TB_TRY(tb_geopackage_set_totals(vector->dataset, bounds, count, err));
done:
    return status;
}

/* ---------------------------------------------------------------- features */

static tb_status set_text(tb_vector *vector, OGRFeatureH feature, const layer *to, int f,
                          const char *text, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_capture unheard; /* what cannot be encoded is found and told by ourselves */

    if (!tb_fitting_is_needed(to->encoding, &to->fields[f], text)) {
        OGR_F_SetFieldString(feature, f, text);
        return TB_OK;
    }
    tb_capture_begin(&unheard);
    status =
        tb_fitting_fit(&vector->fitted, &vector->fitting, to->encoding, &to->fields[f], text, err);
    tb_capture_end(&unheard);
    if (status == TB_OK)
        OGR_F_SetFieldString(feature, f, vector->fitted.data);
    return status;
}

static tb_status set_fields(tb_vector *vector, OGRFeatureH feature, const layer *to,
                            const tb_vector_value *values, tb_error *err)
{
    tb_status status = TB_OK;

    for (int f = 0; f < to->field_count; f++) {
        if (!values[f].is_set)
            OGR_F_SetFieldNull(feature, f);
        else if (to->fields[f].type == TB_VECTOR_INTEGER)
            OGR_F_SetFieldInteger64(feature, f, values[f].integer);
        else if (to->fields[f].type == TB_VECTOR_REAL)
            OGR_F_SetFieldDouble(feature, f, values[f].real);
        else
            TB_TRY(set_text(vector, feature, to, f, values[f].text, err));
    }
done:
    return status;
}

tb_status tb_vector_add(tb_vector *vector, int number, const tb_vector_outline *outline,
                        const tb_vector_value *values, tb_error *err)
{
    tb_status    status  = TB_OK;
    const layer *to      = &vector->layers[number];
    OGRGeometryH shape   = NULL;
    bool         is_made = true;
    size_t       size    = 0;
    OGRFeatureH  feature;
    tb_box       box;
    session      s;

    if (is_bulk(vector))
        return add_in_bulk(vector, outline, values, err);
    if (outline != NULL)
        TB_TRY(make_wkb(vector, to->geometry, outline, &size, &box, err));
    session_begin(&s, vector->options);
    /*
     * To GDAL a value that does not fit its field is worth a warning; to us it is a feature that
     * was not written as it should be.
     */
    s.capture.is_strict = true;
    feature             = OGR_F_Create(OGR_L_GetLayerDefn(to->handle));
    status              = set_fields(vector, feature, to, values, err);
    if (status == TB_OK && outline != NULL)
        is_made = OGR_G_CreateFromWkbEx(vector->wkb + TB_BULK_BEFORE, NULL, &shape, size) ==
                      OGRERR_NONE &&
                  OGR_F_SetGeometryDirectly(feature, shape) == OGRERR_NONE;
    is_made = is_made && status == TB_OK && OGR_L_CreateFeature(to->handle, feature) == OGRERR_NONE;
    OGR_F_Destroy(feature);
    if ((session_end(&s) || !is_made) && status == TB_OK)
        status = write_error(vector, &s, err);
done:
    return status;
}

tb_vector_fitting tb_vector_fitted(const tb_vector *vector)
{
    return vector->fitting;
}

/* ---------------------------------------------------------------- finishing */

typedef struct move {
    const char *from, *to; /* folders */
} move;

static tb_status move_entry(void *context, const char *name, tb_error *err)
{
    const move *m      = context;
    tb_status   status = TB_OK;
    char       *from = NULL, *to = NULL;
    struct stat information;

    TB_TRY(tb_path_join(&from, m->from, name, err));
    TB_TRY(tb_path_join(&to, m->to, name, err));
    if (stat(from, &information) == 0 && S_ISDIR(information.st_mode))
        tb_folder_remove(to); /* a file geodatabase: a folder cannot be renamed over another */
    TB_TRY(tb_file_commit(from, to, err));
done:
    tb_free(from);
    tb_free(to);
    return status;
}

tb_status tb_vector_finish(tb_vector *vector, tb_error *err)
{
    tb_status status = TB_OK;
    bool      has_failed;
    move      m = {vector->beside, vector->folder};
    session   s;

    session_begin(&s, vector->options);
    status     = vector->bulk != NULL ? end_bulk(vector, err) : add_aliases(vector, err);
    has_failed = vector->dataset != NULL && close_dataset(vector);
    has_failed = session_end(&s) || has_failed;
    if (status != TB_OK)
        goto done;
    if (has_failed) {
        status = write_error(vector, &s, err);
        goto done;
    }
    TB_TRY(tb_folder_each(vector->beside, move_entry, &m, err));
    (void)rmdir(vector->beside);
done:
    return status;
}

void tb_vector_close(tb_vector *vector)
{
    session s;

    if (vector == NULL)
        return;
    if (vector->dataset != NULL) {
        session_begin(&s, vector->options);
        if (vector->is_in_transaction)
            GDALDatasetRollbackTransaction(vector->dataset);
        GDALClose(vector->dataset);
        session_end(&s);
    }
    tb_bulk_close(vector->bulk);
    if (vector->beside != NULL && tb_file_exists(vector->beside))
        tb_folder_remove(vector->beside);
    tb_text_reset(&vector->fitted);
    tb_free(vector->wkb);
    tb_free(vector->inner);
    tb_free(vector->beside);
    tb_free(vector->folder);
    tb_free(vector->path);
    tb_free(vector);
}
