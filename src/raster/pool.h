/**
 * Memory for decoded tiles: one stretch of addresses of which the lowest that is free is handed
 * out, or the highest. So no more of it is ever touched than tiles lie in it at once, and all of it
 * in large pages: on many machines it takes longer to be given memory than to decode into it.
 *
 * Threads: one caller at a time.
 */
#ifndef TUBAN_RASTER_POOL_H
#define TUBAN_RASTER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/** Zero-initialised is empty; free with tb_pool_reset. */
typedef struct tb_pool {
    unsigned char *base;
    uint8_t       *is_taken; /* of each unit */
    size_t         units;    /* that there is room for, and */
    size_t         limit;    /* of them, from the lowest on, those that may be taken */
    size_t         lowest;   /* no unit before is free, */
    size_t         highest;  /* nor this one or any after */
} tb_pool;

/** A pool of at most `bytes`, all of which may be taken. */
tb_status tb_pool_new(tb_pool *pool, size_t bytes, tb_error *err);
void      tb_pool_reset(tb_pool *pool);

/** From now on at most `bytes`, no more than it was made with; memory beyond that is not taken goes
 * back to the system. */
void tb_pool_limit(tb_pool *pool, size_t bytes);

/** Whether memory taken lies beyond the limit. */
bool tb_pool_is_beyond(const tb_pool *pool, const void *memory, size_t bytes);

/** `bytes` of memory aligned to 64, or NULL where there is no room. Cost: linear in what is taken.
 */
void *tb_pool_take(tb_pool *pool, size_t bytes);

/** The same from the highest on: what is small, and would leave gaps between what is large. */
void *tb_pool_take_last(tb_pool *pool, size_t bytes);
void  tb_pool_give(tb_pool *pool, void *memory, size_t bytes);

#endif
