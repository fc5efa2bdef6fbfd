#include "synth/truth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "raster/sink.h"
#include "synth/canvas.h"
#include "synth/season.h"

enum { BAND = 32, CELLS = 3, MOST = CELLS * CELLS / 2 + 1, CHANGED = 1, UNOBSERVED = 255 };

/* ---------------------------------------------------------------- polygons */

/* Pixels of a site, and those of them observed before and after. */
static void count_pixels(const tb_truth *truth, const tb_site *site, int64_t *all, int64_t *seen)
{
    double           gsd_m  = truth->gsd_m;
    const tb_figure *f      = &site->outline;
    int64_t          left   = (int64_t)floor((site->centre.x - site->radius) / gsd_m);
    int64_t          right  = (int64_t)ceil((site->centre.x + site->radius) / gsd_m);
    int64_t          top    = (int64_t)floor((site->centre.y - site->radius) / gsd_m);
    int64_t          bottom = (int64_t)ceil((site->centre.y + site->radius) / gsd_m);

    *all = *seen = 0;
    for (int64_t y = top < 0 ? 0 : top; y < bottom && y < truth->grid->height; y++)
        for (int64_t x = left < 0 ? 0 : left; x < right && x < truth->grid->width; x++) {
            tb_point p = {((double)x + 0.5) * gsd_m, ((double)y + 0.5) * gsd_m};

            if (!tb_ring_contains(f->corner, (size_t)f->count, p))
                continue;
            (*all)++;
            *seen += truth->is_clear(truth->context, site->date - 1, p) &&
                     truth->is_clear(truth->context, site->date, p);
        }
}

static tb_status write_polygons(const tb_truth *truth, const char *path, tb_truth_counts *counts,
                                tb_error *err)
{
    const tb_sites *sites = truth->sites;
    const tb_place *place = truth->place;
    enum { WHOLE, PARTLY, HIDDEN };
    static const tb_vector_field fields[] = {
        {"ID", NULL, TB_VECTOR_INTEGER, 0, 0},      {"KIND", "类型", TB_VECTOR_TEXT, 40, 0},
        {"TBLX", "图斑类型", TB_VECTOR_TEXT, 4, 0}, {"AREA_M2", "面积", TB_VECTOR_REAL, 0, 0},
        {"DATE", "首次出现", TB_VECTOR_DATE, 0, 0}, {"HIDDEN", NULL, TB_VECTOR_INTEGER, 0, 0},
        {"PIXELS", NULL, TB_VECTOR_INTEGER, 0, 0},  {"SEEN", NULL, TB_VECTOR_INTEGER, 0, 0},
        {"NOTE", NULL, TB_VECTOR_TEXT, 60, 0},
    };
    tb_status  status = TB_OK;
    tb_vector *vector = NULL;
    int        layer;

    TB_TRY(tb_vector_create(&vector, path, &tb_place_options, err));
    TB_TRY(tb_place_add_layer(place, vector, "truth", "what was built between the dates", fields, 9,
                              &layer, err));
    for (size_t i = 0; i < sites->count; i++) {
        const tb_site *site        = &sites->items[i];
        const tb_site_class *class = tb_site_describe(site->kind);
        tb_date d                  = tb_date_of(site->date);
        char    date[16];
        int64_t all, seen;

        snprintf(date, sizeof date, "%04d-%02d-%02d", d.year, d.month, d.day);
        count_pixels(truth, site, &all, &seen);
        counts->hidden += seen == 0;

        tb_vector_value values[] = {
            {.is_set = true, .integer = (int64_t)i + 1},
            {.is_set = true, .text = class->name},
            {.is_set = true, .text = class->code},
            {.is_set = true, .real = floor(site->area_m2 * 100.0 + 0.5) / 100.0},
            {.is_set = truth->has_dates, .text = date},
            {.is_set  = true,
             .integer = seen == 0    ? HIDDEN
                        : seen < all ? PARTLY
                                     : WHOLE},
            {.is_set = true, .integer = all},
            {.is_set = true, .integer = seen},
            {.is_set = true, .text = site->note}};

        TB_TRY(tb_place_add(place, vector, layer, site->outline.corner, (size_t)site->outline.count,
                            values, err));
    }
    TB_TRY(tb_vector_finish(vector, err));
done:
    tb_vector_close(vector);
    return status;
}

/* ---------------------------------------------------------------- raster */

static void label_row(uint8_t *row, const tb_canvas *canvas, int64_t y, int64_t width)
{
    for (int64_t x = 0; x < width; x++) {
        int hits = 0;

        for (int64_t i = 0; i < CELLS; i++)
            for (int64_t j = 0; j < CELLS; j++)
                hits += canvas->labels[(y * CELLS + i) * canvas->width + x * CELLS + j] != 0;
        row[x] = hits >= MOST ? CHANGED : 0;
    }
}

static tb_status write_raster(const tb_truth *truth, const char *path, tb_truth_counts *counts,
                              tb_error *err)
{
    const tb_sites *sites  = truth->sites;
    const tb_grid  *grid   = truth->grid;
    double          gsd_m  = truth->gsd_m;
    int             last   = truth->last;
    tb_status       status = TB_OK;
    tb_canvas       canvas = {0};
    tb_sink        *sink   = NULL;
    uint8_t        *row    = NULL;

    TB_TRY(tb_alloc(&row, (size_t)grid->width, 1, "row of truth.tif", err));
    TB_TRY(tb_canvas_init(&canvas, grid->width * CELLS, BAND * CELLS, TB_SHAPE_CORNERS, err));
    TB_TRY(tb_sink_create(&sink, path, grid, TB_SAMPLE_U8, UNOBSERVED, "truth", err));
    canvas.cell = gsd_m / CELLS;
    for (int64_t y = 0; y < grid->height; y++) {
        if (y % BAND == 0) {
            canvas.top = (double)y * gsd_m;
            memset(canvas.labels, 0,
                   (size_t)(canvas.width * canvas.height) * sizeof *canvas.labels);
            for (size_t i = 0; i < sites->count; i++)
                if (sites->items[i].date == last)
                    tb_canvas_paint(&canvas, sites->items[i].outline.corner,
                                    (size_t)sites->items[i].outline.count, (tb_point){0, 0}, 1);
        }
        label_row(row, &canvas, y % BAND, grid->width);
        for (int64_t x = 0; x < grid->width; x++) {
            tb_point p = {((double)x + 0.5) * gsd_m, ((double)y + 0.5) * gsd_m};

            if (!truth->is_clear(truth->context, last - 1, p) ||
                !truth->is_clear(truth->context, last, p))
                row[x] = UNOBSERVED;
            counts->changed += row[x] == CHANGED;
            counts->unobserved += row[x] == UNOBSERVED;
        }
        TB_TRY(tb_sink_row(sink, row, err));
    }
    TB_TRY(tb_sink_finish(sink, err));
done:
    tb_sink_close(sink);
    tb_canvas_reset(&canvas);
    tb_free(row);
    return status;
}

tb_status tb_truth_write(const tb_truth *truth, tb_output *output, tb_truth_counts *counts,
                         tb_error *err)
{
    tb_status   status = TB_OK;
    const char *path;

    *counts = (tb_truth_counts){0};
    TB_TRY(tb_output_file(output, "truth.gpkg", &path, err));
    TB_TRY(write_polygons(truth, path, counts, err));
    TB_TRY(tb_output_file(output, "truth.tif", &path, err));
    TB_TRY(write_raster(truth, path, counts, err));
done:
    return status;
}
