/* tuban info, vectorize and doctor. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/report.h"
#include "tuban/doctor.h"
#include "tuban/info.h"
#include "tuban/overlay.h"
#include "tuban/run.h"
#include "tuban/vectorize.h"

/* What a Sentinel-2 product is, which bands make the image, and what is added to their samples. */
static json_t *product_json(const tb_info *info)
{
    json_t *offsets = json_array();

    for (int b = 0; b < info->bands; b++)
        json_array_append_new(offsets, json_real(info->offset[b]));
    return json_pack("{s:s, s:s, s:o}", "name", info->product, "bands", info->band_names, "offset",
                     offsets);
}

static json_t *info_json(const tb_info *info)
{
    json_t *transform = json_array(), *problems = json_array();
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:i, s:s}", "file", info->path, "driver", info->driver,
                  "date", info->date, "width", (json_int_t)info->width, "height",
                  (json_int_t)info->height, "bands", info->bands, "type", info->type);

    if (info->product[0] != '\0')
        json_object_set_new(json, "product", product_json(info));
    for (int i = 0; i < 6; i++)
        json_array_append_new(transform, number_json(info->transform[i]));
    for (size_t i = 0; i < info->problem_count; i++)
        json_array_append_new(problems, json_string(info->problems[i]));
    json_object_set_new(json, "crs", info->has_crs ? json_string(info->crs_name) : json_null());
    json_object_set_new(json, "authority",
                        info->crs_authority[0] != '\0' ? json_string(info->crs_authority)
                                                       : json_null());
    json_object_set_new(json, "transform",
                        info->has_transform ? json_incref(transform) : json_null());
    json_decref(transform);
    json_object_set_new(json, "unit", json_string(info->unit));
    json_object_set_new(json, "pixel_width", number_json(info->pixel_width));
    json_object_set_new(json, "pixel_height", number_json(info->pixel_height));
    json_object_set_new(json, "gsd_m", number_json(info->gsd_m));
    json_object_set_new(json, "is_rotated", json_boolean(info->is_rotated));
    json_object_set_new(json, "nodata", info->has_nodata ? number_json(info->nodata) : json_null());
    json_object_set_new(json, "has_alpha", json_boolean(info->has_alpha));
    json_object_set_new(json, "has_mask", json_boolean(info->has_mask));
    json_object_set_new(json, "valid_share", number_json(info->valid_share));
    json_object_set_new(json, "compression", json_string(info->compression));
    json_object_set_new(json, "interleave", json_string(info->interleave));
    json_object_set_new(json, "block_width", json_integer(info->block_width));
    json_object_set_new(json, "block_height", json_integer(info->block_height));
    json_object_set_new(json, "blocks", json_integer(info->blocks));
    json_object_set_new(json, "is_stripped", json_boolean(info->is_stripped));
    json_object_set_new(json, "file_bytes", json_integer(info->file_bytes));
    json_object_set_new(json, "decoded_bytes", json_integer(info->decoded_bytes));
    json_object_set_new(json, "reading", json_string(info->is_direct ? "direct" : "gdal"));
    json_object_set_new(json, "reading_reason",
                        info->is_direct ? json_null() : json_string(info->why_gdal));
    json_object_set_new(json, "problems", problems);
    return json;
}

static void print_info(const tb_info *info)
{
    printf("%s\n", info->path);
    printf("  grid     %lld x %lld, %d band(s) of %s, %s\n", (long long)info->width,
           (long long)info->height, info->bands, info->type, info->driver);
    if (info->has_crs)
        printf("  CRS      %s%s%s%s, pixel %.10g x %.10g %s (%.3g m)%s\n", info->crs_name,
               info->crs_authority[0] != '\0' ? " (" : "", info->crs_authority,
               info->crs_authority[0] != '\0' ? ")" : "", info->pixel_width, info->pixel_height,
               info->unit, info->gsd_m, info->is_rotated ? ", rotated" : "");
    else
        printf("  CRS      none: pixels only\n");
    printf("  validity %s%s%s, %.4g %% of a sample valid\n", info->has_alpha ? "alpha band, " : "",
           info->has_mask ? "mask, " : "", info->has_nodata ? "nodata" : "no nodata",
           100.0 * info->valid_share);
    if (info->product[0] != '\0')
        printf("  product  %s, bands %s, offset %g\n", info->product, info->band_names,
               info->offset[0]);
    if (info->date[0] != '\0')
        printf("  date     %s\n", info->date);
    printf("  reading  %s, blocks of %lld x %lld, %.1f MiB on disk, %.1f MiB decoded, %s%s%s\n",
           info->compression, (long long)info->block_width, (long long)info->block_height,
           (double)info->file_bytes / 1048576.0, (double)info->decoded_bytes / 1048576.0,
           info->is_direct ? "directly" : "by GDAL (", info->why_gdal, info->is_direct ? "" : ")");
    for (size_t i = 0; i < info->problem_count; i++)
        printf("  note     %s\n", info->problems[i]);
}

static void print_layers(const json_t *file)
{
    json_t *layer;
    size_t  i;

    printf("%s\n", json_string_value(json_object_get(file, "file")));
    json_array_foreach(json_object_get(file, "layers"), i, layer)
    {
        const char *role    = json_string_value(json_object_get(layer, "role"));
        const char *crs     = json_string_value(json_object_get(layer, "crs"));
        const char *problem = json_string_value(json_object_get(layer, "problem"));
        const char *key;
        json_t     *name;

        printf("  layer    %s%s%s", json_string_value(json_object_get(layer, "layer")),
               role != NULL ? ", " : "", role != NULL ? role : "");
        if (crs != NULL)
            printf(", %lld features, %s",
                   (long long)json_integer_value(json_object_get(layer, "features")), crs);
        printf("\n");
        json_object_foreach(json_object_get(layer, "fields"), key, name) printf(
            "  field    %s: %s\n", key, json_is_string(name) ? json_string_value(name) : "none");
        if (json_integer_value(json_object_get(layer, "invalid")) > 0)
            printf("  note     %lld invalid polygons, repaired when used\n",
                   (long long)json_integer_value(json_object_get(layer, "invalid")));
        if (problem != NULL)
            printf("  note     %s\n", problem);
    }
}

/* What was found out of one file: an image, or vector layers. */
typedef struct described {
    tb_info *image;
    json_t  *layers;
} described;

/* The error is the image's where the file is neither. */
static tb_status describe(described *it, const char *path, tb_error *error)
{
    char     *text   = NULL;
    tb_status status = tb_info_read(path, &it->image, error);

    if (status == TB_OK || !tb_polygons_can_open(path))
        return status;
    status = tb_polygons_describe(path, &text, error);
    if (status == TB_OK)
        it->layers = json_loads(text, 0, NULL);
    tb_text_release(text);
    return status;
}

static void print_described(const described *it)
{
    if (it->image != NULL)
        print_info(it->image);
    else
        print_layers(it->layers);
}

int command_info(int argc, char **argv)
{
    enum { FILES_MAX = 1024 };
    static const char  usage[] = "tuban info FILE... [--quiet] [--json]";
    static const char *words[FILES_MAX];
    static described   files[FILES_MAX];
    int                code;
    console            c;
    tb_error           error = {0};
    json_t            *rows;
    command_line       line = {.usage = usage, .words = words, .least = 1, .most = FILES_MAX};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    rows = json_array();
    /* All first: where one cannot be read, nothing is printed. */
    for (int i = 0; i < line.count; i++)
        if (describe(&files[i], words[i], &error) != TB_OK) {
            code = console_fail(&c, &error);
            goto done;
        }
    for (int i = 0; i < line.count; i++)
        if (c.is_json)
            json_array_append_new(rows, files[i].image != NULL ? info_json(files[i].image)
                                                               : json_incref(files[i].layers));
        else if (!c.is_quiet)
            print_described(&files[i]);
    if (c.is_json)
        code = console_dump_json(json_pack("{s:O}", "rows", rows));
done:
    for (int i = 0; i < line.count; i++) {
        tb_info_free(files[i].image);
        json_decref(files[i].layers);
    }
    json_decref(rows);
    return code;
}

int command_vectorize(int argc, char **argv)
{
    static const char    usage[] = "tuban vectorize CHANGE.tif --out F.gpkg [--connect 4|8] "
                                   "[--min-pixels N] [--simplify 0.7px|off] [--fill-holes N] "
                                   "[--quiet] [--json]";
    tb_vectorize_options options = {0};
    tb_vectorize_result  result  = {0};
    console              c;
    int                  code;
    tb_error             error   = {0};
    int64_t              connect = 8;
    const option         own[]   = {
                  {.name = "out", .kind = OPTION_TEXT, .target = &options.out},
                  {.name = "connect", .kind = OPTION_INTEGER, .target = &connect, .low = 4, .high = 8},
                  {.name   = "min-pixels",
                   .kind   = OPTION_INTEGER,
                   .target = &options.min_pixels,
                   .low    = 1,
                   .high   = 1e15},
                  {.name = "simplify", .kind = OPTION_TEXT, .target = &options.simplify},
                  {.name   = "fill-holes",
                   .kind   = OPTION_INTEGER,
                   .target = &options.fill_holes,
                   .low    = 0,
                   .high   = 24},
                  {0},
    };
    command_line line = {
        .usage = usage, .options = own, .words = &options.change, .least = 1, .most = 1};

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (options.out == NULL)
        return console_refuse(&c, usage, "--out: expected an output file", "none");
    options.connect  = (int)connect;
    options.progress = &c.progress;
    if (tb_vectorize(&options, &result, &error) != TB_OK)
        return console_fail(&c, &error);
    console_finish(&c);
    if (c.is_json)
        return console_dump_json(
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "features",
                      (json_int_t)result.features, "polygons", (json_int_t)result.polygons, "holes",
                      (json_int_t)result.holes, "filled", (json_int_t)result.filled, "pixels",
                      (json_int_t)result.pixels, "dropped", (json_int_t)result.dropped,
                      "dropped_pixels", (json_int_t)result.dropped_pixels, "unobserved",
                      (json_int_t)result.unobserved_pixels, "note", result.note));
    if (!c.is_quiet) {
        printf(
            "%lld features of %lld pixels, %lld smaller ones dropped, %lld pixels not observed\n",
            (long long)result.features, (long long)result.pixels, (long long)result.dropped,
            (long long)result.unobserved_pixels);
        if (result.note[0] != '\0')
            printf("%s\n", result.note);
    }
    return 0;
}

int command_doctor(int argc, char **argv)
{
    static const char usage[] = "tuban doctor [--quiet] [--json]";
    console           c;
    int               code;
    tb_error          error  = {0};
    tb_doctor        *doctor = NULL;
    const char       *none[1];
    command_line      line = {.usage = usage, .words = none};
    json_t           *rows;
    bool              is_well;

    if (!console_begin(&c, &line, argc, argv, &code))
        return code;
    if (tb_doctor_examine(&doctor, &error) != TB_OK)
        return console_fail(&c, &error);
    is_well = doctor->worst == TB_DOCTOR_OK || doctor->worst == TB_DOCTOR_WARNING;
    rows    = json_array();
    for (size_t i = 0; i < doctor->count; i++) {
        const tb_doctor_row *row   = &doctor->rows[i];
        const char          *state = tb_doctor_state_name(row->state);

        if (c.is_json)
            json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", row->name, "state",
                                                  state, "detail", row->detail));
        else if (!c.is_quiet)
            printf("%-8s %-22s %s\n", state, row->name, row->detail);
    }
    tb_doctor_free(doctor);
    if (c.is_json)
        console_dump_json(json_pack("{s:O}", "rows", rows));
    json_decref(rows);
    return is_well ? 0 : TB_E_INPUT;
}
