#include "model/register.h"

#include <math.h>
#include <stdio.h>

#include "align/registration.h"
#include "model/sample.h"

enum {
    CELLS = 16,
    RIM   = 8 /* pixels of a cell whose taps would decode the tiles around it */
};

/* Cells of one later file for the registration, with what other files gave made missing. */
typedef struct align_cells {
    tb_align *align;
    int       file, bands;
    bool      has_others;
} align_cells;

/* A worker's way to them. */
typedef struct align_rows {
    const align_cells *cells;
    int                worker;
    float             *after; /* [bands][TB_SAMPLE_CELL] without what other files gave */
} align_rows;

/* The rows of both dates' bands that begin at `at` of a block. */
static void rows_at(const float **rows, const align_rows *r, const tb_pair_block *block, int64_t at)
{
    const int16_t *file  = block->after_file + at;
    const int      bands = r->cells->bands;

    for (int b = 0; b < bands; b++) {
        float *own = r->after + (int64_t)b * TB_SAMPLE_CELL;

        rows[b]         = block->before[b] + at;
        rows[bands + b] = block->after[b] + at;
        if (!r->cells->has_others)
            continue;
        for (int64_t x = 0; x < block->rect.width; x++)
            own[x] = file[x] == r->cells->file ? rows[bands + b][x] : NAN;
        rows[bands + b] = own;
    }
}

static void take_align(void *context, const tb_gather_row *row)
{
    const align_rows *r = context;
    const float      *rows[2 * TB_BANDS_MAX];

    rows_at(rows, r, row->block, row->at);
    tb_align_take_row(r->cells->align, r->worker, (int)row->cell, row->y, rows);
}

/* Strips of cells from `first` on, on their way to weigh the bands. */
typedef struct strips {
    align_rows     rows;
    const tb_rect *cell;
    int            first;
} strips;

static tb_status weigh_strip(void *context, tb_pair_block *block, const tb_scores *scores,
                             tb_error *err)
{
    strips      *s = context;
    const float *rows[2 * TB_BANDS_MAX];
    int64_t      top = block->rect.y - s->cell[s->first].y;

    (void)scores;
    (void)err;
    for (int64_t y = 0; y < block->rect.height; y++) {
        rows_at(rows, &s->rows, block, y * block->rect.width);
        tb_align_weigh_row(s->rows.cells->align, s->first, top + y, rows);
    }
    if (top + block->rect.height == s->cell[s->first].height)
        s->first++;
    return TB_OK;
}

/*
 * Weighs the bands by the first cells that are of use. Sums are made in the order of the pixels:
 * workers read strips, so that nobody waits long for their turn.
 */
static tb_status weigh(align_rows *rows, tb_gather *gather, const tb_sample *sample, tb_error *err)
{
    enum { STRIP = 64, STRIPS = (TB_SAMPLE_CELL + STRIP - 1) / STRIP };
    tb_status status = TB_OK;
    strips    s      = {.rows = *rows, .cell = sample->cell};
    int       wanted;

    while ((wanted = tb_align_to_weigh(rows->cells->align)) > 0 && s.first < sample->count) {
        tb_rect strip[CELLS * STRIPS];
        int     count = 0;

        for (int c = s.first; c < sample->count && c < s.first + wanted; c++)
            for (int64_t y = 0; y < sample->cell[c].height; y += STRIP, count++) {
                strip[count] = sample->cell[c];
                strip[count].y += y;
                strip[count].height =
                    sample->cell[c].height - y < STRIP ? sample->cell[c].height - y : STRIP;
            }
        TB_TRY(tb_gather_read(gather, strip, count, weigh_strip, &s, err));
    }
    tb_align_weigh(rows->cells->align);
done:
    return status;
}

static tb_status collect(align_cells *cells, tb_gather *gather, const tb_sample *sample,
                         const tb_engine *engine, tb_error *err)
{
    tb_status   status  = TB_OK;
    align_rows *rows    = NULL;
    void      **context = NULL;
    float      *after   = NULL;
    size_t      workers = (size_t)engine->workers;
    size_t      each    = (size_t)cells->bands * TB_SAMPLE_CELL;

    TB_TRY(tb_alloc_zero(&rows, workers, sizeof *rows, "workers", err));
    TB_TRY(tb_alloc(&context, workers, sizeof *context, "workers", err));
    TB_TRY(tb_alloc(&after, workers * each, sizeof *after, "workers", err));
    for (size_t w = 0; w < workers; w++) {
        rows[w]    = (align_rows){cells, (int)w, after + w * each};
        context[w] = &rows[w];
    }
    TB_TRY(weigh(&rows[0], gather, sample, err));
    TB_TRY(
        tb_gather_rows(gather, sample->cell, sample->count, NULL, NULL, take_align, context, err));
done:
    tb_free(rows);
    tb_free(context);
    tb_free(after);
    return status;
}

static double rounded_shift(double shift)
{
    return floor(shift * 1e4 + 0.5) / 1e4;
}

tb_status tb_register_file(tb_model *model, int file, const tb_pair *pair, tb_gather *gather,
                           tb_arena *arena, const tb_engine *engine, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_model_file *out    = &model->file[file];
    tb_sample      sample = {0};
    align_cells    cells  = {
            .file = file, .bands = model->bands, .has_others = tb_epoch_files(pair->after) > 1};
    tb_registration found;

    TB_TRY(tb_sample_list(&sample, &pair->lattice, tb_epoch_footprint(pair->after, file), err));
    if (sample.count > CELLS) {
        sample.count = CELLS;
        for (int64_t i = 0; i < sample.count; i++)
            if (sample.cell[i].width == TB_SAMPLE_CELL && sample.cell[i].height == TB_SAMPLE_CELL)
                sample.cell[i] = tb_rect_grow(sample.cell[i], -RIM);
    }
    TB_TRY(tb_align_new(&cells.align, model->bands, sample.cell, (int)sample.count, engine->workers,
                        arena, engine->kernels, err));
    TB_TRY(collect(&cells, gather, &sample, engine, err));
    TB_TRY(tb_registration_fit(cells.align, tb_epoch_footprint(pair->after, file), &found, err));
    if (found.is_other_ground) {
        status = tb_error_set(
            err, TB_E_INPUT,
            "register %s: expected the ground of the earlier image, got gradients that correlate "
            "by %.3f (standard error %.3f) at best, at a shift of %+.1f, %+.1f pixels",
            tb_epoch_file(pair->after, file)->path, found.best_correlation, found.best_error,
            found.best_dx, found.best_dy);
        tb_error_hint(err, "look at both images and at their CRS and corners; if they do show the "
                           "same place, go on without registration: --register off");
        goto done;
    }
    *out =
        (tb_model_file){.dx                 = rounded_shift(found.dx),
                        .dy                 = rounded_shift(found.dy),
                        .residual_px        = found.residual_px,
                        .correlation_before = found.correlation_at_zero,
                        .correlation_after  = found.correlation_at_shift,
                        .windows            = found.windows,
                        .accepted           = found.accepted,
                        .applied            = found.applied,
                        .field              = found.field,
                        .field_correlation  = {found.correlation_of_shift, found.field_correlation},
                        .field_held_out     = {found.held_out[0], found.held_out[1]}};
    for (int i = 0; i < found.field.columns * found.field.rows; i++) {
        out->field.dx[i] = rounded_shift(found.field.dx[i]);
        out->field.dy[i] = rounded_shift(found.field.dy[i]);
    }
    snprintf(out->reason, sizeof out->reason, "%s", found.reason);
done:
    tb_align_free(cells.align);
    tb_sample_reset(&sample);
    return status;
}

size_t tb_register_bytes(int bands, int workers)
{
    tb_rect cell[CELLS];

    for (int c = 0; c < CELLS; c++)
        cell[c] = (tb_rect){0, 0, TB_SAMPLE_CELL, TB_SAMPLE_CELL};
    return tb_registration_bytes(bands, workers, cell, CELLS);
}
