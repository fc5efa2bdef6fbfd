#include "job/month.h"

#include <string.h>

#include "job/parcels.h"

/* Sums of some parcels; dm2, unknown counts as none. */
typedef struct sums {
    int64_t parcels[TB_TIERS], untiered;
    int64_t total, farmland, pbf, redline;
} sums;

static void add_areas(sums *s, const tb_areas *areas)
{
    s->total += areas->total;
    s->farmland += areas->farmland > 0 ? areas->farmland : 0;
    s->pbf += areas->pbf > 0 ? areas->pbf : 0;
    s->redline += areas->redline > 0 ? areas->redline : 0;
}

static void count_parcel(sums *s, const tb_judgement *found)
{
    if (found->has_tier && found->tier.tier >= 0)
        s->parcels[found->tier.tier]++;
    else
        s->untiered++;
}

static json_t *square_metres(int64_t dm2)
{
    return json_real((double)dm2 / 100.0);
}

static void set_sums(json_t *row, const tb_judge *judge, const sums *s)
{
    const tb_masks *masks = &judge->survey.masks;

    json_object_set_new(row, "JCMJ", square_metres(s->total));
    json_object_set_new(row, "GDMJ",
                        masks->landuse != NULL ? square_metres(s->farmland) : json_null());
    json_object_set_new(row, "JBNTMJ", masks->pbf != NULL ? square_metres(s->pbf) : json_null());
    json_object_set_new(row, "STHXMJ",
                        masks->redline != NULL ? square_metres(s->redline) : json_null());
}

static bool is_issued(const tb_judgement *found)
{
    return found->reason == NULL && !found->is_withheld;
}

static json_t *tier_rows(const tb_judge *judge, const tb_job *job)
{
    json_t          *rows = json_array();
    const tb_stream *stream =
        judge->profile != NULL ? tb_profile_stream(judge->profile, job->stream) : NULL;

    for (int t = TB_TIERS - 1; t >= 0 && stream != NULL && stream->has_tiers; t--) {
        json_t *row                   = json_object();
        sums    s                     = {0};
        int64_t count                 = 0;
        char    due[TB_DAY_TEXT_SIZE] = "";

        for (size_t i = 0; i < judge->count; i++) {
            const tb_judgement *found = &judge->item[i];

            if (!is_issued(found) || !found->has_tier || found->tier.tier != t)
                continue;
            count++;
            add_areas(&s, &found->areas);
            tb_day_text(found->tier.due, due);
        }
        json_object_set_new(row, "tier", json_integer(t));
        json_object_set_new(row, "name", json_string(stream->tier[t].name));
        json_object_set_new(row, "parcels", json_integer((json_int_t)count));
        set_sums(row, judge, &s);
        json_object_set_new(row, "due", due[0] != '\0' ? json_string(due) : json_null());
        json_array_append_new(rows, row);
    }
    return rows;
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What was observed of a unit, and the rest; of no unit, and without a layer, null. */
static void set_coverage(json_t *row, const tb_judge *judge, const char *code)
{
    json_object_set_new(row, "observed_m2", json_null());
    json_object_set_new(row, "unobserved_m2", json_null());
    for (size_t u = 0; code != NULL && u < judge->coverage.count; u++) {
        const tb_unit_coverage *unit = &judge->coverage.unit[u];

        if (!is_same(unit->code, code))
            continue;
        json_object_set_new(row, "observed_m2", square_metres(unit->observed));
        json_object_set_new(row, "unobserved_m2", square_metres(unit->total - unit->observed));
    }
}

static json_t *unit_row(const tb_judge *judge, const char *code, const char *name)
{
    json_t *row = json_object(), *tiers = json_array();
    sums    s = {0};

    for (size_t i = 0; i < judge->count; i++) {
        const tb_judgement *found = &judge->item[i];

        if (!is_issued(found))
            continue;
        if (is_same(found->unit_code, code))
            count_parcel(&s, found);
        if (found->share_count == 0 && code == NULL)
            add_areas(&s, &found->areas);
        for (int k = 0; k < found->share_count; k++)
            if (is_same(found->share[k].code, code))
                add_areas(&s, &found->share[k].areas);
    }
    for (int t = 0; t < TB_TIERS; t++)
        json_array_append_new(tiers, json_integer((json_int_t)s.parcels[t]));
    json_object_set_new(row, "code", code != NULL ? json_string(code) : json_null());
    json_object_set_new(row, "name", name != NULL ? json_string(name) : json_null());
    json_object_set_new(row, "tiers", tiers);
    json_object_set_new(row, "untiered", json_integer((json_int_t)s.untiered));
    set_sums(row, judge, &s);
    set_coverage(row, judge, code);
    return row;
}

static bool has_row(const json_t *rows, const char *code)
{
    size_t  i;
    json_t *row;

    json_array_foreach(rows, i, row) if (is_same(json_string_value(json_object_get(row, "code")),
                                                 code)) return true;
    return false;
}

static int compare_codes(const void *a, const void *b)
{
    const char *x = json_string_value(json_object_get(*(json_t *const *)a, "code"));
    const char *y = json_string_value(json_object_get(*(json_t *const *)b, "code"));

    return strcmp(x != NULL ? x : "~", y != NULL ? y : "~");
}

/* Few units, many parcels: rows are put in their order by insertion. */
static void insert_row(json_t *rows, json_t *row)
{
    size_t at = 0;

    while (at < json_array_size(rows)) {
        json_t *other = json_array_get(rows, at);

        if (compare_codes(&row, &other) < 0)
            break;
        at++;
    }
    json_array_insert_new(rows, at, row);
}

static json_t *unit_rows(const tb_judge *judge)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < judge->count; i++) {
        const tb_judgement *found = &judge->item[i];

        if (!is_issued(found))
            continue;
        if (found->unit_code == NULL && !has_row(rows, NULL))
            insert_row(rows, unit_row(judge, NULL, NULL));
        for (int k = 0; k < found->share_count; k++)
            if (!has_row(rows, found->share[k].code))
                insert_row(rows, unit_row(judge, found->share[k].code, found->share[k].name));
    }
    for (size_t u = 0; u < judge->coverage.count; u++) /* without a parcel, observed or not */
        if (!has_row(rows, judge->coverage.unit[u].code))
            insert_row(rows,
                       unit_row(judge, judge->coverage.unit[u].code, judge->coverage.unit[u].name));
    return rows;
}

json_t *tb_month_head(const tb_job *job)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?}", "job", job->name, "month", job->month, "tuban",
                     TUBAN_VERSION, "notice", TB_NOTICE, "region", job->region);
}

/* What is wrong with the layers, one row a layer; and with the land survey under the parcels. */
static json_t *qc_report(const tb_judge *judge)
{
    const tb_qc *qc   = &judge->survey.qc;
    json_t      *rows = json_array();
    int64_t      gaps = 0, gap_dm2 = 0, shared = 0;

    for (size_t i = 0; i < qc->layer_count; i++) {
        const tb_qc_layer *layer = &qc->layer[i];
        json_t            *row = json_pack("{s:s, s:s, s:s, s:I, s:b}", "role", layer->role, "file",
                                           layer->path, "layer", layer->name, "read", (json_int_t)layer->read,
                                           "whole", (int)layer->is_whole);

        for (int f = 0; f < TB_FINDINGS; f++)
            json_object_set_new(row, tb_finding_name((tb_finding)f),
                                json_integer((json_int_t)layer->found[f]));
        json_array_append_new(rows, row);
    }
    for (size_t i = 0; i < judge->count; i++) {
        const tb_judgement *found = &judge->item[i];

        shared += (found->qa & TB_QA_SHARED) != 0;
        if (found->qa & TB_QA_UNSURVEYED) {
            gaps++;
            gap_dm2 += found->areas.unsurveyed;
        }
    }
    return json_pack("{s:o, s:I, s:f, s:I}", "layers", rows, "parcels_on_gaps", (json_int_t)gaps,
                     "gap_m2", (double)gap_dm2 / 100.0, "parcels_on_overlaps", (json_int_t)shared);
}

json_t *tb_month_report(const tb_judge *judge, const tb_candidates *candidates, const tb_job *job)
{
    json_t *rejected = json_object(), *t3 = json_array(), *reduced = json_array();
    char    ruleset[TB_RULESET_SIZE] = "";
    int64_t parcels = 0, withheld = 0;
    tb_day  month = {0};

    for (size_t i = 0; i < judge->count; i++) {
        const tb_judgement *found = &judge->item[i];

        if (found->is_withheld) {
            withheld++;
        } else if (found->reason != NULL) {
            json_t *before = json_object_get(rejected, found->reason);

            json_object_set_new(rejected, found->reason,
                                json_integer(1 + json_integer_value(before)));
        } else {
            parcels++;
            if (found->has_tier && found->tier.is_candidate)
                json_array_append_new(t3, json_string(candidates->item[i].id));
            if (found->has_tier && found->tier.tier < found->tier_before.tier)
                json_array_append_new(reduced, json_string(candidates->item[i].id));
        }
    }
    tb_day_parse(job->month, &month);
    if (judge->profile != NULL)
        tb_profile_stamp(judge->profile, month, ruleset);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "stream", job->stream,
        "ruleset", ruleset, "observed_m2", square_metres(judge->coverage.observed), "unobserved_m2",
        square_metres(judge->coverage.unobserved), "parcels", (json_int_t)parcels, "withheld",
        (json_int_t)withheld, "rejected_for", rejected, "tiers", tier_rows(judge, job), "units",
        unit_rows(judge), "t3_candidates", t3, "reduced", reduced, "qc", qc_report(judge));
}
