#include "model/drawn.h"

#include <string.h>

#include "core/memory.h"

enum { CELLS_AT_ONCE = 16 }; /* read before it is asked again whether enough is valid */

static const double  BATCH        = 2 << 20;          /* pixels that room is made for at once */
static const int64_t WANTED_VALID = (int64_t)1 << 19; /* of a stratum, where it has them */

void tb_drawn_reset(tb_drawn *pixels)
{
    tb_free(pixels->border);
    *pixels = (tb_drawn){0};
}

/* The stratum's pixels beside those of others, of a row and between it and the one above (NULL:
 * none): counted from either side. */
static void count_borders(int64_t *border, int stratum, const int16_t *row, const int16_t *above,
                          int64_t width)
{
    for (int64_t x = 0; x < width; x++) {
        if (row[x] == stratum && x > 0 && row[x - 1] >= 0)
            border[row[x - 1]]++;
        if (row[x] == stratum && x + 1 < width && row[x + 1] >= 0)
            border[row[x + 1]]++;
        if (above != NULL && row[x] == stratum && above[x] >= 0)
            border[above[x]]++;
        if (above != NULL && above[x] == stratum && row[x] >= 0)
            border[row[x]]++;
    }
}

/* Planes of the bands of both dates and two that are spare, each of whole lines of the cache. */
static size_t planes_bytes(int bands, int64_t capacity)
{
    return (2 * (size_t)bands + 2) * (size_t)capacity * sizeof(float);
}

static int64_t rounded(int64_t pixels)
{
    return (pixels + 15) / 16 * 16;
}

/* Some more than are to be drawn, as chance may have it. */
static int64_t and_some(int64_t pixels)
{
    return rounded(pixels + pixels / 64);
}

size_t tb_drawn_bytes(int bands, int64_t pixels)
{
    return planes_bytes(bands, and_some(pixels));
}

/* Moves the pixels there are to other memory, in which there is room for more. */
static void move_to(tb_drawn *pixels, unsigned char *base, int64_t capacity)
{
    size_t held = (size_t)pixels->count * sizeof(float);
    float *to   = (float *)(void *)base;

    for (int k = 0; k < 2 * pixels->bands; k++, to += capacity) {
        float **plane = k < pixels->bands ? &pixels->before[k] : &pixels->after[k - pixels->bands];

        if (held > 0)
            memcpy(to, *plane, held);
        *plane = to;
    }
    pixels->spare[0] = to;
    pixels->spare[1] = to + capacity;
    pixels->capacity = capacity;
}

/* Room for `most` pixels at once: memory that grows is copied, and given anew. */
static tb_status reserve(tb_drawn *pixels, int64_t most, tb_error *err)
{
    tb_status status = TB_OK;
    tb_arena  wider  = {0};

    if (most <= pixels->capacity)
        return TB_OK;
    most = rounded(most);
    if (pixels->count == 0) {
        TB_TRY(tb_arena_begin(pixels->arena, planes_bytes(pixels->bands, most), "sample", err));
        move_to(pixels, pixels->arena->base, most);
    } else {
        TB_TRY(tb_arena_begin(&wider, planes_bytes(pixels->bands, most), "sample", err));
        move_to(pixels, wider.base, most);
        tb_arena_reset(pixels->arena);
        *pixels->arena = wider;
    }
done:
    return status;
}

/* Cells that are read at once: each has its place, so that workers need not wait for their turn. */
typedef struct batch {
    const tb_drawn   *pixels;
    const tb_kernels *kernels;
    int64_t          *place;  /* [cells], of a cell's first pixel */
    int64_t          *taken;  /* [cells], valid ones of those that are drawn */
    int64_t          *border; /* [cells][strata] */
} batch;

/* A worker at a cell. */
typedef struct taker {
    const batch   *of;
    tb_sample_rows rows;
    int32_t        valid[TB_SAMPLE_CELL]; /* columns of those that are drawn */
} taker;

static int take_valid(taker *t, const int16_t *stratum, int64_t y)
{
    int drawn = tb_sample_rows_draw(&t->rows, y), count = 0;

    for (int k = 0; k < drawn; k++) {
        t->valid[count] = t->rows.drawn[k];
        count += stratum[t->rows.drawn[k]] == t->of->pixels->stratum;
    }
    return count;
}

static void take_band(float *to, const float *row, const int32_t *column, int count)
{
    for (int k = 0; k < count; k++)
        to[k] = row[column[k]];
}

static void take_row(void *context, const tb_gather_row *row)
{
    taker          *t       = context;
    const tb_drawn *pixels  = t->of->pixels;
    const int16_t  *stratum = row->block->stratum;
    int64_t        *taken = &t->of->taken[row->cell], to = t->of->place[row->cell] + *taken;
    int             count;

    if (row->y == 0)
        tb_sample_rows_init(&t->rows, pixels->sample, row->rect.x, row->rect.width, t->of->kernels);
    count = take_valid(t, stratum + row->at, row->rect.y + row->y);
    for (int b = 0; b < pixels->bands; b++) {
        take_band(pixels->before[b] + to, row->block->before[b] + row->at, t->valid, count);
        take_band(pixels->after[b] + to, row->block->after[b] + row->at, t->valid, count);
    }
    *taken += count;
    if (pixels->strata > 1)
        count_borders(t->of->border + row->cell * pixels->strata, pixels->stratum,
                      stratum + row->at, row->y > 0 ? stratum + row->above : NULL, row->rect.width);
}

/* What a cell has fewer valid pixels than drawn ones is closed up, in the order of the cells. */
static void close_up(tb_drawn *pixels, const batch *it, int64_t cells)
{
    for (int64_t c = 0; c < cells; c++) {
        size_t bytes = (size_t)it->taken[c] * sizeof(float);

        for (int b = 0; b < pixels->bands && it->place[c] != pixels->count; b++) {
            float *before = pixels->before[b], *after = pixels->after[b];

            memmove(before + pixels->count, before + it->place[c], bytes);
            memmove(after + pixels->count, after + it->place[c], bytes);
        }
        pixels->count += it->taken[c];
        for (int s = 0; s < pixels->strata; s++)
            pixels->border[s] += it->border[c * pixels->strata + s];
    }
}

/* Adds what is drawn of the cells. */
static tb_status take_batch(tb_drawn *pixels, tb_gather *gather, const tb_rect *cells,
                            int64_t count, const tb_engine *engine, tb_error *err)
{
    tb_status status  = TB_OK;
    batch     it      = {.pixels = pixels, .kernels = engine->kernels};
    taker    *takers  = NULL;
    void    **context = NULL;
    int64_t   end     = pixels->count;

    TB_TRY(tb_alloc(&it.place, (size_t)count, sizeof *it.place, "sample", err));
    TB_TRY(tb_alloc_zero(&it.taken, (size_t)count, sizeof *it.taken, "sample", err));
    TB_TRY(tb_alloc_zero(&it.border, (size_t)count * (size_t)pixels->strata, sizeof *it.border,
                         "strata", err));
    TB_TRY(tb_alloc(&takers, (size_t)engine->workers, sizeof *takers, "workers", err));
    TB_TRY(tb_alloc(&context, (size_t)engine->workers, sizeof *context, "workers", err));
    for (int w = 0; w < engine->workers; w++) {
        takers[w].of = &it;
        context[w]   = &takers[w];
    }
    for (int64_t c = 0; c < count; c++) {
        it.place[c] = end;
        end += tb_sample_count(pixels->sample, cells[c], engine->kernels);
    }
    if (end > pixels->capacity)
        TB_TRY(
            reserve(pixels, end > pixels->capacity * 3 / 2 ? end : pixels->capacity * 3 / 2, err));
    TB_TRY(tb_gather_rows(gather, cells, count, NULL, NULL, take_row, context, err));
    close_up(pixels, &it, count);
done:
    tb_free(it.place);
    tb_free(it.taken);
    tb_free(it.border);
    tb_free(takers);
    tb_free(context);
    return status;
}

/* A few cells at once: room is made for all that is drawn of them, and not all need be valid. */
static tb_status take_cells(tb_drawn *pixels, tb_gather *gather, const tb_rect *cells,
                            int64_t count, const tb_engine *engine, tb_error *err)
{
    tb_status status = TB_OK;

    for (int64_t first = 0, end; first < count; first = end) {
        double drawn = 0.0;

        for (end = first; end < count && (end == first || drawn < BATCH); end++)
            drawn += (double)tb_rect_area(cells[end]) * pixels->sample->share;
        TB_TRY(take_batch(pixels, gather, cells + first, end - first, engine, err));
    }
done:
    return status;
}

tb_status tb_drawn_again(tb_drawn *pixels, tb_gather *gather, const tb_engine *engine,
                         tb_error *err)
{
    pixels->count = 0;
    memset(pixels->border, 0, (size_t)pixels->strata * sizeof *pixels->border);
    return take_cells(pixels, gather, pixels->sample->cell, pixels->sample->chosen, engine, err);
}

tb_status tb_drawn_gather(tb_drawn *pixels, tb_gather *gather, tb_sample *sample, double share,
                          const tb_engine *engine, tb_error *err)
{
    tb_status status = TB_OK;
    double    drawn  = 0.0;

    tb_sample_choose(sample, share);
    for (int64_t i = 0; i < sample->chosen; i++)
        drawn += (double)tb_rect_area(sample->cell[i]) * sample->share;
    TB_TRY(reserve(pixels, and_some((int64_t)drawn), err));
    TB_TRY(take_cells(pixels, gather, sample->cell, sample->chosen, engine, err));
    if (share > 0.0 || pixels->count >= WANTED_VALID)
        goto done;
    if (sample->share < 1.0) {
        sample->share = 1.0;
        TB_TRY(tb_drawn_again(pixels, gather, engine, err));
    }
    while (pixels->count < WANTED_VALID && sample->chosen < sample->count) {
        int64_t left = sample->count - sample->chosen,
                more = left < CELLS_AT_ONCE ? left : CELLS_AT_ONCE;

        TB_TRY(take_cells(pixels, gather, sample->cell + sample->chosen, more, engine, err));
        sample->chosen += more;
    }
done:
    return status;
}
