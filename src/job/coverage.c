#include "job/coverage.h"

#include <string.h>

#include "core/memory.h"
#include "parcel/area.h"
#include "parcel/overlay.h"

void tb_coverage_reset(tb_coverage *coverage)
{
    tb_free(coverage->unit);
    *coverage = (tb_coverage){0};
}

/* Areas of the features of a layer, m². */
typedef struct sums {
    const tb_features *features;
    double            *total, *observed; /* one a feature */
    bool              *is_reached;       /* by an image's grid */
    tb_feature        *own;              /* whose own ground is asked for */
    double            *into;             /* NULL: nowhere */
} sums;

static tb_status add_pieces(sums *s, tb_geos *geos, const GEOSGeometry *geometry, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_tract   ground = tb_tract_of(geometry);
    tb_overlay pieces = {0};

    TB_TRY(tb_overlay_find(geos, &ground, s->features, NULL, NULL, &pieces, err));
    for (size_t k = 0; k < pieces.count; k++) {
        const tb_feature *feature = pieces.item[k].feature;
        size_t            i       = (size_t)(feature - s->features->feature);

        if (s->into != NULL && (s->own == NULL || s->own == feature))
            s->into[i] += pieces.item[k].ground.area_m2;
        if (s->own == NULL)
            s->is_reached[i] = true;
    }
done:
    tb_overlay_reset(&pieces);
    tb_tract_reset(geos, &ground);
    return status;
}

/* Of each feature what no earlier one has. */
static tb_status measure_units(sums *s, tb_geos *geos, tb_error *err)
{
    tb_status           status = TB_OK;
    const GEOSGeometry *geometry;

    s->into = s->total;
    for (size_t i = 0; i < s->features->count; i++) {
        s->own = &s->features->feature[i];
        TB_TRY(tb_feature_geometry(geos, s->own, &geometry, err));
        TB_TRY(add_pieces(s, geos, geometry, err));
    }
    s->own = NULL;
done:
    return status;
}

static tb_status measure_observed(tb_coverage *coverage, sums *s, tb_geos *geos,
                                  const tb_observed *it, tb_error *err)
{
    tb_status     status   = TB_OK;
    GEOSGeometry *geometry = NULL;
    bool          is_seen  = strcmp(it->state, "observed") == 0;
    double        area;

    TB_TRY(tb_outline_geometry(geos, &it->outline, &geometry, err));
    area = tb_area_of_geometry(geos, geometry);
    if (is_seen)
        coverage->observed += tb_area_dm2(area);
    else
        coverage->unobserved += tb_area_dm2(area);
    s->into = is_seen ? s->observed : NULL;
    if (s->features->count > 0)
        TB_TRY(add_pieces(s, geos, geometry, err));
done:
    GEOSGeom_destroy_r(geos->handle, geometry);
    return status;
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* 371000 is the city of all 3710xx, 370000 the province of all 37xxxx. */
static bool is_of_region(const char *code, const char *region)
{
    size_t length = region != NULL ? strlen(region) : 0;

    while (length > 2 && region[length - 1] == '0' && region[length - 2] == '0')
        length -= 2;
    return length > 0 && code != NULL && strncmp(code, region, length) == 0;
}

static void add_unit(tb_coverage *coverage, const char *code, const char *name, double total,
                     double observed)
{
    tb_unit_coverage *unit = NULL;

    for (size_t u = 0; u < coverage->count && unit == NULL; u++)
        if (is_same(coverage->unit[u].code, code))
            unit = &coverage->unit[u];
    if (unit == NULL) {
        unit  = &coverage->unit[coverage->count++];
        *unit = (tb_unit_coverage){.code = code, .name = name};
    }
    unit->total += tb_area_dm2(total);
    unit->observed += tb_area_dm2(observed < total ? observed : total);
}

tb_status tb_coverage_measure(tb_coverage *coverage, tb_geos *geos, const tb_survey *survey,
                              const tb_job *job, const tb_candidates *candidates, tb_error *err)
{
    static const tb_features none   = {0};
    tb_status                status = TB_OK;
    const char              *role   = survey->has_units ? "units" : "districts";
    sums                     s      = {.features = survey->has_units       ? &survey->units.features
                                                   : survey->has_districts ? &survey->districts.features
                                                                           : &none};
    size_t                   count  = s.features->count;

    TB_TRY(tb_alloc_zero(&s.total, count, sizeof *s.total, "units", err));
    TB_TRY(tb_alloc_zero(&s.observed, count, sizeof *s.observed, "units", err));
    TB_TRY(tb_alloc_zero(&s.is_reached, count, sizeof *s.is_reached, "units", err));
    TB_TRY(tb_alloc(&coverage->unit, count, sizeof *coverage->unit, "units", err));
    TB_TRY(measure_units(&s, geos, err));
    for (size_t i = 0; i < candidates->observed_count; i++)
        TB_TRY(measure_observed(coverage, &s, geos, &candidates->observed[i], err));
    for (size_t i = 0; i < count; i++) {
        const tb_feature *unit = &s.features->feature[i];
        const char       *code = tb_survey_text(survey, role, unit, "code");

        if (s.is_reached[i] || is_of_region(code, job->region))
            add_unit(coverage, code, tb_survey_text(survey, role, unit, "name"), s.total[i],
                     s.observed[i]);
    }
done:
    tb_free(s.total);
    tb_free(s.observed);
    tb_free(s.is_reached);
    return status;
}
