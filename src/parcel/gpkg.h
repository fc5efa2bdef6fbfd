/**
 * A table of a GeoPackage, asked through SQLite: rows by their numbers, and the nodes of its index.
 *
 * GDAL makes a feature and a geometry of its own for every row, and a statement for every look at
 * the index; that takes longer than SQLite does. What is plain is read here (polygons of one ring,
 * texts and numbers); of all else GDAL is to be asked, row by row, and it says what is wrong.
 */
#ifndef TUBAN_PARCEL_GPKG_H
#define TUBAN_PARCEL_GPKG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gdal.h>
#include <ogr_api.h>

#include "core/error.h"

typedef struct tb_gpkg tb_gpkg;

/** Of what is wanted of a table. */
typedef struct tb_gpkg_want {
    const char *path;
    const int  *field; /**< `field_count` numbers of the layer's, or -1: there is none; borrowed */
    int         field_count;
    bool        has_shape; /**< its geometries too */
} tb_gpkg_want;

/**
 * Opens the table of a layer that GDAL has open, for as long as that is, under one lock.
 * @param out  to be freed with tb_gpkg_close; NULL: GDAL is to be asked for all of it.
 * @return TB_E_MEMORY.   Threads: one caller per object.
 */
tb_status tb_gpkg_open(tb_gpkg **out, GDALDatasetH dataset, OGRLayerH layer,
                       const tb_gpkg_want *want, tb_error *err);
void      tb_gpkg_close(tb_gpkg *table);

/** Goes to a row; what is asked of it is valid until the next. @return false: GDAL is to be asked;
 * `*is_there` with true: whether there is such a row. Cost: some 3 µs. */
bool tb_gpkg_seek(tb_gpkg *table, int64_t number, bool *is_there);

/** A text of the row, as GDAL has it, until the next is asked for; NULL: null, or no such field.
 * @return false: GDAL is to be asked. */
bool tb_gpkg_text(tb_gpkg *table, int field, const char **out);

/** Its ring, if it is a polygon that is one: x and y in turn, as doubles of this machine in memory
 * that need not be aligned. @return false: GDAL is to be asked. */
bool tb_gpkg_ring(tb_gpkg *table, const unsigned char **points, size_t *count, bool *is_multi);

/** A node of its index, until the next is asked for. @return false: there is none. */
bool tb_gpkg_node(tb_gpkg *table, int64_t number, const unsigned char **data, size_t *bytes);

#endif
