/* The precision-recall curve as a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cairo-svg.h>
#include <cairo.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "tuban/eval.h"

/* In points of the picture: the square of the axes and what is around it. */
static const double SIDE = 400.0, LEFT = 64.0, TOP = 48.0, RIGHT = 24.0, BOTTOM = 64.0;
static const double ZOOM_PNG = 2.0;

/* F1 of which the lines of equal value are drawn. */
static const double LEVELS[] = {0.2, 0.4, 0.6, 0.8};

/* What cairo has written so far. */
typedef struct bytes {
    unsigned char *data;
    size_t         length, capacity;
    tb_status      status;
    tb_error      *err;
} bytes;

static cairo_status_t keep(void *context, const unsigned char *data, unsigned int length)
{
    bytes *b = context;

    if (b->length + length > b->capacity) {
        size_t more = 2 * (b->length + length);

        b->status = tb_grow(&b->data, more, 1, "picture", b->err);
        if (b->status != TB_OK)
            return CAIRO_STATUS_WRITE_ERROR;
        b->capacity = more;
    }
    memcpy(b->data + b->length, data, length);
    b->length += length;
    return CAIRO_STATUS_SUCCESS;
}

static double at_x(double recall)
{
    return LEFT + SIDE * recall;
}

static double at_y(double precision)
{
    return TOP + SIDE * (1.0 - precision);
}

static void write_centred(cairo_t *to, double x, double y, const char *text)
{
    cairo_text_extents_t size;

    cairo_text_extents(to, text, &size);
    cairo_move_to(to, x - size.x_advance / 2.0, y);
    cairo_show_text(to, text);
}

static void draw_axes(cairo_t *to)
{
    char text[16];

    cairo_set_source_rgb(to, 0.85, 0.85, 0.85);
    cairo_set_line_width(to, 1.0);
    for (int i = 0; i <= 5; i++) {
        double v = i / 5.0;

        cairo_move_to(to, at_x(v), at_y(0.0));
        cairo_line_to(to, at_x(v), at_y(1.0));
        cairo_move_to(to, at_x(0.0), at_y(v));
        cairo_line_to(to, at_x(1.0), at_y(v));
    }
    cairo_stroke(to);
    cairo_set_source_rgb(to, 0.2, 0.2, 0.2);
    cairo_rectangle(to, LEFT, TOP, SIDE, SIDE);
    cairo_stroke(to);
    cairo_set_font_size(to, 12.0);
    for (int i = 0; i <= 5; i++) {
        snprintf(text, sizeof text, "%.1f", i / 5.0);
        write_centred(to, at_x(i / 5.0), at_y(0.0) + 18.0, text);
        write_centred(to, LEFT - 16.0, at_y(i / 5.0) + 4.0, text);
    }
    cairo_set_font_size(to, 14.0);
    write_centred(to, at_x(0.5), at_y(0.0) + 44.0, "recall");
    cairo_save(to);
    cairo_translate(to, LEFT - 40.0, at_y(0.5));
    cairo_rotate(to, -acos(-1.0) / 2.0);
    write_centred(to, 0.0, 0.0, "precision");
    cairo_restore(to);
}

/* Where 2 P R / (P + R) has one value: P = F R / (2 R - F). */
static void draw_levels(cairo_t *to)
{
    enum { STEPS = 100 };
    char text[16];

    cairo_set_line_width(to, 0.75);
    cairo_set_font_size(to, 10.0);
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
        double f = LEVELS[i], first = f / (2.0 - f);

        cairo_set_source_rgb(to, 0.7, 0.7, 0.7);
        cairo_new_path(to); /* a text leaves a point behind */
        for (int s = 0; s <= STEPS; s++) {
            double recall = first + (1.0 - first) * s / STEPS;

            cairo_line_to(to, at_x(recall), at_y(f * recall / (2.0 * recall - f)));
        }
        cairo_stroke(to);
        cairo_set_source_rgb(to, 0.5, 0.5, 0.5);
        snprintf(text, sizeof text, "F1 %.1f", f);
        cairo_move_to(to, at_x(1.0) - 40.0, at_y(f / (2.0 - f)) - 4.0);
        cairo_show_text(to, text);
    }
}

static void draw_curve(cairo_t *to, const tb_eval_point *points, int count)
{
    cairo_set_source_rgb(to, 0.10, 0.35, 0.65);
    cairo_set_line_width(to, 2.0);
    cairo_new_path(to);
    for (int i = 0; i < count; i++)
        cairo_line_to(to, at_x(points[i].recall), at_y(points[i].precision));
    cairo_stroke(to);
}

/* What was flagged, as a point, and the figures in words. */
static void draw_figures(cairo_t *to, const tb_eval_figures *figures)
{
    char text[128];

    cairo_set_source_rgb(to, 0.75, 0.25, 0.10);
    if (isfinite(figures->precision) && isfinite(figures->recall)) {
        cairo_new_path(to);
        cairo_arc(to, at_x(figures->recall), at_y(figures->precision), 4.5, 0.0, 2.0 * acos(-1.0));
        cairo_fill(to);
    }
    cairo_set_source_rgb(to, 0.1, 0.1, 0.1);
    cairo_set_font_size(to, 14.0);
    snprintf(text, sizeof text, "AP %.3f    F1 %.3f (dot)    best F1 %.3f", figures->ap,
             figures->f1, figures->best_f1);
    cairo_move_to(to, LEFT, TOP - 16.0);
    cairo_show_text(to, text);
}

static void draw(cairo_t *to, const tb_eval_point *points, int count,
                 const tb_eval_figures *figures)
{
    cairo_set_source_rgb(to, 1.0, 1.0, 1.0);
    cairo_paint(to);
    cairo_select_font_face(to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    draw_levels(to);
    draw_axes(to);
    draw_curve(to, points, count);
    draw_figures(to, figures);
}

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);

    return length > tail && strcmp(path + length - tail, ending) == 0;
}

tb_status tb_eval_plot(const tb_eval_point *points, int count, const tb_eval_figures *figures,
                       const char *path, tb_error *err)
{
    tb_status        status = TB_OK;
    double           width = LEFT + SIDE + RIGHT, height = TOP + SIDE + BOTTOM;
    bool             is_svg  = ends_in(path, ".svg");
    bytes            out     = {.err = err};
    cairo_surface_t *surface = NULL;
    cairo_t         *to      = NULL;
    cairo_status_t   code;

    if (!is_svg && !ends_in(path, ".png"))
        return tb_error_set(err, TB_E_USAGE, "plot %s: expected a file in .svg or .png", path);
    if (count < 1) {
        tb_error_set(err, TB_E_USAGE, "plot %s: expected a curve, got no point of one", path);
        tb_error_hint(err, "a curve needs a score and at least one changed pixel in the truth");
        return TB_E_USAGE;
    }
    surface = is_svg ? cairo_svg_surface_create_for_stream(keep, &out, width, height)
                     : cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * ZOOM_PNG),
                                                  (int)(height * ZOOM_PNG));
    to      = cairo_create(surface);
    if (!is_svg)
        cairo_scale(to, ZOOM_PNG, ZOOM_PNG);
    draw(to, points, count, figures);
    code = cairo_status(to);
    if (is_svg)
        cairo_surface_finish(surface);
    else if (code == CAIRO_STATUS_SUCCESS)
        code = cairo_surface_write_to_png_stream(surface, keep, &out);
    TB_TRY(out.status);
    if (code == CAIRO_STATUS_SUCCESS)
        code = cairo_surface_status(surface);
    if (code != CAIRO_STATUS_SUCCESS) {
        status = tb_error_set(err, code == CAIRO_STATUS_NO_MEMORY ? TB_E_MEMORY : TB_E_OUTPUT,
                              "plot %s: expected a picture, got: %s", path,
                              cairo_status_to_string(code));
        goto done;
    }
    TB_TRY(tb_file_write(path, out.data, out.length, err));
done:
    cairo_destroy(to);
    cairo_surface_destroy(surface);
    tb_free(out.data);
    return status;
}
