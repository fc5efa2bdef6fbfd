/** One YAML file of a profile, read over what the files it extends have said. */
#ifndef TUBAN_RULES_PROFILE_FILE_H
#define TUBAN_RULES_PROFILE_FILE_H

#include "core/yaml.h"
#include "rules/profile.h"

/** A file that is being read. */
typedef struct tb_profile_file {
    tb_profile *profile; /**< takes what the file says */
    tb_node     root;
    int         depth; /**< 0 is the file that extends none: there nothing may be missing */
} tb_profile_file;

/** Refuses unknown keys; `*extends` is the name of the profile it extends, or NULL. */
tb_status tb_profile_file_begin(tb_node root, const char **extends, tb_error *err);

/** Reads all keys but `extends`; what the profile borrows stays in the file's document. */
tb_status tb_profile_file_read(const tb_profile_file *file, tb_error *err);

#endif
