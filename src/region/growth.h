/** How workspaces grow: to be asked rarely, and for more than is needed now. */
#ifndef TUBAN_REGION_GROWTH_H
#define TUBAN_REGION_GROWTH_H

#include "core/memory.h"

/** A quarter more than is needed, for the larger shape that follows. */
static inline size_t tb_growth_size(size_t needed)
{
    return needed + needed / 4 + 64;
}

/** Makes room for `needed` elements of an array of *capacity; keeps what is in it. */
static inline tb_status tb_growth_reserve(void *inout, size_t *capacity, size_t needed, size_t size,
                                          const char *what, tb_error *err)
{
    tb_status status = TB_OK;

    if (needed <= *capacity)
        return TB_OK;
    TB_TRY(tb_grow(inout, tb_growth_size(needed), size, what, err));
    *capacity = tb_growth_size(needed);
done:
    return status;
}

/** Makes room for one more where an array of *capacity has `count`: it doubles. */
static inline tb_status tb_growth_next(void *inout, size_t *capacity, size_t count, size_t size,
                                       const char *what, tb_error *err)
{
    tb_status status = TB_OK;

    if (count < *capacity)
        return TB_OK;
    TB_TRY(tb_grow(inout, 2 * *capacity + 256, size, what, err));
    *capacity = 2 * *capacity + 256;
done:
    return status;
}

#endif
