/**
 * The parts of a profile's file: what each reads, and the words they are all made of.
 *
 * All read over what the files it extends have said, and complain with file, line and key. What a
 * profile borrows stays in the file's document.
 */
#ifndef TUBAN_RULES_PROFILE_PARTS_H
#define TUBAN_RULES_PROFILE_PARTS_H

#include "rules/profile_file.h"

/* ---- words: profile_words.c ---- */

/** The child, which only a file that extends another may leave out. */
tb_status tb_profile_find(const tb_profile_file *file, tb_node map, const char *key, tb_node *child,
                          bool *is_there, tb_error *err);

/** Text that is not empty, of which the complaint says what it stands for. */
tb_status tb_profile_text(tb_node node, const char *expected, const char **out, tb_error *err);

/** The same of a child that has to be there. */
tb_status tb_profile_require_text(tb_node map, const char *key, const char *expected,
                                  const char **out, tb_error *err);

/** A name that goes into fields of the output: letters of ASCII, digits and hyphens. */
tb_status tb_profile_require_code(tb_node map, const char *key, const char **out, tb_error *err);

/** Takes a list of 1 to `most` of something. */
tb_status tb_profile_list_size(tb_node list, int most, const char *of, int *count, tb_error *err);

/** `cite: NAME`, which nothing that comes from a notice may lack. */
tb_status tb_profile_citation(const tb_profile_file *file, tb_node map, tb_citation *out,
                              tb_error *err);

/* ---- thresholds: profile_thresholds.c ---- */

/**
 * A list of thresholds, over those that `list` has. Where a file changes or adds one it has to say
 * why, and what it says is noted. A quantity stands once in a list, so that no list outgrows its
 * array.
 */
tb_status tb_profile_thresholds(const tb_profile_file *file, tb_node node, tb_thresholds *list,
                                tb_error *err);

/* ---- sections ---- */

/** `streams`, each with its tiers, gate and dates: profile_streams.c. */
tb_status tb_profile_streams(const tb_profile_file *file, tb_node list, tb_error *err);

/** The tiers of a stream: profile_tiers.c. */
tb_status tb_profile_tiers(const tb_profile_file *file, tb_node node, tb_stream *stream,
                           tb_error *err);

/** A tier's name as a key: T0 to T3, then NULL. */
extern const char *const tb_profile_tier_keys[TB_TIERS + 1];

/** A date by which parcels are due. */
tb_status tb_profile_due(const tb_profile_file *file, tb_node node, tb_due *due, tb_error *err);

/** `city`: profile_city.c. */
tb_status tb_profile_city(const tb_profile_file *file, tb_node node, tb_error *err);

/** What no notice says: profile_practice.c. */
tb_status tb_profile_practice(const tb_profile_file *file, tb_error *err);

#endif
