/* The tier of what was measured. */
#include "job/judge_inside.h"
#include "parcel/area.h"

void tb_judge_decide(const tb_judge *judge, const tb_job *job, const tb_areas *areas,
                     const char *classes, tb_tier_result *out)
{
    tb_tier_input input;

    tb_tier_input_init(&input, tb_profile_stream(judge->profile, job->stream));
    input.pbf_dm2                  = areas->pbf;
    input.erl_dm2                  = areas->redline;
    input.farmland_dm2             = areas->farmland;
    input.farmland_outside_pbf_dm2 = areas->farmland_beyond_pbf;
    input.union_dm2                = areas->pbf_or_redline;
    input.uncertainty_dm2          = areas->uncertainty;
    input.classes                  = classes;
    tb_day_parse(job->month, &input.issue);
    tb_tier_decide(judge->profile, &input, out);
}

void tb_hearing_decide(tb_hearing *h)
{
    tb_judgement  *out     = h->out;
    tb_areas       reduced = out->areas, gross = out->areas;
    bool           is_net  = h->judge->profile->is_net_of_ridges;
    const char    *classes = h->candidate->classes;
    tb_tier_result by_gross;

    tb_judge_decide(h->judge, h->job, &out->areas, classes, &out->tier_before);
    out->tier = out->tier_before;
    if (out->areas.approved > 0 && is_net) {
        if (reduced.farmland >= 0)
            reduced.farmland = tb_area_dm2(h->holdings.farmland_unapproved);
        if (reduced.pbf >= 0)
            reduced.pbf = tb_area_dm2(h->holdings.pbf_unapproved);
        if (reduced.redline >= 0)
            reduced.redline = tb_area_dm2(h->holdings.redline_unapproved);
        tb_judge_decide(h->judge, h->job, &reduced, classes, &out->tier);
    }
    gross.farmland = gross.farmland_gross;
    gross.pbf      = gross.pbf_gross;
    tb_judge_decide(h->judge, h->job, &gross, classes, &by_gross);
    if (by_gross.tier != out->tier_before.tier)
        out->qa |= TB_QA_RIDGES;
    if (out->tier.passes_by_union_only)
        out->qa |= TB_QA_UNION;
    out->has_tier         = true;
    out->is_approved_late = h->holdings.late > 0.005;
}
