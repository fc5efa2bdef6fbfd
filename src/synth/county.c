#include "synth/county.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "raster/capture.h"
#include "synth/place.h"
#include "synth/render.h"
#include "synth/season.h"
#include "synth/site.h"
#include "synth/survey.h"
#include "synth/truth.h"

/* Pixels of ground beyond the images, that a shifted one shows too. */
static const double BEYOND = 16.0;

/* Where Shandong's counties lie: metres from the zone's false origin, and to the north. */
static const double EAST = 486200.0, NORTH = 4049600.0, NORTH_OF_WEIHAI = 4098000.0,
                    EAST_OF_WEIHAI = 411000.0;

typedef struct county {
    const tb_synth_options *options;
    tb_land                *land;
    tb_scene                scene;
    tb_sites                sites;
    tb_weather              weather;
    tb_grid                 grid;
    tb_place                place;
    char                    code[24];
    char                   *wkt;  /* CPL's */
    double                  side; /* metres */
} county;

static tb_status find_crs(county *c, tb_error *err)
{
    OGRSpatialReferenceH crs;
    tb_capture           capture;
    bool                 is_known;

    snprintf(c->code, sizeof c->code, "EPSG:%d", 4513 + c->options->zone - 25);
    tb_gdal_register();
    tb_capture_begin(&capture);
    crs      = OSRNewSpatialReference(NULL);
    is_known = OSRSetFromUserInput(crs, c->code) == OGRERR_NONE &&
               OSRExportToWkt(crs, &c->wkt) == OGRERR_NONE;
    OSRRelease(crs);
    if (tb_capture_end(&capture) || !is_known)
        return tb_error_set(err, TB_E_OUTPUT, "zone %d: expected PROJ to know %s, got: %s",
                            c->options->zone, c->code, tb_capture_text(&capture, "no such CRS"));
    return TB_OK;
}

/* Zone 41 is Weihai's; any other gets the same place relative to its meridian. */
static void lay_grid(county *c)
{
    const tb_synth_options *o         = c->options;
    bool                    is_weihai = o->zone == 41;
    double east = (is_weihai ? EAST_OF_WEIHAI : EAST), north = is_weihai ? NORTH_OF_WEIHAI : NORTH;
    double left   = o->zone * 1e6 + east;
    double offset = (east + c->side / 2 - 500000.0) / 6371000.0;

    c->grid  = (tb_grid){.width         = o->size,
                         .height        = o->size,
                         .transform     = {left, o->gsd_m, 0.0, north, 0.0, -o->gsd_m},
                         .has_transform = true,
                         .crs           = c->wkt};
    c->place = (tb_place){.transform  = {left, 1.0, 0.0, north, 0.0, -1.0},
                          .area_scale = 1.0 - offset * offset,
                          .crs        = c->code};
}

static bool is_clear(const void *context, int date, tb_point place)
{
    return tb_sky_is_clear(tb_weather_at(context, date, place));
}

static tb_status make_county(county *c, tb_error *err)
{
    const tb_synth_options *o      = c->options;
    tb_status               status = TB_OK;
    double most = fabs(o->shift_x) > fabs(o->shift_y) ? fabs(o->shift_x) : fabs(o->shift_y);

    TB_TRY(find_crs(c, err));
    lay_grid(c);
    TB_TRY(tb_land_new(&c->land, c->side, c->side, (BEYOND + ceil(most)) * o->gsd_m, o->seed, err));
    TB_TRY(tb_scene_furnish(&c->scene, c->land, o->months, o->seed, err));
    TB_TRY(tb_sites_choose(&c->sites, c->land, c->side, c->side, o->months, o->seed, err));
    for (size_t i = 0; i < c->sites.count; i++)
        TB_TRY(tb_site_build(&c->sites.items[i], &c->scene, o->seed, err));
    tb_weather_init(&c->weather, o->clouds, c->side, c->side, o->months, o->seed);
done:
    return status;
}

static tb_status draw(const county *c, tb_output *output, int date, tb_error *err)
{
    const tb_synth_options *o       = c->options;
    bool                    is_last = date == o->months - 1;
    tb_view                 view    = {.grid     = &c->grid,
                                       .gsd_m    = o->gsd_m,
                                       .shift_x  = is_last ? o->shift_x : 0.0,
                                       .shift_y  = is_last ? o->shift_y : 0.0,
                                       .date     = date,
                                       .seed     = o->seed,
                                       .workers  = o->threads,
                                       .progress = o->progress};
    tb_status               status  = TB_OK;
    char                    image[32], valid[32], *image_path = NULL;
    const char             *path;

    snprintf(image, sizeof image, "t%d.tif", date + 1);
    snprintf(valid, sizeof valid, "t%d_valid.tif", date + 1);
    TB_TRY(tb_output_file(output, image, &path, err));
    TB_TRY(tb_copy_text(&image_path, path, err));
    path = NULL;
    if (o->clouds > 0.0)
        TB_TRY(tb_output_file(output, valid, &path, err));
    TB_TRY(tb_render(&c->scene, &c->weather, &view, image_path, path, err));
done:
    tb_free(image_path);
    return status;
}

static tb_status write_truth(const county *c, tb_output *output, tb_truth_counts *counts,
                             tb_error *err)
{
    tb_truth truth = {.sites     = &c->sites,
                      .place     = &c->place,
                      .grid      = &c->grid,
                      .gsd_m     = c->options->gsd_m,
                      .last      = c->options->months - 1,
                      .has_dates = true,
                      .is_clear  = is_clear,
                      .context   = &c->weather};

    return tb_truth_write(&truth, output, counts, err);
}

static tb_status append_image(tb_text *job, const county *c, const char *which, int date,
                              tb_error *err)
{
    tb_date   d      = tb_date_of(date);
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(job, err, "%s{image: t%d.tif, date: %04d-%02d-%02d", which, date + 1,
                          d.year, d.month, d.day));
    if (c->options->clouds > 0.0)
        TB_TRY(tb_text_append(job, err, ", valid: t%d_valid.tif", date + 1));
    TB_TRY(tb_text_append(job, err, "}\n"));
done:
    return status;
}

static tb_status write_job(const county *c, tb_output *output, tb_error *err)
{
    static const char       layers[] = "layers:\n"
                                       "  landuse:   {path: survey.gpkg, layer: DLTB}\n"
                                       "  pbf:       {path: survey.gpkg, layer: YJJBNTBHTB}\n"
                                       "  redline:   {path: survey.gpkg, layer: STBHHX}\n"
                                       "  approvals: [{path: approvals.gpkg, layer: ZZ_NYDZYFW}]\n"
                                       "  districts: {path: survey.gpkg, layer: XZQ}\n"
                                       "  urban:     {path: survey.gpkg, layer: CZKFBJ}\n";
    const tb_synth_options *o        = c->options;
    tb_date                 last     = tb_date_of(o->months - 1);
    tb_status               status   = TB_OK;
    tb_text                 job      = {0};
    const char             *path;

    TB_TRY(tb_text_append(&job, err,
                          "# A made-up county: tuban synth, seed %llu. Nothing in it is a real "
                          "place.\n"
                          "job: {name: made-up-%04d-%02d, month: %04d-%02d, stream: PM, region: "
                          "\"379900\", profile: shandong-2024}\n"
                          "pairs:\n",
                          (unsigned long long)o->seed, last.year, last.month, last.year,
                          last.month));
    TB_TRY(append_image(&job, c, "  - before: ", o->months - 2, err));
    TB_TRY(append_image(&job, c, "    after:  ", o->months - 1, err));
    if (o->months > 2)
        TB_TRY(tb_text_append(&job, err, "# earlier dates:\n"));
    for (int k = 0; k + 2 < o->months; k++)
        TB_TRY(append_image(&job, c, "#   ", k, err));
    TB_TRY(tb_text_append(&job, err, "%soutput: {folder: out, formats: [gpkg]}\n", layers));
    TB_TRY(tb_output_file(output, "job.yaml", &path, err));
    TB_TRY(tb_file_write(path, job.data, job.length, err));
done:
    tb_text_reset(&job);
    return status;
}

tb_status tb_county_write(const tb_synth_options *options, tb_output *output, json_t *report,
                          tb_error *err)
{
    tb_status       status = TB_OK;
    county          c      = {.options = options, .side = (double)options->size * options->gsd_m};
    tb_truth_counts counts;
    int64_t         parcels = 0, approvals = 0;
    const char     *path;

    TB_TRY(make_county(&c, err));
    for (int date = 0; date < options->months; date++)
        TB_TRY(draw(&c, output, date, err));
    TB_TRY(tb_output_file(output, "survey.gpkg", &path, err));
    TB_TRY(tb_survey_write(path, c.land, &c.place, &parcels, err));
    TB_TRY(tb_output_file(output, "approvals.gpkg", &path, err));
    TB_TRY(tb_approvals_write(path, &c.sites, &c.place, &approvals, err));
    TB_TRY(write_truth(&c, output, &counts, err));
    TB_TRY(write_job(&c, output, err));
    json_object_update_new(report,
                           json_pack("{s:I, s:f, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "size",
                                     (json_int_t)options->size, "gsd_m", options->gsd_m, "dates",
                                     options->months, "crs", c.code, "parcels", (json_int_t)parcels,
                                     "approvals", (json_int_t)approvals, "built",
                                     (json_int_t)c.sites.count, "hidden", (json_int_t)counts.hidden,
                                     "changed_pixels", (json_int_t)counts.changed,
                                     "unobserved_pixels", (json_int_t)counts.unobserved));
done:
    tb_land_free(c.land);
    tb_scene_reset(&c.scene);
    tb_sites_reset(&c.sites);
    CPLFree(c.wkt);
    return status;
}
