/** Land classes of the survey: what a DLBM code means, by a versioned table. */
#ifndef TUBAN_RULES_LANDCLASS_H
#define TUBAN_RULES_LANDCLASS_H

#include "core/error.h"

typedef enum tb_landclass {
    TB_LANDCLASS_UNKNOWN,
    TB_LANDCLASS_FARMLAND,
    TB_LANDCLASS_OTHER_AGRICULTURAL,
    TB_LANDCLASS_CONSTRUCTION,
    TB_LANDCLASS_UNUSED,
} tb_landclass;

enum { TB_LANDCLASSES = TB_LANDCLASS_UNUSED + 1 };

/** "farmland", "other_agricultural", "construction", "unused", "unknown". */
const char *tb_landclass_name(tb_landclass landclass);

typedef struct tb_landclasses tb_landclasses;

/**
 * Reads a table (free with tb_landclasses_free).
 *
 * @param path  see tb_rules_find; a profile's `classification` is one.
 * @return TB_OK; TB_E_JOB with file, line and key, among others for a prefix of two classes.
 */
tb_status tb_landclasses_open(tb_landclasses **out, const char *path, tb_error *err);

void tb_landclasses_free(tb_landclasses *classes);

/** The table's name, for provenance. */
const char *tb_landclasses_name(const tb_landclasses *classes);

/**
 * The class of a code: 2 or 4 digits of which the longest prefix in the table decides, and a suffix
 * the table knows. Blanks around it do not count; anything else is unknown.
 * Threads: safe. Cost: O(prefixes).
 */
tb_landclass tb_landclass_of(const tb_landclasses *classes, const char *code);

#endif
