#include "core/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

struct tb_yaml {
    yaml_document_t document;
    char           *name;
    tb_status       complaint;
};

static const yaml_node_t *node_of(tb_node node)
{
    return yaml_document_get_node(&node.document->document, node.index);
}

static const char *scalar_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* A second document in the file would be passed over in silence. */
static tb_status refuse_more(yaml_parser_t *parser, const char *name, tb_status complaint,
                             tb_error *err)
{
    tb_status       status = TB_OK;
    yaml_document_t next;

    if (!yaml_parser_load(parser, &next))
        return tb_error_set(err, complaint, "%s:%zu: expected YAML, got: %s", name,
                            parser->problem_mark.line + 1,
                            parser->problem != NULL ? parser->problem : "an unreadable document");
    if (yaml_document_get_root_node(&next) != NULL)
        status = tb_error_set(err, complaint, "%s:%zu: expected one document, got a second", name,
                              yaml_document_get_root_node(&next)->start_mark.line + 1);
    yaml_document_delete(&next);
    return status;
}

tb_status tb_yaml_parse(tb_yaml **out, const char *text, const char *name, tb_status complaint,
                        tb_error *err)
{
    tb_status     status = TB_OK;
    tb_yaml      *yaml   = NULL;
    yaml_parser_t parser;
    bool          has_parser = false, has_document = false;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&yaml, 1, sizeof *yaml, "YAML document", err));
    TB_TRY(tb_copy_text(&yaml->name, name, err));
    yaml->complaint = complaint;
    if (!yaml_parser_initialize(&parser)) {
        status = tb_error_set(err, TB_E_MEMORY, "out of memory, YAML parser of %s", name);
        goto done;
    }
    has_parser = true;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    if (!yaml_parser_load(&parser, &yaml->document)) {
        status = tb_error_set(err, complaint, "%s:%zu: expected YAML, got: %s", name,
                              parser.problem_mark.line + 1,
                              parser.problem != NULL ? parser.problem : "an unreadable document");
        goto done;
    }
    has_document = true;
    if (yaml_document_get_root_node(&yaml->document) == NULL)
        status =
            tb_error_set(err, complaint, "%s:1: expected a map of keys, got an empty file", name);
    else
        status = refuse_more(&parser, name, complaint, err);
done:
    if (has_parser)
        yaml_parser_delete(&parser);
    if (status == TB_OK) {
        *out = yaml;
    } else if (yaml != NULL) {
        if (has_document)
            yaml_document_delete(&yaml->document);
        tb_free(yaml->name);
        tb_free(yaml);
    }
    return status;
}

tb_status tb_yaml_open(tb_yaml **out, const char *path, tb_status complaint, tb_error *err)
{
    tb_status status = TB_OK;
    tb_text   text   = {0};

    *out   = NULL;
    status = tb_file_read(path, &text, err);
    if (status == TB_E_INPUT) {
        if (err != NULL)
            err->status = complaint;
        status = complaint;
    }
    TB_TRY(status);
    TB_TRY(tb_yaml_parse(out, text.data != NULL ? text.data : "", path, complaint, err));
done:
    tb_text_reset(&text);
    return status;
}

void tb_yaml_free(tb_yaml *yaml)
{
    if (yaml == NULL)
        return;
    yaml_document_delete(&yaml->document);
    tb_free(yaml->name);
    tb_free(yaml);
}

tb_node tb_yaml_root(tb_yaml *yaml)
{
    return (tb_node){.document = yaml, .index = 1};
}

static tb_status complain_at(tb_node node, tb_error *err, const char *expected, const char *found)
{
    const yaml_node_t *at = node_of(node);

    return tb_error_set(err, node.document->complaint, "%s:%zu: key %s: expected %s, got %s",
                        node.document->name, at->start_mark.line + 1,
                        node.key[0] != '\0' ? node.key : "(top)", expected, found);
}

tb_status tb_node_complain(tb_node node, tb_error *err, const char *expected)
{
    const yaml_node_t *at = node_of(node);
    char               found[96];

    if (at->type == YAML_SCALAR_NODE)
        snprintf(found, sizeof found, "\"%.80s\"", scalar_of(at));
    else if (at->type == YAML_MAPPING_NODE)
        snprintf(found, sizeof found, "a map");
    else
        snprintf(found, sizeof found, "a list of %zu", tb_node_count(node));
    return complain_at(node, err, expected, found);
}

bool tb_node_is_map(tb_node node)
{
    return node_of(node)->type == YAML_MAPPING_NODE;
}

bool tb_node_is_list(tb_node node)
{
    return node_of(node)->type == YAML_SEQUENCE_NODE;
}

bool tb_node_is_null(tb_node node)
{
    const yaml_node_t *at = node_of(node);

    if (at->type != YAML_SCALAR_NODE || at->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    return scalar_of(at)[0] == '\0' || strcmp(scalar_of(at), "~") == 0 ||
           strcmp(scalar_of(at), "null") == 0;
}

static void extend_key(char out[static 120], const char *key, const char *more)
{
    if (key[0] == '\0')
        snprintf(out, 120, "%.119s", more);
    else if (more[0] == '[')
        snprintf(out, 120, "%.80s%.30s", key, more);
    else
        snprintf(out, 120, "%.80s.%.38s", key, more);
}

static tb_node child_of(tb_node node, int index, const char *more)
{
    tb_node child = {.document = node.document, .index = index};

    extend_key(child.key, node.key, more);
    return child;
}

tb_status tb_node_check_keys(tb_node map, const char *const *allowed, tb_error *err)
{
    tb_status          status = TB_OK;
    tb_text            list   = {0};
    const yaml_node_t *at     = node_of(map);

    if (at->type != YAML_MAPPING_NODE)
        return tb_node_complain(map, err, "a map of keys");
    for (const char *const *name = allowed; *name != NULL; name++)
        TB_TRY(tb_text_append(&list, err, "%s%s", name == allowed ? "one of " : ", ", *name));
    for (yaml_node_pair_t *pair = at->data.mapping.pairs.start; pair < at->data.mapping.pairs.top;
         pair++) {
        yaml_node_t *key = yaml_document_get_node(&map.document->document, pair->key);
        tb_node      found;
        bool         is_known = false;

        if (key->type != YAML_SCALAR_NODE) {
            status = tb_node_complain(child_of(map, pair->key, "?"), err, "a name as key");
            goto done;
        }
        for (const char *const *name = allowed; *name != NULL; name++)
            is_known = is_known || strcmp(*name, scalar_of(key)) == 0;
        if (!is_known) {
            status = complain_at(child_of(map, pair->key, scalar_of(key)), err, list.data,
                                 "an unknown key");
            goto done;
        }
        if (tb_node_find(map, scalar_of(key), &found) && found.index != pair->value) {
            status = complain_at(child_of(map, pair->key, scalar_of(key)), err, "each key once",
                                 "it a second time");
            goto done;
        }
    }
done:
    tb_text_reset(&list);
    return status;
}

bool tb_node_find(tb_node map, const char *key, tb_node *child)
{
    const yaml_node_t *at = node_of(map);

    if (at->type != YAML_MAPPING_NODE)
        return false;
    for (yaml_node_pair_t *pair = at->data.mapping.pairs.start; pair < at->data.mapping.pairs.top;
         pair++) {
        yaml_node_t *name = yaml_document_get_node(&map.document->document, pair->key);

        if (name->type == YAML_SCALAR_NODE && strcmp(scalar_of(name), key) == 0) {
            *child = child_of(map, pair->value, key);
            return !tb_node_is_null(*child);
        }
    }
    return false;
}

tb_status tb_node_require(tb_node map, const char *key, tb_node *child, tb_error *err)
{
    if (tb_node_find(map, key, child))
        return TB_OK;

    char expected[80];

    snprintf(expected, sizeof expected, "a key %.60s", key);
    return complain_at(map, err, expected, "none");
}

size_t tb_node_count(tb_node list)
{
    const yaml_node_t *at = node_of(list);

    if (at->type != YAML_SEQUENCE_NODE)
        return 0;
    return (size_t)(at->data.sequence.items.top - at->data.sequence.items.start);
}

tb_node tb_node_item(tb_node list, size_t i)
{
    char more[32];

    snprintf(more, sizeof more, "[%zu]", i);
    return child_of(list, node_of(list)->data.sequence.items.start[i], more);
}

size_t tb_node_pairs(tb_node map)
{
    const yaml_node_t *at = node_of(map);

    if (at->type != YAML_MAPPING_NODE)
        return 0;
    return (size_t)(at->data.mapping.pairs.top - at->data.mapping.pairs.start);
}

tb_status tb_node_pair(tb_node map, size_t i, const char **key, tb_node *value, tb_error *err)
{
    const yaml_node_pair_t *pair = node_of(map)->data.mapping.pairs.start + i;
    const yaml_node_t      *name = yaml_document_get_node(&map.document->document, pair->key);

    if (name->type != YAML_SCALAR_NODE)
        return tb_node_complain(child_of(map, pair->key, "?"), err, "a name as key");
    *key   = scalar_of(name);
    *value = child_of(map, pair->value, *key);
    return TB_OK;
}

tb_status tb_node_text(tb_node node, const char **out, tb_error *err)
{
    const yaml_node_t *at = node_of(node);

    if (at->type != YAML_SCALAR_NODE || tb_node_is_null(node))
        return tb_node_complain(node, err, "text");
    *out = scalar_of(at);
    return TB_OK;
}

tb_status tb_node_integer(tb_node node, int64_t low, int64_t high, int64_t *out, tb_error *err)
{
    const yaml_node_t *at = node_of(node);
    char               expected[96];

    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)low,
             (long long)high);
    if (at->type != YAML_SCALAR_NODE || scalar_of(at)[0] == '\0')
        return tb_node_complain(node, err, expected);

    char *end;

    errno           = 0;
    long long value = strtoll(scalar_of(at), &end, 10);

    if (errno != 0 || *end != '\0' || value < low || value > high)
        return tb_node_complain(node, err, expected);
    *out = value;
    return TB_OK;
}

tb_status tb_node_real(tb_node node, double low, double high, double *out, tb_error *err)
{
    const yaml_node_t *at = node_of(node);
    char               expected[96];

    snprintf(expected, sizeof expected, "a number from %g to %g", low, high);
    if (at->type != YAML_SCALAR_NODE || scalar_of(at)[0] == '\0')
        return tb_node_complain(node, err, expected);

    char  *end;
    double value = strtod(scalar_of(at), &end);

    if (*end != '\0' || !isfinite(value) || value < low || value > high)
        return tb_node_complain(node, err, expected);
    *out = value;
    return TB_OK;
}

tb_status tb_node_boolean(tb_node node, bool *out, tb_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", NULL};
    int                      choice  = 0;
    tb_status                status  = tb_node_choice(node, words, &choice, err);

    if (status == TB_OK)
        *out = choice % 2 != 0;
    return status;
}

tb_status tb_node_require_integer(tb_node map, const char *key, int64_t low, int64_t high,
                                  int64_t *out, tb_error *err)
{
    tb_node   node;
    tb_status status = tb_node_require(map, key, &node, err);

    return status == TB_OK ? tb_node_integer(node, low, high, out, err) : status;
}

tb_status tb_node_require_real(tb_node map, const char *key, double low, double high, double *out,
                               tb_error *err)
{
    tb_node   node;
    tb_status status = tb_node_require(map, key, &node, err);

    return status == TB_OK ? tb_node_real(node, low, high, out, err) : status;
}

tb_status tb_node_choice(tb_node node, const char *const *choices, int *out, tb_error *err)
{
    const yaml_node_t *at     = node_of(node);
    tb_text            list   = {0};
    tb_status          status = TB_OK;

    if (at->type == YAML_SCALAR_NODE)
        for (int i = 0; choices[i] != NULL; i++)
            if (strcmp(choices[i], scalar_of(at)) == 0) {
                *out = i;
                return TB_OK;
            }
    for (int i = 0; choices[i] != NULL; i++)
        TB_TRY(tb_text_append(&list, err, "%s%s", i == 0 ? "one of " : ", ", choices[i]));
    status = tb_node_complain(node, err, list.data);
done:
    tb_text_reset(&list);
    return status;
}
