#include "synth/weather.h"

#include <math.h>
#include <stdlib.h>

#include "synth/noise.h"

enum { SAMPLES = 96 };

/* Metres from the ground to the clouds; thickness over which they become opaque, in noise. */
static const double CEILING = 900.0, FADE = 0.16;

/* Octaves of the clouds, each of this part of the one before, and as much finer. */
enum { OCTAVES = 5 };
static const double WEAKER = 0.46, FINER = 2.1;

/* How thick the clouds are; -infinity as soon as it is sure to be below `least`. */
static double density(const tb_weather *w, int date, double x, double y, double least)
{
    uint64_t seed  = w->seed + 100 * (uint64_t)date;
    double   scale = 1.0 / w->length, sum = 0.0, weight = 1.0;

    for (int octave = 0; octave < OCTAVES; octave++) {
        if (sum + weight / (1.0 - WEAKER) < least) /* more than all that is to come */
            return -HUGE_VAL;
        sum += weight * tb_noise_at(seed + (uint64_t)octave, x * scale, y * scale);
        scale *= FINER;
        weight *= WEAKER;
    }
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void tb_weather_init(tb_weather *weather, double share, double width, double height, int dates,
                     uint64_t seed)
{
    double side = width < height ? width : height;
    double sample[SAMPLES * SAMPLES];

    *weather        = (tb_weather){.seed = tb_random_hash(seed, 31, 0), .share = share};
    weather->length = side / 3.0 < 900.0 ? side / 3.0 : 900.0;
    for (int k = 0; k < dates && share > 0.0; k++) {
        double right, down;

        for (int i = 0; i < SAMPLES * SAMPLES; i++)
            sample[i] = density(weather, k, width * (i % SAMPLES + 0.5) / SAMPLES,
                                height * ((int)(i / SAMPLES) + 0.5) / SAMPLES, -HUGE_VAL);
        qsort(sample, SAMPLES * SAMPLES, sizeof *sample, by_size);
        weather->threshold[k] = sample[(int)((1.0 - share) * (SAMPLES * SAMPLES - 1))];
        tb_season_shadow(k, &right, &down);

        double height_m = CEILING < side / 6 ? CEILING : side / 6;

        weather->shadow[k] = (tb_point){height_m * 0.35 * right, height_m * 0.35 * down};
    }
}

static double opacity(const tb_weather *w, int date, double x, double y)
{
    double depth = (density(w, date, x, y, w->threshold[date]) - w->threshold[date]) / FADE;

    return depth <= 0.0 ? 0.0 : depth >= 1.0 ? 1.0 : depth * (2.0 - depth);
}

tb_sky tb_weather_at(const tb_weather *weather, int date, tb_point place)
{
    tb_point s = weather->shadow[date];

    if (weather->share <= 0.0)
        return (tb_sky){0};
    return (tb_sky){opacity(weather, date, place.x, place.y),
                    opacity(weather, date, place.x - s.x, place.y - s.y)};
}

bool tb_sky_is_clear(tb_sky sky)
{
    return sky.cloud < 0.01 && sky.shadow < 0.08;
}
