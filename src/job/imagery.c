#include "job/imagery.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "job/survey.h"
#include "parcel/area.h"
#include "parcel/overlay.h"

/* Footprints of a file, which many dates may share. */
typedef struct sheet {
    const char *path; /* of the job */
    tb_features features;
    int         day, scene; /* fields */
} sheet;

/* The files of one date; where there is one alone, or footprints, without extents. */
typedef struct date {
    tb_outline_copy *extent;
    int              count;
    tb_features      features;
    const sheet     *sheet; /* NULL: none */
} date;

enum { BEFORE, AFTER, DATES };

typedef struct view {
    double gsd_m, residual_px;
    date   date[DATES];
} view;

struct tb_imagery {
    const tb_job *job;
    tb_geos      *geos;
    view         *view; /* [job->pair_count] */
    sheet        *sheet;
    int           sheet_count;
};

static const tb_job_date *date_of(const tb_job *job, int pair, int which)
{
    return which == BEFORE ? &job->pairs[pair].before : &job->pairs[pair].after;
}

tb_status tb_imagery_new(tb_imagery **out, const tb_job *job, tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_imagery *imagery = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&imagery, 1, sizeof *imagery, "imagery", err));
    imagery->job = job;
    TB_TRY(tb_alloc_zero(&imagery->view, (size_t)job->pair_count, sizeof *imagery->view, "imagery",
                         err));
    *out    = imagery;
    imagery = NULL;
done:
    tb_imagery_free(imagery);
    return status;
}

void tb_imagery_free(tb_imagery *imagery)
{
    if (imagery == NULL)
        return;
    for (int p = 0; imagery->view != NULL && p < imagery->job->pair_count; p++)
        for (int d = 0; d < DATES; d++) {
            date *it = &imagery->view[p].date[d];

            for (int f = 0; it->extent != NULL && f < it->count; f++)
                tb_outline_reset(&it->extent[f]);
            tb_free(it->extent);
            tb_features_reset(&it->features);
        }
    for (int s = 0; s < imagery->sheet_count; s++)
        tb_features_reset(&imagery->sheet[s].features);
    tb_free(imagery->sheet);
    tb_free(imagery->view);
    tb_free(imagery);
}

double tb_imagery_gsd_m(const tb_imagery *imagery, int pair)
{
    return imagery->view[pair].gsd_m;
}

double tb_imagery_residual_m(const tb_imagery *imagery, int pair)
{
    return imagery->view[pair].residual_px * imagery->view[pair].gsd_m;
}

/* A shift that was measured but not applied stays, whole. */
void tb_imagery_set_model(tb_imagery *imagery, int pair, const tb_model *model)
{
    double worst = 0.0;

    for (int f = 0; f < model->after_files; f++) {
        const tb_model_file *file  = &model->file[f];
        double               stays = file->residual_px;

        if (!file->applied && file->accepted > 0)
            stays = sqrt(stays * stays + file->dx * file->dx + file->dy * file->dy);
        if (isfinite(stays) && stays > worst)
            worst = stays;
    }
    imagery->view[pair].residual_px = worst;
}

/* ---- where the files lie ---- */

static tb_status add_extents(date *it, const tb_epoch *epoch, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_geographic *way    = NULL;

    it->count = tb_epoch_files(epoch);
    TB_TRY(tb_alloc_zero(&it->extent, (size_t)it->count, sizeof *it->extent, "imagery", err));
    for (int f = 0; f < it->count; f++) {
        const tb_image_info *info = tb_epoch_file(epoch, f);
        tb_grid              grid = {.width         = info->width,
                                     .height        = info->height,
                                     .has_transform = info->has_transform,
                                     .crs           = info->crs};

        memcpy(grid.transform, info->transform, sizeof grid.transform);
        TB_TRY(tb_geographic_new(&way, &grid, info->path, err));
        TB_TRY(tb_geographic_extent(way, 1, &it->extent[f], err));
        tb_geographic_free(way);
        way = NULL;
    }
done:
    tb_geographic_free(way);
    return status;
}

tb_status tb_imagery_add(tb_imagery *imagery, int pair, const tb_pair *it, tb_error *err)
{
    tb_status       status        = TB_OK;
    const tb_epoch *epochs[DATES] = {it->before, it->after};

    imagery->view[pair].gsd_m = tb_grid_gsd_m(&it->lattice);
    for (int d = 0; d < DATES; d++)
        if (tb_epoch_files(epochs[d]) > 1 && date_of(imagery->job, pair, d)->footprints == NULL)
            TB_TRY(add_extents(&imagery->view[pair].date[d], epochs[d], err));
done:
    return status;
}

/* ---- footprints ---- */

static void tell_days(const tb_progress *notes, const sheet *it, bool has_field)
{
    size_t without = 0;
    char   line[400];

    for (size_t i = 0; i < it->features.count; i++)
        without += tb_survey_day(it->features.feature[i].text[it->day]) == 0;
    if (without == 0 || notes == NULL || notes->note == NULL)
        return;
    if (has_field)
        snprintf(line, sizeof line,
                 "footprints %.200s: %zu polygons have no day of capture; the date of the job "
                 "counts under them",
                 it->path, without);
    else
        snprintf(line, sizeof line,
                 "footprints %.200s: no field tells the day of capture; the date of the job counts",
                 it->path);
    notes->note(notes->context, line);
}

static tb_status read_sheet(tb_imagery *imagery, const tb_roles *roles, const char *path,
                            const tb_features *reach, const tb_progress *notes, tb_error *err)
{
    tb_status             status = TB_OK;
    const tb_role        *role   = tb_roles_find(roles, "footprints");
    const tb_layer_source source = {.path = path};
    tb_layer             *layer  = NULL;
    sheet                *it     = &imagery->sheet[imagery->sheet_count++];

    *it = (sheet){.path     = path,
                  .features = {.geos = imagery->geos},
                  .day      = tb_role_field_of(role, "day"),
                  .scene    = tb_role_field_of(role, "scene")};
    TB_TRY(tb_layer_open(&layer, &source, role, err));
    TB_TRY(tb_layer_read(layer, reach, &it->features, err));
    TB_TRY(tb_features_index(&it->features, err));
    tell_days(notes, it, tb_layer_field(layer, it->day) != NULL);
done:
    tb_layer_close(layer);
    return status;
}

static const sheet *find_sheet(const tb_imagery *imagery, const char *path)
{
    for (int s = 0; s < imagery->sheet_count; s++)
        if (strcmp(imagery->sheet[s].path, path) == 0)
            return &imagery->sheet[s];
    return NULL;
}

static tb_status index_extents(tb_imagery *imagery, date *it, tb_error *err)
{
    tb_status status  = TB_OK;
    it->features.geos = imagery->geos;
    for (int f = 0; f < it->count; f++) {
        GEOSGeometry *geometry;

        TB_TRY(tb_outline_geometry(imagery->geos, &it->extent[f], &geometry, err));
        TB_TRY(tb_features_add(&it->features, geometry, f, err));
    }
    TB_TRY(tb_features_index(&it->features, err));
done:
    return status;
}

tb_status tb_imagery_read(tb_imagery *imagery, tb_geos *geos, const tb_features *reach,
                          const tb_progress *notes, tb_error *err)
{
    tb_status status = TB_OK;
    tb_roles *roles  = NULL;
    int       pairs  = imagery->job->pair_count;

    imagery->geos = geos;
    TB_TRY(tb_alloc_zero(&imagery->sheet, (size_t)(DATES * pairs), sizeof *imagery->sheet,
                         "footprints", err));
    for (int p = 0; p < pairs; p++)
        for (int d = 0; d < DATES; d++) {
            const char *path = date_of(imagery->job, p, d)->footprints;
            date       *it   = &imagery->view[p].date[d];

            TB_TRY(index_extents(imagery, it, err));
            if (path == NULL)
                continue;
            if (roles == NULL)
                TB_TRY(tb_survey_roles(&roles, err));
            if (find_sheet(imagery, path) == NULL)
                TB_TRY(read_sheet(imagery, roles, path, reach, notes, err));
            it->sheet = find_sheet(imagery, path);
        }
done:
    tb_roles_free(roles);
    return status;
}

/* ---- under a parcel ---- */

/* Areas by scene, or by day (YYYYMMDD; 0: not known), in the order in which they were met. */
typedef struct tally_item {
    const char *scene;
    long        day;
    double      area_m2;
} tally_item;

typedef struct tally {
    tally_item *item;
    size_t      count;
} tally;

static tb_status add_up(tally *t, tally_item more, tb_error *err)
{
    tb_status status = TB_OK;

    for (size_t i = 0; i < t->count; i++)
        if (t->item[i].day == more.day &&
            (more.scene == NULL || strcmp(t->item[i].scene, more.scene) == 0)) {
            t->item[i].area_m2 += more.area_m2;
            return TB_OK;
        }
    TB_TRY(tb_grow(&t->item, t->count + 1, sizeof *t->item, "scenes", err));
    t->item[t->count++] = more;
done:
    return status;
}

/* Most first; equal ones as they were met. */
static void sort(tally *t)
{
    for (size_t i = 1; i < t->count; i++)
        for (size_t k = i; k > 0 && t->item[k].area_m2 > t->item[k - 1].area_m2; k--) {
            tally_item swap = t->item[k];

            t->item[k]     = t->item[k - 1];
            t->item[k - 1] = swap;
        }
}

/* One date of one pair, under a geometry. */
typedef struct looking {
    const tb_job_date *job;
    const date        *date;
    double             weight; /* of areas: what of the candidate this pair saw */
    double             left_m2;
    tally             *days, *scenes;
} looking;

static tb_status add_source(looking *l, const char *scene, long day, double area_m2, tb_error *err)
{
    tb_status status = TB_OK;

    l->left_m2 -= area_m2;
    TB_TRY(add_up(l->days, (tally_item){NULL, day, area_m2 * l->weight}, err));
    TB_TRY(add_up(l->scenes, (tally_item){scene, 0, area_m2 * l->weight}, err));
done:
    return status;
}

static const char *text_of(const tb_feature *feature, int field)
{
    return field >= 0 ? feature->text[field] : NULL;
}

static tb_status add_footprint(looking *l, const tb_piece *piece, tb_error *err)
{
    const sheet *from  = l->date->sheet;
    const char  *scene = text_of(piece->feature, from->scene);
    long         day   = tb_survey_day(text_of(piece->feature, from->day));

    return add_source(l, scene != NULL ? scene : tb_path_name(l->job->images[0]),
                      day != 0 ? day : tb_survey_day(l->job->date), piece->ground.area_m2, err);
}

static tb_status add_extent(looking *l, const tb_piece *piece, tb_error *err)
{
    return add_source(l, tb_path_name(l->job->images[piece->feature->fid]),
                      tb_survey_day(l->job->date), piece->ground.area_m2, err);
}

/* What lies in no footprint is the date's own. */
static tb_status look(const tb_imagery *imagery, const GEOSGeometry *geometry, looking *l,
                      tb_error *err)
{
    tb_status  status    = TB_OK;
    double     whole     = l->left_m2;
    tb_tract   ground    = tb_tract_of(geometry);
    tb_overlay pieces    = {0};
    bool       has_sheet = l->date->sheet != NULL;

    if (has_sheet || l->date->count > 1)
        TB_TRY(tb_overlay_find(imagery->geos, &ground,
                               has_sheet ? &l->date->sheet->features : &l->date->features, NULL,
                               NULL, &pieces, err));
    for (size_t i = 0; i < pieces.count; i++)
        TB_TRY(has_sheet ? add_footprint(l, &pieces.item[i], err)
                         : add_extent(l, &pieces.item[i], err));
    if (l->left_m2 > 1e-6 * whole)
        TB_TRY(add_source(l, tb_path_name(l->job->images[0]), tb_survey_day(l->job->date),
                          l->left_m2, err));
done:
    tb_overlay_reset(&pieces);
    tb_tract_reset(imagery->geos, &ground);
    return status;
}

static void list_scenes(const tally *scenes, char out[TB_SCENES_SIZE])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < scenes->count; i++) {
        const char *scene  = scenes->item[i].scene;
        size_t      needed = strlen(scene) + (i > 0);

        if (used + needed + sizeof "…" > TB_SCENES_SIZE) {
            snprintf(out + used, TB_SCENES_SIZE - used, "…");
            return;
        }
        used +=
            (size_t)snprintf(out + used, TB_SCENES_SIZE - used, "%s%s", i > 0 ? ";" : "", scene);
    }
}

static void set_day(long day, char out[11])
{
    char text[40];

    out[0] = '\0';
    if (day == 0)
        return;
    snprintf(text, sizeof text, "%04ld-%02ld-%02ld", day / 10000, day / 100 % 100, day % 100);
    snprintf(out, 11, "%.10s", text);
}

tb_status tb_imagery_under(const tb_imagery *imagery, const tb_candidate *candidate,
                           const GEOSGeometry *geometry, tb_under *out, tb_error *err)
{
    tb_status     status  = TB_OK;
    double        area_m2 = tb_area_of_geometry(imagery->geos, geometry), seen_m2 = 0.0;
    const tb_part alone = {candidate->pair, area_m2}, *part = &alone;
    int           parts         = 1;
    tally         days[DATES]   = {{0}};
    tally         scenes[DATES] = {{0}};

    if (candidate->part_count > 0) {
        part  = candidate->part;
        parts = candidate->part_count;
    }
    for (int i = 0; i < parts; i++)
        seen_m2 += part[i].area_m2;
    for (int d = 0; d < DATES; d++) {
        for (int i = 0; i < parts; i++) {
            looking l = {.job     = date_of(imagery->job, part[i].pair, d),
                         .date    = &imagery->view[part[i].pair].date[d],
                         .weight  = part[i].area_m2 / seen_m2,
                         .left_m2 = area_m2,
                         .days    = &days[d],
                         .scenes  = &scenes[d]};

            TB_TRY(look(imagery, geometry, &l, err));
        }
        sort(&days[d]);
        sort(&scenes[d]);
    }
    *out = (tb_under){.is_of_several_days = days[BEFORE].count > 1 || days[AFTER].count > 1};
    if (days[BEFORE].count > 0) /* a geometry without an area has none */
        set_day(days[BEFORE].item[0].day, out->before);
    if (days[AFTER].count > 0)
        set_day(days[AFTER].item[0].day, out->after);
    list_scenes(&scenes[BEFORE], out->before_scenes);
    list_scenes(&scenes[AFTER], out->after_scenes);
done:
    for (int d = 0; d < DATES; d++) {
        tb_free(days[d].item);
        tb_free(scenes[d].item);
    }
    return status;
}
