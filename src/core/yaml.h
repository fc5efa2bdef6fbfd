/**
 * Reading YAML through libyaml's document API: every complaint names file, line, key, what was
 * found and what is allowed.
 */
#ifndef TUBAN_CORE_YAML_H
#define TUBAN_CORE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct tb_yaml tb_yaml;

/** A node of a document, with the dotted key that leads to it. A value; borrows the document. */
typedef struct tb_node {
    tb_yaml *document;
    int      index;
    char     key[120];
} tb_node;

/**
 * Parses one document. `complaint` is the status of every error found in it, then or later
 * (TB_E_JOB for a job, TB_E_INPUT for a model given as input). Free with tb_yaml_free.
 */
tb_status tb_yaml_open(tb_yaml **out, const char *path, tb_status complaint, tb_error *err);

/** The same from text in memory; `name` stands for the file in messages. */
tb_status tb_yaml_parse(tb_yaml **out, const char *text, const char *name, tb_status complaint,
                        tb_error *err);

void tb_yaml_free(tb_yaml *document);

tb_node tb_yaml_root(tb_yaml *document);

/** A complaint about the node: "FILE:LINE: key KEY: expected EXPECTED, got FOUND". */
tb_status tb_node_complain(tb_node node, tb_error *err, const char *expected);

bool tb_node_is_map(tb_node node);
bool tb_node_is_list(tb_node node);
bool tb_node_is_null(tb_node node);

/** Refuses a node that is not a map, a key that stands twice, and one not among `allowed` (NULL
 * ends). */
tb_status tb_node_check_keys(tb_node map, const char *const *allowed, tb_error *err);

/** True, and the child, if the map has the key and its value is not null. */
bool tb_node_find(tb_node map, const char *key, tb_node *child);

/** The child, or a complaint that the key is missing. */
tb_status tb_node_require(tb_node map, const char *key, tb_node *child, tb_error *err);

/** Items of a list (0 if the node is none), and one of them. */
size_t  tb_node_count(tb_node list);
tb_node tb_node_item(tb_node list, size_t i);

/** Entries of a map in the order of the file (0 if the node is none), and one of them. */
size_t    tb_node_pairs(tb_node map);
tb_status tb_node_pair(tb_node map, size_t i, const char **key, tb_node *value, tb_error *err);

/** Scalars. Text borrows the document; numbers are checked against the closed range. */
tb_status tb_node_text(tb_node node, const char **out, tb_error *err);
tb_status tb_node_integer(tb_node node, int64_t low, int64_t high, int64_t *out, tb_error *err);
tb_status tb_node_real(tb_node node, double low, double high, double *out, tb_error *err);
tb_status tb_node_boolean(tb_node node, bool *out, tb_error *err);

/** The same of the child a map must have. */
tb_status tb_node_require_integer(tb_node map, const char *key, int64_t low, int64_t high,
                                  int64_t *out, tb_error *err);
tb_status tb_node_require_real(tb_node map, const char *key, double low, double high, double *out,
                               tb_error *err);

/** The position of the node's text among `choices` (NULL ends). */
tb_status tb_node_choice(tb_node node, const char *const *choices, int *out, tb_error *err);

#endif
