/**
 * Where a lattice pixel lies in an image, and with what weights the image's pixels make it up.
 *
 * Positions are quantised to 1/256 pixel of the image, so that the same lattice pixel always gets
 * the same taps, whatever block it is made in and whatever the last bits of PROJ's arithmetic are.
 * Cubic convolution (Keys 1981, a = -1/2) where the image is about as coarse as the lattice; where
 * it is finer by more than 1.25, a tent as wide as a lattice pixel, so that no sample is skipped.
 * Weights sum to 1 and have their mean at the position: a plane comes through as it is.
 */
#ifndef TUBAN_RASTER_WARP_H
#define TUBAN_RASTER_WARP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/field.h"
#include "core/rect.h"
#include "raster/grid.h"
#include "raster/image.h"

/** Phases, and the most taps along an axis: an image may be 32 times as fine as the lattice. */
enum { TB_WARP_PHASES = 256, TB_WARP_TAPS_MAX = 64 };

typedef enum tb_warp_kind {
    TB_WARP_COPY,      /**< whole pixels apart: no resampling at all */
    TB_WARP_SEPARABLE, /**< image x depends on lattice x alone, y on y */
    TB_WARP_GENERAL,   /**< rotated, bent, or another CRS */
} tb_warp_kind;

/** Weights along one axis: `taps` of them for each phase, the first at index + `first`. */
typedef struct tb_warp_axis {
    int    taps, first;
    float *weights; /**< [TB_WARP_PHASES][taps], each row sums to 1 */
} tb_warp_axis;

typedef struct tb_warp tb_warp;

/** A position along one axis of the image: the pixel whose centre is at or before it, and the
 * phase. */
typedef struct tb_warp_position {
    int64_t index; /**< INT64_MIN: nowhere */
    int     phase; /**< 0 .. TB_WARP_PHASES-1, in 1/256 pixel */
} tb_warp_position;

/**
 * Makes the map from a lattice to an image. `is_nearest` is for masks: one tap, at the nearest
 * pixel.
 * @return TB_E_INPUT when one has a CRS and the other none, PROJ knows no way between them, or the
 * image is more than 32 times as fine as the lattice.
 * Free with tb_warp_free. Borrows nothing.
 */
tb_status tb_warp_new(tb_warp **out, const tb_grid *lattice, const tb_image_info *image,
                      bool is_nearest, tb_error *err);

void tb_warp_free(tb_warp *warp);

/** Moves the map: the image at (x + dx, y + dy) is taken for lattice (x, y); in lattice pixels. */
void tb_warp_shift(tb_warp *warp, double dx, double dy);

/** The same by a field, which is copied: the map is TB_WARP_GENERAL from then on, until it is
 * shifted again. */
void tb_warp_bend(tb_warp *warp, const tb_field *field);

tb_warp_kind        tb_warp_kind_of(const tb_warp *warp);
const tb_warp_axis *tb_warp_axis_x(const tb_warp *warp);
const tb_warp_axis *tb_warp_axis_y(const tb_warp *warp);

/** Image pixels for each lattice pixel along a side; more than 1 where the image is finer. */
double tb_warp_scale(const tb_warp *warp);

/** The positions of `n` lattice pixels of a row, from (x, y). COPY and SEPARABLE: y is the same for
 * all. */
void tb_warp_row(const tb_warp *warp, int64_t x, int64_t y, int64_t n, tb_warp_position *px,
                 tb_warp_position *py);

/** A lattice rectangle that holds every pixel the image can reach (inside the lattice). */
tb_rect tb_warp_footprint(const tb_warp *warp);

/** True if the pixel nearest to the position is one of `extent`: what is beyond was not observed.
 */
bool tb_warp_is_inside(tb_warp_position p, int64_t extent);

/** True if the lattice pixel lies on a pixel of the image. */
bool tb_warp_reaches(const tb_warp *warp, int64_t x, int64_t y);

/** The window of the image, clipped to it, whose pixels the lattice rectangle is made of. */
tb_rect tb_warp_window(const tb_warp *warp, tb_rect lattice);

#endif
