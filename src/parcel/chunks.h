/**
 * Memory for many small things that are freed together.
 */
#ifndef TUBAN_PARCEL_CHUNKS_H
#define TUBAN_PARCEL_CHUNKS_H

#include <stddef.h>

#include "core/error.h"

/** Zero-initialised is empty; free with tb_chunks_reset. */
typedef struct tb_chunks {
    char **chunk;
    size_t count, used, size; /**< of the last chunk, bytes */
} tb_chunks;

/** Gives `bytes`, aligned for anything, not cleared: the chunks', until they are reset.
 * @return TB_E_MEMORY.   Cost: at most half of all is not used; large chunks are in large pages. */
tb_status tb_chunks_take(tb_chunks *chunks, size_t bytes, void *out, tb_error *err);
void      tb_chunks_reset(tb_chunks *chunks);

#endif
