/** What the layers of a job are for, and how they and their fields are called:
 * profiles/fieldmap-*.yaml. */
#ifndef TUBAN_PARCEL_ROLE_H
#define TUBAN_PARCEL_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

enum { TB_ROLE_FIELDS_MAX = 8, TB_ROLE_NAMES_MAX = 8 };

typedef struct tb_role_field {
    char *key;                      /**< what we call it: "class" */
    char *names[TB_ROLE_NAMES_MAX]; /**< what it may be called, best first; NULL ends */
    bool  is_needed;
} tb_role_field;

typedef struct tb_role {
    char         *name;                      /**< key of the job file: "landuse" */
    char         *title;                     /**< for people */
    char         *layers[TB_ROLE_NAMES_MAX]; /**< likewise; none: the first layer of the file */
    bool          refuses_empty;
    tb_role_field fields[TB_ROLE_FIELDS_MAX];
    int           field_count;
} tb_role;

typedef struct tb_roles {
    tb_role *role;
    size_t   count;
} tb_roles;

/** Reads the table; free with tb_roles_free. TB_E_JOB names file, line and key. */
tb_status tb_roles_read(tb_roles **out, const char *path, tb_error *err);
void      tb_roles_free(tb_roles *roles);

/** The role of that name, or NULL. */
const tb_role *tb_roles_find(const tb_roles *roles, const char *name);

/** The position of a field's key, or -1. */
int tb_role_field_of(const tb_role *role, const char *key);

#endif
