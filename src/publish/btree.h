/**
 * Tables of a SQLite file made in bulk: rows in ascending order laid straight into pages.
 *
 * SQLite takes a microsecond and more a row, most of it in finding the place at the end of a table
 * where the row before went. Here the b-tree of a table that SQLite made and left empty is built
 * from its leaves upwards, as its file format (https://www.sqlite.org/fileformat2.html, 1.5
 * and 1.6) has it: pages are appended to the file, the root is written over the empty one at the
 * end. Whoever uses this has closed the database and opens it again afterwards.
 */
#ifndef TUBAN_PUBLISH_BTREE_H
#define TUBAN_PUBLISH_BTREE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/** A database file that pages are appended to. */
typedef struct tb_pages tb_pages;

/**
 * Opens a database that nobody else has open; close with tb_pages_close.
 * @return TB_E_OUTPUT with the path when it cannot be written, or is no plain SQLite file.
 * Cost: 64 kB; 4 MB once the file has 64 MB, from where it is written directly if it can be.
 * Threads: one caller per object.
 */
tb_status tb_pages_open(tb_pages **out, const char *path, tb_error *err);

/** Writes what is left and the number of pages. All tables must be finished. Only closing may
 *  follow. */
tb_status tb_pages_finish(tb_pages *pages, tb_error *err);

/** Frees. A file that is not finished is damaged. NULL is legal. */
void tb_pages_close(tb_pages *pages);

uint32_t tb_pages_bytes(const tb_pages *pages); /**< of a page */

/** The table being built at one root page. */
typedef struct tb_btree tb_btree;

/**
 * Begins the table whose root page is `root`; whatever rows it has are given up. Borrows `pages`;
 * free with tb_btree_free. Several tables may grow at the same time.
 */
tb_status tb_btree_new(tb_btree **out, tb_pages *pages, uint32_t root, tb_error *err);

/**
 * Appends a row: `record` as the format has it (2.1), below 2^31 bytes.
 * @param rowid  greater than the one before.
 * Cost: a copy of the record.
 */
tb_status tb_btree_add(tb_btree *table, int64_t rowid, const void *record, size_t bytes,
                       tb_error *err);

/** Writes what is left of the table, and its root. Only freeing may follow. */
tb_status tb_btree_finish(tb_btree *table, tb_error *err);

void tb_btree_free(tb_btree *table);

/** Writes a number as SQLite's varint; returns the end. */
uint8_t *tb_btree_put_varint(uint8_t *at, uint64_t number);

/** Serial type of an integer (2.1), and its bytes after the header. */
int      tb_btree_integer_type(int64_t value);
uint8_t *tb_btree_put_integer(uint8_t *at, int type, int64_t value);

/** Writes the `bytes` low bytes of a number, the highest first; returns the end. */
uint8_t *tb_btree_put_number(uint8_t *at, uint64_t number, int bytes);

#endif
