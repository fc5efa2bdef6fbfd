#include "rules/profile_file.h"

#include "rules/profile_parts.h"

static tb_status read_month(tb_node map, const char *key, tb_day *out, tb_error *err)
{
    const char *text;
    tb_node     node;
    tb_status   status = TB_OK;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(tb_profile_text(node, "a month as YYYY-MM", &text, err));
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
        TB_TRY(tb_profile_text(node, "the name of a profile", extends, err));
done:
    return status;
}

tb_status tb_profile_file_read(const tb_profile_file *file, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    tb_node     node;
    bool        is_there;

    TB_TRY(
        tb_profile_require_text(file->root, "profile", "the profile's name", &profile->name, err));
    TB_TRY(
        tb_profile_require_text(file->root, "title", "the profile's title", &profile->title, err));
    TB_TRY(tb_profile_find(file, file->root, "effective", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_effective(node, profile, err));
    TB_TRY(tb_profile_practice(file, err));
    TB_TRY(tb_profile_find(file, file->root, "streams", &node, &is_there, err));
    if (is_there)
        TB_TRY(tb_profile_streams(file, node, err));
    if (tb_node_find(file->root, "city", &node))
        TB_TRY(tb_profile_city(file, node, err));
done:
    return status;
}
