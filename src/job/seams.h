/**
 * Where pairs of one job meet: what lies on another pair's ground is cut off, and parcels of two
 * pairs that meet at the cut are one. docs/judge.md
 */
#ifndef TUBAN_JOB_SEAMS_H
#define TUBAN_JOB_SEAMS_H

#include "core/error.h"
#include "job/candidates.h"
#include "job/pairs.h"

/** What was done, in candidates. */
typedef struct tb_seam_totals {
    int64_t joined; /**< made of what several pairs saw */
    int64_t cut;    /**< of which a part, or all, lay on another pair's ground */
} tb_seam_totals;

/**
 * Cuts candidates and observed ground to the ground of their pairs and unites what meets.
 *
 * Candidates keep their order. A united one stands at the place of its first part and has that
 * one's identifier; of one that was cut into several, the later are numbered behind a dash.
 * @param pairs  divided.
 * Cost: one intersection a candidate across a cut, and a distance for each two near it.
 */
tb_status tb_seams_apply(tb_pairs *pairs, tb_candidates *candidates, int64_t min_pixels,
                         tb_seam_totals *totals, tb_error *err);

#endif
