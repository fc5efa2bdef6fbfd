#include "train/booster.h"

#include "core/memory.h"

#if TUBAN_HAVE_XGBOOST

#    include <dlfcn.h>
#    include <math.h>
#    include <stdio.h>
#    include <string.h>

#    include <jansson.h>
#    include <xgboost/c_api.h>

struct tb_booster {
    void                                   *library;
    __typeof__(&XGBoostVersion)             version;
    __typeof__(&XGBGetLastError)            last_error;
    __typeof__(&XGDMatrixCreateFromMat_omp) matrix_create;
    __typeof__(&XGDMatrixSetFloatInfo)      matrix_set;
    __typeof__(&XGDMatrixFree)              matrix_free;
    __typeof__(&XGBoosterCreate)            create;
    __typeof__(&XGBoosterSetParam)          set;
    __typeof__(&XGBoosterUpdateOneIter)     update;
    __typeof__(&XGBoosterPredict)           predict;
    __typeof__(&XGBoosterSaveModelToBuffer) save;
    __typeof__(&XGBoosterFree)              free;
};

/* The name Debian's libxgboost0 installs. */
static const char LIBRARY[] = "libxgboost.so.0";

static tb_status find_functions(tb_booster *b, tb_error *err)
{
    /* POSIX lets a function's address pass through void *, ISO C does not: hence the copies. */
    const struct {
        const char *name;
        void       *to;
    } wanted[] = {
        {"XGBoostVersion", &b->version},
        {"XGBGetLastError", &b->last_error},
        {"XGDMatrixCreateFromMat_omp", &b->matrix_create},
        {"XGDMatrixSetFloatInfo", &b->matrix_set},
        {"XGDMatrixFree", &b->matrix_free},
        {"XGBoosterCreate", &b->create},
        {"XGBoosterSetParam", &b->set},
        {"XGBoosterUpdateOneIter", &b->update},
        {"XGBoosterPredict", &b->predict},
        {"XGBoosterSaveModelToBuffer", &b->save},
        {"XGBoosterFree", &b->free},
    };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *found = dlsym(b->library, wanted[i].name);

        if (found == NULL)
            return tb_error_set(err, TB_E_INPUT, "%s: expected XGBoost 1.7, got one without %s",
                                LIBRARY, wanted[i].name);
        memcpy(wanted[i].to, &found, sizeof found);
    }
    return TB_OK;
}

tb_status tb_booster_open(tb_booster **out, char version[16], tb_error *err)
{
    tb_status   status  = TB_OK;
    tb_booster *booster = NULL;
    int         major, minor, patch;

    *out = NULL;
    TB_TRY(tb_alloc_zero(&booster, 1, sizeof *booster, "booster", err));
    booster->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (booster->library == NULL) {
        const char *why = dlerror();

        status = tb_error_set(err, TB_E_INPUT, "train: expected the library %s, got \"%s\"",
                              LIBRARY, why != NULL ? why : "none");
        tb_error_hint(err, "install it: apt install libxgboost0");
        goto done;
    }
    TB_TRY(find_functions(booster, err));
    booster->version(&major, &minor, &patch);
    snprintf(version, 16, "%d.%d.%d", major, minor, patch);
    *out    = booster;
    booster = NULL;
done:
    tb_booster_close(booster);
    return status;
}

void tb_booster_close(tb_booster *booster)
{
    if (booster == NULL)
        return;
    if (booster->library != NULL)
        dlclose(booster->library);
    tb_free(booster);
}

/* Turns a return code of the library into a status. */
static tb_status check(const tb_booster *b, int code, const char *what, tb_error *err)
{
    if (code == 0)
        return TB_OK;
    return tb_error_set(err, TB_E_BUG, "XGBoost, %s: expected success, got \"%.200s\"", what,
                        b->last_error());
}

static tb_status set_parameters(const tb_booster *b, BoosterHandle handle, const tb_growth *growth,
                                tb_error *err)
{
    tb_status status = TB_OK;
    char      depth[16], rate[32], bins[16], seed[16];

    snprintf(depth, sizeof depth, "%d", growth->depth);
    snprintf(rate, sizeof rate, "%.9g", growth->rate);
    snprintf(bins, sizeof bins, "%d", growth->bins);
    snprintf(seed, sizeof seed, "%d", growth->seed);

    const char *const pairs[][2] = {{"objective", "binary:logistic"},
                                    {"base_score", "0.5"},
                                    {"tree_method", "hist"},
                                    {"nthread", "1"},
                                    {"verbosity", "0"},
                                    {"max_depth", depth},
                                    {"eta", rate},
                                    {"max_bin", bins},
                                    {"seed", seed}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        TB_TRY(check(b, b->set(handle, pairs[i][0], pairs[i][1]), pairs[i][0], err));
done:
    return status;
}

/* One tree of XGBoost's JSON: parallel arrays by node. */
typedef struct json_tree {
    const json_t *left, *right, *feature, *condition;
    size_t        nodes;
} json_tree;

/* Fills the place `to` and all below it of the full tree from the node `from`; false: no such tree.
 */
static bool fill(tb_tree *tree, int to, const json_tree *j, json_int_t from)
{
    json_int_t left;
    float      value;

    if (from < 0 || (size_t)from >= j->nodes)
        return false;
    left  = json_integer_value(json_array_get(j->left, (size_t)from));
    value = (float)json_number_value(json_array_get(j->condition, (size_t)from));
    if (to >= TB_TREE_NODES) {
        tree->leaf[to - TB_TREE_NODES] = value;
        return left == -1;
    }
    if (left == -1) /* a leaf above the last level: both ways lead to it */
        return fill(tree, 2 * to + 1, j, from) && fill(tree, 2 * to + 2, j, from);
    tree->feature[to]   = (int)json_integer_value(json_array_get(j->feature, (size_t)from));
    tree->threshold[to] = value;
    return tree->feature[to] >= 0 && tree->feature[to] < TB_FILTER_FEATURES &&
           fill(tree, 2 * to + 1, j, left) &&
           fill(tree, 2 * to + 2, j, json_integer_value(json_array_get(j->right, (size_t)from)));
}

static const json_t *at_path(const json_t *json, const char *const *path)
{
    for (; json != NULL && *path != NULL; path++)
        json = json_object_get(json, *path);
    return json;
}

static tb_status take_trees(const tb_booster *b, BoosterHandle handle, tb_filter *filter,
                            tb_error *err)
{
    static const char *const path[] = {"learner", "gradient_booster", "model", "trees", NULL};
    tb_status                status = TB_OK;
    bst_ulong                length = 0;
    const char              *text   = NULL;
    json_t                  *json   = NULL;
    const json_t            *trees;

    TB_TRY(check(b, b->save(handle, "{\"format\": \"json\"}", &length, &text), "save", err));
    json  = json_loadb(text, length, 0, NULL);
    trees = at_path(json, path);
    if (json_array_size(trees) != (size_t)filter->trees) {
        status = tb_error_set(err, TB_E_BUG, "XGBoost's model: expected %d trees, got %zu",
                              filter->trees, json_array_size(trees));
        goto done;
    }
    for (int t = 0; t < filter->trees; t++) {
        const json_t   *tree = json_array_get(trees, (size_t)t);
        const json_tree j    = {.left      = json_object_get(tree, "left_children"),
                                .right     = json_object_get(tree, "right_children"),
                                .feature   = json_object_get(tree, "split_indices"),
                                .condition = json_object_get(tree, "split_conditions"),
                                .nodes     = json_array_size(json_object_get(tree, "left_children"))};

        filter->tree[t] = (tb_tree){0};
        if (!fill(&filter->tree[t], 0, &j, 0)) {
            status = tb_error_set(err, TB_E_BUG,
                                  "XGBoost's model, tree %d: expected at most three levels of "
                                  "known features, got another tree",
                                  t);
            goto done;
        }
    }
done:
    json_decref(json);
    return status;
}

static tb_status copy_margins(const tb_booster *b, BoosterHandle handle, DMatrixHandle matrix,
                              float *margin, int64_t count, tb_error *err)
{
    enum { MARGIN = 1 };
    tb_status    status = TB_OK;
    bst_ulong    length = 0;
    const float *values = NULL;

    TB_TRY(check(b, b->predict(handle, matrix, MARGIN, 0, 0, &length, &values), "predict", err));
    memcpy(margin, values, (size_t)count * sizeof *margin);
done:
    return status;
}

tb_status tb_booster_grow(tb_booster *b, const tb_examples *e, const tb_growth *growth,
                          tb_filter *filter, float *margin, tb_error *err)
{
    tb_status     status = TB_OK;
    DMatrixHandle matrix = NULL;
    BoosterHandle handle = NULL;
    bst_ulong     rows   = (bst_ulong)e->count;

    TB_TRY(check(b, b->matrix_create(e->features, rows, TB_FILTER_FEATURES, NAN, &matrix, 1),
                 "examples", err));
    TB_TRY(check(b, b->matrix_set(matrix, "label", e->label, rows), "labels", err));
    TB_TRY(check(b, b->matrix_set(matrix, "weight", e->weight, rows), "weights", err));
    TB_TRY(check(b, b->create(&matrix, 1, &handle), "create", err));
    TB_TRY(set_parameters(b, handle, growth, err));
    for (int t = 0; t < growth->trees; t++)
        TB_TRY(check(b, b->update(handle, t, matrix), "grow", err));
    TB_TRY(take_trees(b, handle, filter, err));
    if (margin != NULL)
        TB_TRY(copy_margins(b, handle, matrix, margin, e->count, err));
done:
    if (handle != NULL)
        b->free(handle);
    if (matrix != NULL)
        b->matrix_free(matrix);
    return status;
}

#else

tb_status tb_booster_open(tb_booster **out, char version[16], tb_error *err)
{
    *out       = NULL;
    version[0] = '\0';
    tb_error_set(err, TB_E_INPUT, "train: expected a tuban built with XGBoost, got one without");
    tb_error_hint(err, "apt install libxgboost-dev, then configure and build tuban again; "
                       "detect --model FILTER works without it");
    return TB_E_INPUT;
}

void tb_booster_close(tb_booster *booster)
{
    (void)booster;
}

tb_status tb_booster_grow(tb_booster *booster, const tb_examples *examples, const tb_growth *growth,
                          tb_filter *filter, float *margin, tb_error *err)
{
    (void)booster;
    (void)examples;
    (void)growth;
    (void)filter;
    (void)margin;
    return tb_error_set(err, TB_E_BUG, "train: expected XGBoost, got a build without");
}

#endif
