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

enum {
    TB_RUNNING_LANE  = 16, /* bytes within which they are shuffled, */
    TB_RUNNING_STEPS = 4   /* and steps that reach over them from one byte */
};

#    ifdef __AVX512BW__
typedef __m512i tb_running;

static inline tb_running tb_running_everywhere(__m128i lane)
{
    return _mm512_broadcast_i32x4(lane);
}

static inline tb_running tb_running_shuffle(tb_running a, tb_running from)
{
    return _mm512_shuffle_epi8(a, from);
}
#    else
typedef __m256i tb_running;

static inline tb_running tb_running_everywhere(__m128i lane)
{
    return _mm256_broadcastsi128_si256(lane);
}

static inline tb_running tb_running_shuffle(tb_running a, tb_running from)
{
    return _mm256_shuffle_epi8(a, from);
}
#    endif

typedef uint8_t  tb_running_u8 __attribute__((vector_size(sizeof(tb_running))));
typedef uint16_t tb_running_u16 __attribute__((vector_size(sizeof(tb_running))));
typedef uint32_t tb_running_u32 __attribute__((vector_size(sizeof(tb_running))));

static inline tb_running tb_running_add(tb_running a, tb_running b, size_t size)
{
    return size == 1   ? (tb_running)((tb_running_u8)a + (tb_running_u8)b)
           : size == 2 ? (tb_running)((tb_running_u16)a + (tb_running_u16)b)
                       : (tb_running)((tb_running_u32)a + (tb_running_u32)b);
}

/* Of the lanes' own sums, the sum of those before each, and of all in every lane. */
static inline tb_running tb_running_lanes(tb_running last, tb_running *all, size_t size)
{
#    ifdef __AVX512BW__
    tb_running sum = tb_running_add(last, _mm512_maskz_shuffle_i64x2(0xfc, last, last, 0x90), size);

    sum  = tb_running_add(sum, _mm512_maskz_shuffle_i64x2(0xf0, sum, sum, 0x40), size);
    *all = _mm512_shuffle_i64x2(sum, sum, 0xff);
    return _mm512_maskz_shuffle_i64x2(0xfc, sum, sum, 0x90);
#    else
    tb_running before = _mm256_permute2x128_si256(last, last, 0x08);
    tb_running sum    = tb_running_add(last, before, size);

    *all = _mm256_permute2x128_si256(sum, sum, 0x11);
    return before;
#    endif
}

/* Of samples of `size` bytes in pixels of `pixel` bytes, a divisor of TB_RUNNING_LANE: both are
 * known where it is inlined. */
static inline size_t tb_running_of(uint8_t *row, size_t size, size_t pixel, size_t bytes)
{
    tb_running back[TB_RUNNING_STEPS], last, before = {0}, here, all;
    int8_t     place[TB_RUNNING_LANE]; /* in a lane, of the byte that comes here; < 0: a zero */
    size_t     at = 0;

    for (int step = 0; step < TB_RUNNING_STEPS; step++) {
        for (int i = 0, by = (int)pixel << step; i < TB_RUNNING_LANE; i++)
            place[i] = (int8_t)(i < by ? -1 : i - by);
        back[step] = tb_running_everywhere(_mm_loadu_si128((const void *)place));
    }
    for (int i = 0; i < TB_RUNNING_LANE; i++)
        place[i] = (int8_t)(TB_RUNNING_LANE - (int)pixel + i % (int)pixel);
    last = tb_running_everywhere(_mm_loadu_si128((const void *)place));
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
