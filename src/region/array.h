/** Arrays of a workspace that grow: rarely, and to more than is needed now. */
#ifndef TUBAN_REGION_ARRAY_H
#define TUBAN_REGION_ARRAY_H

#include "core/memory.h"

/** A quarter more than is needed, for the larger shape that follows. */
static inline size_t tb_array_larger(size_t needed)
{
    return needed + needed / 4 + 64;
}

/** Makes room for `needed` elements of an array of *capacity; keeps what is in it. */
static inline tb_status tb_array_reserve(void *inout, size_t *capacity, size_t needed, size_t size,
                                         const char *what, tb_error *err)
{
    tb_status status = TB_OK;

    if (needed <= *capacity)
        return TB_OK;
    TB_TRY(tb_grow(inout, tb_array_larger(needed), size, what, err));
    *capacity = tb_array_larger(needed);
done:
    return status;
}

/** Makes room for one more where an array of *capacity has `count`: it doubles. */
static inline tb_status tb_array_reserve_next(void *inout, size_t *capacity, size_t count,
                                              size_t size, const char *what, tb_error *err)
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
