/** All allocation of tuban's own: overflow-checked, 64-byte aligned, counted, able to fail on
 * demand. */
#ifndef TUBAN_CORE_MEMORY_H
#define TUBAN_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/**
 * Returns `count` * `size` bytes, 64-byte aligned, not cleared; free with tb_free. Zero bytes give
 * a valid pointer.
 * @return TB_OK, or TB_E_MEMORY naming the bytes asked for and `what` they were for; *out is then
 * NULL. Threads: safe.
 */
tb_status tb_alloc(void *out, size_t count, size_t size, const char *what, tb_error *err);

/** The same, cleared. */
tb_status tb_alloc_zero(void *out, size_t count, size_t size, const char *what, tb_error *err);

/** Grows *inout to `count` * `size` bytes keeping its contents; on failure *inout is as it was. */
tb_status tb_grow(void *inout, size_t count, size_t size, const char *what, tb_error *err);

/** Returns a copy of `text` (free with tb_free). */
tb_status tb_copy_text(char **out, const char *text, tb_error *err);

/** Frees what the functions above gave; NULL is legal. */
void tb_free(void *pointer);

/** Gives the memory behind part of an allocation back to the system, as far as it is whole large
 * pages: it stays allocated, what was in it is lost. */
void tb_memory_return(void *from, size_t bytes);

/** Bytes held now, and the most ever held since the last reset. */
size_t tb_memory_in_use(void);
size_t tb_memory_peak(void);
void   tb_memory_peak_reset(void);

/** For tests: the n-th allocation from now fails (1 is the next), 0 never. */
void tb_memory_fail_at(long n);

/** For tests: true if the failure asked for has happened. */
int tb_memory_has_failed(void);

#endif
