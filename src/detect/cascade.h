/**
 * Planes that pass through filters row by row: each stage makes a row from the newest rows of the
 * stages before it and keeps no more rows than those after it still need, so that all of it stays
 * in the processor's cache whatever the size of the block.
 */
#ifndef TUBAN_DETECT_CASCADE_H
#define TUBAN_DETECT_CASCADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "kernels/table.h"

/** How a plane is smoothed: a median where asked for, a Gaussian, a bilateral filter likewise. */
typedef struct tb_smoothing {
    bool  has_median; /**< of five by five */
    int   radius;     /**< of the Gaussian, pixels: 1 .. TB_FIR_RADIUS_MAX */
    float taps[TB_FIR_RADIUS_MAX + 1];
    bool  keeps_edges; /**< the bilateral filter (kernels/bilateral.h): the plane is in its noise */
} tb_smoothing;

typedef enum tb_stage_kind {
    TB_STAGE_GIVEN, /**< a plane the caller makes */
    TB_STAGE_MEDIAN,
    TB_STAGE_FIR_ROW,
    TB_STAGE_FIR_COLUMN,
    TB_STAGE_BILATERAL,
    TB_STAGE_GRADIENT,   /**< its magnitude; 0 beside what was not observed */
    TB_STAGE_DIFFERENCE, /**< how far two planes differ */
} tb_stage_kind;

typedef struct tb_stage {
    tb_stage_kind kind;
    int           source, other; /**< the stages it is made of */
    tb_smoothing  smoothing;     /**< of the FIR stages */
    int           across, down;  /**< how far it reaches into its sources */
    /* What tb_cascade_finish finds: columns and rows beyond the outputs' own that it makes, and
     * rows of it that are kept. */
    int margin_x, margin_y, depth;
} tb_stage;

enum { TB_STAGES_MAX = 48, TB_CASCADE_OUTPUTS_MAX = 11 };

/** Stages in an order in which each stands behind its sources. Zero-initialised is empty. */
typedef struct tb_cascade {
    int      count, outputs;
    int      halo; /**< pixels around the outputs that the given planes need */
    int      output[TB_CASCADE_OUTPUTS_MAX];
    tb_stage stage[TB_STAGES_MAX];
} tb_cascade;

/** Adds a plane that the caller makes; all of these come first. @return its stage, as do these: */
int tb_cascade_give(tb_cascade *cascade);
int tb_cascade_smooth(tb_cascade *cascade, int source, const tb_smoothing *smoothing);
int tb_cascade_gradient(tb_cascade *cascade, int source);
int tb_cascade_difference(tb_cascade *cascade, int one, int other);

/** Makes a stage the next output. */
void tb_cascade_put_out(tb_cascade *cascade, int stage);

/** Once all is added: how much each stage makes and keeps. */
void tb_cascade_finish(tb_cascade *cascade);

/** Floats tb_cascade_run needs for rows of so many columns, with the halo. */
size_t tb_cascade_floats(const tb_cascade *cascade, int64_t columns);

/** What makes and takes the rows. */
typedef struct tb_cascade_ends {
    void *context;
    /** Writes row `y` of every given plane; rows are asked for one after another, from 0. */
    tb_status (*give)(void *context, int64_t y, float *const *planes, tb_error *err);
    /** Takes row `y` of the outputs, counted like those that were given: each points at the first
     * pixel behind the halo. Of the given rows those to y + halo + TB_CASCADE_AHEAD at most have
     * been asked for. */
    tb_status (*take)(void *context, int64_t y, const float *const *outputs, tb_error *err);
} tb_cascade_ends;

enum { TB_CASCADE_AHEAD = TB_FIR_OUTPUTS_MAX - 1 };

/**
 * Runs all rows through.
 * @param columns, rows  of the given planes, with the halo around the outputs.
 * @param memory         tb_cascade_floats floats, aligned for vectors.
 * @return what `give` or `take` fails with.
 * Thread rule: the cascade is only read; one caller per memory. Cost: each stage once a pixel and
 * halo.
 */
tb_status tb_cascade_run(const tb_cascade *cascade, int64_t columns, int64_t rows, float *memory,
                         const tb_cascade_ends *ends, const tb_kernels *kernels, tb_error *err);

#endif
