#include "job/row.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"

/* TBLX 其他: two images say that ground changed, not into what. docs/parcels.md */
static const char UNTOLD[] = "QT";

static void put(tb_row *r, tb_vector_value value)
{
    assert(r->count < TB_FIELDS_MAX);
    r->value[r->count++] = value;
}

static void put_null(tb_row *r, int count)
{
    for (int i = 0; i < count; i++)
        put(r, (tb_vector_value){0});
}

static void put_text(tb_row *r, const char *text)
{
    put(r, (tb_vector_value){.is_set = text != NULL && text[0] != '\0', .text = text});
}

static void put_integer(tb_row *r, int64_t value)
{
    put(r, (tb_vector_value){.is_set = true, .integer = value});
}

static void put_answer(tb_row *r, bool has, tb_answer answer)
{
    put(r, (tb_vector_value){.is_set = has && answer != TB_UNKNOWN, .integer = answer == TB_YES});
}

static void put_tier(tb_row *r, bool has, int tier)
{
    put(r, (tb_vector_value){.is_set = has && tier >= 0, .integer = tier});
}

static void put_real(tb_row *r, double value)
{
    put(r, (tb_vector_value){.is_set = true, .real = value});
}

static void put_area(tb_row *r, int64_t dm2)
{
    put(r, (tb_vector_value){.is_set = dm2 >= 0, .real = (double)dm2 / 100.0});
}

/* Mu to four decimals, from the integer: dm2 * 3 / 200000. */
static void put_mu(tb_row *r, int64_t dm2)
{
    put_real(r, (double)((dm2 * 3 + 10) / 20) / 10000.0);
}

static void compact_date(const char *date, char out[9])
{
    out[0] = '\0';
    if (date[0] != '\0')
        snprintf(out, 9, "%.4s%.2s%.2s", date, date + 5, date + 8);
}

static const char *scene_of(const tb_job_date *date)
{
    return tb_path_name(date->images[0]);
}

static const char *layer_of(const tb_job *job, const char *role)
{
    for (int l = 0; l < job->layer_count; l++)
        if (strcmp(job->layers[l].role, role) == 0)
            return tb_path_name(job->layers[l].path);
    return NULL;
}

static void make_texts(tb_row *r, const tb_job *job, const tb_judge *judge,
                       const tb_judgement *found)
{
    tb_day month = {0};

    compact_date(found->under.before, r->before);
    compact_date(found->under.after, r->after);
    if (job->month[0] != '\0')
        snprintf(r->batch, sizeof r->batch, "%.4s%.2s", job->month, job->month + 5);
    if (judge->profile == NULL)
        return;
    tb_day_parse(job->month, &month);
    tb_profile_stamp(judge->profile, month, r->ruleset);
    if (!found->has_tier || found->tier.due.year == 0)
        return;
    tb_day_text(found->tier.due, r->due);
    snprintf(r->why, sizeof r->why, "%s；草案：按当月下发计",
             tb_weekday_name(tb_day_weekday(found->tier.due)));
}

/* To so many parts of 1: C libraries differ in the last bits of what is measured in a plane. */
static double rounded(double value, double parts)
{
    return floor(value * parts + 0.5) / parts;
}

/*
 * From 0 to 1: how strong the evidence is, for ranking, not a probability. Where seasons changed
 * what was built stands out by its mean, its greatest score and its size: docs/parcels.md.
 */
static double confidence_of(const tb_candidate *it)
{
    double evidence = it->score * it->score_max * pow((double)it->pixels, 0.1);

    return rounded(evidence / (evidence + 2.5), 1e3);
}

void tb_row_parcel(tb_row *r, const tb_job *job, const tb_judge *judge, const tb_candidate *it,
                   const tb_judgement *found)
{
    const tb_areas       *a    = &found->areas;
    const tb_tier_result *tier = &found->tier;
    bool                  has  = found->has_tier;

    *r = (tb_row){0};
    make_texts(r, job, judge, found);
    put_text(r, it->id);
    put_null(r, 2);
    put_text(r, r->batch);
    put_integer(r, 1);
    put_null(r, 1);
    put_text(r, job->stream);
    put_null(r, 4);
    put_text(r, found->district_code);
    put_text(r, found->district_name);
    put_text(r, found->unit_code);
    put_text(r, found->unit_name);
    put_text(r, found->place_code);
    put_text(r, found->place_name);
    put_real(r, rounded(found->longitude, 1e8));
    put_real(r, rounded(found->latitude, 1e8));
    put_text(r, r->before);
    put_text(r, r->after);
    put_text(r, found->under.before_scenes);
    put_text(r, found->under.after_scenes);
    put_text(r, r->after);
    put_null(r, 2);
    put_text(r, it->is_given ? it->kind : UNTOLD);
    put_null(r, 2);
    put_text(r, it->classes);
    put_text(r, it->classes_by);
    put_text(r, it->classes_day);
    put_area(r, a->total);
    put_mu(r, a->total);
    put_area(r, a->farmland);
    put_area(r, a->farmland_gross);
    put_area(r, a->farmland_beyond_pbf);
    put_area(r, a->pbf);
    put_area(r, a->pbf_gross);
    put_area(r, a->redline);
    put_area(r, a->pbf_or_redline);
    put_area(r, a->other_agricultural);
    put_area(r, a->unused);
    put_area(r, a->construction);
    put_area(r, a->unsurveyed);
    put_area(r, a->urban);
    put_area(r, a->farmland);
    put_area(r, a->pbf);
    put_area(r, a->redline);
    put_area(r, a->total);
    put_area(r, a->uncertainty);
    put_area(r, a->approved);
    put_area(r, a->unapproved);
    put_text(r, found->registered);
    put_text(r, found->document);
    put_text(r, found->kind);
    put(r, (tb_vector_value){.is_set = a->approved >= 0, .integer = found->is_approved_late});
    put_tier(r, has, tier->tier);
    put_tier(r, has, found->tier_before.tier);
    put_tier(r, has, tier->tier);
    put_answer(r, has, tier->is_tier[1]);
    put_answer(r, has, tier->is_tier[2]);
    put_answer(r, has, tier->is_tier[3]);
    put_text(r, tier->t3_why);
    put_text(r, tier->city_check);
    put_answer(r, has && tier->has_gate, tier->gate);
    put_text(r, r->ruleset);
    put_answer(r, has, tier->is_t1_outside_pbf);
    put_text(r, tier->near);
    put(r, (tb_vector_value){.is_set = found->cluster > 0, .integer = found->cluster});
    put_tier(r, found->cluster > 0, found->cluster_tier);
    put_text(r, r->due);
    put_text(r, r->why);
    put(r, (tb_vector_value){.is_set = has, .integer = tier->is_late});
    put_text(r, layer_of(job, "landuse"));
    put_text(r, layer_of(job, "pbf"));
    put_text(r, layer_of(job, "redline"));
    put_text(r, layer_of(job, "approvals"));
    put_text(r, "tuban " TUBAN_VERSION);
    put_text(r, it->source);
    put_integer(r, found->qa);
    if (it->is_given) {
        put_null(r, 5);
    } else {
        put_integer(r, it->pixels);
        put_real(r, confidence_of(it));
        put_real(r, it->score);
        put_real(r, it->score_max);
        put_integer(r, it->edge_pixels);
    }
    put_text(r, found->former_class);
    put(r, (tb_vector_value){.is_set = found->former_class != NULL,
                             .real   = rounded(found->changed_share, 1e4)});
    put_real(r, rounded(found->form.rectangularity, 1e4));
    put_real(r, rounded(found->form.elongation, 1e3));
    put_text(r, found->reason);
    assert(r->count == tb_fields_rejected().count);
}

void tb_row_observed(tb_row *r, const tb_job *job, const tb_observed *it)
{
    const tb_job_pair *pair = &job->pairs[it->pair];

    *r = (tb_row){0};
    compact_date(pair->before.date, r->before);
    compact_date(pair->after.date, r->after);
    put_text(r, it->state);
    put_text(r, r->before);
    put_text(r, r->after);
    put_text(r, scene_of(&pair->before));
    put_text(r, scene_of(&pair->after));
    put_integer(r, it->pixels);
    assert(r->count == tb_fields_observed().count);
}

void tb_row_unit(tb_row *r, const tb_candidate *it, const tb_judgement *found,
                 const tb_share *share)
{
    *r = (tb_row){0};
    put_text(r, share->code);
    put_text(r, share->name);
    put_text(r, it->id);
    put_area(r, share->areas.total);
    put_area(r, share->areas.farmland);
    put_area(r, share->areas.pbf);
    put_area(r, share->areas.redline);
    put_tier(r, found->has_tier, found->tier.tier);
    assert(r->count == tb_fields_units().count);
}

void tb_row_qc(tb_row *r, const tb_qc *qc, const tb_qc_row *it)
{
    const tb_qc_layer *layer = &qc->layer[it->layer];

    *r = (tb_row){0};
    put_text(r, layer->role);
    put_text(r, layer->path);
    put_text(r, layer->name);
    put_integer(r, it->fid);
    put_text(r, tb_finding_name(it->finding));
    put_text(r, tb_finding_action(it->finding));
    put(r, (tb_vector_value){.is_set = it->before_m2 >= 0.0, .real = it->before_m2});
    put(r, (tb_vector_value){.is_set = it->after_m2 >= 0.0, .real = it->after_m2});
    put_text(r, it->detail);
    assert(r->count == tb_fields_qc().count);
}
