#include "align/collect.h"

#include <math.h>
#include <string.h>

#include "align/coarse.h"
#include "core/memory.h"

enum { SIDE_LEAST = 64 /* pixels */, CELLS_WEIGHED = 4 };

static bool is_large(tb_rect cell)
{
    return cell.width >= SIDE_LEAST && cell.height >= SIDE_LEAST;
}

static int64_t widest_of(const tb_rect *cells, int count)
{
    int64_t widest = 0;

    for (int c = 0; c < count; c++)
        widest = cells[c].width > widest ? cells[c].width : widest;
    return widest;
}

static int64_t highest_of(const tb_rect *cells, int count)
{
    int64_t highest = 0;

    for (int c = 0; c < count; c++)
        highest = cells[c].height > highest ? cells[c].height : highest;
    return highest;
}

/* Bytes that such cells take of the arena. */
static size_t bytes_of(const tb_rect *cells, int count)
{
    size_t bytes = tb_coarse_bytes(widest_of(cells, count), highest_of(cells, count));

    for (int c = 0; c < count; c++)
        if (is_large(cells[c]))
            bytes += 2 * (size_t)tb_rect_area(cells[c]) * sizeof(float) + TB_ARENA_ROUND;
    return bytes + TB_ARENA_ROUND;
}

/* Where the features of the cells are to lie: in the arena. */
static void lay_out(tb_align *align, const tb_rect *cells, tb_arena *arena)
{
    for (int c = 0; c < align->cells; c++) {
        tb_rect cell   = cells[c];
        size_t  pixels = (size_t)tb_rect_area(cell);
        float  *planes = is_large(cell) ? tb_arena_take(arena, 2 * pixels * sizeof(float)) : NULL;

        align->feature[c] = (tb_feature){.x      = cell.x,
                                         .y      = cell.y,
                                         .width  = cell.width,
                                         .height = cell.height,
                                         .before = planes,
                                         .after  = planes != NULL ? planes + pixels : NULL};
    }
    align->fourier = tb_arena_take(
        arena, tb_coarse_bytes(widest_of(cells, align->cells), highest_of(cells, align->cells)));
}

tb_status tb_align_new(tb_align **out, int bands, const tb_rect *cells, int count, int workers,
                       tb_arena *arena, const tb_kernels *kernels, tb_error *err)
{
    tb_status status   = TB_OK;
    tb_align *align    = NULL;
    size_t    channels = 2 * (size_t)bands, looks = (size_t)count + 1;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&align, 1, sizeof *align, "registration", err));
    align->kernels   = kernels;
    align->bands     = bands;
    align->cells     = count;
    align->rows_each = channels * tb_feature_band_scratch(widest_of(cells, count));
    TB_TRY(tb_alloc_zero(&align->weights, channels, sizeof(double), "weights of bands", err));
    TB_TRY(tb_alloc_zero(&align->spread, 2 * channels, sizeof *align->spread, "weights of bands",
                         err));
    align->spread_before = align->spread + channels;
    TB_TRY(tb_alloc(&align->feature, looks, sizeof *align->feature, "cells to register on", err));
    TB_TRY(tb_alloc_zero(&align->look, looks, sizeof *align->look, "cells to register on", err));
    TB_TRY(tb_alloc(&align->first, looks * channels, sizeof(float), "cells to register on", err));
    TB_TRY(tb_alloc(&align->rows, (size_t)workers * align->rows_each, sizeof(float),
                    "smoothed rows", err));
    for (size_t c = 0; c < looks; c++)
        align->look[c].first = align->first + c * channels;
    TB_TRY(tb_arena_begin(arena, bytes_of(cells, count), "features to register on", err));
    lay_out(align, cells, arena);
    *out  = align;
    align = NULL;

done:
    tb_align_free(align);
    return status;
}

void tb_align_free(tb_align *align)
{
    if (align == NULL)
        return;
    tb_free(align->weights);
    tb_free(align->spread);
    tb_free(align->feature);
    tb_free(align->look);
    tb_free(align->first);
    tb_free(align->rows);
    tb_free(align);
}

static void begin_look(tb_align_look *look, int bands)
{
    look->valid     = 0;
    look->varies[0] = look->varies[1] = false;
    for (int k = 0; k < 2 * bands; k++)
        look->first[k] = NAN;
}

static bool does_vary(float *first, const float *row, int64_t n)
{
    for (int64_t x = 0; x < n; x++) {
        if (!isfinite(row[x]))
            continue;
        if (isnan(*first))
            *first = row[x];
        if (row[x] != *first)
            return true;
    }
    return false;
}

static void look_at(tb_align_look *look, const tb_align *align, const float *const *rows, int64_t n)
{
    look->valid += (int64_t)align->kernels->finite_count(rows[0], rows[align->bands], (size_t)n);
    for (int k = 0; k < 2 * align->bands; k++) {
        bool *varies = &look->varies[k / align->bands];

        *varies = *varies || does_vary(&look->first[k], rows[k], n);
    }
}

/* Of validity the first band speaks for all here: it is only a question of which cells are worth
 * their time. */
static bool is_usable(const tb_align_look *look, const tb_feature *f)
{
    return f->before != NULL && look->valid * 8 >= f->width * f->height && look->varies[0] &&
           look->varies[1];
}

int tb_align_to_weigh(const tb_align *align)
{
    return CELLS_WEIGHED - align->weighed;
}

void tb_align_weigh_row(tb_align *align, int cell, int64_t y, const float *const *rows)
{
    const tb_feature *f        = &align->feature[cell];
    const size_t      channels = 2 * (size_t)align->bands;
    tb_align_look    *look     = &align->look[align->cells];

    if (y == 0) {
        begin_look(look, align->bands);
        memcpy(align->spread_before, align->spread, channels * sizeof *align->spread);
    }
    look_at(look, align, rows, f->width);
    tb_feature_spread_add(align->spread, rows, (int)channels, f->width);
    if (y < f->height - 1)
        return;
    if (is_usable(look, f) && align->weighed < CELLS_WEIGHED)
        align->weighed++;
    else
        memcpy(align->spread, align->spread_before, channels * sizeof *align->spread);
}

void tb_align_weigh(tb_align *align)
{
    for (int k = 0; k < 2 * align->bands; k++)
        align->weights[k] = tb_feature_weight(&align->spread[k]);
}

void tb_align_take_row(tb_align *align, int worker, int cell, int64_t y, const float *const *rows)
{
    tb_align_look         *look  = &align->look[cell];
    const tb_feature_maker maker = {.feature = align->feature[cell],
                                    .weights = align->weights,
                                    .bands   = align->bands,
                                    .rows    = align->rows + (size_t)worker * align->rows_each,
                                    .kernels = align->kernels};

    if (maker.feature.before == NULL)
        return;
    if (y == 0)
        begin_look(look, align->bands);
    look_at(look, align, rows, maker.feature.width);
    tb_feature_take_row(&maker, y, rows);
}

void tb_align_finish(tb_align *align)
{
    for (int c = 0; c < align->cells; c++)
        if (is_usable(&align->look[c], &align->feature[c]))
            align->feature[align->count++] = align->feature[c];
    tb_feature_finish(align->feature, align->count, align->rows, align->kernels);
}

size_t tb_registration_bytes(int bands, int workers, const tb_rect *cells, int count)
{
    size_t rows = 2 * (size_t)bands * tb_feature_band_scratch(widest_of(cells, count));

    return bytes_of(cells, count) + (size_t)workers * rows * sizeof(float);
}
