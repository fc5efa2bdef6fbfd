/**
 * One HDF5 file of tables that only grow: the ground under the run files.
 *
 * Bytes depend on the content alone: no times, no filters, chunks of a fixed size written in the
 * order in which they fill up, the rest of a last chunk zero. HDF5 has one lock for the whole
 * library: all use is from one thread. HDF5's own printing is off inside these functions; its
 * innermost complaint is put into the error.
 */
#ifndef TUBAN_REGION_STORE_H
#define TUBAN_REGION_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "region/runs.h"

/** Element types of a table; little-endian in the file. */
typedef enum tb_store_type { TB_STORE_U8, TB_STORE_I32, TB_STORE_I64 } tb_store_type;

enum { TB_STORE_TABLES_MAX = 12 };

typedef struct tb_store tb_store;

/**
 * Starts a file; close with tb_store_close. Nothing is seen at `path` before tb_store_finish: what
 * is written lies in `path`.new.
 * @return TB_E_OUTPUT with the path when it cannot be made.
 */
tb_status tb_store_create(tb_store **out, const char *path, tb_error *err);

/** Opens a finished file for reading; close with tb_store_close. TB_E_INPUT when it is none. */
tb_status tb_store_open(tb_store **out, const char *path, tb_error *err);

/** The path as given; borrows the store. */
const char *tb_store_path(const tb_store *store);

/** Adds an empty table of `columns` elements a row; *table is its number. */
tb_status tb_store_add_table(tb_store *store, const char *name, tb_store_type type, int columns,
                             int *table, tb_error *err);

/** Appends rows; they reach the file a chunk at a time. */
tb_status tb_store_append(tb_store *store, int table, const void *rows, size_t count,
                          tb_error *err);

/** Writes an attribute of the file: `count` integers, or text. */
tb_status tb_store_set_integers(tb_store *store, const char *name, const int64_t *values,
                                size_t count, tb_error *err);
tb_status tb_store_set_text(tb_store *store, const char *name, const char *text, tb_error *err);

/** Writes what is left, makes the file durable and renames it to its path. Only closing may follow.
 */
tb_status tb_store_finish(tb_store *store, tb_error *err);

/** Finds a table of the given type and columns; *rows is its length. TB_E_INPUT when it is not so.
 */
tb_status tb_store_find_table(tb_store *store, const char *name, tb_store_type type, int columns,
                              int *table, int64_t *rows, tb_error *err);

/** Reads `count` rows from row `first` on, straight from the file. */
tb_status tb_store_read(tb_store *store, int table, int64_t first, size_t count, void *rows,
                        tb_error *err);

/** Reads an attribute of exactly `count` integers. */
tb_status tb_store_get_integers(tb_store *store, const char *name, int64_t *values, size_t count,
                                tb_error *err);

/** Returns a text attribute (free with tb_free). */
tb_status tb_store_get_text(tb_store *store, const char *name, char **out, tb_error *err);

/** Writes the meaning of evidence as the attributes `columns` and `maximum`. */
tb_status tb_store_set_layout(tb_store *store, const tb_evidence_layout *layout, tb_error *err);

/** Closes and frees; a file that was being written and is not finished is removed. */
void tb_store_close(tb_store *store);

#endif
