/* Practice: what no notice says. */
#include "rules/profile_parts.h"

/* Metres with one decimal, as decimetres. */
static tb_status read_decimetres(tb_node map, const char *key, int64_t *out, tb_error *err)
{
    const char *expected = "metres from 0 to 100 with up to 1 decimal";
    tb_status   status   = TB_OK;
    tb_node     node;
    const char *text;
    bool        is_exact;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(tb_profile_text(node, expected, &text, err));
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

    TB_TRY(tb_profile_list_size(list, TB_APPROVALS_MAX, "kinds", &count, err));
    profile->approval_count = 0;
    for (int i = 0; i < count; i++) {
        tb_approval *approval = &profile->approval[i];
        tb_node      node     = tb_node_item(list, (size_t)i);

        TB_TRY(tb_node_check_keys(node, allowed, err));
        TB_TRY(tb_profile_require_text(node, "kind", "a kind of approval", &approval->kind, err));
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

    TB_TRY(tb_profile_list_size(list, TB_CLASSES_MAX, "classes", &count, err));
    profile->class_count = 0;
    for (int i = 0; i < count; i++) {
        TB_TRY(tb_profile_text(tb_node_item(list, (size_t)i), "a class of YSLX",
                               &profile->class_name[i], err));
        profile->class_count++;
    }
done:
    return status;
}

tb_status tb_profile_practice(const tb_profile_file *file, tb_error *err)
{
    static const char *const ridges[]      = {"net", "gross", NULL};
    static const char *const cluster[]     = {"gap_m", NULL};
    static const char *const uncertainty[] = {"pixel_m", NULL};
    tb_profile              *profile       = file->profile;
    tb_status                status        = TB_OK;
    tb_node                  node;
    bool                     is_there;
    int                      choice;

    TB_TRY(tb_profile_find(file, file->root, "classification", &node, &is_there, err));
    if (is_there)
        TB_TRY(
            tb_profile_text(node, "the name of the land classes", &profile->classification, err));
    TB_TRY(tb_profile_find(file, file->root, "ridges", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_choice(node, ridges, &choice, err));
        profile->is_net_of_ridges = choice == 0;
    }
    TB_TRY(tb_profile_find(file, file->root, "minimum_parcel", &node, &is_there, err));
    if (is_there)
        TB_TRY(read_minimum(node, profile, err));
    TB_TRY(tb_profile_find(file, file->root, "cluster", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_check_keys(node, cluster, err));
        TB_TRY(read_decimetres(node, "gap_m", &profile->cluster_gap_dm, err));
    }
    TB_TRY(tb_profile_find(file, file->root, "uncertainty", &node, &is_there, err));
    if (is_there) {
        TB_TRY(tb_node_check_keys(node, uncertainty, err));
        TB_TRY(read_decimetres(node, "pixel_m", &profile->uncertainty_pixel_dm, err));
    }
    TB_TRY(tb_profile_find(file, file->root, "approvals", &node, &is_there, err));
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
