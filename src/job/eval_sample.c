/* tb_eval_sample: estimates from a table, or from a map and places on it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>
#include <jansson.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "eval/strips.h"
#include "job/report.h"
#include "raster/capture.h"
#include "raster/grid.h"
#include "tuban/eval.h"

enum { VALUES = 256, UNKNOWN = 255 };

typedef struct named_sample {
    tb_estimate_sample sample;
    char               name[TB_EVAL_CLASSES_MAX][TB_EVAL_NAME_SIZE];
    const char        *unit;
    int64_t            places, left_out;
    tb_text            notes;
} named_sample;

static tb_status add_note(named_sample *to, tb_error *err, const char *line)
{
    return tb_text_append(&to->notes, err, "%s%s", to->notes.length > 0 ? "\n" : "", line);
}

/* ---- a table ---- */

/* Cuts a line at its commas, without blanks around and quotes. @return the cells, at most `most`
 * and one more where there are too many. */
static int cut(char *line, char **cell, int most)
{
    int count = 0;

    for (char *next = line; next != NULL;) {
        char *comma = strchr(next, ',');

        if (count == most)
            return most + 1;
        if (comma != NULL)
            *comma = '\0';
        next += strspn(next, " \t\"");
        for (size_t n = strlen(next); n > 0 && strchr(" \t\r\"", next[n - 1]) != NULL; n--)
            next[n - 1] = '\0';
        cell[count++] = next;
        next          = comma != NULL ? comma + 1 : NULL;
    }
    return count;
}

static tb_status read_number(const char *cell, const char *path, int line, int column,
                             bool is_whole, double *out, tb_error *err)
{
    char *end;

    *out = strtod(cell, &end);
    if (end == cell || *end != '\0' || !isfinite(*out) || *out < 0.0 ||
        (is_whole && (*out != floor(*out) || *out > 9e15)))
        return tb_error_set(err, TB_E_INPUT,
                            "%s line %d column %d: expected %s of 0 or more, got "
                            "\"%s\"",
                            path, line, column, is_whole ? "a count" : "an area", cell);
    return TB_OK;
}

static tb_status read_row(named_sample *to, const char *path, int line, char **cell, int cells,
                          int row, tb_error *err)
{
    tb_status status = TB_OK;
    double    value;

    if (cells != to->sample.classes + 2)
        return tb_error_set(err, TB_E_INPUT, "%s line %d: expected %d columns, got %d", path, line,
                            to->sample.classes + 2, cells);
    if (row >= to->sample.classes || strcmp(cell[0], to->name[row]) != 0)
        return tb_error_set(err, TB_E_INPUT,
                            "%s line %d: expected map class \"%s\", as in the heading, got \"%s\"",
                            path, line, row < to->sample.classes ? to->name[row] : "none", cell[0]);
    TB_TRY(read_number(cell[1], path, line, 2, false, &to->sample.area[row], err));
    for (int j = 0; j < to->sample.classes; j++) {
        TB_TRY(read_number(cell[j + 2], path, line, j + 3, true, &value, err));
        to->sample.count[row][j] = (int64_t)value;
        to->places += (int64_t)value;
    }
done:
    return status;
}

static tb_status read_matrix(named_sample *to, const char *path, tb_error *err)
{
    enum { CELLS_MAX = TB_EVAL_CLASSES_MAX + 2 };
    tb_status status = TB_OK;
    tb_text   text   = {0};
    char     *cell[CELLS_MAX], *next;
    int       line = 0, row = -1;

    TB_TRY(tb_file_read(path, &text, err));
    next = text.data != NULL ? text.data : (char *)"";
    if (strncmp(next, "\xef\xbb\xbf", 3) == 0) /* a spreadsheet's mark of UTF-8 */
        next += 3;
    while (*next != '\0') {
        char  *here = next;
        size_t span = strcspn(next, "\n");
        int    cells;

        line++;
        next += span + (next[span] == '\n');
        here[span] = '\0';
        if (here[strspn(here, " \t\r")] == '\0')
            continue;
        cells = cut(here, cell, CELLS_MAX);
        if (row >= 0) {
            TB_TRY(read_row(to, path, line, cell, cells, row++, err));
            continue;
        }
        if (cells < 4 || cells > CELLS_MAX || strcmp(cell[0], "class") != 0 ||
            strcmp(cell[1], "area") != 0) {
            status = tb_error_set(err, TB_E_INPUT,
                                  "%s line %d: expected the heading class,area and 2 to %d names "
                                  "of true classes, got \"%s\" and %d columns",
                                  path, line, TB_EVAL_CLASSES_MAX, cell[0], cells);
            goto done;
        }
        to->sample.classes = cells - 2;
        for (int j = 0; j < to->sample.classes; j++)
            snprintf(to->name[j], sizeof to->name[j], "%s", cell[j + 2]);
        row = 0;
    }
    if (row < 0)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected the heading class,area and names of "
                              "true classes, got nothing",
                              path);
    else if (row != to->sample.classes)
        status = tb_error_set(err, TB_E_INPUT, "%s: expected %d lines of map classes, got %d", path,
                              to->sample.classes, row);
done:
    tb_text_reset(&text);
    return status;
}

/* ---- a map and places ---- */

typedef struct places {
    const tb_sample_options     *options;
    tb_strips                    map;
    uint8_t                     *classes; /* [height][width]; 255: not observed */
    int64_t                      mapped[VALUES];
    int64_t                      count[VALUES][VALUES];
    GDALDatasetH                 dataset;
    OGRLayerH                    layer;
    int                          label;
    OGRCoordinateTransformationH way; /* NULL: coordinates are the map's */
    double                       to_pixels[6];
    int64_t                      outside, unobserved, unlabelled;
} places;

static tb_status read_map(places *p, tb_error *err)
{
    tb_status            status = TB_OK;
    const tb_image_info *info;
    int64_t              rows;

    TB_TRY(tb_strips_open(&p->map, p->options->change, err));
    info = p->map.info;
    rows = tb_strips_rows(info->width, info->height);
    TB_TRY(tb_strips_prepare(&p->map, rows, err));
    TB_TRY(tb_alloc(&p->classes, (size_t)info->width * (size_t)info->height, 1, "map", err));
    for (int64_t y = 0; y < info->height; y += rows) {
        tb_rect strip = {0, y, info->width, rows < info->height - y ? rows : info->height - y};

        TB_TRY(tb_strips_read(&p->map, strip, err));
        for (int64_t i = 0; i < tb_rect_area(strip); i++) {
            double value  = p->map.values[i];
            uint8_t class = UNKNOWN;

            if (!tb_strips_is_unknown(&p->map, i)) {
                if (value != floor(value) || value < 0.0 || value >= UNKNOWN) {
                    status = tb_error_set(
                        err, TB_E_INPUT,
                        "%s pixel (%lld,%lld): expected a class from 0 to 254, got %g", p->map.path,
                        (long long)(i % info->width), (long long)(y + i / info->width), value);
                    goto done;
                }
                class = (uint8_t)value;
            }
            p->classes[y * info->width + i] = class;
            p->mapped[class]++;
        }
    }
done:
    return status;
}

static tb_status find_way(places *p, tb_error *err)
{
    tb_status            status = TB_OK;
    OGRSpatialReferenceH own = OGR_L_GetSpatialRef(p->layer), from = NULL, to = NULL;

    if (own == NULL || p->map.info->crs == NULL)
        return TB_OK;
    from = OSRClone(own);
    to   = OSRNewSpatialReference(p->map.info->crs);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    if (to != NULL) {
        OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
        p->way = OCTNewCoordinateTransformation(from, to);
    }
    if (p->way == NULL)
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a CRS that can be brought to that of %s, got %s",
                              p->options->points, p->map.path,
                              OSRGetName(own) != NULL ? OSRGetName(own) : "one without a name");
    OSRDestroySpatialReference(from);
    if (to != NULL)
        OSRDestroySpatialReference(to);
    return status;
}

static tb_status open_points(places *p, tb_error *err)
{
    static const char *const csv[]  = {"X_POSSIBLE_NAMES=x,X", "Y_POSSIBLE_NAMES=y,Y", NULL};
    tb_status                status = TB_OK;
    const char              *label  = p->options->label != NULL ? p->options->label : "label";
    const char              *path   = p->options->points;
    size_t                   length = strlen(path);
    bool                     is_csv = length > 4 && strcmp(path + length - 4, ".csv") == 0;
    tb_capture               capture;

    tb_capture_begin(&capture);
    p->dataset = tb_gdal_open(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, is_csv ? csv : NULL);
    if (p->dataset == NULL) {
        status = tb_error_set(err, TB_E_INPUT, "open %s: expected a file of places, got: %s", path,
                              tb_capture_text(&capture, "no format GDAL knows"));
        goto done;
    }
    p->layer = GDALDatasetGetLayer(p->dataset, 0);
    p->label = p->layer != NULL ? OGR_FD_GetFieldIndex(OGR_L_GetLayerDefn(p->layer), label) : -1;
    if (p->label < 0) {
        status = tb_error_set(err, TB_E_INPUT,
                              "%s: expected a field %s with the true class, got "
                              "none of that name",
                              path, label);
        tb_error_hint(err, "name the field with --label");
        goto done;
    }
    TB_TRY(find_way(p, err));
    if (p->map.info->has_transform)
        tb_transform_invert(p->map.info->transform, p->to_pixels);
    else
        memcpy(p->to_pixels, (const double[6]){0, 1, 0, 0, 0, 1}, sizeof p->to_pixels);
done:
    tb_capture_end(&capture);
    return status;
}

/* The class the map has at a place, UNKNOWN where it has none; false outside. */
static bool class_at(const places *p, double x, double y, uint8_t *class)
{
    const tb_image_info *info = p->map.info;
    double               column, row;

    if (p->way != NULL && !OCTTransform(p->way, 1, &x, &y, NULL))
        return false;
    tb_transform_apply(p->to_pixels, x, y, &column, &row);
    column = floor(column);
    row    = floor(row);
    if (!(column >= 0.0 && row >= 0.0 && column < (double)info->width &&
          row < (double)info->height))
        return false;
    *class = p->classes[(int64_t)row * info->width + (int64_t)column];
    return true;
}

static tb_status take_place(places *p, OGRFeatureH feature, tb_error *err)
{
    OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);
    const char  *text     = OGR_F_GetFieldAsString(feature, p->label);
    long long    fid      = (long long)OGR_F_GetFID(feature);
    char        *end;
    double       value = strtod(text, &end);
    uint8_t class;

    if (geometry == NULL || wkbFlatten(OGR_G_GetGeometryType(geometry)) != wkbPoint)
        return tb_error_set(err, TB_E_INPUT, "%s feature %lld: expected a point, got %s",
                            p->options->points, fid,
                            geometry == NULL ? "none" : OGR_G_GetGeometryName(geometry));
    if (!OGR_F_IsFieldSetAndNotNull(feature, p->label) || text[0] == '\0') {
        p->unlabelled++;
        return TB_OK;
    }
    if (end == text || *end != '\0' || value != floor(value) || value < 0.0 || value > UNKNOWN)
        return tb_error_set(err, TB_E_INPUT,
                            "%s feature %lld: expected a class from 0 to 254, got \"%s\"",
                            p->options->points, fid, text);
    if (value == UNKNOWN)
        p->unlabelled++;
    else if (!class_at(p, OGR_G_GetX(geometry, 0), OGR_G_GetY(geometry, 0), &class))
        p->outside++;
    else if (class == UNKNOWN)
        p->unobserved++;
    else
        p->count[class][(int)value]++;
    return TB_OK;
}

static tb_status take_places(places *p, tb_error *err)
{
    tb_status   status = TB_OK;
    tb_capture  capture;
    OGRFeatureH feature;

    tb_capture_begin(&capture);
    OGR_L_ResetReading(p->layer);
    while (status == TB_OK && (feature = OGR_L_GetNextFeature(p->layer)) != NULL) {
        status = take_place(p, feature, err);
        OGR_F_Destroy(feature);
    }
    tb_capture_end(&capture);
    return status;
}

static bool has_class(const places *p, int class)
{
    if (p->mapped[class] > 0)
        return true;
    for (int i = 0; i < VALUES; i++)
        if (p->count[i][class] > 0)
            return true;
    return false;
}

static tb_status sum_up(const places *p, named_sample *to, tb_error *err)
{
    tb_status status           = TB_OK;
    int       class_of[VALUES] = {0};
    double    side             = 0.0;
    char      line[200];
    tb_grid   grid = {
          .width = p->map.info->width, .height = p->map.info->height, .crs = p->map.info->crs};
    tb_estimate_sample *sample = &to->sample;

    memcpy(grid.transform, p->map.info->transform, sizeof grid.transform);
    if (p->map.info->has_transform)
        side = tb_grid_gsd_m(&grid);
    to->unit     = side > 0.0 ? "m2" : "pixels";
    to->left_out = p->outside + p->unobserved + p->unlabelled;
    for (int c = 0; c < UNKNOWN; c++) {
        if (!has_class(p, c))
            continue;
        if (sample->classes == TB_EVAL_CLASSES_MAX) {
            status = tb_error_set(err, TB_E_INPUT, "%s: expected at most %d classes, got more",
                                  p->map.path, TB_EVAL_CLASSES_MAX);
            goto done;
        }
        snprintf(to->name[sample->classes], sizeof to->name[0], "%d", c);
        sample->area[sample->classes] = (double)p->mapped[c] * (side > 0.0 ? side * side : 1.0);
        class_of[sample->classes++]   = c;
    }
    for (int i = 0; i < sample->classes; i++)
        for (int j = 0; j < sample->classes; j++) {
            sample->count[i][j] = p->count[class_of[i]][class_of[j]];
            to->places += sample->count[i][j];
        }
    if (to->left_out > 0) {
        snprintf(line, sizeof line,
                 "%lld places are left out: %lld outside the map, %lld not observed there, %lld "
                 "without a label",
                 (long long)to->left_out, (long long)p->outside, (long long)p->unobserved,
                 (long long)p->unlabelled);
        TB_TRY(add_note(to, err, line));
    }
    if (p->mapped[UNKNOWN] > 0) {
        snprintf(line, sizeof line,
                 "%lld pixels were not observed: the estimates are of the others",
                 (long long)p->mapped[UNKNOWN]);
        TB_TRY(add_note(to, err, line));
    }
done:
    return status;
}

static tb_status read_places(named_sample *to, const tb_sample_options *options, tb_error *err)
{
    tb_status status = TB_OK;
    places   *p      = NULL;

    TB_TRY(tb_alloc_zero(&p, 1, sizeof *p, "places", err));
    p->options = options;
    TB_TRY(read_map(p, err));
    TB_TRY(open_points(p, err));
    TB_TRY(take_places(p, err));
    TB_TRY(sum_up(p, to, err));
done:
    if (p != NULL) {
        if (p->way != NULL)
            OCTDestroyCoordinateTransformation(p->way);
        if (p->dataset != NULL)
            GDALClose(p->dataset);
        tb_strips_close(&p->map);
        tb_free(p->classes);
    }
    tb_free(p);
    return status;
}

/* ---- labels ---- */

static void take_labels(named_sample *to, const tb_eval_result *labels)
{
    const tb_eval_figures *f        = &labels->observed;
    bool                   has_area = isfinite(labels->pixel_m2);
    double                 pixel    = has_area ? labels->pixel_m2 : 1.0;

    to->unit   = has_area ? "m2" : "pixels";
    to->places = f->tp + f->fp + f->fn + f->tn;
    to->sample = (tb_estimate_sample){
        .classes = 2,
        .area    = {(double)labels->mapped[0] * pixel, (double)labels->mapped[1] * pixel},
        .count   = {{f->tn, f->fn}, {f->fp, f->tp}}};
    snprintf(to->name[0], sizeof to->name[0], "unchanged");
    snprintf(to->name[1], sizeof to->name[1], "changed");
}

/* ---- the report ---- */

static json_t *estimate_json(const tb_estimate *e)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "value", tb_report_number(e->value), "error",
                     tb_report_number(e->error), "low", tb_report_number(e->low), "high",
                     tb_report_number(e->high));
}

static json_t *report(const named_sample *from, const tb_estimates *estimates)
{
    json_t *classes = json_array(), *matrix = json_array();

    for (int i = 0; i < from->sample.classes; i++) {
        json_t *row   = json_array();
        int64_t total = 0;

        for (int j = 0; j < from->sample.classes; j++) {
            total += from->sample.count[i][j];
            json_array_append_new(row, json_integer(from->sample.count[i][j]));
        }
        json_array_append_new(matrix, row);
        json_array_append_new(
            classes, json_pack("{s:s, s:f, s:I, s:o, s:o, s:o}", "class", from->name[i], "mapped",
                               from->sample.area[i], "places", (json_int_t)total, "users_accuracy",
                               estimate_json(&estimates->user[i]), "producers_accuracy",
                               estimate_json(&estimates->producer[i]), "area",
                               estimate_json(&estimates->area[i])));
    }
    return json_pack("{s:o, s:o, s:s, s:o, s:I, s:I, s:s}", "classes", classes, "overall_accuracy",
                     estimate_json(&estimates->overall), "unit", from->unit, "matrix", matrix,
                     "places", (json_int_t)from->places, "left_out", (json_int_t)from->left_out,
                     "notes", from->notes.data != NULL ? from->notes.data : "");
}

tb_status tb_eval_sample(const tb_sample_options *options, char **json, tb_error *err)
{
    tb_status     status    = TB_OK;
    named_sample *sample    = NULL;
    tb_estimates *estimates = NULL;
    bool          has_map   = options->change != NULL && options->points != NULL;
    int           sources   = has_map + (options->matrix != NULL) + (options->labels != NULL);

    *json = NULL;
    if (sources != 1)
        return tb_error_set(err, TB_E_USAGE,
                            "estimate: expected a matrix, a map and places on it, or labels, got "
                            "%d of them",
                            sources);
    TB_TRY(tb_alloc_zero(&sample, 1, sizeof *sample, "sample", err));
    TB_TRY(tb_alloc_zero(&estimates, 1, sizeof *estimates, "estimates", err));
    sample->unit = "as the table has it";
    if (options->matrix != NULL)
        TB_TRY(read_matrix(sample, options->matrix, err));
    else if (has_map)
        TB_TRY(read_places(sample, options, err));
    else
        take_labels(sample, options->labels);
    TB_TRY(tb_eval_estimate(&sample->sample, estimates, err));
    TB_TRY(tb_report_text(report(sample, estimates), json, err));
done:
    if (sample != NULL)
        tb_text_reset(&sample->notes);
    tb_free(sample);
    tb_free(estimates);
    return status;
}
