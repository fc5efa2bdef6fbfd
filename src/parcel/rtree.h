/**
 * The index of a GeoPackage, walked once for many looks: GDAL's spatial filter is a statement and a
 * geometry of its own for each, which costs more than what it finds.
 */
#ifndef TUBAN_PARCEL_RTREE_H
#define TUBAN_PARCEL_RTREE_H

#include "parcel/gpkg.h"
#include "parcel/hunt.h"

/**
 * The numbers of the features whose boxes meet a look, each once, ascending.
 * @param nodes     more than these make no tree of the table: one that leads in circles has no end.
 * @param numbers   to be freed with tb_free; NULL where the index cannot be asked.
 * @return TB_E_MEMORY.   Cost: every node that meets a look once, some 5 µs each.
 */
tb_status tb_rtree_find(tb_gpkg *table, const tb_hunt *hunt, int64_t nodes, int64_t **numbers,
                        size_t *count, tb_error *err);

#endif
