/**
 * The index of a GeoPackage, asked in a few statements: GDAL's spatial filter is a statement and a
 * geometry of its own for each look, which costs more than what it finds.
 */
#ifndef TUBAN_PARCEL_RTREE_H
#define TUBAN_PARCEL_RTREE_H

#include <gdal.h>
#include <ogr_api.h>

#include "parcel/hunt.h"

/**
 * The numbers of the features whose boxes meet a look, each once, ascending.
 * @param numbers   to be freed with tb_free; NULL where the index cannot be asked: the layer is no
 *                  table of a GeoPackage, or has no index.
 * @return TB_E_MEMORY.   Cost: some 20 µs a look.
 */
tb_status tb_rtree_find(GDALDatasetH dataset, OGRLayerH layer, const tb_hunt *hunt,
                        int64_t **numbers, size_t *count, tb_error *err);

#endif
