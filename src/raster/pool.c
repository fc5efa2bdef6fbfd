#include "raster/pool.h"

#include <string.h>

#include "core/memory.h"

enum { UNIT = 64 << 10 };

static size_t units_of(size_t bytes)
{
    return bytes / UNIT + (bytes % UNIT != 0);
}

tb_status tb_pool_new(tb_pool *pool, size_t bytes, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    units  = bytes / UNIT;

    *pool = (tb_pool){0};
    if (units == 0)
        return TB_OK;
    TB_TRY(tb_alloc(&pool->base, units, UNIT, "decoded tiles", err));
    TB_TRY(tb_alloc_zero(&pool->is_taken, units, 1, "decoded tiles", err));
    pool->units = pool->limit = pool->highest = units;
done:
    if (status != TB_OK)
        tb_pool_reset(pool);
    return status;
}

void tb_pool_reset(tb_pool *pool)
{
    tb_free(pool->base);
    tb_free(pool->is_taken);
    *pool = (tb_pool){0};
}

void tb_pool_limit(tb_pool *pool, size_t bytes)
{
    size_t top = pool->units;

    pool->limit = bytes / UNIT < pool->units ? bytes / UNIT : pool->units;
    while (top > pool->limit && !pool->is_taken[top - 1])
        top--;
    pool->highest = pool->limit;
    if (top < pool->units)
        tb_memory_return(pool->base + top * UNIT, (pool->units - top) * UNIT);
}

bool tb_pool_is_beyond(const tb_pool *pool, const void *memory, size_t bytes)
{
    size_t first = (size_t)((const unsigned char *)memory - pool->base) / UNIT;

    return first + units_of(bytes) > pool->limit;
}

/* The first place from one end or the other. */
static void *take(tb_pool *pool, size_t bytes, bool is_last)
{
    size_t needed = units_of(bytes), run = 0;

    while (pool->lowest < pool->highest && pool->is_taken[pool->lowest])
        pool->lowest++;
    while (pool->highest > pool->lowest && pool->is_taken[pool->highest - 1])
        pool->highest--;
    for (size_t k = 0; pool->lowest + k < pool->highest; k++) {
        size_t u = is_last ? pool->highest - 1 - k : pool->lowest + k;

        run = pool->is_taken[u] ? 0 : run + 1;
        if (run == needed) {
            size_t first = is_last ? u : u + 1 - needed;

            memset(pool->is_taken + first, 1, needed);
            return pool->base + first * UNIT;
        }
    }
    return NULL;
}

void *tb_pool_take(tb_pool *pool, size_t bytes)
{
    return take(pool, bytes, false);
}

void *tb_pool_take_last(tb_pool *pool, size_t bytes)
{
    return take(pool, bytes, true);
}

void tb_pool_give(tb_pool *pool, void *memory, size_t bytes)
{
    size_t first = (size_t)((unsigned char *)memory - pool->base) / UNIT;
    size_t end   = first + units_of(bytes);

    memset(pool->is_taken + first, 0, end - first);
    end           = end < pool->limit ? end : pool->limit;
    pool->lowest  = first < pool->lowest ? first : pool->lowest;
    pool->highest = end > pool->highest ? end : pool->highest;
}
