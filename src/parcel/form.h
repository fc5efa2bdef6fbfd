/** What a parcel looks like from above: how much of a rectangle it is, and how long. */
#ifndef TUBAN_PARCEL_FORM_H
#define TUBAN_PARCEL_FORM_H

#include "parcel/geos.h"

/** Of the rectangle of least area around a geometry, turned as it likes, in a plane of metres. */
typedef struct tb_form {
    double rectangularity; /**< share of the rectangle that it fills, 0 to 1 */
    double elongation;     /**< of the rectangle: its longer side over its shorter, 1 or more */
} tb_form;

/**
 * Measures polygons. What has no width has a form of 0.
 * @return TB_E_INPUT with GEOS's reason.   Cost: O(vertices log vertices), and the square of those
 * of its hull.
 */
tb_status tb_form_measure(tb_geos *geos, const GEOSGeometry *geometry, tb_form *out, tb_error *err);

#endif
