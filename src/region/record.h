/**
 * runs.h5: the assembled runs and components of one pair, as a file whose bytes depend on the mask
 * and the evidence alone.
 *
 * Attributes: format, version, columns (names of the evidence), maximum (a flag a column). Tables:
 *   runs        int64 [n][4]        row, first, last, component (-1: not observed), by (row, first)
 *   kinds       uint8 [n][1]        tb_run_kind of the runs
 *   components  int64 [m][6]        number, tb_verdict, x, y, width, height, as they were completed
 *   evidence    int64 [m][columns]  of the components
 */
#ifndef TUBAN_REGION_RECORD_H
#define TUBAN_REGION_RECORD_H

#include "region/assemble.h"

typedef struct tb_record tb_record;

/**
 * Starts the file; close with tb_record_close. Nothing is seen at `path` before tb_record_finish.
 * `layout` is borrowed for as long as the record lives.
 * @return TB_E_OUTPUT with the path when it cannot be written.
 */
tb_status tb_record_create(tb_record **out, const char *path, const tb_evidence_layout *layout,
                           tb_error *err);

/** The visitor that writes the record: for tb_assemble_shards, or to pass calls on to. */
tb_assemble_visitor tb_record_visitor(tb_record *record);

/** Completes the file and renames it to its path. Only closing may follow. */
tb_status tb_record_finish(tb_record *record, tb_error *err);

/** Frees; a file that is not finished is removed. NULL is legal. */
void tb_record_close(tb_record *record);

#endif
