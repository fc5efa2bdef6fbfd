/**
 * Writing polygons with attributes in any format of GDAL, whole or not at all.
 *
 * What is written lies in a folder of its own beside the target until tb_vector_finish; then its
 * files are made durable and renamed into place. GDAL's errors, those it only tells when it flushes
 * or closes too, end up in the tb_error. With a fixed date the bytes of a GeoPackage, Shapefile or
 * GeoJSON depend on the content alone.
 */
#ifndef TUBAN_PUBLISH_VECTOR_H
#define TUBAN_PUBLISH_VECTOR_H

#include "core/error.h"
#include "region/trace.h"

typedef enum tb_vector_type {
    TB_VECTOR_INTEGER, /**< 64-bit */
    TB_VECTOR_REAL,
    TB_VECTOR_TEXT, /**< UTF-8 */
    TB_VECTOR_DATE, /**< a text YYYY-MM-DD */
} tb_vector_type;

typedef struct tb_vector_field {
    const char    *name;
    const char    *alias; /**< shown to people; may be NULL */
    tb_vector_type type;
    int width, precision; /**< digits or characters (bytes in a Shapefile), and decimals; 0 is the
                             format's own */
} tb_vector_field;

typedef enum tb_vector_geometry {
    TB_VECTOR_NO_GEOMETRY,
    TB_VECTOR_POLYGON,
    TB_VECTOR_MULTIPOLYGON,
} tb_vector_geometry;

typedef struct tb_vector_layer {
    const char        *name;
    const char        *description; /**< may be NULL; kept where the format has a place for it */
    tb_vector_geometry geometry;
    const char        *crs; /**< WKT, or NULL for none; coordinates are x (east), y (north) */
    const tb_vector_field *fields;
    int                    field_count;
    const char *const     *options; /**< GDAL's layer creation options, NULL-terminated; or NULL */
} tb_vector_layer;

/** One value of a feature, read by the type of its field; is_set false is null. */
typedef struct tb_vector_value {
    bool        is_set;
    int64_t     integer;
    double      real;
    const char *text;
} tb_vector_value;

/** Where corners of a raster lie: x = t[0] + c t[1] + r t[2], y = t[3] + c t[4] + r t[5]. */
typedef struct tb_vector_lattice {
    double    transform[6];
    double    origin_x, origin_y; /**< c = origin_x + unit x of the corner, r likewise */
    double    unit;
    bool      is_turned;       /**< rings run the other way round, with the first corner kept */
    tb_corner least, greatest; /**< of the exterior rings' corners */
} tb_vector_lattice;

/** Polygons of a feature; rings are not closed: the first point is not repeated. */
typedef struct tb_vector_outline {
    const double            *points; /**< x and y in turn; or NULL, and corners on a lattice */
    const tb_ring           *rings;
    const tb_polygon        *polygons;
    size_t                   polygon_count; /**< 1 for TB_VECTOR_POLYGON */
    const tb_corner         *corners;
    const tb_vector_lattice *lattice;
} tb_vector_outline;

typedef struct tb_vector_options {
    const char        *driver;  /**< GDAL's short name, such as "GPKG" */
    const char        *date;    /**< ISO 8601 with Z, written wherever a format wants the present */
    const char *const *options; /**< GDAL's dataset creation options, NULL-terminated; or NULL */
    bool is_bulk; /**< a GeoPackage of one layer whose fields are numbers: for very many features;
                     elsewhere without effect */
} tb_vector_options;

/** What was done to texts so that they fit their fields. */
typedef struct tb_vector_fitting {
    int64_t cut;         /**< longer than their field: cut after the last whole character */
    int64_t replaced;    /**< with characters the file's encoding lacks: 〓 in their place */
    char    example[11]; /**< the first field that was met with either */
} tb_vector_fitting;

typedef struct tb_vector tb_vector;

/**
 * Starts a dataset; close with tb_vector_close. `options` are borrowed for as long as it lives.
 * @return TB_E_OUTPUT with the path when it cannot be made.
 * Threads: one caller per object.
 */
tb_status tb_vector_create(tb_vector **out, const char *path, const tb_vector_options *options,
                           tb_error *err);

/**
 * Adds a layer; *number is its number. Borrows layer->fields and layer->options for as long as the
 * dataset lives.
 */
tb_status tb_vector_add_layer(tb_vector *vector, const tb_vector_layer *layer, int *number,
                              tb_error *err);

/**
 * Adds a feature: `values` one a field; `outline` may be NULL: no geometry. In a layer of
 * multipolygons one polygon is written as a multipolygon too.
 * Texts are made to fit: tb_vector_fitted tells. A number that does not fit is an error.
 * @return TB_E_OUTPUT with GDAL's reason.
 * Cost: what GDAL needs, and 16 bytes a point of the largest feature. In bulk no GDAL, and 16 bytes
 * a feature: see publish/bulk.h.
 */
tb_status tb_vector_add(tb_vector *vector, int layer, const tb_vector_outline *outline,
                        const tb_vector_value *values, tb_error *err);

/** How texts were made to fit so far. */
tb_vector_fitting tb_vector_fitted(const tb_vector *vector);

/** Completes the dataset and moves its files to their places. Only closing may follow. */
tb_status tb_vector_finish(tb_vector *vector, tb_error *err);

/** Frees; a dataset that is not finished is removed. NULL is legal. */
void tb_vector_close(tb_vector *vector);

#endif
