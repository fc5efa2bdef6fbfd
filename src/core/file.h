/** Files and folders: paths, whole-or-not-at-all writing, removing. Knows libc only. */
#ifndef TUBAN_CORE_FILE_H
#define TUBAN_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/text.h"

/** Returns `folder`/`name` (free with tb_free); an absolute `name` or an empty folder gives `name`.
 */
tb_status tb_path_join(char **out, const char *folder, const char *name, tb_error *err);

/** Returns the folder a path lies in, "." if it names none (free with tb_free). */
tb_status tb_path_folder(char **out, const char *path, tb_error *err);

/** The part of a path after its last slash; borrows `path`. */
const char *tb_path_name(const char *path);

bool tb_file_exists(const char *path);

/** Its size; -1 where there is none. */
int64_t tb_file_bytes(const char *path);

/** Appends the whole file to `text`. TB_E_INPUT when it cannot be read. */
tb_status tb_file_read(const char *path, tb_text *text, tb_error *err);

/** Writes a file whole or not at all: beside, fsync, rename, fsync of the folder. */
tb_status tb_file_write(const char *path, const void *data, size_t bytes, tb_error *err);

/** Makes a finished temporary file durable and renames it to `path`; on failure removes it. */
tb_status tb_file_commit(const char *temporary, const char *path, tb_error *err);

/** TB_E_OUTPUT "VERB PATH: expected success, got ...errno", with what to do about a full disk. */
tb_status tb_file_complain(const char *verb, const char *path, tb_error *err);

/** Adds what to do where the message tells of a full disk, in whoever's words, or the disk that
 * holds `path` (or its folder) is full though the message does not tell. */
void tb_file_advise(tb_error *err, const char *path);

/** Refuses with TB_E_OUTPUT unless the file can be written: its folder is there, and no folder has
 * its name. */
tb_status tb_file_check_writable(const char *path, tb_error *err);

/** fsync of one file or folder. */
tb_status tb_file_sync(const char *path, tb_error *err);

/** Removes a file if it is there. Never fails: what cannot be removed stays. */
void tb_file_remove(const char *path);

/**
 * Makes a folder and the ones above it that are not there. `*levels` (may be NULL) is how many this
 * call made: 0 when the folder was there, or on failure, which leaves none behind.
 */
tb_status tb_folder_make(const char *path, int *levels, tb_error *err);

/** Undoes tb_folder_make: removes the folder and so many levels less one above, while empty. */
void tb_folder_unmake(const char *path, int levels);

/** Refuses with TB_E_OUTPUT unless a file can be made in the folder. */
tb_status tb_folder_check_writable(const char *path, tb_error *err);

/** Removes a folder and all that is in it. Never fails: what cannot be removed stays. */
void tb_folder_remove(const char *path);

/** Calls `visit` for each entry of the folder but . and .., in byte order of the names. */
tb_status tb_folder_each(const char *path,
                         tb_status (*visit)(void *context, const char *name, tb_error *err),
                         void *context, tb_error *err);

#endif
