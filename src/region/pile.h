/**
 * Spans of many components that grow a span at a time, without a copy and without holes in memory.
 *
 * The first spans of each lie in one cache line, those that follow in chunks of eight, chained:
 * most components are small, most spans are of large ones, and a large one is gathered as fast as
 * memory can be read ahead. Chunks lie in segments that stay put, and are used again.
 */
#ifndef TUBAN_REGION_CHAIN_H
#define TUBAN_REGION_CHAIN_H

#include "region/assemble.h"

/** Spans in a chain of chunks; all zero has none. */
typedef struct tb_chain {
    int32_t *at; /**< where the next span goes */
    uint32_t count;
    uint32_t first; /**< chunk */
    uint32_t room;  /**< spans that fit into the last chunk still */
} tb_chain;

/** Chunks of one size. */
typedef struct tb_chain_chunks {
    int32_t **segments;
    size_t    segment_count, segment_capacity;
    uint32_t  free_chunk, used_chunks;
} tb_chain_chunks;

/** Where the chunks of all chains lie. */
typedef struct tb_chain_pool {
    int64_t x, y; /**< the corner that spans are kept from: they reach 2^31 pixels from it */
    tb_chain_chunks first, more;
} tb_chain_pool;

void tb_chain_pool_init(tb_chain_pool *pool, int64_t x, int64_t y);
void tb_chain_pool_reset(tb_chain_pool *pool);

/** Makes room for a span where a chain's last chunk has none. TB_E_MEMORY. */
tb_status tb_chain_lengthen(tb_chain_pool *pool, tb_chain *chain, tb_error *err);

/** Appends a span, or makes the last one longer where they meet. Inline: once a run. */
static inline tb_status tb_chain_append(tb_chain_pool *pool, tb_chain *to, tb_span added,
                                        tb_error *err)
{
    tb_status status = TB_OK;
    int32_t   row    = (int32_t)(added.row - pool->y);
    int32_t   first  = (int32_t)(added.first - pool->x);
    int32_t   last   = (int32_t)(added.last - pool->x);

    if (to->count > 0 && to->at[-3] == row && to->at[-1] + 1 == first) {
        to->at[-1] = last;
        return TB_OK;
    }
    if (to->room == 0)
        TB_TRY(tb_chain_lengthen(pool, to, err));
    to->at[0] = row;
    to->at[1] = first;
    to->at[2] = last;
    to->at += 3;
    to->room--;
    to->count++;
done:
    return status;
}

/**
 * Lays the spans of a chain out in a row and gives its chunks back.
 * @param spans  an array of *capacity, which grows as it has to (free with tb_free).
 */
tb_status tb_chain_gather(tb_chain_pool *pool, const tb_chain *from, tb_span **spans,
                          size_t *capacity, tb_error *err);

#endif
