/** Clouds and their shadows over the scene, on each date their own. */
#ifndef TUBAN_SYNTH_WEATHER_H
#define TUBAN_SYNTH_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "synth/season.h"
#include "synth/shape.h"

/** A value; made once, read by all. */
typedef struct tb_weather {
    uint64_t seed;
    double   share;  /**< of the scene under clouds; 0: clear */
    double   length; /**< of a bank of clouds, metres */
    double   threshold[TB_SEASON_DATES_MAX];
    tb_point shadow[TB_SEASON_DATES_MAX]; /**< from a cloud to its shadow */
} tb_weather;

/** Clouds that cover `share` of width x height metres on each of so many dates. */
void tb_weather_init(tb_weather *weather, double share, double width, double height, int dates,
                     uint64_t seed);

/** What a place of the ground suffers on a date. */
typedef struct tb_sky {
    double cloud;  /**< opacity, 0 .. 1 */
    double shadow; /**< depth, 0 .. 1 */
} tb_sky;

tb_sky tb_weather_at(const tb_weather *weather, int date, tb_point place);

/** False where a mask of clouds and shadows would be set. */
bool tb_sky_is_clear(tb_sky sky);

#endif
