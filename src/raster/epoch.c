#include "raster/epoch.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "raster/footprints.h"
#include "raster/window.h"

typedef struct epoch_file {
    tb_image *header; /* for the description only; readers open their own */
    tb_warp  *warp;
    tb_rect   footprint;
} epoch_file;

struct tb_epoch {
    int              count; /* image files; the validity raster, if any, stands behind them */
    int              bands;
    bool             has_valid;
    tb_image_options as;
    tb_grid          lattice;
    epoch_file      *file;
    char            *footprints_path; /* NULL: none */
    tb_footprints   *footprints;
};

/* Rows resampled at once: what a window of the image has to hold. */
enum { STRIP_ROWS = 64 };

struct tb_epoch_reader {
    const tb_epoch   *epoch;
    tb_cache         *cache;
    int               first_id;
    const tb_kernels *kernels;
    tb_image        **image;
    tb_window         window;
    int64_t           columns; /* what the buffers below hold */
    tb_warp_position *px, *py;
    int32_t          *index;
    uint8_t          *phase;
    float            *out; /* [bands][columns] */
    float            *padded, *across;
    size_t            padded_capacity, across_capacity;
};

static tb_status open_file(epoch_file *file, const char *path, const tb_epoch_options *options,
                           const tb_image_options *as, tb_error *err)
{
    tb_status status = tb_image_open_as(&file->header, path, as, err);

    if (status == TB_OK && options->has_nodata)
        tb_image_set_nodata(file->header, options->nodata);
    return status;
}

static tb_status open_valid(epoch_file *file, const char *path, tb_error *err)
{
    tb_status status = tb_image_open(&file->header, path, err);
    int       bands  = status == TB_OK ? tb_image_describe(file->header)->bands : 1;

    if (bands != 1)
        status =
            tb_error_set(err, TB_E_INPUT,
                         "%s: expected 1 band, as it says where was observed, got %d", path, bands);
    return status;
}

/* The first file with another number of bands than file 0, or 0. */
static int odd_one(const tb_epoch *epoch)
{
    for (int f = 1; f < epoch->count; f++)
        if (tb_epoch_file(epoch, f)->bands != epoch->bands)
            return f;
    return 0;
}

void tb_epoch_mask_alpha(tb_epoch *epoch)
{
    for (int f = 0; f < epoch->count; f++)
        tb_image_mask_alpha(epoch->file[f].header);
    epoch->bands = tb_epoch_file(epoch, 0)->bands;
}

tb_status tb_epoch_open(tb_epoch **out, const tb_epoch_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    tb_epoch *epoch  = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&epoch, 1, sizeof *epoch, "epoch", err));
    epoch->count     = options->image_count;
    epoch->has_valid = options->valid != NULL;
    epoch->as        = options->as;
    if (epoch->has_valid && !epoch->as.has_classes)
        epoch->as = (tb_image_options){.bands = options->as.bands, .has_classes = true};
    if (options->footprints != NULL)
        TB_TRY(tb_copy_text(&epoch->footprints_path, options->footprints, err));
    TB_TRY(
        tb_alloc_zero(&epoch->file, (size_t)epoch->count + 1, sizeof *epoch->file, "files", err));
    for (int f = 0; f < epoch->count; f++)
        TB_TRY(open_file(&epoch->file[f], options->images[f], options, &epoch->as, err));
    epoch->bands = tb_epoch_file(epoch, 0)->bands;
    if (odd_one(epoch) > 0)
        tb_epoch_mask_alpha(epoch);
    if (odd_one(epoch) > 0) {
        const tb_image_info *info = tb_epoch_file(epoch, odd_one(epoch));

        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d bands as in %s, got %d", info->path,
                              epoch->bands, tb_epoch_file(epoch, 0)->path, info->bands);
        goto done;
    }
    if (epoch->has_valid)
        TB_TRY(open_valid(&epoch->file[epoch->count], options->valid, err));
done:
    if (status == TB_OK)
        *out = epoch;
    else
        tb_epoch_close(epoch);
    return status;
}

void tb_epoch_close(tb_epoch *epoch)
{
    if (epoch == NULL)
        return;
    if (epoch->file != NULL)
        for (int f = 0; f <= epoch->count; f++) {
            tb_image_close(epoch->file[f].header);
            tb_warp_free(epoch->file[f].warp);
        }
    tb_footprints_free(epoch->footprints);
    tb_free(epoch->footprints_path);
    tb_free(epoch->file);
    tb_free(epoch);
}

int tb_epoch_files(const tb_epoch *epoch)
{
    return epoch->count;
}

int tb_epoch_bands(const tb_epoch *epoch)
{
    return epoch->bands;
}

const tb_image_info *tb_epoch_file(const tb_epoch *epoch, int file)
{
    return tb_image_describe(epoch->file[file].header);
}

const tb_image_info *tb_epoch_valid(const tb_epoch *epoch)
{
    return epoch->has_valid ? tb_epoch_file(epoch, epoch->count) : NULL;
}

bool tb_epoch_has_mask(const tb_epoch *epoch)
{
    bool has_classes = true;

    for (int f = 0; f < epoch->count; f++)
        has_classes = has_classes && tb_epoch_file(epoch, f)->classes != 0;
    return epoch->has_valid || has_classes;
}

/* Pixels of an edge between which another CRS does not make it bulge by a pixel. */
enum { EDGE_STEP = 64 };

/* Grows the span left, top, right, bottom of the first file's pixels by the place of one pixel. */
static void cover(int64_t span[4], const tb_warp *back, int64_t x, int64_t y)
{
    tb_warp_position px, py;

    tb_warp_row(back, x, y, 1, &px, &py);
    if (px.index == INT64_MIN)
        return;
    span[0] = px.index < span[0] ? px.index : span[0];
    span[1] = py.index < span[1] ? py.index : span[1];
    span[2] = px.index + 1 > span[2] ? px.index + 1 : span[2];
    span[3] = py.index + 1 > span[3] ? py.index + 1 : span[3];
}

static void cover_edges(int64_t span[4], const tb_warp *back, int64_t width, int64_t height)
{
    for (int64_t x = 0; x < width + EDGE_STEP - 1; x += EDGE_STEP) {
        cover(span, back, x < width ? x : width - 1, 0);
        cover(span, back, x < width ? x : width - 1, height - 1);
    }
    for (int64_t y = 0; y < height + EDGE_STEP - 1; y += EDGE_STEP) {
        cover(span, back, 0, y < height ? y : height - 1);
        cover(span, back, width - 1, y < height ? y : height - 1);
    }
}

tb_status tb_epoch_lattice(const tb_epoch *epoch, tb_grid *out, tb_error *err)
{
    const tb_image_info *first   = tb_epoch_file(epoch, 0);
    tb_grid              grid    = {.width         = first->width,
                                    .height        = first->height,
                                    .has_transform = first->has_transform,
                                    .crs           = first->crs};
    int64_t              span[4] = {0, 0, first->width, first->height};

    memcpy(grid.transform, first->transform, sizeof grid.transform);
    for (int f = 1; f < epoch->count; f++) {
        const tb_image_info *info   = tb_epoch_file(epoch, f);
        tb_grid              own    = {.width         = info->width,
                                       .height        = info->height,
                                       .has_transform = info->has_transform,
                                       .crs           = info->crs};
        tb_image_info        target = *first;
        tb_warp             *back   = NULL;
        tb_status            status;

        /* Where the file's own pixels lie on the first file's grid, as if that went on for ever. */
        memcpy(own.transform, info->transform, sizeof own.transform);
        status = tb_warp_new(&back, &own, &target, true, err);
        if (status != TB_OK)
            return status;
        cover_edges(span, back, info->width, info->height);
        tb_warp_free(back);
        if (span[2] - span[0] > INT32_MAX || span[3] - span[1] > INT32_MAX)
            return tb_error_set(err, TB_E_INPUT,
                                "%s: expected a file beside %s, got one so far off that the two "
                                "span %lld x %lld pixels",
                                info->path, first->path, (long long)(span[2] - span[0]),
                                (long long)(span[3] - span[1]));
    }
    tb_transform_apply(first->transform, (double)span[0], (double)span[1], &grid.transform[0],
                       &grid.transform[3]);
    grid.anchor_x = -span[0];
    grid.anchor_y = -span[1];
    grid.width    = span[2] - span[0];
    grid.height   = span[3] - span[1];
    *out          = grid;
    return TB_OK;
}

tb_status tb_epoch_bring(tb_epoch *epoch, const tb_grid *lattice, tb_error *err)
{
    tb_status status = TB_OK;

    epoch->lattice = *lattice;
    for (int f = 0; f < epoch->count + (epoch->has_valid ? 1 : 0); f++) {
        epoch_file *file = &epoch->file[f];

        tb_warp_free(file->warp);
        file->warp = NULL;
        TB_TRY(tb_warp_new(&file->warp, lattice, tb_epoch_file(epoch, f), f == epoch->count, err));
        file->footprint = tb_warp_footprint(file->warp);
    }
    tb_footprints_free(epoch->footprints);
    epoch->footprints = NULL;
    if (epoch->footprints_path != NULL)
        TB_TRY(tb_footprints_read(&epoch->footprints, epoch->footprints_path, lattice, err));
done:
    return status;
}

int tb_epoch_sources(const tb_epoch *epoch)
{
    return epoch->footprints != NULL ? tb_footprints_count(epoch->footprints) + 1 : epoch->count;
}

const char *tb_epoch_footprints_path(const tb_epoch *epoch)
{
    return epoch->footprints_path;
}

/* What any of the files can reach. */
static tb_rect hull_of_files(const tb_epoch *epoch)
{
    tb_rect hull = epoch->file[0].footprint;

    for (int f = 1; f < epoch->count; f++) {
        tb_rect r     = epoch->file[f].footprint;
        int64_t right = hull.x + hull.width, bottom = hull.y + hull.height;

        if (tb_rect_is_empty(r))
            continue;
        right       = r.x + r.width > right ? r.x + r.width : right;
        bottom      = r.y + r.height > bottom ? r.y + r.height : bottom;
        hull.x      = r.x < hull.x ? r.x : hull.x;
        hull.y      = r.y < hull.y ? r.y : hull.y;
        hull.width  = right - hull.x;
        hull.height = bottom - hull.y;
    }
    return hull;
}

tb_rect tb_epoch_source_bounds(const tb_epoch *epoch, int source)
{
    if (epoch->footprints == NULL)
        return epoch->file[source].footprint;
    return tb_rect_intersect(hull_of_files(epoch), tb_footprints_bounds(epoch->footprints, source));
}

tb_status tb_epoch_locate(const tb_epoch *epoch, tb_rect rect, int16_t *file, tb_error *err)
{
    tb_status status = TB_OK;
    int16_t  *number = NULL;
    size_t    pixels = (size_t)tb_rect_area(rect);

    if (epoch->footprints == NULL)
        return TB_OK;
    TB_TRY(tb_alloc(&number, pixels, sizeof *number, "footprints", err));
    TB_TRY(tb_footprints_number(epoch->footprints, rect, number, err));
    for (size_t i = 0; i < pixels; i++)
        file[i] = file[i] < 0 ? -1 : number[i];
done:
    tb_free(number);
    return status;
}

void tb_epoch_shift(tb_epoch *epoch, int file, double dx, double dy)
{
    tb_warp_shift(epoch->file[file].warp, dx, dy);
    epoch->file[file].footprint = tb_warp_footprint(epoch->file[file].warp);
}

void tb_epoch_bend(tb_epoch *epoch, int file, const tb_field *field)
{
    tb_warp_bend(epoch->file[file].warp, field);
    epoch->file[file].footprint = tb_warp_footprint(epoch->file[file].warp);
}

const tb_warp *tb_epoch_warp(const tb_epoch *epoch, int file)
{
    return epoch->file[file].warp;
}

tb_rect tb_epoch_footprint(const tb_epoch *epoch, int file)
{
    return epoch->file[file].footprint;
}

int tb_epoch_ids(const tb_epoch *epoch)
{
    return epoch->count + 1;
}

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
    TB_TRY(tb_alloc_zero(&reader->image, (size_t)epoch->count + 1, sizeof *reader->image, "handles",
                         err));
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
        for (int f = 0; f <= reader->epoch->count; f++)
            tb_image_close(reader->image[f]);
    tb_free(reader->image);
    tb_window_reset(&reader->window);
    tb_free(reader->px);
    tb_free(reader->py);
    tb_free(reader->index);
    tb_free(reader->phase);
    tb_free(reader->out);
    tb_free(reader->padded);
    tb_free(reader->across);
    tb_free(reader);
}

static tb_status reserve(tb_epoch_reader *reader, int64_t columns, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    n      = (size_t)columns;

    if (columns <= reader->columns)
        return TB_OK;
    TB_TRY(tb_grow(&reader->px, n, sizeof *reader->px, "positions", err));
    TB_TRY(tb_grow(&reader->py, n, sizeof *reader->py, "positions", err));
    TB_TRY(tb_grow(&reader->index, n, sizeof *reader->index, "taps", err));
    TB_TRY(tb_grow(&reader->phase, n, sizeof *reader->phase, "phases", err));
    TB_TRY(
        tb_grow(&reader->out, n * (size_t)reader->epoch->bands, sizeof *reader->out, "row", err));
    reader->columns = columns;
done:
    return status;
}

static tb_status reserve_floats(float **buffer, size_t *capacity, size_t needed, tb_error *err)
{
    tb_status status = TB_OK;

    if (needed > *capacity) {
        TB_TRY(tb_grow(buffer, needed, sizeof **buffer, "resampling rows", err));
        *capacity = needed;
    }
done:
    return status;
}

/* This reader's own handle of a file. */
static tb_status open_own(tb_epoch_reader *reader, int f, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info   = tb_epoch_file(reader->epoch, f);

    if (reader->image[f] == NULL) {
        TB_TRY(tb_image_open_as(&reader->image[f], info->path, &reader->epoch->as, err));
        tb_image_use(reader->image[f], reader->kernels);
        if (info->has_nodata)
            tb_image_set_nodata(reader->image[f], info->nodata);
        if (tb_image_describe(reader->image[f])->bands != info->bands)
            tb_image_mask_alpha(reader->image[f]);
    }
done:
    return status;
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

static int64_t clamped(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* True if all outputs have one phase and taps side by side: the row is moved as a whole. */
static bool is_moved(const tb_epoch_reader *reader, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (reader->phase[i] != reader->phase[0] || reader->index[i] != reader->index[0] + i)
            return false;
    return true;
}

/* Resamples every row of the window along x, into reader->across [bands][window rows][n]. */
static tb_status resample_across(tb_epoch_reader *reader, const tb_warp_axis *axis, int64_t n,
                                 tb_error *err)
{
    const tb_window *window = &reader->window;
    int64_t          width = window->rect.width, height = window->rect.height, pad = axis->taps;
    int64_t          rows   = height * reader->epoch->bands;
    tb_status        status = TB_OK;
    bool             moved, within;

    TB_TRY(
        reserve_floats(&reader->padded, &reader->padded_capacity, (size_t)(width + 2 * pad), err));
    TB_TRY(reserve_floats(&reader->across, &reader->across_capacity, (size_t)(rows * n), err));
    for (int64_t i = 0; i < n; i++) {
        int64_t first = reader->px[i].index + axis->first - window->rect.x + pad;

        reader->index[i] = (int32_t)clamped(first, 0, width + 2 * pad - axis->taps);
        reader->phase[i] = (uint8_t)reader->px[i].phase;
    }
    moved  = is_moved(reader, n);
    within = moved && reader->index[0] >= pad && reader->index[0] + n + axis->taps <= width + pad;
    for (int64_t row = 0; row < rows; row++) {
        const float *src = window->samples + row * width, *from = src - pad;
        const float *taps[TB_WARP_TAPS_MAX];

        if (!within) {
            for (int64_t i = 0; i < pad; i++) {
                reader->padded[i]               = src[0];
                reader->padded[pad + width + i] = src[width - 1];
            }
            memcpy(reader->padded + pad, src, (size_t)width * sizeof *src);
            from = reader->padded;
        }
        if (!moved) {
            reader->kernels->resample_across(reader->across + row * n, from, reader->index,
                                             reader->phase, axis->weights, axis->taps, (size_t)n);
            continue;
        }
        for (int k = 0; k < axis->taps; k++)
            taps[k] = from + reader->index[0] + k;
        reader->kernels->resample_down(reader->across + row * n, taps,
                                       axis->weights + reader->phase[0] * axis->taps, axis->taps,
                                       (size_t)n);
    }
done:
    return status;
}

/* A row of a strip's pixels from `first`: of band b into out[b]. */
static void resample_down(tb_epoch_reader *reader, const tb_warp_axis *axis, tb_warp_position y,
                          int64_t columns, int64_t first, int64_t n, float *const *out)
{
    const tb_rect *window = &reader->window.rect;
    const float   *rows[TB_WARP_TAPS_MAX];

    for (int b = 0; b < reader->epoch->bands; b++) {
        for (int k = 0; k < axis->taps; k++) {
            int64_t row = clamped(y.index + axis->first + k - window->y, 0, window->height - 1);

            rows[k] = reader->across + (b * window->height + row) * columns + first;
        }
        reader->kernels->resample_down(out[b], rows, axis->weights + y.phase * axis->taps,
                                       axis->taps, (size_t)n);
    }
}

static float resample_point(const float *plane, const tb_rect *window, const tb_warp_axis *ax,
                            const tb_warp_axis *ay, tb_warp_position px, tb_warp_position py)
{
    float sum = 0.0f;

    for (int j = 0; j < ay->taps; j++) {
        int64_t y   = clamped(py.index + ay->first + j - window->y, 0, window->height - 1);
        float   row = 0.0f;

        for (int i = 0; i < ax->taps; i++) {
            int64_t x = clamped(px.index + ax->first + i - window->x, 0, window->width - 1);

            row += ax->weights[px.phase * ax->taps + i] * plane[y * window->width + x];
        }
        sum += ay->weights[py.phase * ay->taps + j] * row;
    }
    return sum;
}

/* The same where all taps lie in the window; `first` is the first of them. */
static float resample_within(const float *first, int64_t width, const float *weight_x, int taps_x,
                             const float *weight_y, int taps_y)
{
    float sum = 0.0f;

    for (int j = 0; j < taps_y; j++, first += width) {
        float row = 0.0f;

        for (int i = 0; i < taps_x; i++)
            row += weight_x[i] * first[i];
        sum += weight_y[j] * row;
    }
    return sum;
}

/* NaN where a pixel lies outside of the image. */
static void resample_general(tb_epoch_reader *reader, const tb_warp *warp,
                             const tb_image_info *info, int64_t n)
{
    const tb_rect      *window = &reader->window.rect;
    const tb_warp_axis *ax = tb_warp_axis_x(warp), *ay = tb_warp_axis_y(warp);
    int64_t             plane = window->width * window->height;

    for (int64_t i = 0; i < n; i++) {
        tb_warp_position px = reader->px[i], py = reader->py[i];
        bool is_inside = tb_warp_is_inside(px, info->width) && tb_warp_is_inside(py, info->height);
        int64_t x      = is_inside ? px.index + ax->first - window->x : 0;
        int64_t y      = is_inside ? py.index + ay->first - window->y : 0;
        bool    is_within =
            x >= 0 && y >= 0 && x + ax->taps <= window->width && y + ay->taps <= window->height;

        for (int b = 0; b < reader->epoch->bands; b++) {
            const float *samples = reader->window.samples + b * plane;
            float       *out     = &reader->out[b * reader->columns + i];

            if (!is_inside)
                *out = NAN;
            else if (is_within)
                *out = resample_within(samples + y * window->width + x, window->width,
                                       ax->weights + px.phase * ax->taps, ax->taps,
                                       ay->weights + py.phase * ay->taps, ay->taps);
            else
                *out = resample_point(samples, window, ax, ay, px, py);
        }
    }
}

/* Gives the pixels of a row that no earlier file gave, where the first `tested` bands are finite.
 */
static void merge_row(const float *const *row, int bands, int tested, int f, int64_t n, size_t at,
                      float *const *planes, int16_t *file)
{
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
    }
}

static bool is_nobodys(const int16_t *file, int64_t n)
{
    int all = -1;

    for (int64_t i = 0; i < n; i++)
        all &= file[i];
    return all == -1;
}

static void give(int16_t *file, int64_t n, int f)
{
    for (int64_t i = 0; i < n; i++)
        file[i] = (int16_t)f;
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

/* Rows of an image that is only moved or scaled: x is the same for all rows, y for all columns. */
static tb_status read_straight(tb_epoch_reader *reader, int f, tb_rect strip, tb_rect rect,
                               float *const *planes, int16_t *file, tb_error *err)
{
    tb_status            status  = TB_OK;
    const tb_warp       *warp    = reader->epoch->file[f].warp;
    const tb_image_info *info    = tb_epoch_file(reader->epoch, f);
    const tb_rect       *window  = &reader->window.rect;
    bool                 is_copy = tb_warp_kind_of(warp) == TB_WARP_COPY;
    int                  bands = info->bands, tested = bands_to_test(info, tb_warp_kind_of(warp));
    int64_t              first = 0, end = strip.width;

    tb_warp_row(warp, strip.x, strip.y, strip.width, reader->px, reader->py);
    while (first < end && !tb_warp_is_inside(reader->px[first], info->width))
        first++;
    while (end > first && !tb_warp_is_inside(reader->px[end - 1], info->width))
        end--;
    if (first == end)
        goto done;
    if (!is_copy)
        TB_TRY(resample_across(reader, tb_warp_axis_x(warp), strip.width, err));
    for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
        size_t           at = (size_t)((y - rect.y) * rect.width + strip.x - rect.x + first);
        tb_warp_position px, py;
        const float     *row[TB_BANDS_MAX];
        float           *out[TB_BANDS_MAX];
        bool             is_free = !is_copy && tested == 0 && is_nobodys(file + at, end - first);

        tb_warp_row(warp, strip.x, y, 1, &px, &py);
        if (!tb_warp_is_inside(py, info->height))
            continue;
        for (int b = 0; b < bands; b++) {
            out[b] = is_free ? planes[b] + at : reader->out + b * reader->columns;
            row[b] = is_copy ? reader->window.samples +
                                   (b * window->height + py.index - window->y) * window->width +
                                   reader->px[first].index - window->x
                             : out[b];
        }
        if (!is_copy)
            resample_down(reader, tb_warp_axis_y(warp), py, strip.width, first, end - first, out);
        if (is_free)
            give(file + at, end - first, f);
        else
            merge_row(row, bands, tested, f, end - first, at, planes, file + at);
    }
done:
    return status;
}

static void read_turned(tb_epoch_reader *reader, int f, tb_rect strip, tb_rect rect,
                        float *const *planes, int16_t *file)
{
    const tb_warp       *warp = reader->epoch->file[f].warp;
    const tb_image_info *info = tb_epoch_file(reader->epoch, f);
    const float         *row[TB_BANDS_MAX];

    for (int b = 0; b < info->bands; b++)
        row[b] = reader->out + b * reader->columns;
    for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
        size_t at = (size_t)((y - rect.y) * rect.width + strip.x - rect.x);

        tb_warp_row(warp, strip.x, y, strip.width, reader->px, reader->py);
        resample_general(reader, warp, info, strip.width);
        merge_row(row, info->bands, bands_to_test(info, TB_WARP_GENERAL), f, strip.width, at,
                  planes, file + at);
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
    tb_warp_row(reader->epoch->file[0].warp, reach.x, reach.y, 1, &px, &py);
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
        give(file + at + y * rect.width, target.rect.width, 0);
done:
    return status;
}

static tb_status read_strip(tb_epoch_reader *reader, int f, tb_rect strip, tb_rect rect,
                            float *const *planes, int16_t *file, tb_error *err)
{
    tb_status      status = TB_OK;
    const tb_warp *warp   = reader->epoch->file[f].warp;
    tb_rect        window = tb_warp_window(warp, strip);

    if (tb_rect_is_empty(window))
        return TB_OK;
    TB_TRY(load(reader, f, window, err));
    if (tb_warp_kind_of(warp) == TB_WARP_GENERAL)
        read_turned(reader, f, strip, rect, planes, file);
    else
        TB_TRY(read_straight(reader, f, strip, rect, planes, file, err));
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
    int                  f      = reader->epoch->count;
    const tb_warp       *warp   = reader->epoch->file[f].warp;
    const tb_image_info *info   = tb_epoch_file(reader->epoch, f);

    for (int64_t y0 = rect.y; y0 < rect.y + rect.height; y0 += STRIP_ROWS) {
        tb_rect strip  = tb_rect_intersect((tb_rect){rect.x, y0, rect.width, STRIP_ROWS}, rect);
        tb_rect window = tb_warp_window(warp, strip);

        if (!tb_rect_is_empty(window))
            TB_TRY(load(reader, f, window, err));
        for (int64_t y = strip.y; y < strip.y + strip.height; y++) {
            tb_warp_row(warp, strip.x, y, strip.width, reader->px, reader->py);
            for (int64_t i = 0; i < strip.width; i++) {
                tb_warp_position px = reader->px[i], py = reader->py[i];
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
                for (int b = 0; b < reader->epoch->bands; b++)
                    planes[b][at] = NAN;
            }
        }
    }
done:
    return status;
}

static bool is_anybodys(const int16_t *file, int64_t n)
{
    int signs = 0;

    for (int64_t i = 0; i < n; i++)
        signs |= file[i];
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

tb_status tb_epoch_read(tb_epoch_reader *reader, tb_rect rect, float *const *planes, int16_t *file,
                        tb_error *err)
{
    tb_status status = TB_OK;
    size_t    pixels = (size_t)tb_rect_area(rect);

    TB_TRY(reserve(reader, rect.width, err));
    memset(file, 0xff, pixels * sizeof *file); /* -1 */
    for (int f = 0; f < reader->epoch->count; f++) {
        const epoch_file *it    = &reader->epoch->file[f];
        tb_rect           reach = tb_rect_intersect(rect, it->footprint);

        if (f == 0 && tb_warp_kind_of(it->warp) == TB_WARP_COPY && !tb_rect_is_empty(reach) &&
            bands_to_test(tb_epoch_file(reader->epoch, f), TB_WARP_COPY) == 0) {
            TB_TRY(read_copied(reader, reach, rect, planes, file, err));
            continue;
        }
        for (int64_t y = reach.y; y < reach.y + reach.height; y += STRIP_ROWS) {
            tb_rect strip =
                tb_rect_intersect((tb_rect){reach.x, y, reach.width, STRIP_ROWS}, reach);

            if (has_gap(file, strip, rect))
                TB_TRY(read_strip(reader, f, strip, rect, planes, file, err));
        }
    }
    mark_unobserved(planes, reader->epoch->bands, file, rect);
    if (reader->epoch->has_valid)
        TB_TRY(apply_validity(reader, rect, planes, file, err));
done:
    return status;
}
