#include "align/collect.h"

#include <math.h>

#include "core/memory.h"

enum { SIDE_LEAST = 64 /* pixels */, CELLS_AT_ONCE = 4 };

tb_status tb_align_new(tb_align **out, int bands, const tb_kernels *kernels, tb_error *err)
{
    tb_status status = TB_OK;
    tb_align *align  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&align, 1, sizeof *align, "registration", err));
    align->kernels = kernels;
    align->bands   = bands;
    TB_TRY(tb_alloc(&align->weights, 2 * (size_t)bands, sizeof(double), "weights of bands", err));
    TB_TRY(tb_alloc(&align->planes, 2 * (size_t)bands * TB_ALIGN_HELD, sizeof(float *),
                    "cells to register on", err));
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
    for (int c = 0; c < align->held_count; c++)
        tb_free(align->storage[c]);
    for (int i = 0; i < align->rooms; i++)
        tb_free(align->room[i].memory);
    tb_free(align->rows);
    tb_free(align->weights);
    tb_free(align->planes);
    tb_free(align);
}

bool tb_align_holds(const tb_align *align)
{
    return !align->is_weighed;
}

static bool is_constant(const tb_align_cell *cell, const float *const *planes, int bands)
{
    for (int b = 0; b < bands; b++) {
        const float *plane  = planes[b];
        int64_t      pixels = cell->width * cell->height, first = 0;

        while (first < pixels && !isfinite(plane[first]))
            first++;
        for (int64_t i = first; i < pixels; i++)
            if (isfinite(plane[i]) && plane[i] != plane[first])
                return false;
    }
    return true;
}

/* Of validity the first band speaks for all here: it is only a question of which cells are worth
 * their time. */
static bool is_usable(const tb_align_cell *cell, int bands)
{
    int64_t pixels = cell->width * cell->height, valid = 0;

    if (cell->width < SIDE_LEAST || cell->height < SIDE_LEAST)
        return false;
    for (int64_t i = 0; i < pixels; i++)
        valid += isfinite(cell->before[0][i]) && isfinite(cell->after[0][i]);
    return valid * 8 >= pixels && !is_constant(cell, cell->before, bands) &&
           !is_constant(cell, cell->after, bands);
}

static void add_room(tb_align *align, float *memory, size_t floats)
{
    align->room[align->rooms++] = (tb_align_room){memory, floats, 0};
}

/* Memory that stays: where there is room left, else new for some cells at once, so that its pages
 * are large. */
static tb_status take_room(tb_align *align, float **out, size_t floats, tb_error *err)
{
    tb_status status = TB_OK;
    float    *memory;
    int       i = 0;

    while (i < align->rooms && align->room[i].floats - align->room[i].taken < floats)
        i++;
    if (i == align->rooms) {
        TB_TRY(tb_alloc(&memory, CELLS_AT_ONCE * floats, sizeof *memory, "features to register on",
                        err));
        add_room(align, memory, CELLS_AT_ONCE * floats);
    }
    *out = align->room[i].memory + align->room[i].taken;
    align->room[i].taken += floats;

done:
    return status;
}

static tb_status make(tb_align *align, const tb_align_cell *cell, tb_error *err)
{
    tb_status status = TB_OK;
    float    *planes;

    if (cell->width > align->widest) {
        TB_TRY(tb_grow(&align->rows, tb_feature_scratch(cell->width), sizeof(float),
                       "smoothed rows", err));
        align->widest = cell->width;
    }
    TB_TRY(take_room(align, &planes, 2 * (size_t)(cell->width * cell->height), err));
    tb_feature_make(&align->feature[align->count++], cell, align->weights, align->bands, planes,
                    align->rows, align->kernels);

done:
    return status;
}

static void hold(tb_align *align, const tb_align_cell *cell, float *storage)
{
    const size_t  bands  = (size_t)align->bands;
    const float **planes = align->planes + 2 * bands * (size_t)align->held_count;

    for (size_t b = 0; b < bands; b++) {
        planes[b]         = cell->before[b];
        planes[bands + b] = cell->after[b];
    }
    align->held[align->held_count]        = *cell;
    align->held[align->held_count].before = planes;
    align->held[align->held_count].after  = planes + bands;
    align->storage[align->held_count++]   = storage;
}

/* Makes features of what is held, each in the memory of those before it. */
static tb_status weigh(tb_align *align, tb_error *err)
{
    tb_status status = TB_OK;

    tb_feature_weigh(align->weights, align->held, align->held_count, align->bands);
    align->is_weighed = true;
    for (int c = 0; c < align->held_count; c++) {
        const tb_align_cell *cell = &align->held[c];

        TB_TRY(make(align, cell, err));
        add_room(align, align->storage[c],
                 2 * (size_t)align->bands * (size_t)(cell->width * cell->height));
        align->storage[c] = NULL;
    }
    align->held_count = 0;

done:
    return status;
}

tb_status tb_align_add(tb_align *align, const tb_align_cell *cell, float *storage, tb_error *err)
{
    if (align->count == TB_ALIGN_CELLS || !is_usable(cell, align->bands)) {
        tb_free(storage);
        return TB_OK;
    }
    if (align->is_weighed) {
        tb_free(storage);
        return make(align, cell, err);
    }
    hold(align, cell, storage);
    return align->held_count == TB_ALIGN_HELD ? weigh(align, err) : TB_OK;
}

tb_status tb_align_finish(tb_align *align, tb_error *err)
{
    tb_status status = TB_OK;

    if (!align->is_weighed && align->held_count > 0)
        TB_TRY(weigh(align, err));
    tb_feature_finish(align->feature, align->count, align->rows, align->kernels);

done:
    return status;
}

size_t tb_registration_bytes(int bands, int cells, int64_t pixels)
{
    size_t held    = (size_t)(cells < TB_ALIGN_HELD ? cells : TB_ALIGN_HELD);
    size_t feature = 2 * sizeof(float);
    size_t fourier =
        5 * sizeof(double); /* a plane, three half spectra, and up to a size FFTW likes */

    return (size_t)pixels * (held * 2 * (size_t)bands * sizeof(float) +
                             (size_t)(cells + CELLS_AT_ONCE - 1) * feature + fourier);
}
