/** Candidates for a shift of whole pixels, by phase correlation. */
#ifndef TUBAN_ALIGN_COARSE_H
#define TUBAN_ALIGN_COARSE_H

#include "align/feature.h"

enum { TB_COARSE_CANDIDATES = 6, TB_COARSE_CELLS = 16 };

typedef struct tb_coarse {
    int     count;
    int64_t dx[TB_COARSE_CANDIDATES], dy[TB_COARSE_CANDIDATES]; /**< best first */
} tb_coarse;

/**
 * The highest integer peaks of the mean phase correlation of the first TB_COARSE_CELLS features
 * (Kuglin & Hines 1975):  c = IFFT( sum_cells conj(F_before) F_after / |F_before F_after| ).
 *
 * A peak may lie as far as a quarter of the largest cell, at most 128 pixels, on each axis. Peaks
 * are compared in steps of a millionth of the highest, and equal ones in the order of their length,
 * so that the last bits of the FFT, which differ between processors, decide nothing.
 * @param room  tb_coarse_bytes of the greatest width and the greatest height, 64-byte aligned.
 * @return TB_OK or TB_E_MEMORY.
 * Threads: one caller in the process at a time (FFTW's planner).
 */
tb_status tb_coarse_find(tb_coarse *out, const tb_feature *features, int count, void *room,
                         tb_error *err);

/** Bytes it works in. */
size_t tb_coarse_bytes(int64_t width, int64_t height);

#endif
