#include "parcel/gpkg.h"

#include <limits.h>
#include <string.h>

#include <sqlite3.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

struct tb_gpkg {
    sqlite3      *file;
    sqlite3_stmt *row, *node;         /* NULL: no index */
    OGRFeatureH   written;            /* GDAL writes numbers as texts in it */
    const int    *field;              /* of the layer; borrowed */
    int           field_count, shape; /* column; below 0: not wanted */
    OGRFieldType *type;               /* of each field */
};

/* A name within double quotes of SQL. */
static tb_status append_name(tb_text *sql, const char *name, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(sql, err, "\""));
    for (; *name != '\0'; name++)
        TB_TRY(tb_text_append(sql, err, *name == '"' ? "\"%c" : "%c", *name));
    TB_TRY(tb_text_append(sql, err, "\""));
done:
    return status;
}

/* A row by its number: a column a field, NULL where there is none, then the geometry. */
static tb_status write_row_query(tb_text *sql, OGRLayerH layer, const tb_gpkg_want *want,
                                 tb_error *err)
{
    tb_status       status     = TB_OK;
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(layer);

    TB_TRY(tb_text_append(sql, err, "SELECT "));
    for (int f = 0; f < want->field_count; f++) {
        if (want->field[f] < 0)
            TB_TRY(tb_text_append(sql, err, "NULL"));
        else
            TB_TRY(append_name(
                sql, OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, want->field[f])), err));
        TB_TRY(tb_text_append(sql, err, ", "));
    }
    if (want->has_shape)
        TB_TRY(append_name(sql, OGR_L_GetGeometryColumn(layer), err));
    else
        TB_TRY(tb_text_append(sql, err, "NULL"));
    TB_TRY(tb_text_append(sql, err, " FROM "));
    TB_TRY(append_name(sql, OGR_L_GetName(layer), err));
    TB_TRY(tb_text_append(sql, err, " WHERE "));
    TB_TRY(append_name(sql, OGR_L_GetFIDColumn(layer), err));
    TB_TRY(tb_text_append(sql, err, " = ?1"));
done:
    return status;
}

static tb_status write_node_query(tb_text *sql, OGRLayerH layer, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   name   = {0};

    TB_TRY(tb_text_append(&name, err, "rtree_%s_%s_node", OGR_L_GetName(layer),
                          OGR_L_GetGeometryColumn(layer)));
    TB_TRY(tb_text_append(sql, err, "SELECT data FROM "));
    TB_TRY(append_name(sql, name.data, err));
    TB_TRY(tb_text_append(sql, err, " WHERE nodeno = ?1"));
done:
    tb_text_reset(&name);
    return status;
}

static bool prepare(tb_gpkg *it, const tb_text *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(it->file, sql->data, -1, out, NULL) == SQLITE_OK;
}

/* Rows come in the order of the file, nodes in that of the tree: few pages are asked for again, and
 * memory that is not asked of the system is time. */
static const char PREPARATION[] = "PRAGMA cache_size = 100; BEGIN";

/* Asks SQLite for what is wanted; false: it has it not. */
static tb_status ask(tb_gpkg *it, OGRLayerH layer, const tb_gpkg_want *want, bool *is_open,
                     tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   row = {0}, node = {0};

    *is_open = sqlite3_open_v2(want->path, &it->file, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                               NULL) == SQLITE_OK &&
               sqlite3_exec(it->file, PREPARATION, NULL, NULL, NULL) == SQLITE_OK;
    if (!*is_open)
        goto done;
    TB_TRY(write_row_query(&row, layer, want, err));
    *is_open = prepare(it, &row, &it->row);
    if (*is_open && want->has_shape && OGR_L_TestCapability(layer, OLCFastSpatialFilter)) {
        TB_TRY(write_node_query(&node, layer, err));
        (void)prepare(it, &node, &it->node);
    }
done:
    tb_text_reset(&row);
    tb_text_reset(&node);
    return status;
}

/* A table of a file of this machine; views and what lies in archives GDAL reads. */
static bool is_table(GDALDatasetH dataset, OGRLayerH layer, const tb_gpkg_want *want)
{
    return strcmp(GDALGetDriverShortName(GDALGetDatasetDriver(dataset)), "GPKG") == 0 &&
           OGR_L_GetFIDColumn(layer)[0] != '\0' && OGR_L_GetGeometryColumn(layer)[0] != '\0' &&
           OGR_L_TestCapability(layer, OLCRandomRead) && strncmp(want->path, "/vsi", 4) != 0 &&
           tb_file_exists(want->path);
}

tb_status tb_gpkg_open(tb_gpkg **out, GDALDatasetH dataset, OGRLayerH layer,
                       const tb_gpkg_want *want, tb_error *err)
{
    tb_status       status     = TB_OK;
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(layer);
    tb_gpkg        *it         = NULL;
    bool            is_open;

    *out = NULL;
    if (!is_table(dataset, layer, want))
        return TB_OK;
    TB_TRY(tb_alloc_zero(&it, 1, sizeof *it, "table of a GeoPackage", err));
    TB_TRY(tb_alloc(&it->type, (size_t)want->field_count, sizeof *it->type, "fields", err));
    it->field       = want->field;
    it->field_count = want->field_count;
    it->shape       = want->has_shape ? want->field_count : -1;
    for (int f = 0; f < want->field_count; f++) {
        OGRFieldDefnH field =
            want->field[f] >= 0 ? OGR_FD_GetFieldDefn(definition, want->field[f]) : NULL;

        it->type[f] = field == NULL || OGR_Fld_GetSubType(field) != OFSTNone
                          ? OFTBinary
                          : OGR_Fld_GetType(field);
    }
    TB_TRY(ask(it, layer, want, &is_open, err));
    if (!is_open)
        goto done;
    it->written = OGR_F_Create(definition);
    *out        = it;
    it          = NULL;
done:
    tb_gpkg_close(it);
    return status;
}

void tb_gpkg_close(tb_gpkg *it)
{
    if (it == NULL)
        return;
    sqlite3_finalize(it->row);
    sqlite3_finalize(it->node);
    (void)sqlite3_close(it->file);
    if (it->written != NULL)
        OGR_F_Destroy(it->written);
    tb_free(it->type);
    tb_free(it);
}

/* ---- rows ---- */

bool tb_gpkg_seek(tb_gpkg *it, int64_t number, bool *is_there)
{
    int answer;

    (void)sqlite3_reset(it->row);
    if (sqlite3_bind_int64(it->row, 1, number) != SQLITE_OK)
        return false;
    answer    = sqlite3_step(it->row);
    *is_there = answer == SQLITE_ROW;
    return answer == SQLITE_ROW || answer == SQLITE_DONE;
}

bool tb_gpkg_text(tb_gpkg *it, int field, const char **out)
{
    int          type  = sqlite3_column_type(it->row, field);
    OGRFieldType asked = it->type[field];

    *out = NULL;
    if (type == SQLITE_NULL)
        return true;
    if (type == SQLITE_TEXT && asked == OFTString) {
        *out = (const char *)sqlite3_column_text(it->row, field);
        return *out != NULL;
    }
    if (type == SQLITE_INTEGER && (asked == OFTInteger || asked == OFTInteger64)) {
        sqlite3_int64 value = sqlite3_column_int64(it->row, field);

        if (asked == OFTInteger && (value < INT_MIN || value > INT_MAX))
            return false;
        OGR_F_SetFieldInteger64(it->written, it->field[field], value);
    } else if ((type == SQLITE_FLOAT || type == SQLITE_INTEGER) && asked == OFTReal) {
        OGR_F_SetFieldDouble(it->written, it->field[field], sqlite3_column_double(it->row, field));
    } else {
        return false;
    }
    *out = OGR_F_GetFieldAsString(it->written, it->field[field]);
    return true;
}

static uint32_t number_at(const unsigned char *at)
{
    uint32_t number;

    memcpy(&number, at, sizeof number);
    return number;
}

/* The bytes of the header of a geometry (GeoPackage 1.3, 2.1.3); 0: it is empty, or none we know.
 */
static size_t header_bytes(const unsigned char *blob, size_t bytes)
{
    static const size_t envelope[] = {0, 32, 48, 48, 64};
    enum { PLAIN = 8, EMPTY = 0x10, EXTENDED = 0x20, ENVELOPES = 5 };
    int kind;

    if (bytes < PLAIN || memcmp(blob, "GP\0", 3) != 0 || (blob[3] & (EMPTY | EXTENDED)) != 0)
        return 0;
    kind = blob[3] >> 1 & 7;
    return kind < ENVELOPES ? PLAIN + envelope[kind] : 0;
}

/* Goes past the head of a part of WKB that begins with its type and a count; false: it has another
 * one, or is not of this machine's bytes. */
static bool pass_head(const unsigned char **at, const unsigned char *end, uint32_t type,
                      uint32_t count)
{
    enum { BYTES = 9, LITTLE = 1 };

    if (end - *at < BYTES || (*at)[0] != LITTLE || number_at(*at + 1) != type ||
        number_at(*at + 5) != count)
        return false;
    *at += BYTES;
    return true;
}

bool tb_gpkg_ring(tb_gpkg *it, const unsigned char **points, size_t *count, bool *is_multi)
{
    enum { POINT = 2 * sizeof(double) };
    const unsigned char *at, *end;
    size_t               bytes, head;

    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || it->shape < 0 ||
        sqlite3_column_type(it->row, it->shape) != SQLITE_BLOB)
        return false;
    at    = sqlite3_column_blob(it->row, it->shape);
    bytes = (size_t)sqlite3_column_bytes(it->row, it->shape);
    head  = at != NULL ? header_bytes(at, bytes) : 0;
    if (head == 0 || head > bytes)
        return false;
    end = at + bytes;
    at += head;
    *is_multi = pass_head(&at, end, wkbMultiPolygon, 1);
    if (!pass_head(&at, end, wkbPolygon, 1) || end - at < (ptrdiff_t)sizeof(uint32_t))
        return false;
    *count = number_at(at);
    at += sizeof(uint32_t);
    *points = at;
    return *count <= (size_t)(end - at) / POINT;
}

/* ---- the index ---- */

bool tb_gpkg_node(tb_gpkg *it, int64_t number, const unsigned char **data, size_t *bytes)
{
    if (it->node == NULL)
        return false;
    (void)sqlite3_reset(it->node);
    if (sqlite3_bind_int64(it->node, 1, number) != SQLITE_OK ||
        sqlite3_step(it->node) != SQLITE_ROW || sqlite3_column_type(it->node, 0) != SQLITE_BLOB)
        return false;
    *data  = sqlite3_column_blob(it->node, 0);
    *bytes = (size_t)sqlite3_column_bytes(it->node, 0);
    return *data != NULL;
}
