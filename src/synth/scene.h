/**
 * What is seen from above: patches, painted one over the other in their order.
 *
 * The land's faces lie below, with the houses, trees, roofs and waters that belong to their use
 * upon them, and what is built between the dates on top.
 */
#ifndef TUBAN_SYNTH_SCENE_H
#define TUBAN_SYNTH_SCENE_H

#include "core/error.h"
#include "synth/cover.h"
#include "synth/land.h"
#include "synth/shape.h"

/** One thing of one cover. */
typedef struct tb_patch {
    size_t   first; /**< corner */
    uint32_t count;
    float    height;         /**< metres: casts a shadow */
    float    axis_x, axis_y; /**< along which it is tilled */
    uint8_t  cover;
    int8_t   from, until; /**< seen on dates from .. until */
    uint32_t identity;    /**< what makes it differ from others of its cover */
} tb_patch;

/** Zero-initialised is empty; free with tb_scene_reset. */
typedef struct tb_scene {
    tb_patch *patches;
    tb_point *corners;
    size_t    patch_count, corner_count;
    size_t    patch_capacity, corner_capacity;
    size_t    most_corners; /**< of one patch */
    int       dates;
} tb_scene;

void tb_scene_reset(tb_scene *scene);

/** Lays a thing on top of all others; `look` gives all but its corners, and its identity unless it
 * is 0: then it is like no other. */
tb_status tb_scene_add(tb_scene *scene, const tb_point *corner, size_t count, const tb_patch *look,
                       tb_error *err);

/** The same for a figure that is there on all dates. */
tb_status tb_scene_place(tb_scene *scene, const tb_figure *figure, tb_cover cover, double height,
                         tb_error *err);

/** Lays down the land and all that belongs to it, for so many dates. */
tb_status tb_scene_furnish(tb_scene *scene, tb_land *land, int dates, uint64_t seed, tb_error *err);

#endif
