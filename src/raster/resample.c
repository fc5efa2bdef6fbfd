#include "raster/resample.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

void tb_resampler_reset(tb_resampler *r)
{
    tb_free(r->px);
    tb_free(r->py);
    tb_free(r->index);
    tb_free(r->phase);
    tb_free(r->out);
    tb_free(r->padded);
    tb_free(r->across);
    *r = (tb_resampler){0};
}

tb_status tb_resampler_reserve(tb_resampler *r, int64_t columns, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    n      = (size_t)columns;

    if (columns <= r->columns)
        return TB_OK;
    TB_TRY(tb_grow(&r->px, n, sizeof *r->px, "positions", err));
    TB_TRY(tb_grow(&r->py, n, sizeof *r->py, "positions", err));
    TB_TRY(tb_grow(&r->index, n, sizeof *r->index, "taps", err));
    TB_TRY(tb_grow(&r->phase, n, sizeof *r->phase, "phases", err));
    TB_TRY(tb_grow(&r->out, n * (size_t)r->bands, sizeof *r->out, "row", err));
    r->columns = columns;
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

static int64_t clamped(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* True if all outputs have one phase and taps side by side: the row is moved as a whole. */
static bool is_moved(const tb_resampler *r)
{
    for (int64_t i = 1; i < r->n; i++)
        if (r->phase[i] != r->phase[0] || r->index[i] != r->index[0] + i)
            return false;
    return true;
}

/* First taps, counted in a row of the rectangle with its ends repeated, and phases. True if they
 * are what they were. */
static bool place_taps(tb_resampler *r, tb_rect rect, const tb_warp_axis *axis, int64_t n)
{
    bool is_same = n == r->n;

    for (int64_t i = 0; i < n; i++) {
        int64_t first = r->px[i].index + axis->first - rect.x + axis->taps;
        int32_t index = (int32_t)clamped(first, 0, rect.width + axis->taps);
        uint8_t phase = (uint8_t)r->px[i].phase;

        is_same     = is_same && index == r->index[i] && phase == r->phase[i];
        r->index[i] = index;
        r->phase[i] = phase;
    }
    return is_same;
}

tb_status tb_resampler_begin(tb_resampler *r, int file, tb_rect rect, const tb_warp_axis *axis,
                             int64_t n, int64_t *kept, tb_error *err)
{
    tb_status status  = TB_OK;
    int64_t   end     = r->held.y + r->held.height;
    bool      is_same = place_taps(r, rect, axis, n) && file == r->file && rect.x == r->held.x &&
                   rect.width == r->held.width && rect.y >= r->held.y && rect.y <= end &&
                   rect.height <= r->ring;

    *kept   = is_same ? end - rect.y : 0;
    *kept   = *kept < rect.height ? *kept : rect.height;
    r->file = -1; /* until there is room for them */
    TB_TRY(reserve_floats(&r->padded, &r->padded_capacity, (size_t)(rect.width + 2 * axis->taps),
                          err));
    if (!is_same) {
        TB_TRY(reserve_floats(&r->across, &r->across_capacity, (size_t)(rect.height * r->bands * n),
                              err));
        r->ring = (int64_t)(r->across_capacity / (size_t)(r->bands * n));
    }
    r->file = file;
    r->held = rect;
    r->n    = n;
done:
    return status;
}

static float *row_of(const tb_resampler *r, int64_t y, int band)
{
    return r->across + (y % r->ring * r->bands + band) * r->n;
}

void tb_resampler_across(tb_resampler *r, const tb_window *window, const tb_warp_axis *axis)
{
    int64_t width = window->rect.width, pad = axis->taps;
    bool    moved  = is_moved(r);
    bool    within = moved && r->index[0] >= pad && r->index[0] + r->n + pad <= width + pad;

    for (int64_t row = 0; row < window->rect.height * r->bands; row++) {
        int          band = (int)(row / window->rect.height);
        float       *dst  = row_of(r, window->rect.y + row % window->rect.height, band);
        const float *src = window->samples + row * width, *from = src - pad;
        const float *taps[TB_WARP_TAPS_MAX];

        if (!within) {
            for (int64_t i = 0; i < pad; i++) {
                r->padded[i]               = src[0];
                r->padded[pad + width + i] = src[width - 1];
            }
            memcpy(r->padded + pad, src, (size_t)width * sizeof *src);
            from = r->padded;
        }
        if (!moved) {
            r->kernels->resample_across(dst, from, r->index, r->phase, axis->weights, axis->taps,
                                        (size_t)r->n);
            continue;
        }
        for (int k = 0; k < axis->taps; k++)
            taps[k] = from + r->index[0] + k;
        r->kernels->resample_down(dst, taps, axis->weights + r->phase[0] * axis->taps, axis->taps,
                                  (size_t)r->n);
    }
}

void tb_resampler_down(const tb_resampler *r, const tb_warp_axis *axis, tb_warp_position y,
                       int band, int64_t first, int64_t n, float *out)
{
    const float *rows[TB_WARP_TAPS_MAX];

    for (int k = 0; k < axis->taps; k++) {
        int64_t row = clamped(y.index + axis->first + k, r->held.y, r->held.y + r->held.height - 1);

        rows[k] = row_of(r, row, band) + first;
    }
    r->kernels->resample_down(out, rows, axis->weights + y.phase * axis->taps, axis->taps,
                              (size_t)n);
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

void tb_resampler_general(tb_resampler *r, const tb_window *from, const tb_warp *warp,
                          const tb_image_info *info, int64_t n)
{
    const tb_rect      *window = &from->rect;
    const tb_warp_axis *ax = tb_warp_axis_x(warp), *ay = tb_warp_axis_y(warp);
    int64_t             plane = window->width * window->height;

    for (int64_t i = 0; i < n; i++) {
        tb_warp_position px = r->px[i], py = r->py[i];
        bool is_inside = tb_warp_is_inside(px, info->width) && tb_warp_is_inside(py, info->height);
        int64_t x      = is_inside ? px.index + ax->first - window->x : 0;
        int64_t y      = is_inside ? py.index + ay->first - window->y : 0;
        bool    is_within =
            x >= 0 && y >= 0 && x + ax->taps <= window->width && y + ay->taps <= window->height;

        for (int b = 0; b < r->bands; b++) {
            const float *samples = from->samples + b * plane;
            float       *out     = &r->out[b * r->columns + i];

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
