#include "synth/plant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "raster/grid.h"
#include "raster/sink.h"
#include "raster/warp.h"
#include "synth/canvas.h"
#include "synth/noise.h"
#include "synth/pixels.h"
#include "synth/place.h"
#include "synth/scene.h"
#include "synth/season.h"
#include "synth/site.h"
#include "synth/truth.h"

enum { BAND = 32, CELLS = 3, TAPS = 7, REACH = 2, PALETTE = 4096, TRIES = 400 };

/* The point spread of render.c. */
static const double spread[TAPS] = {1 / 27.0, 3 / 27.0, 6 / 27.0, 7 / 27.0,
                                    6 / 27.0, 3 / 27.0, 1 / 27.0};

/* A real pair with what is built into it. Scene metres are BEFORE's pixels times gsd_m. */
typedef struct planting {
    const tb_synth_options *options;
    tb_image               *before, *after;
    tb_grid                 lattice;
    tb_warp                *warp;        /* BEFORE's pixels to AFTER's */
    double                  gsd_m, fine; /* metres of a pixel; AFTER's pixels a pixel of BEFORE's */
    uint8_t                *seen;        /* [height][width] of BEFORE: observed on both dates */
    double                 *palette;     /* [count][bands] pixels of AFTER from dark to bright */
    size_t                  palette_count;
    tb_sites                sites;
    tb_scene                scene; /* corners in AFTER's pixels */
} planting;

/* ---------------------------------------------------------------- what the pair shows */

static tb_status open_pair(planting *p, tb_error *err)
{
    const tb_synth_options *o      = p->options;
    tb_status               status = TB_OK;
    const tb_image_info    *info;

    TB_TRY(tb_image_open(&p->before, o->before, err));
    TB_TRY(tb_image_open(&p->after, o->after, err));
    info       = tb_image_describe(p->before);
    p->lattice = (tb_grid){.width         = info->width,
                           .height        = info->height,
                           .has_transform = info->has_transform,
                           .crs           = info->crs};
    memcpy(p->lattice.transform, info->transform, sizeof p->lattice.transform);
    TB_TRY(tb_warp_new(&p->warp, &p->lattice, tb_image_describe(p->after), false, err));
    p->fine  = tb_warp_scale(p->warp);
    p->gsd_m = tb_grid_gsd_m(&p->lattice);
    if (p->gsd_m <= 0.0)
        p->gsd_m = o->gsd_m;
done:
    return status;
}

static tb_status mark_before(planting *p, tb_error *err)
{
    tb_pixels rows   = {0};
    tb_status status = TB_OK;

    TB_TRY(tb_alloc(&p->seen, (size_t)p->lattice.width * (size_t)p->lattice.height, 1,
                    "mask of a pair", err));
    TB_TRY(tb_pixels_init(&rows, p->before, BAND, err));
    for (int64_t y = 0; y < p->lattice.height; y++) {
        if (y % BAND == 0)
            TB_TRY(tb_pixels_read(&rows, y, err));
        for (int64_t x = 0; x < p->lattice.width; x++)
            p->seen[y * p->lattice.width + x] = tb_pixels_is_observed(&rows, x, y);
    }
done:
    tb_pixels_reset(&rows);
    return status;
}

/* Observed pixels of AFTER, all of them read once; and a few thousand of them for the palette. */
static tb_status mark_after(planting *p, uint8_t **mask, tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(p->after);
    int64_t              every  = info->width * info->height / PALETTE + 1;
    tb_pixels            rows   = {0};
    tb_status            status = TB_OK;

    TB_TRY(tb_alloc(mask, (size_t)(info->width * info->height), 1, "mask of a pair", err));
    TB_TRY(tb_alloc(&p->palette, (size_t)PALETTE * (size_t)info->bands, sizeof *p->palette,
                    "colours of a pair", err));
    TB_TRY(tb_pixels_init(&rows, p->after, BAND, err));
    for (int64_t y = 0; y < info->height; y++) {
        if (y % BAND == 0)
            TB_TRY(tb_pixels_read(&rows, y, err));
        for (int64_t x = 0; x < info->width; x++) {
            bool is_seen = tb_pixels_is_observed(&rows, x, y);

            (*mask)[y * info->width + x] = is_seen;
            if (!is_seen || p->palette_count == PALETTE ||
                tb_random_hash(7, (uint64_t)y, (uint64_t)x) % (uint64_t)every != 0)
                continue;
            for (int b = 0; b < info->bands; b++)
                p->palette[p->palette_count * (size_t)info->bands + (size_t)b] =
                    tb_pixels_at(&rows, b, x, y);
            p->palette_count++;
        }
    }
done:
    tb_pixels_reset(&rows);
    return status;
}

/* A brightness, then a number: equal ones keep their order. */
static int by_brightness(const void *a, const void *b)
{
    const double *x = a, *y = b;
    int           i = x[0] == y[0];

    return (x[i] > y[i]) - (x[i] < y[i]);
}

/* Sorts the palette from dark to bright: by the sum of bands, each in its own mean. */
static tb_status sort_palette(planting *p, tb_error *err)
{
    size_t    bands = (size_t)tb_image_describe(p->after)->bands, row = bands + 2;
    double    mean[TB_BANDS_MAX] = {0};
    double   *keyed              = NULL;
    tb_status status             = TB_OK;

    TB_TRY(tb_alloc_zero(&keyed, p->palette_count * row, sizeof *keyed, "colours of a pair", err));
    for (size_t i = 0; i < p->palette_count * bands; i++)
        mean[i % bands] += fabs(p->palette[i]) / (double)p->palette_count;
    for (size_t i = 0; i < p->palette_count; i++) {
        double *at = &keyed[i * row];

        at[1] = (double)i;
        for (size_t b = 0; b < bands; b++) {
            at[2 + b] = p->palette[i * bands + b];
            at[0] += at[2 + b] / (mean[b] > 0.0 ? mean[b] : 1.0);
        }
    }
    qsort(keyed, p->palette_count, row * sizeof *keyed, by_brightness);
    for (size_t i = 0; i < p->palette_count; i++)
        memcpy(&p->palette[i * bands], &keyed[i * row + 2], bands * sizeof *keyed);
done:
    tb_free(keyed);
    return status;
}

/* A place of AFTER's pixels, corner-based, by the warp's own positions about it. */
static bool to_after(const planting *p, tb_point metres, tb_point *after)
{
    double           x = metres.x / p->gsd_m - 0.5, y = metres.y / p->gsd_m - 0.5;
    double           fx = floor(x), fy = floor(y);
    tb_warp_position px[2], py[2], qx[2], qy[2];

    tb_warp_row(p->warp, (int64_t)fx, (int64_t)fy, 2, px, py);
    tb_warp_row(p->warp, (int64_t)fx, (int64_t)fy + 1, 2, qx, qy);
    for (int i = 0; i < 2; i++)
        if (px[i].index == INT64_MIN || qx[i].index == INT64_MIN)
            return false;

    double ax[3] = {(double)px[0].index + px[0].phase / 256.0,
                    (double)px[1].index + px[1].phase / 256.0,
                    (double)qx[0].index + qx[0].phase / 256.0};
    double ay[3] = {(double)py[0].index + py[0].phase / 256.0,
                    (double)py[1].index + py[1].phase / 256.0,
                    (double)qy[0].index + qy[0].phase / 256.0};

    after->x = ax[0] + (x - fx) * (ax[1] - ax[0]) + (y - fy) * (ax[2] - ax[0]) + 0.5;
    after->y = ay[0] + (x - fx) * (ay[1] - ay[0]) + (y - fy) * (ay[2] - ay[0]) + 0.5;
    return true;
}

static tb_status look_at_pair(planting *p, tb_error *err)
{
    const tb_image_info *after  = tb_image_describe(p->after);
    uint8_t             *mask   = NULL;
    tb_warp_position    *px     = NULL, *py;
    tb_status            status = TB_OK;
    int64_t              width  = p->lattice.width;

    TB_TRY(mark_before(p, err));
    TB_TRY(mark_after(p, &mask, err));
    TB_TRY(tb_alloc(&px, 2 * (size_t)width, sizeof *px, "positions of a row", err));
    py = px + width;
    for (int64_t y = 0; y < p->lattice.height; y++) {
        tb_warp_row(p->warp, 0, y, width, px, py);
        for (int64_t x = 0; x < width; x++) {
            uint8_t *seen = &p->seen[y * width + x];

            if (!tb_warp_is_inside(px[x], after->width) || !tb_warp_is_inside(py[x], after->height))
                *seen = 0;
            else
                *seen &= mask[(py[x].index + (py[x].phase >= TB_WARP_PHASES / 2)) * after->width +
                              px[x].index + (px[x].phase >= TB_WARP_PHASES / 2)];
        }
    }
    if (p->palette_count < 64)
        status = tb_error_set(err, TB_E_INPUT, "%s: expected pixels that are observed, got %zu",
                              after->path, p->palette_count);
    else
        status = sort_palette(p, err);
done:
    tb_free(mask);
    tb_free(px);
    return status;
}

/* ---------------------------------------------------------------- where to build */

static bool is_clear(const void *context, int date, tb_point place)
{
    const planting *p = context;
    int64_t         x = (int64_t)floor(place.x / p->gsd_m), y = (int64_t)floor(place.y / p->gsd_m);

    (void)date;
    return x >= 0 && y >= 0 && x < p->lattice.width && y < p->lattice.height &&
           p->seen[y * p->lattice.width + x];
}

/* All of its box is observed. */
static bool is_buildable(const void *context, const tb_figure *figure)
{
    const planting *p   = context;
    tb_point        low = figure->corner[0], high = low;

    for (int i = 0; i < figure->count; i++) {
        low.x  = figure->corner[i].x < low.x ? figure->corner[i].x : low.x;
        low.y  = figure->corner[i].y < low.y ? figure->corner[i].y : low.y;
        high.x = figure->corner[i].x > high.x ? figure->corner[i].x : high.x;
        high.y = figure->corner[i].y > high.y ? figure->corner[i].y : high.y;
    }
    for (double y = low.y; y <= high.y; y += p->gsd_m)
        for (double x = low.x; x <= high.x; x += p->gsd_m)
            if (!is_clear(p, 0, (tb_point){x, y}))
                return false;
    return true;
}

static tb_status build_all(planting *p, tb_error *err)
{
    tb_status status = TB_OK;

    p->scene.dates = 2;
    for (size_t i = 0; i < p->sites.count; i++)
        TB_TRY(tb_site_build(&p->sites.items[i], &p->scene, p->options->seed, err));
    for (size_t i = 0; i < p->scene.corner_count; i++)
        if (!to_after(p, p->scene.corners[i], &p->scene.corners[i]))
            return tb_error_set(err, TB_E_BUG, "plant: expected a place inside both images");
done:
    return status;
}

/* ---------------------------------------------------------------- painting */

/* How bright each cover is among what the image shows anyway. */
static double rank_of(tb_cover cover)
{
    switch (cover) {
    case TB_COVER_WATER:
        return 0.01;
    case TB_COVER_PANEL:
        return 0.03;
    case TB_COVER_ASPHALT:
    case TB_COVER_GREY_ROOF:
        return 0.12;
    case TB_COVER_TURF:
        return 0.45;
    case TB_COVER_RED_ROOF:
    case TB_COVER_MUD:
    case TB_COVER_GRAVEL:
        return 0.93;
    case TB_COVER_EARTH:
    case TB_COVER_BARE:
        return 0.965;
    case TB_COVER_LEVELLED:
    case TB_COVER_TRACK:
    case TB_COVER_CONCRETE:
        return 0.98;
    default:
        return 0.996;
    }
}

static const double *colour_of(const planting *p, tb_cover cover)
{
    size_t bands = (size_t)tb_image_describe(p->after)->bands;

    return &p->palette[(size_t)(rank_of(cover) * (double)(p->palette_count - 1)) * bands];
}

/* Mixes what was built into one pixel: what its cells show through the point spread. */
static void paint_pixel(const planting *p, tb_pixels *rows, const tb_canvas *canvas, int64_t x,
                        int64_t y)
{
    double value[TB_BANDS_MAX] = {0}, built = 0.0;

    for (int64_t i = 0; i < TAPS; i++)
        for (int64_t j = 0; j < TAPS; j++) {
            int64_t  row   = (y - rows->first) * CELLS + i;
            uint32_t label = canvas->labels[row * canvas->width + x * CELLS + j];

            if (label == 0)
                continue;

            const tb_patch *patch  = &p->scene.patches[label - 1];
            const double   *colour = colour_of(p, (tb_cover)patch->cover);
            double          weight = spread[i] * spread[j];

            built += weight;
            for (int b = 0; b < rows->info->bands; b++)
                value[b] += weight * colour[b];
        }
    if (built == 0.0 || !tb_pixels_is_observed(rows, x, y))
        return;
    double grain = 1.0 + 0.03 * tb_noise_at(p->options->seed, (double)x * 0.71, (double)y * 0.71);

    for (int b = 0; b < rows->info->bands; b++)
        tb_pixels_set(rows, b, x, y,
                      (1.0 - built) * tb_pixels_at(rows, b, x, y) + value[b] * grain);
}

static void paint_rows(const planting *p, tb_pixels *rows, tb_canvas *canvas)
{
    canvas->cell = 1.0 / CELLS;
    canvas->left = -REACH * canvas->cell;
    canvas->top  = (double)rows->first - REACH * canvas->cell;
    memset(canvas->labels, 0, (size_t)(canvas->width * canvas->height) * sizeof *canvas->labels);
    for (size_t i = 0; i < p->scene.patch_count; i++)
        tb_canvas_paint(canvas, p->scene.corners + p->scene.patches[i].first,
                        p->scene.patches[i].count, (tb_point){0, 0}, (uint32_t)i + 1);
    for (int64_t y = rows->first; y < rows->first + rows->rows; y++)
        for (int64_t x = 0; x < rows->info->width; x++)
            paint_pixel(p, rows, canvas, x, y);
}

/* Writes a copy of an image; with a canvas, of one that is built on. */
static tb_status copy_image(const planting *p, tb_image *image, const char *path, tb_canvas *canvas,
                            tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(image);
    tb_sink_layout       layout = {.bands      = info->bands,
                                   .type       = info->type,
                                   .has_nodata = info->has_nodata || info->has_mask,
                                   .nodata     = info->has_nodata ? info->nodata : 0.0};
    tb_grid              grid   = {.width         = info->width,
                                   .height        = info->height,
                                   .has_transform = info->has_transform,
                                   .crs           = info->crs};
    tb_pixels            rows   = {0};
    tb_sink             *sink   = NULL;
    void                *row    = NULL;
    tb_status            status = TB_OK;

    memcpy(grid.transform, info->transform, sizeof grid.transform);
    TB_TRY(tb_alloc(&row, (size_t)info->width * (size_t)info->bands, tb_sample_size(info->type),
                    "row of an image", err));
    TB_TRY(tb_pixels_init(&rows, image, BAND, err));
    TB_TRY(tb_sink_open(&sink, path, &grid, &layout, err));
    for (int64_t y = 0; y < info->height; y++) {
        if (y % BAND == 0) {
            TB_TRY(tb_pixels_read(&rows, y, err));
            if (canvas != NULL)
                paint_rows(p, &rows, canvas);
        }
        tb_pixels_row(&rows, y, layout.nodata, row);
        TB_TRY(tb_sink_row(sink, row, err));
    }
    TB_TRY(tb_sink_finish(sink, err));
done:
    tb_sink_close(sink);
    tb_pixels_reset(&rows);
    tb_free(row);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static tb_status write_truth(const planting *p, tb_output *output, tb_truth_counts *counts,
                             tb_error *err)
{
    const double *t     = p->lattice.transform;
    double        s     = 1.0 / p->gsd_m;
    tb_place      place = {.transform  = {t[0], t[1] * s, t[2] * s, t[3], t[4] * s, t[5] * s},
                           .area_scale = 1.0,
                           .crs        = p->lattice.crs};
    tb_truth      truth = {.sites    = &p->sites,
                           .place    = &place,
                           .grid     = &p->lattice,
                           .gsd_m    = p->gsd_m,
                           .last     = 1,
                           .is_clear = is_clear,
                           .context  = p};

    return tb_truth_write(&truth, output, counts, err);
}

static tb_status write_job(const planting *p, tb_output *output, tb_error *err)
{
    tb_text     job    = {0};
    tb_status   status = TB_OK;
    const char *path;

    TB_TRY(tb_text_append(&job, err,
                          "# A real pair with made-up constructions: tuban synth --base, seed "
                          "%llu.\n"
                          "pairs:\n"
                          "  - before: {image: t1.tif}\n"
                          "    after:  {image: t2.tif}\n"
                          "output: {folder: out, formats: [gpkg]}\n",
                          (unsigned long long)p->options->seed));
    TB_TRY(tb_output_file(output, "job.yaml", &path, err));
    TB_TRY(tb_file_write(path, job.data, job.length, err));
done:
    tb_text_reset(&job);
    return status;
}

static tb_status write_all(planting *p, tb_output *output, tb_truth_counts *counts, tb_error *err)
{
    const tb_image_info *info   = tb_image_describe(p->after);
    tb_canvas            canvas = {0};
    tb_status            status = TB_OK;
    const char          *path;

    TB_TRY(tb_canvas_init(&canvas, info->width * CELLS + 2 * REACH, BAND * CELLS + 2 * REACH,
                          TB_SHAPE_CORNERS, err));
    TB_TRY(tb_output_file(output, "t1.tif", &path, err));
    TB_TRY(copy_image(p, p->before, path, NULL, err));
    TB_TRY(tb_output_file(output, "t2.tif", &path, err));
    TB_TRY(copy_image(p, p->after, path, &canvas, err));
    TB_TRY(write_truth(p, output, counts, err));
    TB_TRY(write_job(p, output, err));
done:
    tb_canvas_reset(&canvas);
    return status;
}

tb_status tb_plant(const tb_synth_options *options, tb_output *output, json_t *report,
                   tb_error *err)
{
    planting        p      = {.options = options};
    tb_status       status = TB_OK;
    tb_truth_counts counts = {0};

    TB_TRY(open_pair(&p, err));
    TB_TRY(look_at_pair(&p, err));

    double        pixel = p.fine < 1.0 ? p.gsd_m / p.fine : p.gsd_m;
    tb_site_space space = {.width    = (double)p.lattice.width * p.gsd_m,
                           .height   = (double)p.lattice.height * p.gsd_m,
                           .least_m2 = 16.0 * pixel * pixel,
                           .is_free  = is_buildable,
                           .context  = &p};

    TB_TRY(tb_sites_scatter(&p.sites, &space, options->seed, err));
    TB_TRY(build_all(&p, err));
    TB_TRY(write_all(&p, output, &counts, err));
    json_object_update_new(report,
                           json_pack("{s:f, s:I, s:I, s:I, s:I}", "gsd_m", p.gsd_m, "built",
                                     (json_int_t)p.sites.count, "hidden", (json_int_t)counts.hidden,
                                     "changed_pixels", (json_int_t)counts.changed,
                                     "unobserved_pixels", (json_int_t)counts.unobserved));
done:
    tb_sites_reset(&p.sites);
    tb_scene_reset(&p.scene);
    tb_free(p.seen);
    tb_free(p.palette);
    tb_warp_free(p.warp);
    tb_image_close(p.before);
    tb_image_close(p.after);
    return status;
}
