#include "detect/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rank.h"

const double TB_SCREEN_CLOUD_LEAST = 0.02;

/*
 * In widths of the distribution of a band (set_widths), and in pixels: docs/observed.md says on
 * what they were chosen. The other date of a cloud does not reach FAINTER of the bound in all
 * bands.
 */
static const double FIND = 7.4, CLEAN = 5.6, BRIGHT = 2.5, FAINTER = 0.6, DIM = 0.8;
static const double RIM = 0.8, SHADE = 0.7;
enum {
    FIND_RADIUS   = 8,
    CLEAN_MARGIN  = 12,
    CLOUD_RADIUS  = 5,  /* a cloud holds a square of 11 pixels */
    REACH         = 24, /* how far from it its rim is looked for */
    RIM_RADIUS    = 2,
    SHADOW_RADIUS = 3,
    MARGIN        = 5, /* around all of it */
};
_Static_assert(2 * CLOUD_RADIUS + REACH + 2 * RIM_RADIUS + MARGIN <= TB_SCREEN_HALO,
               "a pixel's screen must not depend on what lies beyond the halo");
_Static_assert(2 * FIND_RADIUS <= TB_SCREEN_HALO, "nor must the first look");

enum { LOOKED_AT = 65536 };

/* Bits of a pixel by itself. */
enum { IS_BRIGHT = 1, IS_OTHER = 2, IS_DARK = 4 };

/* ---- learning ---- */

static int64_t step_of(int64_t count)
{
    return (count + LOOKED_AT - 1) / LOOKED_AT;
}

/* While clouds take the upper ranks, clear ground is looked for in the lower ones. */
static void set_widths(tb_screen *screen, int date, int b, float *values, int64_t n)
{
    bool    is_clear = screen->look == TB_SCREEN_ALL;
    int64_t at = n * (is_clear ? 50 : 42) / 100, low = n * (is_clear ? 16 : 22) / 100;
    int64_t high   = n * 84 / 100;
    double  middle = (double)tb_rank_select(values, n, at);

    screen->middle[date][b] = middle;
    screen->low[date][b]    = middle - (double)tb_rank_select(values, low < at ? at : n, low);
    screen->high[date][b]   = (double)tb_rank_select(values + at, n - at, high - at) - middle;
}

tb_status tb_screen_learn(tb_screen *screen, const float *const *before, const float *const *after,
                          int bands, int64_t count, tb_error *err)
{
    tb_status status = TB_OK;
    float    *values = NULL;
    int64_t   step   = step_of(count);

    TB_TRY(tb_alloc(&values, LOOKED_AT, sizeof *values, "sample", err));
    for (int k = 0; k < 2 * bands && count > 0; k++) {
        const float *from = k < bands ? before[k] : after[k - bands];
        int64_t      n    = 0;

        for (int64_t i = 0; i < count; i += step)
            values[n++] = from[i];
        set_widths(screen, k / bands, k % bands, values, n);
    }
done:
    tb_free(values);
    return status;
}

/* ---- one pixel ---- */

/* A stratum's bounds, as they are compared. A band of hardly more than one value says nothing. */
typedef struct bounds {
    int            bands;
    int            band[TB_BANDS_MAX];
    float          bright[2][TB_BANDS_MAX], faint[2][TB_BANDS_MAX], dim[2][TB_BANDS_MAX];
    float          middle[2][TB_BANDS_MAX], by_width[2][TB_BANDS_MAX];
    tb_screen_look look;
} bounds;

static bounds bounds_of(const tb_screen *s, int bands)
{
    bounds of    = {.look = s->look};
    double above = s->look == TB_SCREEN_FIND ? FIND : s->look == TB_SCREEN_CLEAN ? CLEAN : BRIGHT;

    for (int b = 0; b < bands; b++) {
        int k = of.bands;

        if (!(s->low[0][b] > 0.0 && s->low[1][b] > 0.0 && s->high[0][b] > 0.0 &&
              s->high[1][b] > 0.0))
            continue;
        of.band[of.bands++] = b;
        for (int d = 0; d < 2; d++) {
            double middle = s->middle[d][b], low = s->low[d][b], high = s->high[d][b];

            double width = s->look == TB_SCREEN_ALL ? high : low;

            of.bright[d][k]   = (float)(middle + above * width);
            of.faint[d][k]    = (float)(middle + FAINTER * above * width);
            of.dim[d][k]      = (float)(middle - DIM * low);
            of.middle[d][k]   = (float)middle;
            of.by_width[d][k] = (float)(2.0 / (low + high));
        }
    }
    return of;
}

/* What is bright in all bands of one date and faint in one of the other: a cloud for certain. */
static bool is_certain(const bounds *of, const float *const *bright, const float *const *faint,
                       int date, size_t i)
{
    bool is_faint = false;

    for (int k = 0; k < of->bands; k++) {
        if (!(bright[of->band[k]][i] >= of->bright[date][k]))
            return false;
        is_faint = is_faint || !(faint[of->band[k]][i] >= of->faint[1 - date][k]);
    }
    return is_faint;
}

static int bits_of(const bounds *of, const float *const *before, const float *const *after,
                   size_t i)
{
    bool bright[2] = {true, true}, faint[2] = {true, true}, dim[2] = {true, true};
    bool rises = true, falls = true, lights = true, shades = true, is_cloud;

    if (of->look == TB_SCREEN_FIND)
        return is_certain(of, before, after, 0, i) || is_certain(of, after, before, 1, i)
                   ? IS_BRIGHT
                   : 0;
    for (int k = 0; k < of->bands; k++) {
        float x = before[of->band[k]][i], y = after[of->band[k]][i];
        float difference = (y - of->middle[1][k]) * of->by_width[1][k] -
                           (x - of->middle[0][k]) * of->by_width[0][k];

        bright[0] = bright[0] && x >= of->bright[0][k];
        bright[1] = bright[1] && y >= of->bright[1][k];
        faint[0]  = faint[0] && x >= of->faint[0][k];
        faint[1]  = faint[1] && y >= of->faint[1][k];
        dim[0]    = dim[0] && x <= of->dim[0][k];
        dim[1]    = dim[1] && y <= of->dim[1][k];
        rises     = rises && difference >= (float)RIM;
        falls     = falls && difference <= -(float)RIM;
        lights    = lights && difference >= (float)SHADE;
        shades    = shades && difference <= -(float)SHADE;
    }
    if (of->bands == 0)
        return 0;
    is_cloud = (bright[0] && !faint[1]) || (bright[1] && !faint[0]);
    is_cloud = is_cloud || (bright[0] && bright[1]);
    return (is_cloud ? IS_BRIGHT : 0) | (rises || falls ? IS_OTHER : 0) |
           ((shades && dim[1]) || (lights && dim[0]) ? IS_DARK : 0);
}

double tb_screen_bright_share(const tb_screen *screen, const float *const *before,
                              const float *const *after, int bands, int64_t count)
{
    bounds  of   = bounds_of(screen, bands);
    int64_t step = step_of(count), bright = 0, n = 0;

    for (int64_t i = 0; i < count; i += step, n++)
        bright += (bits_of(&of, before, after, (size_t)i) & IS_BRIGHT) != 0;
    return n > 0 ? (double)bright / (double)n : 0.0;
}

/* ---- areas ---- */

/* A block's planes of bytes, 0 or 1. */
typedef struct area {
    int64_t  columns, rows;
    uint8_t *scratch;
    int32_t *sum; /* one a column */
} area;

/* Whether the box of `radius` around a pixel is full (else: holds anything), along a row. */
static void along(uint8_t *dst, const uint8_t *src, int64_t n, int radius, bool is_full)
{
    int64_t count = 0, wanted = is_full ? 2 * radius + 1 : 1;

    for (int64_t x = 0; x < radius && x < n; x++)
        count += src[x];
    for (int64_t x = 0; x < n; x++) {
        count += x + radius < n ? src[x + radius] : 0;
        count -= x - radius - 1 >= 0 ? src[x - radius - 1] : 0;
        dst[x] = count >= wanted;
    }
}

/* The same in both directions, in place. What lies outside of the block holds nothing. */
static void box(const area *of, uint8_t *plane, int radius, bool is_full)
{
    int32_t wanted = is_full ? 2 * radius + 1 : 1;

    for (int64_t y = 0; y < of->rows; y++)
        along(of->scratch + y * of->columns, plane + y * of->columns, of->columns, radius, is_full);
    memset(of->sum, 0, (size_t)of->columns * sizeof *of->sum);
    for (int64_t y = -radius; y < of->rows; y++) {
        const uint8_t *in = y + radius < of->rows ? of->scratch + (y + radius) * of->columns : NULL;
        const uint8_t *out =
            y - radius - 1 >= 0 ? of->scratch + (y - radius - 1) * of->columns : NULL;

        for (int64_t x = 0; x < of->columns; x++) {
            of->sum[x] += (in != NULL ? in[x] : 0) - (out != NULL ? out[x] : 0);
            if (y >= 0)
                plane[y * of->columns + x] = of->sum[x] >= wanted;
        }
    }
}

/* What of the plane lies in a square of 2 radius + 1 pixels that is full. */
static void open_up(const area *of, uint8_t *plane, int radius)
{
    box(of, plane, radius, true);
    box(of, plane, radius, false);
}

static void take_bit(uint8_t *plane, const uint8_t *bits, int bit, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        plane[i] = (bits[i] & bit) != 0;
}

static void join(uint8_t *plane, const uint8_t *other, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        plane[i] |= other[i];
}

/* ---- a block ---- */

void tb_screen_buffers_reset(tb_screen_buffers *buffers)
{
    tb_free(buffers->storage);
    *buffers = (tb_screen_buffers){0};
}

static void fill_bits(uint8_t *bits, const tb_pair_block *block, int bands,
                      const tb_screen *const *screen)
{
    size_t  pixels = (size_t)tb_rect_area(block->rect);
    int16_t held   = -1;
    bounds  of     = {0};

    for (size_t i = 0; i < pixels; i++) {
        int16_t stratum = block->stratum[i];

        bits[i] = 0;
        if (stratum < 0 || screen[stratum] == NULL || !screen[stratum]->is_used)
            continue;
        if (stratum != held)
            of = bounds_of(screen[stratum], bands);
        held    = stratum;
        bits[i] = (uint8_t)bits_of(&of, (const float *const *)block->before,
                                   (const float *const *)block->after, i);
    }
}

/* All strata of a block are looked at in one way. */
static tb_screen_look look_of(const tb_pair_block *block, const tb_screen *const *screen)
{
    size_t pixels = (size_t)tb_rect_area(block->rect);

    for (size_t i = 0; i < pixels; i++)
        if (block->stratum[i] >= 0 && screen[block->stratum[i]] != NULL &&
            screen[block->stratum[i]]->is_used)
            return screen[block->stratum[i]]->look;
    return TB_SCREEN_ALL;
}

tb_status tb_screen_apply(tb_screen_buffers *buffers, tb_pair_block *block, int bands,
                          const tb_screen *const *screen, tb_error *err)
{
    tb_status      status  = TB_OK;
    size_t         pixels  = (size_t)tb_rect_area(block->rect);
    size_t         columns = (size_t)block->rect.width;
    size_t         needed  = 4 * pixels + columns * sizeof(int32_t);
    tb_screen_look look    = look_of(block, screen);
    uint8_t       *bits, *cloud, *other;
    area           of;

    if (needed > buffers->capacity) {
        tb_screen_buffers_reset(buffers);
        TB_TRY(tb_alloc(&buffers->storage, needed, 1, "screen", err));
        buffers->capacity = needed;
    }
    of         = (area){.columns = block->rect.width,
                        .rows    = block->rect.height,
                        .sum     = (int32_t *)(void *)buffers->storage};
    bits       = buffers->storage + columns * sizeof(int32_t);
    cloud      = bits + pixels;
    other      = cloud + pixels;
    of.scratch = other + pixels;
    fill_bits(bits, block, bands, screen);
    take_bit(cloud, bits, IS_BRIGHT, pixels);
    open_up(&of, cloud, look == TB_SCREEN_FIND ? FIND_RADIUS : CLOUD_RADIUS);
    if (look == TB_SCREEN_CLEAN)
        box(&of, cloud, CLEAN_MARGIN, false);
    if (look == TB_SCREEN_ALL) {
        memcpy(other, cloud, pixels);
        box(&of, other, REACH, false);
        for (size_t i = 0; i < pixels; i++)
            other[i] = other[i] && (bits[i] & IS_OTHER);
        open_up(&of, other, RIM_RADIUS);
        join(cloud, other, pixels);
        take_bit(other, bits, IS_DARK, pixels);
        open_up(&of, other, SHADOW_RADIUS);
        join(cloud, other, pixels);
        box(&of, cloud, MARGIN, false);
    }
    for (size_t i = 0; i < pixels; i++)
        if (cloud[i] && block->stratum[i] >= 0 && screen[block->stratum[i]] != NULL &&
            screen[block->stratum[i]]->is_used)
            block->stratum[i] = -1;
    tb_pair_block_crop(block, bands, TB_SCREEN_HALO);
done:
    return status;
}
