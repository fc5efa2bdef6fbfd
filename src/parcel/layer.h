/**
 * Polygon layers of any vector format of GDAL, brought to CGCS2000 geographic coordinates.
 *
 * Edges of a projected layer get vertices every 100 m before they are brought over, so that
 * straight in its plane is straight in (B, L); coordinates are snapped to 1e-9 degree. Arcs are
 * made lines, Z and M dropped; invalid polygons are repaired (MakeValid by structure). What was odd
 * is counted, and told to a quality log where there is one.
 */
#ifndef TUBAN_PARCEL_LAYER_H
#define TUBAN_PARCEL_LAYER_H

#include <stdint.h>

#include "parcel/features.h"
#include "parcel/role.h"

typedef struct tb_layer_source {
    const char *path;
    const char *layer;    /**< NULL: by the role's names, else the only or the first one */
    const char *where;    /**< attribute filter as OGR has it; NULL: none */
    const char *crs;      /**< anything PROJ reads, for files that do not say; NULL: the file's */
    const char *encoding; /**< such as GBK, for files that do not say; NULL: the file's */
} tb_layer_source;

typedef struct tb_layer tb_layer;

/**
 * Opens a layer and checks that it is what the role (NULL: any polygons) wants.
 * @return TB_E_INPUT when the file, the layer or a needed field is not there (and says what is), it
 *         has no CRS, or its coordinates are not of the zone it declares. Borrows source and role.
 */
tb_status tb_layer_open(tb_layer **out, const tb_layer_source *source, const tb_role *role,
                        tb_error *err);
void      tb_layer_close(tb_layer *layer);

const char *tb_layer_name(const tb_layer *layer);
const char *tb_layer_crs(const tb_layer *layer); /**< its name */
int64_t     tb_layer_count(tb_layer *layer);

/** Whether looking at so many places beats reading it whole: it has an index, and they are few. */
bool tb_layer_has_few(tb_layer *layer, size_t looks);

/** The name of the file's field for a field of the role, or NULL. */
const char *tb_layer_field(const tb_layer *layer, int field);

/**
 * Adds the features whose boxes touch those of `reach` (NULL: all) to `out`, in the order of the
 * role's `id`, then of the file. `out` needs its context; its index is for the caller to build.
 *
 * The file is read once. Memory is bounded by what is within reach. On failure `out` holds some.
 */
tb_status tb_layer_read(tb_layer *layer, const tb_features *reach, tb_features *out, tb_error *err);

/** Tells of one text of the first features (NULL: null), in the order of the file; no geometry is
 * read. @param most  features; below 0: all. */
tb_status tb_layer_texts(tb_layer *layer, int field, int64_t most,
                         void (*hear)(void *context, const char *text), void *context,
                         tb_error *err);

/** The same of `count` features spread evenly over the file's numbers, where it finds features by
 * them; of fewer where some are missing or cannot be read, of none where it does not. */
tb_status tb_layer_texts_spread(tb_layer *layer, int field, int64_t count,
                                void (*hear)(void *context, const char *text), void *context,
                                tb_error *err);

#endif
