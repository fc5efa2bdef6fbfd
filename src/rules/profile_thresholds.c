/* Thresholds of a profile's file, and the reason a file gives for its own. */
#include <stdio.h>
#include <string.h>

#include "rules/profile_parts.h"

enum { DIGITS_MAX = 15, MU_MAX = 1000000 };

static tb_status read_mu(tb_node node, tb_threshold *threshold, tb_error *err)
{
    const char *expected = "an area in mu above 0, up to 1000000, with up to 4 decimals";
    int64_t     units;
    bool        is_exact;
    tb_status   status = tb_profile_text(node, expected, &threshold->mu, err);

    if (status != TB_OK)
        return status;
    if (strlen(threshold->mu) > DIGITS_MAX ||
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
    TB_TRY(tb_profile_require_code(node, "code", &out->code, err));
    TB_TRY(tb_profile_citation(file, node, &out->citation, err));
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

    tb_status status = tb_profile_text(because, "the reason for the change", &reason, err);

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

tb_status tb_profile_thresholds(const tb_profile_file *file, tb_node node, tb_thresholds *list,
                                tb_error *err)
{
    tb_status  status       = TB_OK;
    const bool is_inherited = list->count > 0;
    int        count;

    TB_TRY(tb_profile_list_size(node, TB_QUANTITIES, "thresholds", &count, err));
    for (int i = 0; i < count; i++)
        TB_TRY(add_threshold(file, tb_node_item(node, (size_t)i), is_inherited, list, err));
done:
    return status;
}
