/**
 * What is wrong with the polygons of input layers, feature by feature, and what was done about it.
 *
 * Counts are of every feature that was read; rows, one a finding, are kept up to a limit a layer.
 * What lies out of reach of the parcels is not read and so not judged.
 */
#ifndef TUBAN_PARCEL_QC_H
#define TUBAN_PARCEL_QC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef enum tb_finding {
    TB_FINDING_NO_GEOMETRY, /**< null, empty, or nothing but lines and points: left out */
    TB_FINDING_INVALID,     /**< crosses itself and the like: repaired */
    TB_FINDING_LOST,        /**< invalid, and no area is left of it: left out */
    TB_FINDING_CURVE,       /**< arcs, made lines */
    TB_FINDING_HEIGHT,      /**< Z or M values, dropped */
    TB_FINDING_WINDING,     /**< a hole runs the way of its exterior ring: counted as a hole */
    TB_FINDING_DUPLICATE,   /**< the same ground as an earlier feature: counts once */
    TB_FINDING_OVERLAP,     /**< shares ground with an earlier one: counts for that */
    TB_FINDING_AREA,        /**< its area field is far from its area: the latter is used */
    TB_FINDINGS,
} tb_finding;

enum { TB_QC_ROWS_MOST = 1000 }; /**< a layer; more are counted only */

typedef struct tb_qc_row {
    int        layer; /**< of the log */
    int64_t    fid;
    tb_finding finding;
    double     before_m2, after_m2; /**< below 0: none. Of an overlap `after` is what is shared */
    char       detail[96];          /**< such as GEOS's reason and place; may be empty */
} tb_qc_row;

typedef struct tb_qc_layer {
    char   *path, *name, *role;
    int64_t read;     /**< features brought over */
    bool    is_whole; /**< every feature was looked at, not those near the parcels alone */
    int64_t found[TB_FINDINGS];
    int64_t rows; /**< kept */
} tb_qc_layer;

/** Zero-initialised is empty; free with tb_qc_reset. */
typedef struct tb_qc {
    tb_qc_layer *layer;
    tb_qc_row   *row;
    size_t       layer_count, row_count, row_capacity;
} tb_qc;

/** The name of a finding, such as "invalid"; lives as long as the program. */
const char *tb_finding_name(tb_finding finding);

/** What was done about it, for people, in Chinese as the products are; likewise. */
const char *tb_finding_action(tb_finding finding);

/** Begins the log of a layer: findings belong to the latest. Copies the texts. */
tb_status tb_qc_begin(tb_qc *qc, const char *path, const char *name, const char *role,
                      tb_error *err);

/** Logs a finding of the latest layer. `qc` may be NULL: nothing is kept. `detail` may be NULL. */
tb_status tb_qc_log(tb_qc *qc, tb_finding finding, int64_t fid, double before_m2, double after_m2,
                    const char *detail, tb_error *err);

void tb_qc_reset(tb_qc *qc);

#endif
