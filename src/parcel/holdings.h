/**
 * How the ground of a parcel divides among land classes and masks (套合).
 *
 * Everything tested is measured on the part that is not construction land; ridges (田坎) are taken
 * off by the share each polygon states. What two polygons of a layer share counts once, for the
 * earlier by identifier. docs/methods/area.md
 */
#ifndef TUBAN_PARCEL_HOLDINGS_H
#define TUBAN_PARCEL_HOLDINGS_H

#include "parcel/overlay.h"

typedef enum tb_ground {
    TB_GROUND_FARMLAND,
    TB_GROUND_OTHER_AGRICULTURAL,
    TB_GROUND_UNUSED,
    TB_GROUND_CONSTRUCTION,
    TB_GROUND_UNKNOWN, /**< a class the table does not have: counts as not surveyed */
} tb_ground;

typedef enum tb_approval_state {
    TB_APPROVAL_NONE, /**< of a kind that reduces nothing, or without a date */
    TB_APPROVAL_HOLDS,
    TB_APPROVAL_LATE, /**< of a kind that would, dated after the later image */
} tb_approval_state;

enum { TB_EXTRA_MAX = 8 };

/** A layer and what was made of its fields, one a feature; NULL where it does not apply. */
typedef struct tb_mask {
    tb_features              features;
    tb_ground               *ground;
    double                  *ridge; /**< share, 0 to 1 */
    const tb_approval_state *approval;
} tb_mask;

/** The layers of a job; NULL: not given. Borrowed. */
typedef struct tb_masks {
    const tb_mask *landuse, *pbf, *redline, *approvals, *urban;
    const tb_mask *extra[TB_EXTRA_MAX];
    int            extra_count;
} tb_masks;

/** m²; what a missing layer would tell is 0 and means nothing. */
typedef struct tb_holdings {
    double total;
    double farmland_gross, farmland_net; /**< F */
    double farmland_beyond_pbf;          /**< net */
    double other_agricultural;           /**< without the ridges of farmland */
    double unused, construction, unsurveyed;
    double pbf_gross, pbf_net;  /**< P */
    double pbf_on_farmland;     /**< gross */
    double pbf_on_construction; /**< gross; in none of the others */
    double redline;             /**< R */
    double pbf_or_redline;      /**< their union, net */
    double urban;
    double approved; /**< of the whole parcel */
    double late;     /**< under approvals that came after the later image */
    double farmland_unapproved, pbf_unapproved, redline_unapproved;
    double extra[TB_EXTRA_MAX];
    double shared; /**< under more than one polygon of the survey */
} tb_holdings;

/**
 * Measures one parcel.
 * @param parcel   with its rings and its area once it is measured.
 * @param landuse  the pieces of the parcel on the survey; empty without one. Free with
 *                 tb_overlay_reset, before the parcel.
 * @return TB_E_INPUT with GEOS's reason.   Threads: one caller per context.
 * Cost: each layer's pieces once (tb_overlay_find), and a tb_tract_common for each two of different
 * layers that meet; without GEOS where edges tell.
 */
tb_status tb_holdings_measure(tb_geos *geos, tb_tract *parcel, const tb_masks *masks,
                              tb_holdings *out, tb_overlay *landuse, tb_error *err);

#endif
