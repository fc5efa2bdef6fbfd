/* Texts, names, lists and citations, as all parts of a profile's file have them. */
#include <stdio.h>
#include <string.h>

#include "rules/profile_parts.h"

enum { CODE_MAX = 15 };

tb_status tb_profile_find(const tb_profile_file *file, tb_node map, const char *key, tb_node *child,
                          bool *is_there, tb_error *err)
{
    *is_there = tb_node_find(map, key, child);
    return *is_there || file->depth > 0 ? TB_OK : tb_node_require(map, key, child, err);
}

tb_status tb_profile_text(tb_node node, const char *expected, const char **out, tb_error *err)
{
    const char *text;

    *out = NULL;
    if (tb_node_text(node, &text, NULL) != TB_OK || text[0] == '\0')
        return tb_node_complain(node, err, expected);
    *out = text;
    return TB_OK;
}

tb_status tb_profile_require_text(tb_node map, const char *key, const char *expected,
                                  const char **out, tb_error *err)
{
    tb_node   node;
    tb_status status = tb_node_require(map, key, &node, err);

    return status == TB_OK ? tb_profile_text(node, expected, out, err) : status;
}

tb_status tb_profile_require_code(tb_node map, const char *key, const char **out, tb_error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char       *expected  = "1 to 15 of A-Z, 0-9 and -";
    tb_node           node;
    tb_status         status = TB_OK;

    TB_TRY(tb_node_require(map, key, &node, err));
    TB_TRY(tb_profile_text(node, expected, out, err));
    if (strlen(*out) > CODE_MAX || strspn(*out, allowed) != strlen(*out))
        status = tb_node_complain(node, err, expected);
done:
    return status;
}

tb_status tb_profile_list_size(tb_node list, int most, const char *of, int *count, tb_error *err)
{
    char expected[96];

    snprintf(expected, sizeof expected, "a list of 1 to %d %s", most, of);
    if (!tb_node_is_list(list) || tb_node_count(list) < 1 || tb_node_count(list) > (size_t)most)
        return tb_node_complain(list, err, expected);
    *count = (int)tb_node_count(list);
    return TB_OK;
}

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

tb_status tb_profile_citation(const tb_profile_file *file, tb_node map, tb_citation *out,
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
    TB_TRY(tb_profile_require_text(node, "clause", "the clause, as readable in the notice",
                                   &citation.clause, err));
    if (tb_node_find(node, "restates", &name))
        TB_TRY(tb_profile_text(name, "the notice it restates", &citation.restates, err));
    TB_TRY(tb_node_require(node, "notice", &name, err));
    TB_TRY(look_up(file, "notices", name, &notice, err));
    TB_TRY(tb_node_check_keys(notice, notices, err));
    TB_TRY(tb_profile_require_text(notice, "cited_as", "the notice's number, or how it is cited",
                                   &citation.notice, err));
    *out = citation;
done:
    return status;
}
