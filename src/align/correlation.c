#include "align/correlation.h"

#include <math.h>
#include <string.h>

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

/* The sum of products of rows i and j about their means. */
static double scatter(const tb_joint *sums, int i, int j)
{
    double product = sums->second[i > j ? tb_joint_index(i, j) : tb_joint_index(j, i)];

    return product - sums->first[i] * sums->first[j] / sums->count;
}

void tb_correlation_whole(tb_correlation *out, const tb_feature *features, int count, int64_t dx,
                          int64_t dy, const tb_kernels *kernels)
{
    enum { BEFORE, ZERO, SHIFT };
    double pixels = 0.0, bb = 0.0, zz = 0.0, ss = 0.0, bz = 0.0, bs = 0.0;

    for (int c = 0; c < count; c++) {
        const tb_feature  *f   = &features[c];
        const tb_joint_cut cut = {
            .centre = {f->before_centre, f->after_centre, f->after_centre, f->after_centre},
            .most   = INFINITY};
        tb_joint sums = {0};
        int64_t  x0 = most(0, -dx), x1 = least(f->width, f->width - dx);

        for (int64_t y = most(0, -dy); y < least(f->height, f->height - dy) && x0 < x1; y++) {
            const float *shift  = f->after + (y + dy) * f->width + x0 + dx;
            const float *row[4] = {f->before + y * f->width + x0, f->after + y * f->width + x0,
                                   shift, shift};

            kernels->joint_add(&sums, row, &cut, (size_t)(x1 - x0));
        }
        if (sums.count < 1.0)
            continue;
        pixels += sums.count;
        bb += scatter(&sums, BEFORE, BEFORE);
        zz += scatter(&sums, ZERO, ZERO);
        ss += scatter(&sums, SHIFT, SHIFT);
        bz += scatter(&sums, BEFORE, ZERO);
        bs += scatter(&sums, BEFORE, SHIFT);
    }
    *out = (tb_correlation){
        .at_zero = ratio(bz, bb, zz), .at_shift = ratio(bs, bb, ss), .pixels = pixels};
}

/* The four resampled planes, by date and side: minus is p - h, plus is p + h. */
enum { BEFORE_MINUS, BEFORE_PLUS, AFTER_MINUS, AFTER_PLUS, PLANES };

typedef struct tally {
    double pixels, tiles, rise, rise_squared, varied, at_shift, at_shift_squared;
    double square[PLANES];
    double shifted, plus, minus; /* products: across the shift, and without it on either side */
} tally;

static void add_tile(tally *t, float *const *planes, int64_t pixels, const tb_kernels *kernels)
{
    tb_joint_cut cut  = {.most = INFINITY};
    tb_joint     sums = {0};
    double       square[PLANES];

    for (int k = 0; k < PLANES; k++)
        cut.centre[k] = tb_feature_centre(planes[k], pixels);
    kernels->joint_add(&sums, (const float *const *)planes, &cut, (size_t)pixels);
    if (sums.count < TILE_PIXELS_LEAST)
        return;
    for (int k = 0; k < PLANES; k++)
        square[k] = scatter(&sums, k, k);

    double shifted = scatter(&sums, BEFORE_MINUS, AFTER_PLUS);
    double plus    = scatter(&sums, BEFORE_PLUS, AFTER_PLUS);
    double minus   = scatter(&sums, BEFORE_MINUS, AFTER_MINUS);

    double at_shift = ratio(shifted, square[BEFORE_MINUS], square[AFTER_PLUS]);
    double rise     = at_shift - (ratio(plus, square[BEFORE_PLUS], square[AFTER_PLUS]) +
                              ratio(minus, square[BEFORE_MINUS], square[AFTER_MINUS])) *
                                 0.5;

    t->pixels += sums.count;
    t->tiles += 1.0;
    t->rise += rise;
    t->rise_squared += rise * rise;
    t->varied += square[BEFORE_MINUS] > 0.0 && square[AFTER_PLUS] > 0.0;
    t->at_shift += at_shift;
    t->at_shift_squared += at_shift * at_shift;
    for (int k = 0; k < PLANES; k++)
        t->square[k] += square[k];
    t->shifted += shifted;
    t->plus += plus;
    t->minus += minus;
}

/* The standard error of a mean. */
static double error_of(double sum, double squares, double n)
{
    double variance = n > 1.0 ? (squares - sum * sum / n) / (n - 1.0) : 0.0;

    return variance > 0.0 ? sqrt(variance / n) : 0.0;
}

/* Both dates in a window, resampled at either side of z by half of what s is beyond it. */
static void fill_window(float *const *planes, const tb_feature *f, tb_rect window, double dx,
                        double dy, const double zero[2], float *scratch, const tb_kernels *kernels)
{
    for (int k = 0; k < PLANES; k++) {
        bool   is_before = k <= BEFORE_PLUS;
        double side      = k == BEFORE_MINUS || k == AFTER_MINUS ? -0.5 : 0.5;
        double base      = is_before ? -0.5 : 0.5;

        tb_shifted_fill(planes[k], is_before ? f->before : f->after, f->width, f->height, window,
                        base * zero[0] + side * (dx - zero[0]),
                        base * zero[1] + side * (dy - zero[1]), scratch, kernels);
    }
}

/* The pixels of a tile of a strip, beside each other. */
static void cut_out(float *const *tile, float *const *strip, int64_t x, int64_t columns,
                    tb_rect window)
{
    for (int k = 0; k < PLANES; k++)
        for (int64_t y = 0; y < window.height; y++)
            memcpy(tile[k] + y * columns, strip[k] + y * window.width + x,
                   (size_t)columns * sizeof **tile);
}

/* Room for the tiles of one strip of a cell. */
typedef struct strips {
    float *strip[PLANES], *tile[PLANES], *scratch, *storage;
} strips;

static tb_status strips_init(strips *s, const tb_feature *features, int count, tb_error *err)
{
    enum { PIXELS = TILE * TILE };
    tb_status status = TB_OK;
    int64_t   widest = TILE;

    for (int c = 0; c < count; c++)
        widest = most(widest, features[c].width);
    TB_TRY(tb_alloc(&s->storage,
                    PLANES * (PIXELS + TILE * (size_t)widest) + (size_t)tb_shifted_scratch(widest),
                    sizeof(float), "shifted tiles", err));
    for (int k = 0; k < PLANES; k++) {
        s->tile[k]  = s->storage + k * PIXELS;
        s->strip[k] = s->storage + PLANES * PIXELS + k * TILE * widest;
    }
    s->scratch = s->storage + PLANES * (PIXELS + TILE * widest);
done:
    return status;
}

/* Under one shift the rows of all tiles beside each other are resampled at once. */
static void add_strip(tally *t, const strips *s, const tb_feature *f, tb_rect window, double dx,
                      double dy, const double zero[2], const tb_kernels *kernels)
{
    fill_window(s->strip, f, window, dx, dy, zero, s->scratch, kernels);
    for (int64_t x = 0; x < window.width; x += TILE) {
        int64_t columns = least(TILE, window.width - x);

        cut_out(s->tile, s->strip, x, columns, window);
        add_tile(t, s->tile, columns * window.height, kernels);
    }
}

/* Under a field every tile has its own. */
static void add_strip_of_field(tally *t, const strips *s, const tb_feature *f, tb_rect window,
                               const tb_field *field, const double zero[2],
                               const tb_kernels *kernels)
{
    for (int64_t x = 0; x < window.width; x += TILE) {
        tb_rect tile = {x, window.y, least(TILE, window.width - x), window.height};
        double  dx, dy;

        tb_field_at(field, (double)(f->x + x + TILE / 2), (double)(f->y + window.y + TILE / 2), &dx,
                    &dy);
        fill_window(s->tile, f, tile, dx, dy, zero, s->scratch, kernels);
        add_tile(t, s->tile, tb_rect_area(tile), kernels);
    }
}

tb_status tb_correlation_fair(tb_correlation *out, const tb_feature *features, int count, double dx,
                              double dy, const tb_field *field, const double zero[2],
                              const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    strips    s      = {0};
    tally     t      = {0};

    TB_TRY(strips_init(&s, features, count, err));
    for (int c = 0; c < count; c++)
        for (int64_t y = 0; y < features[c].height; y += TILE) {
            const tb_feature *f      = &features[c];
            tb_rect           window = {0, y, f->width, least(TILE, f->height - y)};

            if (field != NULL)
                add_strip_of_field(&t, &s, f, window, field, zero, kernels);
            else
                add_strip(&t, &s, f, window, dx, dy, zero, kernels);
        }

    double plus  = ratio(t.plus, t.square[BEFORE_PLUS], t.square[AFTER_PLUS]);
    double minus = ratio(t.minus, t.square[BEFORE_MINUS], t.square[AFTER_MINUS]);
    double error = error_of(t.rise, t.rise_squared, t.tiles);

    *out = (tb_correlation){
        .at_zero      = plus > minus ? plus : minus,
        .at_shift     = ratio(t.shifted, t.square[BEFORE_MINUS], t.square[AFTER_PLUS]),
        .pixels       = t.pixels,
        .tiles        = t.varied,
        .error        = error_of(t.at_shift, t.at_shift_squared, t.varied),
        .significance = error > 0.0 ? t.rise / t.tiles / error : 0.0,
    };
    tb_free(s.storage);

done:
    return status;
}
