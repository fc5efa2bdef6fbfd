#include "region/chain.h"

#include "core/memory.h"

#define NO_CHUNK UINT32_MAX

enum { CHUNK_SPANS = 5, SEGMENT_CHUNKS = 1 << 14 };

struct tb_chain_chunk {
    int32_t  span[CHUNK_SPANS][3]; /* row, first, last from the corner of the pool */
    uint32_t next;
};

void tb_chain_pool_init(tb_chain_pool *pool, int64_t x, int64_t y)
{
    *pool = (tb_chain_pool){.x = x, .y = y, .free_chunk = NO_CHUNK};
}

void tb_chain_pool_reset(tb_chain_pool *pool)
{
    for (size_t s = 0; s < pool->segment_count; s++)
        tb_free(pool->segments[s]);
    tb_free(pool->segments);
    tb_chain_pool_init(pool, 0, 0);
}

static tb_chain_chunk *chunk_at(const tb_chain_pool *pool, uint32_t i)
{
    return &pool->segments[i / SEGMENT_CHUNKS][i % SEGMENT_CHUNKS];
}

static tb_status take_chunk(tb_chain_pool *pool, uint32_t *taken, tb_error *err)
{
    tb_status status = TB_OK;

    if (pool->free_chunk != NO_CHUNK) {
        *taken           = pool->free_chunk;
        pool->free_chunk = chunk_at(pool, *taken)->next;
        return TB_OK;
    }
    if (pool->used_chunks == NO_CHUNK - 1)
        return tb_error_set(err, TB_E_MEMORY,
                            "out of memory, open components: expected fewer than "
                            "2^32 chunks of runs, got more");
    if (pool->used_chunks / SEGMENT_CHUNKS == pool->segment_count) {
        if (pool->segment_count == pool->segment_capacity) {
            size_t capacity = 2 * pool->segment_capacity + 64;

            TB_TRY(tb_grow(&pool->segments, capacity, sizeof(void *), "open components", err));
            pool->segment_capacity = capacity;
        }
        TB_TRY(tb_alloc(&pool->segments[pool->segment_count], SEGMENT_CHUNKS,
                        sizeof(tb_chain_chunk), "open components", err));
        pool->segment_count++;
    }
    *taken = pool->used_chunks++;
done:
    return status;
}

tb_status tb_chain_append(tb_chain_pool *pool, tb_chain *to, tb_span added, tb_error *err)
{
    size_t    within = to->count % CHUNK_SPANS;
    int32_t   row    = (int32_t)(added.row - pool->y);
    int32_t   first  = (int32_t)(added.first - pool->x);
    int32_t   last   = (int32_t)(added.last - pool->x);
    tb_status status = TB_OK;

    if (to->count > 0) {
        int32_t *end = chunk_at(pool, to->last)->span[within == 0 ? CHUNK_SPANS - 1 : within - 1];

        if (end[0] == row && end[2] + 1 == first) {
            end[2] = last;
            return TB_OK;
        }
    }
    if (within == 0) {
        uint32_t taken = NO_CHUNK;

        TB_TRY(take_chunk(pool, &taken, err));
        chunk_at(pool, taken)->next = NO_CHUNK;
        if (to->count == 0)
            to->first = taken;
        else
            chunk_at(pool, to->last)->next = taken;
        to->last = taken;
    }
    int32_t *span = chunk_at(pool, to->last)->span[within];

    span[0] = row;
    span[1] = first;
    span[2] = last;
    to->count++;
done:
    return status;
}

tb_status tb_chain_gather(tb_chain_pool *pool, const tb_chain *from, tb_span **spans,
                          size_t *capacity, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  at     = from->first;

    if (from->count > *capacity) {
        size_t needed = from->count + from->count / 4;

        tb_free(*spans); /* nothing in it is needed: growing would hold both */
        *spans    = NULL;
        *capacity = 0;
        TB_TRY(tb_alloc(spans, needed, sizeof **spans, "runs of a component", err));
        *capacity = needed;
    }
    for (size_t i = 0; i < from->count;) {
        const tb_chain_chunk *some = chunk_at(pool, at);

        for (int s = 0; s < CHUNK_SPANS && i < from->count; s++, i++)
            (*spans)[i] = (tb_span){pool->y + some->span[s][0], pool->x + some->span[s][1],
                                    pool->x + some->span[s][2]};
        at = some->next;
    }
    if (from->count > 0) {
        chunk_at(pool, from->last)->next = pool->free_chunk;
        pool->free_chunk                 = from->first;
    }
done:
    return status;
}
