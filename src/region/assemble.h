/**
 * Joins the blocks of all shards of one pair into components that show no seam.
 *
 * Two passes over the runs, row by row. The first unites the parts that touch across borders of
 * blocks and decides each component; the second tells a visitor, in an order and with numbers that
 * depend on the mask alone: how it was cut into blocks, panels and shards leaves no trace.
 */
#ifndef TUBAN_REGION_ASSEMBLE_H
#define TUBAN_REGION_ASSEMBLE_H

#include "region/runs.h"
#include "tuban/progress.h"

/** What became of a component that holds a strong pixel. Weak ones alone are unchanged, not
 * rejected. */
typedef enum tb_verdict {
    TB_VERDICT_NONE  = 0, /**< of unobserved runs */
    TB_VERDICT_KEPT  = 1,
    TB_VERDICT_SMALL = 2, /**< rejected: fewer than min_pixels */
} tb_verdict;

/** A run of the whole lattice: never cut at the border of a block. */
typedef struct tb_assembled_run {
    int64_t     row, first, last;
    int64_t     component; /**< from 0; -1 when unobserved */
    tb_run_kind kind;
    tb_verdict  verdict;
} tb_assembled_run;

/** Pixels first..last of a row, whatever their kind. */
typedef struct tb_span {
    int64_t row, first, last;
} tb_span;

/** The same, counted from a corner of the lattice: half the bytes. */
typedef struct tb_local_span {
    int32_t row, first, last;
} tb_local_span;

/** A whole component; borrows everything for the length of the call. */
typedef struct tb_component {
    int64_t
        number; /**< from 0, in the order in which the components first appear by (row, first) */
    tb_verdict           verdict;
    int64_t              pixels;
    tb_rect              bounds;
    int64_t              origin_x, origin_y; /**< the corner that `spans` are counted from */
    const tb_local_span *spans; /**< sorted by (row, first), with a gap between two of one row */
    size_t               span_count;
    const tb_span *nearby; /**< of other kept or small components, where asked for: all pixels at
                                most two rows and columns from one of this; sorted by (row, first),
                                may overlap */
    size_t         nearby_count;
    const int64_t *evidence; /**< [columns], joined over all its parts */
} tb_component;

/** Who hears the result. Both functions may be NULL; a failure ends the assembly with its status.
 */
typedef struct tb_assemble_visitor {
    /** Every run of a kept or small component, and every unobserved run, by (row, first). */
    tb_status (*run)(void *context, const tb_assembled_run *run, tb_error *err);
    /** Every kept or small component, after the runs of its last row (and of two more where
     *  `nearby` is asked for), in the order of last rows; several of one by their numbers. */
    tb_status (*component)(void *context, const tb_component *component, tb_error *err);
    void *context;
    bool  wants_nearby; /**< components are told what lies around them */
} tb_assemble_visitor;

typedef struct tb_assemble_options {
    tb_run_reader *const *shards; /**< borrowed; may not overlap, need not fill a rectangle */
    size_t                shard_count;
    tb_connectivity       connectivity; /**< as the blocks were labelled with; 0 is TB_CONNECT_8 */
    int64_t               min_pixels;   /**< 0 and 1 keep all */
    const tb_progress    *progress;     /**< may be NULL */
} tb_assemble_options;

typedef struct tb_assemble_totals {
    int64_t kept, kept_pixels; /**< components and their pixels */
    int64_t small, small_pixels;
    int64_t weak, weak_pixels; /**< components without a strong pixel */
    int64_t unobserved_pixels;
} tb_assemble_totals;

/**
 * Assembles the shards.
 * @param totals  may be NULL.
 * @return TB_OK; TB_E_INPUT for damaged or overlapping shards, or when the evidence of a component
 * does not count its pixels; TB_E_MEMORY; TB_E_CANCELLED; or what the visitor returned. Threads:
 * reads HDF5, so one call at a time. Cost: O(runs); two reads of the shards; 16 bytes a part, up to
 * 24 bytes a run of the components that are open at once, as much again for what is nearby, 100 kB
 * a block that one row crosses.
 */
tb_status tb_assemble_shards(const tb_assemble_options *options, const tb_assemble_visitor *visitor,
                             tb_assemble_totals *totals, tb_error *err);

#endif
