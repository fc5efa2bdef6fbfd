#include "raster/reader.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "raster/resample.h"
#include "raster/window.h"

/* Rows read at once: they and what they are made of stay in the processor's cache. */
enum { STRIP_ROWS = 32 };

/* Columns of the lattice, all rows of which lie alike in an image that is only moved or scaled. */
typedef struct placed {
    int64_t version; /* of the epoch; 0: none are known */
    int     file;
    int64_t x, width;
    int64_t first, end; /* of them, those inside of the image */
} placed;

/* A row of the strip: where it goes, and where it lies in the image. */
typedef struct placed_row {
    size_t           at;
    tb_warp_position y;
} placed_row;

struct tb_epoch_reader {
    const tb_epoch   *epoch;
    tb_cache         *cache;
    int               first_id;
    const tb_kernels *kernels;
    tb_image        **image; /* this reader's own; NULL until it is needed */
    tb_window         window;
    tb_resampler      resampler;
    placed            columns; /* that resampler.px tells of */
    int64_t           given;   /* pixels of the rectangle that have a file */
};

tb_status tb_epoch_reader_new(tb_epoch_reader **out, const tb_epoch *epoch, tb_cache *cache,
                              int first_id, const tb_kernels *kernels, tb_error *err)
{
    tb_status        status = TB_OK;
    tb_epoch_reader *reader = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&reader, 1, sizeof *reader, "reader", err));
    reader->epoch    = epoch;
    reader->cache    = cache;
    reader->first_id = first_id;
    reader->kernels  = kernels;
    reader->resampler =
        (tb_resampler){.kernels = kernels, .bands = tb_epoch_bands(epoch), .file = -1};
    TB_TRY(tb_alloc_zero(&reader->image, (size_t)tb_epoch_ids(epoch), sizeof *reader->image,
                         "handles", err));
done:
    if (status == TB_OK)
        *out = reader;
    else
        tb_epoch_reader_free(reader);
    return status;
}

void tb_epoch_reader_free(tb_epoch_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->image != NULL)
        for (int f = 0; f < tb_epoch_ids(reader->epoch); f++)
            tb_image_close(reader->image[f]);
    tb_free(reader->image);
    tb_window_reset(&reader->window);
    tb_resampler_reset(&reader->resampler);
    tb_free(reader);
}

/* This reader's own handle of a file. */
static tb_status open_own(tb_epoch_reader *reader, int f, tb_error *err)
{
    if (reader->image[f] != NULL)
        return TB_OK;
    return tb_epoch_open_image(reader->epoch, f, reader->kernels, &reader->image[f], err);
}

static tb_status load(tb_epoch_reader *reader, int f, tb_rect window, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(open_own(reader, f, err));
    TB_TRY(tb_window_load(&reader->window, window, reader->cache, reader->image[f],
                          reader->first_id + f, reader->kernels, err));
done:
    return status;
}

/* Gives the pixels of a row that no earlier file gave, where the first `tested` bands are finite.
 * @return how many. */
static int64_t merge_row(const float *const *row, int bands, int tested, int f, int64_t n,
                         size_t at, float *const *planes, int16_t *file)
{
    int64_t given = 0;

    for (int64_t i = 0, first; i < n; i++) {
        for (first = i; i < n && file[i] < 0; i++) {
            bool is_observed = true;

            for (int b = 0; b < tested; b++)
                is_observed = is_observed && isfinite(row[b][i]);
            if (!is_observed)
                break;
            file[i] = (int16_t)f;
        }
        if (i > first)
            for (int b = 0; b < bands; b++)
                memcpy(planes[b] + at + first, row[b] + first, (size_t)(i - first) * sizeof(float));
        given += i - first;
    }
    return given;
}

static bool is_nobodys(const int16_t *file, int64_t n)
{
    int16_t all = -1;

    for (int64_t i = 0; i < n; i++)
        all = (int16_t)(all & file[i]);
    return all == -1;
}

static int64_t give(int16_t *file, int64_t n, int f)
{
    for (int64_t i = 0; i < n; i++)
        file[i] = (int16_t)f;
    return n;
}

/*
 * In how many bands a pixel has to be looked at: a window holds NaN in all bands or in none, and
 * only floats can overflow when they are weighted.
 */
static int bands_to_test(const tb_image_info *info, tb_warp_kind kind)
{
    if (info->type == TB_SAMPLE_F32 && kind != TB_WARP_COPY)
        return info->bands;
    return kind == TB_WARP_GENERAL || tb_window_can_have_gaps(info) ? 1 : 0;
}

/* Loads what a strip needs of a window of an image that is only moved or scaled, and resamples it
 * along x; what is left of the strip above serves again. */
static tb_status load_across(tb_epoch_reader *reader, int f, tb_rect window, int64_t columns,
                             tb_error *err)
{
    tb_status           status = TB_OK;
    const tb_warp_axis *axis   = tb_warp_axis_x(tb_epoch_warp(reader->epoch, f));
    int64_t             kept;

    TB_TRY(tb_resampler_begin(&reader->resampler, f, window, axis, columns, &kept, err));
    window.y += kept;
    window.height -= kept;
    if (window.height == 0)
        goto done;
    status = load(reader, f, window, err);
    if (status == TB_OK)
        tb_resampler_across(&reader->resampler, &reader->window, axis);
    else
        reader->resampler.file = -1;
done:
    return status;
}

/* Where columns lie in an image that is only moved or scaled: it is known from strip to strip. */
static const placed *place_columns(tb_epoch_reader *reader, int f, tb_rect strip)
{
    placed  now   = {tb_epoch_version(reader->epoch), f, strip.x, strip.width, 0, strip.width};
    placed *c     = &reader->columns;
    int64_t width = tb_epoch_file(reader->epoch, f)->width;
    tb_warp_position *px = reader->resampler.px;

    if (c->version == now.version && c->file == f && c->x == strip.x && c->width == strip.width)
        return c;
    tb_warp_row(tb_epoch_warp(reader->epoch, f), strip.x, strip.y, strip.width, px,
                reader->resampler.py);
    while (now.first < now.end && !tb_warp_is_inside(px[now.first], width))
        now.first++;
    while (now.end > now.first && !tb_warp_is_inside(px[now.end - 1], width))
        now.end--;
    *c = now;
    return c;
}

/* Rows of an image that is only moved or scaled: x is the same for all rows, y for all columns. */
static tb_status read_straight(tb_epoch_reader *reader, int f, tb_rect window, tb_rect strip,
                               tb_rect rect, float *const *planes, int16_t *file, tb_error *err)
{
    tb_status            status  = TB_OK;
    const tb_warp       *warp    = tb_epoch_warp(reader->epoch, f);
    const tb_image_info *info    = tb_epoch_file(reader->epoch, f);
    bool                 is_copy = tb_warp_kind_of(warp) == TB_WARP_COPY;
    int                  bands = info->bands, tested = bands_to_test(info, tb_warp_kind_of(warp));
    const tb_warp_axis  *axis   = tb_warp_axis_y(warp);
    const placed        *inside = place_columns(reader, f, strip);
    int64_t              first = inside->first, end = inside->end;
    placed_row           free_rows[STRIP_ROWS]; /* that nobody gave, straight into the planes */
    int                  frees = 0;

    if (first == end)
        goto done;
    if (is_copy)
        TB_TRY(load(reader, f, window, err));
    else
        TB_TRY(load_across(reader, f, window, strip.width, err));
    for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
        size_t           at = (size_t)((y - rect.y) * rect.width + strip.x - rect.x + first);
        tb_warp_position px, py;
        const float     *row[TB_BANDS_MAX];

        tb_warp_row(warp, strip.x, y, 1, &px, &py);
        if (!tb_warp_is_inside(py, info->height))
            continue;
        if (!is_copy && tested == 0 && (f == 0 || is_nobodys(file + at, end - first))) {
            free_rows[frees++] = (placed_row){at, py};
            reader->given += give(file + at, end - first, f);
            continue;
        }
        for (int b = 0; b < bands; b++) {
            float *out = reader->resampler.out + b * reader->resampler.columns;

            if (!is_copy)
                tb_resampler_down(&reader->resampler, axis, py, b, first, end - first, out);
            row[b] = is_copy ? reader->window.samples +
                                   (b * window.height + py.index - window.y) * window.width +
                                   reader->resampler.px[first].index - window.x
                             : out;
        }
        reader->given += merge_row(row, bands, tested, f, end - first, at, planes, file + at);
    }
    for (int b = 0; b < bands; b++)
        for (int i = 0; i < frees; i++)
            tb_resampler_down(&reader->resampler, axis, free_rows[i].y, b, first, end - first,
                              planes[b] + free_rows[i].at);
done:
    return status;
}

static void read_turned(tb_epoch_reader *reader, int f, tb_rect strip, tb_rect rect,
                        float *const *planes, int16_t *file)
{
    const tb_warp       *warp = tb_epoch_warp(reader->epoch, f);
    const tb_image_info *info = tb_epoch_file(reader->epoch, f);
    const float         *row[TB_BANDS_MAX];

    reader->columns = (placed){0};
    for (int b = 0; b < info->bands; b++)
        row[b] = reader->resampler.out + b * reader->resampler.columns;
    for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
        size_t at = (size_t)((y - rect.y) * rect.width + strip.x - rect.x);

        tb_warp_row(warp, strip.x, y, strip.width, reader->resampler.px, reader->resampler.py);
        tb_resampler_general(&reader->resampler, &reader->window, warp, info, strip.width);
        reader->given += merge_row(row, info->bands, bands_to_test(info, TB_WARP_GENERAL), f,
                                   strip.width, at, planes, file + at);
    }
}

/* The first file where it is taken pixel by pixel and whole: straight into the planes. */
static tb_status read_copied(tb_epoch_reader *reader, tb_rect reach, tb_rect rect,
                             float *const *planes, int16_t *file, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info   = tb_epoch_file(reader->epoch, 0);
    tb_target            target = {.stride = rect.width};
    tb_warp_position     px, py;
    int64_t              at;

    TB_TRY(open_own(reader, 0, err));
    tb_warp_row(tb_epoch_warp(reader->epoch, 0), reach.x, reach.y, 1, &px, &py);
    target.rect = tb_rect_intersect((tb_rect){px.index, py.index, reach.width, reach.height},
                                    (tb_rect){0, 0, info->width, info->height});
    if (tb_rect_is_empty(target.rect))
        goto done;
    at = (reach.y + target.rect.y - py.index - rect.y) * rect.width + reach.x + target.rect.x -
         px.index - rect.x;
    for (int b = 0; b < info->bands; b++)
        target.plane[b] = planes[b] + at;
    TB_TRY(tb_target_fill(&target, reader->cache, reader->image[0], reader->first_id,
                          reader->kernels, err));
    for (int64_t y = 0; y < target.rect.height; y++)
        reader->given += give(file + at + y * rect.width, target.rect.width, 0);
done:
    return status;
}

static tb_status read_strip(tb_epoch_reader *reader, int f, tb_rect strip, tb_rect rect,
                            float *const *planes, int16_t *file, tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_warp *warp   = tb_epoch_warp(reader->epoch, f);
    tb_rect        window = tb_warp_window(warp, strip);

    if (tb_rect_is_empty(window))
        return TB_OK;
    if (tb_warp_kind_of(warp) != TB_WARP_GENERAL)
        return read_straight(reader, f, window, strip, rect, planes, file, err);
    TB_TRY(load(reader, f, window, err));
    read_turned(reader, f, strip, rect, planes, file);
done:
    return status;
}

/* The part of a rectangle that still lacks pixels: rows without any are not read for nothing. */
static bool has_gap(const int16_t *file, tb_rect part, tb_rect rect)
{
    for (int64_t y = part.y; y < part.y + part.height; y++) {
        const int16_t *row = file + (y - rect.y) * rect.width + (part.x - rect.x);

        for (int64_t x = 0; x < part.width; x++)
            if (row[x] < 0)
                return true;
    }
    return false;
}

static tb_status apply_validity(tb_epoch_reader *reader, tb_rect rect, float *const *planes,
                                int16_t *file, tb_error *err)
{
    tb_status            status = TB_OK;
    int                  f      = tb_epoch_files(reader->epoch);
    const tb_warp       *warp   = tb_epoch_warp(reader->epoch, f);
    const tb_image_info *info   = tb_epoch_file(reader->epoch, f);

    reader->columns = (placed){0};
    for (int64_t y0 = rect.y; y0 < rect.y + rect.height; y0 += STRIP_ROWS) {
        tb_rect strip  = tb_rect_intersect((tb_rect){rect.x, y0, rect.width, STRIP_ROWS}, rect);
        tb_rect window = tb_warp_window(warp, strip);

        if (!tb_rect_is_empty(window))
            TB_TRY(load(reader, f, window, err));
        for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
            tb_warp_row(warp, strip.x, y, strip.width, reader->resampler.px, reader->resampler.py);
            for (int64_t i = 0; i < strip.width; i++) {
                tb_warp_position px = reader->resampler.px[i], py = reader->resampler.py[i];
                size_t           at    = (size_t)((y - rect.y) * rect.width + i);
                float            value = 0.0f;

                if (!tb_rect_is_empty(window) && tb_warp_is_inside(px, info->width) &&
                    tb_warp_is_inside(py, info->height))
                    value =
                        reader->window
                            .samples[(py.index - window.y) * window.width + px.index - window.x];
                if (value != 0.0f && !isnan(value))
                    continue;
                file[at] = -1;
                for (int b = 0; b < tb_epoch_bands(reader->epoch); b++)
                    planes[b][at] = NAN;
            }
        }
    }
done:
    return status;
}

static bool is_anybodys(const int16_t *file, int64_t n)
{
    int16_t signs = 0;

    for (int64_t i = 0; i < n; i++)
        signs = (int16_t)(signs | file[i]);
    return signs >= 0;
}

/* NaN in all bands of the pixels that no file gave. */
static void mark_unobserved(float *const *planes, int bands, const int16_t *file, tb_rect rect)
{
    for (int64_t y = 0; y < rect.height; y++) {
        int64_t first = y * rect.width;

        if (is_anybodys(file + first, rect.width))
            continue;
        for (int64_t i = first; i < first + rect.width; i++)
            if (file[i] < 0)
                for (int b = 0; b < bands; b++)
                    planes[b][i] = NAN;
    }
}

/* All that file `f` has of what no earlier one gave. */
static tb_status read_file(tb_epoch_reader *reader, int f, tb_rect rect, float *const *planes,
                           int16_t *file, tb_error *err)
{
    tb_status status = TB_OK;
    tb_rect   reach  = tb_rect_intersect(rect, tb_epoch_footprint(reader->epoch, f));

    if (f == 0 && tb_warp_kind_of(tb_epoch_warp(reader->epoch, f)) == TB_WARP_COPY &&
        !tb_rect_is_empty(reach) &&
        bands_to_test(tb_epoch_file(reader->epoch, f), TB_WARP_COPY) == 0) {
        status = read_copied(reader, reach, rect, planes, file, err);
        goto done;
    }
    for (int64_t y = reach.y; y < reach.y + reach.height; y += STRIP_ROWS) {
        tb_rect strip = tb_rect_intersect((tb_rect){reach.x, y, reach.width, STRIP_ROWS}, reach);

        if (f == 0 || has_gap(file, strip, rect))
            TB_TRY(read_strip(reader, f, strip, rect, planes, file, err));
    }
done:
    return status;
}

tb_status tb_epoch_read(tb_epoch_reader *reader, tb_rect rect, float *const *planes, int16_t *file,
                        int16_t *only, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   pixels = tb_rect_area(rect);
    int16_t   giver  = -1;

    TB_TRY(tb_resampler_reserve(&reader->resampler, rect.width, err));
    memset(file, 0xff, (size_t)pixels * sizeof *file); /* -1 */
    reader->given = 0;
    for (int f = 0; f < tb_epoch_files(reader->epoch) && reader->given < pixels; f++) {
        int64_t by_others = reader->given;

        TB_TRY(read_file(reader, f, rect, planes, file, err));
        if (by_others == 0 && reader->given == pixels)
            giver = (int16_t)f;
    }
    if (reader->given < pixels)
        mark_unobserved(planes, tb_epoch_bands(reader->epoch), file, rect);
    if (tb_epoch_valid(reader->epoch) != NULL) {
        TB_TRY(apply_validity(reader, rect, planes, file, err));
        giver = -1;
    }
    if (only != NULL)
        *only = giver;
done:
    return status;
}

static bool meet(tb_rect a, tb_rect b)
{
    return !tb_rect_is_empty(tb_rect_intersect(a, b));
}

void tb_epoch_forget(tb_epoch_reader *reader, tb_rect done, tb_rect beside, tb_rect below)
{
    int files = tb_epoch_files(reader->epoch) + (tb_epoch_valid(reader->epoch) != NULL);

    for (int f = 0; f < files; f++) {
        const tb_warp       *warp   = tb_epoch_warp(reader->epoch, f);
        const tb_image_info *info   = tb_epoch_file(reader->epoch, f);
        tb_rect              window = tb_warp_window(warp, done);
        tb_rect next = tb_warp_window(warp, beside), later = tb_warp_window(warp, below);

        for (int64_t ty = window.y / info->tile_height;
             ty * info->tile_height < window.y + window.height; ty++)
            for (int64_t tx = window.x / info->tile_width;
                 tx * info->tile_width < window.x + window.width; tx++) {
                tb_rect tile = {tx * info->tile_width, ty * info->tile_height, info->tile_width,
                                info->tile_height};

                if (meet(tile, next))
                    continue;
                if (meet(tile, later))
                    tb_cache_shrink(reader->cache, reader->first_id + f, tx, ty, later.y);
                else
                    tb_cache_forget(reader->cache, reader->first_id + f, tx, ty);
            }
    }
}
