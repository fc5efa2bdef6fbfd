/* What an open layer is made of: for those that open and those that read it. */
#ifndef TUBAN_PARCEL_OPENED_H
#define TUBAN_PARCEL_OPENED_H

#include <gdal.h>

#include "parcel/layer.h"
#include "parcel/passage.h"

struct tb_layer {
    const tb_layer_source *source;
    const tb_role         *role;
    GDALDatasetH           dataset;
    OGRLayerH              layer;
    int                    field[TB_ROLE_FIELDS_MAX]; /* of the file, or -1 */
    tb_passage             passage;
    bool                   is_raw; /* texts come as the file has them, UTF-8 or GBK */
    char                  *crs;
    int64_t                count; /* of features, once `is_counted` */
    bool                   is_counted;
};

#endif
