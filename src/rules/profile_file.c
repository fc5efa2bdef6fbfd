#include "rules/profile_file.h"

#include <stdio.h>
#include <string.h>

enum { CODE_MAX = 15, MU_MAX = 1000000 };

static const char *const tier_keys[TB_TIERS + 1] = {"T0", "T1", "T2", "T3", NULL};

/* The child, which only a file that extends another may leave out. */
static tb_status find(const tb_profile_file *file, tb_node map, const char *key, tb_node *child,
                      bool *is_there, tb_error *err)
{
    *is_there = tb_node_find(map, key, child);
    return *is_there || file->depth > 0 ? TB_OK : tb_node_require(map, key, child, err);
}

/* Text that is not empty, of which the complaint says what it stands for. */
static tb_status read_text(tb_node node, const char *expected, const char **out, tb_error *err)
{
    const char *text;

    *out = NULL;
    if (tb_node_text(node, &text, NULL) != TB_OK || text[0] == '\0')
        return tb_node_complain(node, err, expected);
    *out = text;
    return TB_OK;
}

static tb_status require_text(tb_node map, const char *key, const char *expected, const char **out,
                              tb_error *err)
{
    tb_node   node;
    tb_status status = tb_node_require(map, key, &node, err);

    return status == TB_OK ? read_text(node, expected, out, err) : status;
}

/* A name that goes into fields of the output: letters of ASCII, digits and hyphens. */
static tb_status require_code(tb_node map, const char *key, const char **out, tb_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char       *expected  = "1 to 15 of A-Z, 0-9 and -";
    tb_node           node;
    tb_status         status = TB_OK;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(read_text(node, expected, out, err));
    if (strlen(*out) > CODE_MAX || strspn(*out, allowed) != strlen(*out))
        status = tb_node_complain(node, err, expected);
done:
    return status;
}

static tb_status read_list_size(tb_node list, int most, const char *of, int *count, tb_error *err)
{
    char expected[96];

    snprintf(expected, sizeof expected, "a list of 1 to %d %s", most, of);
    if (!tb_node_is_list(list) || tb_node_count(list) < 1 || tb_node_count(list) > (size_t)most)
        return tb_node_complain(list, err, expected);
    *count = (int)tb_node_count(list);
    return TB_OK;
}

/* ---- citations ---- */

/* The node `key` of the maps below `section`, by the name that stands in `name`. */
static tb_status look_up(const tb_profile_file *file, const char *section, tb_node name,
                         tb_node *found, tb_error *err)
{
    tb_node     map;
    const char *text;
    char        expected[64];

    snprintf(expected, sizeof expected, "a name that stands under %s", section);
    if (tb_node_text(name, &text, NULL) != TB_OK || !tb_node_find(file->root, section, &map) ||
        !tb_node_find(map, text, found))
        return tb_node_complain(name, err, expected);
    return TB_OK;
}

/* `cite: NAME`, which nothing that comes from a notice may lack. */
static tb_status read_citation(const tb_profile_file *file, tb_node map, tb_citation *out,
                               tb_error *err)
{
    static const char *const allowed[] = {"notice", "clause", "restates", NULL};
    static const char *const notices[] = {"cited_as", "title", "dated", NULL};
    tb_status                status    = TB_OK;
    tb_citation              citation  = {0};
    tb_node                  name, node, notice;

    TB_TRY(tb_node_require(map, "cite", &name, err));
    TB_TRY(look_up(file, "citations", name, &node, err));
    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(require_text(node, "clause", "the clause, as readable in the notice", &citation.clause,
                        err));
    if (tb_node_find(node, "restates", &name))
        TB_TRY(read_text(name, "the notice it restates", &citation.restates, err));
    TB_TRY(tb_node_require(node, "notice", &name, err));
    TB_TRY(look_up(file, "notices", name, &notice, err));
    TB_TRY(tb_node_check_keys(notice, notices, err));
    TB_TRY(require_text(notice, "cited_as", "the notice's number, or how it is cited",
                        &citation.notice, err));
    *out = citation;
done:
    return status;
}

/* ---- thresholds ---- */

static tb_status read_mu(tb_node node, tb_threshold *threshold, tb_error *err)
{
    const char *expected = "an area in mu above 0, up to 1000000, with up to 4 decimals";
    int64_t     units;
    bool        is_exact;
    tb_status   status = read_text(node, expected, &threshold->mu, err);

    if (status != TB_OK)
        return status;
    if (strlen(threshold->mu) > CODE_MAX ||
        !tb_decimal_parse(threshold->mu, TB_MU_DIGITS, &units, &is_exact) || !is_exact ||
        units < 1 || units > INT64_C(10000) * MU_MAX)
        return tb_node_complain(node, err, expected);
    threshold->area_dm2 = tb_area_of_mu(units);
    return TB_OK;
}

static tb_status read_threshold(const tb_profile_file *file, tb_node node, tb_threshold *out,
                                tb_error *err)
{
    static const char *const allowed[]    = {"quantity", "operator", "value",   "unit",
                                             "code",     "cite",     "because", NULL};
    static const char *const quantities[] = {"JBNTMJ", "STHXMJ", "GDMJ", NULL};
    static const char *const operators[]  = {">=", ">", NULL};
    static const char *const units[]      = {"mu", NULL};
    tb_status                status       = TB_OK;
    tb_node                  child;
    int                      choice;

    *out = (tb_threshold){.depth = file->depth};
    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(tb_node_require(node, "quantity", &child, err));
    TB_TRY(tb_node_choice(child, quantities, &choice, err));
    out->quantity = (tb_quantity)choice;
    TB_TRY(tb_node_require(node, "operator", &child, err));
    TB_TRY(tb_node_choice(child, operators, &choice, err));
    out->is_strict = choice == 1;
    TB_TRY(tb_node_require(node, "unit", &child, err));
    TB_TRY(tb_node_choice(child, units, &choice, err));
    TB_TRY(tb_node_require(node, "value", &child, err));
    TB_TRY(read_mu(child, out, err));
    TB_TRY(require_code(node, "code", &out->code, err));
    TB_TRY(read_citation(file, node, &out->citation, err));
done:
    return status;
}

static const char *operator_of(const tb_threshold *threshold)
{
    return threshold->is_strict ? ">" : ">=";
}

/* A file that extends another may not change a threshold of it, nor add one, without saying why. */
static tb_status justify(const tb_profile_file *file, tb_node node, const tb_threshold *old,
                         const tb_threshold *new, tb_error *err)
{
    char        before[64] = "no such threshold", expected[256];
    const char *reason;
    tb_node     because, value;

    if (old != NULL && old->area_dm2 == new->area_dm2 && old->is_strict == new->is_strict)
        return TB_OK;
    if (old != NULL)
        snprintf(before, sizeof before, "%s %s mu", operator_of(old), old->mu);
    if (!tb_node_find(node, "because", &because)) {
        snprintf(expected, sizeof expected,
                 "%s, as the profile it extends says of %s here, or a key because with the reason",
                 before, tb_quantity_name(new->quantity));
        return tb_node_complain(tb_node_find(node, "value", &value) ? value : node, err, expected);
    }

    tb_status status = read_text(because, "the reason for the change", &reason, err);

    if (status != TB_OK)
        return status;
    return tb_text_append(&file->profile->notes, err, "%s: %s %s %s mu, where %s stood: %s\n",
                          node.key, tb_quantity_name(new->quantity), operator_of(new), new->mu,
                          before, reason);
}

static tb_status add_threshold(const tb_profile_file *file, tb_node node, bool is_inherited,
                               tb_thresholds *list, tb_error *err)
{
    tb_status status = TB_OK;
    tb_threshold new;
    tb_threshold *old = NULL;

    TB_TRY(read_threshold(file, node, &new, err));
    for (int i = 0; i < list->count; i++)
        if (list->item[i].quantity == new.quantity)
            old = &list->item[i];
    if (old != NULL && old->depth == file->depth) {
        status = tb_node_complain(node, err, "each quantity once in a list");
        goto done;
    }
    if (is_inherited)
        TB_TRY(justify(file, node, old, &new, err));
    if (old != NULL)
        *old = new;
    else
        list->item[list->count++] = new;
done:
    return status;
}

/* A quantity stands once in a list, so that no list outgrows its array. */
static tb_status read_thresholds(const tb_profile_file *file, tb_node node, tb_thresholds *list,
                                 tb_error *err)
{
    tb_status  status       = TB_OK;
    const bool is_inherited = list->count > 0;
    int        count;

    TB_TRY(read_list_size(node, TB_QUANTITIES, "thresholds", &count, err));
    for (int i = 0; i < count; i++)
        TB_TRY(add_threshold(file, tb_node_item(node, (size_t)i), is_inherited, list, err));
done:
    return status;
}

/* ---- tiers ---- */

static tb_status read_due(const tb_profile_file *file, tb_node node, tb_due *due, tb_error *err)
{
    static const char *const allowed[] = {"day", "month", "cite", NULL};
    static const char *const months[]  = {"issue", "next", NULL};
    tb_status                status    = TB_OK;
    tb_node                  child;
    int64_t                  day;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(tb_node_require_integer(node, "day", 1, 28, &day, err));
    TB_TRY(tb_node_require(node, "month", &child, err));
    TB_TRY(tb_node_choice(child, months, &due->months, err));
    TB_TRY(read_citation(file, node, &due->citation, err));
    due->day      = (int)day;
    due->is_given = true;
done:
    return status;
}

static tb_status read_classes(const tb_profile_file *file, tb_node node, tb_class_route *route,
                              tb_error *err)
{
    static const char *const allowed[] = {"any", "use_inferred", "list", "strong_hint", NULL};
    static const char *const keys[]    = {"class", "basis", NULL};
    static const char *const bases[]   = {"named", "inferred", NULL};
    tb_status                status    = TB_OK;
    tb_node                  child, item;
    bool                     is_there, uses_inferred = true;
    int                      count, basis;
    int64_t                  hint;
    const char              *text;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(find(file, node, "any", &child, &is_there, err));
    if (is_there)
        TB_TRY(read_thresholds(file, child, &route->area, err));
    TB_TRY(find(file, node, "strong_hint", &child, &is_there, err));
    if (is_there) {
        TB_TRY(read_text(child, "a number from 0 to 1 with up to 3 decimals", &text, err));
        if (!tb_decimal_parse(text, 3, &hint, NULL) || hint > 1000) {
            status = tb_node_complain(child, err, "a number from 0 to 1 with up to 3 decimals");
            goto done;
        }
        route->hint_permille = (int)hint;
    }
    if (tb_node_find(node, "use_inferred", &child))
        TB_TRY(tb_node_boolean(child, &uses_inferred, err));
    TB_TRY(find(file, node, "list", &child, &is_there, err));
    if (is_there) {
        TB_TRY(read_list_size(child, TB_CLASSES_MAX, "classes", &count, err));
        route->count = 0;
        for (int i = 0; i < count; i++) {
            tb_class *class = &route->item[route->count];
            tb_node entry   = tb_node_item(child, (size_t)i);

            TB_TRY(tb_node_check_keys(entry, keys, err));
            TB_TRY(require_text(entry, "class", "a class of YSLX", &class->name, err));
            TB_TRY(tb_node_require(entry, "basis", &item, err));
            TB_TRY(tb_node_choice(item, bases, &basis, err));
            class->is_inferred = basis == 1;
            route->count++;
        }
    }
    if (!uses_inferred) {
        count        = route->count;
        route->count = 0;
        for (int i = 0; i < count; i++)
            if (!route->item[i].is_inferred)
                route->item[route->count++] = route->item[i];
    }
done:
    return status;
}

static tb_status read_tier(const tb_profile_file *file, tb_node node, int tier, tb_tier_rule *rule,
                           tb_error *err)
{
    static const char *const rest[]    = {"name", "cite", "due", NULL};
    static const char *const allowed[] = {"name", "cite", "any", "classes", "due", NULL};
    tb_status                status    = TB_OK;
    tb_node                  child;
    bool                     is_there;

    TB_TRY(tb_node_check_keys(node, tier == 0 ? rest : allowed, err));
    TB_TRY(find(file, node, "name", &child, &is_there, err));
    if (is_there)
        TB_TRY(read_text(child, "the tier's name", &rule->name, err));
    TB_TRY(find(file, node, "cite", &child, &is_there, err));
    if (is_there)
        TB_TRY(read_citation(file, node, &rule->citation, err));
    if (tier > 0) {
        TB_TRY(find(file, node, "any", &child, &is_there, err));
        if (is_there)
            TB_TRY(read_thresholds(file, child, &rule->any, err));
    }
    if (tb_node_find(node, "classes", &child))
        TB_TRY(read_classes(file, child, &rule->classes, err));
    if (tb_node_find(node, "due", &child))
        TB_TRY(read_due(file, child, &rule->due, err));
done:
    return status;
}

/* 逐级包含: a tier's area may not lie below that of a tier it is part of. */
static tb_status check_nesting(tb_node tiers, const tb_stream *stream, tb_error *err)
{
    for (int t = 1; t < TB_TIERS; t++)
        for (int i = 0; i < stream->tier[t].any.count; i++)
            for (int j = 0; j < stream->tier[t - 1].any.count; j++) {
                const tb_threshold *above = &stream->tier[t].any.item[i];
                const tb_threshold *below = &stream->tier[t - 1].any.item[j];
                tb_node             node;
                char                expected[96];

                if (above->quantity != below->quantity || above->area_dm2 >= below->area_dm2 ||
                    !tb_node_find(tiers, tier_keys[above->depth >= below->depth ? t : t - 1],
                                  &node))
                    continue;
                snprintf(expected, sizeof expected, "tiers that nest, %s from %s to %s not falling",
                         tb_quantity_name(above->quantity), tier_keys[t - 1], tier_keys[t]);
                return tb_node_complain(node, err, expected);
            }
    return TB_OK;
}

static tb_status read_tiers(const tb_profile_file *file, tb_node node, tb_stream *stream,
                            tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   child;
    bool      is_there;

    TB_TRY(tb_node_check_keys(node, tier_keys, err));
    for (int t = 0; t < TB_TIERS; t++) {
        TB_TRY(find(file, node, tier_keys[t], &child, &is_there, err));
        if (is_there)
            TB_TRY(read_tier(file, child, t, &stream->tier[t], err));
    }
    stream->has_tiers = true;
    TB_TRY(check_nesting(node, stream, err));
done:
    return status;
}

/* ---- streams ---- */

static tb_status read_aliases(const tb_profile_file *file, tb_node node, tb_stream *stream,
                              tb_error *err)
{
    tb_status status = TB_OK;
    int       count;

    TB_TRY(read_list_size(node, TB_ALIASES_MAX, "names", &count, err));
    stream->alias_count = 0;
    for (int i = 0; i < count; i++) {
        tb_node     item = tb_node_item(node, (size_t)i);
        const char *name;

        TB_TRY(read_text(item, "another name of the stream", &name, err));
        if (tb_profile_stream(file->profile, name) != NULL) {
            status = tb_node_complain(item, err, "a name no other stream has");
            goto done;
        }
        stream->aliases[stream->alias_count++] = name;
    }
done:
    return status;
}

static tb_status read_stream(const tb_profile_file *file, tb_node node, tb_stream *stream,
                             tb_error *err)
{
    static const char *const allowed[] = {"stream", "title", "aliases", "tiers",
                                          "gate",   "due",   NULL};
    tb_status                status    = TB_OK;
    tb_node                  child;
    bool                     is_there;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(find(file, node, "title", &child, &is_there, err));
    if (is_there)
        TB_TRY(read_text(child, "the stream's title", &stream->title, err));
    if (tb_node_find(node, "aliases", &child))
        TB_TRY(read_aliases(file, child, stream, err));
    if (tb_node_find(node, "tiers", &child))
        TB_TRY(read_tiers(file, child, stream, err));
    if (tb_node_find(node, "gate", &child))
        TB_TRY(read_thresholds(file, child, &stream->gate, err));
    if (tb_node_find(node, "due", &child)) {
        if (stream->has_tiers) {
            status = tb_node_complain(child, err, "dates of a stream with tiers in its tiers");
            goto done;
        }
        TB_TRY(read_due(file, child, &stream->due, err));
    }
done:
    return status;
}

static tb_status read_streams(const tb_profile_file *file, tb_node list, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    int         count;

    TB_TRY(read_list_size(list, TB_STREAMS_MAX, "streams", &count, err));
    for (int i = 0; i < count; i++) {
        tb_node     node   = tb_node_item(list, (size_t)i);
        tb_stream  *stream = NULL;
        const char *name;

        TB_TRY(require_code(node, "stream", &name, err));
        for (int s = 0; s < profile->stream_count; s++)
            if (strcmp(profile->stream[s].name, name) == 0)
                stream = &profile->stream[s];
        if (stream == NULL && profile->stream_count == TB_STREAMS_MAX) {
            status = tb_node_complain(node, err, "at most 8 streams");
            goto done;
        }
        if (stream == NULL) {
            stream       = &profile->stream[profile->stream_count++];
            stream->name = name;
        }
        TB_TRY(read_stream(file, node, stream, err));
    }
done:
    return status;
}

/* ---- the city ---- */

static tb_status read_checked_streams(const tb_profile_file *file, tb_node list, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    int         count;

    TB_TRY(read_list_size(list, TB_STREAMS_MAX, "streams", &count, err));
    for (int s = 0; s < profile->stream_count; s++)
        profile->stream[s].is_field_checked = false;
    for (int i = 0; i < count; i++) {
        tb_node          item = tb_node_item(list, (size_t)i);
        const char      *name;
        const tb_stream *stream = NULL;

        TB_TRY(read_text(item, "a stream of this profile", &name, err));
        stream = tb_profile_stream(profile, name);
        if (stream == NULL) {
            status = tb_node_complain(item, err, "a stream of this profile");
            goto done;
        }
        profile->stream[stream - profile->stream].is_field_checked = true;
    }
done:
    return status;
}

static tb_status read_field_check(const tb_profile_file *file, tb_node node, tb_error *err)
{
    static const char *const allowed[]  = {"streams", "any", "tier", "doubt", NULL};
    static const char *const by_tier[]  = {"from", "code", "cite", NULL};
    static const char *const by_doubt[] = {"code", "cite", NULL};
    tb_city                 *city       = &file->profile->city;
    tb_status                status     = TB_OK;
    tb_citation              citation;
    tb_node                  child, from;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(tb_node_require(node, "streams", &child, err));
    TB_TRY(read_checked_streams(file, child, err));
    TB_TRY(tb_node_require(node, "any", &child, err));
    TB_TRY(read_thresholds(file, child, &city->field_check, err));
    if (tb_node_find(node, "tier", &child)) {
        TB_TRY(tb_node_check_keys(child, by_tier, err));
        TB_TRY(tb_node_require(child, "from", &from, err));
        TB_TRY(tb_node_choice(from, tier_keys, &city->check_tier, err));
        TB_TRY(require_code(child, "code", &city->tier_code, err));
        TB_TRY(read_citation(file, child, &citation, err));
    }
    if (tb_node_find(node, "doubt", &child)) {
        TB_TRY(tb_node_check_keys(child, by_doubt, err));
        TB_TRY(require_code(child, "code", &city->doubt_code, err));
        TB_TRY(read_citation(file, child, &citation, err));
    }
done:
    return status;
}

static tb_status read_city(const tb_profile_file *file, tb_node node, tb_error *err)
{
    static const char *const allowed[] = {"field_check", "supervision", "direct_case", "warning",
                                          NULL};
    tb_city                 *city      = &file->profile->city;
    tb_status                status    = TB_OK;
    tb_node                  child;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    if (tb_node_find(node, "field_check", &child))
        TB_TRY(read_field_check(file, child, err));
    if (tb_node_find(node, "supervision", &child))
        TB_TRY(read_thresholds(file, child, &city->supervision, err));
    if (tb_node_find(node, "direct_case", &child))
        TB_TRY(read_thresholds(file, child, &city->direct_case, err));
    if (tb_node_find(node, "warning", &child))
        TB_TRY(read_thresholds(file, child, &city->warning, err));
done:
    return status;
}

/* ---- practice: what no notice says ---- */

static tb_status read_month(tb_node map, const char *key, tb_day *out, tb_error *err)
{
    const char *text;
    tb_node     node;
    tb_status   status = TB_OK;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(read_text(node, "a month as YYYY-MM", &text, err));
    if (!tb_day_parse(text, out) || out->day != 0)
        status = tb_node_complain(node, err, "a month as YYYY-MM");
done:
    return status;
}

static tb_status read_effective(tb_node node, tb_profile *profile, tb_error *err)
{
    static const char *const allowed[] = {"from", "to", NULL};
    tb_status                status    = TB_OK;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(read_month(node, "from", &profile->first, err));
    TB_TRY(read_month(node, "to", &profile->last, err));
    if (tb_day_compare(profile->last, profile->first) < 0)
        status = tb_node_complain(node, err, "a month to that is not before the month from");
done:
    return status;
}

/* Metres with one decimal, as decimetres. */
static tb_status read_decimetres(tb_node map, const char *key, int64_t *out, tb_error *err)
{
    const char *expected = "metres from 0 to 100 with up to 1 decimal";
    tb_status   status   = TB_OK;
    tb_node     node;
    const char *text;
    bool        is_exact;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(read_text(node, expected, &text, err));
    if (!tb_decimal_parse(text, 1, out, &is_exact) || !is_exact || *out > 1000)
        status = tb_node_complain(node, err, expected);
done:
    return status;
}

static tb_status read_minimum(tb_node node, tb_profile *profile, tb_error *err)
{
    static const char *const allowed[] = {"area_m2", "gsd_m", "pixels", NULL};
    tb_status                status    = TB_OK;

    TB_TRY(tb_node_check_keys(node, allowed, err));
    TB_TRY(tb_node_require_integer(node, "area_m2", 0, 1000000, &profile->minimum_m2, err));
    TB_TRY(tb_node_require_real(node, "gsd_m", 0.01, 1000, &profile->minimum_gsd_m, err));
    TB_TRY(tb_node_require_integer(node, "pixels", 0, 1000000, &profile->minimum_pixels, err));
done:
    return status;
}

static tb_status read_approvals(tb_node list, tb_profile *profile, tb_error *err)
{
    static const char *const allowed[] = {"kind", "only_within_validity", NULL};
    tb_status                status    = TB_OK;
    tb_node                  child;
    int                      count;

    TB_TRY(read_list_size(list, TB_APPROVALS_MAX, "kinds", &count, err));
    profile->approval_count = 0;
    for (int i = 0; i < count; i++) {
        tb_approval *approval = &profile->approval[i];
        tb_node      node     = tb_node_item(list, (size_t)i);

        TB_TRY(tb_node_check_keys(node, allowed, err));
        TB_TRY(require_text(node, "kind", "a kind of approval", &approval->kind, err));
        TB_TRY(tb_node_require(node, "only_within_validity", &child, err));
        TB_TRY(tb_node_boolean(child, &approval->needs_validity, err));
        profile->approval_count++;
    }
done:
    return status;
}

static tb_status read_class_names(tb_node list, tb_profile *profile, tb_error *err)
{
    tb_status status = TB_OK;
    int       count;

    TB_TRY(read_list_size(list, TB_CLASSES_MAX, "classes", &count, err));
    profile->class_count = 0;
    for (int i = 0; i < count; i++) {
        TB_TRY(read_text(tb_node_item(list, (size_t)i), "a class of YSLX", &profile->class_name[i],
                         err));
        profile->class_count++;
    }
done:
    return status;
}

static tb_status read_practice(const tb_profile_file *file, tb_error *err)
{
    static const char *const ridges[]      = {"net", "gross", NULL};
    static const char *const cluster[]     = {"gap_m", NULL};
    static const char *const uncertainty[] = {"pixel_m", NULL};
    tb_profile              *profile       = file->profile;
    tb_status                status        = TB_OK;
    tb_node                  node;
    bool                     is_there;
    int                      choice;

    TB_TRY(find(file, file->root, "classification", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_text(node, "the name of the land classes", &profile->classification, err));
    TB_TRY(find(file, file->root, "ridges", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_choice(node, ridges, &choice, err));
        profile->is_net_of_ridges = choice == 0;
    }
    TB_TRY(find(file, file->root, "minimum_parcel", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_minimum(node, profile, err));
    TB_TRY(find(file, file->root, "cluster", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_check_keys(node, cluster, err));
        TB_TRY(read_decimetres(node, "gap_m", &profile->cluster_gap_dm, err));
    }
    TB_TRY(find(file, file->root, "uncertainty", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_check_keys(node, uncertainty, err));
        TB_TRY(read_decimetres(node, "pixel_m", &profile->uncertainty_pixel_dm, err));
    }
    TB_TRY(find(file, file->root, "approvals", &node, &is_there, err));
    if (is_there) {
        TB_TRY(read_approvals(node, profile, err));
        if (file->depth > 0) /* a kind more would lower tiers */
            TB_TRY(tb_text_append(&profile->notes, err,
                                  "approvals: its own list stands for that of the profile it "
                                  "extends\n"));
    }
    if (tb_node_find(file->root, "classes", &node))
        TB_TRY(read_class_names(node, profile, err));
done:
    return status;
}

/* ---- the file ---- */

tb_status tb_profile_file_begin(tb_node root, const char **extends, tb_error *err)
{
    static const char *const allowed[] = {
        "profile",   "title",          "extends", "effective",
        "notices",   "citations",      "classes", "classification",
        "ridges",    "minimum_parcel", "cluster", "uncertainty",
        "approvals", "streams",        "city",    NULL};
    tb_status status = TB_OK;
    tb_node   node;

    *extends = NULL;
    TB_TRY(tb_node_check_keys(root, allowed, err));
    if (tb_node_find(root, "extends", &node))
        TB_TRY(read_text(node, "the name of a profile", extends, err));
done:
    return status;
}

tb_status tb_profile_file_read(const tb_profile_file *file, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    tb_node     node;
    bool        is_there;

    TB_TRY(require_text(file->root, "profile", "the profile's name", &profile->name, err));
    TB_TRY(require_text(file->root, "title", "the profile's title", &profile->title, err));
    TB_TRY(find(file, file->root, "effective", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_effective(node, profile, err));
    TB_TRY(read_practice(file, err));
    TB_TRY(find(file, file->root, "streams", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_streams(file, node, err));
    if (tb_node_find(file->root, "city", &node))
        TB_TRY(read_city(file, node, err));
done:
    return status;
}
