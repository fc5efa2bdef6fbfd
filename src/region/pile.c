#include "region/chain.h"

#include "core/memory.h"
#include "region/array.h"

#define NO_CHUNK UINT32_MAX

enum {
    SPAN_WORDS    = 3, /* row, first, last from the corner of the pool */
    FIRST_SPANS   = 5,
    MORE_SPANS    = 42,
    SEGMENT_WORDS = 1 << 18,
};

/* A chunk is its spans, and the number of the next chunk; a whole number of cache lines. */
enum { FIRST_WORDS = 16, MORE_WORDS = 128 };

enum { FIRST_NEXT = FIRST_SPANS * SPAN_WORDS, MORE_NEXT = MORE_SPANS * SPAN_WORDS };

void tb_chain_pool_init(tb_chain_pool *pool, int64_t x, int64_t y)
{
    *pool =
        (tb_chain_pool){.x = x, .y = y, .first.free_chunk = NO_CHUNK, .more.free_chunk = NO_CHUNK};
}

static void reset_chunks(tb_chain_chunks *chunks)
{
    for (size_t s = 0; s < chunks->segment_count; s++)
        tb_free(chunks->segments[s]);
    tb_free(chunks->segments);
}

void tb_chain_pool_reset(tb_chain_pool *pool)
{
    reset_chunks(&pool->first);
    reset_chunks(&pool->more);
    tb_chain_pool_init(pool, 0, 0);
}

static inline int32_t *chunk_at(const tb_chain_chunks *chunks, size_t words, uint32_t i)
{
    size_t of_segment = SEGMENT_WORDS / words;

    return chunks->segments[i / of_segment] + i % of_segment * words;
}

static int32_t *first_at(const tb_chain_pool *pool, uint32_t i)
{
    return chunk_at(&pool->first, FIRST_WORDS, i);
}

static int32_t *more_at(const tb_chain_pool *pool, uint32_t i)
{
    return chunk_at(&pool->more, MORE_WORDS, i);
}

static tb_status take_chunk(tb_chain_chunks *chunks, size_t words, size_t next, uint32_t *taken,
                            tb_error *err)
{
    tb_status status     = TB_OK;
    size_t    of_segment = SEGMENT_WORDS / words;

    if (chunks->free_chunk != NO_CHUNK) {
        *taken             = chunks->free_chunk;
        chunks->free_chunk = (uint32_t)chunk_at(chunks, words, *taken)[next];
        return TB_OK;
    }
    if (chunks->used_chunks == NO_CHUNK - 1)
        return tb_error_set(err, TB_E_MEMORY,
                            "out of memory, open components: expected fewer than "
                            "2^32 chunks of runs, got more");
    if (chunks->used_chunks / of_segment == chunks->segment_count) {
        TB_TRY(tb_array_reserve_next(&chunks->segments, &chunks->segment_capacity,
                                     chunks->segment_count, sizeof *chunks->segments,
                                     "open components", err));
        TB_TRY(tb_alloc(&chunks->segments[chunks->segment_count], SEGMENT_WORDS, sizeof(int32_t),
                        "open components", err));
        chunks->segment_count++;
    }
    *taken = chunks->used_chunks++;
done:
    return status;
}

/* Behind the spans of a chunk stands the number of the next one. */
tb_status tb_chain_lengthen(tb_chain_pool *pool, tb_chain *chain, tb_error *err)
{
    tb_status status = TB_OK;
    uint32_t  taken  = NO_CHUNK;

    if (chain->count == 0) {
        TB_TRY(take_chunk(&pool->first, FIRST_WORDS, FIRST_NEXT, &chain->first, err));
        chain->at   = first_at(pool, chain->first);
        chain->room = FIRST_SPANS;
    } else {
        TB_TRY(take_chunk(&pool->more, MORE_WORDS, MORE_NEXT, &taken, err));
        *chain->at  = (int32_t)taken;
        chain->at   = more_at(pool, taken);
        chain->room = MORE_SPANS;
    }
done:
    return status;
}

static tb_span *lay_out(const tb_chain_pool *pool, const int32_t *from, size_t count, tb_span *to)
{
    for (size_t i = 0; i < count; i++, from += SPAN_WORDS)
        *to++ = (tb_span){pool->y + from[0], pool->x + from[1], pool->x + from[2]};
    return to;
}

static void lay_out_chain(tb_chain_pool *pool, const tb_chain *from, tb_span *to)
{
    int32_t *chunk = first_at(pool, from->first);
    size_t   left  = from->count - (from->count < FIRST_SPANS ? from->count : FIRST_SPANS);
    uint32_t more  = (uint32_t)chunk[FIRST_NEXT];

    to                     = lay_out(pool, chunk, from->count - left, to);
    chunk[FIRST_NEXT]      = (int32_t)pool->first.free_chunk;
    pool->first.free_chunk = from->first;
    if (left == 0)
        return;
    chunk = more_at(pool, more);
    for (; left > MORE_SPANS; left -= MORE_SPANS) {
        to    = lay_out(pool, chunk, MORE_SPANS, to);
        chunk = more_at(pool, (uint32_t)chunk[MORE_NEXT]);
    }
    lay_out(pool, chunk, left, to);
    chunk[MORE_NEXT]      = (int32_t)pool->more.free_chunk;
    pool->more.free_chunk = more;
}

tb_status tb_chain_gather(tb_chain_pool *pool, const tb_chain *from, tb_span **spans,
                          size_t *capacity, tb_error *err)
{
    tb_status status = TB_OK;

    if (from->count > *capacity) {
        size_t needed = from->count + from->count / 4;

        tb_free(*spans); /* nothing in it is needed: growing would hold both */
        *spans    = NULL;
        *capacity = 0;
        TB_TRY(tb_alloc(spans, needed, sizeof **spans, "runs of a component", err));
        *capacity = needed;
    }
    if (from->count > 0)
        lay_out_chain(pool, from, *spans);
done:
    return status;
}
