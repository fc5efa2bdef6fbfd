#include "synth/season.h"

#include <math.h>
#include <stdbool.h>

#include "synth/random.h"

enum { MONTHS = 12 };

/* Shares of the ground in hundredths, at the middle of each month. */
typedef struct calendar {
    uint8_t green[MONTHS], straw[MONTHS], water[MONTHS];
} calendar;

typedef struct ground {
    float spectrum[TB_SEASON_BANDS]; /* of the bare soil, or of the thing itself; in 1/1000 */
    float leaf;                      /* brightness of its leaves, 1 is a crop's */
    float spread;                    /* relative spread between two of a kind */
    float swing, grain, stripes;
} ground;

static const calendar calendars[] = {
    [TB_COVER_WHEAT]     = {.green = {26, 30, 52, 84, 82, 14, 42, 90, 70, 10, 18, 24},
                            .straw = {4, 4, 2, 0, 6, 62, 8, 0, 12, 42, 8, 4}},
    [TB_COVER_MAIZE]     = {.green = {0, 0, 0, 3, 16, 48, 84, 90, 56, 6, 0, 0},
                            .straw = {36, 32, 20, 6, 0, 0, 0, 0, 26, 58, 46, 40}},
    [TB_COVER_PEANUT]    = {.green = {0, 0, 2, 2, 14, 44, 78, 84, 46, 4, 0, 0},
                            .straw = {10, 8, 4, 0, 0, 0, 0, 0, 10, 18, 14, 12}},
    [TB_COVER_VEGETABLE] = {.green = {32, 34, 42, 52, 58, 58, 50, 50, 54, 54, 44, 34},
                            .straw = {6, 6, 4, 2, 2, 2, 2, 2, 4, 6, 6, 6}},
    [TB_COVER_PADDY]     = {.green = {2, 3, 8, 12, 12, 34, 82, 92, 70, 14, 4, 2},
                            .straw = {44, 40, 30, 20, 8, 0, 0, 0, 16, 52, 52, 48},
                            .water = {0, 0, 0, 4, 20, 56, 16, 6, 2, 0, 0, 0}},
    [TB_COVER_FALLOW]    = {.green = {4, 5, 10, 24, 40, 50, 60, 60, 44, 22, 8, 4},
                            .straw = {44, 42, 36, 26, 18, 12, 8, 8, 20, 34, 42, 44}},
    [TB_COVER_ORCHARD]   = {.green = {20, 20, 27, 46, 64, 70, 72, 72, 66, 48, 28, 22},
                            .straw = {18, 18, 14, 8, 4, 2, 2, 2, 6, 14, 18, 18}},
    [TB_COVER_FOREST]    = {.green = {34, 34, 38, 58, 80, 86, 86, 86, 78, 58, 42, 36},
                            .straw = {34, 34, 30, 16, 6, 4, 4, 4, 8, 22, 30, 34}},
    [TB_COVER_TREE]      = {.green = {30, 30, 36, 62, 84, 88, 88, 88, 80, 54, 36, 30},
                            .straw = {30, 30, 26, 14, 4, 2, 2, 2, 8, 22, 28, 30}},
    [TB_COVER_PINE]      = {.green = {78, 78, 78, 80, 84, 86, 86, 86, 84, 80, 78, 78},
                            .straw = {8, 8, 8, 6, 4, 4, 4, 4, 4, 6, 8, 8}},
    [TB_COVER_GRASS]     = {.green = {6, 8, 14, 34, 54, 62, 68, 68, 54, 30, 12, 8},
                            .straw = {60, 58, 50, 34, 20, 14, 12, 12, 24, 44, 56, 60}},
    [TB_COVER_TURF]      = {.green = {52, 54, 62, 76, 84, 86, 86, 86, 82, 72, 60, 54},
                            .straw = {22, 20, 14, 6, 2, 2, 2, 2, 4, 10, 16, 20}},
};

static const ground grounds[TB_COVERS] = {
    [TB_COVER_WHEAT]      = {{84, 112, 144, 214}, 1.0f, .07f, .060f, .030f, .018f},
    [TB_COVER_MAIZE]      = {{88, 117, 151, 222}, 1.0f, .08f, .055f, .030f, .022f},
    [TB_COVER_PEANUT]     = {{97, 127, 164, 236}, 1.0f, .08f, .055f, .030f, .022f},
    [TB_COVER_VEGETABLE]  = {{80, 106, 135, 204}, 1.0f, .09f, .075f, .050f, .040f},
    [TB_COVER_PADDY]      = {{70, 93, 116, 172}, 1.0f, .07f, .050f, .025f, .012f},
    [TB_COVER_FALLOW]     = {{86, 112, 142, 210}, .85f, .08f, .090f, .050f, 0},
    [TB_COVER_ORCHARD]    = {{84, 110, 140, 206}, .72f, .06f, .070f, .110f, .060f},
    [TB_COVER_FOREST]     = {{52, 68, 80, 130}, .50f, .08f, .110f, .160f, 0},
    [TB_COVER_TREE]       = {{50, 65, 76, 124}, .52f, .14f, .060f, .120f, 0},
    [TB_COVER_PINE]       = {{40, 52, 58, 100}, .42f, .10f, .090f, .150f, 0},
    [TB_COVER_GRASS]      = {{84, 108, 134, 196}, .80f, .08f, .110f, .060f, 0},
    [TB_COVER_TURF]       = {{84, 108, 134, 196}, .95f, .04f, .040f, .020f, .03f},
    [TB_COVER_WATER]      = {{66, 74, 60, 32}, 0, .08f, .020f, .012f, 0},
    [TB_COVER_MUD]        = {{92, 116, 138, 160}, 0, .06f, .080f, .040f, 0},
    [TB_COVER_SAND]       = {{158, 190, 224, 262}, 0, .05f, .050f, .030f, 0},
    [TB_COVER_EARTH]      = {{128, 168, 222, 292}, 0, .10f, .095f, .085f, 0},
    [TB_COVER_LEVELLED]   = {{138, 178, 230, 296}, 0, .07f, .050f, .030f, .012f},
    [TB_COVER_BARE]       = {{106, 136, 172, 230}, 0, .07f, .100f, .050f, 0},
    [TB_COVER_TRACK]      = {{118, 148, 184, 234}, 0, .08f, .050f, .040f, 0},
    [TB_COVER_ASPHALT]    = {{94, 104, 114, 134}, 0, .06f, .020f, .025f, 0},
    [TB_COVER_CONCRETE]   = {{184, 206, 226, 252}, 0, .07f, .030f, .030f, 0},
    [TB_COVER_YARD]       = {{112, 132, 152, 190}, 0, .09f, .070f, .080f, 0},
    [TB_COVER_GRAVEL]     = {{132, 148, 164, 190}, 0, .06f, .040f, .040f, 0},
    [TB_COVER_FILM]       = {{236, 256, 268, 306}, 0, .08f, .020f, .025f, 0},
    [TB_COVER_PANEL]      = {{78, 70, 66, 98}, 0, .04f, .010f, .020f, 0},
    [TB_COVER_RED_ROOF]   = {{84, 100, 178, 224}, 0, .15f, .020f, .050f, 0},
    [TB_COVER_GREY_ROOF]  = {{116, 126, 136, 156}, 0, .20f, .020f, .040f, 0},
    [TB_COVER_BLUE_ROOF]  = {{268, 206, 138, 212}, 0, .08f, .015f, .020f, 0},
    [TB_COVER_WHITE_ROOF] = {{330, 348, 356, 376}, 0, .08f, .015f, .020f, 0},
};

static const float leaf[TB_SEASON_BANDS]  = {.030f, .062f, .034f, .460f};
static const float straw[TB_SEASON_BANDS] = {.094f, .134f, .182f, .262f};
static const float water[TB_SEASON_BANDS] = {.062f, .072f, .062f, .034f};
static const float film[TB_SEASON_BANDS]  = {.190f, .214f, .236f, .290f};

tb_date tb_date_of(int k)
{
    static const int days[MONTHS] = {9, 11, 12, 10, 8, 11, 9, 13, 10, 12, 14, 11};
    int              month        = 1 + k;

    return (tb_date){2024 + month / MONTHS, month % MONTHS + 1, days[month % MONTHS]};
}

/* The time of the year in months, 0 at the middle of January. */
static double season_of(int k)
{
    tb_date date = tb_date_of(k);

    return date.month - 1 + (date.day - 15.5) / 30.4;
}

static double share_at(const uint8_t *table, double season)
{
    double at   = season - MONTHS * floor(season / MONTHS);
    int    from = (int)at % MONTHS;

    return (table[from] + (at - floor(at)) * (table[(from + 1) % MONTHS] - table[from])) / 100.0;
}

static double bell(uint64_t hash)
{
    return (tb_random_unit(hash) + tb_random_unit(tb_random_mix(hash + 1)) +
            tb_random_unit(tb_random_mix(hash + 2)) + tb_random_unit(tb_random_mix(hash + 3)) -
            2.0) *
           1.7320508;
}

static bool is_tilled(tb_cover cover)
{
    return cover <= TB_COVER_FALLOW;
}

/* Mixes what grows; also how the soil is that day: ploughed and moist, dry, or under film. */
static void grow(tb_look *look, tb_cover cover, const ground *g, uint64_t identity, int k)
{
    const calendar *c      = &calendars[cover];
    uint64_t        today  = tb_random_hash(identity, 17, (uint64_t)k);
    double          season = season_of(k) + 0.22 * bell(tb_random_mix(identity + 5));
    double          vigour = 1.0 + 0.09 * bell(tb_random_mix(identity + 9));
    double          green  = share_at(c->green, season) * vigour;
    double          dry = share_at(c->straw, season), wet = share_at(c->water, season);
    double          moist = 1.0 + 0.02 * bell(today), covered = 0.0;

    if (cover == TB_COVER_VEGETABLE) { /* each bed has its own crop */
        green *= 0.55 + 0.5 * tb_random_unit(tb_random_mix(identity + 31));
        if (tb_random_unit(tb_random_mix(identity + 33)) < 0.08)
            covered = 0.6;
    }
    if (is_tilled(cover) && green < 0.2 && wet < 0.1) {
        double draw = tb_random_unit(tb_random_mix(today + 7));

        if (draw < 0.06) { /* ploughed */
            moist = 0.80;
            dry   = 0.0;
            green = 0.0;
        } else if (draw < 0.068 && season > 1.5 && season < 4.5) { /* film against the cold */
            covered = 0.5;
            dry     = 0.0;
        }
    }
    if (green > 0.95)
        green = 0.95;
    if (green + dry + wet > 0.98)
        dry = 0.98 - green - wet > 0 ? 0.98 - green - wet : 0.0;
    for (int b = 0; b < TB_SEASON_BANDS; b++) {
        double soil  = g->spectrum[b] / 1000.0 * moist;
        double mixed = (1.0 - green - dry - wet) * soil + green * g->leaf * leaf[b] +
                       dry * straw[b] + wet * water[b];

        look->base[b] = (float)((1.0 - covered) * mixed + covered * film[b]);
        /* Where it stands thin, the soil shows. */
        look->swing[b] =
            (float)(g->swing * ((soil - g->leaf * leaf[b]) * (green > 0.3 ? 0.9 : 0.3 + 2 * green) +
                                0.5 * look->base[b]));
    }
}

tb_look tb_season_look(tb_cover cover, uint64_t identity, int k)
{
    const ground *g     = &grounds[cover];
    double        shade = 1.0 + g->spread * bell(tb_random_mix(identity + 3));
    tb_look       look  = {.grain = g->grain, .stripes = g->stripes};

    if (cover <= TB_COVER_TURF) {
        grow(&look, cover, g, identity, k);
    } else {
        for (int b = 0; b < TB_SEASON_BANDS; b++) {
            look.base[b]  = g->spectrum[b] / 1000.0f;
            look.swing[b] = g->swing * look.base[b];
        }
    }
    for (int b = 0; b < TB_SEASON_BANDS; b++) {
        look.base[b] *= (float)shade;
        look.swing[b] *= (float)shade;
    }
    return look;
}

void tb_season_shadow(int k, double *right, double *down)
{
    /* Cotangent of the sun's height at half past ten, 37 degrees north, by month. */
    static const double lengths[MONTHS] = {1.75, 1.35, .95, .65, .48,  .42,
                                           .45,  .58,  .82, 1.2, 1.65, 1.9};
    double              length          = lengths[tb_date_of(k).month - 1];

    *right = -0.45 * length;
    *down  = -0.89 * length;
}

double tb_season_low_water(uint64_t seed, int k)
{
    static const uint8_t low[MONTHS] = {55, 60, 68, 80, 85, 60, 20, 5, 15, 30, 40, 50};

    return share_at(low, season_of(k)) + 0.08 * bell(tb_random_hash(seed, 23, (uint64_t)k));
}
