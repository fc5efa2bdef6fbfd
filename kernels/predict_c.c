#include "kernels/predict.h"

#include <string.h>

#include "kernels/running.h"

/* Four samples in a register; what one pixel of four bands is. */
typedef uint8_t  four_u8 __attribute__((vector_size(4)));
typedef uint16_t four_u16 __attribute__((vector_size(8)));

/*
 * A sum as it runs is a chain of additions, one a sample. Here the chain is one for four: a pixel's
 * bands side by side, or four samples of one band whose own sums do not wait for it.
 */
static void sum_one_u8(uint8_t *row, size_t n)
{
    uint8_t before = 0;
    size_t  x      = 0;

    for (; x + 4 <= n; x += 4) {
        uint8_t a = row[x], b = (uint8_t)(a + row[x + 1]), c = (uint8_t)(b + row[x + 2]);
        uint8_t d = (uint8_t)(c + row[x + 3]);

        row[x]     = (uint8_t)(before + a);
        row[x + 1] = (uint8_t)(before + b);
        row[x + 2] = (uint8_t)(before + c);
        row[x + 3] = before = (uint8_t)(before + d);
    }
    for (; x < n; x++)
        row[x] = before = (uint8_t)(before + row[x]);
}

static void sum_one_u16(uint16_t *row, size_t n)
{
    uint16_t before = 0;
    size_t   x      = 0;

    for (; x + 4 <= n; x += 4) {
        uint16_t a = row[x], b = (uint16_t)(a + row[x + 1]), c = (uint16_t)(b + row[x + 2]);
        uint16_t d = (uint16_t)(c + row[x + 3]);

        row[x]     = (uint16_t)(before + a);
        row[x + 1] = (uint16_t)(before + b);
        row[x + 2] = (uint16_t)(before + c);
        row[x + 3] = before = (uint16_t)(before + d);
    }
    for (; x < n; x++)
        row[x] = before = (uint16_t)(before + row[x]);
}

static void sum_three_u8(uint8_t *row, size_t n)
{
    uint8_t a = 0, b = 0, c = 0;
    size_t  x = 0;

    for (; x + 3 <= n; x += 3) {
        row[x] = a = (uint8_t)(a + row[x]);
        row[x + 1] = b = (uint8_t)(b + row[x + 1]);
        row[x + 2] = c = (uint8_t)(c + row[x + 2]);
    }
    for (; x < n; x++)
        row[x] = (uint8_t)(row[x] + (x >= 3 ? row[x - 3] : 0));
}

static void sum_three_u16(uint16_t *row, size_t n)
{
    uint16_t a = 0, b = 0, c = 0;
    size_t   x = 0;

    for (; x + 3 <= n; x += 3) {
        row[x] = a = (uint16_t)(a + row[x]);
        row[x + 1] = b = (uint16_t)(b + row[x + 1]);
        row[x + 2] = c = (uint16_t)(c + row[x + 2]);
    }
    for (; x < n; x++)
        row[x] = (uint16_t)(row[x] + (x >= 3 ? row[x - 3] : 0));
}

static void sum_four_u8(uint8_t *row, size_t n)
{
    four_u8 before = {0}, here;
    size_t  x      = 0;

    for (; x + 4 <= n; x += 4) {
        memcpy(&here, row + x, sizeof here);
        before += here;
        memcpy(row + x, &before, sizeof before);
    }
    for (; x < n; x++)
        row[x] = (uint8_t)(row[x] + (x >= 4 ? row[x - 4] : 0));
}

static void sum_four_u16(uint16_t *row, size_t n)
{
    four_u16 before = {0}, here;
    size_t   x      = 0;

    for (; x + 4 <= n; x += 4) {
        memcpy(&here, row + x, sizeof here);
        before += here;
        memcpy(row + x, &before, sizeof before);
    }
    for (; x < n; x++)
        row[x] = (uint16_t)(row[x] + (x >= 4 ? row[x - 4] : 0));
}

void TB_KERNEL(tb_sum_u8)(uint8_t *row, size_t stride, size_t n)
{
    size_t done = tb_running_sums(row, sizeof *row, stride, n);

    if (done > 0)
        for (size_t x = done; x < n; x++)
            row[x] = (uint8_t)(row[x] + row[x - stride]);
    else if (stride == 1)
        sum_one_u8(row, n);
    else if (stride == 3)
        sum_three_u8(row, n);
    else if (stride == 4)
        sum_four_u8(row, n);
    else
        for (size_t x = stride; x < n; x++)
            row[x] = (uint8_t)(row[x] + row[x - stride]);
}

void TB_KERNEL(tb_sum_u16)(uint16_t *row, size_t stride, size_t n)
{
    size_t done = tb_running_sums(row, sizeof *row, stride, n);

    if (done > 0)
        for (size_t x = done; x < n; x++)
            row[x] = (uint16_t)(row[x] + row[x - stride]);
    else if (stride == 1)
        sum_one_u16(row, n);
    else if (stride == 3)
        sum_three_u16(row, n);
    else if (stride == 4)
        sum_four_u16(row, n);
    else
        for (size_t x = stride; x < n; x++)
            row[x] = (uint16_t)(row[x] + row[x - stride]);
}

void TB_KERNEL(tb_sum_u32)(uint32_t *row, size_t stride, size_t n)
{
    size_t done = tb_running_sums(row, sizeof *row, stride, n);

    for (size_t x = done > 0 ? done : stride; x < n; x++)
        row[x] += row[x - stride];
}

void TB_KERNEL(tb_sum_u64)(uint64_t *row, size_t stride, size_t n)
{
    for (size_t x = stride; x < n; x++)
        row[x] += row[x - stride];
}

void TB_KERNEL(tb_swap_u16)(uint16_t *row, size_t n)
{
    for (size_t x = 0; x < n; x++)
        row[x] = __builtin_bswap16(row[x]);
}

void TB_KERNEL(tb_swap_u32)(uint32_t *row, size_t n)
{
    for (size_t x = 0; x < n; x++)
        row[x] = __builtin_bswap32(row[x]);
}

void TB_KERNEL(tb_swap_u64)(uint64_t *row, size_t n)
{
    for (size_t x = 0; x < n; x++)
        row[x] = __builtin_bswap64(row[x]);
}

void TB_KERNEL(tb_join_u32)(uint32_t *restrict dst, const uint8_t *restrict bytes, size_t n)
{
    for (size_t x = 0; x < n; x++)
        dst[x] = (uint32_t)bytes[x] << 24 | (uint32_t)bytes[n + x] << 16 |
                 (uint32_t)bytes[2 * n + x] << 8 | bytes[3 * n + x];
}

void TB_KERNEL(tb_join_u64)(uint64_t *restrict dst, const uint8_t *restrict bytes, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        uint64_t value = 0;

        for (size_t k = 0; k < sizeof value; k++)
            value = value << 8 | bytes[k * n + x];
        dst[x] = value;
    }
}
