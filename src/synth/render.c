#include "synth/render.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/parallel.h"
#include "raster/sink.h"
#include "synth/canvas.h"
#include "synth/noise.h"
#include "synth/season.h"

/*
 * Pixels of a band of rows; cells a pixel; the point spread: three boxes of a pixel over one
 * another (27 is the sum of its taps), 1.1 pixels wide at half its height.
 */
enum { BAND = 32, CELLS = 3, TAPS = 7, REACH = 2, BANDS = TB_SEASON_BANDS, OCTAVES = 3 };

static const float spread[TAPS] = {1 / 27.0f, 3 / 27.0f, 6 / 27.0f, 7 / 27.0f,
                                   6 / 27.0f, 3 / 27.0f, 1 / 27.0f};

/* Lattice steps of the ground's texture, metres, and the shares of it that are coarse and fine. */
static const double steps[OCTAVES]  = {46.0, 11.0, 2.6};
static const float  coarse[OCTAVES] = {0.9f, 0.7f, 0.0f}, fine[OCTAVES] = {0.0f, 0.6f, 1.5f};

/* Digital numbers of full reflectance, and of the sensor's noise. */
static const double FULL_SCALE = 10000.0, SENSOR_NOISE = 9.0;

/* What a worker has to itself. */
typedef struct desk {
    tb_canvas canvas;
    float    *line;             /* [BANDS][cells] of one row of cells */
    float    *texture[OCTAVES]; /* one row of cells each */
    float    *seen;             /* [BAND][BANDS][width] */
    uint16_t *samples;          /* the same, as they are written */
    uint8_t  *valid;            /* [BAND][width] */
} desk;

typedef struct picture {
    const tb_scene   *scene;
    const tb_weather *weather;
    const tb_view    *view;
    tb_look          *looks; /* one a patch */
    size_t           *first; /* patches of band i: order[first[i]] .. order[first[i + 1]] */
    uint32_t         *order;
    double            gain[BANDS], offset[BANDS];
    tb_point          shadow; /* of one metre of height */
    desk             *desks;
    tb_sink          *image, *valid; /* valid NULL: no mask */
} picture;

/* The ground at the centre of a pixel's corner (0, 0) and so on. */
static double ground_x(const tb_view *v, double pixel)
{
    return (pixel - v->shift_x) * v->gsd_m;
}

static double ground_y(const tb_view *v, double pixel)
{
    return (pixel - v->shift_y) * v->gsd_m;
}

/* ---------------------------------------------------------------- which patch in which band */

static bool is_seen(const picture *p, const tb_patch *patch)
{
    return patch->from <= p->view->date && p->view->date <= patch->until;
}

/* First and last band a patch reaches into, its shadow too; false if none. */
static bool bands_of(const picture *p, const tb_patch *patch, int64_t bands, int64_t *from,
                     int64_t *to)
{
    const tb_point *corner = p->scene->corners + patch->first;
    double          low = corner[0].y, high = corner[0].y, shade = patch->height * p->shadow.y;
    double          side = p->view->gsd_m * BAND, top = ground_y(p->view, -1.0);

    for (uint32_t i = 1; i < patch->count; i++) {
        low  = corner[i].y < low ? corner[i].y : low;
        high = corner[i].y > high ? corner[i].y : high;
    }
    low += shade < 0 ? shade : 0.0;
    high += shade > 0 ? shade : 0.0;
    *from = (int64_t)floor((low - top) / side) - 1;
    *to   = (int64_t)floor((high - top) / side) + 1;
    *from = *from < 0 ? 0 : *from;
    *to   = *to >= bands ? bands - 1 : *to;
    return *from <= *to;
}

static tb_status sort_patches(picture *p, int64_t bands, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   from, to;

    TB_TRY(
        tb_alloc_zero(&p->first, (size_t)bands + 1, sizeof *p->first, "bands of a picture", err));
    for (size_t i = 0; i < p->scene->patch_count; i++)
        if (is_seen(p, &p->scene->patches[i]) &&
            bands_of(p, &p->scene->patches[i], bands, &from, &to))
            for (int64_t b = from; b <= to; b++)
                p->first[b + 1]++;
    for (int64_t b = 0; b < bands; b++)
        p->first[b + 1] += p->first[b];
    TB_TRY(tb_alloc(&p->order, p->first[bands], sizeof *p->order, "bands of a picture", err));
    for (size_t i = 0; i < p->scene->patch_count; i++)
        if (is_seen(p, &p->scene->patches[i]) &&
            bands_of(p, &p->scene->patches[i], bands, &from, &to))
            for (int64_t b = from; b <= to; b++)
                p->order[p->first[b]++] = (uint32_t)i;
    for (int64_t b = bands; b > 0; b--)
        p->first[b] = p->first[b - 1];
    p->first[0] = 0;
done:
    return status;
}

/* ---------------------------------------------------------------- one band of rows */

static void paint_band(const picture *p, desk *d, int64_t band)
{
    static const double parts[] = {1.0, 0.66, 0.33};
    const tb_scene     *scene   = p->scene;

    d->canvas.cell = p->view->gsd_m / CELLS;
    d->canvas.left = ground_x(p->view, 0.0) - REACH * d->canvas.cell;
    d->canvas.top  = ground_y(p->view, (double)(band * BAND)) - REACH * d->canvas.cell;
    memset(d->canvas.labels, 0,
           (size_t)(d->canvas.width * d->canvas.height) * sizeof *d->canvas.labels);
    for (size_t i = p->first[band]; i < p->first[band + 1]; i++) {
        const tb_patch *patch  = &scene->patches[p->order[i]];
        const tb_point *corner = scene->corners + patch->first;

        for (size_t s = 0; patch->height > 0.0f && s < sizeof parts / sizeof *parts; s++)
            tb_canvas_paint(&d->canvas, corner, patch->count,
                            (tb_point){parts[s] * patch->height * p->shadow.x,
                                       parts[s] * patch->height * p->shadow.y},
                            TB_CANVAS_SHADE);
        tb_canvas_paint(&d->canvas, corner, patch->count, (tb_point){0.0, 0.0}, p->order[i]);
    }
}

/* Noise of one wavelength along a row of cells. */
static void make_texture(float *row, int64_t n, uint64_t seed, double left, double cell, double y,
                         double step)
{
    double  fy = floor(y / step), v = y / step - fy;
    int64_t iy = (int64_t)fy, at = INT64_MIN;
    double  from = 0.0, to = 0.0;

    v = v * v * (3.0 - 2.0 * v);
    for (int64_t i = 0; i < n; i++) {
        double  x = (left + ((double)i + 0.5) * cell) / step, fx = floor(x), u = x - fx;
        int64_t ix = (int64_t)fx;

        if (ix != at) {
            from = at == ix - 1 && at != INT64_MIN ? to
                                                   : (1.0 - v) * tb_noise_node(seed, ix, iy) +
                                                         v * tb_noise_node(seed, ix, iy + 1);
            to   = (1.0 - v) * tb_noise_node(seed, ix + 1, iy) +
                 v * tb_noise_node(seed, ix + 1, iy + 1);
            at = ix;
        }
        u      = u * u * (3.0 - 2.0 * u);
        row[i] = (float)(from + u * (to - from));
    }
}

/* Tilled rows some metres apart: a triangle wave across the direction they run in. */
static float stripe_at(const tb_patch *patch, double x, double y)
{
    double t = (y * (double)patch->axis_x - x * (double)patch->axis_y) / 7.3;

    t -= floor(t);
    return (float)(t < 0.5 ? 4.0 * t - 1.0 : 3.0 - 4.0 * t);
}

static void colour_row(const picture *p, desk *d, int64_t row)
{
    const tb_canvas *c     = &d->canvas;
    const uint32_t  *label = c->labels + (size_t)row * (size_t)c->width;
    double           y     = c->top + ((double)row + 0.5) * c->cell;
    int64_t          n     = c->width;

    for (int o = 0; o < OCTAVES; o++)
        make_texture(d->texture[o], n, p->view->seed + (uint64_t)o, c->left, c->cell, y, steps[o]);
    for (int64_t i = 0; i < n; i++) {
        uint32_t        which = label[i] & ~TB_CANVAS_SHADE;
        const tb_patch *patch = &p->scene->patches[which];
        const tb_look  *look  = &p->looks[which];
        float           broad = coarse[0] * d->texture[0][i] + coarse[1] * d->texture[1][i];
        float           grain =
            1.0f + look->grain * (fine[1] * d->texture[1][i] + fine[2] * d->texture[2][i]);

        if (look->stripes > 0.0f)
            grain += look->stripes * stripe_at(patch, c->left + ((double)i + 0.5) * c->cell, y);
        if (label[i] & TB_CANVAS_SHADE)
            grain *= 0.42f;
        for (int b = 0; b < BANDS; b++)
            d->line[(int64_t)b * n + i] = (look->base[b] + broad * look->swing[b]) * grain;
    }
}

/* Adds a row of cells to the pixels that see it. */
static void expose_row(desk *d, int64_t width, int64_t row)
{
    for (int64_t y = row / CELLS - 2; y <= row / CELLS; y++) {
        int64_t tap = row - y * CELLS;

        if (y < 0 || y >= BAND || tap < 0 || tap >= TAPS)
            continue;
        for (int b = 0; b < BANDS; b++) {
            const float *cell = d->line + (int64_t)b * d->canvas.width;
            float       *seen = d->seen + (y * BANDS + b) * width;

            for (int64_t x = 0; x < width; x++) {
                const float *at  = cell + x * CELLS;
                float        sum = spread[0] * (at[0] + at[6]) + spread[1] * (at[1] + at[5]) +
                            spread[2] * (at[2] + at[4]) + spread[3] * at[3];

                seen[x] += spread[tap] * sum;
            }
        }
    }
}

/* Sum of uniform numbers: near enough to a normal one, of standard deviation 1. */
static double noise_of(uint64_t hash)
{
    double sum = 0.0;

    for (int i = 0; i < 4; i++)
        sum += (double)((hash >> (16 * i)) & 0xffff) / 65536.0;
    return (sum - 2.0) * 1.7320508;
}

static uint16_t digitise(const picture *p, double reflectance, int band, uint64_t hash)
{
    double value = reflectance * FULL_SCALE * p->gain[band] + p->offset[band];

    value += noise_of(hash) * SENSOR_NOISE * (1.0 + value / 4000.0);
    return value < 1.0 ? 1 : value > 65535.0 ? 65535 : (uint16_t)(value + 0.5);
}

static void finish_row(const picture *p, desk *d, int64_t row, int64_t y)
{
    static const double white[BANDS] = {.62, .64, .65, .70}, shade[BANDS] = {.56, .50, .46, .42};
    const tb_view      *v     = p->view;
    int64_t             width = v->grid->width;
    uint64_t            seed  = tb_random_hash(v->seed, 41, (uint64_t)v->date);

    for (int64_t x = 0; x < width; x++) {
        tb_point place = {ground_x(v, (double)x + 0.5), ground_y(v, (double)y + 0.5)};
        tb_sky   sky   = tb_weather_at(p->weather, v->date, place);

        d->valid[row * width + x] = tb_sky_is_clear(sky);
        for (int b = 0; b < BANDS; b++) {
            int64_t at   = (row * BANDS + b) * width + x;
            double  seen = (double)d->seen[at];

            seen *= 1.0 - sky.shadow * (1.0 - shade[b]);
            seen += sky.cloud * (white[b] - seen);
            d->samples[at] = digitise(
                p, seen, b, tb_random_hash(seed, (uint64_t)y * BANDS + (uint64_t)b, (uint64_t)x));
        }
    }
}

static int64_t rows_of(const picture *p, int64_t band)
{
    int64_t left = p->view->grid->height - band * BAND;

    return left < BAND ? left : BAND;
}

static tb_status make_band(void *context, int worker, int64_t band, tb_error *err)
{
    const picture *p     = context;
    desk          *d     = &p->desks[worker];
    int64_t        width = p->view->grid->width, rows = rows_of(p, band);

    (void)err;
    paint_band(p, d, band);
    memset(d->seen, 0, (size_t)(BAND * BANDS * width) * sizeof *d->seen);
    for (int64_t row = 0; row < rows * CELLS + 2 * REACH; row++) {
        colour_row(p, d, row);
        expose_row(d, width, row);
    }
    for (int64_t row = 0; row < rows; row++)
        finish_row(p, d, row, band * BAND + row);
    return TB_OK;
}

static tb_status emit_band(void *context, int worker, int64_t band, tb_error *err)
{
    const picture     *p     = context;
    const desk        *d     = &p->desks[worker];
    const tb_progress *told  = p->view->progress;
    int64_t            width = p->view->grid->width, rows = rows_of(p, band);
    tb_status          status = TB_OK;

    for (int64_t row = 0; row < rows; row++) {
        TB_TRY(tb_sink_row(p->image, d->samples + row * BANDS * width, err));
        if (p->valid != NULL)
            TB_TRY(tb_sink_row(p->valid, d->valid + row * width, err));
    }
    if (told != NULL && told->report != NULL)
        told->report(told->context, "draw", (band * BAND + rows) * width,
                     p->view->grid->height * width);
done:
    return status;
}

/* ---------------------------------------------------------------- all of it */

static tb_status make_desk(desk *d, const picture *p, tb_error *err)
{
    tb_status status = TB_OK;
    int64_t   width = p->view->grid->width, cells = width * CELLS + 2 * REACH;
    size_t    pixels = (size_t)(BAND * width);

    TB_TRY(
        tb_canvas_init(&d->canvas, cells, BAND * CELLS + 2 * REACH, p->scene->most_corners, err));
    TB_TRY(tb_alloc(&d->line, (size_t)(cells * BANDS), sizeof *d->line, "row of a picture", err));
    for (int o = 0; o < OCTAVES; o++)
        TB_TRY(tb_alloc(&d->texture[o], (size_t)cells, sizeof *d->texture[o], "row of a picture",
                        err));
    TB_TRY(tb_alloc(&d->seen, pixels * BANDS, sizeof *d->seen, "rows of a picture", err));
    TB_TRY(tb_alloc(&d->samples, pixels * BANDS, sizeof *d->samples, "rows of a picture", err));
    TB_TRY(tb_alloc(&d->valid, pixels, 1, "rows of a mask", err));
done:
    return status;
}

static void free_desk(desk *d)
{
    tb_canvas_reset(&d->canvas);
    tb_free(d->line);
    for (int o = 0; o < OCTAVES; o++)
        tb_free(d->texture[o]);
    tb_free(d->seen);
    tb_free(d->samples);
    tb_free(d->valid);
}

/* The first date is as the reflectance says; the others have another air and another setting. */
static void choose_radiometry(picture *p)
{
    static const double haze[BANDS] = {130.0, 95.0, 60.0, 20.0};
    tb_random           random      = tb_random_begin(p->view->seed, 50 + (uint64_t)p->view->date);
    double              thick       = tb_random_between(&random, 0.4, 1.6);

    for (int b = 0; b < BANDS; b++) {
        p->gain[b]   = p->view->date == 0 ? 1.0 : tb_random_between(&random, 0.90, 1.10);
        p->offset[b] = p->view->date == 0 ? haze[b] : thick * haze[b];
    }
}

tb_status tb_render(const tb_scene *scene, const tb_weather *weather, const tb_view *view,
                    const char *image_path, const char *valid_path, tb_error *err)
{
    static const char *const names[] = {"blue", "green", "red", "near infrared"};
    const tb_sink_layout     layout  = {
             .bands = BANDS, .type = TB_SAMPLE_U16, .has_nodata = true, .names = names};
    static const char *const mask_names[] = {"valid"};
    const tb_sink_layout     mask         = {.bands = 1, .type = TB_SAMPLE_U8, .names = mask_names};
    int64_t                  bands        = (view->grid->height + BAND - 1) / BAND;
    tb_status                status       = TB_OK;
    picture                  p            = {.scene = scene, .weather = weather, .view = view};
    tb_loop                  loop         = {.count    = bands,
                                             .workers  = view->workers,
                                             .make     = make_band,
                                             .emit     = emit_band,
                                             .context  = &p,
                                             .progress = view->progress};

    tb_season_shadow(view->date, &p.shadow.x, &p.shadow.y);
    choose_radiometry(&p);
    TB_TRY(tb_alloc(&p.looks, scene->patch_count, sizeof *p.looks, "looks of patches", err));
    for (size_t i = 0; i < scene->patch_count; i++)
        p.looks[i] =
            tb_season_look((tb_cover)scene->patches[i].cover,
                           tb_random_hash(view->seed, 61, scene->patches[i].identity), view->date);
    TB_TRY(sort_patches(&p, bands, err));
    TB_TRY(tb_alloc_zero(&p.desks, (size_t)view->workers, sizeof *p.desks, "workers", err));
    for (int w = 0; w < view->workers; w++)
        TB_TRY(make_desk(&p.desks[w], &p, err));
    TB_TRY(tb_sink_open(&p.image, image_path, view->grid, &layout, err));
    if (valid_path != NULL)
        TB_TRY(tb_sink_open(&p.valid, valid_path, view->grid, &mask, err));
    TB_TRY(tb_loop_run(&loop, err));
    TB_TRY(tb_sink_finish(p.image, err));
    if (p.valid != NULL)
        TB_TRY(tb_sink_finish(p.valid, err));
done:
    tb_sink_close(p.image);
    tb_sink_close(p.valid);
    for (int w = 0; p.desks != NULL && w < view->workers; w++)
        free_desk(&p.desks[w]);
    tb_free(p.desks);
    tb_free(p.looks);
    tb_free(p.first);
    tb_free(p.order);
    return status;
}
