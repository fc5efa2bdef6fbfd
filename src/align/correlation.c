#include "align/correlation.h"

#include <math.h>

#include "align/shifted.h"
#include "core/memory.h"

enum { TILE = 32, TILE_PIXELS_LEAST = TILE * TILE / 4 };

static double ratio(double product, double square_a, double square_b)
{
    return square_a > 0.0 && square_b > 0.0 ? product / (sqrt(square_a) * sqrt(square_b)) : 0.0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void tb_correlation_whole(tb_correlation *out, const tb_feature *features, int count, int64_t dx,
                          int64_t dy)
{
    double pixels = 0.0, bb = 0.0, zz = 0.0, ss = 0.0, bz = 0.0, bs = 0.0;

    for (int c = 0; c < count; c++) {
        const tb_feature *f = &features[c];
        double            n = 0.0, b1 = 0.0, z1 = 0.0, s1 = 0.0;
        double            b2 = 0.0, z2 = 0.0, s2 = 0.0, z12 = 0.0, s12 = 0.0;
        int64_t           x0 = most(0, -dx), x1 = least(f->width, f->width - dx);

        for (int64_t y = most(0, -dy); y < least(f->height, f->height - dy); y++) {
            const float *before = f->before + y * f->width;
            const float *zero   = f->after + y * f->width;
            const float *shift  = f->after + (y + dy) * f->width;

            for (int64_t x = x0; x < x1; x++) {
                double b = before[x], z = zero[x], s = shift[x + dx];

                if (isnan(b + z + s))
                    continue;
                n += 1.0;
                b1 += b;
                z1 += z;
                s1 += s;
                b2 += b * b;
                z2 += z * z;
                s2 += s * s;
                z12 += b * z;
                s12 += b * s;
            }
        }
        if (n < 1.0)
            continue;
        pixels += n;
        bb += b2 - b1 * b1 / n;
        zz += z2 - z1 * z1 / n;
        ss += s2 - s1 * s1 / n;
        bz += z12 - b1 * z1 / n;
        bs += s12 - b1 * s1 / n;
    }
    *out = (tb_correlation){
        .at_zero = ratio(bz, bb, zz), .at_shift = ratio(bs, bb, ss), .pixels = pixels};
}

/* The four resampled planes, by date and side: minus is p - h, plus is p + h. */
enum { BEFORE_MINUS, BEFORE_PLUS, AFTER_MINUS, AFTER_PLUS, PLANES };

typedef struct tally {
    double pixels, tiles, rise, rise_squared;
    double square[PLANES];
    double shifted, plus, minus; /* products: across the shift, and without it on either side */
} tally;

static void add_tile(tally *t, float *const *planes, int64_t width, tb_rect tile)
{
    double n = 0.0, sum[PLANES] = {0}, square[PLANES] = {0};
    double shifted = 0.0, plus = 0.0, minus = 0.0;

    for (int64_t y = tile.y; y < tile.y + tile.height; y++)
        for (int64_t x = tile.x; x < tile.x + tile.width; x++) {
            double v[PLANES];

            for (int k = 0; k < PLANES; k++)
                v[k] = planes[k][y * width + x];
            if (isnan((v[0] + v[1]) + (v[2] + v[3])))
                continue;
            n += 1.0;
            for (int k = 0; k < PLANES; k++) {
                sum[k] += v[k];
                square[k] += v[k] * v[k];
            }
            shifted += v[BEFORE_MINUS] * v[AFTER_PLUS];
            plus += v[BEFORE_PLUS] * v[AFTER_PLUS];
            minus += v[BEFORE_MINUS] * v[AFTER_MINUS];
        }
    if (n < TILE_PIXELS_LEAST)
        return;
    for (int k = 0; k < PLANES; k++)
        square[k] -= sum[k] * sum[k] / n;
    shifted -= sum[BEFORE_MINUS] * sum[AFTER_PLUS] / n;
    plus -= sum[BEFORE_PLUS] * sum[AFTER_PLUS] / n;
    minus -= sum[BEFORE_MINUS] * sum[AFTER_MINUS] / n;

    double rise = ratio(shifted, square[BEFORE_MINUS], square[AFTER_PLUS]) -
                  (ratio(plus, square[BEFORE_PLUS], square[AFTER_PLUS]) +
                   ratio(minus, square[BEFORE_MINUS], square[AFTER_MINUS])) *
                      0.5;

    t->pixels += n;
    t->tiles += 1.0;
    t->rise += rise;
    t->rise_squared += rise * rise;
    for (int k = 0; k < PLANES; k++)
        t->square[k] += square[k];
    t->shifted += shifted;
    t->plus += plus;
    t->minus += minus;
}

tb_status tb_correlation_fair(tb_correlation *out, const tb_feature *features, int count, double dx,
                              double dy, tb_error *err)
{
    tb_status status        = TB_OK;
    float    *plane[PLANES] = {NULL};
    float    *scratch       = NULL;
    int64_t   pixels = 0, along = 0;
    tally     t = {0};

    for (int c = 0; c < count; c++) {
        pixels = most(pixels, features[c].width * features[c].height);
        along  = most(along, tb_shifted_scratch(features[c].width, features[c].height));
    }
    for (int k = 0; k < PLANES; k++)
        TB_TRY(tb_alloc(&plane[k], (size_t)pixels, sizeof(float), "a shifted cell", err));
    TB_TRY(tb_alloc(&scratch, (size_t)along, sizeof(float), "rows of a shifted cell", err));

    for (int c = 0; c < count; c++) {
        const tb_feature *f    = &features[c];
        tb_rect           cell = {0, 0, f->width, f->height};

        for (int k = 0; k < PLANES; k++) {
            double side = k == BEFORE_MINUS || k == AFTER_MINUS ? -0.5 : 0.5;

            tb_shifted_fill(plane[k], k <= BEFORE_PLUS ? f->before : f->after, f->width, f->height,
                            cell, side * dx, side * dy, scratch);
        }
        for (int64_t y = 0; y < f->height; y += TILE)
            for (int64_t x = 0; x < f->width; x += TILE)
                add_tile(&t, plane, f->width, tb_rect_intersect((tb_rect){x, y, TILE, TILE}, cell));
    }

    double mean     = t.tiles > 0.0 ? t.rise / t.tiles : 0.0;
    double variance = t.tiles > 1.0 ? (t.rise_squared - t.rise * mean) / (t.tiles - 1.0) : 0.0;
    double plus     = ratio(t.plus, t.square[BEFORE_PLUS], t.square[AFTER_PLUS]);
    double minus    = ratio(t.minus, t.square[BEFORE_MINUS], t.square[AFTER_MINUS]);

    *out = (tb_correlation){
        .at_zero      = plus > minus ? plus : minus,
        .at_shift     = ratio(t.shifted, t.square[BEFORE_MINUS], t.square[AFTER_PLUS]),
        .pixels       = t.pixels,
        .significance = variance > 0.0 ? mean / sqrt(variance / t.tiles) : 0.0,
    };

done:
    for (int k = 0; k < PLANES; k++)
        tb_free(plane[k]);
    tb_free(scratch);
    return status;
}
