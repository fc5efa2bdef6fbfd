/**
 * Adler-32 of bytes (RFC 1950, section 8.2): what a DEFLATE stream in zlib's wrapper ends with.
 *
 *   a = 1 + sum_i byte[i],  b = sum_i (a after byte i),  both modulo 65521;  b * 65536 + a
 *
 * so   b = n + sum_i (n - i) * byte[i].
 * Exactness: integers; all variants equal _c.
 */
#ifndef TUBAN_KERNELS_ADLER_H
#define TUBAN_KERNELS_ADLER_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/isa.h"

typedef uint32_t tb_adler_fn(const uint8_t *bytes, size_t n);

tb_adler_fn TB_KERNEL(tb_adler);

#endif
