/**
 * Features of one layer of a GeoPackage, laid straight into its pages.
 *
 * The dataset, its layer and the empty spatial index are GDAL's; so is what the features' blobs
 * look like. What GDAL keeps in step while it adds features (their number, the extent) is told to
 * it afterwards: tb_bulk_count, tb_bulk_bounds.
 */
#ifndef TUBAN_PUBLISH_BULK_H
#define TUBAN_PUBLISH_BULK_H

#include "publish/boxes.h"
#include "publish/vector.h"

enum {
    TB_BULK_FIELDS_MOST = 16,
    TB_BULK_BEFORE      = 128, /**< bytes of a record before its well-known binary, at most */
    TB_BULK_AFTER       = 8 * TB_BULK_FIELDS_MOST,
};

/** Where the tables of a layer begin, and what its geometries name as their CRS. */
typedef struct tb_bulk_layer {
    uint32_t               features; /**< root page of the table of features */
    tb_boxes_roots         index;
    int32_t                srs;
    const tb_vector_field *fields; /**< integers and reals; borrowed */
    int                    field_count;
} tb_bulk_layer;

typedef struct tb_bulk tb_bulk;

/**
 * Begins to fill an empty layer; close with tb_bulk_close.
 * @return TB_E_BUG for fields that are texts; TB_E_OUTPUT as tb_pages_open.
 */
tb_status tb_bulk_open(tb_bulk **out, const char *path, const tb_bulk_layer *layer, tb_error *err);

/**
 * Adds a feature; they count from 1.
 * @param box  of its geometry.
 * @param wkb  its geometry, with TB_BULK_BEFORE bytes of room before it and TB_BULK_AFTER behind,
 *             which are written to.
 */
tb_status tb_bulk_add(tb_bulk *bulk, tb_box box, uint8_t *wkb, size_t bytes,
                      const tb_vector_value *values, tb_error *err);

/** Writes the index and all that is left. Only asking and closing may follow. */
tb_status tb_bulk_finish(tb_bulk *bulk, tb_error *err);

int64_t tb_bulk_count(const tb_bulk *bulk);
tb_box  tb_bulk_bounds(const tb_bulk *bulk);

void tb_bulk_close(tb_bulk *bulk);

#endif
