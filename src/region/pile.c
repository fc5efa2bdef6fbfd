#include "region/pile.h"

#include <string.h>

#include "core/memory.h"
#include "region/array.h"

enum {
    LEAST_SPANS   = 4,
    SEGMENT_BYTES = 1 << 20,
};

static size_t piece_spans(int size)
{
    return (size_t)LEAST_SPANS << size;
}

/* The least size of a piece with room for so many spans; TB_PILE_SIZES: a large one. */
static int size_of(size_t spans)
{
    int size = 0;

    while (size < TB_PILE_SIZES && piece_spans(size) < spans)
        size++;
    return size;
}

void tb_pile_pool_reset(tb_pile_pool *pool)
{
    for (size_t s = 0; s < pool->segment_count; s++)
        tb_free(pool->segments[s]);
    tb_free(pool->segments);
    *pool = (tb_pile_pool){0};
}

static tb_status take_piece(tb_pile_pool *pool, int size, tb_local_span **taken, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    bytes  = piece_spans(size) * sizeof **taken;

    if (pool->free[size] != NULL) {
        *taken = pool->free[size];
        memcpy(&pool->free[size], *taken, sizeof(void *));
        return TB_OK;
    }
    if (pool->segment_count == 0 || pool->used + bytes > SEGMENT_BYTES) {
        TB_TRY(tb_array_reserve_next(&pool->segments, &pool->segment_capacity, pool->segment_count,
                                     sizeof *pool->segments, "open components", err));
        TB_TRY(tb_alloc(&pool->segments[pool->segment_count], SEGMENT_BYTES, 1, "open components",
                        err));
        pool->segment_count++;
        pool->used = 0;
    }
    *taken = (tb_local_span *)((char *)pool->segments[pool->segment_count - 1] + pool->used);
    pool->used += bytes;
done:
    return status;
}

tb_status tb_pile_grow(tb_pile_pool *pool, tb_pile *pile, tb_error *err)
{
    tb_status status = TB_OK;
    size_t    count  = tb_pile_count(pile);
    size_t    room   = count > 0 ? 2 * count : LEAST_SPANS;
    tb_pile   moved  = {0};

    if (size_of(room) < TB_PILE_SIZES)
        TB_TRY(take_piece(pool, size_of(room), &moved.spans, err));
    else
        TB_TRY(tb_alloc(&moved.spans, room, sizeof *moved.spans, "runs of a component", err));
    if (count > 0)
        memcpy(moved.spans, pile->spans, count * sizeof *pile->spans);
    moved.at  = moved.spans + count;
    moved.end = moved.spans + room;
    tb_pile_clear(pool, pile);
    *pile = moved;
done:
    return status;
}

void tb_pile_clear(tb_pile_pool *pool, tb_pile *pile)
{
    int size = size_of((size_t)(pile->end - pile->spans));

    if (size == TB_PILE_SIZES) {
        tb_free(pile->spans);
    } else if (pile->spans != NULL) {
        memcpy(pile->spans, &pool->free[size], sizeof(void *));
        pool->free[size] = pile->spans;
    }
    *pile = (tb_pile){0};
}
