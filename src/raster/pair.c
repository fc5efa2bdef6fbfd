#include "raster/pair.h"

#include <string.h>

#include "core/memory.h"
#include "raster/reader.h"

struct tb_pair_reader {
    const tb_pair   *pair;
    tb_epoch_reader *before, *after;
};

/* Read at once: they, and what is made of them soon, stay in the processor's cache. */
enum { ROWS_AT_ONCE = 32 };

/* Of a row: that it has pixels of several strata, or may have. */
enum { MANY = -2 };

/* Footprints are a little generous: of images that only touch, a strip is left between them. */
enum { FOOTPRINT_SLACK = 8 };

static bool overlap(const tb_pair *pair, int before, int after)
{
    tb_rect both = tb_rect_intersect(tb_epoch_footprint(pair->before, before),
                                     tb_epoch_footprint(pair->after, after));

    if (both.width > FOOTPRINT_SLACK && both.height > FOOTPRINT_SLACK)
        return true;
    for (int64_t y = both.y; y < both.y + both.height; y++)
        for (int64_t x = both.x; x < both.x + both.width; x++)
            if (tb_warp_reaches(tb_epoch_warp(pair->before, before), x, y) &&
                tb_warp_reaches(tb_epoch_warp(pair->after, after), x, y))
                return true;
    return false;
}

static tb_status check_overlap(const tb_pair *pair, tb_error *err)
{
    for (int b = 0; b < tb_epoch_files(pair->before); b++)
        for (int a = 0; a < tb_epoch_files(pair->after); a++)
            if (overlap(pair, b, a))
                return TB_OK;
    tb_error_set(err, TB_E_INPUT, "%s and %s: expected images of the same ground, got no overlap",
                 tb_epoch_file(pair->before, 0)->path, tb_epoch_file(pair->after, 0)->path);
    tb_error_hint(err, "look at both with tuban info: their corners and CRS must meet");
    return TB_E_INPUT;
}

tb_status tb_pair_open(tb_pair *pair, const tb_epoch_options *before, const tb_epoch_options *after,
                       tb_error *err)
{
    tb_status status = TB_OK;

    *pair = (tb_pair){0};
    TB_TRY(tb_epoch_open(&pair->before, before, err));
    TB_TRY(tb_epoch_open(&pair->after, after, err));
    if (tb_epoch_bands(pair->before) != tb_epoch_bands(pair->after)) {
        tb_epoch_mask_alpha(pair->before);
        tb_epoch_mask_alpha(pair->after);
    }
    pair->bands = tb_epoch_bands(pair->before);
    if (pair->bands != tb_epoch_bands(pair->after)) {
        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d bands as in %s, got %d",
                              tb_epoch_file(pair->after, 0)->path, pair->bands,
                              tb_epoch_file(pair->before, 0)->path, tb_epoch_bands(pair->after));
        goto done;
    }
    TB_TRY(tb_epoch_lattice(pair->before, &pair->lattice, err));
    TB_TRY(tb_epoch_bring(pair->before, &pair->lattice, err));
    TB_TRY(tb_epoch_bring(pair->after, &pair->lattice, err));
    TB_TRY(check_overlap(pair, err));
    if (tb_pair_strata(pair) > INT16_MAX)
        status =
            tb_error_set(err, TB_E_INPUT,
                         "%s: expected at most %d strata (sources of one date with "
                         "those of the other), got %d",
                         tb_epoch_file(pair->before, 0)->path, INT16_MAX, tb_pair_strata(pair));
done:
    if (status != TB_OK)
        tb_pair_close(pair);
    return status;
}

void tb_pair_close(tb_pair *pair)
{
    tb_epoch_close(pair->before);
    tb_epoch_close(pair->after);
    *pair = (tb_pair){0};
}

int tb_pair_strata(const tb_pair *pair)
{
    return tb_epoch_sources(pair->before) * tb_epoch_sources(pair->after);
}

tb_rect tb_pair_footprint(const tb_pair *pair, int stratum)
{
    int after_sources = tb_epoch_sources(pair->after);

    return tb_rect_intersect(tb_epoch_source_bounds(pair->before, stratum / after_sources),
                             tb_epoch_source_bounds(pair->after, stratum % after_sources));
}

/* Where a source has no footprint of its own, any pixel of its rectangle may be of it. */
static tb_status may_hold_source(const tb_epoch *epoch, int source, tb_rect rect, bool *may,
                                 tb_error *err)
{
    tb_status status = TB_OK;
    size_t    pixels = (size_t)tb_rect_area(rect);
    int16_t  *number = NULL;

    *may = pixels > 0;
    if (tb_epoch_footprints_path(epoch) == NULL)
        return TB_OK;
    TB_TRY(tb_alloc(&number, pixels, sizeof *number, "footprints", err));
    for (size_t i = 0; i < pixels; i++)
        number[i] = (int16_t)source;
    TB_TRY(tb_epoch_locate(epoch, rect, number, err));
    *may = false;
    for (size_t i = 0; i < pixels && !*may; i++)
        *may = number[i] == source;
done:
    tb_free(number);
    return status;
}

tb_status tb_pair_may_hold(const tb_pair *pair, int stratum, tb_rect rect, bool *may, tb_error *err)
{
    tb_status status        = TB_OK;
    int       after_sources = tb_epoch_sources(pair->after);

    TB_TRY(may_hold_source(pair->before, stratum / after_sources, rect, may, err));
    if (*may)
        TB_TRY(may_hold_source(pair->after, stratum % after_sources, rect, may, err));
done:
    return status;
}

void tb_pair_block_reset(tb_pair_block *block)
{
    tb_free(block->storage);
    tb_free(block->stratum);
    tb_free(block->before_source);
    tb_free(block->after_file);
    tb_free(block->of_row);
    *block = (tb_pair_block){0};
}

int64_t tb_pair_stratum_end(const tb_pair_block *block, int64_t y, int64_t x, int64_t end)
{
    enum { AT_ONCE = 64 };
    const int16_t *stratum = block->stratum + tb_pair_row(block, y);
    int16_t        here    = stratum[x];

    if (block->of_row != NULL && block->of_row[y % block->depth] != MANY)
        return end;
    for (int differs = 0; x + AT_ONCE <= end && !differs; x += differs ? 0 : AT_ONCE)
        for (int i = 0; i < AT_ONCE; i++)
            differs |= stratum[x + i] ^ here;
    while (x < end && stratum[x] == here)
        x++;
    return x;
}

float *tb_pair_block_release(tb_pair_block *block)
{
    float *samples = block->storage;

    block->storage = NULL;
    return samples;
}

size_t tb_pair_block_bytes(int bands, int64_t pixels)
{
    return (size_t)pixels * (2 * (size_t)bands * sizeof(float) + 3 * sizeof(int16_t));
}

static tb_status reserve(tb_pair_block *block, int bands, int64_t rows, int64_t columns,
                         tb_error *err)
{
    size_t    pixels = (size_t)(rows * columns);
    tb_status status = TB_OK;

    if (pixels > block->capacity) {
        tb_pair_block_reset(block);
        TB_TRY(tb_alloc(&block->stratum, pixels, sizeof(int16_t), "block", err));
        TB_TRY(tb_alloc(&block->before_source, pixels, sizeof(int16_t), "block", err));
        TB_TRY(tb_alloc(&block->after_file, pixels, sizeof(int16_t), "block", err));
        block->capacity = pixels;
    }
    if (rows > block->row_capacity) {
        TB_TRY(tb_grow(&block->of_row, (size_t)rows, sizeof *block->of_row, "block", err));
        block->row_capacity = rows;
    }
    if (block->storage == NULL)
        TB_TRY(tb_alloc(&block->storage, block->capacity * 2 * (size_t)bands, sizeof(float),
                        "block", err));
    for (int b = 0; b < bands; b++) {
        block->before[b] = block->storage + (size_t)b * pixels;
        block->after[b]  = block->storage + (size_t)(bands + b) * pixels;
    }
done:
    return status;
}

void tb_pair_block_crop(tb_pair_block *block, int bands, int margin)
{
    tb_rect  to    = tb_rect_grow(block->rect, -margin);
    size_t   width = (size_t)to.width, from = (size_t)block->rect.width;
    size_t   pixels    = (size_t)tb_rect_area(to);
    int16_t *numbers[] = {block->stratum, block->before_source, block->after_file};

    for (size_t y = 0; y < (size_t)to.height; y++) {
        size_t at = (y + (size_t)margin) * from + (size_t)margin;

        for (int k = 0; k < 3; k++)
            memmove(numbers[k] + y * width, numbers[k] + at, width * sizeof(int16_t));
    }
    for (int k = 0; k < 2 * bands; k++) { /* in the order of storage, each towards its start */
        float **plane = k < bands ? &block->before[k] : &block->after[k - bands];
        float  *dst   = block->storage + (size_t)k * pixels;

        for (size_t y = 0; y < (size_t)to.height; y++)
            memmove(dst + y * width, *plane + (y + (size_t)margin) * from + (size_t)margin,
                    width * sizeof(float));
        *plane = dst;
    }
    for (int64_t y = 0; y < to.height; y++)
        block->of_row[y] = MANY;
    block->rect = to;
    block->rows = block->depth = to.height;
}

tb_status tb_pair_reader_new(tb_pair_reader **out, const tb_pair *pair, tb_cache *cache,
                             const tb_kernels *kernels, tb_error *err)
{
    tb_status       status = TB_OK;
    tb_pair_reader *reader = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&reader, 1, sizeof *reader, "reader", err));
    reader->pair = pair;
    TB_TRY(tb_epoch_reader_new(&reader->before, pair->before, cache, 0, kernels, err));
    TB_TRY(tb_epoch_reader_new(&reader->after, pair->after, cache, tb_epoch_ids(pair->before),
                               kernels, err));
done:
    if (status == TB_OK)
        *out = reader;
    else
        tb_pair_reader_free(reader);
    return status;
}

void tb_pair_reader_free(tb_pair_reader *reader)
{
    if (reader == NULL)
        return;
    tb_epoch_reader_free(reader->before);
    tb_epoch_reader_free(reader->after);
    tb_free(reader);
}

int64_t tb_pair_depth(tb_rect rect, int64_t kept)
{
    /* The newest row that is needed may be the first of those read at once. */
    int64_t depth = (kept + 2 * ROWS_AT_ONCE - 2) / ROWS_AT_ONCE * ROWS_AT_ONCE;

    return depth < rect.height ? depth : rect.height;
}

tb_status tb_pair_begin(tb_pair_reader *reader, tb_rect rect, int64_t kept, tb_pair_block *block,
                        tb_error *err)
{
    int64_t   depth  = tb_pair_depth(rect, kept);
    tb_status status = reserve(block, reader->pair->bands, depth, rect.width, err);

    block->rect   = rect;
    block->rows   = 0;
    block->depth  = depth;
    block->reader = reader;
    return status;
}

/* Reads the block's rows `row` to `end`. */
static tb_status read_rows(tb_pair_block *block, int64_t row, int64_t end, tb_error *err)
{
    const tb_pair *pair          = block->reader->pair;
    int            after_sources = tb_epoch_sources(pair->after);
    size_t         at            = (size_t)tb_pair_row(block, row);
    tb_rect        rect   = {block->rect.x, block->rect.y + row, block->rect.width, end - row};
    size_t         pixels = (size_t)tb_rect_area(rect);
    float         *before[TB_BANDS_MAX], *after[TB_BANDS_MAX];
    int16_t       *stratum = block->stratum + at, *before_source = block->before_source + at;
    int16_t        only_before, only_after, of_row = MANY;
    tb_status      status = TB_OK;

    for (int b = 0; b < pair->bands; b++) {
        before[b] = block->before[b] + at;
        after[b]  = block->after[b] + at;
    }
    TB_TRY(tb_epoch_read(block->reader->before, rect, before, before_source, &only_before, err));
    TB_TRY(
        tb_epoch_read(block->reader->after, rect, after, block->after_file + at, &only_after, err));
    if (only_before >= 0 && only_after >= 0 && tb_epoch_footprints_path(pair->before) == NULL &&
        tb_epoch_footprints_path(pair->after) == NULL)
        of_row = (int16_t)(only_before * after_sources + only_after);
    for (int64_t y = row; y < end; y++)
        block->of_row[y % block->depth] = of_row;
    if (of_row != MANY) {
        for (size_t i = 0; i < pixels; i++)
            stratum[i] = of_row;
        goto done;
    }
    TB_TRY(tb_epoch_locate(pair->before, rect, before_source, err));
    memcpy(stratum, block->after_file + at, pixels * sizeof *stratum);
    TB_TRY(tb_epoch_locate(pair->after, rect, stratum, err));
    for (size_t i = 0; i < pixels; i++)
        stratum[i] = before_source[i] < 0 || stratum[i] < 0
                         ? -1
                         : (int16_t)(before_source[i] * after_sources + stratum[i]);
done:
    return status;
}

tb_status tb_pair_need(tb_pair_block *block, int64_t rows, tb_error *err)
{
    tb_status status = TB_OK;

    while (block->reader != NULL && block->rows < rows) {
        int64_t left = block->rect.height - block->rows;
        int64_t end  = block->rows + (left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE);

        TB_TRY(read_rows(block, block->rows, end, err));
        block->rows = end;
    }
done:
    return status;
}

tb_status tb_pair_read(tb_pair_reader *reader, tb_rect rect, tb_pair_block *block, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_pair_begin(reader, rect, rect.height, block, err));
    TB_TRY(tb_pair_need(block, rect.height, err));
done:
    return status;
}

void tb_pair_forget(tb_pair_reader *reader, tb_rect done, tb_rect beside, tb_rect below)
{
    tb_epoch_forget(reader->before, done, beside, below);
    tb_epoch_forget(reader->after, done, beside, below);
}
