#include "kernels/adler.h"

enum {
    PRIME   = 65521,
    COLUMNS = 64, /* bytes are added in columns, each a lane, */
    ROWS    = 23  /* as many rows as 16 bits hold the sums of: 255 * (22 * 23 / 2) < 65536 */
};

/* Adds ROWS rows of COLUMNS bytes: of each column the sum, and the sum of those before each row. */
static void add_rows(uint32_t *a, uint32_t *b, const uint8_t *bytes)
{
    uint16_t sum[COLUMNS] = {0}, before[COLUMNS] = {0};
    uint32_t all = 0, above = 0, beside = 0;

    for (int row = 0; row < ROWS; row++)
        for (int c = 0; c < COLUMNS; c++) {
            before[c] = (uint16_t)(before[c] + sum[c]);
            sum[c]    = (uint16_t)(sum[c] + bytes[row * COLUMNS + c]);
        }
    for (int c = 0; c < COLUMNS; c++) {
        all += sum[c];
        above += before[c];
        beside += (uint32_t)(COLUMNS - c) * sum[c];
    }
    *b = (*b + ROWS * COLUMNS * *a + COLUMNS * above + beside) % PRIME;
    *a = (*a + all) % PRIME;
}

uint32_t TB_KERNEL(tb_adler)(const uint8_t *bytes, size_t n)
{
    uint32_t a = 1, b = 0;
    size_t   at = 0;

    for (; at + (size_t)(ROWS * COLUMNS) <= n; at += (size_t)(ROWS * COLUMNS))
        add_rows(&a, &b, bytes + at);
    for (; at < n; at++) {
        a += bytes[at];
        b += a;
    }
    return b % PRIME << 16 | a % PRIME;
}
