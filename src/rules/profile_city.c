/* What a city does by its own rules. */
#include "rules/profile_parts.h"

static tb_status read_checked_streams(const tb_profile_file *file, tb_node list, tb_error *err)
{
    tb_profile *profile = file->profile;
    tb_status   status  = TB_OK;
    int         count;

    TB_TRY(tb_profile_list_size(list, TB_STREAMS_MAX, "streams", &count, err));
    for (int s = 0; s < profile->stream_count; s++)
        profile->stream[s].is_field_checked = false;
    for (int i = 0; i < count; i++) {
        tb_node          item = tb_node_item(list, (size_t)i);
        const char      *name;
        const tb_stream *stream = NULL;

        TB_TRY(tb_profile_text(item, "a stream of this profile", &name, err));
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
    TB_TRY(tb_profile_thresholds(file, child, &city->field_check, err));
    if (tb_node_find(node, "tier", &child)) {
        TB_TRY(tb_node_check_keys(child, by_tier, err));
        TB_TRY(tb_node_require(child, "from", &from, err));
        TB_TRY(tb_node_choice(from, tb_profile_tier_keys, &city->check_tier, err));
        TB_TRY(tb_profile_require_code(child, "code", &city->tier_code, err));
        TB_TRY(tb_profile_citation(file, child, &citation, err));
    }
    if (tb_node_find(node, "doubt", &child)) {
        TB_TRY(tb_node_check_keys(child, by_doubt, err));
        TB_TRY(tb_profile_require_code(child, "code", &city->doubt_code, err));
        TB_TRY(tb_profile_citation(file, child, &citation, err));
    }
done:
    return status;
}

tb_status tb_profile_city(const tb_profile_file *file, tb_node node, tb_error *err)
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
        TB_TRY(tb_profile_thresholds(file, child, &city->supervision, err));
    if (tb_node_find(node, "direct_case", &child))
        TB_TRY(tb_profile_thresholds(file, child, &city->direct_case, err));
    if (tb_node_find(node, "warning", &child))
        TB_TRY(tb_profile_thresholds(file, child, &city->warning, err));
done:
    return status;
}
