/** Where rule files lie: profiles and land classes, by name or by path. */
#ifndef TUBAN_RULES_LOOKUP_H
#define TUBAN_RULES_LOOKUP_H

#include "core/error.h"

/**
 * Finds a rule file. A name with a slash, or that ends in .yaml, is a path (a relative one from
 * `beside`); any other stands for NAME.yaml in, first found: `beside`, the folder the environment's
 * TUBAN_PROFILES names, share/tuban/profiles of the tree this library lies in.
 *
 * @param out     the path (free with tb_free).
 * @param beside  folder of the file that names it; NULL: none, and paths are the caller's.
 * @return TB_OK; TB_E_JOB naming the folders looked in, and the profiles there are.
 */
tb_status tb_rules_find(char **out, const char *name, const char *beside, tb_error *err);

#endif
