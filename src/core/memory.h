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

/**
 * Memory that one step after another works in: what was used once need not be given by the system
 * again, which takes it as long as using it. Zero-initialised is empty; free with tb_arena_reset.
 */
typedef struct tb_arena {
    unsigned char *base;
    size_t         bytes, taken;
} tb_arena;

/**
 * Begins a step that takes at most so many bytes, TB_ARENA_ROUND more for each part: all that was
 * taken before is given up, and where the arena is smaller it grows.
 * @return TB_OK or TB_E_MEMORY; then the arena is empty.
 */
tb_status tb_arena_begin(tb_arena *arena, size_t bytes, const char *what, tb_error *err);

/** Bytes a part of the arena may take beyond what is asked for. */
enum { TB_ARENA_ROUND = 64 };

/** Returns the next `bytes`, 64-byte aligned, of what the step asked for. */
void *tb_arena_take(tb_arena *arena, size_t bytes);

void tb_arena_reset(tb_arena *arena);

/** Bytes held now, and the most ever held since the last reset. */
size_t tb_memory_in_use(void);
size_t tb_memory_peak(void);
void   tb_memory_peak_reset(void);

/** For tests: the n-th allocation from now fails (1 is the next), 0 never. */
void tb_memory_fail_at(long n);

/** For tests: true if the failure asked for has happened. */
int tb_memory_has_failed(void);

#endif
