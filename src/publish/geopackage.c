#include "publish/geopackage.h"

#include <cpl_conv.h>
#include <cpl_string.h>
#include <ogr_api.h>

#include "core/text.h"

/*
 * GDAL 3.6 drops aliases on the way into a GeoPackage. Where they belong is its schema extension,
 * from which QGIS and later GDAL read them.
 */
static const char *const schema_statements[] = {
    "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT,column_name TEXT,extension_name "
    "TEXT "
    "NOT NULL,definition TEXT NOT NULL,scope TEXT NOT NULL,CONSTRAINT ge_tce UNIQUE "
    "(table_name,column_name,extension_name))",
    "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL,column_name TEXT NOT NULL,name "
    "TEXT,title "
    "TEXT,description TEXT,mime_type TEXT,constraint_name TEXT,CONSTRAINT pk_gdc PRIMARY KEY "
    "(table_name,column_name),CONSTRAINT gdc_tn UNIQUE (table_name,name))",
    "CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL,constraint_type TEXT "
    "NOT "
    "NULL,value TEXT,min NUMERIC,min_is_inclusive BOOLEAN,max NUMERIC,max_is_inclusive BOOLEAN,"
    "description TEXT,CONSTRAINT gdcc_ntv UNIQUE (constraint_name,constraint_type,value))",
    "INSERT INTO gpkg_extensions VALUES ('gpkg_data_columns',NULL,'gpkg_schema',"
    "'http://www.geopackage.org/spec121/#extension_schema','read-write')",
    "INSERT INTO gpkg_extensions VALUES ('gpkg_data_column_constraints',NULL,'gpkg_schema',"
    "'http://www.geopackage.org/spec121/#extension_schema','read-write')",
};

static void execute(GDALDatasetH dataset, const char *statement)
{
    OGRLayerH rows = GDALDatasetExecuteSQL(dataset, statement, NULL, NULL);

    if (rows != NULL)
        GDALDatasetReleaseResultSet(dataset, rows);
}

/* Adds the row of a field to a statement. */
static tb_status append_alias(tb_text *statement, const char *table, const tb_vector_field *field,
                              tb_error *err)
{
    char     *name   = CPLEscapeString(table, -1, CPLES_SQL);
    char     *column = CPLEscapeString(field->name, -1, CPLES_SQL);
    char     *alias  = CPLEscapeString(field->alias, -1, CPLES_SQL);
    tb_status status =
        tb_text_append(statement, err, "%s('%s','%s','%s','%s',NULL,NULL,NULL)",
                       statement->length > 0 ? "," : "INSERT INTO gpkg_data_columns VALUES ", name,
                       column, alias, alias);

    CPLFree(name);
    CPLFree(column);
    CPLFree(alias);
    return status;
}

tb_status tb_geopackage_add_aliases(GDALDatasetH dataset, const char *layer,
                                    const tb_vector_field *fields, int count, bool *has_table,
                                    tb_error *err)
{
    tb_status status    = TB_OK;
    tb_text   statement = {0};

    for (int f = 0; f < count; f++)
        if (fields[f].alias != NULL)
            TB_TRY(append_alias(&statement, layer, &fields[f], err));
    if (statement.length == 0)
        goto done;
    for (size_t s = 0; !*has_table && s < sizeof schema_statements / sizeof(char *); s++)
        execute(dataset, schema_statements[s]);
    *has_table = true;
    execute(dataset, statement.data);
done:
    tb_text_reset(&statement);
    return status;
}

/* The number a statement gives that ends in a table's name, 0 where it gives none. */
static tb_status ask(GDALDatasetH dataset, const char *start, const char *table, int64_t *answer,
                     tb_error *err)
{
    tb_status   status    = TB_OK;
    tb_text     statement = {0};
    char       *name      = CPLEscapeString(table, -1, CPLES_SQL);
    OGRLayerH   rows      = NULL;
    OGRFeatureH row       = NULL;

    *answer = 0;
    TB_TRY(tb_text_append(&statement, err, "%s = '%s'", start, name));
    rows = GDALDatasetExecuteSQL(dataset, statement.data, NULL, NULL);
    if (rows == NULL)
        goto done;
    row = OGR_L_GetNextFeature(rows);
    if (row != NULL)
        *answer = OGR_F_GetFieldAsInteger64(row, 0);
    OGR_F_Destroy(row);
    GDALDatasetReleaseResultSet(dataset, rows);
done:
    tb_text_reset(&statement);
    CPLFree(name);
    return status;
}

tb_status tb_geopackage_find(GDALDatasetH dataset, const char *name, const char *column,
                             tb_bulk_layer *found, tb_error *err)
{
    static const char        ROOT[]   = "SELECT rootpage FROM sqlite_master WHERE name";
    static const char *const tables[] = {"node", "rowid", "parent"};
    tb_status                status   = TB_OK;
    tb_text                  table    = {0};
    int64_t                  features, srs, index[3];

    TB_TRY(ask(dataset, ROOT, name, &features, err));
    TB_TRY(
        ask(dataset, "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name", name, &srs, err));
    for (int t = 0; t < 3; t++) {
        tb_text_reset(&table);
        TB_TRY(tb_text_append(&table, err, "rtree_%s_%s_%s", name, column, tables[t]));
        TB_TRY(ask(dataset, ROOT, table.data, &index[t], err));
    }
    found->features = (uint32_t)features;
    found->srs      = (int32_t)srs;
    found->index    = (tb_boxes_roots){(uint32_t)index[0], (uint32_t)index[1], (uint32_t)index[2]};
done:
    tb_text_reset(&table);
    return status;
}

tb_status tb_geopackage_set_totals(GDALDatasetH dataset, tb_box bounds, int64_t count,
                                   tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   extent = {0}, total = {0}, sequence = {0};

    TB_TRY(tb_text_append(&extent, err,
                          "UPDATE gpkg_contents SET min_x = %.17g, min_y = %.17g, max_x = %.17g, "
                          "max_y = %.17g WHERE data_type = 'features'",
                          bounds.min_x, bounds.min_y, bounds.max_x, bounds.max_y));
    TB_TRY(tb_text_append(&total, err, "UPDATE gpkg_ogr_contents SET feature_count = %lld",
                          (long long)count));
    TB_TRY(tb_text_append(&sequence, err,
                          "INSERT INTO sqlite_sequence SELECT table_name, %lld FROM "
                          "gpkg_ogr_contents",
                          (long long)count));
    execute(dataset, extent.data);
    execute(dataset, total.data);
    execute(dataset, sequence.data);
done:
    tb_text_reset(&extent);
    tb_text_reset(&total);
    tb_text_reset(&sequence);
    return status;
}
