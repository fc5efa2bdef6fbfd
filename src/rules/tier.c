#include "rules/tier.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tb_tier_input_init(tb_tier_input *input, const tb_stream *stream)
{
    *input = (tb_tier_input){.stream                   = stream,
                             .pbf_dm2                  = TB_AREA_UNKNOWN,
                             .erl_dm2                  = TB_AREA_UNKNOWN,
                             .farmland_dm2             = TB_AREA_UNKNOWN,
                             .farmland_outside_pbf_dm2 = TB_AREA_UNKNOWN,
                             .union_dm2                = TB_AREA_UNKNOWN,
                             .uncertainty_dm2          = TB_AREA_UNKNOWN};
}

/* ---- answers ---- */

static tb_answer either(tb_answer a, tb_answer b)
{
    if (a == TB_YES || b == TB_YES)
        return TB_YES;
    return a == TB_UNKNOWN || b == TB_UNKNOWN ? TB_UNKNOWN : TB_NO;
}

static int64_t area_of(const tb_tier_input *input, tb_quantity quantity)
{
    switch (quantity) {
    case TB_QUANTITY_PBF:
        return input->pbf_dm2;
    case TB_QUANTITY_ERL:
        return input->erl_dm2;
    default:
        return input->farmland_dm2;
    }
}

static tb_answer reaches(int64_t area_dm2, const tb_threshold *threshold)
{
    if (area_dm2 < 0)
        return TB_UNKNOWN;
    return area_dm2 > threshold->area_dm2 ||
                   (area_dm2 == threshold->area_dm2 && !threshold->is_strict)
               ? TB_YES
               : TB_NO;
}

/* Whether any is reached; `*first` (may be NULL) is the first that is. */
static tb_answer reaches_any(const tb_tier_input *input, const tb_thresholds *list,
                             const tb_threshold **first)
{
    tb_answer answer = TB_NO;

    for (int i = 0; i < list->count; i++) {
        tb_answer one = reaches(area_of(input, list->item[i].quantity), &list->item[i]);

        if (one == TB_YES && answer != TB_YES && first != NULL)
            *first = &list->item[i];
        answer = either(answer, one);
    }
    return answer;
}

/* ---- classes ---- */

/* The first class of the route that YSLX names, or NULL. */
static const char *find_class(const char *classes, const tb_class_route *route)
{
    while (classes != NULL && *classes != '\0') {
        size_t length = strcspn(classes, "+");

        for (int i = 0; i < route->count; i++)
            if (strlen(route->item[i].name) == length &&
                strncmp(classes, route->item[i].name, length) == 0)
                return route->item[i].name;
        classes += length + (classes[length] == '+');
    }
    return NULL;
}

/* ---- tiers ---- */

static tb_answer test_class(const tb_tier_input *input, const tb_class_route *route)
{
    if (find_class(input->classes, route) == NULL)
        return TB_NO;
    return reaches_any(input, &route->area, NULL);
}

/* Of each tier whether it holds; nested, so that a tier holds where one above it does. */
static void test_tiers(const tb_tier_input *input, bool with_classes, tb_answer holds[TB_TIERS])
{
    tb_answer above = TB_NO;

    for (int t = TB_TIERS - 1; t > 0; t--) {
        const tb_tier_rule *rule = &input->stream->tier[t];

        above = either(above, reaches_any(input, &rule->any, NULL));
        if (with_classes)
            above = either(above, test_class(input, &rule->classes));
        holds[t] = above;
    }
    holds[0] = above == TB_YES ? TB_NO : above == TB_NO ? TB_YES : TB_UNKNOWN;
}

/* The highest tier that holds, and the highest that is not ruled out. */
static void find_bounds(const tb_answer holds[TB_TIERS], int *least, int *most)
{
    *least = *most = 0;
    for (int t = 1; t < TB_TIERS; t++) {
        if (holds[t] == TB_YES)
            *least = t;
        if (holds[t] != TB_NO)
            *most = t;
    }
}

static void decide_tier(const tb_tier_input *input, tb_tier_result *result)
{
    tb_answer by_area[TB_TIERS], outside[TB_TIERS];
    int       least, most;

    test_tiers(input, true, result->is_tier);
    find_bounds(result->is_tier, &result->tier_least, &result->tier_most);
    if (result->tier_least == result->tier_most)
        result->tier = result->tier_least;

    test_tiers(input, false, by_area);
    find_bounds(by_area, &least, &most);
    if (least == most)
        result->tier_by_area = least;

    tb_tier_input reading = *input;

    reading.farmland_dm2 = input->farmland_outside_pbf_dm2;
    test_tiers(&reading, true, outside);
    result->is_t1_outside_pbf = outside[1];
}

/* PBF and ERL are tested apart; where only their union would pass, a person should see it. */
static bool passes_by_union(const tb_tier_input *input, const tb_answer holds[TB_TIERS])
{
    for (int t = 1; t < TB_TIERS; t++) {
        const tb_thresholds *any = &input->stream->tier[t].any;

        for (int i = 0; i < any->count && holds[t] == TB_NO; i++)
            if (any->item[i].quantity != TB_QUANTITY_FARMLAND &&
                reaches(input->union_dm2, &any->item[i]) == TB_YES)
                return true;
    }
    return false;
}

/* ---- texts ---- */

static void append(char *text, size_t size, const char *separator, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends one more of a list; what does not fit stays away whole. */
static void append(char *text, size_t size, const char *separator, const char *format, ...)
{
    size_t  length = strlen(text);
    char    item[TB_CLAUSE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(item, sizeof item, format, arguments);
    va_end(arguments);
    if (length + strlen(separator) + strlen(item) < size)
        snprintf(text + length, size - length, "%s%s", length > 0 ? separator : "", item);
}

static void append_codes(char codes[TB_CODES_SIZE], const tb_tier_input *input,
                         const tb_thresholds *list)
{
    for (int i = 0; i < list->count; i++)
        if (reaches(area_of(input, list->item[i].quantity), &list->item[i]) == TB_YES)
            append(codes, TB_CODES_SIZE, "+", "%s", list->item[i].code);
}

static void explain_t3(const tb_tier_input *input, tb_tier_result *result)
{
    const tb_tier_rule *rule = &input->stream->tier[TB_TIERS - 1];

    append_codes(result->t3_why, input, &rule->any);
    if (find_class(input->classes, &rule->classes) != NULL)
        append_codes(result->t3_why, input, &rule->classes.area);
    result->is_candidate = rule->classes.count > 0 && result->is_tier[TB_TIERS - 1] != TB_YES &&
                           input->hint_permille > 0 &&
                           input->hint_permille >= rule->classes.hint_permille &&
                           reaches_any(input, &rule->classes.area, NULL) == TB_YES;
}

static void cite(char clause[TB_CLAUSE_SIZE], const tb_citation *citation)
{
    snprintf(clause, TB_CLAUSE_SIZE, "%.160s %.80s", citation->notice, citation->clause);
    if (citation->restates != NULL)
        append(clause, TB_CLAUSE_SIZE, "", "（转述%.160s）", citation->restates);
}

static void cite_threshold(char clause[TB_CLAUSE_SIZE], const tb_threshold *threshold,
                           const char *class)
{
    cite(clause, &threshold->citation);
    append(clause, TB_CLAUSE_SIZE, "", "：%s%s%s %s %s mu", class != NULL ? class : "",
           class != NULL ? ", " : "", tb_quantity_name(threshold->quantity),
           threshold->is_strict ? ">" : ">=", threshold->mu);
}

/* What decided: the first threshold reached of the tier, else its class route; of T0 the clause
 * that speaks of the rest. */
static void cite_tier(const tb_tier_input *input, tb_tier_result *result)
{
    const tb_tier_rule *rule  = &input->stream->tier[result->tier];
    const tb_threshold *first = NULL;

    if (reaches_any(input, &rule->any, &first) == TB_YES)
        cite_threshold(result->clause, first, NULL);
    else if (test_class(input, &rule->classes) == TB_YES &&
             reaches_any(input, &rule->classes.area, &first) == TB_YES)
        cite_threshold(result->clause, first, find_class(input->classes, &rule->classes));
    else {
        cite(result->clause, &rule->citation);
        append(result->clause, TB_CLAUSE_SIZE, "", "：%s", rule->name);
    }
}

/* ---- gate, city, date ---- */

static void decide_gate(const tb_tier_input *input, tb_tier_result *result)
{
    const tb_thresholds *gate  = &input->stream->gate;
    const tb_threshold  *first = NULL;

    result->has_gate = gate->count > 0;
    if (!result->has_gate)
        return;
    result->gate = reaches_any(input, gate, &first);
    if (result->gate == TB_YES && result->clause[0] == '\0')
        cite_threshold(result->clause, first, NULL);
    else if (result->gate == TB_NO && result->clause[0] == '\0')
        cite(result->clause, &gate->item[0].citation);
}

static void decide_city_check(const tb_city *city, const tb_tier_input *input,
                              tb_tier_result *result)
{
    if (!input->stream->is_field_checked)
        return;
    append_codes(result->city_check, input, &city->field_check);
    if (city->check_tier > 0 && input->stream->has_tiers &&
        result->is_tier[city->check_tier] == TB_YES)
        append(result->city_check, TB_CODES_SIZE, "+", "%s", city->tier_code);
    if (city->doubt_code != NULL && input->is_doubtful)
        append(result->city_check, TB_CODES_SIZE, "+", "%s", city->doubt_code);
}

static bool is_same_due(const tb_due *a, const tb_due *b)
{
    return a->is_given == b->is_given && a->day == b->day && a->months == b->months;
}

/* The date, also of a tier that is not known where all it may be share one. */
static void decide_due(const tb_tier_input *input, tb_tier_result *result)
{
    const tb_stream *stream = input->stream;
    const tb_due    *due    = &stream->due;

    if (stream->has_tiers) {
        due = &stream->tier[result->tier_least].due;
        for (int t = result->tier_least + 1; t <= result->tier_most; t++)
            if (!is_same_due(due, &stream->tier[t].due))
                return;
    }
    if (!due->is_given || input->issue.year == 0)
        return;
    result->due     = tb_day_in_month(input->issue, due->months, due->day);
    result->is_late = input->issue.day > 0 && tb_day_compare(input->issue, result->due) > 0;
    cite(result->due_clause, &due->citation);
}

/* ---- near ---- */

static void append_near(const tb_profile *profile, const tb_tier_input *input,
                        const tb_thresholds *list, char near[TB_NEAR_SIZE])
{
    for (int i = 0; i < list->count; i++) {
        const tb_threshold *threshold   = &list->item[i];
        int64_t             area        = area_of(input, threshold->quantity);
        int64_t             uncertainty = input->uncertainty_dm2;
        char                name[64], around[TB_NEAR_SIZE + 2], sought[68];

        if (uncertainty < 0)
            uncertainty = tb_area_uncertainty(threshold->area_dm2, profile->uncertainty_pixel_dm);
        if (area < 0 || area > threshold->area_dm2 + uncertainty ||
            area < threshold->area_dm2 - uncertainty)
            continue;
        snprintf(name, sizeof name, "%s:%s", tb_quantity_name(threshold->quantity), threshold->mu);
        snprintf(around, sizeof around, "+%s+", near);
        snprintf(sought, sizeof sought, "+%s+", name);
        if (strstr(around, sought) == NULL)
            append(near, TB_NEAR_SIZE, "+", "%s", name);
    }
}

/* All thresholds that could turn an answer: that of the classes only where a class is in play. */
static void find_near(const tb_profile *profile, const tb_tier_input *input,
                      char near[TB_NEAR_SIZE])
{
    for (int t = 1; t < TB_TIERS; t++) {
        const tb_tier_rule *rule = &input->stream->tier[t];

        append_near(profile, input, &rule->any, near);
        if (find_class(input->classes, &rule->classes) != NULL ||
            (input->hint_permille > 0 && input->hint_permille >= rule->classes.hint_permille))
            append_near(profile, input, &rule->classes.area, near);
    }
    append_near(profile, input, &input->stream->gate, near);
    if (input->stream->is_field_checked)
        append_near(profile, input, &profile->city.field_check, near);
}

void tb_tier_decide(const tb_profile *profile, const tb_tier_input *input, tb_tier_result *result)
{
    *result = (tb_tier_result){.tier         = -1,
                               .tier_least   = -1,
                               .tier_most    = -1,
                               .tier_by_area = -1,
                               .is_tier      = {TB_UNKNOWN, TB_UNKNOWN, TB_UNKNOWN, TB_UNKNOWN},
                               .is_t1_outside_pbf = TB_UNKNOWN,
                               .gate              = TB_UNKNOWN};
    if (input->stream->has_tiers) {
        decide_tier(input, result);
        result->passes_by_union_only = passes_by_union(input, result->is_tier);
        explain_t3(input, result);
        if (result->tier >= 0)
            cite_tier(input, result);
    }
    decide_gate(input, result);
    decide_city_check(&profile->city, input, result);
    decide_due(input, result);
    find_near(profile, input, result->near);
}
