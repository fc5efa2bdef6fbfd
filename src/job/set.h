/**
 * A set of products in an output folder: there whole or not at all (Law 3).
 *
 * New products are written into a folder beside the old ones, made durable, and moved in when all
 * are there; MANIFEST.json goes last. Whoever opens the folder next finishes a move that was cut
 * short, or undoes one that had not begun.
 */
#ifndef TUBAN_JOB_SET_H
#define TUBAN_JOB_SET_H

#include <jansson.h>
#include <stdbool.h>

#include "core/error.h"
#include "job/key.h"

typedef struct tb_set tb_set;

/**
 * Opens an output folder, making it if need be, and locks it against a second run. Free with
 * tb_set_close.
 * @return TB_E_OUTPUT when it cannot be written or is in use.
 */
tb_status tb_set_open(tb_set **out, const char *folder, tb_error *err);

/** Unlocks. NULL is legal. */
void tb_set_close(tb_set *set);

/**
 * Removes what this run has made, and the folders it made as far as they are empty then. Stage
 * files of earlier runs stay; those of this one only if it `keeps_work`.
 */
void tb_set_abandon(tb_set *set, bool keeps_work);

/** The folder of stage files; borrows the set. */
const char *tb_set_work(const tb_set *set);

/** True if the products of that key are all there. */
bool tb_set_is_current(const tb_set *set, const char *key);

/** The path at which to write a product of the set (free with tb_free). */
tb_status tb_set_path(tb_set *set, const char *name, char **out, tb_error *err);

/** Writes JSON as a product of the set; takes `json`, also on failure. */
tb_status tb_set_write_json(tb_set *set, const char *name, json_t *json, tb_error *err);

/**
 * Makes the products durable and moves them in; those of the earlier set that are no more are
 * removed. MANIFEST.json lists name, size and SHA-256 of all but run.json, and the key.
 */
tb_status tb_set_publish(tb_set *set, const char *key, tb_error *err);

#endif
