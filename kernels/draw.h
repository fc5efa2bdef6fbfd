/**
 * Which pixels of a row a sample draws, by a hash of their place.
 *
 *   is_drawn(x) = tb_draw_mixed(column[x] + y) >> 11 < bound
 *
 * draw_row:   writes the x that are drawn, ascending, and returns how many there are.
 * draw_count: the same without writing them.
 *
 * drawn   room for n; what lies beyond the returned number holds nothing.
 * column  n hashes of the columns.
 * bound   of the upper 53 bits of a hash: 2^53 times the share that is drawn.
 * Exactness: integers; all variants equal _c.
 */
#ifndef TUBAN_KERNELS_DRAW_H
#define TUBAN_KERNELS_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

/** The finaliser of SplitMix64 (Steele, Lea & Flood 2014). */
static inline uint64_t tb_draw_mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/** Whether the pixel in row `y` of a column is drawn: all that a share has are 53 bits. */
static inline int tb_draw_is_drawn(uint64_t column, uint64_t y, uint64_t bound)
{
    return tb_draw_mixed(column + y) >> 11 < bound;
}

typedef size_t tb_draw_row_fn(int32_t *restrict drawn, const uint64_t *column, uint64_t y,
                              uint64_t bound, size_t n);
typedef size_t tb_draw_count_fn(const uint64_t *column, uint64_t y, uint64_t bound, size_t n);

tb_draw_row_fn   TB_KERNEL(tb_draw_row);
tb_draw_count_fn TB_KERNEL(tb_draw_count);

#endif
