/* Where a parcel lies: districts, places, former class, approvals, and its shares of units. */
#include <string.h>

#include "core/memory.h"
#include "job/judge_inside.h"
#include "parcel/area.h"

static bool holds(void *context, const tb_feature *feature)
{
    const tb_mask *mask = context;

    return mask->approval[feature - mask->features.feature] == TB_APPROVAL_HOLDS;
}

/* Areas of the survey's classes under a parcel. */
typedef struct class_area {
    const char *code;
    double      area_m2;
} class_area;

/* The class with most of the pieces on the survey; NULL: none of them has one. */
static tb_status find_class(const tb_survey *survey, const tb_overlay *pieces, const char **out,
                            tb_error *err)
{
    tb_status   status  = TB_OK;
    class_area *classes = NULL;
    size_t      count = 0, most = 0;

    TB_TRY(tb_alloc(&classes, pieces->count, sizeof *classes, "land classes", err));
    for (size_t k = 0; k < pieces->count; k++) {
        const char *code = tb_survey_text(survey, "landuse", pieces->item[k].feature, "class");
        size_t      i    = 0;

        if (code == NULL)
            continue;
        while (i < count && strcmp(classes[i].code, code) != 0)
            i++;
        if (i == count)
            classes[count++] = (class_area){.code = code};
        classes[i].area_m2 += pieces->item[k].ground.area_m2;
    }
    for (size_t i = 1; i < count; i++)
        most = classes[i].area_m2 > classes[most].area_m2 ? i : most;
    *out = count > 0 ? classes[most].code : NULL;
done:
    tb_free(classes);
    return status;
}

/* What the ground was, and how much of the survey's polygon under most of it is changed. */
static tb_status find_former(tb_hearing *h, tb_error *err)
{
    tb_status        status = TB_OK;
    const tb_survey *survey = &h->judge->survey;
    tb_judgement    *out    = h->out;
    const tb_piece  *most   = tb_overlay_largest(&h->landuse);

    if (most == NULL)
        goto done;
    out->place_code    = tb_survey_text(survey, "landuse", most->feature, "place_code");
    out->place_name    = tb_survey_text(survey, "landuse", most->feature, "place_name");
    out->changed_share = most->ground.area_m2 / tb_feature_area(h->judge->geos, most->feature);
    TB_TRY(find_class(survey, &h->landuse, &out->former_class, err));
done:
    return status;
}

/* The feature with most of a parcel, or NULL. */
static tb_status find_largest(tb_hearing *h, const tb_mask *mask, const tb_feature **out,
                              tb_error *err)
{
    tb_status       status = TB_OK;
    tb_overlay      pieces = {0};
    const tb_piece *most;

    TB_TRY(tb_overlay_find(h->judge->geos, &h->ground, &mask->features,
                           mask->approval != NULL ? holds : NULL, (void *)mask, &pieces, err));
    most = tb_overlay_largest(&pieces);
    *out = most != NULL ? most->feature : NULL;
done:
    tb_overlay_reset(&pieces);
    return status;
}

tb_status tb_hearing_find_places(tb_hearing *h, tb_error *err)
{
    tb_status         status = TB_OK;
    tb_survey        *survey = &h->judge->survey;
    tb_judgement     *out    = h->out;
    const tb_feature *feature;

    if (survey->has_districts) {
        TB_TRY(find_largest(h, &survey->districts, &feature, err));
        if (feature != NULL) {
            out->district_code = tb_survey_text(survey, "districts", feature, "code");
            out->district_name = tb_survey_text(survey, "districts", feature, "name");
        }
    }
    TB_TRY(find_former(h, err));
    if (survey->masks.approvals != NULL) {
        TB_TRY(find_largest(h, &survey->approvals, &feature, err));
        if (feature != NULL) {
            out->kind       = tb_survey_text(survey, "approvals", feature, "kind");
            out->document   = tb_survey_text(survey, "approvals", feature, "document");
            out->registered = tb_survey_text(survey, "approvals", feature, "register");
        }
    }
done:
    return status;
}

/* What lies in a unit; all of the parcel was measured already. */
static tb_status measure_share(tb_hearing *h, tb_piece *piece, tb_areas *out, tb_error *err)
{
    tb_status       status  = TB_OK;
    const tb_masks *masks   = &h->judge->survey.masks;
    tb_overlay      landuse = {0};
    tb_holdings     holdings;

    if (piece->ground.area_m2 > h->ground.area_m2 - TB_AREA_NOTHING_M2)
        holdings = h->holdings;
    else
        TB_TRY(
            tb_holdings_measure(h->judge->geos, &piece->ground, masks, &holdings, &landuse, err));
    tb_judge_set_areas(h->judge, &holdings, out);
done:
    tb_overlay_reset(&landuse);
    return status;
}

/* The parcel belongs to the unit that has most of it. */
tb_status tb_hearing_find_shares(tb_hearing *h, tb_error *err)
{
    tb_status      status = TB_OK;
    tb_survey     *survey = &h->judge->survey;
    tb_judgement  *out    = h->out;
    const tb_mask *units  = survey->has_units ? &survey->units : &survey->districts;
    const char    *role   = survey->has_units ? "units" : "districts";
    int64_t        most   = -1;
    tb_overlay     pieces = {0};

    if (!survey->has_units && !survey->has_districts)
        return TB_OK;
    TB_TRY(tb_overlay_find(h->judge->geos, &h->ground, &units->features, NULL, NULL, &pieces, err));
    TB_TRY(tb_alloc_zero(&out->share, pieces.count, sizeof *out->share, "shares", err));
    for (size_t i = 0; i < pieces.count; i++) {
        tb_share *share = &out->share[out->share_count++];

        share->code = tb_survey_text(survey, role, pieces.item[i].feature, "code");
        share->name = tb_survey_text(survey, role, pieces.item[i].feature, "name");
        TB_TRY(measure_share(h, &pieces.item[i], &share->areas, err));
        if (share->areas.total > most) {
            most           = share->areas.total;
            out->unit_code = share->code;
            out->unit_name = share->name;
        }
    }
done:
    tb_overlay_reset(&pieces);
    return status;
}
