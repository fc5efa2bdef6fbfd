/**
 * The picture a satellite takes of the scene on one date, and its mask of clouds.
 *
 * Cells of a third of a pixel are labelled and coloured, then seen through the sensor's point
 * spread; haze, clouds, the date's gains and offsets and noise come on top. Rows are made in bands,
 * so memory does not grow with the height, and workers do not change a byte.
 */
#ifndef TUBAN_SYNTH_RENDER_H
#define TUBAN_SYNTH_RENDER_H

#include "core/error.h"
#include "raster/grid.h"
#include "synth/scene.h"
#include "synth/weather.h"
#include "tuban/progress.h"

typedef struct tb_view {
    const tb_grid     *grid;
    double             gsd_m;
    double             shift_x, shift_y; /**< pixels by which the picture lies right and down */
    int                date;
    uint64_t           seed;
    int                workers;
    const tb_progress *progress;
} tb_view;

/**
 * Writes the picture to `image_path`: four bands of 16 bits, blue, green, red, near infrared,
 * nodata 0; and, unless it is NULL, the mask to `valid_path`: 1 clear, 0 cloud or shadow.
 */
tb_status tb_render(const tb_scene *scene, const tb_weather *weather, const tb_view *view,
                    const char *image_path, const char *valid_path, tb_error *err);

#endif
