/**
 * What GDAL 3.6 neither does nor tells of a GeoPackage, by statements it passes on to SQLite. What
 * SQLite says against them is GDAL's to tell: capture its messages around a call.
 */
#ifndef TUBAN_PUBLISH_GEOPACKAGE_H
#define TUBAN_PUBLISH_GEOPACKAGE_H

#include <stdbool.h>

#include <gdal.h>

#include "publish/bulk.h"
#include "publish/vector.h"

/**
 * Adds the aliases of a layer's fields to the schema extension, from which QGIS and later GDAL read
 * them.
 * @param has_table  whether the extension is there; set where it is made.
 */
tb_status tb_geopackage_add_aliases(GDALDatasetH dataset, const char *layer,
                                    const tb_vector_field *fields, int count, bool *has_table,
                                    tb_error *err);

/** Finds the tables of a layer and of its empty index, 0 where there are none. */
tb_status tb_geopackage_find(GDALDatasetH dataset, const char *layer, const char *column,
                             tb_bulk_layer *found, tb_error *err);

/** Tells the file's own tables of the one layer's bounds and features. */
tb_status tb_geopackage_set_totals(GDALDatasetH dataset, tb_box bounds, int64_t count,
                                   tb_error *err);

#endif
