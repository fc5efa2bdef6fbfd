/* The tiers of a stream: names, thresholds, classes and dates. */
#include <stdio.h>

#include "rules/profile_parts.h"

const char *const tb_profile_tier_keys[TB_TIERS + 1] = {"T0", "T1", "T2", "T3", NULL};

tb_status tb_profile_due(const tb_profile_file *file, tb_node node, tb_due *due, tb_error *err)
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
    TB_TRY(tb_profile_citation(file, node, &due->citation, err));
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
    TB_TRY(tb_profile_find(file, node, "any", &child, &is_there, err));
    if (is_there)
        TB_TRY(tb_profile_thresholds(file, child, &route->area, err));
    TB_TRY(tb_profile_find(file, node, "strong_hint", &child, &is_there, err));
    if (is_there) {
        TB_TRY(tb_profile_text(child, "a number from 0 to 1 with up to 3 decimals", &text, err));
        if (!tb_decimal_parse(text, 3, &hint, NULL) || hint > 1000) {
            status = tb_node_complain(child, err, "a number from 0 to 1 with up to 3 decimals");
            goto done;
        }
        route->hint_permille = (int)hint;
    }
    if (tb_node_find(node, "use_inferred", &child))
        TB_TRY(tb_node_boolean(child, &uses_inferred, err));
    TB_TRY(tb_profile_find(file, node, "list", &child, &is_there, err));
    if (is_there) {
        TB_TRY(tb_profile_list_size(child, TB_CLASSES_MAX, "classes", &count, err));
        route->count = 0;
        for (int i = 0; i < count; i++) {
            tb_class *class = &route->item[route->count];
            tb_node entry   = tb_node_item(child, (size_t)i);

            TB_TRY(tb_node_check_keys(entry, keys, err));
            TB_TRY(tb_profile_require_text(entry, "class", "a class of YSLX", &class->name, err));
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
    TB_TRY(tb_profile_find(file, node, "name", &child, &is_there, err));
    if (is_there)
        TB_TRY(tb_profile_text(child, "the tier's name", &rule->name, err));
    TB_TRY(tb_profile_find(file, node, "cite", &child, &is_there, err));
    if (is_there)
        TB_TRY(tb_profile_citation(file, node, &rule->citation, err));
    if (tier > 0) {
        TB_TRY(tb_profile_find(file, node, "any", &child, &is_there, err));
        if (is_there)
            TB_TRY(tb_profile_thresholds(file, child, &rule->any, err));
    }
    if (tb_node_find(node, "classes", &child))
        TB_TRY(read_classes(file, child, &rule->classes, err));
    if (tb_node_find(node, "due", &child))
        TB_TRY(tb_profile_due(file, child, &rule->due, err));
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
                    !tb_node_find(tiers,
                                  tb_profile_tier_keys[above->depth >= below->depth ? t : t - 1],
                                  &node))
                    continue;
                snprintf(expected, sizeof expected, "tiers that nest, %s from %s to %s not falling",
                         tb_quantity_name(above->quantity), tb_profile_tier_keys[t - 1],
                         tb_profile_tier_keys[t]);
                return tb_node_complain(node, err, expected);
            }
    return TB_OK;
}

tb_status tb_profile_tiers(const tb_profile_file *file, tb_node node, tb_stream *stream,
                           tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   child;
    bool      is_there;

    TB_TRY(tb_node_check_keys(node, tb_profile_tier_keys, err));
    for (int t = 0; t < TB_TIERS; t++) {
        TB_TRY(tb_profile_find(file, node, tb_profile_tier_keys[t], &child, &is_there, err));
        if (is_there)
            TB_TRY(read_tier(file, child, t, &stream->tier[t], err));
    }
    stream->has_tiers = true;
    TB_TRY(check_nesting(node, stream, err));
done:
    return status;
}
