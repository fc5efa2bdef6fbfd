#include "parcel/role.h"

#include <string.h>

#include "core/memory.h"
#include "core/yaml.h"

static const char *const role_names[] = {"landuse",   "pbf",      "redline",    "approvals",
                                         "districts", "units",    "urban",      "withheld",
                                         "extra",     "previous", "footprints", NULL};

static void reset_names(char **names)
{
    for (int i = 0; i < TB_ROLE_NAMES_MAX; i++)
        tb_free(names[i]);
}

void tb_roles_free(tb_roles *roles)
{
    if (roles == NULL)
        return;
    for (size_t r = 0; r < roles->count; r++) {
        tb_role *role = &roles->role[r];

        tb_free(role->name);
        tb_free(role->title);
        reset_names(role->layers);
        for (int f = 0; f < role->field_count; f++) {
            tb_free(role->fields[f].key);
            reset_names(role->fields[f].names);
        }
    }
    tb_free(roles->role);
    tb_free(roles);
}

static tb_status read_names(tb_node list, char **names, tb_error *err)
{
    tb_status status = TB_OK;

    if (!tb_node_is_list(list) || tb_node_count(list) >= TB_ROLE_NAMES_MAX)
        return tb_node_complain(list, err, "a list of up to 7 names");
    for (size_t i = 0; i < tb_node_count(list); i++) {
        const char *text;

        TB_TRY(tb_node_text(tb_node_item(list, i), &text, err));
        TB_TRY(tb_copy_text(&names[i], text, err));
    }
done:
    return status;
}

static tb_status read_field(tb_node map, tb_role *role, const char *key, tb_error *err)
{
    static const char *const allowed[] = {"names", "needed", NULL};
    tb_status                status    = TB_OK;
    tb_role_field           *field     = &role->fields[role->field_count++];
    tb_node                  node;

    TB_TRY(tb_copy_text(&field->key, key, err));
    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_node_require(map, "names", &node, err));
    TB_TRY(read_names(node, field->names, err));
    if (tb_node_find(map, "needed", &node))
        TB_TRY(tb_node_boolean(node, &field->is_needed, err));
done:
    return status;
}

static tb_status read_role(tb_node map, tb_role *role, const char *name, tb_error *err)
{
    static const char *const allowed[] = {"title", "layers", "empty", "fields", NULL};
    static const char *const keys[]    = {"id",         "class", "ridge", "area",    "place_code",
                                          "place_name", "kind",  "from",  "until",   "document",
                                          "register",   "code",  "name",  "verdict", "day",
                                          "scene",      NULL};
    static const char *const empty[]   = {"noted", "refused", NULL};
    tb_status                status    = TB_OK;
    const char              *text;
    tb_node                  node, fields;
    int                      choice;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(tb_copy_text(&role->name, name, err));
    TB_TRY(tb_node_require(map, "title", &node, err));
    TB_TRY(tb_node_text(node, &text, err));
    TB_TRY(tb_copy_text(&role->title, text, err));
    TB_TRY(tb_node_require(map, "layers", &node, err));
    TB_TRY(read_names(node, role->layers, err));
    TB_TRY(tb_node_require(map, "empty", &node, err));
    TB_TRY(tb_node_choice(node, empty, &choice, err));
    role->refuses_empty = choice == 1;
    TB_TRY(tb_node_require(map, "fields", &fields, err));
    TB_TRY(tb_node_check_keys(fields, keys, err));
    for (int k = 0; keys[k] != NULL; k++) {
        if (!tb_node_find(fields, keys[k], &node))
            continue;
        if (role->field_count == TB_ROLE_FIELDS_MAX) {
            status = tb_node_complain(node, err, "at most 8 fields");
            goto done;
        }
        TB_TRY(read_field(node, role, keys[k], err));
    }
done:
    return status;
}

tb_status tb_roles_read(tb_roles **out, const char *path, tb_error *err)
{
    tb_status status   = TB_OK;
    tb_yaml  *document = NULL;
    tb_roles *roles    = NULL;
    tb_node   root, node;

    *out = NULL;
    TB_TRY(tb_yaml_open(&document, path, TB_E_JOB, err));
    root = tb_yaml_root(document);
    TB_TRY(tb_node_check_keys(root, role_names, err));
    TB_TRY(tb_alloc_zero(&roles, 1, sizeof *roles, "layer roles", err));
    TB_TRY(tb_alloc_zero(&roles->role, sizeof role_names / sizeof *role_names, sizeof(tb_role),
                         "layer roles", err));
    for (int r = 0; role_names[r] != NULL; r++) {
        TB_TRY(tb_node_require(root, role_names[r], &node, err));
        roles->count++;
        TB_TRY(read_role(node, &roles->role[r], role_names[r], err));
    }
    *out  = roles;
    roles = NULL;
done:
    tb_roles_free(roles);
    tb_yaml_free(document);
    return status;
}

const tb_role *tb_roles_find(const tb_roles *roles, const char *name)
{
    for (size_t r = 0; r < roles->count; r++)
        if (strcmp(roles->role[r].name, name) == 0)
            return &roles->role[r];
    return NULL;
}

int tb_role_field_of(const tb_role *role, const char *key)
{
    for (int f = 0; f < role->field_count; f++)
        if (strcmp(role->fields[f].key, key) == 0)
            return f;
    return -1;
}
