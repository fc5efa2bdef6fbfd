#include "model/filter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

static const char *const own_keys[] = {"bands",    "vegetation", "smoothing", "median", "wide",
                                       "features", "cut",        "trees",     NULL};

tb_status tb_filter_new(tb_filter **out, int trees, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_filter *filter = NULL;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&filter, 1, sizeof *filter, "filter", err));
    if (trees > 0)
        TB_TRY(tb_alloc_zero(&filter->tree, (size_t)trees, sizeof *filter->tree, "filter", err));
    filter->trees = trees;
    *out          = filter;
    filter        = NULL;
done:
    tb_filter_free(filter);
    return status;
}

void tb_filter_free(tb_filter *filter)
{
    if (filter == NULL)
        return;
    tb_free(filter->tree);
    tb_free(filter);
}

tb_status tb_filter_copy(tb_filter **out, const tb_filter *filter, tb_error *err)
{
    tb_status status = TB_OK;
    tb_tree  *tree;

    *out = NULL;
    if (filter == NULL)
        return TB_OK;
    TB_TRY(tb_filter_new(out, filter->trees, err));
    tree         = (*out)->tree;
    **out        = *filter;
    (*out)->tree = tree;
    if (tree != NULL)
        memcpy(tree, filter->tree, (size_t)filter->trees * sizeof *tree);
done:
    return status;
}

static tb_status write_floats(tb_text *out, const float *values, int n, tb_error *err)
{
    tb_status status = TB_OK;

    for (int i = 0; i < n; i++)
        TB_TRY(tb_text_append(out, err, "%s%.9g", i > 0 ? ", " : "", (double)values[i]));
done:
    return status;
}

static tb_status write_tree(tb_text *out, const char *indent, const tb_tree *tree, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_text_append(out, err, "%s  - {feature: [", indent));
    for (int i = 0; i < TB_TREE_NODES; i++)
        TB_TRY(tb_text_append(out, err, "%s%d", i > 0 ? ", " : "", tree->feature[i]));
    TB_TRY(tb_text_append(out, err, "], below: ["));
    TB_TRY(write_floats(out, tree->threshold, TB_TREE_NODES, err));
    TB_TRY(tb_text_append(out, err, "], leaf: ["));
    TB_TRY(write_floats(out, tree->leaf, TB_TREE_LEAVES, err));
    TB_TRY(tb_text_append(out, err, "]}\n"));
done:
    return status;
}

tb_status tb_filter_write(const tb_filter *filter, const char *indent, tb_text *out, tb_error *err)
{
    tb_status          status = TB_OK;
    const char *const *names  = tb_filter_feature_names();

    TB_TRY(tb_text_append(out, err, "%sbands: %d\n%svegetation: [", indent, filter->bands, indent));
    for (int b = 0; b < filter->bands; b++)
        TB_TRY(tb_text_append(out, err, "%s%.9g", b > 0 ? ", " : "", filter->vegetation[b]));
    TB_TRY(tb_text_append(out, err,
                          "]\n%ssmoothing: %.9g\n%smedian: %s\n%swide: %.9g\n%scut: %.9g\n"
                          "%sfeatures: [",
                          indent, filter->smoothing, indent, filter->has_median ? "true" : "false",
                          indent, filter->wide, indent, filter->cut, indent));
    for (int f = 0; names[f] != NULL; f++)
        TB_TRY(tb_text_append(out, err, "%s%s", f > 0 ? ", " : "", names[f]));
    TB_TRY(tb_text_append(out, err, "]\n%strees:\n", indent));
    for (int t = 0; t < filter->trees; t++)
        TB_TRY(write_tree(out, indent, &filter->tree[t], err));
done:
    return status;
}

/* The list under the key, of exactly n items. */
static tb_status require_list(tb_node map, const char *key, size_t n, const char *expected,
                              tb_node *list, tb_error *err)
{
    tb_status status = TB_OK;

    TB_TRY(tb_node_require(map, key, list, err));
    if (!tb_node_is_list(*list) || tb_node_count(*list) != n)
        status = tb_node_complain(*list, err, expected);
done:
    return status;
}

static tb_status read_floats(tb_node map, const char *key, size_t n, const char *expected,
                             float *out, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   list;

    TB_TRY(require_list(map, key, n, expected, &list, err));
    for (size_t i = 0; i < n; i++) {
        double value;

        TB_TRY(tb_node_real(tb_node_item(list, i), -1e30, 1e30, &value, err));
        out[i] = (float)value;
    }
done:
    return status;
}

static tb_status read_tree(tb_node map, tb_tree *tree, tb_error *err)
{
    static const char *const allowed[] = {"feature", "below", "leaf", NULL};
    tb_status                status    = TB_OK;
    tb_node                  list;

    TB_TRY(tb_node_check_keys(map, allowed, err));
    TB_TRY(
        require_list(map, "feature", TB_TREE_NODES, "a list of 7 numbers of features", &list, err));
    for (int i = 0; i < TB_TREE_NODES; i++) {
        int64_t feature;

        TB_TRY(tb_node_integer(tb_node_item(list, (size_t)i), 0, TB_FILTER_FEATURES - 1, &feature,
                               err));
        tree->feature[i] = (int)feature;
    }
    TB_TRY(
        read_floats(map, "below", TB_TREE_NODES, "a list of 7 thresholds", tree->threshold, err));
    TB_TRY(read_floats(map, "leaf", TB_TREE_LEAVES, "a list of 8 values", tree->leaf, err));
done:
    return status;
}

/* This engine makes these features in this order; a file of another is not read by guessing. */
static tb_status check_features(tb_node map, tb_error *err)
{
    tb_status          status = TB_OK;
    const char *const *names  = tb_filter_feature_names();
    const char        *text;
    char               expected[80];
    tb_node            list, item;

    TB_TRY(require_list(map, "features", TB_FILTER_FEATURES,
                        "the list of the features this version of tuban makes", &list, err));
    for (int f = 0; f < TB_FILTER_FEATURES; f++) {
        item = tb_node_item(list, (size_t)f);
        TB_TRY(tb_node_text(item, &text, err));
        if (strcmp(text, names[f]) == 0)
            continue;
        snprintf(expected, sizeof expected, "\"%s\", as this version of tuban makes it", names[f]);
        status = tb_node_complain(item, err, expected);
        goto done;
    }
done:
    return status;
}

static tb_status read_head(tb_node map, tb_filter *filter, tb_error *err)
{
    tb_status status = TB_OK;
    tb_node   node;
    int64_t   bands;

    TB_TRY(tb_node_require_integer(map, "bands", 1, TB_BANDS_MAX, &bands, err));
    filter->bands = (int)bands;
    TB_TRY(require_list(map, "vegetation", (size_t)bands, "a list with a weight for each band",
                        &node, err));
    for (size_t b = 0; b < (size_t)bands; b++)
        TB_TRY(tb_node_real(tb_node_item(node, b), -100, 100, &filter->vegetation[b], err));
    TB_TRY(tb_node_require_real(map, "smoothing", 0, 4.5, &filter->smoothing, err));
    TB_TRY(tb_node_require(map, "median", &node, err));
    TB_TRY(tb_node_boolean(node, &filter->has_median, err));
    TB_TRY(tb_node_require_real(map, "wide", 1, TB_FILTER_WIDE_MAX, &filter->wide, err));
    TB_TRY(tb_node_require_real(map, "cut", 1e-6, 1 - 1e-6, &filter->cut, err));
    TB_TRY(check_features(map, err));
done:
    return status;
}

static tb_status check_keys(tb_node map, const char *const *more, tb_error *err)
{
    enum { KEYS_MAX = 24 };
    const char *allowed[KEYS_MAX] = {NULL};
    int         n                 = 0;

    for (int i = 0; own_keys[i] != NULL; i++)
        allowed[n++] = own_keys[i];
    for (int i = 0; more != NULL && more[i] != NULL && n < KEYS_MAX - 1; i++)
        allowed[n++] = more[i];
    return tb_node_check_keys(map, allowed, err);
}

tb_status tb_filter_read(tb_filter **out, tb_node map, const char *const *more, tb_error *err)
{
    tb_status  status = TB_OK;
    tb_filter *filter = NULL;
    tb_node    list;
    size_t     trees;

    *out = NULL;
    TB_TRY(check_keys(map, more, err));
    TB_TRY(tb_node_require(map, "trees", &list, err));
    trees = tb_node_count(list);
    if (!tb_node_is_list(list) || trees < 1 || trees > TB_FILTER_TREES_MAX) {
        status = tb_node_complain(list, err, "a list of 1 to 1000 trees");
        goto done;
    }
    TB_TRY(tb_filter_new(&filter, (int)trees, err));
    TB_TRY(read_head(map, filter, err));
    for (size_t t = 0; t < trees; t++)
        TB_TRY(read_tree(tb_node_item(list, t), &filter->tree[t], err));
    *out   = filter;
    filter = NULL;
done:
    tb_filter_free(filter);
    return status;
}

tb_status tb_filter_open(tb_filter **out, const char *path, tb_error *err)
{
    static const char *const more[]   = {"filter", "training", "validation", NULL};
    tb_status                status   = TB_OK;
    tb_yaml                 *document = NULL;
    tb_node                  root, node;
    int64_t                  version;

    *out = NULL;
    if (tb_yaml_open(&document, path, TB_E_INPUT, NULL) != TB_OK)
        return TB_OK;
    root = tb_yaml_root(document);
    if (!tb_node_is_map(root) || !tb_node_find(root, "filter", &node) ||
        tb_node_find(root, "model", &node))
        goto done;
    TB_TRY(tb_node_require_integer(root, "filter", 1, 1, &version, err));
    TB_TRY(tb_filter_read(out, root, more, err));
done:
    tb_yaml_free(document);
    return status;
}
