#include "kernels/draw.h"

enum { CHUNK = 256 };

size_t TB_KERNEL(tb_draw_row)(int32_t *restrict drawn, const uint64_t *column, uint64_t y,
                              uint64_t bound, size_t n)
{
    uint8_t is_drawn[CHUNK];
    size_t  count = 0;

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;

        for (size_t x = 0; x < length; x++)
            is_drawn[x] = (uint8_t)tb_draw_is_drawn(column[at + x], y, bound);
        /* Written whether drawn or not: which of them are is not to be foretold. */
        for (size_t x = 0; x < length; x++) {
            drawn[count] = (int32_t)(at + x);
            count += is_drawn[x];
        }
    }
    return count;
}

size_t TB_KERNEL(tb_draw_count)(const uint64_t *column, uint64_t y, uint64_t bound, size_t n)
{
    size_t count = 0;

    for (size_t x = 0; x < n; x++)
        count += (size_t)tb_draw_is_drawn(column[x], y, bound);
    return count;
}
