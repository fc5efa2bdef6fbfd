#include "job/tune_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "detect/method.h"
#include "job/stages.h"

const char *const tb_tune_keys[TB_TUNE_PARAMETERS] = {"method", "smoothing", "prior",
                                                      "threshold_factor", "min_pixels"};

/* What detect takes where nothing is said, and what is searched. */
static const char *const defaults[TB_TUNE_PARAMETERS] = {"auto", "auto", "auto", "1", "10"};

static const char *const searched[TB_TUNE_PARAMETERS] = {
    "auto", "auto", "auto,common", "0.5,0.6,0.7,0.8,0.9,1,1.1,1.25,1.4,1.6,2", "5,10,20"};

static bool is_value(int parameter, const char *word, double *number)
{
    tb_prior prior;
    double   rate;
    char    *end;

    *number = 0.0;
    switch (parameter) {
    case TB_TUNE_METHOD:
        return strcmp(word, "auto") == 0 || tb_method_named(word) != NULL;
    case TB_TUNE_SMOOTHING:
        return tb_smoothing_parse(word, number);
    case TB_TUNE_PRIOR:
        return tb_prior_parse(word, &prior, &rate);
    default:
        break;
    }
    *number = strtod(word, &end);
    if (end == word || *end != '\0')
        return false;
    return parameter == TB_TUNE_FACTOR
               ? *number >= 0.01 && *number <= 100.0
               : *number >= 1.0 && *number <= 1e6 && *number == floor(*number);
}

static int find_value(const tb_tune_values *v, int parameter, const char *word)
{
    double number;

    (void)is_value(parameter, word, &number);
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->word[i], word) == 0 ||
            (parameter >= TB_TUNE_FACTOR && v->number[i] == number)) /* 1 and 1.0 are one */
            return i;
    return -1;
}

static tb_status add_value(tb_tune_values *v, int parameter, const char *word, size_t length,
                           tb_error *err)
{
    static const char *const allowed[TB_TUNE_PARAMETERS] = {
        "auto, composite, cva or logratio", "auto, or pixels from 0 to 4.5",
        "auto, rare, common or rate=F with 0 < F < 1", "a number from 0.01 to 100",
        "a whole number from 1 to 1000000"};
    char   text[TB_TUNE_WORD_SIZE];
    double number;

    if (v->count + 1 >= TB_TUNE_VALUES_MAX)
        return tb_error_set(err, TB_E_USAGE, "tune %s: expected at most %d values, got more",
                            tb_tune_keys[parameter], TB_TUNE_VALUES_MAX - 2);
    snprintf(text, sizeof text, "%.*s",
             (int)(length < TB_TUNE_WORD_SIZE ? length : TB_TUNE_WORD_SIZE - 1), word);
    if (length >= TB_TUNE_WORD_SIZE || !is_value(parameter, text, &number))
        return tb_error_set(err, TB_E_USAGE, "tune %s: expected a list of %s, got \"%.*s\"",
                            tb_tune_keys[parameter], allowed[parameter], (int)length, word);
    if (find_value(v, parameter, text) >= 0)
        return TB_OK;
    snprintf(v->word[v->count], TB_TUNE_WORD_SIZE, "%s", text);
    v->number[v->count++] = number;
    return TB_OK;
}

static tb_status read_values(tb_tune_values *v, int parameter, const char *list, tb_error *err)
{
    tb_status   status = TB_OK;
    const char *word   = list != NULL ? list : searched[parameter];

    for (bool has_more = true; has_more;) {
        size_t length = strcspn(word, ",");

        TB_TRY(add_value(v, parameter, word, length, err));
        has_more = word[length] == ',';
        word += length + has_more;
    }
    v->listed = v->count;
    TB_TRY(add_value(v, parameter, defaults[parameter], strlen(defaults[parameter]), err));
    v->usual = find_value(v, parameter, defaults[parameter]);
done:
    return status;
}

static bool is_default(const tb_tune_grid *grid, const tb_tune_combination *c)
{
    for (int p = 0; p < TB_TUNE_PARAMETERS; p++)
        if (c->value[p] != grid->values[p].usual)
            return false;
    return true;
}

tb_status tb_tune_grid_make(tb_tune_grid *grid, const tb_tune_options *options, tb_error *err)
{
    const char *const lists[TB_TUNE_PARAMETERS] = {options->methods, options->smoothings,
                                                   options->priors, options->factors,
                                                   options->min_pixels};
    tb_status         status                    = TB_OK;
    int64_t           all                       = 1;

    for (int p = 0; p < TB_TUNE_PARAMETERS; p++) {
        TB_TRY(read_values(&grid->values[p], p, lists[p], err));
        all *= grid->values[p].listed;
    }
    if (all > 100000) {
        status =
            tb_error_set(err, TB_E_USAGE, "tune: expected at most 100000 combinations, got %lld",
                         (long long)all);
        goto done;
    }
    TB_TRY(tb_alloc_zero(&grid->combination, (size_t)all + 1, sizeof *grid->combination,
                         "combinations", err));
    for (int p = 0; p < TB_TUNE_PARAMETERS; p++)
        grid->combination[0].value[p] = grid->values[p].usual;
    grid->count = 1;
    for (int64_t i = 0; i < all; i++) {
        tb_tune_combination *c    = &grid->combination[grid->count];
        int64_t              rest = i;

        for (int p = TB_TUNE_PARAMETERS - 1; p >= 0; p--) {
            c->value[p] = (int)(rest % grid->values[p].listed);
            rest /= grid->values[p].listed;
        }
        grid->count += !is_default(grid, c);
    }
done:
    return status;
}

void tb_tune_grid_reset(tb_tune_grid *grid)
{
    tb_free(grid->combination);
    *grid = (tb_tune_grid){0};
}

bool tb_tune_grid_wants(const tb_tune_grid *grid, const int *value, int depth)
{
    for (int c = 0; c < grid->count; c++)
        if (memcmp(grid->combination[c].value, value, (size_t)depth * sizeof *value) == 0)
            return true;
    return false;
}

int tb_tune_grid_find(const tb_tune_grid *grid, const int *value)
{
    for (int c = 0; c < grid->count; c++)
        if (memcmp(grid->combination[c].value, value, sizeof grid->combination[c].value) == 0)
            return c;
    return -1;
}

bool tb_tune_grid_step(const tb_tune_grid *grid, int *value, int depth)
{
    for (int p = depth - 1; p >= 0; p--) {
        if (++value[p] < grid->values[p].count)
            return true;
        value[p] = 0;
    }
    return false;
}

int64_t tb_tune_grid_sweeps(const tb_tune_grid *grid)
{
    int     value[TB_TUNE_PARAMETERS] = {0};
    int64_t sweeps                    = 0;

    do {
        sweeps += tb_tune_grid_wants(grid, value, TB_TUNE_FACTOR + 1);
    } while (tb_tune_grid_step(grid, value, TB_TUNE_FACTOR + 1));
    return sweeps;
}
