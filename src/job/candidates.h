/**
 * What assembly found, as polygons in (L, B): candidates of all pairs, and what was observed.
 */
#ifndef TUBAN_JOB_CANDIDATES_H
#define TUBAN_JOB_CANDIDATES_H

#include "core/error.h"
#include "job/outline.h"
#include "job/pairs.h"
#include "job/stages.h"

/** What one pair saw of a candidate. */
typedef struct tb_part {
    int    pair; /**< from 0 */
    double area_m2;
} tb_part;

typedef struct tb_candidate {
    char            id[32];   /**< DRAFT_ID */
    int             pair;     /**< from 0; of several, the one with most of it */
    bool            is_small; /**< fewer pixels than the least */
    bool            is_given; /**< not detected: `pixels` is its area's, and there is no score */
    int64_t         pixels, edge_pixels;
    double          score, score_max;
    tb_outline_copy outline;
    tb_part        *part; /**< where it is of several pairs: by pair; else NULL */
    int             part_count;
    const char     *source; /**< "auto" is the engine's; "edited" or "manual": people's */
    char           *kind;   /**< TBLX of a given one; or NULL */
    char *classes, *classes_by, *classes_day; /**< YSLX, as whom and when it was set by; or NULL */
} tb_candidate;

/** What was, or was not, observed of a pair. */
typedef struct tb_observed {
    const char     *state;
    int             pair;
    int64_t         pixels;
    tb_outline_copy outline;
} tb_observed;

/** Zero-initialised is empty; free with tb_candidates_reset. */
typedef struct tb_candidates {
    tb_candidate *item;
    size_t        count, capacity;
    tb_observed  *observed;
    size_t        observed_count;
} tb_candidates;

/** Appends an empty candidate. */
tb_status tb_candidates_append(tb_candidates *candidates, tb_candidate **out, tb_error *err);

/** Assembles a pair, adds what it finds, and tells `pairs` what it observed. */
tb_status tb_candidates_add(tb_candidates *candidates, tb_stages *stages, tb_pairs *pairs,
                            tb_assemble_totals *totals, tb_error *err);

void tb_candidates_reset(tb_candidates *candidates);

#endif
