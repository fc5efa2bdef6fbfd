/**
 * Running sums in registers: of a row of pixels, each the sum of itself and of all before it.
 *
 * Within a register the sums double their reach step by step; what came before it is added last, so
 * that from one register to the next there is but one addition to wait for.
 */
#ifndef TUBAN_KERNELS_RUNNING_H
#define TUBAN_KERNELS_RUNNING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX2__
#    include <immintrin.h>

enum { TB_RUNNING_LANE = 16 }; /* bytes within which they are shuffled */

#    ifdef __AVX512BW__
typedef __m512i tb_running;

static inline tb_running tb_running_add(tb_running a, tb_running b, size_t size)
{
    return size == 1   ? _mm512_add_epi8(a, b)
           : size == 2 ? _mm512_add_epi16(a, b)
                       : _mm512_add_epi32(a, b);
}

/* Bytes of every lane by their places in `from`; 0 where that is negative. */
static inline tb_running tb_running_shuffle(tb_running a, const int8_t *from)
{
    return _mm512_shuffle_epi8(a, _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)from)));
}

/* Of the lanes' own sums, the sum of those before each, and of all in every lane. */
static inline tb_running tb_running_lanes(tb_running last, tb_running *all, size_t size)
{
    tb_running one = _mm512_maskz_shuffle_i64x2(0xfc, last, last, 0x90), sum, before;

    sum    = tb_running_add(last, one, size);
    sum    = tb_running_add(sum, _mm512_maskz_shuffle_i64x2(0xf0, sum, sum, 0x40), size);
    before = _mm512_maskz_shuffle_i64x2(0xfc, sum, sum, 0x90);
    *all   = _mm512_shuffle_i64x2(sum, sum, 0xff);
    return before;
}
#    else
typedef __m256i tb_running;

static inline tb_running tb_running_add(tb_running a, tb_running b, size_t size)
{
    return size == 1   ? _mm256_add_epi8(a, b)
           : size == 2 ? _mm256_add_epi16(a, b)
                       : _mm256_add_epi32(a, b);
}

static inline tb_running tb_running_shuffle(tb_running a, const int8_t *from)
{
    return _mm256_shuffle_epi8(a, _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)from)));
}

static inline tb_running tb_running_lanes(tb_running last, tb_running *all, size_t size)
{
    tb_running before = _mm256_permute2x128_si256(last, last, 0x08);
    tb_running sum    = tb_running_add(last, before, size);

    *all = _mm256_permute2x128_si256(sum, sum, 0x11);
    return before;
}
#    endif

/* Of samples of `size` bytes in pixels of `pixel` bytes, a divisor of TB_RUNNING_LANE: both are
 * known where it is inlined. */
static inline size_t tb_running_of(uint8_t *row, size_t size, size_t pixel, size_t bytes)
{
    int8_t     back[5][TB_RUNNING_LANE], last[TB_RUNNING_LANE];
    tb_running before = {0}, here, all;
    size_t     at     = 0;

    for (int i = 0; i < TB_RUNNING_LANE; i++) {
        last[i] = (int8_t)(TB_RUNNING_LANE - (int)pixel + i % (int)pixel);
        for (int step = 0; step < 5; step++)
            back[step][i] = (int8_t)(i >= (int)pixel << step ? i - ((int)pixel << step) : -1);
    }
    for (; at + sizeof here <= bytes; at += sizeof here) {
        memcpy(&here, row + at, sizeof here);
        for (int step = 0; pixel << step < TB_RUNNING_LANE; step++)
            here = tb_running_add(here, tb_running_shuffle(here, back[step]), size);
        here = tb_running_add(
            here,
            tb_running_add(before, tb_running_lanes(tb_running_shuffle(here, last), &all, size),
                           size),
            size);
        before = tb_running_add(before, all, size);
        memcpy(row + at, &here, sizeof here);
    }
    return at / size;
}

#endif

/** Sums of the first of `n` samples of 1, 2 or 4 bytes, `stride` a pixel: as many as there are
 * whole registers of them.
 * @return that many; 0 where they have to be made otherwise. */
static inline size_t tb_running_sums(void *row, size_t size, size_t stride, size_t n)
{
#ifdef __AVX2__
    switch (size * stride) {
    case 1:
        return tb_running_of(row, size, 1, size * n);
    case 2:
        return tb_running_of(row, size, 2, size * n);
    case 4:
        return tb_running_of(row, size, 4, size * n);
    case 8:
        return tb_running_of(row, size, 8, size * n);
    case 16:
        return tb_running_of(row, size, 16, size * n);
    default:
        return 0;
    }
#else
    (void)row, (void)size, (void)stride, (void)n;
    return 0;
#endif
}

#endif
