/** The grid of parameters that tb_tune tries. */
#ifndef TUBAN_JOB_TUNE_GRID_H
#define TUBAN_JOB_TUNE_GRID_H

#include <stdbool.h>

#include "core/error.h"
#include "tuban/tune.h"

/** The parameters, slowest to change first: fits, then sweeps, then assemblies. */
enum {
    TB_TUNE_METHOD,
    TB_TUNE_SMOOTHING,
    TB_TUNE_PRIOR,
    TB_TUNE_FACTOR,
    TB_TUNE_MIN_PIXELS,
    TB_TUNE_PARAMETERS
};

/** How they are called in a job file. */
extern const char *const tb_tune_keys[TB_TUNE_PARAMETERS];

enum { TB_TUNE_VALUES_MAX = 32, TB_TUNE_WORD_SIZE = 32 };

/** What one parameter may be; the default is among them, maybe only for the combination of
 * defaults. */
typedef struct tb_tune_values {
    char   word[TB_TUNE_VALUES_MAX][TB_TUNE_WORD_SIZE];
    double number[TB_TUNE_VALUES_MAX]; /**< 0 of words that are none */
    int    count;                      /**< all */
    int    listed;                     /**< those the grid is made of */
    int    usual;                      /**< the default */
} tb_tune_values;

typedef struct tb_tune_combination {
    int  value[TB_TUNE_PARAMETERS];
    bool is_implausible; /**< for a pair, as a whole; written where it is tried */
} tb_tune_combination;

typedef struct tb_tune_grid {
    tb_tune_values       values[TB_TUNE_PARAMETERS];
    tb_tune_combination *combination; /**< the defaults first */
    int                  count;
} tb_tune_grid;

/**
 * Reads the lists of the options: the defaults, then all the rest in the order of the lists.
 * @param grid  all zero; free with tb_tune_grid_reset, whatever is returned.
 * @return TB_OK; TB_E_USAGE for what is no value, or too many; TB_E_MEMORY.
 */
tb_status tb_tune_grid_make(tb_tune_grid *grid, const tb_tune_options *options, tb_error *err);

void tb_tune_grid_reset(tb_tune_grid *grid);

/** Whether any combination begins with these values of the first `depth` parameters. */
bool tb_tune_grid_wants(const tb_tune_grid *grid, const int *value, int depth);

/** The combination of these values, or -1. */
int tb_tune_grid_find(const tb_tune_grid *grid, const int *value);

/** Moves on to the next values of the first `depth` parameters; false after the last. */
bool tb_tune_grid_step(const tb_tune_grid *grid, int *value, int depth);

/** Sweeps it takes for a pair. */
int64_t tb_tune_grid_sweeps(const tb_tune_grid *grid);

#endif
