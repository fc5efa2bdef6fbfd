#include "rules/landclass.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/yaml.h"
#include "rules/lookup.h"

enum { PREFIXES_MAX = 128, SUFFIXES_MAX = 16, DIGITS_MAX = 4, SUFFIX_LENGTH_MAX = 7 };

/* TB_LANDCLASS_UNKNOWN as the meaning of a suffix: what the digits say. */
typedef struct entry {
    char         text[8];
    tb_landclass landclass;
} entry;

struct tb_landclasses {
    char *name;
    entry prefix[PREFIXES_MAX];
    int   prefix_count;
    entry suffix[SUFFIXES_MAX];
    int   suffix_count;
};

static const char *const names[] = {"unknown",      "farmland", "other_agricultural",
                                    "construction", "unused",   NULL};

const char *tb_landclass_name(tb_landclass landclass)
{
    return names[landclass];
}

static bool is_digits(const char *text, size_t length)
{
    return strspn(text, "0123456789") >= length;
}

static tb_status add_prefix(tb_landclasses *classes, tb_node node, tb_landclass landclass,
                            tb_error *err)
{
    const char *text;

    if (tb_node_text(node, &text, NULL) != TB_OK || strlen(text) < 1 || strlen(text) > DIGITS_MAX ||
        !is_digits(text, strlen(text)))
        return tb_node_complain(node, err, "1 to 4 digits");
    for (int i = 0; i < classes->prefix_count; i++)
        if (strcmp(classes->prefix[i].text, text) == 0)
            return tb_node_complain(node, err, "each prefix once");
    if (classes->prefix_count == PREFIXES_MAX)
        return tb_node_complain(node, err, "at most 128 prefixes");

    entry *prefix = &classes->prefix[classes->prefix_count++];

    snprintf(prefix->text, sizeof prefix->text, "%s", text);
    prefix->landclass = landclass;
    return TB_OK;
}

static tb_status read_prefixes(tb_landclasses *classes, tb_node map, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list;

    TB_TRY(tb_node_check_keys(map, names + 1, err));
    for (int c = TB_LANDCLASS_FARMLAND; c < TB_LANDCLASSES; c++) {
        TB_TRY(tb_node_require(map, names[c], &list, err));
        if (!tb_node_is_list(list)) {
            status = tb_node_complain(list, err, "a list of prefixes");
            goto done;
        }
        for (size_t i = 0; i < tb_node_count(list); i++)
            TB_TRY(add_prefix(classes, tb_node_item(list, i), (tb_landclass)c, err));
    }
done:
    return status;
}

static tb_status read_suffixes(tb_landclasses *classes, tb_node list, tb_error *err)
{
    static const char *const allowed[]  = {"suffix", "means", NULL};
    static const char *const meanings[] = {"same",         "farmland", "other_agricultural",
                                           "construction", "unused",   NULL};
    tb_status                status     = TB_OK;

    if (!tb_node_is_list(list) || tb_node_count(list) > SUFFIXES_MAX)
        return tb_node_complain(list, err, "a list of up to 16 suffixes");
    for (size_t i = 0; i < tb_node_count(list); i++) {
        tb_node     item   = tb_node_item(list, i), child;
        entry      *suffix = &classes->suffix[classes->suffix_count];
        const char *text;
        int         meaning;

        TB_TRY(tb_node_check_keys(item, allowed, err));
        TB_TRY(tb_node_require(item, "suffix", &child, err));
        if (tb_node_text(child, &text, NULL) != TB_OK || text[0] == '\0' ||
            strlen(text) > SUFFIX_LENGTH_MAX || is_digits(text, 1)) {
            status = tb_node_complain(child, err, "up to 7 letters and digits, a letter first");
            goto done;
        }
        TB_TRY(tb_node_require(item, "means", &child, err));
        TB_TRY(tb_node_choice(child, meanings, &meaning, err));
        snprintf(suffix->text, sizeof suffix->text, "%s", text);
        suffix->landclass = (tb_landclass)meaning;
        classes->suffix_count++;
    }
done:
    return status;
}

tb_status tb_landclasses_open(tb_landclasses **out, const char *path, tb_error *err)
{
    static const char *const allowed[] = {"landclass", "title",    "version",
                                          "prefixes",  "suffixes", NULL};
    tb_status                status    = TB_OK;
    tb_landclasses          *classes   = NULL;
    tb_yaml                 *document  = NULL;
    char                    *found     = NULL;
    const char              *name;
    tb_node                  root, node;

    *out = NULL;
    TB_TRY(tb_rules_find(&found, path, NULL, err));
    TB_TRY(tb_alloc_zero(&classes, 1, sizeof *classes, "land classes", err));
    TB_TRY(tb_yaml_open(&document, found, TB_E_JOB, err));
    root = tb_yaml_root(document);
    TB_TRY(tb_node_check_keys(root, allowed, err));
    TB_TRY(tb_node_require(root, "landclass", &node, err));
    TB_TRY(tb_node_text(node, &name, err));
    TB_TRY(tb_copy_text(&classes->name, name, err));
    TB_TRY(tb_node_require(root, "version", &node, err));
    TB_TRY(tb_node_text(node, &name, err));
    TB_TRY(tb_node_require(root, "prefixes", &node, err));
    TB_TRY(read_prefixes(classes, node, err));
    if (tb_node_find(root, "suffixes", &node))
        TB_TRY(read_suffixes(classes, node, err));
    *out    = classes;
    classes = NULL;
done:
    tb_landclasses_free(classes);
    tb_yaml_free(document);
    tb_free(found);
    return status;
}

void tb_landclasses_free(tb_landclasses *classes)
{
    if (classes == NULL)
        return;
    tb_free(classes->name);
    tb_free(classes);
}

const char *tb_landclasses_name(const tb_landclasses *classes)
{
    return classes->name;
}

static tb_landclass class_of_digits(const tb_landclasses *classes, const char *code, size_t digits)
{
    tb_landclass landclass = TB_LANDCLASS_UNKNOWN;
    size_t       longest   = 0;

    for (int i = 0; i < classes->prefix_count; i++) {
        const entry *prefix = &classes->prefix[i];
        size_t       length = strlen(prefix->text);

        if (length > longest && length <= digits && strncmp(code, prefix->text, length) == 0) {
            longest   = length;
            landclass = prefix->landclass;
        }
    }
    return landclass;
}

tb_landclass tb_landclass_of(const tb_landclasses *classes, const char *code)
{
    size_t       digits, length;
    tb_landclass landclass;

    if (code == NULL)
        return TB_LANDCLASS_UNKNOWN;
    code += strspn(code, " \t");
    length = strlen(code);
    while (length > 0 && (code[length - 1] == ' ' || code[length - 1] == '\t'))
        length--;
    digits = strspn(code, "0123456789");
    if (digits != 2 && digits != DIGITS_MAX)
        return TB_LANDCLASS_UNKNOWN;
    landclass = class_of_digits(classes, code, digits);
    if (digits == length || landclass == TB_LANDCLASS_UNKNOWN)
        return landclass;
    for (int i = 0; i < classes->suffix_count; i++) {
        const entry *suffix = &classes->suffix[i];

        if (strlen(suffix->text) == length - digits &&
            strncmp(code + digits, suffix->text, length - digits) == 0)
            return suffix->landclass != TB_LANDCLASS_UNKNOWN ? suffix->landclass : landclass;
    }
    return TB_LANDCLASS_UNKNOWN;
}
