/** The command line: a table of options a command, checked as it is read. */
#ifndef TUBAN_CLI_ARGUMENTS_H
#define TUBAN_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tuban/status.h"

typedef enum option_kind {
    OPTION_FLAG,    /**< bool, no value */
    OPTION_TEXT,    /**< const char * */
    OPTION_INTEGER, /**< int64_t within low .. high */
    OPTION_REAL,    /**< double within low .. high */
    OPTION_SIZE,    /**< uint64_t bytes */
    OPTION_CHOICE,  /**< int: position among choices */
    OPTION_LIST,    /**< text_list: may be given several times */
} option_kind;

/** The values of an option that may be given several times, in their order. */
typedef struct text_list {
    const char **text; /**< the caller's, of `most` */
    int          count, most;
} text_list;

typedef struct option {
    const char        *name; /**< without dashes */
    option_kind        kind;
    void              *target;
    double             low, high;
    const char *const *choices; /**< NULL ends */
} option;

/** What a command takes. Tables end with an option without a name. */
typedef struct command_line {
    const char   *usage;       /**< the synopsis, for errors */
    const option *options;     /**< or NULL */
    const option *more;        /**< a second table, or NULL */
    bool          has_runtime; /**< takes --threads and the like too */
    const char  **words;       /**< positional arguments, filled in */
    int           least, most;
    int           count; /**< of the words found */
} command_line;

/** Reads argv[0 .. argc-1]; TB_E_USAGE names the option, what was found and what is allowed. */
tb_status command_line_read(command_line *line, int argc, char **argv, tb_error *err);

/** True if --help stands among the arguments; then the usage is printed. */
bool command_line_helps(int argc, char **argv, const char *usage);

#endif
