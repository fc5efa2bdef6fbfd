/**
 * Several pairs of one job: each piece of ground belongs to one of them.
 *
 * Each lattice is divided into cells of 64 x 64 of its pixels. Ground goes to the first listed pair
 * with a whole cell there, one whose every pixel was observed on both dates; else to the first with
 * a cell it observed in part; else to the first whose lattice it lies on. The cut between two pairs
 * follows the borders of cells of one of them, exactly, in (B, L). docs/judge.md
 */
#ifndef TUBAN_JOB_PAIRS_H
#define TUBAN_JOB_PAIRS_H

#include <jansson.h>

#include "core/error.h"
#include "job/outline.h"
#include "raster/pair.h"
#include "region/trace.h"

/** Side of a cell, pixels of the pair's lattice. */
enum { TB_CELL = 64 };

typedef struct tb_pairs tb_pairs;

/** Refuses a pair whose images have no CRS: parcels need one. */
tb_status tb_pair_check_georeference(const tb_pair *pair, tb_error *err);

/** For `count` pairs; free with tb_pairs_free. Threads: one caller per object. */
tb_status tb_pairs_new(tb_pairs **out, int count, tb_error *err);
void      tb_pairs_free(tb_pairs *pairs);

/** Tells of a pair (from 0): where its lattice lies. Borrows nothing. */
tb_status tb_pairs_add(tb_pairs *pairs, int pair, const tb_pair *it, tb_error *err);

/** Finds which lattices share ground or lie within a pixel of each other; once all are added. */
tb_status tb_pairs_relate(tb_pairs *pairs, tb_error *err);

/**
 * Tells what a pair observed; nothing to do where it shares ground with none.
 * @param missing  pixels it did not observe, sorted by (row, first).
 * Cost: 4 bytes a cell, and the outlines of three kinds of cells.
 */
tb_status tb_pairs_claim(tb_pairs *pairs, int pair, const tb_geographic *way, tb_trace *trace,
                         const tb_span *missing, size_t count, tb_error *err);

/** Divides the ground, once all have claimed. */
tb_status tb_pairs_divide(tb_pairs *pairs, tb_error *err);

tb_geos *tb_pairs_geos(const tb_pairs *pairs);
int      tb_pairs_count(const tb_pairs *pairs);
double   tb_pairs_gsd_m(const tb_pairs *pairs, int pair);

/** Whether another pair's lattice is within a pixel of its own, or on it. */
bool tb_pairs_has_neighbour(const tb_pairs *pairs, int pair);

/** The ground of a pair once it is divided; NULL: all of its lattice. Borrows. */
const GEOSGeometry *tb_pairs_ground(const tb_pairs *pairs, int pair);

/** Numbers, from 1, of the pairs it shares ground with. */
json_t *tb_pairs_overlaps(const tb_pairs *pairs, int pair);

/**
 * Of each pair that shares ground: the area of its lattice and of its own ground, m², and how many
 * polygons that is.
 */
json_t *tb_pairs_report(const tb_pairs *pairs);

#endif
