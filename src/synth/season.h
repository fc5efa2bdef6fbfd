/**
 * How covers look on a date: reflectance in blue, green, red and near infrared by crop calendar.
 *
 * What grows is a mixture of soil, green leaves, straw and standing water whose shares follow the
 * months of the North China Plain; each field runs some days early or late, and is ploughed,
 * watered or laid with film on days of its own. None of that is construction.
 */
#ifndef TUBAN_SYNTH_SEASON_H
#define TUBAN_SYNTH_SEASON_H

#include <stdint.h>

#include "synth/cover.h"

enum { TB_SEASON_BANDS = 4, TB_SEASON_DATES_MAX = 36 };

typedef struct tb_date {
    int year, month, day;
} tb_date;

/** The date of the k-th image (from 0): about a month apart, from 2024-02-11 on. */
tb_date tb_date_of(int k);

/** A cover on a date: reflectance = base + coarse * swing, times 1 + grain * fine noise. */
typedef struct tb_look {
    float base[TB_SEASON_BANDS];
    float swing[TB_SEASON_BANDS]; /**< per standard deviation of the coarse texture */
    float grain;                  /**< relative, per standard deviation of the fine texture */
    float stripes;                /**< relative contrast of tilled rows */
} tb_look;

/**
 * The look of a cover on the k-th date.
 * @param identity  what makes two fields of one crop differ; the same on all dates.
 */
tb_look tb_season_look(tb_cover cover, uint64_t identity, int k);

/** Shadow of something one metre high on the k-th date, metres to the right and down. */
void tb_season_shadow(int k, double *right, double *down);

/** Share by which water has receded from the bank on the k-th date, about 0 .. 1. */
double tb_season_low_water(uint64_t seed, int k);

#endif
